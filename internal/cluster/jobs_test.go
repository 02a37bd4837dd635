package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// TestDeadlines: every wait has an end, the Core tells when, and says what did not come.
func TestDeadlines(t *testing.T) {
	const secs = time.Second
	start := func(l *lab) { l.ask(StartApplication{Name: "shop", Wait: true}) }
	stop := func(l *lab) {
		l.process("n1", "shop:db", process.Starting, process.Running)
		l.ask(StopProcesses{Namespec: "shop:db", Wait: true})
	}
	for _, c := range []struct {
		name   string
		begin  func(*lab)
		states []process.State // reported after that
		limit  time.Duration   // from then on
		reason string
		shown  process.State
	}{
		{"no STARTING", start, nil, orderMargin, "process STARTING event not received in time", process.Fatal},
		{"no RUNNING", start, []process.State{process.Starting}, 1*secs + orderMargin, "process RUNNING event not received in time", process.Fatal},
		{"no RUNNING after BACKOFF", start, []process.State{process.Starting, process.Backoff}, 1*secs + orderMargin,
			"process RUNNING event not received in time", process.Fatal},
		{"no STOPPING", stop, nil, orderMargin, "process STOPPING event not received in time", process.Stopped},
		{"no STOPPED", stop, []process.State{process.Stopping}, 10*secs + orderMargin, "process STOPPED event not received in time", process.Stopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := operation(t, shopRules, nil, "shop:db")
			c.begin(l)
			l.wait(2 * secs) // what comes now sets the time anew
			l.process("n1", "shop:db", c.states...)
			from := l.now
			if c.states == nil {
				from = from.Add(-2 * secs)
			}
			at, ok := l.c.Deadline()
			if !ok || at.Sub(from) != c.limit {
				t.Fatalf("deadline in %s, want %s", at.Sub(from), c.limit)
			}
			l.wait(at.Sub(l.now) - 1)
			if p := l.proc("shop:db"); p.forced != nil || l.answer(l.asked) != "pending" {
				t.Fatalf("given up too early: %s", p.forced.Reason)
			}
			l.wait(1)
			if p := l.proc("shop:db"); p.forced == nil || p.forced.Reason != c.reason || p.shown() != c.shown {
				t.Errorf("%+v", p.forced)
			}
			if l.c.jobsBusy() || l.answer(l.asked) == "pending" {
				t.Error("the job goes on")
			}
			if _, ok := l.c.Deadline(); ok {
				t.Error("there is still a deadline")
			}
			// it is heard of again
			l.process("n1", "shop:db", process.Starting, process.Running)
			if p := l.proc("shop:db"); p.forced != nil || p.shown() != process.Running {
				t.Errorf("still shown %s", p.shown())
			}
		})
	}
}

// TestNoDeadline: a node at rest needs no Timer.
func TestNoDeadline(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db")
	if at, ok := l.c.Deadline(); ok {
		t.Errorf("deadline in %s", at.Sub(l.now))
	}
}

// TestDeadlinesOfSynchronization: synchro_timeout, the least time with CORE, the handshake of a node.
func TestDeadlinesOfSynchronization(t *testing.T) {
	l := newLab(t, "", func(cfg *Config) {
		cfg.Sync, cfg.SyncTimeout, cfg.Core = SyncOptions{rules.SyncTimeout: true, rules.SyncCore: true}, 30*time.Second, []string{"n3"}
	})
	want := func(d time.Duration) {
		t.Helper()
		if at, ok := l.c.Deadline(); !ok || at.Sub(labStart) != d {
			t.Errorf("deadline at %s, want %s", at.Sub(labStart), d)
		}
	}
	want(minSynchro)
	l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}})
	want(checkLimit)
	l.wait(checkLimit)
	want(minSynchro)
	l.wait(minSynchro - checkLimit)
	want(2 * checkLimit) // CORE is due and has changed nothing
	l.step(PeerLeft{Identifier: "n2"})
	want(30 * time.Second)
	l.wait(15 * time.Second)
	l.wantState(Operation)
}

const waitExitRules = `<application name="base"><programs>
	<program name="migrate"><start_sequence>1</start_sequence><wait_exit>true</wait_exit><required>true</required></program>
	<program name="db"><start_sequence>2</start_sequence></program></programs></application>`

