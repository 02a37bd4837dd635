package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/dashboard"
)

// page is a browser at the dashboard of a node, with its login.
type page struct {
	t      *testing.T
	site   string // root
	login  bool
	conn   string // of its stream
	events chan [2]string
}

func (r *running) page() *page {
	return &page{t: r.t, site: "http://127.0.0.1:" + r.port + "/", login: true}
}

// do sends a request, with a body of JSON if there is one, and returns the answer.
func (p *page) do(verb, path, body string, headers ...string) reply {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), verb, p.site+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if p.login {
		r.SetBasicAuth("u", "p")
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{resp.StatusCode, string(data), resp.Header}
}

// snapshot returns what the page shows.
func (p *page) snapshot() (s dashboard.Snapshot) {
	p.t.Helper()
	p.decode(p.do("GET", "ui/api/snapshot", "").text, &s)
	return s
}

func (p *page) decode(text string, into any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		p.t.Fatalf("%v: %s", err, text)
	}
}

// listen opens the stream of the page, and says what else it wants.
func (p *page) listen(watching string) {
	p.t.Helper()
	ctx, leave := context.WithCancel(p.t.Context())
	p.t.Cleanup(leave)
	r, err := http.NewRequestWithContext(ctx, "GET", p.site+"ui/api/stream", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.SetBasicAuth("u", "p")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != 200 {
		p.t.Fatal(resp, err)
	}
	p.events = make(chan [2]string, 10000)
	go func() {
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 16<<20)
		for event := ""; lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				event = name
			} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				select {
				case p.events <- [2]string{event, data}:
				case <-ctx.Done():
				}
			}
		}
	}()
	p.hears("hello", func(data string) bool {
		var hello struct{ Conn string }
		p.decode(data, &hello)
		p.conn = hello.Conn
		return true
	})
	if got := p.do("POST", "ui/api/stream/"+p.conn, watching); got.code != 204 {
		p.t.Fatal(got)
	}
}

// hears waits for an event.
func (p *page) hears(event string, is func(data string) bool) {
	p.t.Helper()
	for late := time.After(patience); ; {
		select {
		case e := <-p.events:
			if e[0] == event && is(e[1]) {
				return
			}
		case <-late:
			p.t.Fatalf("no such %s is heard", event)
		}
	}
}

// Three nodes: what is done through one is seen on the others, a log is followed across them, and a node that is lost is told with what it held.
func TestDashboard(t *testing.T) {
	c := newCluster(t, 3)
	for i, node := range c.nodes {
		node.write("conf", node.read("conf")+"[program:talk]\ncommand=@SELF@ play talk\nautostart=false\nstartsecs=0\n")
		c.start(i)
	}
	c.agreed(0, 1, 2)
	here, there, other := c.nodes[0].page(), c.nodes[1], c.nodes[2].page()
	id := "127.0.0.1:" + there.port
	other.listen(`{"stats":[],"logs":[]}`)
	if got := here.do("POST", "ui/api/jobs", `{"action":"start","target":"talk","node":"node2"}`); got.code != 202 {
		t.Fatal(got)
	}
	other.hears("change", func(data string) bool {
		var change dashboard.Change
		other.decode(data, &change)
		for _, app := range change.Applications {
			if app.Name == "talk" && app.Processes[0].State == "RUNNING" {
				return slices.Equal(app.Processes[0].On, []string{id})
			}
		}
		return false
	})
	here.listen(`{"stats":["*"],"logs":[{"node":"node2","process":"talk","channel":"stdout","offset":0}]}`)
	text := ""
	here.hears("log", func(data string) bool {
		var chunk dashboard.LogChunk
		here.decode(data, &chunk)
		if int(chunk.From) != len(text) || chunk.Error != "" {
			t.Fatalf("%+v after %d bytes", chunk, len(text))
		}
		text += chunk.Text
		return strings.HasPrefix(text, "talk\ntalk\ntalk\n")
	})
	c.until("the job is done", func() bool {
		jobs := here.snapshot().Jobs
		return len(jobs) == 1 && jobs[0].State == "done" && jobs[0].Text == "talk is RUNNING on node2" && strings.HasPrefix(jobs[0].User, "u from 127.0.0.1")
	})

	there.cmd.Process.Kill()
	there.end()
	here.hears("moment", func(data string) bool {
		var m dashboard.Moment
		here.decode(data, &m)
		return m.Node == id && m.Level == "bad" && strings.HasPrefix(m.Text, "node2 is lost: ") && strings.HasSuffix(m.Text, "; it held talk")
	})
	c.until("the snapshot shows what was lost", func() bool {
		for _, n := range here.snapshot().Nodes {
			if n.ID == id {
				return n.Missed != "" && slices.Equal(n.Held, []string{"talk"})
			}
		}
		return false
	})
	there.until("its program has ended", func() bool { return len(there.processes()) == 0 })
	c.agreed(0, 2)
	c.nodes[0].stop()
	c.nodes[2].stop()
}

