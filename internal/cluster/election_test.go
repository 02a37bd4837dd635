package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// TestSelectMaster: a Master that is declared and runs comes first, then core identifiers, then the smallest nick.
func TestSelectMaster(t *testing.T) {
	for _, c := range []struct {
		name     string
		core     []string
		declared map[string]string // by node
		gone     []string
		want     string
	}{
		{"smallest nick", nil, nil, nil, "n1"},
		{"smallest nick of those that run", nil, nil, []string{"n2"}, "n1"},
		{"core", []string{"n3", "n2"}, nil, nil, "n2"},
		{"core by stereotype", []string{"blue"}, nil, nil, "n3"},
		{"core that does not run", []string{"n2"}, nil, []string{"n2"}, "n1"},
		{"unknown core", []string{"n9"}, nil, nil, "n1"},
		{"incumbent", nil, map[string]string{"n2": "n3"}, nil, "n3"},
		{"incumbent before core", []string{"n2"}, map[string]string{"n2": "n3"}, nil, "n3"},
		{"two incumbents", nil, map[string]string{"n2": "n2", "n3": "n3"}, nil, "n2"},
		{"two incumbents, one of them core", []string{"n3"}, map[string]string{"n2": "n2", "n3": "n3"}, nil, "n3"},
		{"incumbent that is gone", nil, map[string]string{"n3": "n2"}, []string{"n2"}, "n1"},
		{"unknown incumbent", nil, map[string]string{"n3": "n9"}, nil, "n1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, "", func(cfg *Config) { cfg.Core = c.core })
			for _, nick := range []string{"n2", "n3"} {
				l.step(PeerJoined{Identity: Identity{Identifier: nick, Nick: nick}})
				r := l.report(nick)
				r.Modes.Master = c.declared[nick]
				if nick == "n3" {
					r.Identity.Stereotypes = []string{"blue"}
				}
				l.step(PeerReport{Report: r})
			}
			for _, nick := range c.gone {
				l.c.setInstance(l.c.byID[nick], InstanceStopped)
			}
			l.c.self.modes.Master = ""
			l.c.selectMaster()
			if got := l.c.self.modes.Master; got != c.want {
				t.Errorf("elected %s, want %s", got, c.want)
			}
		})
	}
}

// TestElectionWaits: a Master is chosen when all running nodes see the same cluster, and takes office when all have chosen it.
func TestElectionWaits(t *testing.T) {
	l := newLab(t, shopRules, nil, "shop:db")
	l.join("n2", "shop:db")
	l.wantState(Synchronization)
	l.step(PeerJoined{Identity: Identity{Identifier: "n3", Nick: "n3"}})
	r := l.report("n3", "shop:db")
	r.Modes = l.modes(Synchronization, "").with("n2", InstanceChecking)
	l.step(PeerReport{Report: r})
	l.wantState(Synchronization) // n3 does not see n2 yet: STRICT is not met for all

	l.peerModes("n3", l.modes(Synchronization, ""))
	l.wantState(Election)
	if m := l.c.self.modes.Master; m != "n1" {
		t.Errorf("Master is %q", m)
	}
	l.peerModes("n3", l.modes(Election, "n1"))
	l.wantState(Operation) // n2 had declared n1 before
	if want := []State{Distribution, Operation}; !slices.Equal(l.states(), want) {
		t.Errorf("states %v, want %v", l.states(), want)
	}
	if l.c.self.modes.Term != 1 || !slices.Contains(l.effects, Effect(SaveTerm{Term: 1})) {
		t.Errorf("term is %d", l.c.self.modes.Term)
	}
}

// TestTerms: a Master's term is greater than any that is known, also from before a restart; the others follow and keep it.
func TestTerms(t *testing.T) {
	l := newLab(t, "", func(cfg *Config) { cfg.Term = 4 })
	l.join("n2")
	l.step(PeerJoined{Identity: Identity{Identifier: "n3", Nick: "n3"}})
	r := l.report("n3")
	r.Modes.Term = 9
	l.step(PeerReport{Report: r})
	l.wantState(Operation)
	if l.c.self.modes.Term != 10 {
		t.Errorf("term is %d", l.c.self.modes.Term)
	}
	saved := slices.Index(l.effects, Effect(SaveTerm{Term: 10}))
	told := slices.IndexFunc(l.effects, func(e Effect) bool {
		s, ok := e.(Share)
		return ok && s.Delta.Modes != nil && s.Delta.Modes.Term == 10
	})
	if saved < 0 || told < saved {
		t.Errorf("the term is saved at %d and told at %d", saved, told)
	}

	l = slave(t, "", nil)
	if l.c.self.modes.Term != 7 || l.c.isMaster() {
		t.Errorf("a follower has term %d", l.c.self.modes.Term)
	}
}

