package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

func (l *lab) stand(nick string, s Standing) {
	l.t.Helper()
	if nick == "n1" {
		l.step(LocalStanding{s})
		return
	}
	l.delta(nick, Delta{Standing: &s})
}

// causes returns why the orders of the last step are given.
func (l *lab) causes() (list []Cause) {
	for _, e := range l.effects {
		if send, ok := e.(Send); ok {
			list = append(list, send.Order.Cause)
		}
	}
	return list
}

// TestDrain: what runs on a node that is draining is stopped there, in the order of the rules, and started elsewhere when it is down.
func TestDrain(t *testing.T) {
	l := operation(t, lockRules, nil, "shop:db", "shop:web", "loose")
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.process("n2", "shop:web", process.Starting, process.Running)
	l.process("n2", "loose", process.Starting, process.Running)
	l.process("n3", "loose", process.Starting, process.Running) // no conflict of an unmanaged one is a matter of the Master
	l.stand("n2", Draining)
	l.wantOrders("stop_process shop:db on n2")
	if got := l.causes(); !slices.Equal(got, []Cause{ByDrain}) {
		t.Errorf("causes %v", got)
	}
	l.process("n2", "shop:db", process.Stopping, process.Stopped)
	l.wantOrders("stop_process shop:web on n2")
	l.process("n2", "shop:web", process.Stopping, process.Stopped)
	l.wantOrders("start_process shop:db on n1")
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.wantOrders("start_process shop:web on n1")
	l.process("n1", "shop:web", process.Starting, process.Running)
	l.wait(time.Hour)
	l.wantOrders()
}

// TestDrainWaits: for update locks, and for what else is done with the application.
func TestDrainWaits(t *testing.T) {
	l := locked(t, time.Minute)
	l.ask(StopProcesses{Namespec: "shop:db"})
	l.stand("n2", Draining)
	l.wantOrders()
	l.process("n1", "shop:db", process.Stopping, process.Stopped)
	l.wantOrders() // shop holds its lock on n2
	l.wait(61 * time.Second)
	l.wantOrders() // and is waited for again
	l.lock("n2")
	l.wantOrders("stop_process shop:web on n2")
	l.stand("n2", Serving) // the user thinks better of it
	l.process("n2", "shop:web", process.Stopping, process.Stopped)
	l.wantOrders("start_process shop:web on n1") // a start that waited is given all the same; any node may take it
}

// TestServesAgain: what no node could take is started when one can, as soon as nothing else is under way.
func TestServesAgain(t *testing.T) {
	const text = `<application name="shop"><start_sequence>1</start_sequence><programs>
		<program name="web"><identifiers>n2</identifiers><start_sequence>1</start_sequence></program></programs></application>`
	l := newLab(t, text, nil, "shop:web", "loose")
	l.join("n2", "shop:web", "loose")
	l.join("n3", "shop:web", "loose")
	l.wantState(Distribution)
	l.process("n2", "shop:web", process.Starting, process.Running)
	l.wantState(Operation)
	l.stand("n2", Reserved)
	l.wantOrders()
	l.crash("n2", "shop:web")
	l.ask(StartProcesses{Namespec: "loose"})
	l.stand("n2", Serving)
	l.wantOrders()
	l.process("n1", "loose", process.Starting, process.Running)
	l.wantOrders("start_process shop:web on n2")
}

// TestWithdraw: a node that leaves gives up all it was about, answers who waits, takes no order, and no tick brings it back.
func TestWithdraw(t *testing.T) {
	l := operation(t, lockRules, nil, "shop:db", "shop:web")
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.process("n2", "shop:web", process.Starting, process.Running)
	if got := l.ask(RestartApplication{Name: "shop", Wait: true}); got != "pending" {
		t.Fatal(got)
	}
	shared := l.step(LocalStanding{Withdrawn})
	if first, ok := shared[slices.IndexFunc(shared, func(e Effect) bool { _, ok := e.(Share); return ok })].(Share); !ok ||
		first.Delta.Standing == nil || *first.Delta.Standing != Withdrawn {
		t.Errorf("shared first: %+v", shared)
	}
	replied := slices.ContainsFunc(shared, func(e Effect) bool { _, ok := e.(Reply); return ok })
	if !replied {
		t.Error("the client of the restart waits for ever")
	}
	l.wantState(Off)
	l.wantOrders()
	v := l.c.View()
	for _, n := range v.Instances {
		if n.State != InstanceStopped {
			t.Errorf("%s is %s", n.Nick, n.State)
		}
	}
	if p := v.Application("shop").Process("web"); len(p.Running) > 0 {
		t.Errorf("shop:web is seen on %q", p.Running)
	}
	l.step(OrderReceived{ID: 9, Order: Order{From: "n2", To: "n1", Term: 99, Action: StartProcess, Namespec: process.ParseNamespec("shop:web")}})
	if len(l.effects) != 1 || l.effects[0] != (Refuse{ID: 9, Reason: "this instance has left the cluster"}) {
		t.Errorf("an order is answered by %+v", l.effects)
	}
	l.wait(time.Minute)
	l.wantState(Off)
	l.step(LocalStanding{Reserved})
	l.wantState(Synchronization)
	if got := l.c.Report().Standing; got != Reserved {
		t.Errorf("it reports %s", got)
	}
}

// TestLeftIsNotFenced: a node that has said that it goes is STOPPED in spite of auto_fence; one that just disappears is ISOLATED.
func TestLeftIsNotFenced(t *testing.T) {
	l := operation(t, lockRules, func(cfg *Config) { cfg.AutoFence = true }, "shop:db", "shop:web")
	l.stand("n2", Withdrawn)
	l.step(PeerLeft{Identifier: "n2", Reason: "left"})
	if got := l.c.View().Instance("n2"); got.State != InstanceStopped || got.Standing != Serving {
		t.Errorf("n2 is %s and %s", got.State, got.Standing)
	}
	l.step(PeerLeft{Identifier: "n3", Reason: "lost"})
	if got := l.c.View().Instance("n3").State; got != InstanceIsolated {
		t.Errorf("n3 is %s", got)
	}
}
