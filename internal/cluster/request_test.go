package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// accepted lists, for each request, the states in which Supvisors takes it.
var accepted = []struct {
	request Request
	states  string
}{
	{StartApplication{Name: "shop"}, "OPERATION"},
	{StopApplication{Name: "shop"}, "OPERATION CONCILIATION"},
	{RestartApplication{Name: "shop"}, "OPERATION"},
	{StartProcesses{Namespec: "shop:db"}, "OPERATION"},
	{StartAny{Regex: "db"}, "OPERATION"},
	{StopProcesses{Namespec: "shop:db"}, "OPERATION CONCILIATION"},
	{RestartProcesses{Namespec: "shop:db"}, "OPERATION"},
	{TestStartApplication{Name: "shop"}, "OPERATION"},
	{TestStartProcess{Namespec: "shop:db"}, "OPERATION"},
	{Conciliate{}, "CONCILIATION"},
	{RestartSequence{}, "OPERATION"},
	{EndSync{}, "SYNCHRONIZATION"},
	{Restart{}, "DISTRIBUTION OPERATION CONCILIATION RESTARTING SHUTTING_DOWN"},
	{Shutdown{}, "DISTRIBUTION OPERATION CONCILIATION RESTARTING SHUTTING_DOWN"},
}

// TestRequestsByState: every request in every state.
func TestRequestsByState(t *testing.T) {
	for _, row := range accepted {
		states := strings.Fields(row.states)
		for i, name := range stateNames {
			err := checkRequest(State(i), row.request)
			v := &View{Self: &InstanceView{Modes: Modes{State: State(i)}}}
			if (v.CheckRequest(row.request) == nil) != (err == nil) {
				t.Errorf("%T in %s: View and Core do not agree", row.request, name)
			}
			if strings.Contains(" "+row.states+" ", " "+name+" ") {
				if err != nil {
					t.Errorf("%T in %s is refused: %v", row.request, name, err)
				}
				continue
			}
			want := "invalid Supvisors state=" + name + " - state expected in ['" + strings.Join(states, "', '") + "']"
			refused, ok := err.(*RequestError)
			if !ok || refused.Reason != BadState || refused.Text != want {
				t.Errorf("%T in %s: %v, want %s", row.request, name, err, want)
			}
		}
	}
}

// TestCheckFromDistribution is what the getters of applications and processes ask.
func TestCheckFromDistribution(t *testing.T) {
	for i := range stateNames {
		v := &View{Self: &InstanceView{Modes: Modes{State: State(i)}}}
		err := v.CheckFromDistribution()
		if want := State(i) >= Distribution && State(i) <= ShuttingDown; (err == nil) != want {
			t.Errorf("%s: %v", State(i), err)
		}
	}
}

// TestRequestsBeforeOperation: the Core itself refuses, whatever the doors have checked.
func TestRequestsBeforeOperation(t *testing.T) {
	for _, row := range accepted {
		l := newLab(t, shopRules, nil, "shop:db")
		l.wantState(Synchronization)
		got := l.ask(row.request)
		if _, ok := row.request.(EndSync); ok {
			if got != "NOT_APPLICABLE: USER expected in synchro_options" {
				t.Errorf("end_sync: %s", got)
			}
			continue
		}
		if !strings.HasPrefix(got, "BAD_SUPVISORS_STATE: invalid Supvisors state=SYNCHRONIZATION - state expected in [") {
			t.Errorf("%T: %s", row.request, got)
		}
	}
}

const shopRules = `
<application name="shop">
  <programs>
    <program name="db"><start_sequence>1</start_sequence></program>
    <program name="web"><start_sequence>2</start_sequence></program>
    <program name="tool"/>
  </programs>
</application>
<application name="empty"><programs><program name="p"/></programs></application>
<application name="nowhere"><programs><program name="p"><identifiers>n9</identifiers><start_sequence>1</start_sequence></program></programs></application>`