// TestOrderTerms: orders of an older term are refused, whoever sends them.
func TestOrderTerms(t *testing.T) {
	ns := process.ParseNamespec("shop:db")
	for term, want := range map[uint64]string{
		0: "the order belongs to a term that is over",
		6: "the order belongs to a term that is over",
		7: "",
		8: "", // this node is a bit behind
	} {
		l := slave(t, "", nil, "shop:db")
		o := Order{From: "n3", To: "n1", Term: term, Action: StartProcess, Namespec: ns, ExtraArgs: "-x"}
		l.step(OrderReceived{ID: 5, Order: o})
		switch e := l.effects[len(l.effects)-1].(type) {
		case Refuse:
			if e.ID != 5 || e.Reason != want {
				t.Errorf("term %d: %+v", term, e)
			}
		case Execute:
			if want != "" || e.ID != 5 || e.Order != o {
				t.Errorf("term %d: %+v", term, e)
			}
		default:
			t.Errorf("term %d: %+v", term, l.effects)
		}
	}
	// the term of the Master counts before this node has followed it
	l := slave(t, "", nil, "shop:db")
	m := l.modes(Operation, "n2")
	m.Term = 7
	l.c.byID["n2"].modes.Term = 8
	l.step(OrderReceived{ID: 6, Order: Order{From: "n3", Term: 7}})
	if !slices.Contains(l.effects, Effect(Refuse{ID: 6, Reason: "the order belongs to a term that is over"})) {
		t.Errorf("%+v", l.effects)
	}
}

// TestOrdersToEnd: only the Master ends the cluster for others.
func TestOrdersToEnd(t *testing.T) {
	l := slave(t, "", nil)
	l.step(OrderReceived{ID: 1, Order: Order{From: "n3", Term: 7, Action: ShutdownCluster}})
	if !slices.Contains(l.effects, Effect(Refuse{ID: 1, Reason: "this instance is not the Master"})) {
		t.Errorf("%+v", l.effects)
	}
	l = operation(t, "", nil)
	o := Order{From: "n3", Term: 1, Action: RestartCluster}
	l.step(OrderReceived{ID: 2, Order: o})
	if !slices.Contains(l.effects, Effect(Execute{ID: 2, Order: o})) || !slices.Contains(l.states(), Restarting) {
		t.Errorf("%+v", l.effects)
	}
}

// TestFollowing: a node that is not the Master takes its states, one hop after the other.
func TestFollowing(t *testing.T) {
	for _, c := range []struct {
		master State
		want   []State
	}{
		{Election, []State{Election}},
		{Distribution, []State{Election, Distribution}},
		{Operation, nil},
		{Conciliation, []State{Conciliation}},
		{Restarting, []State{Restarting}},
		{ShuttingDown, []State{ShuttingDown}},
		{Synchronization, []State{Synchronization}},
		{Off, nil},
		{Final, nil},
		{State(77), nil},
		{State(-1), nil},
	} {
		l := slave(t, "", nil)
		m := l.modes(c.master, "n2")
		m.Term = 7
		if c.master == Synchronization {
			m.Master = ""
		}
		l.peerModes("n2", m)
		got := l.states()
		if c.master == Synchronization { // by way of the election that the loss of the Master asks for
			if len(got) == 0 || got[0] != Election {
				t.Errorf("Master in %s: states %v", c.master, got)
			}
			continue
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("Master in %s: states %v, want %v", c.master, got, c.want)
		}
	}
}

// TestMasterLost: a node whose Master is gone asks for an election; so does one whose peer has lost it.
func TestMasterLost(t *testing.T) {
	l := slave(t, "", nil)
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	l.wantState(Election)
	if l.c.self.modes.Master != "" || !l.logged("there is no Master") {
		t.Errorf("Master is %q", l.c.self.modes.Master)
	}
	l = slave(t, "", nil)
	l.peerModes("n3", l.modes(Election, "").with("n2", InstanceStopped))
	l.wantState(Election)
	if l.c.self.modes.Master != "n2" {
		t.Errorf("Master is %q", l.c.self.modes.Master)
	}
}

// TestNewcomers: they wait while anybody is busy, then there is an election.
func TestNewcomers(t *testing.T) {
	l := operation(t, "", nil)
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	busy := l.modes(Operation, "n1").with("n3", InstanceStopped)
	busy.Stopping = true
	l.peerModes("n2", busy)
	l.join("n3")
	l.wantState(Operation)
	if s := l.c.byID["n3"].state; s != InstanceChecked {
		t.Errorf("n3 is %s", s)
	}
	busy.Stopping = false
	l.peerModes("n2", busy)
	l.wantState(Election)
	if s := l.c.byID["n3"].state; s != InstanceRunning {
		t.Errorf("n3 is %s", s)
	}
}

// TestLateNode joins the cluster that it finds, whatever its synchro_options, unless a failure strategy would send it back.
func TestLateNode(t *testing.T) {
	for _, c := range []struct {
		name string
		tune func(*Config)
		want State
	}{
		{"STRICT", func(cfg *Config) {}, Operation},
		{"USER", func(cfg *Config) { cfg.Sync = SyncOptions{rules.SyncUser: true} }, Operation},
		{"TIMEOUT", func(cfg *Config) { cfg.Sync, cfg.SyncTimeout = SyncOptions{rules.SyncTimeout: true}, time.Minute }, Operation},
		{"CORE", func(cfg *Config) { cfg.Sync, cfg.Core = SyncOptions{rules.SyncCore: true}, []string{"n2"} }, Operation},
		{"CORE that is missing", func(cfg *Config) { cfg.Sync, cfg.Core = SyncOptions{rules.SyncCore: true}, []string{"n3"} }, Operation},
		{"RESYNC", func(cfg *Config) { cfg.Failure = rules.FailureResync }, Synchronization},
		{"SHUTDOWN", func(cfg *Config) { cfg.Failure = rules.FailureShutdown }, Synchronization},
	} {
		l := newLab(t, "", c.tune)
		l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}})
		r := l.report("n2")
		r.Modes = l.modes(Operation, "n2").with("n3", InstanceStopped)
		l.step(PeerReport{Report: r})
		if got := l.c.state(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
