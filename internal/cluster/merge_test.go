package cluster

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// resyncs returns the nodes whose whole Report the last event asked for.
func (l *lab) resyncs() []string {
	var list []string
	for _, e := range l.effects {
		if r, ok := e.(Resync); ok {
			list = append(list, r.Identifier)
		}
	}
	return list
}

// TestDeltas: changes of a Report are taken in their order, once, from the run of the node that was met.
func TestDeltas(t *testing.T) {
	starting := stopped("shop:db")
	starting.State = process.Starting
	for _, c := range []struct {
		name   string
		ev     PeerDelta
		state  process.State // of shop:db afterwards
		resync bool
	}{
		{"next", PeerDelta{"n2", "n2#1", 11, Delta{Process: &starting}}, process.Starting, false},
		{"repeated", PeerDelta{"n2", "n2#1", 10, Delta{Process: &starting}}, process.Stopped, false},
		{"old", PeerDelta{"n2", "n2#1", 3, Delta{Process: &starting}}, process.Stopped, false},
		{"gap", PeerDelta{"n2", "n2#1", 12, Delta{Process: &starting}}, process.Stopped, true},
		{"other run", PeerDelta{"n2", "n2#2", 11, Delta{Process: &starting}}, process.Stopped, false},
		{"unknown node", PeerDelta{"n9", "n9#1", 11, Delta{Process: &starting}}, process.Stopped, false},
		{"node not met", PeerDelta{"n3", "n3#1", 1, Delta{Process: &starting}}, process.Stopped, false},
		{"this node", PeerDelta{"n1", "n1#1", 99, Delta{Process: &starting}}, process.Stopped, false},
		{"nothing in it", PeerDelta{"n2", "n2#1", 11, Delta{}}, process.Stopped, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, "", nil)
			l.join("n2", "shop:db")
			l.step(c.ev)
			if got := l.proc("shop:db").state; got != c.state {
				t.Errorf("shop:db is %s, want %s", got, c.state)
			}
			if got := len(l.resyncs()) > 0; got != c.resync {
				t.Errorf("asks for a whole Report: %v", got)
			}
		})
	}
}

// TestDeltaKinds: each kind of change arrives where it belongs.
func TestDeltaKinds(t *testing.T) {
	l := operation(t, "", nil, "shop:db")
	n2 := l.c.byID["n2"]
	l.delta("n2", Delta{Tick: &Tick{Counter: 4, Wall: 5, Mono: 6}})
	if n2.tick != (Tick{Counter: 4, Wall: 5, Mono: 6}) || n2.tickAt != l.now {
		t.Errorf("tick is %+v at %s", n2.tick, n2.tickAt)
	}
	m := l.modes(Operation, "n1")
	m.Starting = true
	l.peerModes("n2", m)
	if !n2.modes.Starting || !l.c.clusterBusy() {
		t.Errorf("modes are %+v", n2.modes)
	}
	ns := process.ParseNamespec("shop:db")
	l.delta("n2", Delta{Forced: &Forced{Namespec: ns, State: process.Fatal, Reason: "because", Since: 1}})
	if p := l.proc("shop:db"); p.shown() != process.Fatal || p.state != process.Stopped || p.forced.Reason != "because" {
		t.Errorf("shown %s, really %s", p.shown(), p.state)
	}
	l.delta("n2", Delta{Forced: &Forced{Namespec: ns, State: process.Unknown}})
	if p := l.proc("shop:db"); p.shown() != process.Stopped {
		t.Errorf("still shown %s", p.shown())
	}
	l.delta("n2", Delta{Forced: &Forced{Namespec: process.ParseNamespec("what:ever"), State: process.Fatal}})
	l.delta("n2", Delta{Removed: &ns})
	if p := l.proc("shop:db"); len(p.infos) != 2 {
		t.Errorf("%d nodes know shop:db", len(p.infos))
	}
	l.delta("n3", Delta{Removed: &ns})
	l.step(LocalRemoved{Namespec: ns})
	if l.c.find(ns) != nil || len(l.c.apps) != 0 {
		t.Error("shop:db is still there")
	}
	if s := l.shares(); len(s) != 1 || *s[0].Delta.Removed != ns {
		t.Errorf("shared %+v", s)
	}
	l.step(LocalRemoved{Namespec: ns}) // once more does no harm
	l.delta("n2", Delta{Removed: &ns})
}

