package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

func TestMain(m *testing.M) {
	if os.Getenv("SUPERVISORCTL_UNDER_TEST") != "" { // the test binary stands for the command
		main()
	}
	time.Local = time.UTC
	os.Exit(m.Run())
}

// fake is a server that answers what a table says. A key is a method, a method and its arguments as JSON, or "*" for the
// other methods; "GET path" is a stream.
// A value {"fault": [code, text]} is a fault, {"http": status} another status than 200, {"raw": text} no XML-RPC at all, and
// {"hang": true} never comes. A stream that ends with "..." stays open after it.
type fake struct {
	url     string
	port    int
	replies map[string]any
	login   string // "user:password" that is asked for, if any

	mu    sync.Mutex
	calls []string
}

func newFake(t *testing.T, replies map[string]any) *fake {
	f := &fake{replies: replies}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	f.port, _ = strconv.Atoi(u.Port())
	return f
}

// loadReplies reads a table of replies from testdata.
func loadReplies(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var replies map[string]any
	if err := decoder.Decode(&replies); err != nil {
		t.Fatal(err)
	}
	return plain(replies).(map[string]any)
}

// plain makes ints and floats of the numbers of JSON, as XML-RPC tells them apart.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if f.login != "" && user+":"+password != f.login {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet {
		f.record("GET " + r.URL.Path)
		text, ok := f.replies["GET "+r.URL.Path].(string)
		if !ok {
			http.NotFound(w, r)
			return
		}
		begin, open := strings.CutSuffix(text, "...")
		io.WriteString(w, begin)
		if open {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
		return
	}
	body, _ := io.ReadAll(r.Body)
	method, args, err := rpc.DecodeCall(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.answer(w, r, method, jsonList(args))
}

func (f *fake) answer(w http.ResponseWriter, r *http.Request, method, args string) {
	f.record(method + " " + args)
	reply, ok := f.replies[method+" "+args]
	if !ok {
		reply, ok = f.replies[method]
	}
	if !ok {
		reply, ok = f.replies["*"]
	}
	if !ok {
		reply = map[string]any{"fault": []any{rpc.UnknownMethod, "UNKNOWN_METHOD"}}
	}
	special, _ := reply.(map[string]any)
	if status, ok := special["http"].(int); ok {
		w.WriteHeader(status)
		return
	}
	if special["hang"] == true {
		<-r.Context().Done()
		return
	}
	if raw, ok := special["raw"].(string); ok {
		io.WriteString(w, raw)
		return
	}
	if fault, ok := special["fault"].([]any); ok {
		w.Write(rpc.EncodeFault(&rpc.Fault{Code: fault[0].(int), Text: fault[1].(string)}))
		return
	}
	document, err := rpc.EncodeReply(f.withPort(reply))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(document)
}

// withPort gives the nodes with port 0 in a list of nodes the port of the server, so that they can be called.
func (f *fake) withPort(reply any) any {
	list, _ := reply.([]any)
	for _, item := range list {
		if node, ok := item.(map[string]any); ok && node["port"] == 0 {
			node["port"] = f.port
		}
	}
	return reply
}

func (f *fake) record(call string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

// takeCalls returns the calls since the last time.
func (f *fake) takeCalls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// jsonList writes arguments as a JSON array in ASCII, with a blank after each comma.
func jsonList(args []any) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			texts[i] = strconv.QuoteToASCII(arg)
		case float64:
			texts[i] = pyFloat(arg)
		default:
			texts[i] = fmt.Sprint(arg)
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// result is what a run of the command left.
type result struct {
	out, errOut string
	exit        int
}

// outcome collects output that several goroutines write.
type outcome struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *outcome) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *outcome) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// runWith runs the command with arguments and a piped input, away from the configuration files of the host.
func runWith(t *testing.T, input string, args ...string) result {
	t.Helper()
	return runOn(t, strings.NewReader(input), args...)
}

func runOn(t *testing.T, input io.Reader, args ...string) result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ctl.conf")
	if err := os.WriteFile(path, []byte("[supervisorctl]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errOut outcome
	in := &console{in: input, out: &out, errOut: &errOut}
	exit := run(context.Background(), append([]string{"supervisorctl", "-c", path}, args...), in, &out, &errOut)
	return result{out.String(), errOut.String(), exit}
}
