package cluster

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// bytes hands out the choices of a fuzzed story; when they are used up, every choice is 0.
type choices []byte

func (c *choices) next(n int) int {
	if len(*c) == 0 {
		return 0
	}
	b := (*c)[0]
	*c = (*c)[1:]
	return int(b) % n
}

var fuzzPrograms = []string{"shop:db", "shop:web", "shop:tool", "base:migrate", "base:db", "work:p_00", "work:p_01", "loose"}

const fuzzRules = shopRules + waitExitRules + `<application name="work"><start_sequence>1</start_sequence><distribution>SINGLE_INSTANCE</distribution>
	<running_failure_strategy>RESTART_APPLICATION</running_failure_strategy><programs>
	<program pattern="p_"><identifiers>#</identifiers><start_sequence>1</start_sequence><required>true</required>
	<starting_failure_strategy>STOP</starting_failure_strategy></program></programs></application>`

// event returns any event, sensible or not.
func (c *choices) event(l *lab) Event {
	nick := fmt.Sprintf("n%d", 1+c.next(4)) // n4 is unknown
	namespec := fuzzPrograms[c.next(len(fuzzPrograms))]
	ns := process.ParseNamespec(namespec)
	states := []process.State{process.Stopped, process.Starting, process.Running, process.Backoff, process.Stopping, process.Exited,
		process.Fatal, process.Unknown, process.State(77)}
	info := stopped(namespec)
	info.State, info.Expected, info.Disabled = states[c.next(len(states))], c.next(3) > 0, c.next(9) == 0
	info.Now += l.now.Sub(labStart).Seconds()
	modes := Modes{State: State(c.next(12) - 1), Master: []string{"", "n1", "n2", "n3", "n9"}[c.next(5)], Term: uint64(c.next(5)),
		Starting: c.next(4) == 0, Instances: map[string]InstanceState{}}
	for i := range 3 {
		modes.Instances[fmt.Sprintf("n%d", i+1)] = []InstanceState{InstanceRunning, InstanceRunning, InstanceRunning, InstanceStopped,
			InstanceChecking, InstanceIsolated, InstanceState(9)}[c.next(7)]
	}
	order := Order{From: nick, To: fmt.Sprintf("n%d", 1+c.next(3)), Term: uint64(c.next(5)), Action: Action(c.next(5)), Namespec: ns}
	switch c.next(16) {
	case 0:
		return LocalTick{Tick: Tick{Counter: c.next(9)}}
	case 1:
		return PeerJoined{Identity: Identity{Identifier: nick, Nick: nick}}
	case 2:
		return PeerLeft{Identifier: nick, Reason: "gone"}
	case 3:
		r := Report{Identity: Identity{Identifier: nick, Nick: nick}, Epoch: fmt.Sprint(nick, "#", c.next(2)), Seq: uint64(c.next(20)),
			Consistent: l.c.consistent(), Modes: modes, Processes: []ProcessInfo{info, stopped("shop:web")}}
		if c.next(8) == 0 {
			r.Consistent.Starting = "LOCAL"
		}
		return PeerReport{Report: r}
	case 4, 5, 6, 7:
		n := l.c.byID[nick]
		ev := PeerDelta{Identifier: nick, Epoch: fmt.Sprint(nick, "#", c.next(2)), Seq: uint64(c.next(20))}
		if n != nil && c.next(8) > 0 {
			ev.Epoch, ev.Seq = n.epoch, n.seq+1
		}
		switch c.next(6) {
		case 0, 1:
			ev.Delta.Process = &info
		case 2:
			ev.Delta.Modes = &modes
		case 3:
			ev.Delta.Instance = &SeenInstance{nick, modes.Instances[nick]}
		case 4:
			switch standing, locks := Standing(c.next(7)), []string{ns.Group}[:c.next(2)]; c.next(3) {
			case 0:
				ev.Delta.Standing = &standing
			case 1:
				ev.Delta.Locks = &locks
			default:
				ev.Delta.Removed = &ns
			}
		case 5:
			ev.Delta.Forced = &Forced{Namespec: ns, State: info.State, Since: float64(c.next(9))}
		}
		return ev
	case 8, 9:
		return LocalProcess{Info: info}
	case 10:
		return LocalRemoved{Namespec: ns}
	case 11:
		return Cancel{ID: uint64(c.next(20))}
	case 12:
		return OrderFailed{Order: order, Reason: "no", Lost: c.next(2) == 0}
	case 13:
		return OrderReceived{ID: uint64(c.next(9)), Order: order}
	case 14:
		switch c.next(4) {
		case 0:
			return LocalStanding{Standing(c.next(5))}
		case 1:
			return LocalLocks{Applications: []string{ns.Group}[:c.next(2)]}
		}
		return Timer{}
	}
	l.asked++
	return Ask{ID: l.asked, Request: c.request(ns)}
}

func (c *choices) request(ns process.Namespec) Request {
	strategy := rules.StartingStrategy(c.next(7))
	wait := c.next(2) == 0
	namespec := []string{ns.String(), ns.Group + ":*", "nothing"}[c.next(3)]
	return []Request{
		StartApplication{strategy, ns.Group, wait}, StopApplication{ns.Group, wait}, RestartApplication{strategy, ns.Group, wait},
		StartProcesses{strategy, namespec, "", wait}, StopProcesses{Namespec: namespec, Wait: wait}, RestartProcesses{strategy, namespec, "-x", wait},
		StartAny{Strategy: strategy, Match: func(string) bool { return true }, Wait: wait},
		TestStartApplication{strategy, ns.Group}, TestStartProcess{strategy, namespec}, Conciliate{rules.ConciliationStrategy(c.next(6))},
		RestartSequence{wait}, EndSync{[]string{"", "n1", "n2", "n9"}[c.next(4)]}, Restart{}, Shutdown{},
	}[c.next(14)]
}

