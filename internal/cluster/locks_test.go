package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

const lockRules = `<application name="shop"><programs>
	<program name="db"><start_sequence>1</start_sequence><stop_sequence>2</stop_sequence><running_failure_strategy>RESTART_APPLICATION</running_failure_strategy></program>
	<program name="web"><start_sequence>2</start_sequence><stop_sequence>1</stop_sequence></program></programs></application>`

// locked returns a lab in OPERATION in which shop:db runs on n1 and shop:web on n2, and shop holds its update lock on n2.
func locked(t *testing.T, limit time.Duration) *lab {
	l := operation(t, lockRules, func(cfg *Config) { cfg.LockLimit = limit }, "shop:db", "shop:web")
	l.process("n1", "shop:db", process.Starting, process.Running)
	l.process("n2", "shop:web", process.Starting, process.Running)
	l.lock("n2", "shop")
	return l
}

func (l *lab) lock(nick string, applications ...string) {
	l.t.Helper()
	if nick == "n1" {
		l.step(LocalLocks{Applications: applications})
		return
	}
	l.delta(nick, Delta{Locks: &applications})
}

// TestRestartWaitsForLock: a restart of the application waits where its lock is held, in the order of the sequence, and goes on at once.
func TestRestartWaitsForLock(t *testing.T) {
	l := locked(t, 0)
	if got := l.c.View().Instance("n2").Locks; !slices.Equal(got, []string{"shop"}) {
		t.Errorf("locks of n2: %q", got)
	}
	if got := l.ask(RestartApplication{Name: "shop", Wait: true}); got != "pending" {
		t.Fatal(got)
	}
	l.wantOrders("stop_process shop:db on n1") // its turn comes first, and nobody holds a lock there
	l.process("n1", "shop:db", process.Stopping, process.Stopped)
	l.wantOrders()
	if !l.logged("stop of shop:web on n2 waits: application shop holds an update lock") {
		t.Errorf("effects %v", l.effects)
	}
	l.wait(24 * time.Hour)
	l.wantOrders()
	l.lock("n2", "other")
	l.wantOrders("stop_process shop:web on n2")
	l.process("n2", "shop:web", process.Stopping, process.Stopped)
	if got := l.orders(); len(got) != 1 || got[0][:len("start_process shop:db")] != "start_process shop:db" {
		t.Errorf("then %q", got)
	}
}

// TestLockLimit: the wait ends, the process goes on running, and the job goes on with the rest.
func TestLockLimit(t *testing.T) {
	l := locked(t, time.Minute)
	l.ask(RestartApplication{Name: "shop"})
	l.process("n1", "shop:db", process.Stopping, process.Stopped)
	l.wait(59 * time.Second)
	l.wantOrders()
	l.wait(2 * time.Second)
	if !l.logged("process shop:web on n2: its application still holds an update lock") {
		t.Errorf("effects %v", l.effects)
	}
	if p := l.proc("shop:web"); p.state != process.Running || p.shown() != process.Running {
		t.Errorf("shop:web is shown %s", p.shown())
	}
	if got := l.orders(); len(got) != 1 || got[0][:len("start_process shop:db")] != "start_process shop:db" {
		t.Errorf("then %q", got)
	}
}

// TestUsersDoNotWait: what a user asks for by name is done at once, also when the cluster waits to do the same.
func TestUsersDoNotWait(t *testing.T) {
	l := locked(t, 0)
	l.ask(StopProcesses{Namespec: "shop:web"})
	l.wantOrders("stop_process shop:web on n2")

	l = locked(t, 0)
	l.ask(RestartApplication{Name: "shop"})
	l.process("n1", "shop:db", process.Stopping, process.Stopped)
	l.wantOrders()
	l.ask(StopProcesses{Namespec: "shop:web"})
	l.wantOrders("stop_process shop:web on n2")

	l = locked(t, 0) // or does it behind the cluster's back
	l.ask(RestartApplication{Name: "shop"})
	l.process("n1", "shop:db", process.Stopping, process.Stopped)
	l.process("n2", "shop:web", process.Stopping)
	l.wantOrders()
	l.lock("n2")
	l.wantOrders()
	l.process("n2", "shop:web", process.Stopped)
	if got := l.orders(); len(got) != 1 {
		t.Errorf("then %q", got)
	}
}

// TestMasterWaitsForLock: the strategies of the Master wait as well.
func TestMasterWaitsForLock(t *testing.T) {
	l := locked(t, 0)
	l.crash("n1", "shop:db")
	l.wantOrders() // what is left of the application is locked
	l.lock("n2")
	l.wantOrders("stop_process shop:web on n2")

	l = operation(t, lockRules, func(cfg *Config) { cfg.Conciliation = rules.Senicide }, "shop:db", "shop:web")
	l.lock("n1", "shop")
	l.process("n1", "shop:web", process.Starting, process.Running)
	l.wait(2 * time.Second)
	l.process("n2", "shop:web", process.Starting, process.Running)
	l.wantOrders()
	if got := l.c.state(); got != Conciliation {
		t.Errorf("state %s", got)
	}
	l.lock("n1")
	l.wantOrders("stop_process shop:web on n1")
}

// TestLocksAreTold: a change is shared once, a Report has them, and a lost node has none.
func TestLocksAreTold(t *testing.T) {
	l := locked(t, 0)
	l.lock("n1", "shop", "tool")
	if s := l.shares(); len(s) != 1 || s[0].Delta.Locks == nil || !slices.Equal(*s[0].Delta.Locks, []string{"shop", "tool"}) {
		t.Errorf("shared %+v", l.shares())
	}
	l.lock("n1", "shop", "tool")
	if s := l.shares(); s != nil {
		t.Errorf("shared again %+v", s)
	}
	if got := l.c.Report().Locks; !slices.Equal(got, []string{"shop", "tool"}) {
		t.Errorf("reported %q", got)
	}
	r := l.report("n3", "shop:db", "shop:web")
	r.Locks = []string{"shop"}
	r.Seq = l.seq["n3"] + 1
	l.seq["n3"]++
	l.step(PeerReport{Report: r})
	if got := l.c.byID["n3"].locks; !slices.Equal(got, []string{"shop"}) {
		t.Errorf("n3 holds %q", got)
	}
	l.step(PeerLeft{Identifier: "n2", Reason: "gone"})
	if got := l.c.byID["n2"].locks; got != nil {
		t.Errorf("n2 holds %q", got)
	}
}
