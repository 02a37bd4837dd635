package cluster

import (
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

var noDeadline time.Time // the zero time: waits as long as it takes

func secs(n int) time.Duration { return time.Duration(n) * time.Second }

// restart is a start that waits for the stop of the same thing.
type restart struct {
	app      *application
	proc     *proc // nil for the whole application
	cause    Cause
	strategy rules.StartingStrategy
	args     string
}

// stopApplications plans the stop of everything that is up.
func (c *Core) stopApplications() {
	for _, app := range c.apps {
		c.stopApplication(app, false, BySequence)
	}
}

// stopApplication plans the stop sequence of an application, wherever its processes are. With yields it waits for update locks.
func (c *Core) stopApplication(app *application, yields bool, cause Cause) {
	j := &job{app: app, planned: map[int][]*command{}}
	for _, p := range app.procs {
		for _, n := range p.running {
			j.planned[p.rules.StopSequence] = append(j.planned[p.rules.StopSequence], &command{proc: p, node: n, cause: cause, yields: yields})
		}
	}
	if len(j.planned) > 0 {
		c.stopper.plan(app.rules.StopSequence, j)
	}
}

// stopProcess plans the stop of one process, on all nodes where it is up or on some of them. With yields it waits for update locks.
func (c *Core) stopProcess(p *proc, on []*node, yields bool, cause Cause) {
	j := c.stopper.job(p.app)
	for _, n := range p.running {
		if on != nil && !slices.Contains(on, n) {
			continue
		}
		if j == nil {
			j = &job{app: p.app, planned: map[int][]*command{}}
			c.stopper.plan(p.app.rules.StopSequence, j)
		}
		j.add(p.rules.StopSequence, &command{proc: p, node: n, cause: cause, yields: yields})
	}
}

// restartApplication stops an application, which waits for update locks, and starts it when everything is down.
func (c *Core) restartApplication(app *application, strategy rules.StartingStrategy, cause Cause) {
	if !slices.ContainsFunc(app.procs, func(p *proc) bool { return len(p.running) > 0 }) {
		c.startApplication(app, strategy, cause)
		return
	}
	c.afterStop = append(c.afterStop, restart{app: app, cause: cause, strategy: strategy})
	c.stopApplication(app, true, cause)
}

// restartProcess stops a process, and starts it when it is down. With yields it waits for update locks.
func (c *Core) restartProcess(p *proc, strategy rules.StartingStrategy, args string, yields bool, cause Cause) {
	if len(p.running) == 0 {
		c.startProcess(p, strategy, args, cause)
		return
	}
	c.afterStop = append(c.afterStop, restart{app: p.app, proc: p, cause: cause, strategy: strategy, args: args})
	c.stopProcess(p, nil, yields, cause)
}

// stopGroup stops the processes of one sequence number. One that is on its way down already is waited for all the same.
func (c *Core) stopGroup(j *job, group []*command) {
	for _, cmd := range group {
		info := cmd.proc.infos[cmd.node]
		switch {
		case info == nil:
		case info.State == process.Stopping:
			c.stopEvent(cmd)
			j.current = append(j.current, cmd)
		case info.State.IsRunning():
			j.current = append(j.current, cmd)
			if c.locked(cmd) {
				c.hold(cmd)
			} else {
				c.orderStop(cmd)
			}
		}
	}
}

func (c *Core) orderStop(cmd *command) {
	cmd.held, cmd.deadline = false, c.now.Add(orderMargin)
	c.order(cmd.node, Order{Action: StopProcess, Namespec: cmd.proc.ns, Cause: cmd.cause})
}

// locked reports whether a stop has to wait until the application gives its update lock on the node back.
func (c *Core) locked(cmd *command) bool {
	return cmd.yields && slices.Contains(cmd.node.locks, cmd.proc.app.name)
}

func (c *Core) hold(cmd *command) {
	cmd.held, cmd.deadline = true, noDeadline
	if c.cfg.LockLimit > 0 {
		cmd.deadline = c.now.Add(c.cfg.LockLimit)
	}
	c.log(Info, "stop of %s on %s waits: application %s holds an update lock", cmd.proc.ns, cmd.node, cmd.proc.app.name)
}

// release goes on with a stop that has waited for an update lock, when the lock is gone or does not matter any more.
func (c *Core) release(cmd *command) {
	if cmd.held && !c.locked(cmd) {
		c.orderStop(cmd)
	}
}

// stopEvent reports whether the stop of a process is complete.
func (c *Core) stopEvent(cmd *command) bool {
	info := cmd.proc.infos[cmd.node]
	if info.State.IsStopped() {
		return true
	}
	if info.State == process.Stopping {
		cmd.held = false // somebody else did not wait
		cmd.deadline = c.now.Add(secs(info.StopWaitSecs) + orderMargin)
	}
	return false
}

// stopDone ends a stop job: what waited for it starts now, unless there is more to stop first.
func (c *Core) stopDone(j *job) {
	if c.stopper.job(j.app) != nil {
		return
	}
	var waiting []restart
	c.afterStop = slices.DeleteFunc(c.afterStop, func(r restart) bool {
		if r.app == j.app {
			waiting = append(waiting, r)
		}
		return r.app == j.app
	})
	for _, r := range waiting {
		switch {
		case r.proc != nil:
			c.startProcess(r.proc, r.strategy, r.args, r.cause)
		case j.kept: // what was stopped is needed all the more
			c.planStart(r.app, r.strategy, r.cause)
		default:
			c.startApplication(r.app, r.strategy, r.cause)
		}
	}
}
