package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

// told is an event of the stream as a page gets it.
type told struct{ event, id, data string }

// tab is a page that reads the stream.
type tab struct {
	t      *testing.T
	status int
	conn   string
	first  *Snapshot // of hello; nil when the last event was known
	events chan told // closed at the end of the stream
	last   string    // id
	close  context.CancelFunc
}

// open opens a stream; last is the id of the last event that the page knows.
func open(t *testing.T, site, last string) *tab {
	t.Helper()
	return openAt(t, site+"/ui/api/stream", last)
}

func openAt(t *testing.T, url, last string) *tab {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave) // before the server waits for the end of the stream
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	late := time.AfterFunc(20*time.Second, leave)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	late.Stop()
	p := &tab{t: t, status: resp.StatusCode, events: make(chan told, 10000), close: leave}
	go p.read(ctx, resp.Body)
	if p.status != http.StatusOK {
		return p
	}
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatal(kind)
	}
	m := p.next()
	var hello struct {
		Conn     string
		Snapshot *Snapshot
	}
	if err := json.Unmarshal([]byte(m.data), &hello); err != nil || m.event != "hello" || hello.Conn == "" {
		t.Fatalf("%+v: %v", m, err)
	}
	p.conn, p.first = hello.Conn, hello.Snapshot
	return p
}

func (p *tab) read(ctx context.Context, body io.ReadCloser) {
	defer close(p.events)
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 64<<20)
	var m told
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			m.event = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "":
			if m.event != "" {
				select {
				case p.events <- m:
				case <-ctx.Done():
					return
				}
			}
			m = told{}
		}
	}
}

// next returns the next event.
func (p *tab) next() told {
	p.t.Helper()
	select {
	case m, ok := <-p.events:
		if !ok {
			p.t.Fatal("the stream has ended")
		}
		if m.id != "" {
			p.last = m.id
		}
		return m
	case <-time.After(20 * time.Second):
		p.t.Fatal("nothing is told")
		return told{}
	}
}

// until returns the first event of a kind, and all data of other kinds that came before.
func (p *tab) until(event string) (data string, others []string) {
	p.t.Helper()
	for {
		m := p.next()
		if m.event == event {
			return m.data, others
		}
		others = append(others, m.event+" "+m.data)
	}
}

// ended waits for the end of the stream.
func (p *tab) ended() {
	p.t.Helper()
	for {
		select {
		case _, ok := <-p.events:
			if !ok {
				return
			}
		case <-time.After(20 * time.Second):
			p.t.Fatal("the stream does not end")
		}
	}
}