// TestForcedNewest: of the states that several nodes show, the newest one counts, and it ends with its node.
func TestForcedNewest(t *testing.T) {
	l := operation(t, "", nil, "shop:db")
	ns := process.ParseNamespec("shop:db")
	l.delta("n2", Delta{Forced: &Forced{Namespec: ns, State: process.Fatal, Reason: "older", Since: 1}})
	l.delta("n3", Delta{Forced: &Forced{Namespec: ns, State: process.Stopped, Reason: "newer", Since: 2}})
	if p := l.proc("shop:db"); p.forced.Reason != "newer" {
		t.Errorf("shown because of %s", p.forced.Reason)
	}
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	if p := l.proc("shop:db"); p.forced == nil || p.forced.Reason != "older" {
		t.Errorf("shown %s", p.shown())
	}
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	if p := l.proc("shop:db"); p.forced != nil {
		t.Errorf("still shown %s", p.shown())
	}
}

// TestReports: a whole Report replaces what was known, unless it is old, of an unknown or isolated node, or of another run.
func TestReports(t *testing.T) {
	report := func(l *lab, tune func(*Report)) Report {
		r := l.report("n2", "shop:db", "shop:web")
		tune(&r)
		return r
	}
	for _, c := range []struct {
		name  string
		tune  func(*Report)
		state InstanceState // of n2 afterwards
		known bool          // shop:web is known
		log   string
	}{
		{"newer", func(r *Report) { r.Seq = 20 }, InstanceRunning, true, ""},
		{"the same", func(*Report) {}, InstanceRunning, true, ""},
		{"older", func(r *Report) { r.Seq = 9 }, InstanceRunning, false, ""},
		{"unknown node", func(r *Report) { r.Identity.Identifier = "n9" }, InstanceRunning, false, ""},
		{"this node", func(r *Report) { r.Identity.Identifier = "n1" }, InstanceRunning, false, ""},
		{"another run", func(r *Report) { r.Epoch = "n2#2" }, InstanceChecking, false, "it was restarted"},
		{"isolated by n2", func(r *Report) { r.Modes = r.Modes.with("n1", InstanceIsolated) }, InstanceIsolated, true, "has isolated this one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, "", nil)
			l.join("n2", "shop:db")
			l.step(PeerReport{Report: report(l, c.tune)})
			if got := l.c.byID["n2"].state; got != c.state {
				t.Errorf("n2 is %s, want %s", got, c.state)
			}
			if got := l.c.find(process.ParseNamespec("shop:web")) != nil; got != c.known {
				t.Errorf("shop:web is known: %v", got)
			}
			if c.log != "" && !l.logged(c.log) {
				t.Errorf("nothing about %q in the log", c.log)
			}
		})
	}
}

// TestRestartSeenByGossip: a node that comes back before it was missed is lost and met again.
func TestRestartSeenByGossip(t *testing.T) {
	for run, want := range map[string]InstanceState{"": InstanceRunning, "n2#1": InstanceRunning, "n2#2": InstanceChecking} {
		l := operation(t, "", nil, "shop:db")
		l.process("n2", "shop:db", process.Starting)
		l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}, Run: run})
		if got := l.c.byID["n2"].state; got != want {
			t.Errorf("run %q: n2 is %s", run, got)
		}
		if lost := l.proc("shop:db").state == process.Fatal; lost != (want == InstanceChecking) || lost != (len(l.resyncs()) == 1) {
			t.Errorf("run %q: shop:db is %s, asks for %v", run, l.proc("shop:db").state, l.resyncs())
		}
	}
}

