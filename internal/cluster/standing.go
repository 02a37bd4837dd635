package cluster

import "slices"

// localStanding changes the part that this node takes.
func (c *Core) localStanding(s Standing) {
	before := c.self.standing
	if s == before {
		return
	}
	c.log(Info, "this instance is %s", s)
	c.share(Delta{Standing: &s})
	c.setStanding(c.self, s)
	switch {
	case !s.member():
		c.leave()
	case !before.member():
		c.start = c.now // the synchronization begins anew
		c.takePart()
	}
}

// takePart lets this node into its own cluster, from its first tick on.
func (c *Core) takePart() {
	if c.self.state == InstanceStopped && c.self.standing.member() && !c.ticks.IsZero() {
		c.setInstance(c.self, InstanceChecking)
		c.setInstance(c.self, InstanceChecked)
	}
}

// leave has this node see nobody any more, nor itself. What it was about to do for the cluster is the matter of those who stay.
func (c *Core) leave() {
	c.abortJobs()
	for _, n := range c.nodes {
		n.alive = false
		if n.state.active() && n != c.self {
			c.loseProcesses(n)
			c.setInstance(n, InstanceStopped)
		}
	}
	c.lost = nil
	c.setInstance(c.self, InstanceStopped)
}

// setStanding takes over what part a node takes.
func (c *Core) setStanding(n *node, s Standing) {
	before := n.standing
	n.standing = s
	c.touchNode(n)
	c.returned = c.returned || s == Serving && before != Serving && n.state == InstanceRunning
}

// drain moves what is managed away from the nodes that ask for it, application by application, as far as they have no other job (Master
// only). The stops wait for update locks; one that came to nothing is tried again.
func (c *Core) drain() {
	if !slices.ContainsFunc(c.runners(), func(n *node) bool { return n.standing == Draining }) {
		return
	}
	for _, app := range c.apps {
		if !app.rules.Managed || c.hasJob(app) {
			continue
		}
		for _, p := range app.procs {
			from := slices.DeleteFunc(p.up(), func(n *node) bool { return n.standing != Draining })
			if len(from) > 0 {
				c.afterStop = append(c.afterStop, restart{app: app, proc: p, cause: ByDrain, strategy: app.rules.StartingStrategy, args: p.args})
				c.stopProcess(p, from, true, ByDrain)
			}
		}
	}
	c.runJobs()
}

// fill starts what no node could take, now that one serves again (Master only).
func (c *Core) fill() {
	if c.returned && !c.clusterBusy() {
		c.returned = false
		c.startApplications()
		c.runJobs()
	}
}

// forget drops a node that was discovered and has gone for good.
func (c *Core) forget(n *node) {
	c.log(Info, "instance %s is forgotten", n)
	for _, app := range slices.Clone(c.apps) {
		for _, p := range slices.Clone(app.procs) {
			c.removeProcess(n, p.ns)
			if p.assigned == n {
				p.assigned = nil
				c.touchProcess(p)
			}
		}
	}
	c.nodes = slices.DeleteFunc(c.nodes, func(m *node) bool { return m == n })
	delete(c.byID, n.id.Identifier)
	c.running = nil
	c.self.setModes(c.self.modes.without(n.id.Identifier))
	c.emit(Forget{Identifier: n.id.Identifier})
}