// TestFaults: the exact texts of Supvisors.
func TestFaults(t *testing.T) {
	match := func(string) bool { return true }
	never := func(string) bool { return false }
	for _, c := range []struct {
		request Request
		want    string
	}{
		{StartApplication{Name: "zz"}, "BAD_NAME: application=zz unknown to Supvisors"},
		{StartApplication{Name: "loose"}, "NOT_MANAGED: loose"},
		{StartApplication{Name: "up"}, "NOT_MANAGED: up"},
		{StartApplication{Name: "empty"}, "ABNORMAL_TERMINATION: failed to start empty"},
		{StartApplication{Name: "nowhere", Wait: true}, "ABNORMAL_TERMINATION: failed to start nowhere"},
		{StartApplication{Name: "running"}, "ALREADY_STARTED: running"},
		{StartApplication{Name: "shop"}, "true"},
		{StartApplication{Name: "shop", Wait: true}, "pending"},

		{StopApplication{Name: "zz"}, "BAD_NAME: application=zz unknown to Supvisors"},
		{StopApplication{Name: "up"}, "NOT_MANAGED: up"},
		{StopApplication{Name: "shop"}, "NOT_RUNNING: failed to stop shop"},
		{StopApplication{Name: "running"}, "true"},
		{StopApplication{Name: "running", Wait: true}, "pending"},

		{RestartApplication{Name: "zz"}, "BAD_NAME: application=zz unknown to Supvisors"},
		{RestartApplication{Name: "empty"}, "ABNORMAL_TERMINATION: failed to restart empty"},
		{RestartApplication{Name: "loose"}, "ABNORMAL_TERMINATION: failed to restart loose"},
		{RestartApplication{Name: "running"}, "true"},
		{RestartApplication{Name: "shop", Wait: true}, "pending"},

		{StartProcesses{Namespec: "zz"}, "BAD_NAME: application=zz unknown to Supvisors"},
		{StartProcesses{Namespec: "shop:zz"}, "BAD_NAME: process=zz unknown in application=shop"},
		{StartProcesses{Namespec: "running:p"}, "ALREADY_STARTED: running:p"},
		{StartProcesses{Namespec: "up:*"}, "ALREADY_STARTED: up"},
		{StartProcesses{Namespec: "nowhere:p"}, "ABNORMAL_TERMINATION: failed to start nowhere:p"},
		{StartProcesses{Namespec: "shop:*"}, "true"},
		{StartProcesses{Namespec: "loose", Wait: true}, "pending"},

		{StartAny{Regex: `"x\d"`, Match: never}, `FAILED: no candidate process matching ""x\d""`},
		{StartAny{Regex: "db", Match: match}, "empty:p"},
		{StartAny{Regex: "db", Match: match, Wait: true}, "pending"},

		{StopProcesses{Namespec: "shop:zz"}, "BAD_NAME: process=zz unknown in application=shop"},
		{StopProcesses{Namespec: "shop:db"}, "NOT_RUNNING: shop:db already stopped"},
		{StopProcesses{Namespec: "shop:*"}, "NOT_RUNNING: shop:* already stopped"},
		{StopProcesses{Namespec: "running:p", On: []string{"n3"}}, "NOT_RUNNING: running:p already stopped"},
		{StopProcesses{Namespec: "up"}, "true"},
		{StopProcesses{Namespec: "running:p", On: []string{"n2"}, Wait: true}, "pending"},

		{RestartProcesses{Namespec: "zz"}, "BAD_NAME: application=zz unknown to Supvisors"},
		{RestartProcesses{Namespec: "nowhere:p"}, "ABNORMAL_TERMINATION: failed to restart nowhere:p"},
		{RestartProcesses{Namespec: "shop:db"}, "true"},
		{RestartProcesses{Namespec: "running:p", Wait: true}, "pending"},

		{TestStartApplication{Name: "zz"}, "BAD_NAME: application=zz unknown to Supvisors"},
		{TestStartApplication{Name: "loose"}, "NOT_MANAGED: loose"},
		{TestStartApplication{Name: "running"}, "ALREADY_STARTED: running"},
		{TestStartApplication{Name: "empty"}, "[]"},
		{TestStartProcess{Namespec: "shop:zz"}, "BAD_NAME: process=zz unknown in application=shop"},
		{TestStartProcess{Namespec: "running:*"}, "ALREADY_STARTED: running:p"},
		{TestStartProcess{Namespec: "shop:db"}, "[{shop:db RUNNING  [n1]}]"},
		{TestStartProcess{Namespec: "nowhere:p"}, "[{nowhere:p FATAL No resource available []}]"},

		{RestartSequence{}, "ABNORMAL_TERMINATION: failed to trigger start sequence"},
		{Restart{}, "true"},
		{Shutdown{}, "true"},
	} {
		l := operation(t, shopRules+`<application name="running"><programs><program name="p"/></programs></application>`, nil,
			"shop:db", "shop:web", "shop:tool", "empty:p", "nowhere:p", "running:p", "loose", "up")
		l.process("n2", "running:p", process.Starting, process.Running)
		l.process("n3", "up", process.Starting, process.Running)
		if got := l.ask(c.request); got != c.want {
			t.Errorf("%T %+v: %q, want %q", c.request, c.request, got, c.want)
		}
	}
}