// TestResyncedReport: a Report in the place of lost changes drives the jobs as the changes would have done.
func TestResyncedReport(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db", "shop:web")
	l.ask(StartApplication{Name: "shop", Wait: true})
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.wantOrders("start_process shop:web on n1")
	l.process("n3", "shop:tool", process.Starting, process.Running)

	r := l.report("n3", "shop:db")
	r.Seq, r.Modes = 50, l.modes(Operation, "n1")
	r.Processes[0].State = process.Running
	l.step(PeerReport{Report: r})
	if got := len(l.proc("shop:db").running); got != 2 {
		t.Errorf("shop:db runs on %d nodes", got)
	}
	if p := l.c.find(process.ParseNamespec("shop:tool")); p != nil {
		t.Error("shop:tool is still known")
	}
	if _, ok := l.proc("shop:web").infos[l.c.byID["n3"]]; ok {
		t.Error("shop:web of n3 is still known")
	}
}

// TestIsolatedNode: nothing that comes from an isolated node counts.
func TestIsolatedNode(t *testing.T) {
	l := newLab(t, "", func(cfg *Config) { cfg.AutoFence = true }, "shop:db")
	l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}})
	r := l.report("n2", "shop:db")
	r.Consistent.Starting = "LOCAL"
	l.step(PeerReport{Report: r})
	if !l.logged("its options are inconsistent: starting_strategy is CONFIG here and LOCAL there") {
		t.Error("the reason is not in the log")
	}
	isolated := func(after string) {
		t.Helper()
		if s := l.c.byID["n2"].state; s != InstanceIsolated {
			t.Fatalf("after %s, n2 is %s", after, s)
		}
		if len(l.proc("shop:db").infos) != 1 {
			t.Fatalf("after %s, its processes are known", after)
		}
	}
	isolated("the handshake")
	l.step(PeerReport{Report: l.report("n2", "shop:db")})
	isolated("another Report")
	l.process("n2", "shop:db", process.Starting)
	isolated("a change")
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	isolated("its end")
	l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}, Run: "n2#2"})
	isolated("its return")
	l.step(OrderReceived{ID: 1, Order: Order{From: "n2", To: "n1", Term: 99, Action: StartProcess}})
	if e, ok := l.effects[len(l.effects)-1].(Refuse); !ok || e.ID != 1 || e.Reason != "the sender is isolated" {
		t.Errorf("its order: %+v", l.effects)
	}
}

// TestConsistency: each of the options that must be the same everywhere; strict_consistency = false makes it a warning.
func TestConsistency(t *testing.T) {
	for name, change := range map[string]func(*Consistent){
		"auto_fence is false here and true there":                        func(o *Consistent) { o.AutoFence = true },
		"starting_strategy is CONFIG here and LOCAL there":               func(o *Consistent) { o.Starting = "LOCAL" },
		"conciliation_strategy is USER here and STOP there":              func(o *Consistent) { o.Conciliation = "STOP" },
		"supvisors_failure_strategy is CONTINUE here and SHUTDOWN there": func(o *Consistent) { o.Failure = "SHUTDOWN" },
		"auto_fence is false here and true there, starting_strategy is CONFIG here and nonsense there": func(o *Consistent) {
			o.AutoFence, o.Starting = true, "nonsense"
		},
	} {
		for strict, want := range map[bool]InstanceState{true: InstanceIsolated, false: InstanceRunning} {
			l := newLab(t, "", func(cfg *Config) { cfg.Strict = strict })
			l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}})
			r := l.report("n2")
			change(&r.Consistent)
			l.step(PeerReport{Report: r})
			if got := l.c.byID["n2"].state; got != want || !l.logged(name) {
				t.Errorf("strict=%v, %s: n2 is %s", strict, name, got)
			}
		}
	}
}

// TestDiscovery: strangers are taken in with discovery_mode alone, and not under the name of a known node.
func TestDiscovery(t *testing.T) {
	for discovery, want := range map[bool]int{false: 3, true: 4} {
		l := newLab(t, "", func(cfg *Config) { cfg.Discovery = discovery })
		l.step(PeerJoined{Identity: Identity{Identifier: "n4:60000", Nick: "n4"}})
		l.step(PeerJoined{Identity: Identity{Identifier: "n5:60000", Nick: "n2"}})
		if got := len(l.c.nodes); got != want {
			t.Errorf("discovery %v: %d nodes", discovery, got)
		}
		if discovery && l.c.self.modes.Instances["n4:60000"] != InstanceChecking {
			t.Errorf("n4 is %s", l.c.self.modes.Instances["n4:60000"])
		}
	}
}

