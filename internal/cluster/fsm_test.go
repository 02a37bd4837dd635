package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// TestSynchronization: each option, with one and with two of the three nodes, before and after the times that matter.
func TestSynchronization(t *testing.T) {
	set := func(options ...rules.SyncOption) func(*Config) {
		return func(cfg *Config) {
			cfg.Sync, cfg.SyncTimeout, cfg.Core = SyncOptions{}, 20*time.Second, []string{"n1", "n2"}
			for _, o := range options {
				cfg.Sync[o] = true
			}
		}
	}
	for _, c := range []struct {
		name     string
		options  []rules.SyncOption
		peers    int
		after    time.Duration
		ends     bool
		degraded bool
	}{
		{"STRICT, one missing", []rules.SyncOption{rules.SyncStrict}, 1, time.Minute, false, true},
		{"STRICT, all there", []rules.SyncOption{rules.SyncStrict}, 2, 0, true, false},
		{"LIST, one missing", []rules.SyncOption{rules.SyncList}, 1, time.Minute, false, true},
		{"LIST, all there", []rules.SyncOption{rules.SyncList}, 2, 0, true, false},
		{"TIMEOUT, early", []rules.SyncOption{rules.SyncTimeout}, 2, 19 * time.Second, false, false},
		{"TIMEOUT, late", []rules.SyncOption{rules.SyncTimeout}, 0, 20 * time.Second, true, false},
		{"STRICT and TIMEOUT", []rules.SyncOption{rules.SyncStrict, rules.SyncTimeout}, 1, 20 * time.Second, true, true},
		{"CORE, early", []rules.SyncOption{rules.SyncCore}, 1, 14 * time.Second, false, true},
		{"CORE, late", []rules.SyncOption{rules.SyncCore}, 1, 15 * time.Second, true, false},
		{"CORE, missing", []rules.SyncOption{rules.SyncCore}, 0, time.Minute, false, true},
		{"CORE and STRICT", []rules.SyncOption{rules.SyncCore, rules.SyncStrict}, 1, 15 * time.Second, true, true},
		{"USER", []rules.SyncOption{rules.SyncUser}, 2, time.Minute, false, false},
		{"none", nil, 2, time.Minute, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, "", set(c.options...))
			for i, nick := range []string{"n2", "n3"}[:c.peers] {
				l.step(PeerJoined{Identity: Identity{Identifier: nick, Nick: nick}})
				r := l.report(nick)
				r.Modes = l.modes(Synchronization, "")
				if c.peers == 1 || i == 0 && c.peers == 2 {
					r.Modes = r.Modes.with("n3", InstanceStopped)
				}
				l.step(PeerReport{Report: r})
			}
			if c.peers == 2 {
				l.peerModes("n2", l.modes(Synchronization, ""))
			}
			if c.after > 0 {
				l.wait(c.after)
			}
			if ended := l.c.state() != Synchronization; ended != c.ends || l.c.self.modes.Degraded != c.degraded {
				t.Errorf("%s, degraded %v", l.c.state(), l.c.self.modes.Degraded)
			}
		})
	}
}

// TestFailureStrategies: of USER, CORE, STRICT and LIST the first one that is set decides; n3 is lost.
func TestFailureStrategies(t *testing.T) {
	for _, c := range []struct {
		name     string
		options  []rules.SyncOption
		core     []string
		strategy rules.FailureStrategy
		want     State
		degraded bool
	}{
		{"CONTINUE", []rules.SyncOption{rules.SyncStrict}, nil, rules.FailureContinue, Operation, true},
		{"STRICT", []rules.SyncOption{rules.SyncStrict}, nil, rules.FailureResync, Synchronization, true},
		{"LIST", []rules.SyncOption{rules.SyncList}, nil, rules.FailureResync, Synchronization, true},
		{"CORE is there", []rules.SyncOption{rules.SyncCore}, []string{"n2"}, rules.FailureResync, Operation, false},
		{"CORE is there, STRICT not", []rules.SyncOption{rules.SyncCore, rules.SyncStrict}, []string{"n2"}, rules.FailureResync, Operation, true},
		{"CORE is lost", []rules.SyncOption{rules.SyncCore}, []string{"n3"}, rules.FailureResync, Synchronization, true},
		{"USER", []rules.SyncOption{rules.SyncUser, rules.SyncCore}, []string{"n2"}, rules.FailureResync, Synchronization, true}, // CORE grants the others 15 s
		{"SHUTDOWN", []rules.SyncOption{rules.SyncStrict}, nil, rules.FailureShutdown, ShuttingDown, true},
		{"TIMEOUT", []rules.SyncOption{rules.SyncTimeout}, nil, rules.FailureShutdown, Operation, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := operation(t, shopRules, func(cfg *Config) {
				cfg.Core, cfg.Failure = c.core, c.strategy
			}, "shop:db")
			l.process("n2", "shop:db", process.Starting, process.Running)
			l.c.cfg.Sync = SyncOptions{}
			for _, o := range c.options {
				l.c.cfg.Sync[o] = true
			}
			l.c.cfg.SyncTimeout = time.Hour
			l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
			if got := l.c.state(); got != c.want || l.c.self.modes.Degraded != c.degraded {
				t.Errorf("%s, degraded %v", got, l.c.self.modes.Degraded)
			}
			if c.want == ShuttingDown {
				l.wantOrders("stop_process shop:db on n2")
			}
		})
	}
}

