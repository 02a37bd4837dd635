package cluster

import (
	"cmp"
	"slices"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// failureHandler keeps what must be done about running failures until the applications concerned have no other job. Where several
// strategies meet in one application the most restricting one wins: stop the application, restart it, restart a process.
type failureHandler struct {
	stop, restart []*application
	processes     []*proc
	// open are the failures that were added and whose jobs have not ended.
	open []*proc
}

func (h *failureHandler) busy() bool { return len(h.stop)+len(h.restart)+len(h.processes) > 0 }

func (h *failureHandler) addStop(app *application) {
	h.stop = appendNew(h.stop, app)
	h.restart = slices.DeleteFunc(h.restart, func(a *application) bool { return a == app })
	h.processes = slices.DeleteFunc(h.processes, func(p *proc) bool { return p.app == app })
}

func (h *failureHandler) addRestart(app *application) {
	if slices.Contains(h.stop, app) {
		return
	}
	h.restart = appendNew(h.restart, app)
	// the restart of the application brings the processes of its start sequence back
	h.processes = slices.DeleteFunc(h.processes, func(p *proc) bool { return p.app == app && p.rules.StartSequence > 0 })
}

func (h *failureHandler) addProcess(p *proc) {
	if slices.Contains(h.stop, p.app) || slices.Contains(h.restart, p.app) && p.rules.StartSequence > 0 {
		return
	}
	h.processes = appendNew(h.processes, p)
}

// forget drops a process that does not exist any more, and its application when that was its last one.
func (h *failureHandler) forget(p *proc) {
	h.open = slices.DeleteFunc(h.open, func(q *proc) bool { return q == p })
	h.processes = slices.DeleteFunc(h.processes, func(q *proc) bool { return q == p })
	if len(p.app.procs) == 0 {
		gone := func(app *application) bool { return app == p.app }
		h.stop, h.restart = slices.DeleteFunc(h.stop, gone), slices.DeleteFunc(h.restart, gone)
	}
}

// add takes a failed process over, by its own strategy. When the whole application is down, restarting one process after the other
// would ignore the start sequence: the strategy is promoted to RESTART_APPLICATION.
func (h *failureHandler) add(p *proc) {
	h.open = appendNew(h.open, p)
	switch p.rules.RunningFailure {
	case rules.RunningFailureStopApplication:
		h.addStop(p.app)
	case rules.RunningFailureRestartApplication:
		h.addRestart(p.app)
	case rules.RunningFailureRestartProcess:
		if p.app.state == ApplicationStopped && p.app.rules.Managed && p.rules.StartSequence > 0 {
			h.addRestart(p.app)
		} else {
			h.addProcess(p)
		}
	}
}

// lostNames returns the lost processes that ask for something to be done.
func (c *Core) lostNames() (names []process.Namespec) {
	for _, p := range c.lost {
		if p.rules.RunningFailure != rules.RunningFailureContinue {
			names = append(names, p.ns)
		}
	}
	return names
}

// takeOverLost makes what the others know to be lost the matter of the new Master.
func (c *Core) takeOverLost() {
	for _, n := range c.runners() {
		for _, ns := range n.modes.Lost {
			if p := c.find(ns); p != nil {
				c.lost = appendNew(c.lost, p)
			}
		}
	}
}

// repair hands the processes that were lost with a node, or during the election, to the failure handler (Master only).
func (c *Core) repair() {
	lost := c.lost
	c.lost = nil
	for _, p := range lost {
		if len(p.up()) > 0 {
			continue // it came back meanwhile
		}
		if c.endOnFailure(p) {
			return
		}
		c.log(Info, "process %s failed: %s", p.ns, p.rules.RunningFailure)
		c.failures.add(p)
	}
	c.runJobs()
}

// endOnFailure applies the strategies that concern all of Supvisors.
func (c *Core) endOnFailure(p *proc) bool {
	s := p.rules.RunningFailure
	if s != rules.RunningFailureRestart && s != rules.RunningFailureShutdown {
		return false
	}
	c.log(Warn, "process %s failed: %s", p.ns, s)
	if err := c.end(s == rules.RunningFailureRestart); err != nil {
		c.log(Warn, "process %s: %s", p.ns, err)
	}
	return true
}

// crashEvent applies the strategies of a process that crashed on a node that lives. Restarting the process alone is Supervisor's
// matter (autorestart). A process forced to FATAL never ran: nothing was running that could have failed. During an election, the crash
// is kept for whoever becomes the Master.
func (c *Core) crashEvent(p *proc) {
	s := p.rules.RunningFailure
	if s == rules.RunningFailureContinue || s == rules.RunningFailureRestartProcess {
		return
	}
	if c.state() == Election {
		c.lost = appendNew(c.lost, p)
		return
	}
	if !c.isMaster() || !c.state().working() || c.endOnFailure(p) || p.forced != nil {
		return
	}
	c.failures.add(p)
}

// triggerFailures plans what the failure handler holds, except for applications that still have jobs.
func (c *Core) triggerFailures() {
	idle := func(app *application) bool { return c.starter.job(app) == nil && c.stopper.job(app) == nil }
	h := &c.failures
	h.stop = slices.DeleteFunc(h.stop, func(app *application) bool {
		if idle(app) {
			c.stopApplication(app, true, ByFailure)
			return true
		}
		return false
	})
	h.restart = slices.DeleteFunc(h.restart, func(app *application) bool {
		if idle(app) {
			c.restartApplication(app, app.rules.StartingStrategy, ByFailure)
			return true
		}
		return false
	})
	var ready []*proc
	h.processes = slices.DeleteFunc(h.processes, func(p *proc) bool {
		if idle(p.app) {
			ready = append(ready, p)
			return true
		}
		return false
	})
	// several processes of one application go into one job
	for _, p := range ready {
		c.restartProcess(p, p.app.rules.StartingStrategy, p.args, true, ByFailure)
	}
	if !h.busy() {
		h.open = slices.DeleteFunc(h.open, func(p *proc) bool { return idle(p.app) })
	}
}

func appendNew[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// conciliateAll applies the strategy of the configuration to all conflicts (Master only).
func (c *Core) conciliateAll() {
	c.conciliated, c.conciliatedAt = c.conflicts(), c.now
	c.conciliate(c.cfg.Conciliation)
}

// conciliateAgain takes up conflicts that have come since, and those that did not go away. The latter are the user's matter with the
// strategy USER.
func (c *Core) conciliateAgain() {
	fresh := slices.ContainsFunc(c.conflicts(), func(p *proc) bool { return !slices.Contains(c.conciliated, p) })
	if fresh || c.cfg.Conciliation != rules.ConciliationUser && c.now.Sub(c.conciliatedAt) >= conciliationPause {
		c.conciliateAll()
	}
}

// conciliate applies a strategy to the processes that are up on more than one node.
func (c *Core) conciliate(strategy rules.ConciliationStrategy) {
	for _, p := range c.conflicts() {
		c.log(Warn, "conflict of %s: %s", p.ns, strategy)
		switch strategy {
		case rules.Senicide: // the youngest stays
			c.keepOne(p, slices.MinFunc)
		case rules.Infanticide: // the oldest stays
			c.keepOne(p, slices.MaxFunc)
		case rules.ConciliationStop:
			c.stopProcess(p, nil, true, ByConflict)
		case rules.ConciliationRestart:
			c.restartProcess(p, p.app.rules.StartingStrategy, p.args, true, ByConflict)
		case rules.ConciliationRunningFailure:
			c.stopProcess(p, nil, true, ByConflict)
			c.failures.add(p)
		}
	}
	c.runJobs()
}

// keepOne stops a process everywhere but on the node that choose takes by uptime. Where it is about to end it does not count.
func (c *Core) keepOne(p *proc, choose func([]*node, func(a, b *node) int) *node) {
	up := p.up()
	if len(up) < 2 {
		return
	}
	keep := choose(up, func(a, b *node) int { return cmp.Compare(c.uptime(p, a), c.uptime(p, b)) })
	c.stopProcess(p, slices.DeleteFunc(up, func(n *node) bool { return n == keep }), true, ByConflict)
}

// uptime is how long a process is up on a node now, by the node's own clock.
func (c *Core) uptime(p *proc, n *node) float64 {
	info := *p.infos[n]
	if !n.tickAt.IsZero() {
		info.NowMono = max(info.NowMono, n.tick.Mono+seconds(c.now.Sub(n.tickAt)))
	}
	return info.Uptime()
}
