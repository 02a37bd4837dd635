package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func mustClient(t *testing.T, config ClientConfig) *Client {
	t.Helper()
	c, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// guarded asks for a name and a password, as the listeners of a daemon do.
func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "joe" || password != "pa:ss w@/" || r.URL.Path != Path {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// serve serves h on a TCP port and on a unix socket.
func serve(t *testing.T, h http.Handler) (address, socket string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	socket = filepath.Join(t.TempDir(), "a b.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	unix := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	unix.Start()
	t.Cleanup(unix.Close)
	return server.Listener.Addr().String(), socket
}

func TestClientURLs(t *testing.T) {
	address, socket := serve(t, guarded(&Handler{Table: testTable(t)}))
	for _, config := range []ClientConfig{
		{URL: "http://" + address, User: "joe", Password: "pa:ss w@/"},
		{URL: "http://" + address + "/", User: "joe", Password: "pa:ss w@/"},
		{URL: "http://" + address + "/RPC2", User: "joe", Password: "pa:ss w@/"},
		{URL: "http://joe:pa%3Ass%20w%40%2F@" + address},
		{URL: "http://joe:pa%3Ass%20w%40%2F@" + address, User: "not", Password: "used"},
		{URL: "unix://" + socket, User: "joe", Password: "pa:ss w@/"},
		{URL: "unix://joe:pa%3Ass%20w%40%2F@" + socket},
	} {
		var pid int
		if err := mustClient(t, config).Call(t.Context(), "test.getPID", &pid); err != nil || pid != 4711 {
			t.Errorf("%s: got %d, %v", config.URL, pid, err)
		}
		config.Password, config.URL = "wrong", strings.Replace(config.URL, "joe:", "jim:", 1)
		err := mustClient(t, config).Call(t.Context(), "test.getPID", nil)
		var status *StatusError
		if !errors.As(err, &status) || status.Code != 401 || err.Error() != "call test.getPID: http status 401 Unauthorized" {
			t.Errorf("%s: got %v, want 401", config.URL, err)
		}
	}
}

func TestNewClientRefuses(t *testing.T) {
	for _, url := range []string{"", "localhost:9001", "ftp://x", "http://", "http:///RPC2", "http://[::1", "unix://", "unix:///", "unix://joe:%zz@/x", "unix:/x"} {
		if c, err := NewClient(ClientConfig{URL: url}); err == nil {
			t.Errorf("%q is taken as %s", url, c.url)
		}
	}
	if _, err := NewClient(ClientConfig{URL: "ftp://joe:secret@x"}); strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in the error: %v", err)
	}
}

func TestClientValues(t *testing.T) {
	address, socket := serve(t, &Handler{Table: testTable(t)})
	for _, url := range []string{"http://" + address, "unix://" + socket} {
		c := mustClient(t, ClientConfig{URL: url})
		value := Map{{"b<", []any{1, "x", true}}, {"a", 1 << 40}, {"empty", ""}}
		var got any
		if err := c.Call(t.Context(), "test.echo", &got, value); err != nil || !reflect.DeepEqual(got, []any{value}) {
			t.Errorf("any: %#v, %v", got, err)
		}
		var infos []processInfo
		if err := c.Call(t.Context(), "test.infos", &infos, 100); err != nil || !reflect.DeepEqual(infos, processInfos(100)) {
			t.Errorf("%d infos, %v", len(infos), err)
		}
		var fault *Fault
		if err := c.Call(t.Context(), "test.fault", nil); !errors.As(err, &fault) || *fault != (Fault{10, "BAD_NAME: é<"}) {
			t.Errorf("fault: %v", err)
		}
		var text string
		if err := c.Call(t.Context(), "test.getPID", &text); err == nil || errors.As(err, &fault) && fault.Code != 10 {
			t.Errorf("an int as text: %q, %v", text, err)
		}
		if err := c.Call(t.Context(), "test.echo", nil, nil); !errors.Is(err, errNil) {
			t.Errorf("nil: %v", err)
		}
	}
}

func TestClientWithoutServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := mustClient(t, ClientConfig{URL: "http://" + listener.Addr().String()}).Call(t.Context(), "a.b", nil); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("port: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "no.sock")
	if err := mustClient(t, ClientConfig{URL: "unix://" + missing}).Call(t.Context(), "a.b", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket: %v", err)
	}
}

func TestClientReplies(t *testing.T) {
	var body atomic.Value
	address, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch text := body.Load().(string); text {
		case "redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "broken":
			http.Error(w, "x", http.StatusInternalServerError)
		case "cut":
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte("<methodResponse>"))
		default:
			w.Write([]byte(text))
		}
	}))
	c := mustClient(t, ClientConfig{URL: "http://" + address, MaxReply: 200})
	call := func(reply string) error {
		body.Store(reply)
		return c.Call(t.Context(), "a.b", new(any))
	}
	small := "<methodResponse><params><param><value>x</value></param></params></methodResponse>"
	if err := call(small + strings.Repeat(" ", 200-len(small))); err != nil {
		t.Errorf("200 bytes: %v", err)
	}
	if err := call(small + strings.Repeat(" ", 201-len(small))); !errors.Is(err, ErrReplyTooLarge) {
		t.Errorf("201 bytes: %v", err)
	}
	var status *StatusError
	if err := call("redirect"); !errors.As(err, &status) || status.Code != 302 {
		t.Errorf("redirect: %v", err)
	}
	if err := call("broken"); !errors.As(err, &status) || status.Code != 500 {
		t.Errorf("broken: %v", err)
	}
	if err := call("cut"); err == nil {
		t.Error("half a reply is taken")
	}
	var syntax *SyntaxError
	if err := call("<html/>"); !errors.As(err, &syntax) {
		t.Errorf("html: %v", err)
	}
}