// TestWaiting: a waiting client is answered when the job ends, by what came of it.
func TestWaiting(t *testing.T) {
	newLab := func(t *testing.T) *lab {
		return operation(t, shopRules, nil, "shop:db", "shop:web", "shop:tool", "loose")
	}

	t.Run("start of an application", func(t *testing.T) {
		l := newLab(t)
		l.ask(StartApplication{Name: "shop", Wait: true})
		l.process("n1", "shop:db", process.Starting, process.Running)
		l.wantOrders("start_process shop:web on n1")
		l.process("n1", "shop:web", process.Starting)
		if got := l.answer(1); got != "pending" {
			t.Fatalf("answered too early: %s", got)
		}
		l.process("n1", "shop:web", process.Running)
		if got := l.answer(1); got != "true" {
			t.Errorf("%s", got)
		}
	})
	t.Run("start of an application that fails", func(t *testing.T) {
		l := newLab(t)
		l.ask(StartApplication{Name: "shop", Wait: true})
		l.process("n1", "shop:db", process.Starting, process.Backoff, process.Fatal)
		l.process("n1", "shop:web", process.Starting, process.Backoff, process.Fatal)
		if got := l.answer(1); got != "NOT_RUNNING: shop" {
			t.Errorf("%s", got)
		}
	})
	t.Run("start of a group that fails in part", func(t *testing.T) {
		l := newLab(t)
		l.ask(StartProcesses{Namespec: "shop:*", ExtraArgs: "-x", Wait: true})
		l.wantOrders("start_process shop:tool on n1 -x")
		l.process("n1", "shop:tool", process.Starting, process.Fatal)
		l.process("n1", "shop:db", process.Starting, process.Fatal)
		l.process("n1", "shop:web", process.Starting, process.Running)
		if got := l.answer(1); got != "NOT_RUNNING: processes=['shop:db', 'shop:tool']" {
			t.Errorf("%s", got)
		}
	})
	t.Run("any process", func(t *testing.T) {
		l := newLab(t)
		l.ask(StartAny{Strategy: rules.Local, Regex: "loose", Match: func(s string) bool { return s == "loose" }, Wait: true})
		l.process("n1", "loose", process.Starting, process.Running)
		if got := l.answer(1); got != "loose" {
			t.Errorf("%s", got)
		}
	})
	t.Run("stop of an application", func(t *testing.T) {
		l := newLab(t)
		l.process("n2", "shop:db", process.Starting, process.Running)
		l.ask(StopApplication{Name: "shop", Wait: true})
		l.process("n2", "shop:db", process.Stopping, process.Stopped)
		if got := l.answer(1); got != "true" {
			t.Errorf("%s", got)
		}
	})
	t.Run("stop that is not obeyed", func(t *testing.T) {
		l := newLab(t)
		l.process("n2", "loose", process.Starting, process.Running)
		l.ask(StopProcesses{Namespec: "loose", Wait: true})
		l.wait(10 * time.Second)
		if got := l.answer(1); got != "STILL_RUNNING: processes=['loose']" {
			t.Errorf("%s", got)
		}
		if p := l.proc("loose"); p.shown() != process.Stopped || p.state != process.Running {
			t.Errorf("shown %s, really %s", p.shown(), p.state)
		}
	})
	t.Run("restart of a process", func(t *testing.T) {
		l := newLab(t)
		l.process("n2", "shop:db", process.Starting, process.Running)
		l.ask(RestartProcesses{Namespec: "shop:db", ExtraArgs: "-again", Wait: true})
		l.wantOrders("stop_process shop:db on n2")
		l.process("n2", "shop:db", process.Stopping, process.Stopped)
		l.wantOrders("start_process shop:db on n1 -again")
		l.process("n1", "shop:db", process.Starting, process.Running)
		if got := l.answer(1); got != "true" {
			t.Errorf("%s", got)
		}
	})
	t.Run("restart of an application", func(t *testing.T) {
		l := newLab(t)
		l.process("n2", "shop:tool", process.Starting, process.Running)
		l.ask(RestartApplication{Name: "shop", Wait: true})
		l.process("n2", "shop:tool", process.Stopping, process.Stopped)
		l.wantOrders("start_process shop:db on n1")
		l.process("n1", "shop:db", process.Starting, process.Fatal)
		l.process("n1", "shop:web", process.Starting, process.Fatal)
		if got := l.answer(1); got != "NOT_RUNNING: shop" {
			t.Errorf("%s", got)
		}
	})
	t.Run("a client that is gone", func(t *testing.T) {
		l := newLab(t)
		l.ask(StartApplication{Name: "shop", Wait: true})
		l.step(Cancel{ID: 1})
		l.process("n1", "shop:db", process.Starting, process.Running)
		l.wantOrders("start_process shop:web on n1") // the job goes on
		l.process("n1", "shop:web", process.Starting, process.Running)
		if got := l.answer(1); got != "pending" {
			t.Errorf("answered all the same: %s", got)
		}
	})
	t.Run("an election ends the wait", func(t *testing.T) {
		l := newLab(t)
		l.ask(StartApplication{Name: "shop", Wait: true})
		l.peerModes("n2", l.modes(Election, ""))
		l.wantState(Election)
		if got := l.answer(1); got != "NOT_RUNNING: shop" {
			t.Errorf("%s", got)
		}
	})
}

