package cluster

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

// hops is the state machine of Supvisors 0.19: from each state (row), in the order of the codes, the direct hops are marked "x". "."
// are the pairs that the core reaches through another state, "-" those that nothing leads to.
var hops = map[State]string{
	// from            OFF SYN ELE DIS OPE CON RES SHU FIN
	Off:             "  =   x   -   -   -   -   -   -   -",
	Synchronization: "  x   =   x   -   -   -   -   -   -",
	Election:        "  x   x   =   x   .   .   .   x   -",
	Distribution:    "  x   .   x   =   x   .   x   x   -",
	Operation:       "  x   x   x   .   =   x   x   x   -",
	Conciliation:    "  x   x   .   .   x   =   x   x   -",
	Restarting:      "  -   -   -   -   -   -   =   -   x",
	ShuttingDown:    "  -   -   -   -   -   -   -   =   x",
	Final:           "  -   -   -   -   -   -   -   -   =",
}

func TestHops(t *testing.T) {
	for from, row := range hops {
		for i, cell := range strings.Fields(row) {
			to := State(i)
			if got := Allowed(from, to); got != (cell == "x") {
				t.Errorf("Allowed(%s, %s) = %v", from, to, got)
			}
			path, reached := walk(from, to)
			if reached != (cell != "-") {
				t.Errorf("from %s to %s: %v", from, to, path)
			}
			if cell == "." && len(path) < 3 {
				t.Errorf("from %s to %s directly: %v", from, to, path)
			}
		}
	}
}

// walk follows hop from one state to another one, as settle does.
func walk(from, to State) (path []State, reached bool) {
	path = []State{from}
	for range len(stateNames) {
		if from == to {
			return path, true
		}
		next, ok := hop(from, to)
		if !ok || !Allowed(from, next) {
			return path, false
		}
		from = next
		path = append(path, from)
	}
	return path, false
}

func TestNames(t *testing.T) {
	for i, name := range stateNames {
		if s, err := ParseState(name); err != nil || s != State(i) || s.String() != name {
			t.Errorf("state %s: %v, %v", name, s, err)
		}
	}
	for i, name := range instanceStateNames {
		if s, err := ParseInstanceState(name); err != nil || s != InstanceState(i) || s.String() != name {
			t.Errorf("instance state %s: %v, %v", name, s, err)
		}
	}
	for _, parse := range []func(string) error{
		func(s string) error { _, err := ParseState(s); return err },
		func(s string) error { _, err := ParseInstanceState(s); return err },
	} {
		for _, name := range []string{"", "strict", "unknown(9)"} {
			if parse(name) == nil {
				t.Errorf("%q is accepted", name)
			}
		}
	}
	if got := State(99).String(); got != "unknown(99)" {
		t.Errorf("state 99 is %s", got)
	}
}

// TestModesOnTheWire: instance states travel by name, and an unknown one is an error instead of a surprise.
func TestModesOnTheWire(t *testing.T) {
	m := Modes{State: Operation, Master: "n1", Term: 3, Instances: map[string]InstanceState{"n1": InstanceRunning, "n2": InstanceIsolated}}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"state":4,"master":"n1","term":3,"instances":{"n1":"RUNNING","n2":"ISOLATED"}}`
	if string(data) != want {
		t.Errorf("%s, want %s", data, want)
	}
	var back Modes
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(m, back) {
		t.Errorf("%+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"instances":{"n1":"HAPPY"}}`), &back); err == nil {
		t.Error("an unknown instance state is accepted")
	}
}

// TestChangeOfModes: every field is told, one instance alone is told as such.
func TestChangeOfModes(t *testing.T) {
	base := func() Modes {
		return Modes{Instances: map[string]InstanceState{"n1": InstanceRunning, "n2": InstanceRunning}}
	}
	for name, change := range map[string]func(*Modes){
		"state":                   func(m *Modes) { m.State = Operation },
		"degraded":                func(m *Modes) { m.Degraded = true },
		"discovery":               func(m *Modes) { m.Discovery = true },
		"master":                  func(m *Modes) { m.Master = "n1" },
		"starting":                func(m *Modes) { m.Starting = true },
		"stopping":                func(m *Modes) { m.Stopping = true },
		"term":                    func(m *Modes) { m.Term = 1 },
		"lost":                    func(m *Modes) { m.Lost = []process.Namespec{{Group: "shop", Process: "db"}} },
		"instance":                func(m *Modes) { *m = m.with("n1", InstanceFailed) },
		"two instances":           func(m *Modes) { *m = m.with("n1", InstanceFailed).with("n2", InstanceFailed) },
		"newcomer":                func(m *Modes) { *m = m.with("n3", InstanceStopped) },
		"one less":                func(m *Modes) { *m = m.without("n2") },
		"one in place of another": func(m *Modes) { *m = m.without("n2").with("n3", InstanceStopped) },
	} {
		a, b := base(), base()
		change(&b)
		d, ok := changeOfModes(&a, &b)
		after, told := d.ModesAfter(a)
		if !ok || !told || !reflect.DeepEqual(after, b) || (d.Instance != nil) != (name == "instance") {
			t.Errorf("%s: %+v makes %+v of it, want %+v", name, d, after, b)
		}
		if d, ok := changeOfModes(&b, &b); ok {
			t.Errorf("%s: %+v tells nothing", name, d)
		}
	}
	a := base()
	if b := a.with("n1", InstanceFailed); a.Instances["n1"] != InstanceRunning || b.Instances["n1"] != InstanceFailed {
		t.Error("with changes the Modes that it comes from")
	}
}