// fold applies a change to a snapshot as a page does.
func fold(t *testing.T, s *Snapshot, m message) {
	t.Helper()
	switch m.event {
	case "moment":
		var moment Moment
		decode(t, m.data, &moment)
		if n := len(s.Moments); n == 0 || s.Moments[n-1].ID < moment.ID {
			s.Moments = append(s.Moments, moment)
		}
		s.Moments = s.Moments[max(0, len(s.Moments)-snapshotMoments):]
	case "change":
		var c Change
		decode(t, m.data, &c)
		if c.Cluster != nil {
			s.Cluster = *c.Cluster
		}
		for _, n := range c.Nodes {
			if i := slices.IndexFunc(s.Nodes, func(old Node) bool { return old.ID == n.ID }); i >= 0 {
				s.Nodes[i] = n
			} else {
				s.Nodes = append(s.Nodes, n)
			}
		}
		s.Applications = slices.DeleteFunc(s.Applications, func(a Application) bool {
			return slices.Contains(c.Gone, a.Name) || slices.ContainsFunc(c.Applications, func(b Application) bool { return a.Name == b.Name })
		})
		s.Applications = append(s.Applications, c.Applications...)
		slices.SortFunc(s.Applications, func(a, b Application) int { return strings.Compare(a.Name, b.Name) })
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// copied is a document as it comes over the wire.
func copied(t *testing.T, s *Snapshot) *Snapshot {
	t.Helper()
	c := new(Snapshot)
	decode(t, encode(s), c)
	c.Now = 0
	return c
}

// look opens the stream without a network, as the page of a test.
func (d *Dashboard) look(t *testing.T, last string) (*client, uint64, *Snapshot) {
	t.Helper()
	c := d.stream.enter(t.Context())
	from, m := d.hello(c, last)
	var hello struct{ Snapshot *Snapshot }
	decode(t, m.data, &hello)
	return c, from, hello.Snapshot
}

// Whatever changes, the first snapshot with all that is told after it is what a new snapshot shows.
func TestFold(t *testing.T) {
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		names := []string{"shop:cache", "shop:db", "shop:web", "loose", "grp:a", "grp:b"}
		l := newLab(t, shop, names...)
		nodes := []string{"n1", "n2", "n3"}
		_, from, page := l.look(t, "")
		page.Now = 0
		for i := range 150 {
			node, name := nodes[rnd.IntN(3)], names[rnd.IntN(len(names))]
			switch there := l.view.Instance(node).State == cluster.InstanceRunning; {
			case !there:
				l.join(node, names...)
			case rnd.IntN(12) == 0 && node != "n1":
				l.step(cluster.PeerLeft{Identifier: node})
			case rnd.IntN(10) == 0:
				l.info(node, "extra:"+node, func(*cluster.ProcessInfo) {})
			case rnd.IntN(10) == 0 && l.view.Application("extra") != nil && l.view.Application("extra").Processes[0].Infos[0].Identifier == node:
				ns := l.view.Application("extra").Processes[0].Namespec
				if node == "n1" {
					l.step(cluster.LocalRemoved{Namespec: ns})
				} else {
					l.delta(node, cluster.Delta{Removed: &ns})
				}
			case rnd.IntN(8) == 0 && node != "n1":
				l.peerModes(node, func(m *cluster.Modes) { m.Starting = !m.Starting })
			case rnd.IntN(4) == 0:
				l.fails(node, name, process.Fatal, "Exited too quickly", "exit status 3")
			default:
				l.process(node, name, []process.State{process.Starting, process.Running, process.Stopping, process.Stopped, process.Backoff}[rnd.IntN(5)])
			}
			if rnd.IntN(9) == 0 { // a node is called otherwise
				l.rename(nodes[rnd.IntN(3)], fmt.Sprint("nick", i))
			}
			if rnd.IntN(3) == 0 {
				l.flush()
			}
		}
		l.fails("n1", "loose", process.Fatal, "Exited too quickly", "exit status 3")
		l.flush()
		l.rename("n1", "last")
		l.flush()
		events, _, ok := l.stream.read(from)
		if !ok {
			t.Fatalf("seed %d: the events are not kept", seed)
		}
		for _, m := range events {
			fold(t, page, m)
		}
		if want := copied(t, l.Snapshot()); !reflect.DeepEqual(page, want) {
			t.Fatalf("seed %d: told\n%s\nis\n%s", seed, encode(page), encode(want))
		}
	}
}

// rename shows a node under another nick.
func (l *lab) rename(id, nick string) {
	v := *l.view
	v.Instances = slices.Clone(v.Instances)
	for i, n := range v.Instances {
		if n.Identifier == id {
			renamed := *n
			renamed.Nick = nick
			v.Instances[i] = &renamed
			if n == v.Self {
				v.Self = &renamed
			}
		}
	}
	l.follow(&v)
}

// A page that comes back gets what it has missed when that is known, else everything.
func TestComeBack(t *testing.T) {
	l := newLab(t, "", "loose")
	c, from, all := l.look(t, "")
	if all == nil {
		t.Fatal("no snapshot")
	}
	l.process("n2", "loose", process.Starting)
	l.flush()
	id := func(n uint64) string { return fmt.Sprintf("%s-%d", l.stream.epoch, n) }
	l.stream.leave(c)
	l.process("n2", "loose", process.Running) // while it is away
	c, at, all := l.look(t, id(from))         // it has seen one event
	if all != nil || at != from+1 {
		t.Errorf("from %d, snapshot %v; wanted %d", at, all != nil, from+1)
	}
	events, _, _ := l.stream.read(at)
	var kinds []string
	for _, m := range events {
		kinds = append(kinds, m.event)
	}
	if want := []string{"sequence", "change", "moment", "sequence", "change"}; !slices.Equal(kinds, want) {
		t.Errorf("missed %q, wanted %q", kinds, want)
	}
	l.stream.leave(c)
	head := l.stream.head()
	for last, known := range map[string]bool{id(head - 1): true, id(head): false, id(head + 5): false, "other-" + fmt.Sprint(head-1): false,
		l.stream.epoch: false, l.stream.epoch + "-x": false, "": false, "-": false, id(1 << 63): false, l.stream.epoch + "-18446744073709551615": false} {
		c, at, all := l.look(t, last)
		if (all == nil) != known || at != head {
			t.Errorf("%q: from %d, snapshot %v", last, at, all != nil)
		}
		l.stream.leave(c)
	}
	for range ringSize + 1 {
		l.stream.publish("moment", Moment{})
	}
	if c, _, all := l.look(t, id(head-1)); all == nil {
		t.Error("what is not kept any more was promised")
	} else {
		l.stream.leave(c)
	}
}

// What happens when no page is open, and none is about to come back, is not encoded; whoever comes back after that begins anew. If nothing
// happened, it goes on.
func TestNobodyListens(t *testing.T) {
	happens := map[string]func(l *lab){
		"a moment":    func(l *lab) { l.note(Moment{Kind: "job"}) },
		"a job":       func(l *lab) { l.jobs.tell(Job{}) },
		"a View":      func(l *lab) { l.process("n2", "loose", process.Starting) },
		"a small one": func(l *lab) { l.rename("n2", "other") }, // without a moment
		"a View that a snapshot has shown meanwhile": func(l *lab) {
			l.rename("n2", "other")
			l.Snapshot()
		},
		"a View that was to be told": func(l *lab) {
			l.rename("n2", "other")
			l.flush()
		},
		"nothing": func(l *lab) {
			l.Snapshot()
			l.flush()
		},
	}
	for what, happen := range happens {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, "", "loose")
			c, _, _ := l.look(t, "")
			l.process("n1", "loose", process.Starting)
			l.flush()
			last := fmt.Sprintf("%s-%d", l.stream.epoch, l.stream.head()-1)
			nick := l.view.Instance("n2").Nick
			l.stream.leave(c)
			time.Sleep(keepTime + time.Second)
			if l.stream.wanted() {
				t.Fatal("it is wanted")
			}
			kept := len(l.stream.ring)
			happen(l)
			if len(l.stream.ring) > kept {
				t.Errorf("%s: it is kept", what)
			}
			_, from, all := l.look(t, last)
			renamed := l.view.Instance("n2").Nick != nick
			events, _, _ := l.stream.read(from)
			missed := all == nil && what != "nothing" && !(renamed && len(events) == 1 && events[0].event == "change")
			if missed || what == "nothing" && all != nil {
				t.Errorf("%s: snapshot %v, then %q", what, all != nil, events)
			}
		})
	}
}

