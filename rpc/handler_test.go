package rpc

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// testTable has one method for each thing that may happen to a call.
func testTable(t *testing.T) *Table {
	return mustTable(t,
		echo("test.echo", Param{Name: "value", Kind: Any}),
		Method{Name: "test.getPID", Result: Result{Kind: Int}, Fn: func(context.Context, Args) (any, error) { return 4711, nil }},
		Method{Name: "test.fault", Fn: func(context.Context, Args) (any, error) { return nil, NewFault(BadName, "é<") }},
		Method{Name: "test.error", Fn: func(context.Context, Args) (any, error) { return nil, errors.New("disk is full") }},
		Method{Name: "test.panic", Fn: func(context.Context, Args) (any, error) { panic("oh") }},
		Method{Name: "test.nil", Fn: func(context.Context, Args) (any, error) { return nil, nil }},
		Method{Name: "test.infos", Params: []Param{{Name: "n", Kind: Int}}, Fn: func(_ context.Context, args Args) (any, error) {
			return processInfos(args.Int(0)), nil
		}},
		Method{Name: "test.wait", Fn: func(ctx context.Context, _ Args) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
	)
}

func mustCall(t *testing.T, method string, args ...any) []byte {
	t.Helper()
	body, err := EncodeCall(method, args...)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func post(h http.Handler, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, Path, bytes.NewReader(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandlerAnswers(t *testing.T) {
	type seen struct {
		method string
		fault  int
	}
	var got seen
	h := &Handler{Table: testTable(t), Observe: func(method string, d time.Duration, fault int) {
		if d < 0 {
			t.Errorf("%s took %v", method, d)
		}
		got = seen{method, fault}
	}}
	for _, c := range []struct {
		method string
		args   []any
		want   any
		seen   seen
	}{
		{"test.getPID", nil, 4711, seen{"test.getPID", 0}},
		{"test.echo", []any{Map{{"a", "x"}}}, []any{Map{{"a", "x"}}}, seen{"test.echo", 0}},
		{"test.echo", nil, *NewFault(IncorrectParameters), seen{"test.echo", 2}},
		{"test.fault", nil, Fault{10, "BAD_NAME: é<"}, seen{"test.fault", 10}},
		{"test.error", nil, Fault{30, "FAILED: disk is full"}, seen{"test.error", 30}},
		{"test.panic", nil, Fault{30, "FAILED: internal error"}, seen{"test.panic", 30}},
		{"test.nil", nil, Fault{30, "FAILED: encode nil: it has no xml-rpc form"}, seen{"test.nil", 30}},
		{"test.invented", nil, *NewFault(UnknownMethod), seen{"", 1}},
	} {
		w := post(h, mustCall(t, c.method, c.args...))
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/xml" || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%s: status %d, headers %v", c.method, w.Code, w.Header())
		}
		value, err := DecodeReply(w.Body.Bytes())
		var fault *Fault
		if errors.As(err, &fault) {
			value = *fault
		} else if err != nil {
			t.Errorf("%s: %v", c.method, err)
		}
		if !reflect.DeepEqual(value, c.want) || got != c.seen {
			t.Errorf("%s: got %#v, seen %v; want %#v, seen %v", c.method, value, got, c.want, c.seen)
		}
	}
}

func TestHandlerRefuses(t *testing.T) {
	var log bytes.Buffer
	table := testTable(t)
	table.Log = slog.New(slog.NewTextHandler(&log, nil))
	h := &Handler{Table: table, MaxBody: 200, Observe: func(method string, _ time.Duration, _ int) {
		t.Errorf("%q was called", method)
	}}
	for body, want := range map[string]int{
		"this is not xml": 400,
		"":                400,
		"<methodCall><methodName></methodName></methodCall>": 400,
		strings.Repeat("x", 201):                             413,
	} {
		if w := post(h, []byte(body)); w.Code != want {
			t.Errorf("%.20s: status %d, want %d", body, w.Code, want)
		}
	}
	if n := strings.Count(log.String(), "invalid xml-rpc request"); n != 3 {
		t.Errorf("%d lines in the log, want 3: %s", n, &log)
	}
	for _, method := range []string{"GET", "PUT", "HEAD", "OPTIONS", "DELETE"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, Path, nil))
		if w.Code != 400 {
			t.Errorf("%s: status %d", method, w.Code)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", Path, nil))
	if w.Code != 411 {
		t.Errorf("no length: status %d", w.Code)
	}
}

// rawConn connects to a server of h.
func rawConn(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func TestHandlerOverHTTP10(t *testing.T) {
	conn := rawConn(t, &Handler{Table: testTable(t)})
	body := mustCall(t, "test.getPID")
	fmt.Fprintf(conn, "POST /RPC2 HTTP/1.0\r\nContent-Length: %d\r\n\r\n", len(body))
	for _, b := range body { // in the smallest pieces
		conn.Write([]byte{b})
	}
	answer, err := io.ReadAll(conn) // the server closes
	if err != nil || !bytes.Contains(answer, []byte("<int>4711</int>")) || !bytes.Contains(answer, []byte("Content-Length: ")) {
		t.Errorf("got %s, %v", answer, err)
	}
}

func TestHandlerKeepsTheConnection(t *testing.T) {
	conn := rawConn(t, &Handler{Table: testTable(t)})
	body := mustCall(t, "test.getPID")
	reader := bufio.NewReader(conn)
	for _, header := range []string{"", "Content-Type: text/plain\r\n", "Content-Type: application/json\r\n"} {
		fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", header, len(body), body)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || !bytes.Contains(answer, []byte("<int>4711</int>")) {
			t.Errorf("got %s %s, %v", response.Status, answer, err)
		}
	}
}

func TestHandlerTakesChunks(t *testing.T) {
	conn := rawConn(t, &Handler{Table: testTable(t), MaxBody: 1000})
	body := mustCall(t, "test.getPID")
	reader := bufio.NewReader(conn)
	for _, c := range []struct {
		padding string
		status  int
	}{{"", 200}, {strings.Repeat(" ", 1000), 413}} {
		fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s%s\r\n0\r\n\r\n",
			len(body)+len(c.padding), body, c.padding)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != c.status {
			t.Errorf("got %s, %v; want %d", response.Status, err, c.status)
		}
	}
}

// Who is slow with a body loses the connection, be the body wanted or not.
func TestSlowBody(t *testing.T) {
	for method, status := range map[string]string{"POST": "408", "GET": "400"} {
		conn := rawConn(t, &Handler{Table: testTable(t), BodyTimeout: 50 * time.Millisecond})
		fmt.Fprintf(conn, "%s /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<methodCall>", method)
		answer, err := io.ReadAll(conn) // until the server hangs up
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 "+status+" ")) {
			t.Errorf("%s: got %s, %v", method, answer, err)
		}
	}
}

func TestHalfABody(t *testing.T) {
	conn := rawConn(t, &Handler{Table: testTable(t)})
	fmt.Fprint(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<methodCall>")
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
		t.Errorf("got %s, %v", answer, err)
	}
}

// The deadline for the body does not limit the call, and a caller that leaves ends it.
func TestCallerLeaves(t *testing.T) {
	over := make(chan int, 1)
	h := &Handler{Table: testTable(t), BodyTimeout: 10 * time.Millisecond, Observe: func(_ string, d time.Duration, fault int) {
		if d < 40*time.Millisecond {
			t.Errorf("the call ended after %v, before its caller left", d)
		}
		over <- fault
	}}
	conn := rawConn(t, h)
	body := mustCall(t, "test.wait")
	fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	select {
	case <-over:
		t.Fatal("the call is over while its caller waits")
	case <-time.After(50 * time.Millisecond):
	}
	conn.Close()
	select {
	case fault := <-over:
		if fault != Failed {
			t.Errorf("fault %d", fault)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the call goes on without its caller")
	}
}