func TestClientContext(t *testing.T) {
	address, _ := serve(t, &Handler{Table: testTable(t)})
	c := mustClient(t, ClientConfig{URL: "http://" + address})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Call(ctx, "test.wait", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := c.Call(t.Context(), "test.getPID", nil); err != nil {
		t.Errorf("the client is of no use any more: %v", err)
	}
}

// Calls one after the other share a connection; calls at the same time do not wait for each other.
func TestClientConnections(t *testing.T) {
	var opened atomic.Int32
	const together = 4
	var met sync.WaitGroup
	met.Add(together)
	table := mustTable(t, echo("test.quick"), Method{Name: "test.meet", Fn: func(context.Context, Args) (any, error) {
		met.Done()
		met.Wait()
		return true, nil
	}})
	server := httptest.NewUnstartedServer(&Handler{Table: table})
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := mustClient(t, ClientConfig{URL: server.URL})
	for range 20 {
		if err := c.Call(t.Context(), "test.quick", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for calls in turn", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var calls sync.WaitGroup
	for range together {
		calls.Go(func() {
			if err := c.Call(ctx, "test.meet", nil); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
}

func TestClientPrepare(t *testing.T) {
	h := &Handler{Table: testTable(t)}
	address, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Length") != r.Header.Get("Content-Length") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	}))
	config := ClientConfig{URL: "http://" + address}
	var status *StatusError
	if err := mustClient(t, config).Call(t.Context(), "test.getPID", nil); !errors.As(err, &status) || status.Code != 403 {
		t.Errorf("unprepared: %v", err)
	}
	config.Prepare = func(r *http.Request, body []byte) error {
		r.Header.Set("X-Length", strconv.Itoa(len(body)))
		return nil
	}
	if err := mustClient(t, config).Call(t.Context(), "test.getPID", nil); err != nil {
		t.Errorf("prepared: %v", err)
	}
	refusal := errors.New("no key")
	config.Prepare = func(*http.Request, []byte) error { return refusal }
	if err := mustClient(t, config).Call(t.Context(), "test.getPID", nil); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
}

func TestClientTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(&Handler{Table: testTable(t)})
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	var pid int
	trusting := mustClient(t, ClientConfig{URL: server.URL, TLS: &tls.Config{RootCAs: roots}})
	if err := trusting.Call(t.Context(), "test.getPID", &pid); err != nil || pid != 4711 {
		t.Errorf("got %d, %v", pid, err)
	}
	var unknown x509.UnknownAuthorityError
	if err := mustClient(t, ClientConfig{URL: server.URL}).Call(t.Context(), "test.getPID", nil); !errors.As(err, &unknown) {
		t.Errorf("an unknown certificate: %v", err)
	}
}
