package web

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// site is the pages over a method table whose rows do nothing but note that they were called.
type site struct {
	t       *testing.T
	url     string
	handler http.Handler
	log     bytes.Buffer

	mu     sync.Mutex
	calls  []string         // "method name" in their order
	faults map[string]error // what a method answers for a name: by "method name"
	text   string           // of each log
}

// newSite serves pages for these processes, which all exist; group:* and every other name do not.
func newSite(t *testing.T, list ...process.Info) *site {
	t.Helper()
	s := &site{t: t, faults: map[string]error{}}
	table, err := rpc.NewTable(s.rows(list)...)
	if err != nil {
		t.Fatal(err)
	}
	table.Log = slog.New(slog.DiscardHandler)
	processes := func() (all []supervisor.Process) {
		for _, i := range list {
			all = append(all, supervisor.Process{Info: i})
		}
		return all
	}
	s.handler = New(Config{Table: table, Processes: processes, Version: "9.8.7", Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	s.url = doortest.Serve(t, s.handler)
	return s
}

func (s *site) rows(list []process.Info) []rpc.Method {
	name := rpc.Param{Name: "name", Kind: rpc.String}
	wait := rpc.Param{Name: "wait", Kind: rpc.Boolean, Optional: true, Default: true}
	row := func(method string, value any, params ...rpc.Param) rpc.Method {
		return rpc.Method{Name: "supervisor." + method, Params: params, Fn: func(ctx context.Context, a rpc.Args) (any, error) {
			call := method
			for _, v := range a {
				if v != true { // who waits, as everybody does, needs no mention
					call += " " + fmt.Sprint(v)
				}
			}
			return value, s.called(ctx, call)
		}}
	}
	info := rpc.Method{Name: "supervisor.getProcessInfo", Params: []rpc.Param{name}, Fn: func(_ context.Context, a rpc.Args) (any, error) {
		known := slices.ContainsFunc(list, func(i process.Info) bool { return process.ParseNamespec(a.String(0)) == namespec(i) })
		if err := s.faults["getProcessInfo "+a.String(0)]; err != nil {
			return nil, err
		}
		if !known {
			return nil, rpc.NewFault(rpc.BadName, a.String(0))
		}
		return rpc.Map{}, nil
	}}
	read := row("readProcessStdoutLog", nil, name, rpc.Param{Name: "offset", Kind: rpc.Int}, rpc.Param{Name: "length", Kind: rpc.Int})
	called := read.Fn
	read.Fn = func(ctx context.Context, a rpc.Args) (any, error) {
		_, err := called(ctx, a)
		return s.text, err
	}
	return []rpc.Method{
		info, read, row("startProcess", true, name, wait), row("stopProcess", true, name, wait), row("clearProcessLogs", true, name),
		row("startAllProcesses", []any{}, wait), row("stopAllProcesses", []any{}, wait),
	}
}

// called notes a call and returns what the test wants it to answer; a call that nobody waits for fails.
func (s *site) called(ctx context.Context, call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	if err := s.faults[call]; err != nil {
		return err
	}
	return ctx.Err()
}

// taken returns the calls since it was asked last.
func (s *site) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func namespec(i process.Info) process.Namespec {
	return process.Namespec{Group: i.Group, Process: i.Name}
}

// answer is what came back.
type answer struct{ doortest.Answer }

// do sends a request; headers are names and values in turn.
func (s *site) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return answer{doortest.Do(s.t, method, s.url, path, body, append([]string{"User-Agent", "curl/8"}, headers...)...)}
}

func (s *site) get(path string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, "")
}

// message is the text that an answer sends the browser to.
func (a answer) message(t *testing.T) string {
	t.Helper()
	location := a.Header.Get("Location")
	query, ok := strings.CutPrefix(location, "./?message=")
	text, err := url.PathUnescape(query)
	if a.StatusCode != http.StatusMovedPermanently || !ok || err != nil {
		t.Fatalf("got %s to %q, %v", a.Status, location, err)
	}
	return text
}

// nodes returns the elements of that kind, in the order of the page.
func (a answer) nodes(t *testing.T, tag string) (found []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag {
			found = append(found, n)
		}
	}
	return found
}

