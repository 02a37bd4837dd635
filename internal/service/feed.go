package service

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// The headers of the messages that a Feed makes, as Supvisors names them.
const (
	headerSupvisors   = "supvisors"
	headerInstance    = "instance"
	headerApplication = "application"
	headerProcess     = "process"
	headerEvent       = "event"
)

var feedHeaders = []string{headerSupvisors, headerInstance, headerApplication, headerProcess, headerEvent}

// The state of what is not configured any more, in the last message about it: DELETED is -1 for a process and 4 for an application.
const (
	deletedName        = "DELETED"
	deletedProcess     = -1
	deletedApplication = 4
)

// Audience is whoever listens to the event interface. Publish must not wait; the body is only good during the call.
type Audience interface {
	Wants(header string) bool
	Publish(header string, body []byte)
}

// Feed tells an Audience what changes in the cluster, in the messages of Supvisors' event interface: it compares each View of the node
// with the one before. A message that nobody wants is not made.
type Feed struct {
	s     *supvisors
	to    Audience
	last  *cluster.View
	state SupvisorsState // as it was told last
	// untold is set when nobody wanted to hear of the last View.
	untold bool
}

// NewFeed returns the Feed of the node in deps.
func NewFeed(deps Deps, to Audience) *Feed {
	return &Feed{s: &supvisors{node: deps.Cluster, options: deps.Options, deps: deps}, to: to}
}

// Run feeds the audience until ctx ends.
func (f *Feed) Run(ctx context.Context, views *node.Watch) {
	defer views.Close()
	for {
		select {
		case v := <-views.C:
			f.show(v)
		case <-ctx.Done():
			return
		}
	}
}

// show tells the difference to the last View.
func (f *Feed) show(v *cluster.View) {
	before := f.last
	f.last = v
	if before == nil || !slices.ContainsFunc(feedHeaders, f.to.Wants) {
		f.untold = true
		return
	}
	if f.untold { // since when, nobody knows
		f.state, f.untold = f.s.state(before), false
	}
	f.processes(before, v)
	f.instances(before, v)
}

func (f *Feed) instances(before, v *cluster.View) {
	changed := false
	for _, n := range v.Instances { // none ever goes
		old := before.Instance(n.Identifier)
		if old == n {
			continue
		}
		changed = true
		if now := f.s.instanceInfo(n); old == nil || now != f.s.instanceInfo(old) {
			f.tell(headerInstance, now)
		}
	}
	if !changed {
		return
	}
	state := f.s.state(v)
	told := f.state
	told.NowMonotonic = state.NowMonotonic
	if !reflect.DeepEqual(told, state) {
		f.state = state
		f.tell(headerSupvisors, state)
	}
}

// processes tells of each process what Supvisors tells after a process event: the event, the process, the application.
func (f *Feed) processes(before, v *cluster.View) {
	for old, app := range cluster.Different(before.Applications, v.Applications, func(a, b *cluster.ApplicationView) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		var oldList, list []*cluster.ProcessView
		if old != nil {
			oldList = old.Processes
		}
		if app != nil {
			list = app.Processes
		}
		changed := false
		for was, is := range cluster.Different(oldList, list, func(a, b *cluster.ProcessView) int {
			return strings.Compare(a.Namespec.Process, b.Namespec.Process)
		}) {
			happened := f.events(before, v, was, is)
			changed = f.process(was, is, happened) || changed
		}
		switch {
		case app == nil:
			info := f.s.applicationInfo(old)
			info.StateCode, info.StateName = deletedApplication, deletedName
			f.tell(headerApplication, info)
		case changed || old == nil || old.State != app.State || old.Major != app.Major || old.Minor != app.Minor:
			f.tell(headerApplication, f.s.applicationInfo(app))
		}
	}
}

// process tells the state of a process when it has changed, or when something has happened to the process, and reports whether that is so.
func (f *Feed) process(was, is *cluster.ProcessView, happened bool) bool {
	switch {
	case is == nil:
		info := f.s.processInfo(was)
		info.StateCode, info.StateName = deletedProcess, deletedName
		f.tell(headerProcess, info)
		return true
	case !happened && was != nil && was.Shown == is.Shown && was.Expected == is.Expected && was.ExtraArgs == is.ExtraArgs && slices.Equal(was.Running, is.Running):
		return false
	}
	f.tell(headerProcess, f.s.processInfo(is))
	return true
}

