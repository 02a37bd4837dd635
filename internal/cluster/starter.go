package cluster

import (
	"slices"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// startApplications plans the applications with a start_sequence that never ran or that show a failure (DISTRIBUTION).
func (c *Core) startApplications() {
	for _, app := range c.apps {
		if app.rules.StartSequence > 0 && (app.neverStarted() || app.major || app.minor) {
			c.planStart(app, app.rules.StartingStrategy, BySequence)
		}
	}
}

// planStart plans the start sequence of an application.
func (c *Core) planStart(app *application, strategy rules.StartingStrategy, cause Cause) {
	j := &job{app: app, strategy: strategy, planned: map[int][]*command{}}
	for _, p := range app.sequenced() {
		seq := p.rules.StartSequence
		j.planned[seq] = append(j.planned[seq], &command{proc: p, cause: cause, strategy: strategy, args: p.args})
	}
	if len(j.planned) == 0 {
		c.log(Warn, "application %s has nothing in its start sequence", app.name)
		return
	}
	c.assignNumbered(app)
	c.starter.plan(app.rules.StartSequence, j)
}

// startApplication plans the start of an application that is stopped.
func (c *Core) startApplication(app *application, strategy rules.StartingStrategy, cause Cause) {
	if app.state == ApplicationStopped {
		c.planStart(app, strategy, cause)
	}
}

// startProcess plans the start of one process, in the job of its application when there is one. The wait_exit rule does not count
// outside a start sequence.
func (c *Core) startProcess(p *proc, strategy rules.StartingStrategy, args string, cause Cause) {
	if !p.state.IsStopped() {
		return
	}
	c.assignNumbered(p.app)
	cmd := &command{proc: p, cause: cause, strategy: strategy, ignoreExit: true, args: args}
	if j := c.starter.job(p.app); j != nil {
		j.add(p.rules.StartSequence, cmd)
		return
	}
	j := &job{app: p.app, strategy: strategy, planned: map[int][]*command{p.rules.StartSequence: {cmd}}}
	c.starter.plan(p.app.rules.StartSequence, j)
}

// startGroup starts the processes of one sequence number. Each start counts in the load when the next one is placed.
func (c *Core) startGroup(j *job, group []*command) {
	for _, cmd := range group {
		p := cmd.proc
		if p.state.IsRunning() { // somebody else has started it: what comes next waits for it all the same
			cmd.node = p.up()[0]
			j.current = append(j.current, cmd)
			c.startEvent(j, cmd)
			continue
		}
		if p.state == process.Stopping {
			continue
		}
		n, refusals := c.place(j, cmd)
		if c.placed != nil {
			c.placed(j, cmd, n, refusals)
		}
		if n == nil {
			c.log(Warn, "process %s: no resource available (%s)", p.ns, refusals)
			c.force(p, process.Fatal, "No resource available")
			c.startFailed(j, p)
			continue
		}
		cmd.node = n
		cmd.deadline = c.now.Add(orderMargin)
		j.current = append(j.current, cmd)
		c.order(n, Order{Action: StartProcess, Namespec: p.ns, ExtraArgs: cmd.args, Cause: cmd.cause, Strategy: cmd.strategy})
	}
}

// startEvent looks whether a started process has got where it should, and reports whether it has failed to.
func (c *Core) startEvent(j *job, cmd *command) (failed bool) {
	info := cmd.proc.infos[cmd.node]
	cmd.begun = true
	switch info.State {
	case process.Starting, process.Backoff:
		cmd.deadline = c.now.Add(secs(info.StartSecs) + orderMargin)
		return false
	case process.Running:
		if cmd.proc.rules.WaitExit && !cmd.ignoreExit {
			cmd.deadline = noDeadline
			if c.cfg.WaitExitLimit > 0 {
				cmd.deadline = c.now.Add(c.cfg.WaitExitLimit)
			}
			return false
		}
	case process.Exited:
		failed = !cmd.proc.rules.WaitExit || !info.Expected
	default:
		failed = true
	}
	j.current = slices.DeleteFunc(j.current, func(other *command) bool { return other == cmd })
	if failed {
		c.log(Warn, "process %s did not start on %s: it is %s", cmd.proc.ns, cmd.node, info.State)
		c.startFailed(j, cmd.proc)
	}
	return failed
}

// startFailed applies the starting failure strategy of a required process to the rest of its application.
func (c *Core) startFailed(j *job, p *proc) {
	if !p.rules.Required {
		return
	}
	switch p.rules.StartingFailure {
	case rules.StartingFailureAbort:
		c.log(Warn, "application %s: start aborted, %s is required", j.app.name, p.ns)
		j.planned = map[int][]*command{}
	case rules.StartingFailureStop:
		c.log(Warn, "application %s: stop requested, %s is required", j.app.name, p.ns)
		j.planned = map[int][]*command{}
		j.stopAfter = true
	}
}

// startDone ends a start job.
func (c *Core) startDone(j *job) {
	if j.stopAfter {
		c.stopApplication(j.app, true, ByFailure)
	}
}