// fuzzed plays a story against one Core and checks what must hold whatever comes: no panic, allowed hops, numbers without gaps, at most
// one answer to each request and exactly one in the end, sums that follow from the parts.
func fuzzed(t *testing.T, data []byte) {
	c := choices(data[:min(len(data), 4096)]) // longer ones only take longer
	l := newLab(t, fuzzRules, func(cfg *Config) {
		cfg.Sync = SyncOptions{rules.SyncTimeout: true, rules.SyncStrict: c.next(2) == 0, rules.SyncUser: c.next(4) == 0}
		cfg.SyncTimeout, cfg.WaitExitLimit = 10*time.Second, time.Minute
		cfg.AutoFence, cfg.Discovery = c.next(3) == 0, c.next(3) == 0
		cfg.Failure, cfg.Conciliation = rules.FailureStrategy(c.next(3)), rules.ConciliationStrategy(c.next(6))
	}, fuzzPrograms...)
	state, seq, replies := l.c.state(), l.c.seq, map[uint64]int{}
	look := func(effects []Effect) {
		for _, e := range effects {
			switch e := e.(type) {
			case Share:
				if seq++; e.Seq != seq {
					t.Fatalf("change %d has number %d", seq, e.Seq)
				}
				if m := e.Delta.Modes; m != nil {
					if m.State != state && !Allowed(state, m.State) {
						t.Fatalf("hop from %s to %s", state, m.State)
					}
					state = m.State
				}
			case Reply:
				if replies[e.ID]++; replies[e.ID] > 1 {
					t.Fatalf("request %d is answered twice", e.ID)
				}
			case Log:
				if e.Message == "state "+state.String()+" does not settle" {
					t.Fatal(e.Message)
				}
			}
		}
	}
	cancelled := map[uint64]bool{}
	for len(c) > 0 {
		l.now = l.now.Add(time.Duration(c.next(30)) * 100 * time.Millisecond)
		ev := c.event(l)
		if gone, ok := ev.(Cancel); ok {
			cancelled[gone.ID] = true
		}
		look(l.c.Step(l.now, ev))
		checkLoads(t, l.c)
		checkView(t, l.c)
	}
	// silence: the peers are gone, no lock is held, nothing is drained, every wait ends
	look(l.c.Step(l.now, LocalLocks{}))
	look(l.c.Step(l.now, LocalStanding{Serving}))
	for _, nick := range []string{"n2", "n3", "n4"} {
		look(l.c.Step(l.now, PeerLeft{Identifier: nick}))
	}
	for range 200 {
		l.now = l.now.Add(tickPeriod)
		look(l.c.Step(l.now, LocalTick{}))
	}
	for id := uint64(1); id <= l.asked; id++ {
		if replies[id] == 0 && !cancelled[id] {
			t.Fatalf("request %d is not answered", id)
		}
	}
	if l.c.state() != Final && l.c.jobsBusy() {
		t.Fatalf("jobs without end in %s", l.c.state())
	}
}

func checkLoads(t *testing.T, c *Core) {
	loads, crashes := map[*node]int{}, map[*node]int{}
	for _, app := range c.apps {
		for _, p := range app.procs {
			for n, info := range p.infos {
				if info.crashed() {
					crashes[n]++
				}
			}
			for _, n := range p.running {
				if p.state.IsRunning() {
					loads[n] += p.rules.ExpectedLoad
				}
			}
		}
	}
	for _, n := range c.nodes {
		if n.load != loads[n] || n.crashes != crashes[n] {
			t.Fatalf("%s has load %d and %d crashes, want %d and %d", n, n.load, n.crashes, loads[n], crashes[n])
		}
	}
}

// checkView: what a View shares with the one before is not out of date, nor is what is counted.
func checkView(t *testing.T, c *Core) {
	for _, n := range c.nodes {
		running, wavering := n.running, n.wavering
		if n.setModes(n.modes); n.running != running || n.wavering != wavering {
			t.Fatalf("%s sees %d and %d, counted %d and %d", n, n.running, n.wavering, running, wavering)
		}
	}
	for i, shown := range c.View().Instances {
		if fresh := c.nodes[i].show(); !reflect.DeepEqual(shown, fresh) {
			t.Fatalf("%s is shown as %+v, is %+v", c.nodes[i], shown, fresh)
		}
	}
	for _, app := range c.apps {
		for i, shown := range app.view.Processes {
			if fresh := app.procs[i].show(c.nodes); !reflect.DeepEqual(shown, fresh) {
				t.Fatalf("%s is shown as %+v, is %+v", shown.Namespec, shown, fresh)
			}
		}
	}
}

func FuzzStep(f *testing.F) {
	rnd := byte(7)
	for size := range 12 {
		data := make([]byte, 1<<size)
		for i := range data {
			rnd = rnd*131 + 89 + byte(i>>3)
			data[i] = rnd
		}
		f.Add(data)
	}
	f.Fuzz(fuzzed)
}