// TestShutdownStrategyOfAFollower leaves it to the Master, which stops what runs in its order; without a Master it ends at once.
func TestShutdownStrategyOfAFollower(t *testing.T) {
	l := slave(t, "", func(cfg *Config) { cfg.Failure = rules.FailureShutdown })
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	l.wantState(Operation)
	m := l.modes(ShuttingDown, "n2").with("n3", InstanceStopped)
	m.Term = 7
	l.peerModes("n2", m)
	l.wantState(ShuttingDown)

	l = slave(t, "", func(cfg *Config) { cfg.Failure = rules.FailureShutdown })
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	if want := []State{ShuttingDown, Final}; !slices.Equal(l.states(), want) {
		t.Errorf("states %v, want %v", l.states(), want)
	}
}

// TestFencing: a lost node is isolated with auto_fence while the cluster works, the Master like any other.
func TestFencing(t *testing.T) {
	for _, fence := range []bool{false, true} {
		want := map[bool]InstanceState{false: InstanceStopped, true: InstanceIsolated}[fence]
		l := slave(t, "", func(cfg *Config) { cfg.AutoFence = fence })
		for _, nick := range []string{"n3", "n2"} {
			l.step(PeerLeft{Identifier: nick, Reason: "gone"})
			if got := l.c.byID[nick].state; got != want {
				t.Errorf("auto_fence %v: %s is %s", fence, nick, got)
			}
		}
		l = newLab(t, "", func(cfg *Config) { cfg.AutoFence = fence })
		l.join("n2")
		l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
		if got := l.c.byID["n2"].state; got != InstanceStopped {
			t.Errorf("auto_fence %v: n2 is %s during the synchronization", fence, got)
		}
	}
}

// TestDistribution: applications with a start_sequence start by it, unless they were stopped on purpose; those in failure get another
// chance.
func TestDistribution(t *testing.T) {
	text := `
<application name="one"><start_sequence>1</start_sequence><programs><program name="p"><start_sequence>1</start_sequence></program></programs></application>
<application name="two"><start_sequence>2</start_sequence><programs><program name="p"><start_sequence>1</start_sequence></program></programs></application>
<application name="not"><programs><program name="p"><start_sequence>1</start_sequence></program></programs></application>`
	l := newLab(t, text, nil, "one:p", "two:p", "not:p")
	l.join("n2", "one:p", "two:p", "not:p")
	l.join("n3", "one:p", "two:p", "not:p")
	l.wantState(Distribution)
	l.wantOrders("start_process one:p on n1")
	l.process("n1", "one:p", process.Starting, process.Running)
	l.wantState(Distribution)
	l.wantOrders("start_process two:p on n1")
	l.process("n1", "two:p", process.Starting, process.Running)
	l.wantState(Operation)

	l.process("n1", "two:p", process.Stopping, process.Stopped)
	l.crash("n1", "one:p")
	l.peerModes("n2", l.modes(Election, ""))
	l.peerModes("n2", l.modes(Election, "n1"))
	l.wantState(Distribution)
	l.wantOrders("start_process one:p on n1")
	l.process("n1", "one:p", process.Starting, process.Running)
	l.wantState(Operation)
}

// TestConciliation: the Master goes there when nobody is busy, and back when the conflict is over.
func TestConciliation(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db", "shop:web", "loose")
	for _, nick := range []string{"n2", "n3"} {
		l.process(nick, "loose", process.Starting, process.Running)
	}
	l.wantState(Operation) // it is not managed
	l.ask(StartProcesses{Strategy: rules.Local, Namespec: "shop:web"})
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.process("n3", "shop:db", process.Starting, process.Running)
	l.wantState(Operation) // there are jobs
	l.process("n1", "shop:web", process.Starting, process.Running)
	l.wantState(Conciliation)
	if c := l.c.View().Conflicts(); len(c) != 1 || c[0].Namespec.String() != "shop:db" || !slices.Equal(c[0].Running, []string{"n2", "n3"}) {
		t.Errorf("conflicts %+v", c)
	}
	l.wait(time.Minute)
	if l.logged("conflict of") {
		t.Error("USER: a conflict that lasts is told again and again")
	}
	l.process("n2", "shop:db", process.Stopping)
	l.wantState(Conciliation)
	l.process("n2", "shop:db", process.Stopped)
	l.wantState(Operation)
}

// TestFrozen: after a pause in which it could hear nothing, a node gives what it waits for as much time again.
func TestFrozen(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db")
	l.ask(StartProcesses{Namespec: "shop:db", Wait: true})
	before, _ := l.c.Deadline()
	l.now = l.now.Add(time.Hour)
	l.step(Timer{})
	if !l.logged("nothing happened for 1h0m0s") {
		t.Error("the pause is not in the log")
	}
	if after, _ := l.c.Deadline(); after.Sub(before) != time.Hour {
		t.Errorf("the deadline moved by %s", after.Sub(before))
	}
	l.process("n1", "shop:db", process.Starting, process.Running)
	if got := l.answer(l.asked); got != "true" {
		t.Errorf("%s", got)
	}
}
