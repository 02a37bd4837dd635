package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// lab is the Core of n1 in a cluster whose other nodes, n2 and n3, are played by the test.
type lab struct {
	t       testing.TB
	c       *Core
	now     time.Time
	effects []Effect // of the last event
	seq     map[string]uint64
	asked   uint64
}

var labStart = time.Unix(1_700_000_000, 0)

// newLab returns n1, which has had its first tick. rulesXML are the elements of a rules file; programs are known to n1.
func newLab(t testing.TB, rulesXML string, tune func(*Config), programs ...string) *lab {
	t.Helper()
	set, problems := rules.Parse("rules.xml", []byte("<root>"+rulesXML+"</root>"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	cfg := Config{Self: "n1", Epoch: "n1#1", Strict: true, Rules: set, Conciliation: rules.ConciliationUser}
	for _, nick := range []string{"n1", "n2", "n3"} {
		cfg.Instances = append(cfg.Instances, Identity{Identifier: nick, Nick: nick})
	}
	cfg.Instances[0].Machine = "host of n1"
	cfg.Sync[rules.SyncStrict] = true
	for _, name := range programs {
		cfg.Processes = append(cfg.Processes, stopped(name))
	}
	if tune != nil {
		tune(&cfg)
	}
	l := &lab{t: t, now: labStart, seq: map[string]uint64{}}
	l.c = New(l.now, cfg)
	l.step(LocalTick{Tick: Tick{Wall: 1_700_000_000}})
	return l
}

// stopped is a process that was never started; a name like "shop:work_01" is the second process of the program work.
func stopped(namespec string) ProcessInfo {
	ns := process.ParseNamespec(namespec)
	info := ProcessInfo{Group: ns.Group, Name: ns.Process, Program: ns.Process, Expected: true, StartSecs: 1, StopWaitSecs: 10, Now: 1_700_000_000}
	if program, index, ok := strings.Cut(ns.Process, "_"); ok {
		info.Program = program
		fmt.Sscan(strings.TrimLeft(index, "0"), &info.Index)
	}
	return info
}

func (l *lab) step(ev Event) []Effect {
	l.t.Helper()
	l.effects = l.c.Step(l.now, ev)
	for _, e := range l.effects {
		if log, ok := e.(Log); ok && log.Level == Critical {
			l.t.Errorf("critical: %s", log.Message)
		}
	}
	return l.effects
}

// wait lets time pass, with a step every few seconds as ticks would bring them, and gives a Timer event at its end.
func (l *lab) wait(d time.Duration) []Effect {
	l.t.Helper()
	for end := l.now.Add(d); ; {
		l.now = l.now.Add(min(tickPeriod, end.Sub(l.now)))
		l.step(Timer{})
		if l.now.Equal(end) {
			return l.effects
		}
	}
}

// report is the whole Report of a peer that sees all three nodes RUNNING and has n1 as its Master.
func (l *lab) report(nick string, programs ...string) Report {
	l.seq[nick] = 10
	r := Report{Identity: Identity{Identifier: nick, Nick: nick, Machine: "host of " + nick}, Epoch: nick + "#1", Seq: 10,
		Consistent: l.c.consistent(), Modes: l.modes(Synchronization, "n1")}
	for _, name := range programs {
		r.Processes = append(r.Processes, stopped(name))
	}
	return r
}

func (l *lab) modes(s State, master string) Modes {
	m := Modes{State: s, Master: master, Term: l.c.self.modes.Term, Instances: map[string]InstanceState{}}
	for _, n := range l.c.nodes {
		m.Instances[n.id.Identifier] = InstanceRunning
	}
	return m
}

func (l *lab) join(nick string, programs ...string) {
	l.t.Helper()
	l.step(PeerJoined{Identity: Identity{Identifier: nick, Nick: nick}})
	l.step(PeerReport{Report: l.report(nick, programs...)})
}

// delta brings the next change of a peer.
func (l *lab) delta(nick string, d Delta) []Effect {
	l.t.Helper()
	l.seq[nick]++
	return l.step(PeerDelta{Identifier: nick, Epoch: nick + "#1", Seq: l.seq[nick], Delta: d})
}

func (l *lab) peerModes(nick string, m Modes) []Effect {
	l.t.Helper()
	return l.delta(nick, Delta{Modes: &m})
}

// process brings a process of a node, n1 included, into some states, one after the other.
func (l *lab) process(nick, namespec string, states ...process.State) {
	l.t.Helper()
	for _, s := range states {
		info := stopped(namespec)
		if p := l.c.find(info.Namespec()); p != nil && p.infos[l.c.byID[nick]] != nil {
			info = *p.infos[l.c.byID[nick]]
		}
		info.State = s
		info.Now = 1_700_000_000 + l.now.Sub(labStart).Seconds()
		info.NowMono = l.now.Sub(labStart).Seconds()
		switch s {
		case process.Starting:
			info.Start, info.StartMono, info.Expected = info.Now, info.NowMono, true
		case process.Stopped, process.Exited, process.Fatal:
			info.Stop, info.StopMono = info.Now, info.NowMono
		}
		l.info(nick, info)
	}
}

func (l *lab) info(nick string, info ProcessInfo) []Effect {
	l.t.Helper()
	if nick == "n1" {
		return l.step(LocalProcess{Info: info})
	}
	return l.delta(nick, Delta{Process: &info})
}

// crash ends a process in a way that nobody wanted.
func (l *lab) crash(nick, namespec string) {
	l.t.Helper()
	info := *l.proc(namespec).infos[l.c.byID[nick]]
	info.State, info.Expected, info.Now = process.Exited, false, info.Now+1
	info.Stop = info.Now
	l.info(nick, info)
}

func (l *lab) proc(namespec string) *proc {
	l.t.Helper()
	p := l.c.find(process.ParseNamespec(namespec))
	if p == nil {
		l.t.Fatalf("no process %s", namespec)
	}
	return p
}

func (l *lab) app(name string) *application {
	l.t.Helper()
	if l.c.byApp[name] == nil {
		l.t.Fatalf("no application %s", name)
	}
	return l.c.byApp[name]
}

func (l *lab) wantState(want State) {
	l.t.Helper()
	if got := l.c.state(); got != want {
		l.t.Fatalf("state is %s, want %s", got, want)
	}
}

// operation returns a lab in OPERATION: n1 is the Master, all three nodes know the programs.
func operation(t testing.TB, rulesXML string, tune func(*Config), programs ...string) *lab {
	t.Helper()
	l := newLab(t, rulesXML, tune, programs...)
	l.join("n2", programs...)
	l.join("n3", programs...)
	l.wantState(Operation)
	return l
}

// slave returns a lab in OPERATION under the Master n2.
func slave(t testing.TB, rulesXML string, tune func(*Config), programs ...string) *lab {
	t.Helper()
	l := newLab(t, rulesXML, tune, programs...)
	for _, nick := range []string{"n2", "n3"} {
		l.step(PeerJoined{Identity: Identity{Identifier: nick, Nick: nick}})
		r := l.report(nick, programs...)
		r.Modes = l.modes(Operation, "n2")
		r.Modes.Term = 7
		l.step(PeerReport{Report: r})
	}
	l.wantState(Operation)
	return l
}

// orders returns the orders among the effects of the last event.
func (l *lab) orders() []string {
	var list []string
	for _, e := range l.effects {
		if send, ok := e.(Send); ok {
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s on %s %s", send.Order.Action, send.Order.Namespec, send.Order.To, send.Order.ExtraArgs)))
		}
	}
	return list
}

func (l *lab) wantOrders(want ...string) {
	l.t.Helper()
	if got := l.orders(); !slices.Equal(got, want) {
		l.t.Fatalf("orders %q, want %q", got, want)
	}
}

// ask sends a request; the answer is "pending" when there is none yet.
func (l *lab) ask(r Request) string {
	l.t.Helper()
	l.asked++
	l.step(Ask{ID: l.asked, Request: r})
	return l.answer(l.asked)
}

// answer returns the reply to a request among the effects of the last event.
func (l *lab) answer(id uint64) string {
	l.t.Helper()
	found := "pending"
	for _, e := range l.effects {
		r, ok := e.(Reply)
		if !ok || r.ID != id {
			continue
		}
		if found != "pending" {
			l.t.Fatalf("request %d is answered twice", id)
		}
		found = fmt.Sprint(r.Result)
		if refused, ok := r.Err.(*RequestError); ok {
			found = fmt.Sprintf("%s: %s", refused.Reason, refused.Text)
		}
	}
	return found
}

// logged reports whether a line of the log contains a text.
func (l *lab) logged(text string) bool {
	return slices.ContainsFunc(l.effects, func(e Effect) bool {
		line, ok := e.(Log)
		return ok && strings.Contains(line.Message, text)
	})
}

// shares returns the changes among the effects of the last event.
func (l *lab) shares() []Share {
	var list []Share
	for _, e := range l.effects {
		if s, ok := e.(Share); ok {
			list = append(list, s)
		}
	}
	return list
}

// states returns the states that the last event went through.
func (l *lab) states() []State {
	var list []State
	for _, s := range l.shares() {
		if m := s.Delta.Modes; m != nil && (len(list) == 0 || list[len(list)-1] != m.State) {
			list = append(list, m.State)
		}
	}
	return list
}