// TestWaitExit: the next number waits for the exit, which must be an expected one, for as long as the limit allows.
func TestWaitExit(t *testing.T) {
	for _, c := range []struct {
		name   string
		states []process.State
		expect bool // of the exit
		limit  time.Duration
		wait   time.Duration
		orders []string
		busy   bool
	}{
		{"it runs", []process.State{process.Starting, process.Running}, true, 0, 24 * time.Hour, nil, true},
		{"it has ended", []process.State{process.Starting, process.Running, process.Exited}, true, 0, 0, []string{"start_process base:db on n1"}, true},
		{"it has ended badly", []process.State{process.Starting, process.Running, process.Exited}, false, 0, 0, nil, false},
		{"it does not end", []process.State{process.Starting, process.Running}, true, time.Minute, time.Minute, nil, false},
		{"it still may end", []process.State{process.Starting, process.Running}, true, time.Minute, time.Minute - 1, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := operation(t, waitExitRules, func(cfg *Config) { cfg.WaitExitLimit = c.limit }, "base:migrate", "base:db")
			l.ask(StartApplication{Name: "base"})
			for _, s := range c.states {
				info := *l.proc("base:migrate").infos[l.c.self]
				info.State, info.Expected = s, s != process.Exited || c.expect
				info.Now++
				l.info("n1", info)
			}
			if c.wait > 0 {
				l.wait(c.wait)
			}
			if got := l.orders(); !slices.Equal(got, c.orders) || l.c.starter.busy() != c.busy {
				t.Errorf("orders %v, busy %v", got, l.c.starter.busy())
			}
			if p := l.proc("base:migrate"); p.state == process.Running && p.shown() != process.Running {
				t.Errorf("it runs and is shown %s", p.shown())
			}
		})
	}
	// asked for by itself, it need not end
	l := operation(t, waitExitRules, nil, "base:migrate", "base:db")
	l.ask(StartProcesses{Namespec: "base:migrate", Wait: true})
	l.process("n1", "base:migrate", process.Starting, process.Running)
	if got := l.answer(l.asked); got != "true" {
		t.Errorf("%s", got)
	}
}

// TestStartingFailures: what a process that does not start does to the rest of its application.
func TestStartingFailures(t *testing.T) {
	const text = `<application name="shop"><starting_failure_strategy>STRATEGY</starting_failure_strategy><programs>
		<program name="a"><start_sequence>1</start_sequence></program>
		<program name="b"><start_sequence>2</start_sequence><required>REQUIRED</required></program>
		<program name="c"><start_sequence>3</start_sequence></program></programs></application>`
	for _, c := range []struct {
		strategy, required string
		orders             []string
	}{
		{"ABORT", "true", nil},
		{"STOP", "true", []string{"stop_process shop:a on n1"}},
		{"CONTINUE", "true", []string{"start_process shop:c on n1"}},
		{"ABORT", "false", []string{"start_process shop:c on n1"}},
		{"STOP", "false", []string{"start_process shop:c on n1"}},
	} {
		l := operation(t, strings.NewReplacer("STRATEGY", c.strategy, "REQUIRED", c.required).Replace(text), nil, "shop:a", "shop:b", "shop:c")
		l.ask(StartApplication{Name: "shop"})
		l.process("n1", "shop:a", process.Starting, process.Running)
		l.process("n1", "shop:b", process.Starting, process.Backoff, process.Fatal)
		if got := l.orders(); !slices.Equal(got, c.orders) {
			t.Errorf("%s, required %s: orders %v, want %v", c.strategy, c.required, got, c.orders)
		}
	}
}

// TestStartGroup: what is up already is waited for, what is on its way down is left out, and what finds no node fails.
func TestStartGroup(t *testing.T) {
	text := `<application name="shop"><programs>
		<program name="up"><start_sequence>1</start_sequence></program>
		<program name="down"><start_sequence>1</start_sequence></program>
		<program name="lost"><identifiers>n9</identifiers><start_sequence>1</start_sequence></program>
		<program name="next"><start_sequence>2</start_sequence></program></programs></application>`
	names := []string{"shop:up", "shop:down", "shop:lost", "shop:next"}
	l := operation(t, text, nil, names...)
	l.process("n3", "shop:up", process.Starting)
	l.process("n2", "shop:down", process.Starting, process.Running, process.Stopping)
	l.c.planStart(l.app("shop"), rules.Config, ByRequest)
	l.step(Timer{})
	l.wantOrders()
	if p := l.proc("shop:lost"); p.shown() != process.Fatal || p.forced.Reason != "No resource available" {
		t.Errorf("shop:lost is %s", p.shown())
	}
	l.process("n3", "shop:up", process.Running)
	l.wantOrders("start_process shop:next on n1")
}

