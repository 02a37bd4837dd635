package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// checkLimit is how long a node may take to send its first Report after gossip has seen it.
const checkLimit = 10 * time.Second

// node is a Supvisors instance as this one knows it. What the node tells about itself (epoch to tick) is only ever replaced by
// what its stream brings.
type node struct {
	id    Identity
	rank  int // place in the configuration order
	state InstanceState

	epoch             string
	seq               uint64
	modes             Modes
	running, wavering int // of the instances in modes: seen RUNNING, in no definite state
	tick              Tick
	tickAt            time.Time // when the tick came, in the time of this node
	// localTick is the tick of this node during which the peer's last one came (local_sequence_counter and so on).
	localTick Tick
	forced    []Forced
	locks     []string // applications that hold an update lock there
	standing  Standing

	found   bool          // nobody configured it: what it is called, only its Report tells
	alive   bool          // gossip sees it
	load    int           // expected load of the processes that are up there, in percent
	crashes int           // processes that ended there in a way that nobody wanted
	view    *InstanceView // nil when it is out of date
	checkBy time.Time     // deadline of CHECKING
}

// setModes changes the modes and what is counted of them.
func (n *node) setModes(m Modes) {
	n.modes, n.running, n.wavering = m, 0, 0
	for _, s := range m.Instances {
		switch {
		case s == InstanceRunning:
			n.running++
		case !s.stable():
			n.wavering++
		}
	}
}

func (n *node) String() string {
	if n.id.Nick == n.id.Identifier {
		return n.id.Nick
	}
	return fmt.Sprintf("<%s>%s", n.id.Nick, n.id.Identifier)
}

// sharesMachine reports whether two nodes are on one machine, as far as is known.
func (n *node) sharesMachine(m *node) bool {
	return m == n || m.id.Machine != "" && m.id.Machine == n.id.Machine
}

func (c *Core) addNode(id Identity) *node {
	n := &node{id: id, rank: c.nextRank()}
	c.nodes = append(c.nodes, n)
	c.byID[id.Identifier] = n
	c.touchNode(n)
	return n
}

// nextRank is greater than that of any node; some may have been forgotten.
func (c *Core) nextRank() int {
	if len(c.nodes) == 0 {
		return 0
	}
	return c.nodes[len(c.nodes)-1].rank + 1
}

// setInstance changes the state in which this node sees another one.
func (c *Core) setInstance(n *node, s InstanceState) {
	if n.state == s {
		return
	}
	n.state = s
	c.running = nil
	c.self.setModes(c.self.modes.with(n.id.Identifier, s))
	if n != c.self && (s == InstanceStopped || s == InstanceIsolated) {
		n.setModes(Modes{})
		n.epoch, n.seq, n.locks, n.standing = "", 0, nil, Serving // nothing counts until its next whole Report
		if n.forced != nil {
			n.forced = nil
			c.refreshForced(n)
		}
	}
	if s == InstanceChecking {
		n.checkBy = c.now.Add(checkLimit)
	}
	if s != InstanceRunning && c.self.modes.Master == n.id.Identifier {
		c.setMaster("")
	}
	level := Warn
	if n == c.self {
		level = Info
	}
	c.log(level, "instance %s is %s", n, s)
	c.touchNode(n)
}

func (c *Core) peerJoined(ev PeerJoined) {
	n := c.byID[ev.Identity.Identifier]
	if n == nil {
		if !c.cfg.Discovery || !c.mayDiscover(ev.Identity) {
			return
		}
		n = c.addNode(ev.Identity)
		n.found = true
		c.self.setModes(c.self.modes.with(n.id.Identifier, InstanceStopped))
		c.log(Info, "instance %s was discovered", n)
	}
	if n == c.self {
		return
	}
	n.alive = true
	if n.state == InstanceStopped {
		c.setInstance(n, InstanceChecking)
	} else if ev.Run != "" && n.epoch != "" && ev.Run != n.epoch {
		c.loseContact(n, "it was restarted")
	}
}

