package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// database is the client side of the database.
type database struct{ addr string }

func (d database) post(ctx context.Context, path string, form url.Values) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.addr+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(data)), err
}

func (d database) totals(ctx context.Context) (t totals, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.addr+"/", nil)
	if err != nil {
		return t, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return t, err
	}
	defer resp.Body.Close()
	return t, json.NewDecoder(resp.Body).Decode(&t)
}

// runLoad puts orders into the database and exits: the one-shot of the start sequence.
func runLoad(ctx context.Context, args []string) error {
	var db database
	var orders int
	flags("load", args, func(f *flag.FlagSet) {
		f.StringVar(&db.addr, "db", "127.0.0.1:61010", "address of the database")
		f.IntVar(&orders, "orders", 200, "number of orders to load")
	})
	for range orders {
		if status, body, err := db.post(ctx, "/load", nil); err != nil || status != http.StatusOK {
			return fmt.Errorf("load: status %d %s %w", status, body, err)
		}
	}
	fmt.Println(orders, "orders loaded")
	return nil
}

// runWork processes one order after the other; a database that is away is waited for.
func runWork(ctx context.Context, args []string) error {
	var db database
	var name string
	flags("work", args, func(f *flag.FlagSet) {
		f.StringVar(&db.addr, "db", "127.0.0.1:61010", "address of the database")
		f.StringVar(&name, "name", "worker", "name to work under")
	})
	for {
		status, order, err := db.post(ctx, "/take", nil)
		if err == nil && status == http.StatusOK {
			pause(ctx, 200*time.Millisecond) // the work
			_, _, err = db.post(ctx, "/done", url.Values{"worker": {name}})
			fmt.Println("order", order, "done", err == nil)
		} else {
			pause(ctx, time.Second)
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>shop</title><h1>Shop</h1>
{{if .Error}}<p>The database is away: {{.Error}}</p>{{else}}<p>{{.T.Done}} of {{.T.Loaded}} orders are done.</p>
<ul>{{range $worker, $n := .T.By}}<li>{{$worker}}: {{$n}}</li>{{end}}</ul>{{end}}
`))

// runWeb serves the page that shows the totals.
func runWeb(ctx context.Context, args []string) error {
	var db database
	var addr string
	flags("web", args, func(f *flag.FlagSet) {
		f.StringVar(&addr, "addr", "127.0.0.1:61011", "address to listen on")
		f.StringVar(&db.addr, "db", "127.0.0.1:61010", "address of the database")
	})
	return serve(ctx, addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := db.totals(r.Context())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
		}
		page.Execute(w, struct {
			T     totals
			Error error
		}{t, err})
	}))
}
