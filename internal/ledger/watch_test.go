package ledger

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/supvisors/supvisors/internal/cluster"
)

// changed returns a View with another one of its parts, as the Core makes it: what does not change is shared.
func changed(v *cluster.View, change func(*cluster.View)) *cluster.View {
	n := *v
	n.Instances, n.Applications = slices.Clone(v.Instances), slices.Clone(v.Applications)
	change(&n)
	n.Self = n.Instances[0]
	return &n
}

func instance(i int, change func(*cluster.InstanceView)) func(*cluster.View) {
	return func(v *cluster.View) {
		n := *v.Instances[i]
		change(&n)
		v.Instances[i] = &n
	}
}

func state(i int, s cluster.InstanceState) func(*cluster.View) {
	return instance(i, func(n *cluster.InstanceView) { n.State = s })
}

func standing(i int, s cluster.Standing) func(*cluster.View) {
	return instance(i, func(n *cluster.InstanceView) { n.Standing = s })
}

func modes(master string, s cluster.State) func(*cluster.View) {
	return instance(0, func(n *cluster.InstanceView) { n.Modes.Master, n.Modes.State = master, s })
}

// upOn has the first process of an application up on these nodes.
func upOn(name string, on ...string) func(*cluster.View) {
	return func(v *cluster.View) {
		i := slices.IndexFunc(v.Applications, func(a *cluster.ApplicationView) bool { return a.Name == name })
		app, p := *v.Applications[i], *v.Applications[i].Processes[0]
		p.Running = on
		app.Processes = append([]*cluster.ProcessView{&p}, app.Processes[1:]...)
		v.Applications[i] = &app
	}
}

func removed(i int) func(*cluster.View) {
	return func(v *cluster.View) { v.Instances = slices.Delete(v.Instances, i, i+1) }
}

func TestLook(t *testing.T) {
	for _, c := range []struct {
		name  string
		views []func(*cluster.View)
		want  []string
	}{
		{"nothing", []func(*cluster.View){state(1, cluster.InstanceRunning)}, nil},
		{"an election", []func(*cluster.View){modes("", cluster.Election), modes("n1:1", cluster.Election), modes("n1:1", cluster.Distribution)},
			[]string{"fsm_state_changed n1", "exchange_error", "master_elected n1", "fsm_state_changed n1"}},
		{"another Master", []func(*cluster.View){modes("n3:1", cluster.Operation)}, []string{"master_elected n3"}},
		{"a peer is lost and comes back", []func(*cluster.View){state(1, cluster.InstanceFailed), state(1, cluster.InstanceStopped),
			state(1, cluster.InstanceChecking), state(1, cluster.InstanceRunning)},
			[]string{"node_heartbeat_failed n2", "node_heartbeat_restored n2"}},
		{"a peer leaves", []func(*cluster.View){standing(2, cluster.Withdrawn), state(2, cluster.InstanceStopped), removed(2)}, nil},
		{"this node leaves", []func(*cluster.View){standing(0, cluster.Withdrawn), state(1, cluster.InstanceStopped),
			state(2, cluster.InstanceStopped), modes("", cluster.Off)}, []string{"fsm_state_changed n1"}},
		{"a peer is forgotten", []func(*cluster.View){removed(1), state(1, cluster.InstanceStopped)}, []string{"node_heartbeat_failed n3"}},
		{"conflicts", []func(*cluster.View){upOn("web", "n1:1"), upOn("web", "n1:1", "n2:1"), upOn("web", "n1:1", "n2:1", "n3:1"),
			upOn("free", "n1:1", "n2:1"), upOn("web", "n3:1"), upOn("web")},
			[]string{"conflict_detected web", "conflict_resolved web"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.stop() // the test is the owner now
				v := newView()
				w.ledger.look(v)
				for _, change := range c.views {
					v = changed(v, change)
					w.ledger.look(v)
				}
				wantLines(t, "records", w.records(), c.want)
				w.close()
			})
		})
	}
}