// TestSequences: applications by their numbers, within them processes by theirs, starts upwards and stops downwards.
func TestSequences(t *testing.T) {
	text := `
<application name="first"><start_sequence>1</start_sequence><programs>
	<program name="a"><start_sequence>1</start_sequence></program><program name="b"><start_sequence>2</start_sequence></program>
	<program name="extra"/></programs></application>
<application name="second"><start_sequence>2</start_sequence><stop_sequence>0</stop_sequence><programs>
	<program name="a"><start_sequence>1</start_sequence><stop_sequence>5</stop_sequence></program>
	<program name="b"><start_sequence>2</start_sequence></program></programs></application>`
	names := []string{"first:a", "first:b", "first:extra", "second:a", "second:b", "loose"}
	l := newLab(t, text, nil, names...)
	l.join("n2", names...)
	l.join("n3", names...)
	for i, name := range []string{"first:a", "first:b", "second:a", "second:b"} {
		l.wantOrders("start_process " + name + " on n1")
		if v := l.c.View(); v.Starts != 4-i || v.Stops != 0 {
			t.Errorf("%s: %d starts, %d stops to come", name, v.Starts, v.Stops)
		}
		l.process("n1", name, process.Starting, process.Running)
	}
	l.wantState(Operation)
	l.process("n1", "first:extra", process.Starting, process.Running)
	l.process("n1", "loose", process.Starting, process.Running)
	l.ask(Shutdown{})
	left := len(names)
	for _, group := range [][]string{{"first:b"}, {"first:a"}, {"first:extra"}, {"loose", "second:a"}, {"second:b"}} {
		var want []string
		for _, name := range group {
			want = append(want, "stop_process "+name+" on n1")
		}
		l.wantOrders(want...)
		if v := l.c.View(); v.Starts != 0 || v.Stops != left {
			t.Errorf("%s: %d starts, %d stops to come, want %d", group, v.Starts, v.Stops, left)
		}
		for _, name := range group {
			l.process("n1", name, process.Stopping, process.Stopped)
		}
		left -= len(group)
	}
	if v := l.c.View(); v.Starts != 0 || v.Stops != 0 {
		t.Errorf("%d starts, %d stops to come at the end", v.Starts, v.Stops)
	}
	l.peerModes("n2", l.modes(ShuttingDown, "n1"))
	l.peerModes("n3", l.modes(ShuttingDown, "n1"))
	l.wantState(Final)
}

// TestLostNodeInSequence: what was asked of a node that is lost is a starting failure, and goes on with the rest.
func TestLostNodeInSequence(t *testing.T) {
	text := `<application name="shop"><running_failure_strategy>RESTART_PROCESS</running_failure_strategy><programs>
		<program name="a"><identifiers>n3</identifiers><start_sequence>1</start_sequence></program>
		<program name="b"><start_sequence>2</start_sequence></program></programs></application>`
	l := operation(t, text, nil, "shop:a", "shop:b")
	l.ask(StartApplication{Name: "shop", Wait: true})
	l.process("n3", "shop:a", process.Starting)
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	l.wantOrders("start_process shop:b on n1")
	if len(l.c.lost) != 0 || l.c.failures.busy() {
		t.Error("the running failure strategy is applied as well")
	}
	// a stop is over as well
	l = operation(t, text, nil, "shop:a", "shop:b")
	l.process("n3", "shop:a", process.Starting, process.Running)
	l.ask(StopProcesses{Namespec: "shop:a", Wait: true})
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	if got := l.answer(l.asked); got != "true" || len(l.orders()) != 0 {
		t.Errorf("%s, %v", got, l.orders())
	}
}

