package cluster

import (
	"slices"
	"time"

	"github.com/supvisors/supvisors/rules"
)

// maxHops bounds the evaluation after one event. No sequence of facts needs more; reaching it is a bug that is logged.
const maxHops = 32

// conciliationPause is the least time between two automatic conciliations of the same conflicts when they do not go away.
const conciliationPause = 5 * time.Second

func (c *Core) state() State { return c.self.modes.State }

// settle hops from state to state until the facts ask for no other one.
func (c *Core) settle() {
	for range maxHops {
		c.runJobs()
		before := c.state()
		want := c.next()
		if c.state() != before {
			continue // a failure strategy has ended the cluster meanwhile
		}
		if want == before {
			return
		}
		to, ok := hop(c.state(), want)
		if !ok {
			c.log(Critical, "no way from state %s to %s", c.state(), want)
			return
		}
		c.enter(to)
	}
	c.log(Critical, "state %s does not settle", c.state())
}

// enter does what a new state begins with.
func (c *Core) enter(to State) {
	from := c.state()
	c.self.modes.State = to
	c.log(Warn, "Supvisors is in state %s", to)
	switch to {
	case Off:
		c.start = c.now
	case Synchronization:
		c.abortJobs()
		c.setMaster("")
	case Election:
		c.abortJobs()
	case Distribution:
		if c.isMaster() {
			c.newTerm()
			c.takeOverLost()
			c.startApplications()
		}
	case Conciliation:
		if c.isMaster() {
			c.conciliateAll()
		}
	case Restarting, ShuttingDown:
		c.abortJobs()
		c.tellBy = c.now.Add(tickPeriod)
		if c.isMaster() {
			c.stopApplications()
		}
	case Final:
		c.abortJobs()
		c.ending = &End{Restart: from == Restarting}
	}
	// the others must see every state, not only the last one of a chain
	c.shareModes()
}

// next derives the state that the facts ask for.
func (c *Core) next() State {
	state := c.state()
	if state == Final {
		return Final
	}
	gone := c.invalidate()
	if state <= Election {
		c.activate()
	}
	if c.self.state != InstanceRunning {
		if state.closing() {
			return Final
		}
		return Off
	}
	switch state {
	case Off:
		return Synchronization
	case Synchronization:
		return c.nextSynchronization()
	}
	if state.closing() {
		return c.nextClosing(gone)
	}
	if want, ok := c.afterFailure(gone); ok {
		return want
	}
	if state == Election {
		return c.nextElection()
	}
	return c.nextWorking(gone)
}

// synced tells whether an option is set and, if so, whether the nodes it wants are all among those given.
func (c *Core) synced(o rules.SyncOption, among []*node) (set, ok bool) {
	if !c.cfg.Sync[o] {
		return false, false
	}
	var wanted []*node
	switch o {
	case rules.SyncStrict:
		wanted = c.nodes[:len(c.cfg.Instances)]
	case rules.SyncList:
		wanted = c.nodes
	case rules.SyncCore:
		wanted = c.resolve(c.cfg.Core)
	}
	ok = len(wanted) > 0
	for _, n := range wanted {
		ok = ok && slices.Contains(among, n)
	}
	return true, ok
}

// nextSynchronization ends the synchronization as soon as one of the synchro_options is met, or when there is a cluster to join; but not
// while supvisors_failure_strategy would send the cluster back at once.
func (c *Core) nextSynchronization() State {
	_, failed := c.afterFailure(nil)
	stable := c.stableRunners()
	uptime := c.now.Sub(c.start)
	strictSet, strict := c.synced(rules.SyncStrict, stable)
	listSet, list := c.synced(rules.SyncList, stable)
	coreSet, core := c.synced(rules.SyncCore, stable)
	// a late core gives the others their chance, to spare another distribution
	core = core && uptime >= minSynchro
	user := false
	if c.cfg.Sync[rules.SyncUser] {
		if stable != nil { // else a node that has not heard of a loss yet would end the RESYNC that follows from it
			c.acceptMaster()
		}
		user = c.masterNode() != nil && c.masterNode().state == InstanceRunning
	}
	timeout := c.cfg.Sync[rules.SyncTimeout] && uptime >= c.cfg.SyncTimeout
	c.self.modes.Degraded = strictSet && !strict || listSet && !list || coreSet && !core
	met := strictSet && strict || listSet && list || coreSet && core || timeout || user || c.clusterInPlace()
	if met && !failed {
		return Election
	}
	return Synchronization
}

// clusterInPlace reports whether this node comes late to nodes that have a Master already: they are in ELECTION until it declares the
// same Master, so it must not wait for anybody else.
func (c *Core) clusterInPlace() bool {
	return c.stableRunners() != nil && slices.ContainsFunc(c.runners(), func(n *node) bool {
		m := c.byID[n.modes.Master]
		return n != c.self && m != nil && m.state == InstanceRunning && n.modes.State.working()
	})
}

