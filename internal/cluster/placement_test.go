package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// TestBest: each strategy over loads of a node and of its machine, with ties.
func TestBest(t *testing.T) {
	type load struct{ own, machine int }
	for _, c := range []struct {
		name  string
		loads []load
		want  [6]int // by strategy: CONFIG, LESS_LOADED, MOST_LOADED, LOCAL, LESS_LOADED_NODE, MOST_LOADED_NODE
	}{
		{"one", []load{{10, 10}}, [6]int{0, 0, 0, 0, 0, 0}},
		{"all different", []load{{20, 20}, {10, 10}, {30, 30}}, [6]int{0, 1, 2, 0, 1, 2}},
		{"all the same: the first for the least, the last for the most", []load{{5, 5}, {5, 5}, {5, 5}}, [6]int{0, 0, 2, 0, 0, 2}},
		{"same own load: the machine decides", []load{{10, 40}, {10, 20}, {10, 60}}, [6]int{0, 1, 2, 0, 1, 2}},
		{"same machine load: the own one decides", []load{{20, 50}, {10, 50}, {30, 50}}, [6]int{0, 1, 2, 0, 1, 2}},
		{"busy node on an idle machine", []load{{40, 40}, {10, 70}, {30, 70}}, [6]int{0, 1, 0, 0, 0, 2}},
		{"empty", []load{{0, 0}, {0, 0}}, [6]int{0, 0, 1, 0, 0, 1}},
	} {
		var list []candidate
		for _, l := range c.loads {
			list = append(list, candidate{own: l.own, machine: l.machine})
		}
		for strategy, want := range c.want {
			if got := best(list, rules.StartingStrategy(strategy)); got != want {
				t.Errorf("%s, %s: %d, want %d", c.name, rules.StartingStrategy(strategy), got, want)
			}
		}
	}
}

const loadRules = `
<application name="base"><programs>
	<program name="w20"><expected_loading>20</expected_loading></program>
	<program name="w30"><expected_loading>30</expected_loading></program>
	<program name="w40"><expected_loading>40</expected_loading></program></programs></application>
<application name="x"><programs>
	<program name="x60"><expected_loading>60</expected_loading></program>
	<program name="x61"><expected_loading>61</expected_loading></program>
	<program name="some"><identifiers>n3,n2</identifiers></program></programs></application>`