// Nothing is encoded from the beginning on when no page was ever open.
func TestUnwanted(t *testing.T) {
	l := newLab(t, "", "loose")
	l.process("n1", "loose", process.Starting, process.Running)
	l.note(Moment{})
	l.flush()
	l.stream.publish("x", func() {}) // which cannot be encoded
	if len(l.stream.ring) != 0 || l.stream.wanted() {
		t.Error("events are kept for nobody")
	}
}

// A node that the cluster has forgotten makes all pages begin anew: no change tells it.
func TestForgottenNode(t *testing.T) {
	l := newLab(t, "")
	site := doortest.Serve(t, l)
	p := open(t, site, "")
	v := *l.view
	v.Instances = v.Instances[:2]
	l.follow(&v)
	l.flush()
	p.until("resync")
	p.ended()
	if again := open(t, site, p.last); again.first == nil || len(again.first.Nodes) != 2 {
		t.Errorf("%+v", again.first)
	}
}

// stuck is a browser that does not read.
type stuck struct {
	http.ResponseWriter
	began, free chan struct{}
	text        strings.Builder
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.text.Len() == 0 {
		close(s.began)
		<-s.free
	}
	return s.text.Write(p)
}

func (s *stuck) Flush() {}

// A browser that is too slow for what happens is told to begin anew, and nobody waits for it.
func TestSlowClient(t *testing.T) {
	l := newLab(t, "", "loose")
	w := &stuck{httptest.NewRecorder(), make(chan struct{}), make(chan struct{}), strings.Builder{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ui/api/stream", nil))
	}()
	<-w.began
	for range ringSize + 1 {
		l.note(Moment{Kind: "job", Text: "x"})
	}
	close(w.free)
	<-done
	if text := w.text.String(); !strings.HasSuffix(text, "event: resync\ndata: {}\n\n") || strings.Contains(text, "event: moment") {
		t.Errorf("%d bytes: %.300s", len(text), text[max(0, len(text)-300):])
	}
	if l.stream.clients.Load() != 0 || len(l.stream.all) != 0 {
		t.Error("it is still there")
	}
}

// The stream over HTTP: everything at first, then changes, moments and comments; the statistics and logs that a page wants; its end.
func TestStream(t *testing.T) {
	l := newLab(t, "", "loose")
	site := doortest.Serve(t, l)
	p := open(t, site, "")
	if p.first == nil || len(p.first.Nodes) != 3 || len(p.first.Applications) != 1 || p.first.Jobs == nil || p.first.Moments == nil {
		t.Fatalf("%+v", p.first)
	}
	other := open(t, site, "")
	watch := func(conn, body string) int {
		return doortest.Do(t, "POST", site, "/ui/api/stream/"+conn, body, "Content-Type", "application/json").StatusCode
	}
	for body, want := range map[string]int{`{"stats":["n2"],"logs":[]}`: 204, `{"stats":null}`: 204, `{"wrong":1}`: 400, `{`: 400, `{} {}`: 400,
		`{"logs":[` + strings.Repeat(`{},`, maxLogs) + `{}]}`: 400} {
		if got := watch(p.conn, body); got != want {
			t.Errorf("%s: %d, wanted %d", body, got, want)
		}
	}
	if got := watch("gone", `{}`); got != 404 {
		t.Errorf("a stream that is none: %d", got)
	}
	if got := watch(p.conn, `{"stats":["n2"]}`); got != 204 || !l.Wants("hstats") || !l.Wants("pstats") || l.Wants("process") {
		t.Errorf("%d, statistics are wanted: %v", got, l.Wants("hstats"))
	}
	select {
	case <-l.Demand():
	default:
		t.Error("nobody hears of the demand")
	}
	for _, node := range []string{"n1", "n2"} {
		l.Publish("hstats", []byte(`{"identifier":"`+node+`","cpu":[12.5,10,15],"mem":33,"net_io":{"eth0":[1,2]},"disk_io":{},"disk_usage":{"/":5}}`))
		l.Publish("pstats", []byte(`{"identifier":"`+node+`","namespec":"loose:loose","cpu":50,"mem":1.5}`))
	}
	l.Publish("hstats", []byte(`no JSON`))
	l.process("n2", "loose", process.Starting)
	l.flush()
	var heard []string
	var sample Stats
	for range 4 {
		m := p.next()
		heard = append(heard, m.event)
		if m.event == "stats" {
			decode(t, []byte(m.data), &sample)
		}
	}
	slices.Sort(heard)
	if want := []string{"change", "moment", "sequence", "stats"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q", heard)
	}
	if sample.Node != "n2" || !slices.Equal(sample.CPU, []float64{12.5, 10, 15}) || sample.Memory != 33 || sample.Network["eth0"] != [2]Cell{1, 2} || sample.Usage["/"] != 5 {
		t.Errorf("%+v", sample)
	}
	if cell := sample.Processes["loose"]; cell[1] != 1.5 {
		t.Errorf("%+v", sample.Processes)
	}
	if _, others := other.until("change"); len(others) != 2 {
		t.Errorf("the other page has heard %q", others)
	}

	last := p.last
	p.close()
	p.ended()
	other.close()
	other.ended()
	supervisortest.Until(t, "no stream is open", func() bool { return l.stream.clients.Load() == 0 && !l.Wants("hstats") })
	l.process("n2", "loose", process.Running)
	p = open(t, site, last)
	if p.first != nil {
		t.Error("everything is told again")
	}
	for query, known := range map[string]bool{"?last=" + last: true, "?last=other": false, "": false} { // of a page that has closed its stream
		a := openAt(t, site+"/ui/api/stream"+query, "")
		if (a.first == nil) != known {
			t.Errorf("%q: snapshot %v", query, a.first != nil)
		}
		a.close()
		a.ended()
	}
	if data, _ := p.until("moment"); !strings.Contains(data, "loose is RUNNING on the-n2") {
		t.Error(data)
	}
	l.stream.close()
	p.ended()
}

// A stream without events carries comments, which keep it open.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, "")
		ctx, leave := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ui/api/stream", nil).WithContext(ctx))
		}()
		time.Sleep(2*heartbeat + time.Second)
		leave()
		<-done
		if text := w.Body.String(); !strings.HasPrefix(text, "retry: 2000\n\nevent: hello\nid: ") || strings.Count(text, "\n\n: \n\n: \n\n") != 1 {
			t.Errorf("%q", text)
		}
	})
}

// There is a bound on the pages that are open at one time.
func TestTooManyPages(t *testing.T) {
	l := newLab(t, "")
	for range maxClients {
		if l.stream.enter(t.Context()) == nil {
			t.Fatal("refused too early")
		}
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ui/api/stream", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"message":"too many pages are open"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, c := range l.stream.all {
		l.stream.leave(c)
		break
	}
	if l.stream.enter(t.Context()) == nil {
		t.Error("refused after one has left")
	}
}
