package ledger

import (
	"fmt"
	"time"

	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
)

// application is what this node does of one.
type application struct {
	name      string
	processes map[string]*member
	up        int       // processes that are STARTING, RUNNING or in BACKOFF
	stopping  int       // STOPPING
	begun     time.Time // the last start that somebody wished; what was said about stops of all of it before does not count
	agreement *accord   // open or ending; nil without
	run       *run      // nil when nothing runs
	expected  expectation
}

// member is a process of an application.
type member struct {
	info      process.Info
	spec      *process.Spec
	known     bool    // info is of this run of the daemon
	again     bool    // it will be started again by itself
	agreement *accord // that it was started for
	run       *run    // that it was started in

	environment map[string]string // that it was started with last, which many agreements share
}

func (l *Ledger) application(group string) *application {
	app := l.apps[group]
	if app == nil {
		app = &application{name: group, processes: map[string]*member{}}
		l.apps[group] = app
	}
	return app
}

func (app *application) member(name string) *member {
	m := app.processes[name]
	if m == nil {
		m = &member{spec: &process.Spec{}} // until it is known
		app.processes[name] = m
	}
	return m
}

// outruns reports whether what events told about a process is newer than what it shows: processes tell first, and then show.
func (m *member) outruns(shown process.Info) bool {
	return m.known && (shown.Start.Before(m.info.Start) || shown.Stop.Before(m.info.Stop) ||
		shown.Start.Equal(m.info.Start) && m.info.State.IsStopped())
}

// set takes over what a process is now.
func (app *application) set(m *member, info process.Info) {
	app.count(m, -1)
	m.info, m.known = info, true
	app.count(m, 1)
}

func (app *application) count(m *member, by int) {
	switch {
	case !m.known:
	case m.info.State.IsRunning():
		app.up += by
	case m.info.State == process.Stopping:
		app.stopping += by
	}
}

func (app *application) drop(name string) {
	if m := app.processes[name]; m != nil {
		app.count(m, -1)
		delete(app.processes, name)
	}
}

// change takes the change of a process into account.
func (l *Ledger) change(c process.Change) {
	app := l.application(c.Info.Group)
	m := app.member(c.Info.Name)
	app.set(m, c.Info)
	if c.Info.State == process.Starting {
		l.starting(app, m, c)
	}
	if r, ok := journal.ProcessRecord(c, l.source(app, m)); ok {
		l.cfg.Log.Append(r)
	}
	switch {
	case c.Info.State == process.Running:
		l.running(app, m)
	case c.Info.State == process.Stopping:
		l.ending(app, m)
	case c.Info.State.IsStopped():
		l.down(app, m, c.From)
	}
}

func (l *Ledger) starting(app *application, m *member, c process.Change) {
	at := c.Info.Start
	if c.From != process.Backoff && !m.again {
		app.begun = at
	}
	m.again = false
	l.asked.forget(namespec(c.Info), at)
	if app.run != nil && app.run.Ending != 0 { // what was last of it is still stopping
		l.finish(app, at)
	}
	if p, err := l.cfg.Supervisor.Process(namespec(c.Info)); err == nil {
		m.spec = p.Spec
	}
	ahead := app.run != nil && app.run.found && !at.After(app.run.since) // the survey was faster than this event
	first := app.run == nil
	l.attach(app, m, at)
	if first || ahead {
		app.run.found = false
		l.serviceStarting(app)
	}
}

// attach makes a process part of what its application does here.
func (l *Ledger) attach(app *application, m *member, at time.Time) {
	l.expect(app, expectation{})
	if app.run == nil {
		l.beginRun(app, at)
	}
	if app.agreement == nil && l.cfg.All {
		l.agreeAlone(app, at)
	}
	m.run, m.agreement = app.run, app.agreement
	if a := m.agreement; a != nil {
		c := a.change()
		if c.Started == 0 {
			c.Started = seconds(at)
		}
		c.Deployment[m.info.Name] = l.deployed(a, m)
		l.touch(app)
	}
}

func (l *Ledger) running(app *application, m *member) {
	if a := m.agreement; a != nil && a.DataReceived == 0 {
		a.change().DataReceived = seconds(time.Now())
		l.touch(app)
	}
	l.completed(app)
}

// ending decides the end of an application when its last process is being stopped.
func (l *Ledger) ending(app *application, m *member) {
	if app.up > 0 {
		return
	}
	why, said := l.asked.why(namespec(m.info), app.begun, time.Time{})
	l.decide(app, l.stopReason(app, why, said), time.Now())
}

// stopReason returns why a process stops that something was said about, or nothing.
func (l *Ledger) stopReason(app *application, why cause, said bool) cause {
	switch {
	case !said && l.stopping:
		return cause{reason: UserRequested, text: "the daemon ends"}
	case !said:
		return cause{reason: UserRequested}
	case why.early != 0 && app.agreement != nil && app.agreement.Finalized == 0:
		why.reason = why.early
	}
	return why
}