// TestDiscoveredNick: a discovered node is called what its Report says, unless another one is called so.
func TestDiscoveredNick(t *testing.T) {
	for nick, want := range map[string]InstanceState{"radar": InstanceRunning, "n4:60000": InstanceRunning, "n2": InstanceIsolated} {
		l := newLab(t, "", func(cfg *Config) { cfg.Discovery = true })
		l.step(PeerJoined{Identity: Identity{Identifier: "n4:60000", Nick: "n4:60000"}})
		r := l.report("n2")
		r.Identity = Identity{Identifier: "n4:60000", Nick: nick}
		l.step(PeerReport{Report: r})
		n := l.c.byID["n4:60000"]
		if n.state != want || (n.id.Nick == nick) != (want == InstanceRunning) {
			t.Errorf("%s: it is %s as %s", nick, n.state, n.id.Nick)
		}
		if v := l.c.View().Resolve(nick); want == InstanceRunning && (len(v) != 1 || v[0].Nick != nick) {
			t.Errorf("%s: resolved as %v", nick, v)
		}
	}
}

// TestHandshake: a node passes CHECKING, CHECKED and RUNNING; one that does not report in time is tried again.
func TestHandshake(t *testing.T) {
	l := newLab(t, "", nil)
	n2 := l.c.byID["n2"]
	states := []InstanceState{n2.state}
	see := func() { states = append(states, n2.state) }
	l.step(PeerReport{Report: l.report("n2")}) // before gossip has seen it
	see()
	l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}})
	see()
	l.wait(checkLimit - time.Second)
	see()
	l.wait(time.Second)
	see()
	if !slices.Equal(l.resyncs(), []string{"n2"}) {
		t.Errorf("asks for %v", l.resyncs())
	}
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	see()
	l.join("n2")
	see()
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	see()
	want := []InstanceState{InstanceStopped, InstanceStopped, InstanceChecking, InstanceChecking, InstanceChecking, InstanceStopped,
		InstanceRunning, InstanceStopped}
	if !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
	if l.c.self.modes.Instances["n2"] != InstanceStopped || n2.epoch != "" || n2.modes.Instances != nil {
		t.Errorf("n2 is remembered: %+v", n2)
	}
}

// TestLostProcesses: what ran on a lost node is FATAL there for everybody.
func TestLostProcesses(t *testing.T) {
	l := slave(t, shopRules, nil, "shop:db", "shop:web")
	l.process("n3", "shop:db", process.Starting, process.Running)
	l.process("n3", "shop:web", process.Starting, process.Running)
	l.process("n1", "shop:web", process.Starting, process.Running)
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	db := l.proc("shop:db")
	info := db.infos[l.c.byID["n3"]]
	if db.state != process.Fatal || info.SpawnErr != "Supervisor n3 lost" || info.Expected || info.PID != 0 || len(db.running) != 0 {
		t.Errorf("shop:db is %s: %+v", db.state, info)
	}
	if web := l.proc("shop:web"); web.state != process.Running || len(web.running) != 1 {
		t.Errorf("shop:web is %s on %v", web.state, web.running)
	}
	if !slices.Equal(l.c.lost, []*proc{db}) {
		t.Errorf("lost: %v", l.c.lost)
	}
	// the Master takes care of it
	m := l.modes(Operation, "n2").with("n3", InstanceStopped)
	m.Starting, m.Term = true, 7
	l.peerModes("n2", m)
	if len(l.c.lost) != 1 {
		t.Error("forgotten before the Master has taken care of it")
	}
	m.Starting = false
	l.peerModes("n2", m)
	if len(l.c.lost) != 0 {
		t.Error("kept although the Master has taken care of it")
	}
}

