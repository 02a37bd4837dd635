package dashboard

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

const shop = `<application name="shop"><programs>
<program name="db"><start_sequence>1</start_sequence><required>true</required></program>
<program name="web"><start_sequence>2</start_sequence></program>
<program name="cache"><start_sequence>2</start_sequence></program>
</programs></application>`

// What a node held when it was lost is told, and shown until it is back.
func TestLostNode(t *testing.T) {
	l := newLab(t, "", "shop:db", "shop:web", "loose")
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.process("n2", "loose", process.Starting, process.Running)
	l.process("n3", "shop:web", process.Starting, process.Running)
	l.noted("process info: shop:db is STARTING on the-n2, pid 1000", "process good: shop:db is RUNNING on the-n2, pid 1000",
		"process info: loose is STARTING on the-n2, pid 1001", "process good: loose is RUNNING on the-n2, pid 1001",
		"process info: shop:web is STARTING on the-n3, pid 1002", "process good: shop:web is RUNNING on the-n3, pid 1002")
	since := l.node("n2").Since
	if n := l.node("n2"); n.Missed != "" || len(n.Held) > 0 || n.Held == nil || since == 0 {
		t.Errorf("%+v", n)
	}
	l.step(cluster.PeerLeft{Identifier: "n2", Reason: "it is silent"})
	got := l.moments()
	for _, want := range []string{"node bad: the-n2 is lost: it does not answer any more; it held loose, shop:db",
		"process bad: shop:db is FATAL on the-n2: Supervisor lost", "process bad: loose is FATAL on the-n2: Supervisor lost"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if n := l.node("n2"); n.Missed != "it does not answer any more" || !slices.Equal(n.Held, []string{"loose", "shop:db"}) || n.Since <= since {
		t.Errorf("%+v", n)
	}
	if p := l.shown("loose"); p.State != "FATAL" || p.Why != "Supervisor lost on the-n2" || p.Where != "n2" || len(p.On) > 0 {
		t.Errorf("%+v", p)
	}
	for _, m := range l.past.moments {
		if strings.Contains(m.Text, "is lost") && (m.Node != "n2" || m.Kind != "node") {
			t.Errorf("%+v", m)
		}
	}
	l.join("n2", "shop:db", "shop:web", "loose")
	if got := l.moments(); !slices.Contains(got, "node good: the-n2 is RUNNING") {
		t.Errorf("%q", got)
	}
	if n := l.node("n2"); n.Missed != "" || len(n.Held) > 0 || n.State != "RUNNING" {
		t.Errorf("%+v", n)
	}
}

// A node that is fenced out is lost for that reason; a node that left for good is no node any more.
func TestNodeLeaves(t *testing.T) {
	l := startLab(t, "", func(cfg *cluster.Config) { cfg.AutoFence = true })
	fence := func(r *cluster.Report) { r.Consistent.AutoFence = true }
	for _, nick := range []string{"n2", "n3"} {
		l.step(cluster.PeerJoined{Identity: cluster.Identity{Identifier: nick, Nick: nick}})
		r := cluster.Report{Identity: cluster.Identity{Identifier: nick, Nick: nick}, Epoch: nick + "#1", Seq: 10,
			Consistent: cluster.Consistent{Starting: "CONFIG", Conciliation: "USER", Failure: "CONTINUE"},
			Modes: cluster.Modes{State: cluster.Synchronization, Master: "n1", Instances: map[string]cluster.InstanceState{"n1": cluster.InstanceRunning,
				"n2": cluster.InstanceRunning, "n3": cluster.InstanceRunning}}}
		fence(&r)
		l.step(cluster.PeerReport{Report: r})
	}
	l.moments()
	l.step(cluster.PeerLeft{Identifier: "n3"})
	l.wait(4e9)
	if n := l.node("n3"); n.State != "ISOLATED" || n.Missed == "" {
		t.Errorf("%+v", n)
	}
	l.moments()
	before := l.view
	without := *before
	without.Instances = before.Instances[:2]
	l.follow(&without)
	l.noted("node info: " + before.Instances[2].Nick + " has left the cluster for good")
	if nodes := l.Snapshot().Nodes; len(nodes) != 2 || len(l.past.nodes) != 2 {
		t.Errorf("%+v", nodes)
	}
}

// The way of the cluster to OPERATION, with its Master, is told.
func TestClusterMoments(t *testing.T) {
	l := startLab(t, "", nil)
	l.join("n2")
	l.join("n3")
	var about []string
	for _, line := range l.moments() {
		if strings.HasPrefix(line, "cluster") {
			about = append(about, line)
		}
	}
	if text := strings.Join(about, "; "); !strings.Contains(text, "the-n1 is the Master, term 1") || !strings.HasSuffix(text, "cluster good: the cluster is in OPERATION") {
		t.Error(text)
	}
	c := l.Snapshot().Cluster
	if c.Master != "n1" || c.State != "OPERATION" || c.Self != "n1" || !c.Clustered || c.Conciliation != "USER" || c.Starting != "CONFIG" || c.Term != 1 {
		t.Errorf("%+v", c)
	}
	l.delta("n2", cluster.Delta{Standing: new(cluster.Draining)})
	l.noted("node warn: the-n2 is DRAINING")
}

// A failed start tells the error of the spawn and how the child ended; another start does not inherit that.
func TestFailureMoments(t *testing.T) {
	l := newLab(t, "", "loose")
	l.process("n2", "loose", process.Starting)
	l.moments()
	l.fails("n2", "loose", process.Backoff, "Exited too quickly", "exit status 3")
	l.process("n2", "loose", process.Starting)
	l.fails("n2", "loose", process.Fatal, "Exited too quickly", "exit status 3")
	l.noted("process warn: loose is BACKOFF on the-n2: Exited too quickly; exit status 3",
		"process info: loose is STARTING on the-n2, pid 1001",
		"process bad: loose is FATAL on the-n2: Exited too quickly; exit status 3")
	if p := l.shown("loose"); p.Why != "Exited too quickly; exit status 3 after 0.25 s on the-n2" || p.Starts != 0 || p.At[1].How != "exit status 3" || p.At[1].Error != "Exited too quickly" {
		t.Errorf("%+v", p)
	}
	l.process("n2", "loose", process.Starting, process.Running)
	l.moments()
	if p := l.shown("loose"); p.Why != "" || p.Starts != 1 || p.Crashed || p.Where != "n2" || !slices.Equal(p.On, []string{"n2"}) {
		t.Errorf("%+v", p)
	}
	l.step(cluster.PeerLeft{Identifier: "n2"}) // what the child before ended with says nothing of this one
	if p := l.shown("loose"); p.Why != "Supervisor lost on the-n2" || p.At[1].Error != "Supervisor lost" {
		t.Errorf("%+v", p)
	}
}

// A crash, a wanted end, and what is enabled and disabled.
func TestProcessMoments(t *testing.T) {
	l := newLab(t, "", "loose")
	l.process("n1", "loose", process.Starting, process.Running)
	l.moments()
	l.fails("n1", "loose", process.Exited, "", "terminated by SIGSEGV")
	l.noted("process bad: loose is EXITED on the-n1: terminated by SIGSEGV")
	if p := l.shown("loose"); p.Why != "terminated by SIGSEGV after 0.26 s on the-n1" || !p.Crashed || !l.node("n1").Failure {
		t.Errorf("%+v", p)
	}
	l.process("n1", "loose", process.Starting, process.Running) // by itself
	l.moments()
	if !l.shown("loose").Crashed {
		t.Error("it did not crash")
	}
	l.info("n1", "loose", func(i *cluster.ProcessInfo) {
		i.State, i.How, i.PID, i.Stop = process.Exited, "exit status 0", 0, i.Now
	})
	l.noted("process info: loose is EXITED on the-n1: exit status 0")
	l.process("n1", "loose", process.Starting, process.Running)
	l.moments()
	if l.shown("loose").Crashed {
		t.Error("it was started after an end that was wanted")
	}
	l.info("n3", "loose", func(i *cluster.ProcessInfo) { i.Disabled = true })
	l.info("n3", "loose", func(i *cluster.ProcessInfo) { i.Disabled = false })
	l.noted("process info: loose is disabled on the-n3", "process info: loose is enabled on the-n3")
	l.info("n3", "fresh:one", func(*cluster.ProcessInfo) {})
	l.noted("configuration info: fresh is configured")
	ns := process.ParseNamespec("fresh:one")
	l.delta("n3", cluster.Delta{Removed: &ns})
	l.noted("configuration info: fresh is not configured any more")
}

// A start that no node can take is told with its reason.
func TestForcedMoment(t *testing.T) {
	l := newLab(t, `<application name="shop"><programs><program name="db"><identifiers>n3</identifiers><expected_loading>10</expected_loading></program>
</programs></application>`, "shop:db")
	l.step(cluster.PeerLeft{Identifier: "n3"})
	l.moments()
	l.step(cluster.Ask{ID: 1, Request: cluster.StartProcesses{Namespec: "shop:db"}})
	l.wait(8e9)
	l.noted("process bad: shop:db is FATAL: No resource available")
	if p := l.shown("shop:db"); p.State != "FATAL" || p.Real != "STOPPED" || p.Why != "No resource available" || p.Where != "" {
		t.Errorf("%+v", p)
	}
}

// A conflict begins when a managed process is up twice, and ends when it is not.
func TestConflictMoments(t *testing.T) {
	l := newLab(t, shop, "shop:db", "loose")
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.process("n2", "loose", process.Starting, process.Running)
	l.process("n3", "loose", process.Starting, process.Running)
	l.moments()
	l.process("n3", "shop:db", process.Starting)
	got := l.moments()
	if !slices.Contains(got, "conflict bad: shop:db is up more than once: on the-n2 and the-n3") || strings.Contains(fmt.Sprint(got), "loose") {
		t.Errorf("%q", got)
	}
	if p := l.shown("shop:db"); !p.Conflict || !slices.Equal(p.On, []string{"n2", "n3"}) {
		t.Errorf("%+v", p)
	}
	l.process("n3", "shop:db", process.Running, process.Stopping, process.Stopped)
	got = l.moments()
	if n := len(got) - 1; strings.Count(fmt.Sprint(got), "conflict") != 2 || !slices.Contains(got, "conflict good: shop:db is not in conflict any more") {
		t.Errorf("%d %q", n, got)
	}
	if l.shown("loose").Conflict {
		t.Error("what is not managed is in no conflict")
	}
}

// sequenceOf shows a record as one line.
func sequenceOf(s *Sequence) string {
	text := s.Kind
	for _, step := range s.Steps {
		text += fmt.Sprintf(" %d:%s %s", step.Number, step.Process, step.State)
		if step.Node != "" {
			text += "@" + step.Node
		}
		if step.Retries > 0 {
			text += fmt.Sprintf(" again %d", step.Retries)
		}
		if step.Text != "" {
			text += " (" + step.Text + ")"
		}
		if step.Began == 0 {
			text += " waits"
		}
		if step.Ended > 0 && step.Ended < step.Began {
			text += " ends before it begins"
		}
	}
	if s.Ended > 0 {
		text += " ended"
	}
	return text
}

func (l *lab) sequence(want ...string) {
	l.t.Helper()
	var got []string
	for _, s := range l.past.sequences["shop"] {
		got = append(got, sequenceOf(s))
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("sequences\n\t%s\nwanted\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// The start of an application under another Master: its order, what failed and was tried again, and its end, which that Master tells last.
func TestSequence(t *testing.T) {
	l := newLab(t, shop, "shop:cache", "shop:db", "shop:web")
	l.peerModes("n2", func(m *cluster.Modes) { m.Starting = true })
	l.process("n2", "shop:db", process.Starting)
	l.sequence("start 1:shop:db STARTING@n2 2:shop:cache STOPPED waits 2:shop:web STOPPED waits")
	l.process("n2", "shop:db", process.Running)
	l.sequence("start 1:shop:db RUNNING@n2 2:shop:cache STOPPED waits 2:shop:web STOPPED waits") // it rests, and yet goes on
	l.process("n3", "shop:web", process.Starting)
	l.process("n2", "shop:cache", process.Starting)
	l.sequence("start 1:shop:db RUNNING@n2 2:shop:web STARTING@n3 2:shop:cache STARTING@n2")
	l.fails("n3", "shop:web", process.Backoff, "Exited too quickly", "exit status 3")
	l.process("n3", "shop:web", process.Starting)
	l.fails("n3", "shop:web", process.Fatal, "Exited too quickly", "exit status 3")
	l.process("n2", "shop:cache", process.Running)
	const done = "start 1:shop:db RUNNING@n2 2:shop:web FATAL@n3 again 1 (Exited too quickly; exit status 3 after 0.25 s on the-n3) 2:shop:cache RUNNING@n2"
	l.sequence(done)
	before := l.view
	l.peerModes("n2", func(m *cluster.Modes) { m.Starting = false })
	l.sequence(done + " ended")
	if before.Application("shop") != l.view.Application("shop") {
		t.Error("the end of the sequence came with a change of the application")
	}
	s := l.past.sequences["shop"][0]
	if last := s.Steps[2]; s.Ended != last.Ended || s.Began == 0 || s.Steps[0].Ended > s.Steps[1].Began {
		t.Errorf("%+v", s)
	}
	l.process("n2", "shop:cache", process.Stopping)
	l.process("n2", "shop:cache", process.Stopped)
	l.process("n2", "shop:db", process.Stopping)
	l.process("n2", "shop:db", process.Stopped)
	records := l.past.sequences["shop"]
	if len(records) != 3 || records[1].Kind != "stop" || records[1].Ended == 0 || records[2].Ended == 0 {
		t.Errorf("%+v", records)
	}
}

// A start that is broken off is a stop from then on.
func TestSequenceTurns(t *testing.T) {
	l := newLab(t, shop, "shop:db", "shop:web")
	l.peerModes("n2", func(m *cluster.Modes) { m.Starting, m.Stopping = true, true })
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.process("n2", "shop:web", process.Starting, process.Stopping)
	l.sequence("start 1:shop:db RUNNING@n2 2:shop:web STOPPING@n2 ended", "stop 2:shop:web STOPPING@n2 1:shop:db RUNNING waits")
	l.process("n2", "shop:web", process.Stopped)
	l.process("n2", "shop:db", process.Stopping, process.Stopped)
	l.peerModes("n2", func(m *cluster.Modes) { m.Starting, m.Stopping = false, false })
	l.sequence("start 1:shop:db RUNNING@n2 2:shop:web STOPPING@n2 ended", "stop 2:shop:web STOPPED@n2 1:shop:db STOPPED@n2 ended")
}

// Ten sequences are kept of each application, and told ones do not change any more.
func TestSequencesKept(t *testing.T) {
	l := newLab(t, shop, "shop:db")
	for range 8 {
		l.process("n2", "shop:db", process.Starting, process.Running, process.Stopping, process.Stopped)
	}
	records := l.past.sequences["shop"]
	if len(records) != maxSequences || records[0].Kind != "start" || records[9].Kind != "stop" {
		t.Errorf("%d: %+v", len(records), records)
	}
	for i, s := range records {
		if s.Ended == 0 || i > 0 && s.Began < records[i-1].Began {
			t.Errorf("%d: %+v", i, s)
		}
	}
	before := l.view
	l.step(cluster.Timer{})
	app := *before.Application("shop")
	app.State = cluster.ApplicationStarting
	news := l.past.compare(before, withApp(before, &app), 5, true)
	told := sequenceOf(news.sequences[0])
	back := *before.Application("shop")
	l.past.compare(withApp(before, &app), withApp(before, &back), 6, true)
	if sequenceOf(news.sequences[0]) != told {
		t.Error("what was told has changed")
	}
}

// withApp returns a View with another state of an application.
func withApp(v *cluster.View, app *cluster.ApplicationView) *cluster.View {
	w := *v
	w.Applications = slices.Clone(v.Applications)
	for i, a := range w.Applications {
		if a.Name == app.Name {
			w.Applications[i] = app
		}
	}
	return &w
}

// The timeline is bounded, its ids go on.
func TestTimelineBounds(t *testing.T) {
	h := newHistory(nil)
	if list := h.latest(10); list == nil || len(list) > 0 {
		t.Errorf("%v", list)
	}
	for range maxMoments + 1 {
		h.note(nil, Moment{})
	}
	if n := len(h.moments); n > maxMoments || n < maxMoments*8/10 || h.moments[n-1].ID != maxMoments+1 || h.moments[0].ID != h.moments[n-1].ID-uint64(n)+1 {
		t.Errorf("%d moments, the last is %d", n, h.moments[n-1].ID)
	}
	if list := h.latest(snapshotMoments); len(list) != snapshotMoments || list[snapshotMoments-1].ID != maxMoments+1 {
		t.Errorf("%d", len(list))
	}
}

func TestVerdict(t *testing.T) {
	formula, err := rules.ParseFormula(`"db" and any("w.*")`)
	if err != nil {
		t.Fatal(err)
	}
	proc := func(name string, shown process.State, expected, required bool) *cluster.ProcessView {
		return &cluster.ProcessView{Namespec: process.Namespec{Group: "shop", Process: name}, Shown: shown, Expected: expected, Rules: rules.Program{Required: required}}
	}
	db := proc("db", process.Stopped, true, true)
	for _, tt := range []struct {
		app  cluster.ApplicationView
		want string
	}{
		{cluster.ApplicationView{Processes: []*cluster.ProcessView{db}}, ""},
		{cluster.ApplicationView{Major: true, Processes: []*cluster.ProcessView{db, proc("web", process.Fatal, false, false)}},
			"required db is STOPPED, web is FATAL"},
		{cluster.ApplicationView{Minor: true, Processes: []*cluster.ProcessView{proc("db", process.Running, true, true), proc("web", process.Exited, false, false),
			proc("job", process.Exited, true, false), proc("idle", process.Stopped, true, false)}}, "web is EXITED"},
		{cluster.ApplicationView{Major: true, Rules: rules.Application{Formula: formula}, Processes: []*cluster.ProcessView{proc("db", process.Running, true, false),
			proc("w1", process.Stopped, true, false), proc("w2", process.Fatal, false, false)}}, "operational_status is not met: w1 is STOPPED, w2 is FATAL"},
	} {
		if got := verdict(&tt.app); got != tt.want {
			t.Errorf("%q, wanted %q", got, tt.want)
		}
	}
}
