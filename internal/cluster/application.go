package cluster

import (
	"slices"

	"github.com/supvisors/supvisors/internal/process"
)

// refreshApplication derives the state and the operational status of an application from its processes.
func (c *Core) refreshApplication(a *application) {
	c.touchApplication(a)
	if len(a.procs) == 0 {
		a.state = ApplicationDeleted
		return
	}
	a.state = ApplicationStopped
	for _, p := range a.procs {
		switch p.shown() {
		case process.Stopping:
			a.state = ApplicationStopping
		case process.Starting, process.Backoff:
			if a.state != ApplicationStopping {
				a.state = ApplicationStarting
			}
		case process.Running:
			if a.state == ApplicationStopped {
				a.state = ApplicationRunning
			}
		}
	}
	a.major, a.minor = false, false
	if a.rules.Formula != nil {
		c.judgeByFormula(a)
	} else {
		a.judgeByRequired()
	}
}

// failed reports whether a process shows a failure, as opposed to being stopped or having ended as planned.
func (p *proc) failed() bool {
	s := p.shown()
	return s == process.Fatal || s == process.Unknown || s == process.Exited && !p.expected
}

// judgeByRequired is the status of an application without a formula: a required process that failed is a major failure, any other
// one a minor failure when the application is managed.
func (a *application) judgeByRequired() {
	for _, p := range a.procs {
		switch {
		case p.failed() && p.rules.Required:
			a.major = true
		case p.failed() && a.rules.Managed:
			a.minor = true
		case p.shown() == process.Stopped && p.rules.Required && a.state != ApplicationStopped:
			a.major = true
		}
	}
	if a.major {
		a.minor = false
	}
}

// judgeByFormula evaluates operational_status. A formula that cannot be evaluated is a major failure, as in Supvisors.
func (c *Core) judgeByFormula(a *application) {
	names := make([]string, len(a.procs))
	for i, p := range a.procs {
		names[i] = p.ns.Process
	}
	ok, err := a.rules.Formula.Eval(names, func(name string) bool {
		p := a.find(name)
		return p.shown().IsRunning() || p.shown() == process.Exited && p.expected
	})
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != a.formulaError && text != "" {
		c.log(Warn, "application %s: operational_status: %s", a.name, text)
	}
	a.formulaError = text
	a.major = err != nil || !ok
	a.minor = !a.major && a.rules.Managed && slices.ContainsFunc(a.procs, (*proc).failed)
}

// up reports whether any process of the application is running, also one that is not in its sequence.
func (a *application) up() bool {
	return slices.ContainsFunc(a.procs, func(p *proc) bool { return p.state.IsRunning() })
}

func (a *application) neverStarted() bool {
	for _, p := range a.procs {
		for _, info := range p.infos {
			if !neverStarted(info) {
				return false
			}
		}
	}
	return true
}

// sequenced returns the processes that start with the application.
func (a *application) sequenced() []*proc {
	var list []*proc
	for _, p := range a.procs {
		if p.rules.StartSequence > 0 {
			list = append(list, p)
		}
	}
	return list
}
