package ledger

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// run is a run of an application, without its processes.
type run struct {
	agent.Instance
	since    time.Time // its first process
	last     time.Time // the end of the last process that ended
	found    bool      // it was there already when the ledger began to look
	complete bool      // all that is started with it runs
}

// beginRun notes that an application runs from now on.
func (l *Ledger) beginRun(app *application, at time.Time) {
	view := l.view().Application(app.name)
	app.run = &run{since: at, last: at, Instance: agent.Instance{
		ID: newUUID(), Application: l.cfg.Application(app.name), Created: seconds(at), Started: seconds(at),
		Managed: view != nil && view.Rules.Managed,
	}}
	if a := app.agreement; a != nil {
		app.run.Created, app.run.Agreements = a.Created, []string{a.ID}
	}
	if l.cfg.Definition != nil {
		app.run.Definition = l.cfg.Definition(app.name)
	}
	if g, err := l.cfg.Supervisor.Group(app.name); err == nil {
		for _, p := range g.Processes {
			app.member(p.Spec.Name).spec = p.Spec
		}
	}
	l.touch(app)
}

// newUUID returns a random identifier (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// ended notes how a process has ended.
func (r *run) ended(i process.Info, at time.Time) {
	r.last = at
	switch {
	case i.State == process.Fatal:
		r.FailureCode, r.FailureText = fatalCode, i.SpawnErr
	case i.State == process.Exited && !i.Expected:
		r.FailureCode, r.FailureText = i.ExitStatus, i.SpawnErr
	}
}

// fatalCode is the failure code of an instance of which a process is FATAL.
const fatalCode = 200

// Instances returns the runs of applications: those that are under way by group, with their processes as they are now, then those that have
// ended, oldest first.
func (l *Ledger) Instances() []agent.Instance {
	s := l.shown.Load()
	var all []agent.Instance
	for _, group := range slices.Sorted(maps.Keys(s.live)) {
		r, agreement := s.live[group].run, ""
		if r == nil {
			continue
		}
		if a := s.live[group].agreement.value; a != nil {
			agreement = a.ID
		}
		g, err := l.cfg.Supervisor.Group(group)
		if err != nil { // it is being removed
			g.Processes = nil
		}
		i := r.Instance
		for _, p := range g.Processes {
			if !p.Info.Start.Before(r.since) {
				l.addContainer(&i, p, agreement)
			}
		}
		all = append(all, i)
	}
	for _, e := range s.ended {
		all = append(all, *e.value)
	}
	return all
}

// endedInstance returns the run of an application that has come to its end.
func (l *Ledger) endedInstance(app *application) *agent.Instance {
	i := app.run.Instance
	i.Archived = true
	for _, name := range slices.Sorted(maps.Keys(app.processes)) {
		m := app.processes[name]
		if m.run != app.run {
			continue
		}
		agreement := ""
		if m.agreement != nil {
			agreement = m.agreement.ID
		}
		l.addContainer(&i, supervisor.Process{Info: m.info, Spec: m.spec}, agreement)
	}
	return &i
}

// addContainer adds a process to its instance.
func (l *Ledger) addContainer(i *agent.Instance, p supervisor.Process, agreement string) {
	c := agent.Container{
		Program: program(p.Spec), Command: p.Spec.Command, Created: seconds(p.Info.Start), State: p.Info.State.String(), Since: p.Info.Start,
		ExitStatus: p.Info.ExitStatus, Namespec: cmp.Or(p.Info.Group, p.Spec.Group) + ":" + p.Spec.Name, PID: p.Info.PID, Agreement: agreement,
	}
	if p.Info.State.IsStopped() && p.Info.Stop.After(p.Info.Start) {
		c.Since = p.Info.Stop
	}
	if l.cfg.ContainerID != nil {
		c.ID = l.cfg.ContainerID(p.Info)
	}
	i.StartRetries = max(i.StartRetries, p.Spec.StartRetries)
	if p.Info.Backoff > i.Retries {
		i.Retries, i.RetryStarted = p.Info.Backoff, c.Created
	}
	i.Containers = append(i.Containers, c)
}
