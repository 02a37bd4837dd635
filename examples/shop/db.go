package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// totals is what the database keeps: how many orders came in, were handed out and were done.
type totals struct {
	Loaded int            `json:"loaded"`
	Taken  int            `json:"taken"`
	Done   int            `json:"done"`
	By     map[string]int `json:"by"` // orders done, by worker
}

// store serves the totals over HTTP and writes each change to a file, so that the database finds its orders again wherever it
// is started next.
type store struct {
	file string
	mu   sync.Mutex
	t    totals
}

func runDB(ctx context.Context, args []string) error {
	var addr string
	s := &store{}
	flags("db", args, func(f *flag.FlagSet) {
		f.StringVar(&addr, "addr", "127.0.0.1:61010", "address to listen on")
		f.StringVar(&s.file, "file", "shop.json", "file to keep the orders in")
	})
	if data, err := os.ReadFile(s.file); err == nil {
		if err := json.Unmarshal(data, &s.t); err != nil {
			return fmt.Errorf("read %s: %w", s.file, err)
		}
		s.t.Taken = s.t.Done // who took the others is gone
	}
	if s.t.By == nil {
		s.t.By = map[string]int{}
	}
	fmt.Printf("%d orders, %d done\n", s.t.Loaded, s.t.Done)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /load", s.load)
	mux.HandleFunc("POST /take", s.take)
	mux.HandleFunc("POST /done", s.done)
	mux.HandleFunc("GET /", s.show)
	return serve(ctx, addr, mux)
}

func (s *store) load(w http.ResponseWriter, _ *http.Request) { s.change(w, func() { s.t.Loaded++ }) }

func (s *store) take(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.t.Taken >= s.t.Loaded {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.t.Taken++
	fmt.Fprintln(w, s.t.Taken)
}

func (s *store) done(w http.ResponseWriter, r *http.Request) {
	s.change(w, func() {
		s.t.Done++
		s.t.By[r.FormValue("worker")]++
	})
}

// change makes a change last before it is confirmed.
func (s *store) change(w http.ResponseWriter, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	data, err := json.Marshal(s.t)
	if err == nil {
		err = os.WriteFile(s.file+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(s.file+".new", s.file)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (s *store) show(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	json.NewEncoder(w).Encode(s.t)
}

// serve runs a web server until ctx ends.
func serve(ctx context.Context, addr string, h http.Handler) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	fmt.Println("listening on", addr)
	if err := server.Serve(ln); err != http.ErrServerClosed {
		return err
	}
	return nil
}
