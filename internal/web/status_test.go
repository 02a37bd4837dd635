package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// Each state has its class and its actions; those that are not offered leave a hidden link in their place.
func TestRows(t *testing.T) {
	states := []struct {
		state         process.State
		class         string
		first, second string
	}{
		{process.Stopped, "statusnominal", "start", ""},
		{process.Starting, "statusnominal", "", "stop"},
		{process.Running, "statusrunning", "restart", "stop"},
		{process.Backoff, "statuserror", "", "stop"},
		{process.Stopping, "statusnominal", "", ""},
		{process.Exited, "statusnominal", "start", ""},
		{process.Fatal, "statuserror", "start", ""},
		{process.Unknown, "statusnominal", "", ""},
	}
	var list []process.Info
	for i, tt := range states {
		list = append(list, process.Info{Group: "q", Name: fmt.Sprint("p", i), State: tt.state, PID: 40 + i, SpawnErr: "why <" + tt.class + ">",
			Start: time.Now().Add(-time.Hour), Stop: time.Now()})
	}
	page := newSite(t, list...).get("/")
	rows := page.nodes(t, "tr")[1:]
	if len(rows) != len(states) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, tt := range states {
		ns := fmt.Sprint("q:p", i)
		quoted := strings.Replace(ns, ":", "%3A", 1)
		want := []string{fmt.Sprintf("tail.html?processname=%s _blank %s", quoted, ns)}
		for _, action := range []string{tt.first, tt.second, "clearlog"} {
			if action == "" {
				want = append(want, "hidden # # Action")
				continue
			}
			word := map[string]string{"start": "Start", "restart": "Restart", "stop": "Stop", "clearlog": "Clear Log"}[action]
			want = append(want, fmt.Sprintf("index.html?processname=%s&action=%s %s %s", quoted, action, word, word))
		}
		want = append(want, "logtail/"+quoted+" Tail -f Stdout _blank Tail -f Stdout", "logtail/"+quoted+"/stderr Tail -f Stderr _blank Tail -f Stderr")
		if got := lines(rows[i], "a"); !slices.Equal(got, want) {
			t.Errorf("%v: got  %q\nwant %q", tt.state, got, want)
		}
		description := list[i].Description(time.Now(), time.Local)
		if got, want := lines(rows[i], "span"), []string{tt.class + " " + strings.ToLower(tt.state.String()), description}; !slices.Equal(got, want) &&
			tt.state != process.Running { // whose description tells the time
			t.Errorf("%v: got %q, want %q", tt.state, got, want)
		}
		if shade := attr(rows[i], "class"); shade != []string{"", "shade"}[i%2] {
			t.Errorf("row %d is %q", i, shade)
		}
	}
	if got := lines(rows[2], "span"); len(got) != 2 || !strings.HasPrefix(got[1], "pid 42, uptime 1:00:0") {
		t.Errorf("running: %q", got)
	}
}

// lines returns the attributes and the text of each element of that kind below n, one line each.
func lines(n *html.Node, tag string) (all []string) {
	for d := range n.Descendants() {
		if d.Type != html.ElementNode || d.Data != tag {
			continue
		}
		var words []string
		for _, a := range d.Attr {
			words = append(words, a.Val)
		}
		all = append(all, strings.TrimPrefix(strings.Join(append(words, text(d)), " "), " "))
	}
	return all
}

// The bytes that scripts look for with regular expressions are there as Supervisor writes them.
func TestMarkup(t *testing.T) {
	body := newSite(t, process.Info{Group: "q", Name: "a"}, process.Info{Group: "web", Name: "web", State: process.Running}).get("/").Text
	for _, want := range []string{
		"<title>Supervisor Status</title>", `<tr class="">`, `<tr class="shade">`, `<span class="statusrunning">running</span>`,
		`<a href="index.html?processname=q%3Aa&amp;action=start" name="Start">Start</a>`, `<a class="hidden" href="#" name="#">Action</a>`,
		`<a href="index.html?processname=web&amp;action=restart" name="Restart">Restart</a>`,
		`<a href="logtail/q%3Aa/stderr" name="Tail -f Stderr" target="_blank">Tail -f Stderr</a>`,
		`<a href="tail.html?processname=q%3Aa" target="_blank">q:a</a>`, `<div class="hidden">#</div>`,
		`<a href="index.html?action=refresh">Refresh</a>`, `<a href="index.html?action=restartall">Restart All</a>`,
		`<a href="index.html?action=stopall">Stop All</a>`, `<span>9.8.7</span>`, fmt.Sprintf("<span>%d</span>", time.Now().Year()),
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestTable(t *testing.T) {
	got := newSite(t, process.Info{Group: "p", Name: "p"}).get("/")
	if heads := got.texts(t, "th"); !slices.Equal(heads, []string{"State", "Description", "Name", "Action"}) {
		t.Errorf("columns %q", heads)
	}
	got = newSite(t).get("/")
	if main := got.texts(t, "main"); len(got.nodes(t, "table")) != 0 || len(main) != 1 || !strings.Contains(main[0], "No programs to manage") {
		t.Error(got.Text)
	}
}

// Names that mean something in HTML, in an address or in a script are shown as they are, and their links name them.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onclick='x`, `a&action=stopall`, `a?b#c`, `a%3Cb`, `..`, `../ok.html`,
		`javascript:alert(1)`, `a+b c`, `&lt;b&gt;`, `{{.Version}}`, `é 日本`, "tab\there", `</a></td></table>`, `a\b`,
	} {
		s := newSite(t, process.Info{Group: "g", Name: name, State: process.Running})
		ns := "g:" + name
		page := s.get("/")
		if len(page.nodes(t, "script")) != 0 || len(page.nodes(t, "img")) != 0 || len(page.nodes(t, "tr")) != 2 {
			t.Errorf("%q changes the page: %s", name, page.Text)
		}
		cells := page.nodes(t, "td")
		if len(cells) != 4 || text(cells[2]) != ns {
			t.Fatalf("%q is shown as %q", name, page.texts(t, "td"))
		}
		for _, a := range append(page.nodes(t, "a")[3:9:9], s.get("/tail.html?processname="+quote(ns)).nodes(t, "a")...) {
			u, err := url.Parse(attr(a, "href"))
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			named := u.Query().Get("processname")
			if tail, ok := strings.CutPrefix(u.Path, "logtail/"); ok {
				named = strings.TrimSuffix(tail, "/stderr")
			}
			if named != ns || u.IsAbs() || u.Host != "" || attr(a, "onclick") != "" {
				t.Errorf("%q: link to %s", name, attr(a, "href"))
			}
		}
		if stop := page.nodes(t, "a")[5]; text(stop) != "Stop" {
			t.Errorf("%q: the link is %q", name, text(stop))
		} else if got := s.get("/" + attr(stop, "href")).message(t); got != "Process "+ns+" stopped" {
			t.Errorf("%q: %s", name, got)
		}
		shown := s.get("/?message=" + quote("No such process named "+name))
		if box := shown.nodes(t, "div"); shown.StatusCode != http.StatusOK || len(box) != 1 || text(box[0]) != "No such process named "+name {
			t.Errorf("%q as a message: %s", name, shown.Text)
		}
	}
}

// BenchmarkStatus shows a page of 500 processes.
func BenchmarkStatus(b *testing.B) {
	var list []supervisor.Process
	for i := range 500 {
		info := process.Info{Group: "q", Name: fmt.Sprint("p", i), State: process.Running, Start: time.Now()}
		list = append(list, supervisor.Process{Info: info})
	}
	h := New(Config{Processes: func() []supervisor.Process { return list }})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/", nil)
	for b.Loop() {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