// TestRestartSequence starts what never ran or is in failure, and only when nobody has jobs.
func TestRestartSequence(t *testing.T) {
	auto := strings.Replace(shopRules, `<application name="shop">`, `<application name="shop"><start_sequence>1</start_sequence>`, 1)
	l := operation(t, auto, nil)
	l.info("n2", stopped("shop:db")) // a program that was added
	busy := l.modes(Operation, "n1")
	busy.Starting = true
	l.peerModes("n3", busy)
	if got := l.ask(RestartSequence{}); got != "BAD_SUPVISORS_STATE: jobs in progress" {
		t.Errorf("%s", got)
	}
	l.peerModes("n3", l.modes(Operation, "n1"))
	if got := l.ask(RestartSequence{Wait: true}); got != "pending" {
		t.Fatalf("%s", got)
	}
	l.wantOrders("start_process shop:db on n2")
	l.process("n2", "shop:db", process.Starting, process.Running)
	if got := l.answer(l.asked); got != "true" {
		t.Errorf("%s", got)
	}
}

// TestEndSync: the user ends the synchronization.
func TestEndSync(t *testing.T) {
	user := func(cfg *Config) { cfg.Sync = SyncOptions{rules.SyncUser: true} }
	waiting := func(t *testing.T) *lab {
		l := newLab(t, "", user)
		l.step(PeerJoined{Identity: Identity{Identifier: "n2", Nick: "n2"}})
		r := l.report("n2")
		r.Modes = l.modes(Synchronization, "").with("n3", InstanceStopped)
		r.Identity.Stereotypes = []string{"blue"}
		l.step(PeerReport{Report: r})
		l.wantState(Synchronization)
		return l
	}
	for _, c := range []struct{ master, want string }{
		{"zz", "BAD_NAME: unknown Supvisors identifier=zz"},
		{"n3", "NOT_RUNNING: Supvisors instance=n3 is not RUNNING (STOPPED)"},
		{"both", "INCORRECT_PARAMETERS: multiple identifiers=['n1', 'n2'] found for Supvisors master=both"},
		{"n2", "true"},
		{"blue", "true"},
		{"", "true"},
	} {
		l := waiting(t)
		l.c.byID["n1"].id.Stereotypes = []string{"both"}
		l.c.byID["n2"].id.Stereotypes = []string{"blue", "both"}
		if got := l.ask(EndSync{Master: c.master}); got != c.want {
			t.Errorf("end_sync %q: %s, want %s", c.master, got, c.want)
			continue
		}
		master := map[string]string{"n2": "n2", "blue": "n2", "": "n1"}[c.master]
		if c.want == "true" && (l.c.self.modes.Master != master || l.c.state() != Election) {
			t.Errorf("end_sync %q: Master %s in %s", c.master, l.c.self.modes.Master, l.c.state())
		}
	}
	l := waiting(t)
	l.c.setMaster("n2") // another node was asked a moment ago
	if got := l.ask(EndSync{}); got != "BAD_SUPVISORS_STATE: Supvisors synchronization ending" {
		t.Errorf("%s", got)
	}
}

