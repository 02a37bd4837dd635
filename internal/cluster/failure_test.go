package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

const failureRules = `
<application name="shop"><programs>
	<program name="stop"><start_sequence>1</start_sequence><running_failure_strategy>STOP_APPLICATION</running_failure_strategy></program>
	<program name="restart"><start_sequence>1</start_sequence><running_failure_strategy>RESTART_APPLICATION</running_failure_strategy></program>
	<program name="process"><start_sequence>1</start_sequence><running_failure_strategy>RESTART_PROCESS</running_failure_strategy></program>
	<program name="single"><running_failure_strategy>RESTART_PROCESS</running_failure_strategy></program>
	<program name="continue"><start_sequence>1</start_sequence></program>
	<program name="shutdown"><running_failure_strategy>SHUTDOWN</running_failure_strategy></program>
	<program name="reboot"><running_failure_strategy>RESTART</running_failure_strategy></program></programs></application>`

var failurePrograms = []string{"shop:stop", "shop:restart", "shop:process", "shop:single", "shop:continue", "shop:shutdown", "shop:reboot"}

// TestFailurePriorities: of several strategies in one application the most restricting one wins, in whatever order they come.
func TestFailurePriorities(t *testing.T) {
	for _, c := range []struct {
		failed        []string
		running       bool // something of the application still runs
		stop, restart bool
		processes     []string
	}{
		{[]string{"shop:continue"}, true, false, false, nil},
		{[]string{"shop:process"}, true, false, false, []string{"shop:process"}},
		{[]string{"shop:process", "shop:single"}, true, false, false, []string{"shop:process", "shop:single"}},
		{[]string{"shop:restart", "shop:process"}, true, false, true, nil},
		{[]string{"shop:restart", "shop:single"}, true, false, true, []string{"shop:single"}}, // not in the start sequence
		{[]string{"shop:stop", "shop:restart", "shop:process", "shop:single"}, true, true, false, nil},
		{[]string{"shop:process"}, false, false, true, nil}, // promoted
		{[]string{"shop:single"}, false, false, false, []string{"shop:single"}},
		{[]string{"shop:single", "shop:process"}, false, false, true, []string{"shop:single"}},
		{[]string{"shop:process", "shop:process"}, true, false, false, []string{"shop:process"}},
	} {
		for _, backwards := range []bool{false, true} {
			l := operation(t, failureRules, nil, failurePrograms...)
			if c.running {
				l.process("n1", "shop:continue", process.Starting, process.Running)
			}
			failed := slices.Clone(c.failed)
			if backwards {
				slices.Reverse(failed)
			}
			h := &l.c.failures
			for _, name := range failed {
				h.add(l.proc(name))
			}
			var procs []string
			for _, p := range h.processes {
				procs = append(procs, p.ns.String())
			}
			slices.Sort(procs)
			if len(h.stop) == 1 != c.stop || len(h.restart) == 1 != c.restart || !slices.Equal(procs, c.processes) {
				t.Errorf("%v: stop %v, restart %v, processes %v", failed, len(h.stop), len(h.restart), procs)
			}
			if want := c.stop || c.restart || len(c.processes) > 0; h.busy() != want {
				t.Errorf("%v: busy %v", failed, h.busy())
			}
		}
	}
}

// TestCrash: what the Master does about a crash, and that nobody else does it.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		process string
		state   State
		orders  []string
	}{
		{"shop:continue", Operation, nil},
		{"shop:process", Operation, nil}, // autorestart's matter
		{"shop:stop", Operation, []string{"stop_process shop:single on n2"}},
		{"shop:restart", Operation, []string{"stop_process shop:single on n2"}},
		{"shop:shutdown", ShuttingDown, []string{"stop_process shop:single on n2"}},
		{"shop:reboot", Restarting, []string{"stop_process shop:single on n2"}},
	} {
		for _, make := range []func(testing.TB, string, func(*Config), ...string) *lab{operation, slave} {
			l := make(t, failureRules, nil, failurePrograms...)
			master := l.c.isMaster()
			l.process("n2", "shop:single", process.Starting, process.Running)
			l.process("n3", c.process, process.Starting, process.Running)
			l.crash("n3", c.process)
			if master && (!slices.Equal(l.orders(), c.orders) || l.c.state() != c.state) {
				t.Errorf("%s: %v in %s", c.process, l.orders(), l.c.state())
			}
			if !master && (len(l.orders()) > 0 || l.c.state() != Operation) {
				t.Errorf("%s: a follower acts: %v in %s", c.process, l.orders(), l.c.state())
			}
		}
	}
}