// TestLostNodeBeforeStart: a node that goes before it has begun with a start has not failed at it: another one does it, as often as it takes.
func TestLostNodeBeforeStart(t *testing.T) {
	l := operation(t, `<application name="shop"><programs>
		<program name="a"><identifiers>n3,n2,n1</identifiers><start_sequence>1</start_sequence><required>true</required></program>
		<program name="b"><start_sequence>2</start_sequence></program></programs></application>`, nil, "shop:a", "shop:b")
	l.ask(StartApplication{Name: "shop", Wait: true})
	o := l.effects[slices.IndexFunc(l.effects, func(e Effect) bool { _, ok := e.(Send); return ok })].(Send).Order
	l.step(OrderFailed{Order: o, Reason: "connection refused", Lost: true})
	l.wantOrders()
	if p := l.proc("shop:a"); p.forced != nil {
		t.Errorf("shop:a is %s before anybody misses the node", p.shown())
	}
	l.step(PeerLeft{Identifier: "n3", Reason: "gone"})
	l.wantOrders("start_process shop:a on n2")
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	l.wantOrders("start_process shop:a on n1")
	l.process("n1", "shop:a", process.Starting, process.Running)
	l.wantOrders("start_process shop:b on n1")

	// gossip sees a node that cannot be reached: the wait has an end
	l = operation(t, shopRules, nil, "shop:db")
	l.ask(StartProcesses{Namespec: "shop:db", Wait: true})
	l.step(OrderFailed{Order: Order{To: "n1", Action: StartProcess, Namespec: process.ParseNamespec("shop:db")}, Reason: "timeout", Lost: true})
	l.wait(orderMargin)
	if p := l.proc("shop:db"); p.shown() != process.Fatal || l.answer(l.asked) == "pending" {
		t.Errorf("shop:db is %s, answer %s", p.shown(), l.answer(l.asked))
	}
}

// TestRemovedInSequence: a program that is taken out of the configuration does not hold anything up.
func TestRemovedInSequence(t *testing.T) {
	ns := process.ParseNamespec("shop:db")
	l := operation(t, shopRules, nil, "shop:db", "shop:web")
	l.ask(StartApplication{Name: "shop", Wait: true})
	l.step(LocalRemoved{Namespec: ns})
	l.wantOrders("start_process shop:web on n1")

	l = operation(t, shopRules, nil, "shop:db")
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.ask(RestartProcesses{Namespec: "shop:db", Wait: true})
	l.c.failures.addProcess(l.proc("shop:db"))
	l.c.failures.addStop(l.app("shop"))
	l.delta("n2", Delta{Removed: &ns})
	l.delta("n3", Delta{Removed: &ns})
	l.step(LocalRemoved{Namespec: ns})
	if l.answer(l.asked) == "pending" || l.c.jobsBusy() || len(l.c.afterStop) != 0 {
		t.Errorf("something is left of it: %v", l.effects)
	}
}

// TestOrderFailed: an order that was not carried out fails its command, unless the node tells that it is under way all the same.
func TestOrderFailed(t *testing.T) {
	fail := func(l *lab, o Order, reason string) { l.step(OrderFailed{Order: o, Reason: reason}) }
	l := operation(t, shopRules, nil, "shop:db")
	l.ask(StartProcesses{Namespec: "shop:db", Wait: true})
	o := l.effects[slices.IndexFunc(l.effects, func(e Effect) bool { _, ok := e.(Send); return ok })].(Send).Order
	other := o
	other.To = "n3"
	fail(l, other, "not about this one")
	if !l.c.starter.busy() {
		t.Fatal("failed by an order to another node")
	}
	fail(l, o, "BAD_NAME: shop:db")
	if p := l.proc("shop:db"); p.shown() != process.Fatal || p.forced.Reason != "BAD_NAME: shop:db" || l.answer(l.asked) == "pending" {
		t.Errorf("shop:db is %s, answer %s", p.shown(), l.answer(l.asked))
	}
	fail(l, o, "once more") // too late

	l = operation(t, shopRules, nil, "shop:db")
	l.ask(StartProcesses{Namespec: "shop:db", Wait: true})
	l.process("n1", "shop:db", process.Starting)
	fail(l, o, "ALREADY_STARTED: shop:db")
	if p := l.proc("shop:db"); p.forced != nil || !l.c.starter.busy() {
		t.Errorf("shop:db is %s", p.shown())
	}
	l.process("n1", "shop:db", process.Running)
	if got := l.answer(l.asked); got != "true" {
		t.Errorf("%s", got)
	}

	l.ask(StopProcesses{Namespec: "shop:db", Wait: true})
	o.Action = StopProcess
	fail(l, o, "connection refused")
	if p := l.proc("shop:db"); p.shown() != process.Stopped || l.answer(l.asked) != "STILL_RUNNING: processes=['shop:db']" {
		t.Errorf("shop:db is %s, answer %s", p.shown(), l.answer(l.asked))
	}
}

