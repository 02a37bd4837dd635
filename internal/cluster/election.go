package cluster

import (
	"cmp"
	"slices"
)

// runners returns the nodes that this one sees RUNNING, in configuration order. The slice is not to be changed.
func (c *Core) runners() []*node {
	if c.running == nil {
		for _, n := range c.nodes {
			if n.state == InstanceRunning {
				c.running = append(c.running, n)
			}
		}
	}
	return c.running
}

// stableRunners returns the nodes that all running nodes see RUNNING while they see everybody else in a definite state; nil when
// they do not agree.
func (c *Core) stableRunners() []*node {
	runners := c.runners()
	for _, n := range runners { // while many nodes find each other, a look at each is all that can be afforded
		if n.wavering > 0 || n.running != len(runners) {
			return nil
		}
	}
	for _, n := range runners {
		for id, s := range n.modes.Instances {
			if m := c.byID[id]; s == InstanceRunning && (m == nil || m.state != InstanceRunning) {
				return nil
			}
		}
	}
	return runners
}

// masterAgreed reports whether all running nodes have declared one and the same running Master.
func (c *Core) masterAgreed() bool {
	m := c.masterNode()
	return m != nil && m.state == InstanceRunning &&
		!slices.ContainsFunc(c.runners(), func(n *node) bool { return n.modes.Master != m.id.Identifier })
}

func (c *Core) masterNode() *node { return c.byID[c.self.modes.Master] }
func (c *Core) isMaster() bool    { return c.masterNode() == c.self }

// masterState is the state that the Master has published, OFF when there is no Master.
func (c *Core) masterState() State {
	if m := c.masterNode(); m != nil {
		return m.modes.State
	}
	return Off
}

// setMaster declares a Master. Taking office begins a new term, so that orders given before by anybody else can be told apart.
func (c *Core) setMaster(identifier string) {
	m := &c.self.modes
	if m.Master == identifier {
		return
	}
	m.Master = identifier
	if n := c.masterNode(); n != nil {
		c.log(Warn, "Master is %s", n)
	} else {
		c.log(Warn, "there is no Master")
	}
}

// newTerm begins the term of this node as a Master.
func (c *Core) newTerm() {
	c.self.modes.Term = c.latestTerm() + 1
	c.emit(SaveTerm{Term: c.self.modes.Term})
}

// latestTerm returns the greatest term that any node in touch knows.
func (c *Core) latestTerm() uint64 {
	var latest uint64
	for _, n := range c.nodes {
		latest = max(latest, n.modes.Term)
	}
	return latest
}

// adoptTerm follows the term of the agreed Master.
func (c *Core) adoptTerm() {
	if m := c.masterNode(); m != nil && m != c.self && m.modes.Term > c.self.modes.Term {
		c.self.modes.Term = m.modes.Term
		c.emit(SaveTerm{Term: m.modes.Term})
	}
}

// selectMaster chooses a Master as Supvisors does: a Master that is already declared and running comes first, then core
// identifiers, then the smallest nick.
func (c *Core) selectMaster() {
	var candidates []*node
	for _, n := range c.runners() {
		if m := c.byID[n.modes.Master]; m != nil && m.state == InstanceRunning {
			candidates = appendNew(candidates, m)
		}
	}
	if len(candidates) == 0 {
		candidates = c.runners()
	}
	core := c.resolve(c.cfg.Core)
	if among := slices.DeleteFunc(slices.Clone(candidates), func(n *node) bool { return !slices.Contains(core, n) }); len(among) > 0 {
		candidates = among
	}
	if len(candidates) == 0 {
		return
	}
	best := slices.MinFunc(candidates, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.id.Nick, b.id.Nick), cmp.Compare(a.id.Identifier, b.id.Identifier))
	})
	c.setMaster(best.id.Identifier)
}

// acceptMaster takes over a Master that another node was told by its user (USER synchronization).
func (c *Core) acceptMaster() {
	for _, n := range c.runners() {
		if m := c.byID[n.modes.Master]; m != nil && m.state == InstanceRunning {
			c.setMaster(n.modes.Master)
			return
		}
	}
}