// TestEnd: the Master ends the cluster, the others ask it to.
func TestEnd(t *testing.T) {
	l := operation(t, shopRules, nil, "shop:db")
	l.process("n2", "shop:db", process.Starting, process.Running)
	if got := l.ask(Restart{}); got != "true" || l.c.state() != Restarting {
		t.Fatalf("%s in %s", got, l.c.state())
	}
	l.wantOrders("stop_process shop:db on n2")
	if got := l.ask(Restart{}); got != "true" {
		t.Errorf("once more: %s", got)
	}
	if got := l.ask(Shutdown{}); got != "BAD_SUPVISORS_STATE: invalid Supvisors state=RESTARTING" {
		t.Errorf("shutdown during a restart: %s", got)
	}
	l.peerModes("n2", l.modes(Restarting, "n1"))
	l.peerModes("n3", l.modes(Restarting, "n1"))
	l.process("n2", "shop:db", process.Stopping, process.Stopped)
	if last, ok := l.effects[len(l.effects)-1].(End); !ok || !last.Restart {
		t.Errorf("the last effect is %+v", l.effects[len(l.effects)-1])
	}

	l = slave(t, shopRules, nil, "shop:db")
	if got := l.ask(Shutdown{}); got != "true" {
		t.Errorf("%s", got)
	}
	l.wantOrders("shutdown  on n2")
	if l.effects[0].(Send).Order.Term != 7 {
		t.Errorf("the order has term %d", l.effects[0].(Send).Order.Term)
	}
	l.peerModes("n2", Modes{State: ShuttingDown, Master: "n2", Term: 7, Instances: l.modes(0, "").Instances})
	l.wantState(ShuttingDown)
	l.peerModes("n2", Modes{State: Final, Master: "n2", Term: 7, Instances: l.modes(0, "").Instances})
	l.wantState(Final)
	if last, ok := l.effects[len(l.effects)-1].(End); !ok || last.Restart {
		t.Errorf("the last effect is %+v", l.effects[len(l.effects)-1])
	}
	if got := l.ask(Shutdown{}); !strings.HasPrefix(got, "BAD_SUPVISORS_STATE: invalid Supvisors state=FINAL") {
		t.Errorf("%s", got)
	}
}

// TestStartWhileStopping: what is on its way down cannot be started, and the client is told at once, even when a stop job is under way.
func TestStartWhileStopping(t *testing.T) {
	for _, stop := range []Request{StopProcesses{Namespec: "shop:db"}, nil} {
		l := operation(t, shopRules, nil, "shop:db", "shop:web")
		l.process("n2", "shop:db", process.Starting, process.Running)
		if stop != nil && l.ask(stop) != "true" {
			t.Error("the stop is refused")
		}
		l.process("n2", "shop:db", process.Stopping)
		for _, c := range []struct {
			request Request
			want    string
		}{
			{StartProcesses{Namespec: "shop:db", Wait: true}, "ABNORMAL_TERMINATION: failed to start shop:db"},
			{StartApplication{Name: "shop", Wait: true}, "ALREADY_STARTED: shop"},
			{TestStartProcess{Namespec: "shop:db"}, "[]"},
			{RestartProcesses{Namespec: "shop:db"}, "true"},
		} {
			if got := l.ask(c.request); got != c.want {
				t.Errorf("%+v: %s, want %s", c.request, got, c.want)
			}
		}
		l.wantOrders()
	}
}

// TestEndIsToldToAll: the Master does not go before the others know that all ends, except those that do not react.
func TestEndIsToldToAll(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(l *lab)
	}{
		{"both know", func(l *lab) { l.peerModes("n3", l.modes(ShuttingDown, "n1")) }},
		{"one has ended already", func(l *lab) { l.peerModes("n3", l.modes(Final, "n1")) }},
		{"one is lost", func(l *lab) { l.step(PeerLeft{Identifier: "n3", Reason: "gone"}) }},
		{"one does not react", func(l *lab) { l.wait(tickPeriod) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := operation(t, shopRules, nil, "shop:db")
			if got := l.ask(Shutdown{}); got != "true" {
				t.Errorf("%s", got)
			}
			l.wantState(ShuttingDown)
			l.peerModes("n2", l.modes(ShuttingDown, "n1"))
			l.wantState(ShuttingDown)
			c.then(l)
			l.wantState(Final)
			if last, ok := l.effects[len(l.effects)-1].(End); !ok || last.Restart {
				t.Errorf("the last effect is %+v", l.effects[len(l.effects)-1])
			}
		})
	}
}