// TestStartedElsewhere: a start that comes to nothing is no failure when somebody else has started the process meanwhile.
func TestStartedElsewhere(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db", "shop:web")
	l.ask(StartApplication{Name: "shop", Wait: true})
	l.process("n3", "shop:db", process.Starting, process.Running)
	l.wait(orderMargin)
	if p := l.proc("shop:db"); p.shown() != process.Running {
		t.Errorf("shop:db is %s", p.shown())
	}
	l.wantOrders("start_process shop:web on n1")
}

// TestPlans: a new plan for an application replaces the one that waits, and one command is planned once.
func TestPlans(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db", "shop:web")
	s := sequencer{lowFirst: true}
	app := l.app("shop")
	first, second := &job{app: app, planned: map[int][]*command{}}, &job{app: app, planned: map[int][]*command{}}
	s.plan(3, first)
	s.plan(1, second)
	if got := s.jobs(); len(got) != 1 || got[0] != second || !s.busy() {
		t.Errorf("%d jobs", len(got))
	}
	db := l.proc("shop:db")
	second.add(1, &command{proc: db})
	second.add(2, &command{proc: db})
	second.add(2, &command{proc: db, node: l.c.self})
	second.add(2, &command{proc: db, node: l.c.self})
	if got := len(second.commands()); got != 2 {
		t.Errorf("%d commands", got)
	}
	if !s.pop() || s.pop() || s.current[0] != second {
		t.Error("pop")
	}
}

// TestStopping: what is on its way down already is waited for, without another order, by stops and restarts.
func TestStopping(t *testing.T) {
	down := func(t *testing.T) *lab {
		l := operation(t, shopRules, nil, "shop:db", "shop:web")
		l.process("n1", "shop:db", process.Starting, process.Running)
		l.process("n2", "shop:web", process.Starting, process.Running, process.Stopping)
		return l
	}
	for name, r := range map[string]Request{"stop": StopApplication{Name: "shop", Wait: true}, "restart": RestartApplication{Name: "shop", Wait: true}} {
		l := down(t)
		l.ask(r)
		l.wantOrders()
		l.process("n2", "shop:web", process.Stopped)
		l.wantOrders("stop_process shop:db on n1")
		l.process("n1", "shop:db", process.Stopping, process.Stopped)
		if name == "restart" {
			l.wantOrders("start_process shop:db on n1")
		} else if got := l.answer(l.asked); got != "true" {
			t.Errorf("%s", got)
		}
	}
	l := down(t)
	if got := l.ask(RestartProcesses{Namespec: "shop:web", Wait: true}); got != "pending" {
		t.Errorf("%s", got)
	}
	l.process("n2", "shop:web", process.Stopped)
	l.wantOrders("start_process shop:web on n1")
	l = down(t)
	if got := l.ask(StopProcesses{Namespec: "shop:web"}); got != "NOT_RUNNING: shop:web already stopped" {
		t.Errorf("%s", got)
	}
	// it does not end: the stop goes on without it
	l = down(t)
	l.ask(StopApplication{Name: "shop", Wait: true})
	l.wait(10*time.Second + orderMargin)
	l.wantOrders("stop_process shop:db on n1")
}

// TestStopBeforeRestart: what waits for the stop of an application waits for all of it.
func TestStopBeforeRestart(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db", "shop:web")
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.process("n2", "shop:web", process.Starting, process.Running)
	l.ask(StopApplication{Name: "shop"})
	l.wantOrders("stop_process shop:web on n2")
	l.ask(RestartApplication{Name: "shop", Wait: true})
	l.process("n2", "shop:web", process.Stopping, process.Stopped)
	l.wantOrders("stop_process shop:db on n1")
	l.process("n1", "shop:db", process.Stopping, process.Stopped)
	l.wantOrders("start_process shop:db on n1")
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.process("n1", "shop:web", process.Starting, process.Running)
	if got := l.answer(l.asked); got != "true" {
		t.Errorf("%s", got)
	}
}
