package cluster

import (
	"reflect"
	"slices"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

// TestViewShares: a View has the unchanged parts of the View before it, and new ones of what changed; those before stay as they were.
func TestViewShares(t *testing.T) {
	changes := map[string]struct {
		change               func(*lab)
		instances, processes []string // that are new
	}{
		"nothing":                {func(l *lab) { l.step(Timer{}) }, nil, nil},
		"a tick of this node":    {func(l *lab) { l.step(LocalTick{Tick: Tick{Counter: 1}}) }, []string{"n1"}, nil},
		"a tick of a peer":       {func(l *lab) { l.delta("n2", Delta{Tick: &Tick{Counter: 1}}) }, []string{"n2"}, nil},
		"modes of a peer":        {func(l *lab) { m := l.modes(Operation, "n1"); m.Degraded = true; l.peerModes("n3", m) }, []string{"n3"}, nil},
		"a process of this node": {func(l *lab) { l.process("n1", "shop:db", process.Starting) }, []string{"n1"}, []string{"shop:db"}},
		"a process of a peer":    {func(l *lab) { l.process("n2", "loose", process.Starting) }, []string{"n2"}, []string{"loose"}},
		"a peer that is lost":    {func(l *lab) { l.step(PeerLeft{Identifier: "n3"}) }, []string{"n1", "n3"}, nil},
		"a forced state": {func(l *lab) {
			l.delta("n2", Delta{Forced: &Forced{Namespec: process.ParseNamespec("shop:db"), State: process.Fatal}})
		}, nil, []string{"shop:db"}},
		"a process that was added": {func(l *lab) { l.info("n2", stopped("shop:new")) }, []string{"n2"}, []string{"shop:new"}},
		"a prediction":             {func(l *lab) { l.ask(TestStartApplication{Name: "shop"}) }, nil, nil},
	}
	for name, c := range changes {
		l := operation(t, shopRules, nil, "shop:db", "shop:web", "loose")
		before := l.c.View()
		copied := deepCopy(before)
		c.change(l)
		after := l.c.View()
		if !reflect.DeepEqual(before, copied) {
			t.Errorf("%s: a View that was given out has changed", name)
		}
		var instances, processes []string
		for i, n := range after.Instances {
			if n != before.Instances[i] {
				instances = append(instances, n.Nick)
			}
		}
		for _, app := range after.Applications {
			old, fresh := before.Application(app.Name), false
			for _, p := range app.Processes {
				if old.Process(p.Namespec.Process) != p {
					processes, fresh = append(processes, p.Namespec.String()), true
				}
			}
			if (old != app) != fresh {
				t.Errorf("%s: application %s is new: %v", name, app.Name, old != app)
			}
		}
		if !slices.Equal(instances, c.instances) || !slices.Equal(processes, c.processes) {
			t.Errorf("%s: new are %v %v, want %v %v", name, instances, processes, c.instances, c.processes)
		}
		if after.Self != after.Instance("n1") {
			t.Errorf("%s: Self is not the instance", name)
		}
	}
}

// deepCopy copies what a View points to.
func deepCopy(v *View) *View {
	w := &View{}
	for _, n := range v.Instances {
		m := *n
		w.Instances = append(w.Instances, &m)
		if n == v.Self {
			w.Self = &m
		}
	}
	for _, app := range v.Applications {
		a := *app
		a.Processes = nil
		for _, p := range app.Processes {
			q := *p
			q.Running, q.Infos = slices.Clone(p.Running), slices.Clone(p.Infos)
			a.Processes = append(a.Processes, &q)
		}
		w.Applications = append(w.Applications, &a)
	}
	return w
}

// TestViewContents: a View tells what the Core knows.
func TestViewContents(t *testing.T) {
	l := operation(t, `<application name="shop"><programs><program name="db"><identifiers>n3,n1</identifiers><expected_loading>30</expected_loading>
		</program></programs></application>`, nil, "shop:db", "loose")
	l.process("n2", "shop:db", process.Starting, process.Running)
	l.process("n3", "loose", process.Starting, process.Fatal)
	l.c.byID["n3"].id.Stereotypes = []string{"blue"}
	l.c.byID["n2"].id.Stereotypes = []string{"blue"}
	v := l.c.View()
	db := v.Application("shop").Process("db")
	if db.State != process.Running || db.Shown != process.Running || !slices.Equal(db.Running, []string{"n2"}) || db.Heard != l.now ||
		!slices.Equal(db.Identifiers, []string{"n3", "n1"}) || len(db.Infos) != 3 {
		t.Errorf("%+v", db)
	}
	if db.At("n2").State != process.Running || db.At("n1").State != process.Stopped || db.At("n9") != nil {
		t.Errorf("%+v", db.Infos)
	}
	if got := v.Application("loose").Process("loose").Identifiers; !slices.Equal(got, []string{"*"}) {
		t.Errorf("identifiers %v", got)
	}
	if v.Instance("n2").Load != 30 || v.Instance("n1").Load != 0 || !v.Instance("n3").Failure || v.Instance("n2").Failure {
		t.Errorf("%+v %+v", v.Instance("n2"), v.Instance("n3"))
	}
	if v.Master() != v.Self || v.Application("zz") != nil || v.Application("shop").Process("zz") != nil || v.Instance("zz") != nil {
		t.Error("look-ups")
	}
	for name, want := range map[string]int{"n1": 1, "blue": 2, "zz": 0} {
		if got := len(v.Resolve(name)); got != want {
			t.Errorf("%s stands for %d nodes", name, got)
		}
	}
	l = newLab(t, "", nil)
	if v := l.c.View(); v.Master() != nil || v.Self.Modes.State != Synchronization || v.Self.Tick.Wall == 0 {
		t.Errorf("%+v", v.Self)
	}
}

// TestResolve: identifiers come before nicks, and these before stereotypes.
func TestResolve(t *testing.T) {
	l := newLab(t, "", func(cfg *Config) {
		cfg.Instances = append(cfg.Instances, Identity{Identifier: "host:4", Nick: "four", Stereotypes: []string{"blue"}},
			Identity{Identifier: "host:5", Nick: "five", Stereotypes: []string{"blue", "n1", "four"}})
	})
	for _, c := range []struct{ names, want []string }{
		{[]string{"n2", "n1", "n2"}, []string{"n2", "n1"}},
		{[]string{"four"}, []string{"host:4"}},
		{[]string{"blue"}, []string{"host:4", "host:5"}},
		{[]string{"blue", "host:5", "n1"}, []string{"host:4", "host:5", "n1"}},
		{[]string{"host:5", "blue"}, []string{"host:5", "host:4"}},
		{[]string{"zz"}, nil},
		{nil, nil},
	} {
		var got []string
		for _, n := range l.c.resolve(c.names) {
			got = append(got, n.id.Identifier)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.names, got, c.want)
		}
		for _, name := range c.names { // the View resolves alike
			var one []string
			for _, n := range l.c.View().Resolve(name) {
				one = append(one, n.Identifier)
			}
			var core []string
			for _, n := range l.c.resolve([]string{name}) {
				core = append(core, n.id.Identifier)
			}
			if !slices.Equal(one, core) {
				t.Errorf("%s: View %v, Core %v", name, one, core)
			}
		}
	}
}