// The pages need the login of the node, no other site can do anything with them, and what Supvisors' pages were called leads to them.
func TestDashboardDoor(t *testing.T) {
	c := newCluster(t, 1)
	c.start(0)
	c.agreed(0)
	p := c.nodes[0].page()
	stranger := &page{t: t, site: "http://127.0.0.1:" + c.nodes[0].port + "/"}
	for _, request := range []string{"GET ", "GET ui/", "GET ui/api/snapshot", "GET ui/api/stream", "GET ui/static/app.js", "POST ui/api/jobs", "POST ui/api/stream/x",
		"GET cluster/dashboard/log", "POST cluster/dashboard/call"} {
		verb, path, _ := strings.Cut(request, " ")
		if got := stranger.do(verb, path, `{"action":"shutdown_node"}`); got.code != 401 {
			t.Errorf("%s without a login: %d", request, got.code)
		}
	}
	for _, request := range []string{"GET cluster/dashboard/log", "POST cluster/dashboard/call", "GET cluster/dashboard/file", "GET cluster/dashboard/follow"} {
		verb, path, _ := strings.Cut(request, " ")
		if got := p.do(verb, path, ""); got.code != 401 {
			t.Errorf("%s without a signature: %d", request, got.code)
		}
	}
	if got := p.do("GET", "ui/", ""); got.code != 200 || !strings.Contains(got.text, "<main") {
		t.Errorf("%d %s", got.code, got.text)
	}
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-site"}} {
		if got := p.do("POST", "ui/api/jobs", `{"action":"shutdown_node"}`, headers...); got.code != 403 {
			t.Errorf("%q: %d %s", headers, got.code, got.text)
		}
	}
	if jobs := p.snapshot().Jobs; len(jobs) != 0 {
		t.Errorf("another site has begun %+v", jobs)
	}
	if got := p.do("POST", "ui/api/jobs", `{"action":"dance"}`, "Sec-Fetch-Site", "same-origin"); got.code != 400 {
		t.Errorf("its own page: %d %s", got.code, got.text)
	}
	self := "127.0.0.1:" + c.nodes[0].port
	for path, want := range map[string]string{
		"":                               "ui/",
		"index.html":                     "ui/",
		"ui":                             "ui/",
		"proc_instance.html":             "ui/nodes/" + self,
		"proc_instance.html?ident=node1": "ui/nodes/node1",
		"proc_instance.html?ident=node1&processname=app:only": "ui/processes/app/only?node=node1",
		"host_instance.html?ident=node1":                      "ui/nodes/node1/host",
		"maintail.html?ident=node1":                           "ui/nodes/node1/log",
		"application.html?appname=app&strategy=CONFIG":        "ui/apps/app?strategy=CONFIG",
		"application.html":                                    "ui/",
		"conciliation.html":                                   "ui/conflicts",
		"application.html?appname=%2F..%2F%2Fevil":            "ui/apps/%2F..%2F%2Fevil",
	} {
		got := p.do("GET", path, "")
		if to := got.head.Get("Location"); got.code != http.StatusFound || to != want {
			t.Errorf("%s: %d to %q, wanted %q", path, got.code, to, want)
		}
	}
	for _, path := range []string{"?action=refresh", "index.html?message=x", "tail.html?processname=app:only"} {
		if got := p.do("GET", path, ""); strings.HasPrefix(got.head.Get("Location"), "ui/") {
			t.Errorf("%s is Supervisor's: %d to %s", path, got.code, got.head.Get("Location"))
		}
	}
	if got := p.do("POST", "", ""); got.code == http.StatusFound {
		t.Errorf("what is sent to a page is lead to %s", got.head.Get("Location"))
	}
	c.nodes[0].stop()
}