// TestChoose: the filters, the limit, and the reasons.
func TestChoose(t *testing.T) {
	names := []string{"base:w20", "base:w30", "base:w40", "x:x60", "x:x61", "x:some"}
	loaded := func(t *testing.T) *lab {
		l := operation(t, loadRules, nil, names...)
		l.process("n1", "base:w20", process.Starting, process.Running)
		l.process("n2", "base:w30", process.Starting, process.Running)
		l.process("n3", "base:w40", process.Starting, process.Running)
		return l
	}
	for _, c := range []struct {
		name     string
		tune     func(*lab)
		process  string
		strategy rules.StartingStrategy
		want     string // node, or the refusals
	}{
		{"CONFIG", nil, "x:x60", rules.Config, "n1"},
		{"CONFIG by the rule", nil, "x:some", rules.Config, "n3"},
		{"LESS_LOADED", nil, "x:some", rules.LessLoaded, "n2"},
		{"MOST_LOADED", nil, "x:x60", rules.MostLoaded, "n3"},
		{"LOCAL", nil, "x:x60", rules.Local, "n1"},
		{"LOCAL against the rule", nil, "x:some", rules.Local, "n3: it is not the local instance; n2: it is not the local instance"},
		{"exactly 100", nil, "x:x60", rules.MostLoadedNode, "n3"},
		{"over 100 here and there", nil, "x:x61", rules.MostLoaded, "n2"},
		{"over 100 everywhere", func(l *lab) {
			l.process("n1", "x:x60", process.Starting)
			l.process("n2", "x:x60", process.Starting)
		}, "x:x61", rules.Config, "n1: load 80+61 is over 100; n2: load 90+61 is over 100; n3: load 40+61 is over 100"},
		{"a shared machine", func(l *lab) {
			for _, n := range l.c.nodes {
				n.id.Machine = "host"
			}
		}, "x:x60", rules.Config, "n1: load 90+60 is over 100; n2: load 90+60 is over 100; n3: load 90+60 is over 100"},
		{"a node that is gone", func(l *lab) { l.step(PeerLeft{Identifier: "n3"}) }, "x:some", rules.Config, "n2"},
		{"nobody left", func(l *lab) {
			l.step(PeerLeft{Identifier: "n3"})
			l.step(PeerLeft{Identifier: "n2"})
		}, "x:some", rules.Config, "n3: it is STOPPED; n2: it is STOPPED"},
		{"not configured", func(l *lab) {
			ns := process.ParseNamespec("x:some")
			l.delta("n3", Delta{Removed: &ns})
		}, "x:some", rules.Config, "n2"},
		{"disabled", func(l *lab) {
			for _, nick := range []string{"n2", "n3"} {
				info := stopped("x:some")
				info.Disabled = true
				l.info(nick, info)
			}
		}, "x:some", rules.LessLoaded, "n3: x:some is disabled; n2: x:some is disabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := loaded(t)
			if c.tune != nil {
				c.tune(l)
			}
			p := l.proc(c.process)
			n, no := l.c.choose(l.c.possible(p), c.strategy, p.rules.ExpectedLoad, l.c.runningFilter, knowsFilter(p))
			got := no.String()
			if n != nil {
				got = n.id.Nick
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	if got := (refusals{}).String(); got != "no instance is allowed by the rules" {
		t.Errorf("%q", got)
	}
}

// TestLoads: the load of a node is that of what is up there, whatever happened before.
func TestLoads(t *testing.T) {
	l := operation(t, loadRules, nil, "base:w20", "base:w30")
	want := func(loads ...int) {
		t.Helper()
		for i, n := range l.c.nodes {
			if n.load != loads[i] {
				t.Errorf("load of %s is %d, want %d", n, n.load, loads[i])
			}
		}
	}
	l.process("n1", "base:w20", process.Starting)
	want(20, 0, 0)
	l.process("n2", "base:w20", process.Starting, process.Running)
	l.process("n2", "base:w30", process.Starting)
	want(20, 50, 0)
	l.process("n1", "base:w20", process.Backoff, process.Fatal)
	want(0, 50, 0)
	l.process("n2", "base:w30", process.Running, process.Stopping)
	want(0, 20, 0)
	l.process("n2", "base:w30", process.Stopped)
	ns := process.ParseNamespec("base:w20")
	l.delta("n2", Delta{Removed: &ns})
	want(0, 0, 0)
	l.process("n3", "base:w30", process.Starting)
	l.step(PeerLeft{Identifier: "n3"})
	want(0, 0, 0)
}

// TestRequestedLoads: starts of one step count for each other, also those of other applications and those that are reserved.
func TestRequestedLoads(t *testing.T) {
	text := `
<application name="a"><start_sequence>1</start_sequence><programs><program pattern="p"><start_sequence>1</start_sequence><expected_loading>60</expected_loading></program></programs></application>
<application name="b"><start_sequence>1</start_sequence><programs><program name="q"><start_sequence>1</start_sequence><expected_loading>60</expected_loading></program></programs></application>
<application name="c"><start_sequence>1</start_sequence><distribution>SINGLE_INSTANCE</distribution><programs>
	<program name="r"><start_sequence>1</start_sequence><expected_loading>10</expected_loading></program>
	<program name="s"><start_sequence>2</start_sequence><expected_loading>30</expected_loading></program></programs></application>
<application name="d"><start_sequence>1</start_sequence><programs><program name="t"><start_sequence>1</start_sequence><expected_loading>20</expected_loading></program></programs></application>`
	names := []string{"a:p1", "a:p2", "b:q", "c:r", "c:s", "d:t"}
	l := newLab(t, text, nil, names...)
	l.join("n2", names...)
	l.join("n3", names...)
	l.wantOrders("start_process a:p1 on n1", "start_process a:p2 on n2", "start_process b:q on n3", "start_process c:r on n1", "start_process d:t on n2")
}

// TestGathered: an application that is not distributed goes where all of it is known and borne.
func TestGathered(t *testing.T) {
	const text = `<application name="app_2"><distribution>DISTRIBUTION</distribution><identifiers>IDENTIFIERS</identifiers><programs>
		<program name="a"><start_sequence>1</start_sequence><expected_loading>50</expected_loading></program>
		<program name="b"><start_sequence>2</start_sequence><expected_loading>20</expected_loading></program>
		<program name="extra"/></programs></application>
		<application name="base"><programs><program name="w"><expected_loading>40</expected_loading></program></programs></application>`
	for _, c := range []struct {
		distribution, identifiers string
		tune                      func(*lab)
		want                      []string // nodes of a and b
	}{
		{"SINGLE_INSTANCE", "*", nil, []string{"n1", "n1"}},
		{"SINGLE_INSTANCE", "n3,n2", nil, []string{"n3", "n3"}},
		{"SINGLE_INSTANCE", "#", nil, []string{"n2", "n2"}},
		{"SINGLE_INSTANCE", "#,n3,n1", nil, []string{"n1", "n1"}},
		{"SINGLE_INSTANCE", "*", func(l *lab) { l.process("n1", "base:w", process.Starting, process.Running) }, []string{"n2", "n2"}},
		{"SINGLE_INSTANCE", "*", func(l *lab) { l.step(LocalRemoved{Namespec: process.ParseNamespec("app_2:extra")}) }, []string{"n2", "n2"}},
		{"SINGLE_INSTANCE", "n9", nil, nil},
		{"SINGLE_NODE", "*", nil, []string{"n1", "n1"}},
		{"SINGLE_NODE", "n3,n2", func(l *lab) { share(l, "n2", "n3") }, []string{"n3", "n3"}},
		{"SINGLE_NODE", "n3,n2", func(l *lab) {
			share(l, "n2", "n3")
			ns := process.ParseNamespec("app_2:a")
			l.delta("n3", Delta{Removed: &ns})
		}, []string{"n2", "n3"}},
		{"SINGLE_NODE", "*", func(l *lab) {
			share(l, "n1", "n2")
			l.process("n2", "base:w", process.Starting, process.Running)
		}, []string{"n3", "n3"}},
	} {
		l := operation(t, strings.NewReplacer("DISTRIBUTION", c.distribution, "IDENTIFIERS", c.identifiers).Replace(text), nil,
			"app_2:a", "app_2:b", "app_2:extra", "base:w")
		if c.tune != nil {
			c.tune(l)
		}
		l.ask(StartApplication{Name: "app_2"})
		var got []string
		for _, name := range []string{"app_2:a", "app_2:b"} {
			if o := l.orders(); len(o) == 1 {
				got = append(got, strings.Fields(o[0])[3])
				l.process(got[len(got)-1], name, process.Starting, process.Running)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %v, want %v", c.distribution, c.identifiers, got, c.want)
		}
	}
}

// share puts nodes on one machine.
func share(l *lab, nicks ...string) {
	for _, nick := range nicks {
		l.c.byID[nick].id.Machine = "shared"
	}
}

// TestGatheredNodeLost: what is reserved on a node that is lost has no resource.
func TestGatheredNodeLost(t *testing.T) {
	text := `<application name="app"><distribution>SINGLE_INSTANCE</distribution><identifiers>n3</identifiers><programs>
		<program name="a"><start_sequence>1</start_sequence></program><program name="b"><start_sequence>2</start_sequence></program></programs></application>`
	l := operation(t, text, nil, "app:a", "app:b")
	l.ask(StartApplication{Name: "app", Wait: true})
	l.process("n3", "app:a", process.Starting)
	l.step(PeerLeft{Identifier: "n3"})
	if p := l.proc("app:b"); p.shown() != process.Fatal || !l.logged("no resource available (n3: it is STOPPED)") {
		t.Errorf("app:b is %s", p.shown())
	}
	if got := l.answer(l.asked); got != "NOT_RUNNING: app" {
		t.Errorf("%s", got)
	}
}

// TestAssignments: # goes over and over the nodes, @ takes each one once; what was assigned stays so.
func TestAssignments(t *testing.T) {
	const text = `<application name="work"><programs><program pattern="p_"><identifiers>IDENTIFIERS</identifiers><start_sequence>1</start_sequence></program></programs></application>`
	for identifiers, want := range map[string]string{
		"#":       "n1 n2 n3 n1 n2",
		"@":       "n1 n2 n3 - -",
		"#,n3,n2": "n3 n2 n3 n2 n3",
		"@,n3":    "n3 - - - -",
		"#,n9":    "- - - - -",
		"@,*":     "n1 n2 n3 - -",
	} {
		var names []string
		for _, i := range []int{4, 0, 2, 1, 3} { // the index counts, not the order in which they came
			names = append(names, fmt.Sprintf("work:p_%02d", i))
		}
		l := operation(t, strings.ReplaceAll(text, "IDENTIFIERS", identifiers), nil, names...)
		assigned := func() string {
			var got []string
			for i := range 5 {
				p := l.proc(fmt.Sprintf("work:p_%02d", i))
				ids := p.show(l.c.nodes).Identifiers
				if len(ids) == 0 {
					ids = []string{"-"}
				}
				got = append(got, ids...)
			}
			return strings.Join(got, " ")
		}
		if got := assigned(); got != "- - - - -" {
			t.Errorf("%s: assigned at once: %s", identifiers, got)
		}
		l.ask(TestStartApplication{Name: "work"})
		if got := assigned(); got != want {
			t.Errorf("%s: %s, want %s", identifiers, got, want)
		}
	}
	// a process that is added later takes what is free, or the least used
	l := operation(t, strings.ReplaceAll(text, "IDENTIFIERS", "#"), nil, "work:p_00", "work:p_01")
	l.ask(TestStartApplication{Name: "work"})
	l.info("n1", stopped("work:p_02"))
	l.info("n3", stopped("work:p_02"))
	l.ask(StartProcesses{Namespec: "work:p_02"})
	l.wantOrders("start_process work:p_02 on n3")
}

// TestPickAny takes the first process that matches, is stopped and finds a node.
func TestPickAny(t *testing.T) {
	l := operation(t, loadRules, nil, "x:x60", "x:x61", "x:some")
	match := func(s string) bool { return strings.HasPrefix(s, "x:x") }
	for _, c := range []struct {
		strategy rules.StartingStrategy
		on, want string
	}{
		{rules.Local, "n1", "x:x60"},
		{rules.Local, "", `FAILED: no candidate process matching "x:x"`}, // 60+61 is too much for n1
		{rules.LessLoaded, "n2", "x:x61"},
		{rules.LessLoaded, "", `FAILED: no candidate process matching "x:x"`},
	} {
		if got := l.ask(StartAny{Strategy: c.strategy, Regex: "x:x", Match: match}); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if c.on != "" {
			l.wantOrders("start_process " + c.want + " on " + c.on)
			l.process(c.on, c.want, process.Starting, process.Running)
		}
	}
}