// ProcessEvent is what happened to a process on one instance. The times of now are those of that instance.
type ProcessEvent struct {
	Identifier string  `xmlrpc:"identifier"`
	Nick       string  `xmlrpc:"nick_identifier"`
	Group      string  `xmlrpc:"group"`
	Name       string  `xmlrpc:"name"`
	State      int     `xmlrpc:"state"`
	Expected   bool    `xmlrpc:"expected"`
	SpawnErr   string  `xmlrpc:"spawnerr"`
	Now        float64 `xmlrpc:"now"`
	NowMono    float64 `xmlrpc:"now_monotonic"`
	EventMono  float64 `xmlrpc:"event_mtime"`
	PID        int     `xmlrpc:"pid"`
	ExtraArgs  string  `xmlrpc:"extra_args"`
	Disabled   bool    `xmlrpc:"disabled"`
}

// LocalEvents returns a function that tells an audience what happens to the processes of a daemon without a cluster: the event
// messages alone.
func LocalEvents(identifier string, to Audience) func(event.Event) {
	clock := node.NewClock()
	return func(ev event.Event) {
		change, ok := ev.(event.StateChanged)
		if !ok || !to.Wants(headerEvent) {
			return
		}
		now, info, pid := time.Now(), change.Info, change.PID
		if info.State == process.Starting {
			pid = 0 // as in Supervisor's events: there was no child when it began
		}
		body, err := rpc.AppendJSON(nil, ProcessEvent{Identifier: identifier, Nick: identifier, Group: info.Group, Name: info.Name,
			State: int(info.State), Expected: info.Expected, SpawnErr: info.SpawnErr, Now: node.Wall(now), NowMono: clock.Mono(now),
			EventMono: clock.Mono(now), PID: pid, ExtraArgs: info.ExtraArgs, Disabled: info.Disabled})
		if err == nil { // strings and numbers always have a form
			to.Publish(headerEvent, body)
		}
	}
}

// events tells what happened to a process on the instances that were and are running. What an instance brings when it joins has not
// happened now, and what is lost with one did not happen to the process: its state tells it. It reports whether the process is in
// another state on one of them.
func (f *Feed) events(before, v *cluster.View, was, is *cluster.ProcessView) (happened bool) {
	if was == nil {
		return false
	}
	for _, at := range was.Infos {
		old, n := before.Instance(at.Identifier), v.Instance(at.Identifier)
		if old == nil || n == nil || old.State != cluster.InstanceRunning || n.State != cluster.InstanceRunning {
			continue
		}
		info, state := at.Info, deletedProcess
		if is != nil {
			if now := is.At(at.Identifier); now != nil {
				if *now == *info {
					continue
				}
				info, state = now, int(now.State)
			}
		}
		happened = happened || state != deletedProcess && state != int(at.Info.State)
		pid := 0
		switch process.State(state) {
		case process.Running, process.Stopping:
			pid = info.PID
		case process.Backoff, process.Exited, process.Stopped:
			pid = at.Info.PID // of the child that has ended, as in Supervisor's events
		}
		f.tell(headerEvent, ProcessEvent{Identifier: n.Identifier, Nick: n.Nick, Group: info.Group, Name: info.Name, State: state,
			Expected: info.Expected, SpawnErr: info.SpawnErr, Now: info.Now, NowMono: info.NowMono, EventMono: f.s.node.Clock().Mono(time.Now()),
			PID: pid, ExtraArgs: info.ExtraArgs, Disabled: info.Disabled})
	}
	return happened
}

// tell publishes a message if anybody wants it.
func (f *Feed) tell(header string, value any) {
	if !f.to.Wants(header) {
		return
	}
	body, err := rpc.AppendJSON(nil, value)
	if err != nil {
		f.s.deps.Log.Error("message of the event interface cannot be made", "header", header, "error", err)
		return
	}
	f.to.Publish(header, body)
}
