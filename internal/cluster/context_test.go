package cluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

// TestProcessState: one state from what the nodes say, with Supvisors' precedence.
func TestProcessState(t *testing.T) {
	const (
		stop, start, run, back, ending, exit, fatal = process.Stopped, process.Starting, process.Running, process.Backoff,
			process.Stopping, process.Exited, process.Fatal
	)
	for _, c := range []struct {
		name    string
		n1, n2  []process.State // in this order of time: n1 first
		want    process.State
		running []string
	}{
		{"never started", nil, nil, stop, nil},
		{"starting", []process.State{start}, nil, start, []string{"n1"}},
		{"running", nil, []process.State{start, run}, run, []string{"n2"}},
		{"stopping", []process.State{start, run, ending}, nil, ending, []string{"n1"}},
		{"stopped here, never started there", []process.State{start, run, exit}, nil, exit, nil},
		{"the latest end counts", []process.State{start, run, exit}, []process.State{start, fatal}, fatal, nil},
		{"running counts more than any end", []process.State{start, run}, []process.State{start, fatal}, run, []string{"n1"}},
		{"conflict: RUNNING first", []process.State{start}, []process.State{start, run}, run, []string{"n1", "n2"}},
		{"conflict: then BACKOFF", []process.State{start}, []process.State{start, back}, back, []string{"n1", "n2"}},
		{"conflict: then STARTING", []process.State{start, run, ending}, []process.State{start}, start, []string{"n1", "n2"}},
		{"conflict: all on the way down", []process.State{start, run, ending}, []process.State{start, run, ending}, ending, []string{"n1", "n2"}},
	} {
		l := operation(t, "", nil, "shop:db")
		for i, states := range [][]process.State{c.n1, c.n2} {
			for _, s := range states {
				l.now = l.now.Add(1e9)
				l.process([]string{"n1", "n2"}[i], "shop:db", s)
			}
		}
		p := l.proc("shop:db")
		var on []string
		for _, n := range p.running {
			on = append(on, n.id.Nick)
		}
		if p.state != c.want || !slices.Equal(on, c.running) {
			t.Errorf("%s: %s on %v", c.name, p.state, on)
		}
	}
}

// TestExtraArguments are those of the newest start.
func TestExtraArguments(t *testing.T) {
	l := operation(t, "", nil, "shop:db")
	for i, args := range []string{"-a", "-b", ""} {
		info := stopped("shop:db")
		info.State, info.ExtraArgs = process.Starting, args
		info.Now += float64(i + 1)
		l.info([]string{"n1", "n2", "n3"}[i], info)
		if got := l.proc("shop:db").show(l.c.nodes).ExtraArgs; got != args {
			t.Errorf("%q, want %q", got, args)
		}
	}
}

// TestApplicationState: STOPPING counts more than STARTING, that more than RUNNING.
func TestApplicationState(t *testing.T) {
	all := map[string][]process.State{
		"stopped":  nil,
		"starting": {process.Starting},
		"backoff":  {process.Starting, process.Backoff},
		"running":  {process.Starting, process.Running},
		"stopping": {process.Starting, process.Running, process.Stopping},
		"exited":   {process.Starting, process.Running, process.Exited},
		"fatal":    {process.Starting, process.Fatal},
	}
	for _, c := range []struct {
		states []string
		want   ApplicationState
	}{
		{[]string{"stopped", "exited", "fatal"}, ApplicationStopped},
		{[]string{"stopped", "running"}, ApplicationRunning},
		{[]string{"running", "starting"}, ApplicationStarting},
		{[]string{"backoff", "fatal"}, ApplicationStarting},
		{[]string{"starting", "stopping", "running"}, ApplicationStopping},
	} {
		for i := range c.states { // whatever the order of their names
			l := operation(t, "", nil)
			for j, s := range append(slices.Clone(c.states[i:]), c.states[:i]...) {
				name := "shop:p" + string(rune('a'+j))
				l.info("n1", stopped(name))
				l.process("n1", name, all[s]...)
			}
			if got := l.app("shop").state; got != c.want {
				t.Errorf("%v: %s, want %s", c.states, got, c.want)
			}
		}
	}
}

// TestOperationalStatus: failures by the required processes, or by the formula.
func TestOperationalStatus(t *testing.T) {
	const text = `<application name="shop">FORMULA<programs>
		<program name="db"><required>true</required><start_sequence>1</start_sequence></program>
		<program name="web"><start_sequence>1</start_sequence></program>
		<program name="job"><start_sequence>1</start_sequence></program></programs></application>`
	formula := func(f string) string { return "<operational_status>" + f + "</operational_status>" }
	for _, c := range []struct {
		name, formula        string
		down                 map[string]string
		major, minor, logged bool
	}{
		{"all up", "", nil, false, false, false},
		{"required stopped", "", map[string]string{"shop:db": "stopped"}, true, false, false},
		{"optional stopped", "", map[string]string{"shop:web": "stopped"}, false, false, false},
		{"required crashed", "", map[string]string{"shop:db": "crashed"}, true, false, false},
		{"optional crashed", "", map[string]string{"shop:web": "crashed"}, false, true, false},
		{"both crashed", "", map[string]string{"shop:db": "crashed", "shop:web": "crashed"}, true, false, false},
		{"ended as planned", "", map[string]string{"shop:db": "ended", "shop:web": "ended"}, false, false, false},
		{"required stopped, nothing runs", "", map[string]string{"shop:db": "stopped", "shop:web": "stopped", "shop:job": "ended"}, false, false, false},
		{"formula of a pattern", formula(`all(".*b")`), nil, false, false, false},
		{"formula fails", formula(`"db" and "web"`), map[string]string{"shop:web": "stopped"}, true, false, false},
		{"formula holds, another one crashed", formula(`"db" or "web"`), map[string]string{"shop:web": "crashed"}, false, true, false},
		{"formula: an expected exit is fine", formula(`"db"`), map[string]string{"shop:db": "ended"}, false, false, false},
		{"formula of nothing", formula(`"zz"`), nil, true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := operation(t, strings.Replace(text, "FORMULA", c.formula, 1), nil)
			for _, name := range []string{"shop:db", "shop:web", "shop:job"} {
				l.info("n1", stopped(name))
			}
			for _, name := range []string{"shop:db", "shop:web", "shop:job"} {
				l.process("n1", name, process.Starting, process.Running)
			}
			for name, how := range c.down {
				switch how {
				case "crashed":
					l.crash("n1", name)
				case "ended":
					l.process("n1", name, process.Exited)
				case "stopped":
					l.process("n1", name, process.Stopping, process.Stopped)
				}
			}
			app := l.app("shop")
			if app.major != c.major || app.minor != c.minor {
				t.Errorf("major %v, minor %v", app.major, app.minor)
			}
			if got := app.formulaError != ""; got != c.logged {
				t.Errorf("formula: %q", app.formulaError)
			}
		})
	}
}