// mayDiscover refuses a newcomer that uses the name of another node.
func (c *Core) mayDiscover(id Identity) bool {
	for _, n := range c.nodes {
		if n.id.Nick == id.Nick && n.id.Identifier != id.Identifier {
			c.log(Warn, "discovered instance <%s>%s is incompatible with the known %s", id.Nick, id.Identifier, n)
			return false
		}
	}
	return true
}

func (c *Core) peerLeft(ev PeerLeft) {
	n := c.byID[ev.Identifier]
	if n == nil || n == c.self {
		return
	}
	n.alive = false
	c.loseContact(n, ev.Reason)
}

// loseContact declares a node that was in touch FAILED; settle makes it STOPPED or ISOLATED and takes its processes away.
func (c *Core) loseContact(n *node, reason string) {
	if n.state.active() && n.state != InstanceFailed {
		c.log(Warn, "instance %s is lost: %s", n, reason)
		c.setInstance(n, InstanceFailed)
	}
}

// peerReport takes a whole Report over. The first one of a node in CHECKING is the handshake.
func (c *Core) peerReport(r *Report) {
	n := c.byID[r.Identity.Identifier]
	if n == nil || n == c.self || n.state == InstanceIsolated || n.state == InstanceStopped || n.state == InstanceFailed {
		return
	}
	if n.state != InstanceChecking && n.epoch != r.Epoch {
		c.loseContact(n, "it was restarted")
		return
	}
	if n.epoch == r.Epoch && r.Seq < n.seq {
		return
	}
	if n.state == InstanceChecking {
		reason := c.unauthorized(r)
		if n.found && !c.mayDiscover(r.Identity) {
			reason = "another instance has its nick"
		}
		if reason != "" {
			c.log(Warn, "instance %s is refused: %s", n, reason)
			c.setInstance(n, InstanceIsolated)
			return
		}
	}
	if n.found {
		n.id.Nick = r.Identity.Nick
	}
	n.epoch, n.seq = r.Epoch, r.Seq
	n.id.Stereotypes, n.id.Machine, n.id.Network = r.Identity.Stereotypes, r.Identity.Machine, r.Identity.Network
	n.tick, n.tickAt, n.localTick = r.Tick, c.now, c.self.tick
	c.setModes(n, r.Modes)
	c.replaceProcesses(n, r.Processes)
	n.forced, n.locks = slices.Clone(r.Forced), slices.Clone(r.Locks)
	c.setStanding(n, r.Standing)
	c.refreshForced(n)
	if n.state == InstanceChecking {
		c.setInstance(n, InstanceChecked)
	}
	c.touchNode(n)
}

// unauthorized tells why a node must be isolated; "" when it is welcome.
func (c *Core) unauthorized(r *Report) string {
	isolated := ""
	if r.Modes.Instances[c.cfg.Self] == InstanceIsolated {
		isolated = "it has isolated this instance"
	}
	mine, theirs := c.consistent(), r.Consistent
	var diff []string
	for _, o := range []struct {
		name         string
		mine, theirs any
	}{
		{"auto_fence", mine.AutoFence, theirs.AutoFence},
		{"starting_strategy", mine.Starting, theirs.Starting},
		{"conciliation_strategy", mine.Conciliation, theirs.Conciliation},
		{"supvisors_failure_strategy", mine.Failure, theirs.Failure},
	} {
		if o.mine != o.theirs {
			diff = append(diff, fmt.Sprintf("%s is %v here and %v there", o.name, o.mine, o.theirs))
		}
	}
	if len(diff) == 0 {
		return isolated
	}
	text := "its options are inconsistent: " + strings.Join(diff, ", ")
	if c.cfg.Strict {
		return text
	}
	c.log(Warn, "instance %s: %s", c.byID[r.Identity.Identifier], text)
	return isolated
}

