package dashboard

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rules"
)

// maxHeard bounds how many changes may wait to be shown. Beyond it, all processes are looked at anew.
const maxHeard = 4096

// heard is what the Supervisor has told, where there is no cluster to tell it.
type heard struct {
	wake chan struct{} // gets a token when there is something again

	mu      sync.Mutex
	changes []process.Info // in order for each process
	anew    bool           // all processes must be looked at
}

// Heard takes an event of a Supervisor alone. It never waits.
func (d *Dashboard) Heard(ev event.Event) {
	d.heard.mu.Lock()
	defer d.heard.mu.Unlock()
	first := len(d.heard.changes) == 0 && !d.heard.anew
	switch ev := ev.(type) {
	case event.StateChanged:
		if len(d.heard.changes) < maxHeard {
			d.heard.changes = append(d.heard.changes, ev.Info)
			break
		}
		d.heard.anew = true
	case event.ProcessLog, event.ProcessCommunication, event.RemoteCommunication, event.Tick:
		return
	default:
		d.heard.anew = true
	}
	if first {
		token(d.heard.wake)
	}
}

func (h *heard) take() (changes []process.Info, anew bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	changes, anew = h.changes, h.anew
	h.changes, h.anew = nil, false
	return changes, anew
}

// followAlone brings the View up to what was heard: one step for the first change of each process, one for the second, so that none is
// passed over and thousands of programs that start take few steps.
func (d *Dashboard) followAlone() {
	changes, anew := d.heard.take()
	for len(changes) > 0 && !anew {
		var step, later []process.Info
		seen := map[process.Namespec]bool{}
		for _, info := range changes {
			if name := nameOf(info); !seen[name] {
				seen[name] = true
				step = append(step, info)
			} else {
				later = append(later, info)
			}
		}
		v, ok := d.changed(d.current(), step)
		if anew = !ok; ok {
			d.follow(v)
		}
		changes = later
	}
	if anew {
		d.follow(d.ownView(d.current()))
	}
}

// changed returns a View with changes of different processes. All else is the same object. It fails when one of them is not in the View yet.
func (d *Dashboard) changed(before *cluster.View, changes []process.Info) (*cluster.View, bool) {
	v := *before
	v.Applications = slices.Clone(before.Applications)
	touched := map[int]*cluster.ApplicationView{}
	for _, info := range changes {
		i, found := slices.BinarySearchFunc(v.Applications, info.Group, func(a *cluster.ApplicationView, name string) int { return strings.Compare(a.Name, name) })
		if !found {
			return nil, false
		}
		app := touched[i]
		if app == nil {
			fresh := *v.Applications[i]
			fresh.Processes = slices.Clone(fresh.Processes)
			app = &fresh
			touched[i], v.Applications[i] = app, app
		}
		j, found := slices.BinarySearchFunc(app.Processes, info.Name, func(p *cluster.ProcessView, name string) int { return strings.Compare(p.Namespec.Process, name) })
		known, err := d.cfg.Supervisor.Process(nameOf(info))
		if !found || err != nil {
			return nil, false
		}
		known.Info = info
		app.Processes[j] = ownProcess(v.Self.Identifier, known)
	}
	for _, app := range touched {
		app.State = stateOf(app)
	}
	return &v, true
}

func nameOf(info process.Info) process.Namespec {
	return process.Namespec{Group: info.Group, Process: info.Name}
}

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
