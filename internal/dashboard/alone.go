package dashboard

import (
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rules"
)

// Changed tells that processes have changed, where there is no cluster to tell it. It never waits.
func (d *Dashboard) Changed() { token(d.local) }

// ownView shows a Supervisor alone as a cluster of one node without rules. What is as in the View before, if there is one, is the same object.
func (d *Dashboard) ownView(before *cluster.View) *cluster.View {
	name := d.cfg.Supervisor.Identifier()
	v := &cluster.View{}
	if before != nil {
		v.Self = before.Self
	} else {
		v.Self = &cluster.InstanceView{Identity: cluster.Identity{Identifier: name, Nick: name}, State: cluster.InstanceRunning}
	}
	v.Instances = []*cluster.InstanceView{v.Self}
	var app *cluster.ApplicationView
	for _, p := range d.cfg.Supervisor.Processes() { // by group
		if app == nil || app.Name != p.Info.Group {
			app = &cluster.ApplicationView{Name: p.Info.Group, Rules: rules.Application{}}
			v.Applications = append(v.Applications, app)
		}
		app.Processes = append(app.Processes, ownProcess(name, p))
	}
	for i, app := range v.Applications {
		app.State = stateOf(app)
		if before != nil {
			v.Applications[i] = reuse(before.Application(app.Name), app)
		}
	}
	return v
}

func ownProcess(self string, p supervisor.Process) *cluster.ProcessView {
	info := node.Clock{}.Fact(node.LocalProcess(p), time.Time{}) // what changes with time alone is left out
	ns := info.Namespec()
	v := &cluster.ProcessView{Namespec: ns, State: info.State, Shown: info.State, Expected: info.Expected, ExtraArgs: info.ExtraArgs,
		Identifiers: []string{self}, Infos: []cluster.ProcessAt{{Identifier: self, Info: &info}}}
	if info.State.IsRunning() || info.State == process.Stopping {
		v.Running = []string{self}
	}
	return v
}

func stateOf(app *cluster.ApplicationView) cluster.ApplicationState {
	state := cluster.ApplicationStopped
	for _, p := range app.Processes {
		switch p.State {
		case process.Stopping:
			return cluster.ApplicationStopping
		case process.Starting, process.Backoff:
			state = cluster.ApplicationStarting
		case process.Running:
			if state == cluster.ApplicationStopped {
				state = cluster.ApplicationRunning
			}
		}
	}
	return state
}

// reuse returns the old application when nothing has changed, else the new one with the old processes that have not.
func reuse(old, app *cluster.ApplicationView) *cluster.ApplicationView {
	if old == nil {
		return app
	}
	same := len(old.Processes) == len(app.Processes) && old.State == app.State
	for i, p := range app.Processes {
		j, found := slices.BinarySearchFunc(old.Processes, p.Namespec.Process, func(q *cluster.ProcessView, name string) int {
			return strings.Compare(q.Namespec.Process, name)
		})
		if found && *old.Processes[j].Infos[0].Info == *p.Infos[0].Info {
			app.Processes[i] = old.Processes[j]
		}
		same = same && app.Processes[i] == old.Processes[i]
	}
	if same {
		return old
	}
	return app
}

func byName(a, b *cluster.ApplicationView) int { return strings.Compare(a.Name, b.Name) }