// peerDelta takes one change of a Report over, in order. A gap asks for the whole Report.
func (c *Core) peerDelta(ev PeerDelta) {
	n := c.byID[ev.Identifier]
	if n == nil || n == c.self || n.epoch != ev.Epoch || n.state != InstanceChecked && n.state != InstanceRunning {
		return
	}
	if ev.Seq <= n.seq {
		return
	}
	if ev.Seq != n.seq+1 {
		c.log(Warn, "instance %s: change %d is missing", n, n.seq+1)
		c.emit(Resync{Identifier: ev.Identifier})
		return
	}
	n.seq = ev.Seq
	d := &ev.Delta
	if m, ok := d.ModesAfter(n.modes); ok {
		c.setModes(n, m)
	}
	switch {
	case d.Tick != nil:
		n.tick, n.tickAt, n.localTick = *d.Tick, c.now, c.self.tick
		c.touchNode(n)
	case d.Process != nil:
		info := *d.Process
		c.processEvent(n, &info)
	case d.Removed != nil:
		c.removeProcess(n, *d.Removed)
	case d.Locks != nil:
		n.locks = slices.Clone(*d.Locks)
		c.touchNode(n)
	case d.Standing != nil:
		c.setStanding(n, *d.Standing)
	case d.Forced != nil:
		n.forced = mergeForced(n.forced, *d.Forced)
		c.refresh(c.find(d.Forced.Namespec))
	}
}

// setModes takes over what a peer says.
func (c *Core) setModes(n *node, m Modes) {
	n.setModes(m)
	if m.Instances[c.cfg.Self] == InstanceIsolated && (n.state == InstanceChecked || n.state == InstanceRunning) {
		c.log(Warn, "instance %s has isolated this one", n)
		c.setInstance(n, InstanceFailed)
	}
	c.touchNode(n)
}

// newcomers reports whether nodes have passed the handshake and do not take part yet.
func (c *Core) newcomers() bool {
	return slices.ContainsFunc(c.nodes, func(n *node) bool { return n.state == InstanceChecked })
}

// activate lets the nodes that passed the handshake take part.
func (c *Core) activate() {
	for _, n := range c.nodes {
		if n.state == InstanceChecked {
			c.setInstance(n, InstanceRunning)
		}
	}
}

// invalidate ends the nodes that failed, and returns them with the processes that ran nowhere else. The processes are kept for a
// Master to take care of.
func (c *Core) invalidate() []*node {
	var gone []*node
	for _, n := range c.nodes {
		switch {
		case n.state == InstanceChecking && !n.checkBy.After(c.now) && n != c.self:
			c.log(Warn, "instance %s did not report in time", n)
			c.setInstance(n, InstanceStopped)
			if n.alive { // gossip still sees it: try again
				c.setInstance(n, InstanceChecking)
				c.emit(Resync{Identifier: n.id.Identifier})
			}
		case n.state == InstanceFailed:
			gone = append(gone, n)
		}
	}
	for _, n := range gone {
		// Supvisors asks for the state of the Master, which is unknown when the Master is what was lost
		left := !n.standing.member() // as it has said before
		forget := n.standing == Gone && n.found
		fence := n.modes.Instances[c.cfg.Self] == InstanceIsolated || c.cfg.AutoFence && c.state().working() && !left
		state := InstanceStopped
		if fence {
			state = InstanceIsolated
		}
		c.loseProcesses(n)
		c.setInstance(n, state)
		switch {
		case forget:
			c.forget(n)
		case n.alive && state == InstanceStopped:
			c.setInstance(n, InstanceChecking)
			c.emit(Resync{Identifier: n.id.Identifier})
		}
	}
	return gone
}

// resolve turns identifiers, nicks and stereotypes into nodes, keeping their order and leaving out what is unknown.
func (c *Core) resolve(names []string) []*node {
	var nodes []*node
	add := func(n *node) {
		if !slices.Contains(nodes, n) {
			nodes = append(nodes, n)
		}
	}
	for _, name := range names {
		if n := c.byID[name]; n != nil {
			add(n)
			continue
		}
		if i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.id.Nick == name }); i >= 0 {
			add(c.nodes[i])
			continue
		}
		for _, n := range c.nodes {
			if slices.Contains(n.id.Stereotypes, name) {
				add(n)
			}
		}
	}
	return nodes
}
