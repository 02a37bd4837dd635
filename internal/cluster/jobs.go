package cluster

import (
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// tickPeriod is the period of Supervisor's TICK_5, in which Supvisors counts its margins.
const tickPeriod = 5 * time.Second

// orderMargin is how long the first event after an order may take, and what is added to startsecs and stopwaitsecs (Supvisors
// grants two ticks).
const orderMargin = 2 * tickPeriod

// command is the start or the stop of one process on one node.
type command struct {
	proc *proc
	node *node // where; nil until a start is placed
	// cause is why it was planned; nothing depends on it.
	cause Cause
	// starts only
	strategy   rules.StartingStrategy
	ignoreExit bool // do not wait for the exit of a wait_exit program
	args       string
	begun      bool // the node has told of the process since the order

	// stops only
	yields bool // waits while the application holds an update lock on the node: it is the cluster that wants it, not a user
	held   bool // waits so

	deadline time.Time // when the next expected event is overdue
}

// job is the start or the stop of processes of one application, group by group.
type job struct {
	app      *application
	planned  map[int][]*command // by sequence number
	current  []*command
	strategy rules.StartingStrategy
	// among are the nodes chosen for an application that is not distributed.
	among     []*node
	refused   refusals // why the others were not
	stopAfter bool     // a required program failed with starting_failure_strategy STOP
	kept      bool     // a process was left running, for its application did not give its update lock back
}

func (j *job) busy() bool { return len(j.planned) > 0 || len(j.current) > 0 }

func (j *job) size() int {
	n := len(j.current)
	for _, list := range j.planned {
		n += len(list)
	}
	return n
}

func (j *job) commands() []*command {
	list := slices.Clone(j.current)
	for _, seq := range sortedKeys(j.planned) {
		list = append(list, j.planned[seq]...)
	}
	return list
}

// add plans a command unless the same one is there already. What a user wants too does not yield any more.
func (j *job) add(seq int, cmd *command) {
	for _, other := range j.commands() {
		if other.proc == cmd.proc && (cmd.node == nil || other.node == cmd.node) {
			other.yields = other.yields && cmd.yields
			return
		}
	}
	j.planned[seq] = append(j.planned[seq], cmd)
}

// sequencer runs jobs in the order of their applications' sequence numbers: Starter (lowest first) and Stopper (highest first) are
// its two instances.
type sequencer struct {
	lowFirst bool
	planned  map[int][]*job
	current  []*job
}

func (s *sequencer) busy() bool { return len(s.planned) > 0 || len(s.current) > 0 }

// size returns how many commands are planned or in progress.
func (s *sequencer) size() int {
	n := 0
	for _, j := range s.current {
		n += j.size()
	}
	for _, jobs := range s.planned {
		for _, j := range jobs {
			n += j.size()
		}
	}
	return n
}

// job returns the job of an application, nil when it has none.
func (s *sequencer) job(app *application) *job {
	for _, j := range s.jobs() {
		if j.app == app {
			return j
		}
	}
	return nil
}

func (s *sequencer) jobs() []*job {
	list := slices.Clone(s.current)
	for _, seq := range sortedKeys(s.planned) {
		list = append(list, s.planned[seq]...)
	}
	return list
}

// plan adds a job at a sequence number; a job of the same application that still waits is replaced.
func (s *sequencer) plan(seq int, j *job) {
	if s.planned == nil {
		s.planned = map[int][]*job{}
	}
	for n, list := range s.planned {
		s.planned[n] = slices.DeleteFunc(list, func(other *job) bool { return other.app == j.app })
		if len(s.planned[n]) == 0 {
			delete(s.planned, n)
		}
	}
	s.planned[seq] = append(s.planned[seq], j)
}

// pop takes the jobs of the next sequence number.
func (s *sequencer) pop() bool {
	if len(s.planned) == 0 {
		return false
	}
	seq := pick(s.planned, s.lowFirst)
	s.current = s.planned[seq]
	delete(s.planned, seq)
	return true
}

func (s *sequencer) eachCurrent(f func(*command)) {
	for _, j := range s.current {
		for _, cmd := range j.current {
			f(cmd)
		}
	}
}

func sortedKeys[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func pick[V any](m map[int]V, lowest bool) int {
	keys := sortedKeys(m)
	if lowest {
		return keys[0]
	}
	return keys[len(keys)-1]
}

func (c *Core) jobsBusy() bool { return c.starter.busy() || c.stopper.busy() || c.failures.busy() }

// abortJobs forgets all that is planned or in progress on this node, but not the failures that it was to repair. What was ordered before
// this step goes on; orders that have not left are taken back, or whoever plans anew would give them twice.
func (c *Core) abortJobs() {
	for _, p := range c.failures.open {
		c.lost = appendNew(c.lost, p)
	}
	c.effects = slices.DeleteFunc(c.effects, func(e Effect) bool { _, order := e.(Send); return order })
	c.starter.planned, c.starter.current = nil, nil
	c.stopper.planned, c.stopper.current = nil, nil
	c.failures = failureHandler{}
	c.afterStop = nil
}

// runJobs lets deadlines pass and drives both sequencers until they wait for events.
func (c *Core) runJobs() {
	c.overdue(&c.starter)
	c.overdue(&c.stopper)
	c.stopper.eachCurrent(c.release)
	for {
		c.triggerFailures()
		if !c.advance(&c.stopper, nil, c.stopGroup, c.stopDone) && !c.advance(&c.starter, c.placeTogether, c.startGroup, c.startDone) {
			return
		}
	}
}

// advance drives one sequencer as far as it goes, and reports whether a job ended (which may have planned another one). prepare, which
// may be nil, is called once for each job, before its first group begins.
func (c *Core) advance(s *sequencer, prepare func(*job), begin func(*job, []*command), done func(*job)) (ended bool) {
	for {
		for _, j := range slices.Clone(s.current) {
			for len(j.current) == 0 && len(j.planned) > 0 {
				seq := pick(j.planned, s.lowFirst)
				group := j.planned[seq]
				delete(j.planned, seq)
				begin(j, group)
			}
			if !j.busy() {
				s.current = slices.DeleteFunc(s.current, func(other *job) bool { return other == j })
				done(j)
				ended = true
			}
		}
		if len(s.current) > 0 || !s.pop() {
			return ended
		}
		for _, j := range s.current {
			if prepare != nil {
				prepare(j)
			}
		}
	}
}

// overdue gives up the commands whose expected event did not come in time.
func (c *Core) overdue(s *sequencer) {
	for _, j := range slices.Clone(s.current) {
		for _, cmd := range slices.Clone(j.current) {
			if cmd.deadline.IsZero() || cmd.deadline.After(c.now) {
				continue
			}
			if cmd.held {
				c.log(Warn, "process %s on %s: its application still holds an update lock", cmd.proc.ns, cmd.node)
				j.current = slices.DeleteFunc(j.current, func(other *command) bool { return other == cmd })
				j.kept = true
				continue
			}
			expected := c.expectedState(s, cmd)
			c.log(Warn, "process %s on %s: no %s event in time", cmd.proc.ns, cmd.node, expected)
			c.failCommand(s, j, cmd, "process "+expected.String()+" event not received in time")
		}
	}
}

// expectedState is the state that the command waits for.
func (c *Core) expectedState(s *sequencer, cmd *command) process.State {
	state := process.Unknown
	if info := cmd.proc.infos[cmd.node]; info != nil {
		state = info.State
	}
	switch {
	case s == &c.stopper && state == process.Stopping:
		return process.Stopped
	case s == &c.stopper:
		return process.Stopping
	case state == process.Running:
		return process.Exited
	case state == process.Starting || state == process.Backoff:
		return process.Running
	}
	return process.Starting
}

// underWay reports whether the node has told that the process is starting or stopping, as the command wants it to.
func (c *Core) underWay(s *sequencer, cmd *command) bool {
	info := cmd.proc.infos[cmd.node]
	if info == nil {
		return false
	}
	if s == &c.stopper {
		return info.State == process.Stopping
	}
	return info.State.IsRunning()
}

// failCommand ends a command without success: the process is shown in the state that the failure means, unless it runs. One that runs
// elsewhere by now has been started by somebody else, and its start is no failure.
func (c *Core) failCommand(s *sequencer, j *job, cmd *command, reason string) {
	j.current = slices.DeleteFunc(j.current, func(other *command) bool { return other == cmd })
	if s == &c.stopper {
		c.force(cmd.proc, process.Stopped, reason)
		return
	}
	if cmd.proc.state != process.Running {
		c.force(cmd.proc, process.Fatal, reason)
	} else if !cmd.proc.runsOn(cmd.node) {
		return
	}
	c.startFailed(j, cmd.proc)
}

// jobEvent tells the jobs that something happened to a process on a node, and reports whether that was the failure of a start.
func (c *Core) jobEvent(p *proc, n *node) (failed bool) {
	for _, j := range c.starter.current {
		for _, cmd := range slices.Clone(j.current) {
			if cmd.proc == p && cmd.node == n {
				failed = c.startEvent(j, cmd) || failed
			}
		}
	}
	for _, j := range c.stopper.current {
		j.current = slices.DeleteFunc(j.current, func(cmd *command) bool {
			return cmd.proc == p && cmd.node == n && c.stopEvent(cmd)
		})
	}
	return failed
}

// loseCommands ends the commands that wait for something that will not be heard of any more. What they were about is a starting or
// stopping matter, not a running failure; but the failure that a start was to repair is there still.
func (c *Core) loseCommands(silent func(*command) bool) {
	for _, s := range []*sequencer{&c.starter, &c.stopper} {
		for _, j := range s.current {
			for _, cmd := range slices.Clone(j.current) {
				if !silent(cmd) {
					continue
				}
				j.current = slices.DeleteFunc(j.current, func(other *command) bool { return other == cmd })
				c.notLost(cmd.proc)
				switch {
				case s == &c.stopper:
				case cmd.cause == ByFailure:
					c.lost = append(c.lost, cmd.proc)
				default:
					c.startFailed(j, cmd.proc)
				}
			}
		}
	}
}

// placeAgain finds other nodes for the starts that were ordered of a node which has gone before it began with them. Supvisors takes them for
// starting failures.
func (c *Core) placeAgain(gone *node) {
	for _, j := range c.starter.current {
		var again []*command
		j.current = slices.DeleteFunc(j.current, func(cmd *command) bool {
			if cmd.node != gone || cmd.begun {
				return false
			}
			cmd.node = nil
			again = append(again, cmd)
			return true
		})
		c.startGroup(j, again)
	}
}

// loseJobs ends the commands that wait for a node that is gone, and leaves to the jobs what they are about to start anywhere, or were
// about to stop there. The stop of a duplicate on another node says nothing about the one that was to stay.
func (c *Core) loseJobs(gone []*node) {
	for _, n := range gone {
		c.placeAgain(n)
		c.loseCommands(func(cmd *command) bool { return cmd.node == n })
	}
	if len(c.lost) == 0 {
		return
	}
	for _, s := range []*sequencer{&c.starter, &c.stopper} {
		for _, j := range s.jobs() {
			for _, cmd := range j.commands() {
				if s == &c.starter || slices.Contains(gone, cmd.node) {
					c.notLost(cmd.proc)
				}
			}
		}
	}
}

func (c *Core) notLost(p *proc) {
	c.lost = slices.DeleteFunc(c.lost, func(q *proc) bool { return q == p })
}

// forgetJobs drops what concerns a process that does not exist any more.
func (c *Core) forgetJobs(p *proc) {
	c.notLost(p)
	c.failures.forget(p)
	c.afterStop = slices.DeleteFunc(c.afterStop, func(r restart) bool { return r.proc == p })
	about := func(cmd *command) bool { return cmd.proc == p }
	for _, s := range []*sequencer{&c.starter, &c.stopper} {
		for _, j := range s.jobs() {
			j.current = slices.DeleteFunc(j.current, about)
			for seq, list := range j.planned {
				if j.planned[seq] = slices.DeleteFunc(list, about); len(j.planned[seq]) == 0 {
					delete(j.planned, seq)
				}
			}
		}
	}
}

// orderFailed ends the command of an order that was refused. What the node tells about the process counts for more: an order that went
// wrong because the process is on its way already does no harm. A node that cannot be reached is left to gossip: when it is gone the start is
// placed again, and when it is not the command has its deadline.
func (c *Core) orderFailed(ev OrderFailed) {
	o := ev.Order
	c.log(Warn, "order %s %s to %s: %s", o.Action, o.Namespec, o.To, ev.Reason)
	if ev.Lost {
		return
	}
	s := &c.starter
	if o.Action == StopProcess {
		s = &c.stopper
	}
	for _, j := range s.current {
		for _, cmd := range slices.Clone(j.current) {
			if cmd.proc.ns == o.Namespec && cmd.node.id.Identifier == o.To && !c.underWay(s, cmd) {
				c.failCommand(s, j, cmd, ev.Reason)
			}
		}
	}
}

// orderReceived carries an order of another node out, unless it belongs to a term that is over or the node is isolated.
func (c *Core) orderReceived(ev OrderReceived) {
	o := ev.Order
	if n := c.byID[o.From]; n != nil && n.state == InstanceIsolated {
		c.log(Warn, "order %s %s of %s refused: it is isolated", o.Action, o.Namespec, n)
		c.emit(Refuse{ID: ev.ID, Reason: "the sender is isolated"})
		return
	}
	if latest := max(c.self.modes.Term, c.masterTerm()); o.Term < latest {
		c.log(Warn, "order %s %s of %s refused: its term %d is over, term is %d", o.Action, o.Namespec, o.From, o.Term, latest)
		c.emit(Refuse{ID: ev.ID, Reason: "the order belongs to a term that is over"})
		return
	}
	if !c.self.standing.member() {
		c.emit(Refuse{ID: ev.ID, Reason: "this instance has left the cluster"})
		return
	}
	switch o.Action {
	case RestartCluster, ShutdownCluster:
		if err := c.end(o.Action == RestartCluster); err != nil {
			c.emit(Refuse{ID: ev.ID, Reason: err.Error()})
			return
		}
	}
	c.emit(Execute{ID: ev.ID, Order: o})
}

func (c *Core) masterTerm() uint64 {
	if m := c.masterNode(); m != nil {
		return m.modes.Term
	}
	return 0
}

// order has a node carry out what o says.
func (c *Core) order(to *node, o Order) {
	o.From, o.To, o.Term = c.cfg.Self, to.id.Identifier, c.self.modes.Term
	if verb := orderVerbs[o.Action]; verb != "" {
		c.log(Info, "process %s requested to %s on %s", o.Namespec, verb, to)
	}
	c.emit(Send{Order: o})
}

var orderVerbs = map[Action]string{StartProcess: "start", StopProcess: "stop"}