// TestOwnReport: what this node tells about itself, whole and by change, with numbers without a gap.
func TestOwnReport(t *testing.T) {
	l := newLab(t, "", nil, "shop:db")
	if s := l.shares(); len(s) == 0 || s[0].Seq != 1 {
		t.Fatalf("first changes %+v", s)
	}
	last := l.c.seq
	info := stopped("shop:db")
	info.State, info.Expected = process.Fatal, false
	l.info("n1", info)
	info.State, info.Expected = process.Starting, true
	l.info("n1", info)
	for i, s := range l.shares() {
		if s.Seq != last+2+uint64(i) {
			t.Errorf("change %d has number %d", i, s.Seq)
		}
	}
	if d := l.shares()[0].Delta.Process; d == nil || !d.HasCrashed {
		t.Errorf("told %+v: that it has crashed once is forgotten", d)
	}
	r := l.c.Report()
	if r.Seq != l.c.seq || r.Epoch != "n1#1" || r.Identity.Identifier != "n1" || len(r.Processes) != 1 || r.Processes[0].State != process.Starting {
		t.Errorf("%+v", r)
	}
	if !reflect.DeepEqual(r.Modes, l.c.shared) || r.Consistent != l.c.consistent() || r.Tick != l.c.self.tick {
		t.Errorf("%+v", r)
	}
	l.c.force(l.proc("shop:db"), process.Fatal, "because")
	if r := l.c.Report(); len(r.Forced) != 1 || !strings.Contains(r.Forced[0].Reason, "because") {
		t.Errorf("%+v", r.Forced)
	}
}

// TestAutorestart: the node is told which restarts are the cluster's matter, also for programs that come later.
func TestAutorestart(t *testing.T) {
	text := `<application name="shop"><programs>
		<program name="db"><running_failure_strategy>RESTART_APPLICATION</running_failure_strategy></program>
		<program name="web"><running_failure_strategy>STOP_APPLICATION</running_failure_strategy></program>
		<program name="tool"><running_failure_strategy>RESTART_PROCESS</running_failure_strategy></program></programs></application>`
	set := operation(t, text, nil).c.cfg.Rules
	cfg := Config{Self: "n1", Instances: []Identity{{Identifier: "n1", Nick: "n1"}}, Rules: set,
		Processes: []ProcessInfo{stopped("shop:db"), stopped("shop:tool")}}
	c := New(labStart, cfg)
	disabled := func(effects []Effect) (names []string) {
		for _, e := range effects {
			if d, ok := e.(DisableAutorestart); ok {
				names = append(names, d.Namespec.String())
			}
		}
		return names
	}
	if got := disabled(c.Step(labStart, LocalTick{})); !slices.Equal(got, []string{"shop:db"}) {
		t.Errorf("at first: %v", got)
	}
	if got := disabled(c.Step(labStart, LocalProcess{Info: stopped("shop:web")})); !slices.Equal(got, []string{"shop:web"}) {
		t.Errorf("added: %v", got)
	}
	if got := disabled(c.Step(labStart, LocalProcess{Info: stopped("shop:web")})); len(got) != 0 {
		t.Errorf("known already: %v", got)
	}
}

// TestSharedArguments: the arguments that were used last on any other node are those of the process here, unless it is unknown here.
func TestSharedArguments(t *testing.T) {
	l := operation(t, `<application name="shop"><programs><program name="db"/></programs></application>`, nil, "shop:db")
	start := func(nick, name, args string, state process.State) (used []string) {
		l.wait(2 * time.Second)
		info := ProcessInfo{Group: "shop", Name: name, Program: name, State: state, ExtraArgs: args, Now: l.c.wallNow(), Stop: 1}
		for _, e := range l.info(nick, info) {
			if u, ok := e.(UseArgs); ok {
				used = append(used, u.Namespec.String()+" "+u.Args)
			}
		}
		return used
	}
	for _, tt := range []struct {
		nick, name, args string
		state            process.State
		want             []string
	}{
		{"n2", "db", "-x 1", process.Starting, []string{"shop:db -x 1"}},
		{"n2", "db", "-x 1", process.Running, nil},
		{"n2", "far", "-y", process.Starting, nil},
		{"n2", "db", "-x 1", process.Stopped, nil},
		{"n3", "db", "", process.Starting, []string{"shop:db "}},
		{"n3", "db", "", process.Stopped, nil},
		{"n1", "db", "-z", process.Starting, nil}, // which knows it already
	} {
		if got := start(tt.nick, tt.name, tt.args, tt.state); !slices.Equal(got, tt.want) {
			t.Errorf("%s on %s with %q %s: %q, want %q", tt.name, tt.nick, tt.args, tt.state, got, tt.want)
		}
	}
}