// TestCrashOfForced: a process that was forced to FATAL had not run, so nothing that ran has failed.
func TestCrashOfForced(t *testing.T) {
	l := operation(t, failureRules, nil, failurePrograms...)
	l.process("n2", "shop:single", process.Starting, process.Running)
	ns := process.ParseNamespec("shop:restart")
	l.delta("n3", Delta{Forced: &Forced{Namespec: ns, State: process.Fatal, Reason: "No resource available", Since: 1}})
	info := stopped("shop:restart")
	info.State = process.Fatal
	l.info("n2", info)
	l.wantOrders()
}

// TestStartingFailureIsNoRunningFailure: a program that cannot start would keep the cluster in DISTRIBUTION for ever.
func TestStartingFailureIsNoRunningFailure(t *testing.T) {
	for _, name := range []string{"shop:stop", "shop:restart", "shop:shutdown"} {
		l := operation(t, failureRules, nil, failurePrograms...)
		l.process("n2", "shop:single", process.Starting, process.Running)
		l.ask(StartProcesses{Namespec: name})
		l.process("n1", name, process.Starting, process.Backoff, process.Fatal)
		if len(l.orders()) > 0 || l.c.jobsBusy() || l.c.state() != Operation {
			t.Errorf("%s: %v in %s", name, l.orders(), l.c.state())
		}
	}
}

// TestCrashDuringElection: whoever becomes the Master takes care of it.
func TestCrashDuringElection(t *testing.T) {
	l := operation(t, failureRules, nil, failurePrograms...)
	for _, name := range []string{"shop:restart", "shop:continue", "shop:process"} {
		l.process("n3", name, process.Starting, process.Running)
	}
	l.peerModes("n2", l.modes(Election, ""))
	l.wantState(Election)
	for _, name := range []string{"shop:restart", "shop:continue", "shop:process"} {
		l.crash("n3", name)
		l.wantOrders()
	}
	if len(l.c.lost) != 1 {
		t.Errorf("%d are kept", len(l.c.lost))
	}
	l.peerModes("n2", l.modes(Election, "n1"))
	l.wantOrders("start_process shop:continue on n1", "start_process shop:process on n1", "start_process shop:restart on n1", "start_process shop:stop on n1")
}