// afterFailure keeps the degraded mode, and applies supvisors_failure_strategy when a needed node is missing. Of several options
// the first one of USER, CORE, STRICT, LIST decides, as in Supvisors.
func (c *Core) afterFailure(gone []*node) (State, bool) {
	runners := c.runners()
	strictSet, strict := c.synced(rules.SyncStrict, runners)
	listSet, list := c.synced(rules.SyncList, runners)
	coreSet, core := c.synced(rules.SyncCore, runners)
	c.self.modes.Degraded = strictSet && !strict || listSet && !list || coreSet && !core
	failure := false
	switch {
	case c.cfg.Sync[rules.SyncUser]:
		failure = len(gone) > 0
	case coreSet:
		failure = !core
	case strictSet:
		failure = !strict
	case listSet:
		failure = !list
	}
	if !failure {
		return 0, false
	}
	switch c.cfg.Failure {
	case rules.FailureResync:
		return Synchronization, true
	case rules.FailureShutdown:
		// a Master that is there stops everything in its order, and takes the others along
		return ShuttingDown, c.isMaster() || !c.masterAgreed()
	}
	return 0, false
}

// nextElection waits until all running nodes see the same cluster and have declared the same Master.
func (c *Core) nextElection() State {
	if c.stableRunners() == nil {
		return Election
	}
	if !c.masterAgreed() {
		c.selectMaster()
	}
	if !c.masterAgreed() {
		return Election
	}
	if c.isMaster() {
		return Distribution
	}
	if s := c.masterState(); s > Election && s < Final {
		c.adoptTerm()
		return s
	}
	return Election
}

// nextWorking is DISTRIBUTION, OPERATION and CONCILIATION: the Master decides, the others follow.
func (c *Core) nextWorking(gone []*node) State {
	if c.newcomers() && !c.clusterBusy() {
		switch c.state() {
		case Conciliation:
			return Operation // no hop leads from here to the election
		case Operation:
			c.activate()
			c.log(Info, "new instances ask for an election")
			return Election
		}
	}
	if !c.masterAgreed() {
		return Election
	}
	c.loseJobs(gone)
	if !c.isMaster() {
		c.returned = false
		return c.followMaster()
	}
	if c.latestTerm() > c.self.modes.Term {
		c.newTerm() // a node that was a Master elsewhere would refuse every order
	}
	c.repair()
	switch c.state() {
	case Restarting, ShuttingDown:
		return c.state()
	case Distribution:
		if c.starter.busy() {
			return Distribution
		}
		return Operation
	case Operation:
		if !c.jobsBusy() && len(c.conflicts()) > 0 {
			return Conciliation
		}
		c.drain()
		c.fill()
		return Operation
	default:
		if c.jobsBusy() {
			return Conciliation
		}
		if len(c.conflicts()) == 0 {
			return Operation
		}
		c.conciliateAgain()
		return Conciliation
	}
}

func (c *Core) followMaster() State {
	c.adoptTerm()
	s := c.masterState()
	if m := c.masterNode().modes; len(c.lost) > 0 && s == Operation && !m.Starting && !m.Stopping && c.stableRunners() != nil {
		c.lost = nil // the Master knows of the same losses and has taken care of them
	}
	if s == Synchronization || s.working() || s == Restarting || s == ShuttingDown {
		return s
	}
	return c.state()
}

// clusterBusy reports whether any node has jobs: newcomers wait, to leave the sequences in progress alone.
func (c *Core) clusterBusy() bool {
	if c.jobsBusy() {
		return true
	}
	for _, n := range c.runners() {
		if n != c.self && (n.modes.Starting || n.modes.Stopping) {
			return true
		}
	}
	return false
}

// nextClosing is RESTARTING and SHUTTING_DOWN: nothing leads back, and the loss of the Master leads to the end.
func (c *Core) nextClosing(gone []*node) State {
	if !c.masterAgreed() {
		return Final
	}
	c.loseJobs(gone)
	c.lost = nil
	if c.isMaster() {
		if c.stopper.busy() || c.unaware() {
			return c.state()
		}
		return Final
	}
	if c.masterState() == c.state() {
		return c.state()
	}
	return Final
}

// unaware reports whether a node has yet to say that it follows the Master to the end. The Master must not be gone before: who had
// only seen it leave would elect another one and go on. A node that has other worries is not waited for long.
func (c *Core) unaware() bool {
	return c.now.Before(c.tellBy) && slices.ContainsFunc(c.runners(), func(n *node) bool { return n != c.self && !n.modes.State.closing() })
}
