// Package doortest has what the tests of the APIs and pages over HTTP share: servers, requests as clients send them, and what is noted of
// them behind the door.
package doortest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Serve serves on TCP until the test ends, and returns the URL.
func Serve(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// ServeUnix serves on a Unix socket until the test ends, and returns a client to which every URL is one of that.
func ServeUnix(t *testing.T, h http.Handler) *http.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	server.Listener = ln
	server.Start()
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// Answer is what came back, read to its end.
type Answer struct {
	*http.Response
	Text string
}

// Kind is the media type of the answer, in a word.
func (a Answer) Kind() string {
	switch kind := a.Header.Get("Content-Type"); kind {
	case "application/json":
		return "json"
	case "text/plain; charset=utf-8":
		return "text"
	default:
		return kind
	}
}

// Do sends a request as curl does: a body without a type is called a form, no redirection is followed, and a target that cannot be read
// goes out as it is. Headers are names and values in turn.
func Do(t *testing.T, verb, site, target, body string, headers ...string) Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, site, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	r.URL.RawQuery = query
	if r.URL.Path, err = url.PathUnescape(path); err != nil {
		r.URL.Opaque = path
	} else {
		r.URL.RawPath = path
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{resp, string(data)}
}

// Dial sends a text as it is.
func Dial(t *testing.T, site, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(site, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Example is a request with what it must do.
type Example struct {
	Request string // verb and target
	Body    string
	Status  int
	Kind    string // of the answer: text, json or nothing
	Text    string // of one that ends in … only the beginning counts
	Calls   string // that are noted, joined by "; "
}

// Check compares an example with what came of it.
func (e Example) Check(t *testing.T, got Answer, taken []string) {
	t.Helper()
	calls := strings.Join(taken, "; ")
	start, open := strings.CutSuffix(e.Text, "…")
	if got.StatusCode != e.Status || got.Kind() != e.Kind || calls != e.Calls || got.Text != e.Text && !(open && strings.HasPrefix(got.Text, start)) {
		t.Errorf("%s %.60s\n   got %d %s %q [%s]\nwanted %d %s %q [%s]", e.Request, e.Body, got.StatusCode, got.Kind(), got.Text, calls,
			e.Status, e.Kind, e.Text, e.Calls)
	}
}