// TestRepair: what was lost with a node, by strategy; what came back meanwhile is left alone.
func TestRepair(t *testing.T) {
	for name, want := range map[string][]string{
		"shop:continue": nil,
		"shop:process":  {"start_process shop:process on n1"},
		"shop:stop":     {"stop_process shop:continue on n2"},
		"shop:restart":  {"stop_process shop:continue on n2"},
		"shop:shutdown": {"stop_process shop:continue on n2"},
	} {
		l := operation(t, failureRules, nil, failurePrograms...)
		if name != "shop:continue" {
			l.process("n2", "shop:continue", process.Starting, process.Running)
		}
		l.process("n3", name, process.Starting, process.Running)
		l.step(PeerLeft{Identifier: "n3"})
		if got := l.orders(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if want := name == "shop:shutdown"; (l.c.state() == ShuttingDown) != want {
			t.Errorf("%s: %s", name, l.c.state())
		}
	}
	l := operation(t, failureRules, nil, failurePrograms...)
	l.process("n2", "shop:process", process.Starting, process.Running)
	l.process("n3", "shop:process", process.Starting, process.Running)
	l.c.lost = append(l.c.lost, l.proc("shop:process"))
	l.step(PeerLeft{Identifier: "n3"})
	l.wantOrders()
}

// TestRepairIsLost: a failure stays one until its repair has come to an end, whatever becomes of the node that was to repair it.
func TestRepairIsLost(t *testing.T) {
	const text = `<application name="shop"><programs>
		<program name="db"><identifiers>n3,n2,n1</identifiers><start_sequence>1</start_sequence><required>true</required>
			<running_failure_strategy>RESTART_PROCESS</running_failure_strategy></program>
		<program name="web"><start_sequence>2</start_sequence></program></programs></application>`
	begin := func(t *testing.T) *lab {
		l := operation(t, text, nil, "shop:db", "shop:web")
		l.process("n1", "shop:web", process.Starting, process.Running)
		l.process("n3", "shop:db", process.Starting, process.Running)
		l.step(PeerLeft{Identifier: "n3"})
		l.wantOrders("start_process shop:db on n2")
		return l
	}
	for name, states := range map[string][]process.State{"ordered": nil, "begun": {process.Starting}, "tried again": {process.Starting, process.Backoff}} {
		l := begin(t)
		l.process("n2", "shop:db", states...)
		l.step(PeerLeft{Identifier: "n2"})
		if got := l.orders(); !slices.Equal(got, []string{"start_process shop:db on n1"}) {
			t.Errorf("%s: %v", name, got)
		}
	}

	// an election takes the jobs away
	l := begin(t)
	l.peerModes("n2", l.modes(Election, "").with("n3", InstanceStopped))
	l.wantState(Election)
	if got := l.c.Report().Modes.Lost; len(got) != 1 {
		t.Errorf("tells of %v", got)
	}
	l.peerModes("n2", l.modes(Election, "n1").with("n3", InstanceStopped))
	l.wantOrders("start_process shop:db on n2")

	// it has ended
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.peerModes("n2", l.modes(Election, "").with("n3", InstanceStopped))
	l.wantState(Election)
	if got := l.c.Report().Modes.Lost; len(got) != 0 {
		t.Errorf("still tells of %v", got)
	}
}

// TestTakeOver: a new Master repairs what the others have seen go down, also when it was that node itself.
func TestTakeOver(t *testing.T) {
	l := newLab(t, failureRules, nil, failurePrograms...)
	l.join("n2", failurePrograms...)
	l.step(PeerJoined{Identity: Identity{Identifier: "n3", Nick: "n3"}})
	r := l.report("n3", failurePrograms...)
	r.Modes.Lost = []process.Namespec{process.ParseNamespec("shop:single"), process.ParseNamespec("shop:gone")}
	l.step(PeerReport{Report: r})
	l.wantOrders("start_process shop:single on n1")

	// a follower tells of what it knows, as long as it must be known
	l = slave(t, failureRules, nil, failurePrograms...)
	l.process("n3", "shop:single", process.Starting, process.Running)
	l.process("n3", "shop:continue", process.Starting, process.Running)
	l.step(PeerLeft{Identifier: "n3"})
	if got := l.c.Report().Modes.Lost; len(got) != 1 || got[0].String() != "shop:single" {
		t.Errorf("tells of %v", got)
	}
	m := l.modes(Operation, "n2").with("n3", InstanceStopped)
	m.Term = 7
	l.peerModes("n2", m)
	if got := l.c.Report().Modes.Lost; len(got) != 0 {
		t.Errorf("still tells of %v", got)
	}
}

// TestFailureWaitsForJobs: an application that has jobs is left alone until they are done.
func TestFailureWaitsForJobs(t *testing.T) {
	l := operation(t, failureRules, nil, failurePrograms...)
	l.process("n2", "shop:stop", process.Starting, process.Running)
	l.ask(StartProcesses{Namespec: "shop:single"})
	l.crash("n2", "shop:stop")
	l.wantOrders()
	if !l.c.jobsBusy() || len(l.c.failures.stop) != 1 {
		t.Error("the failure is forgotten")
	}
	l.process("n1", "shop:single", process.Starting, process.Running)
	l.wantOrders("stop_process shop:single on n1")
}

// TestConciliationStrategies: shop:process is up on n1 for 30 s, on n2 for 10 s and on its way down on n3.
func TestConciliationStrategies(t *testing.T) {
	for strategy, want := range map[rules.ConciliationStrategy][]string{
		rules.Senicide:                   {"stop_process shop:process on n1"},
		rules.Infanticide:                {"stop_process shop:process on n2"},
		rules.ConciliationUser:           nil,
		rules.ConciliationStop:           {"stop_process shop:process on n1", "stop_process shop:process on n2"},
		rules.ConciliationRestart:        {"stop_process shop:process on n1", "stop_process shop:process on n2"},
		rules.ConciliationRunningFailure: {"stop_process shop:process on n1", "stop_process shop:process on n2"},
	} {
		l := operation(t, failureRules, nil, failurePrograms...)
		l.process("n3", "shop:process", process.Starting, process.Running, process.Stopping)
		l.process("n1", "shop:process", process.Starting, process.Running)
		l.wait(20 * time.Second)
		l.process("n2", "shop:process", process.Starting, process.Running)
		l.wait(10 * time.Second)
		for _, n := range l.c.nodes {
			n.tick.Mono = 30
		}
		l.wantState(Conciliation)
		answer := l.ask(Conciliate{Strategy: strategy})
		if got := l.orders(); !slices.Equal(got, want) || answer != map[bool]string{true: "false", false: "true"}[want == nil] {
			t.Errorf("%s: %v, answer %s", strategy, got, answer)
		}
		if strategy != rules.ConciliationRestart && strategy != rules.ConciliationRunningFailure {
			continue
		}
		for _, nick := range []string{"n1", "n2", "n3"} {
			l.process(nick, "shop:process", process.Stopped)
		}
		l.wantOrders("start_process shop:process on n1")
	}
}

// TestConciliationAgain: the Master takes up what comes later at once, and after a while what did not go away.
func TestConciliationAgain(t *testing.T) {
	l := operation(t, failureRules, func(cfg *Config) { cfg.Conciliation = rules.Infanticide }, failurePrograms...)
	both := func(name string) {
		l.process("n2", name, process.Starting, process.Running)
		l.wait(time.Second)
		l.process("n3", name, process.Starting)
	}
	both("shop:single")
	l.wantOrders("stop_process shop:single on n3")
	both("shop:process") // while the first one is in progress
	l.wantOrders()
	l.process("n3", "shop:single", process.Stopping, process.Stopped)
	l.wantOrders("stop_process shop:process on n3")
	l.step(OrderFailed{Order: Order{To: "n3", Action: StopProcess, Namespec: process.ParseNamespec("shop:process")}, Reason: "no"})
	l.wantOrders()
	l.wait(conciliationPause - 1)
	l.wantOrders()
	l.wait(1)
	l.wantOrders("stop_process shop:process on n3")
}

// TestKeptIsLost: the one that a conciliation keeps goes down with its node while the duplicate is still on its way down elsewhere.
func TestKeptIsLost(t *testing.T) {
	keepOldest := func(cfg *Config) { cfg.Conciliation = rules.Infanticide }
	conflict := func(l *lab, kept, other string) {
		l.process(kept, "shop:process", process.Starting, process.Running)
		l.wait(time.Second)
		l.process(other, "shop:process", process.Starting)
	}
	l := operation(t, failureRules, keepOldest, failurePrograms...)
	conflict(l, "n3", "n2")
	l.wantOrders("stop_process shop:process on n2")
	l.process("n2", "shop:process", process.Stopping)
	l.step(PeerLeft{Identifier: "n3"})
	l.wantOrders()
	l.wantState(Conciliation) // until it is up again
	l.process("n2", "shop:process", process.Stopped)
	l.wantOrders("start_process shop:process on n1")

	// it was on the Master: the others tell the next one, whoever that is
	l = slave(t, failureRules, keepOldest, failurePrograms...)
	conflict(l, "n2", "n3")
	l.process("n3", "shop:process", process.Stopping)
	l.step(PeerLeft{Identifier: "n2"})
	if got := l.c.Report().Modes.Lost; len(got) != 1 {
		t.Errorf("tells of %v", got)
	}
}