// down takes a process into account that has ended, or could not be started.
func (l *Ledger) down(app *application, m *member, from process.State) {
	i, at := m.info, time.Now()
	if i.Stop.After(i.Start) && from != process.Backoff {
		at = i.Stop
	}
	m.again = i.State == process.Exited && m.spec.Restarts(i.ExitStatus) && !i.Disabled && !l.stopping
	why, said := l.asked.why(namespec(i), app.begun, at)
	l.asked.forget(namespec(i), at)
	if m.run != nil && m.run == app.run {
		app.run.ended(i, at)
		l.touch(app)
	}
	if i.State == process.Fatal {
		l.serviceFailed(app, i)
	}
	l.completed(app)
	if app.up > 0 || app.run == nil {
		return
	}
	if app.run.Ending == 0 {
		if !said {
			why = cause{reason: ServiceTerminated, text: fmt.Sprintf("process %s %s", namespec(i), endingText(i))}
		}
		switch {
		case i.State == process.Stopped && app.expected.restart: // of another process
			return
		case m.again:
			l.expect(app, expectation{time.Now().Add(restartTimeout), why.reason, why.text, true})
			return
		case l.sequenceGoesOn(app, m):
			l.expect(app, expectation{time.Now().Add(startTimeout), why.reason, why.text, false})
			return
		case said || i.State == process.Stopped:
			why = l.stopReason(app, why, said)
		}
		l.decide(app, why, at)
	}
	if app.stopping == 0 {
		l.finish(app, at)
	}
}

func endingText(i process.Info) string {
	switch {
	case i.State == process.Fatal:
		return "could not be started"
	case i.ExitStatus < 0:
		return "was killed"
	}
	return fmt.Sprintf("has exited with status %d", i.ExitStatus)
}

// sequenceGoesOn reports whether a process has done its part of the start of an application, and others come after it.
func (l *Ledger) sequenceGoesOn(app *application, m *member) bool {
	view := l.view().Application(app.name)
	if view == nil || app.agreement == nil || !l.hasDone(app, m) {
		return false
	}
	p := view.Process(m.info.Name)
	for _, other := range view.Processes {
		if other.Rules.StartSequence > p.Rules.StartSequence {
			return true
		}
	}
	return false
}

// hasDone reports whether a process has exited as the start of its application wants it to.
func (l *Ledger) hasDone(app *application, m *member) bool {
	if m.info.State != process.Exited || !m.info.Expected {
		return false
	}
	view := l.view().Application(app.name)
	if view == nil {
		return false
	}
	p := view.Process(m.info.Name)
	return p != nil && p.Rules.WaitExit
}

// decide notes that an application ends here, and why.
func (l *Ledger) decide(app *application, why cause, at time.Time) {
	if r := app.run; r != nil && r.Ending == 0 {
		r.Ending = seconds(at)
		l.touch(app)
	}
	if a := app.agreement; a != nil && a.Terminated == 0 {
		c := a.change()
		c.Terminated, c.Reason, c.ReasonDescription = seconds(at), why.reason, describe(why.reason, why.text)
		l.recordCancelled(a)
		l.touch(app)
	}
}

// finish notes that nothing of an application runs here any more.
func (l *Ledger) finish(app *application, at time.Time) {
	l.expect(app, expectation{})
	l.asked.forget(process.Namespec{Group: app.name}, at)
	if a := app.agreement; a != nil {
		c := a.change()
		c.ProtocolEnded, c.Archived = seconds(time.Now()), true
		if app.run != nil {
			c.WorkloadEnded = seconds(at)
		}
		l.recordEnded(c)
		l.archiveAgreement(a.key, a.copy())
	}
	if app.run != nil {
		l.archiveInstance(l.endedInstance(app))
	}
	app.agreement, app.run = nil, nil
	l.touch(app)
}

// remove drops a group that is not configured any more; its processes have stopped before.
func (l *Ledger) remove(group string) {
	app := l.apps[group]
	if app == nil {
		return
	}
	if app.run != nil || app.agreement != nil {
		l.decide(app, cause{reason: ForcedUpgrade, text: "it is not configured any more"}, time.Now())
		l.finish(app, time.Now())
	}
	delete(l.apps, group)
}

// survey takes over what the processes are, at the beginning and when events were missed.
func (l *Ledger) survey(first bool) {
	there := map[process.Namespec]bool{}
	for _, p := range l.cfg.Supervisor.Processes() {
		ns := namespec(p.Info)
		there[ns] = true
		app := l.application(ns.Group)
		m := app.member(ns.Process)
		if m.outruns(p.Info) {
			continue
		}
		app.set(m, p.Info)
		m.spec = p.Spec
		if !p.Info.State.IsRunning() && p.Info.State != process.Stopping || m.run != nil && m.run == app.run {
			continue
		}
		fresh := app.run == nil
		l.attach(app, m, p.Info.Start)
		if fresh {
			app.run.found = first
		}
		if p.Info.State == process.Running {
			l.running(app, m)
		}
	}
	for name, app := range l.apps {
		for process := range app.processes {
			if !there[namespecOf(name, process)] {
				app.drop(process)
			}
		}
		if app.run != nil && app.up == 0 && app.stopping == 0 && app.expected.by.IsZero() {
			l.decide(app, cause{reason: ServiceTerminated}, time.Now())
			l.finish(app, time.Now())
		}
	}
}

func namespec(i process.Info) process.Namespec { return namespecOf(i.Group, i.Name) }

func namespecOf(group, name string) process.Namespec {
	return process.Namespec{Group: group, Process: name}
}