// texts returns what is to be read in the elements of that kind.
func (a answer) texts(t *testing.T, tag string) (all []string) {
	t.Helper()
	for _, n := range a.nodes(t, tag) {
		all = append(all, text(n))
	}
	return all
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// The addresses and codes are those of a Supervisor 4.2.5, but that HEAD works.
func TestRoutes(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		request string
		status  int
	}{
		{"GET /", 200}, {"GET /index.html", 200}, {"GET //index.html", 200}, {"GET /tail.html", 200}, {"GET /ok.html", 200},
		{"HEAD /", 200}, {"HEAD /tail.html", 200}, {"HEAD /ok.html", 200}, {"HEAD /images/icon.png", 200},
		{"POST /", 200}, {"POST /index.html", 200}, {"POST /tail.html", 200}, {"POST /ok.html", 200},
		{"GET /stylesheets/supervisor.css", 200}, {"GET /images/icon.png", 200}, {"GET /images/supervisor.gif", 200},
		{"GET /images/state0.gif", 200}, {"GET /images/state3.gif", 200}, {"GET /images/rule.gif", 200},
		{"GET /index.html/", 404}, {"GET /nonexistent", 404}, {"GET /favicon.ico", 404}, {"GET /images", 404}, {"GET /images/", 404},
		{"GET /stylesheets/", 404}, {"GET /../../etc/passwd", 404}, {"GET /images/../templates/status.html", 404},
		{"GET /images/%2e%2e/stylesheets/supervisor.css", 404}, {"GET /status.html", 404}, {"GET /static/images/icon.png", 404},
		{"GET /INDEX.HTML", 404}, {"HEAD /nonexistent", 404},
		{"PUT /", 400}, {"DELETE /", 400}, {"PATCH /index.html", 400}, {"OPTIONS /", 400}, {"DELETE /nonexistent", 400},
		{"POST /nonexistent", 400}, {"POST /images/icon.png", 400}, {"PUT /stylesheets/supervisor.css", 400},
	} {
		method, path, _ := strings.Cut(tt.request, " ")
		got := s.do(method, path, "")
		if got.StatusCode != tt.status {
			t.Errorf("%s: %s", tt.request, got.Status)
		}
		if method == http.MethodHead && (got.Text != "" || got.Header.Get("Content-Length") == "") {
			t.Errorf("%s: %d bytes, Content-Length %q", tt.request, len(got.Text), got.Header.Get("Content-Length"))
		}
		if got.StatusCode >= 400 && method != http.MethodHead && !strings.Contains(got.Text, "<h1>Error response</h1>") {
			t.Errorf("%s: %q", tt.request, got.Text)
		}
	}
	if got := s.get("/ok.html"); got.Text != "OK" || got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %q as %q", got.Text, got.Header.Get("Content-Type"))
	}
}

// No answer may be framed, sniffed or run a script; a page is never kept, a redirection least of all: it would not act twice.
func TestHeaders(t *testing.T) {
	s := newSite(t, process.Info{Group: "p", Name: "p"})
	for path, page := range map[string]bool{
		"/": true, "/tail.html": true, "/nonexistent": true, "/?action=refresh": true, "/?action=bogus": true, "/ok.html": false,
		"/stylesheets/supervisor.css": false,
	} {
		w := httptest.NewRecorder() // a client would make up a Cache-Control
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		h := w.Header()
		for name, want := range safety {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if !page {
			continue
		}
		for name, want := range map[string]string{
			"Content-Type": "text/html;charset=utf-8", "Pragma": "no-cache", "Cache-Control": "no-cache", "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
	}
	policy := safety["Content-Security-Policy"]
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Error(policy)
	}
}

func TestFiles(t *testing.T) {
	s := newSite(t)
	for path, kind := range map[string]string{
		"/stylesheets/supervisor.css": "text/css; charset=utf-8", "/images/icon.png": "image/png", "/images/supervisor.gif": "image/gif",
	} {
		got := s.get(path)
		if got.Header.Get("Content-Type") != kind || got.Text == "" || got.Header.Get("Last-Modified") == "" {
			t.Errorf("%s: %d bytes, %v", path, len(got.Text), got.Header)
		}
		again := s.do(http.MethodGet, path, "", "If-None-Match", got.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || again.Text != "" {
			t.Errorf("%s again: %s", path, again.Status)
		}
		other := s.do(http.MethodGet, path, "", "If-None-Match", `"another"`)
		if other.StatusCode != http.StatusOK || other.Text != got.Text {
			t.Errorf("%s of another version: %s", path, other.Status)
		}
	}
	// pages have no style of their own and ask for nothing that is not there
	for _, path := range []string{"/", "/tail.html?processname=p"} {
		page := s.get(path)
		for _, n := range append(page.nodes(t, "link"), page.nodes(t, "img")...) {
			if address := attr(n, "href") + attr(n, "src"); s.get("/"+address).StatusCode != http.StatusOK {
				t.Errorf("%s asks for %s", path, address)
			}
		}
		if len(page.nodes(t, "link")) != 2 || len(page.nodes(t, "style")) != 0 || strings.Contains(page.Text, "style=") {
			t.Errorf("%s: style in %s", path, page.Text)
		}
	}
}

// What users add is on the pages and served as one of our files; what cannot be read is left out.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"logo.svg": "<svg/>", "a.css": "a{}", "large.css": strings.Repeat(" ", maxLook+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	h := New(Config{Table: newSite(t).handler.(*Pages).Table, Processes: func() []supervisor.Process { return nil }, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Look: Look{SoftwareName: "Radar <3>", SoftwareIcon: filepath.Join(dir, "logo.svg"),
			CSSFiles: []string{filepath.Join(dir, "none.css"), filepath.Join(dir, "large.css"), filepath.Join(dir, "a.css")}}})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	for _, page := range []string{"/", "/index.html?message=x"} {
		body := get(page).Body.String()
		for _, want := range []string{`<img src="images/software.svg" alt="">Radar &lt;3&gt;</p>`, `<link rel="stylesheet" href="stylesheets/user3.css">`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s: %s", page, want, body)
			}
		}
		if strings.Contains(body, "user1.css") || strings.Contains(body, "user2.css") {
			t.Errorf("%s names what is not there", page)
		}
	}
	if icon := get("/images/software.svg"); icon.Body.String() != "<svg/>" || !strings.HasPrefix(icon.Header().Get("Content-Type"), "image/svg") {
		t.Errorf("icon: %d %s %q", icon.Code, icon.Header(), icon.Body)
	}
	if css := get("/stylesheets/user3.css"); css.Body.String() != "a{}" {
		t.Errorf("style: %d %q", css.Code, css.Body)
	}
	if strings.Count(log.String(), "left out") != 2 {
		t.Errorf("log %s", log.String())
	}
}
