package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// What a page is told: as in Supervisor, the body goes before the query, the first value counts, and what cannot be read is not there.
func TestParameters(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct{ query, body, kind, want string }{
		{"", "", "", ""},
		{"?message=", "", "", ""},
		{"?message=hello", "", "", "hello"},
		{"?message=one&message=two", "", "", "one"},
		{"?message=&message=two", "", "", "two"},
		{"?message=a%3Cb%3E%26%22%27", "", "", `a<b>&"'`},
		{"?message=%3Cscript%3Ealert(1)%3C/script%3E", "", "", "<script>alert(1)</script>"},
		{"?message=%zz&x=1", "", "", ""},
		{"?a;b&message=left", "", "", "left"},
		{"?message=query", "message=body", "", "body"},
		{"?message=query", "message=", "", "query"},
		{"?message=query", "other=1", "", "query"},
		{"", `{"message": "json"}`, "application/json", ""},
		{"?message=query", `{"message": "json"}`, "application/json", "query"},
	} {
		method := http.MethodGet
		if tt.body != "" {
			method = http.MethodPost
		}
		if tt.kind == "" {
			tt.kind = "application/x-www-form-urlencoded"
		}
		got := s.do(method, "/index.html"+tt.query, tt.body, "Content-Type", tt.kind)
		box := got.nodes(t, "div")
		class, want := "status_msg", tt.want
		if want == "" {
			class, want = "hidden", "#"
		}
		if got.StatusCode != http.StatusOK || len(box) != 1 || attr(box[0], "class") != class || text(box[0]) != want {
			t.Errorf("%s with %q: %s, %s", tt.query, tt.body, got.Status, got.Text)
		}
		if len(got.nodes(t, "script")) != 0 {
			t.Errorf("%s: script in %s", tt.query, got.Text)
		}
	}
}

func TestBodyRefused(t *testing.T) {
	s := newSite(t, process.Info{Group: "p", Name: "p"})
	act := "action=stopall&x="
	for _, tt := range []struct {
		name, head, body string
		status           int
	}{
		{"without length", "", "", 411},
		{"too large", "Content-Length: 70000\r\n", act + strings.Repeat("y", 70000-len(act)), 413},
		{"too large, in chunks", "Transfer-Encoding: chunked\r\n", "11170\r\n" + strings.Repeat("y", 70000) + "\r\n0\r\n\r\n", 413},
		{"unreadable", "Content-Length: 24\r\n", act + "%zz1234", 400},
		{"in chunks", "Transfer-Encoding: chunked\r\n", "5\r\nx=abc\r\n0\r\n\r\n", 200},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"+tt.head+"\r\n"+tt.body)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != tt.status {
			t.Errorf("%s: %v, %v; want %d", tt.name, resp, err, tt.status)
		}
		conn.Close()
	}
	if calls := s.taken(); calls != nil {
		t.Errorf("done nevertheless: %v", calls)
	}
}

// pipeListener hands out one connection.
type pipeListener struct{ conns chan net.Conn }

func (l *pipeListener) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l *pipeListener) Close() error   { return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// converse serves h on a connection in memory, inside a bubble.
func converse(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	l := &pipeListener{make(chan net.Conn, 1)}
	l.conns <- server
	s := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		client.Close()
		close(l.conns)
		s.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return client
}

// A client that sends half a body is told so after a while; an action may take longer than that.
func TestSlowBody(t *testing.T) {
	s := newSite(t, process.Info{Group: "p", Name: "p"})
	synctest.Test(t, func(t *testing.T) {
		conn := converse(t, s.handler)
		begin := time.Now()
		go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\naction=stopall&")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusRequestTimeout || time.Since(begin) != bodyTimeout {
			t.Errorf("got %v, %v after %v", resp, err, time.Since(begin))
		}
	})
	if calls := s.taken(); calls != nil {
		t.Errorf("done nevertheless: %v", calls)
	}
}

// slowTable is a table whose calls take long.
type slowTable struct{}

func (slowTable) Call(ctx context.Context, _ string, _ []any) (any, error) {
	select {
	case <-time.After(time.Hour):
		return true, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestSlowAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := converse(t, New(Config{Table: slowTable{}}))
		begin := time.Now()
		go io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\naction=stopall")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusMovedPermanently || time.Since(begin) != time.Hour {
			t.Errorf("got %v, %v after %v", resp, err, time.Since(begin))
		}
	})
}

// A client that does not read its page is left.
func TestSlowReader(t *testing.T) {
	s := newSite(t)
	s.text = strings.Repeat("x", 100_000)
	synctest.Test(t, func(t *testing.T) {
		conn := converse(t, s.handler)
		begin := time.Now()
		if _, err := io.WriteString(conn, "GET /tail.html?processname=p HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(replyTimeout)
		synctest.Wait()
		rest, err := io.ReadAll(conn)
		if err != nil || len(rest) != 0 || time.Since(begin) != replyTimeout {
			t.Errorf("got %d bytes, %v after %v", len(rest), err, time.Since(begin))
		}
	})
}

// A restart that has stopped something starts it again, whether or not its client is still there.
func TestClientGoes(t *testing.T) {
	s := newSite(t, process.Info{Group: "p", Name: "p"})
	gone, leave := context.WithCancel(t.Context())
	leave()
	for query, want := range map[string]string{
		"action=restart&processname=p": "stopProcess p,startProcess p",
		"action=restartall":            "stopAllProcesses,startAllProcesses",
		"action=stopall":               "stopAllProcesses",
	} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(gone, http.MethodGet, "/?"+query, nil))
		message := answer{doortest.Answer{Response: w.Result()}}.message(t)
		if got := strings.Join(s.taken(), ","); got != want || strings.Contains(message, "fault") != (query == "action=stopall") {
			t.Errorf("%s: %s, %s", query, got, message)
		}
	}
}

// What a method breaks stays in its message.
func TestBrokenMethod(t *testing.T) {
	table, err := rpc.NewTable(rpc.Method{Name: "supervisor.stopAllProcesses",
		Fn: func(context.Context, rpc.Args) (any, error) { panic("on purpose") }})
	if err != nil {
		t.Fatal(err)
	}
	table.Log = slog.New(slog.DiscardHandler)
	w := httptest.NewRecorder()
	New(Config{Table: table}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?action=stopall", nil))
	if got := (answer{doortest.Answer{Response: w.Result()}}).message(t); got != "unexpected rpc fault [30] FAILED: internal error" {
		t.Error(got)
	}
}
