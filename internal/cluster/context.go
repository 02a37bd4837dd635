package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// application is a group of processes with the rules that the rules file gives it.
type application struct {
	name  string
	rules rules.Application // Managed is false when no rules file knows it
	procs []*proc           // sorted by name

	state        ApplicationState
	major, minor bool
	formulaError string           // last evaluation error, logged once
	view         *ApplicationView // nil when it is out of date
}

// proc is one process of the cluster: what each node says about it, and what follows from that.
type proc struct {
	app   *application
	ns    process.Namespec
	rules rules.Program
	infos map[*node]*ProcessInfo
	// assigned is the node that a # or @ rule gave to this process, nil before it was decided or without such a rule.
	assigned *node

	// derived by refresh
	state    process.State
	expected bool
	running  []*node      // where it is up, in configuration order; STOPPING counts
	forced   *Forced      // the state to show instead, nil for none
	args     string       // extra arguments, as last told
	heard    time.Time    // when it was last heard of, or forced
	view     *ProcessView // nil when it is out of date
}

// shown is the state that clients see.
func (p *proc) shown() process.State {
	if p.forced != nil {
		return p.forced.State
	}
	return p.state
}

func (p *proc) runsOn(n *node) bool { return p.state.IsRunning() && slices.Contains(p.running, n) }
func (p *proc) conflicting() bool   { return len(p.running) > 1 }

// up returns the nodes where the process is up and not about to end.
func (p *proc) up() []*node {
	return slices.DeleteFunc(slices.Clone(p.running), func(n *node) bool { return !p.infos[n].State.IsRunning() })
}

// program returns the program of the process as a node tells it; all nodes are supposed to agree.
func (p *proc) info() *ProcessInfo {
	var best *ProcessInfo
	var rank int
	for n, info := range p.infos {
		if best == nil || n.rank < rank {
			best, rank = info, n.rank
		}
	}
	return best
}

func (c *Core) find(ns process.Namespec) *proc {
	app := c.byApp[ns.Group]
	if app == nil {
		return nil
	}
	return app.find(ns.Process)
}

func (a *application) find(name string) *proc {
	i, ok := slices.BinarySearchFunc(a.procs, name, func(p *proc, name string) int { return cmp.Compare(p.ns.Process, name) })
	if !ok {
		return nil
	}
	return a.procs[i]
}

// storeProcess keeps what a node says about a process, and creates the process and its application with their rules.
func (c *Core) storeProcess(n *node, info *ProcessInfo) *proc {
	app := c.byApp[info.Group]
	if app == nil {
		app = &application{name: info.Group, rules: c.cfg.Rules.Application(info.Group, c.cfg.Starting)}
		c.byApp[info.Group] = app
		c.apps = insertSorted(c.apps, app, func(a *application) string { return a.name })
	}
	p := app.find(info.Name)
	if p == nil {
		p = &proc{app: app, ns: info.Namespec(), infos: map[*node]*ProcessInfo{}, expected: true, heard: c.now}
		p.rules = c.cfg.Rules.Program(app.name, info.Name)
		app.procs = insertSorted(app.procs, p, func(p *proc) string { return p.ns.Process })
	}
	if n == c.self && p.infos[n] == nil && p.rules.RunningFailure.WholeApplication() {
		c.emit(DisableAutorestart{Namespec: p.ns})
	}
	c.setInfo(p, n, info)
	return p
}

// localRules applies other rules to all that is known. Jobs that are under way go on with the nodes that they have chosen.
func (c *Core) localRules(set *rules.Set) {
	c.cfg.Rules = set
	c.log(Info, "the rules have changed")
	for _, app := range c.apps {
		app.rules, app.formulaError = set.Application(app.name, c.cfg.Starting), ""
		for _, p := range app.procs {
			c.setRules(p, set.Program(app.name, p.ns.Process))
		}
	}
}

// setRules applies other rules to a process. An autorestart that was taken from its node stays so until its group is added anew.
func (c *Core) setRules(p *proc, r rules.Program) {
	c.unload(p) // by the former load
	if was, is := p.rules.Identifiers, r.Identifiers; was.At != is.At || was.Hash != is.Hash || !slices.Equal(was.Names, is.Names) {
		p.assigned = nil
	}
	if p.infos[c.self] != nil && r.RunningFailure.WholeApplication() && !p.rules.RunningFailure.WholeApplication() {
		c.emit(DisableAutorestart{Namespec: p.ns})
	}
	p.rules = r
	c.refresh(p)
}

// setInfo replaces what a node says about a process, nil for nothing any more, and keeps the counts of the node.
func (c *Core) setInfo(p *proc, n *node, info *ProcessInfo) {
	if old := p.infos[n]; old != nil && old.crashed() {
		n.crashes--
	}
	if info == nil {
		delete(p.infos, n)
	} else {
		p.infos[n] = info
		if info.crashed() {
			n.crashes++
		}
	}
	c.touchNode(n)
	c.refresh(p)
}

// processEvent applies a change of a process on a node, and lets jobs and strategies react to it.
func (c *Core) processEvent(n *node, info *ProcessInfo) {
	p := c.find(info.Namespec())
	known := p != nil && p.infos[n] != nil
	var before process.State
	if known {
		before = p.infos[n].State
	}
	p = c.storeProcess(n, info)
	if known && before == info.State {
		return
	}
	p.heard = c.now
	c.withdraw(p)
	if c.jobEvent(p, n) {
		return // a starting failure, which has strategies of its own
	}
	if info.crashed() && len(p.running) == 0 {
		c.crashEvent(p)
	}
}

// replaceProcesses makes what a node reports all there is of that node. Jobs see the changes as if each had come as an event.
func (c *Core) replaceProcesses(n *node, infos []ProcessInfo) {
	seen := make(map[process.Namespec]bool, len(infos))
	fresh := n.state == InstanceChecking
	for i := range infos {
		info := infos[i]
		seen[info.Namespec()] = true
		if fresh {
			p := c.storeProcess(n, &info)
			p.heard = c.now
			if info.State != process.Stopped {
				c.withdraw(p) // STOPPED is what every process begins with, and no news
			}
			continue
		}
		c.processEvent(n, &info)
	}
	for _, app := range slices.Clone(c.apps) {
		for _, p := range slices.Clone(app.procs) {
			if p.infos[n] != nil && !seen[p.ns] {
				c.removeProcess(n, p.ns)
			}
		}
	}
}

// removeProcess forgets what a node said about a process; the last one takes the process and its application away.
func (c *Core) removeProcess(n *node, ns process.Namespec) {
	p := c.find(ns)
	if p == nil || p.infos[n] == nil {
		return
	}
	c.setInfo(p, n, nil)
	c.loseCommands(func(cmd *command) bool { return cmd.proc == p && cmd.node == n })
	if len(p.infos) > 0 {
		return
	}
	app := p.app
	c.unload(p)
	app.procs = slices.DeleteFunc(app.procs, func(q *proc) bool { return q == p })
	c.forgetJobs(p)
	if len(app.procs) == 0 {
		delete(c.byApp, app.name)
		c.apps = slices.DeleteFunc(c.apps, func(a *application) bool { return a == app })
	}
	c.refreshApplication(app)
}

// loseProcesses derives what the loss of a node does to its processes: those that were up there are FATAL there.
func (c *Core) loseProcesses(n *node) {
	for _, app := range c.apps {
		for _, p := range app.procs {
			info := p.infos[n]
			if info == nil || info.State.IsStopped() {
				continue
			}
			ran := p.runsOn(n)
			gone := *info
			gone.State, gone.PID, gone.Expected = process.Fatal, 0, false
			gone.SpawnErr = "Supervisor " + n.id.Identifier + " lost"
			gone.Now = p.newest() + 1e-6 // by the clocks of those who told, so that all nodes derive the same whatever their own clocks say
			p.heard = c.now
			c.setInfo(p, n, &gone)
			// where it is about to end does not count: a duplicate may be on its way down while the one to keep is lost
			if ran && len(p.up()) == 0 {
				c.lost = append(c.lost, p)
			}
		}
	}
}

// newest is when the last thing was said of a process.
func (p *proc) newest() (now float64) {
	for _, info := range p.infos {
		now = max(now, info.Now)
	}
	return now
}

// refresh derives the state of a process from what the nodes say about it.
func (c *Core) refresh(p *proc) {
	if p == nil {
		return
	}
	c.unload(p)
	var last *ProcessInfo
	for _, n := range c.nodes {
		info := p.infos[n]
		if info == nil {
			continue
		}
		if info.State.IsRunning() || info.State == process.Stopping {
			p.running = append(p.running, n)
		}
		if last == nil || info.Now > last.Now && !neverStarted(info) || neverStarted(last) && !neverStarted(info) {
			last = info
		}
	}
	if last != nil && last.ExtraArgs != p.args {
		p.args = last.ExtraArgs
		if own := p.infos[c.self]; own != nil && own != last {
			c.emit(UseArgs{Namespec: p.ns, Args: p.args})
		}
	}
	switch {
	case len(p.running) > 0:
		p.state, p.expected = c.busiest(p), true
	case last != nil:
		p.state, p.expected = last.State, last.Expected
	}
	if p.state.IsRunning() {
		for _, n := range p.running {
			n.load += p.rules.ExpectedLoad
			c.touchNode(n)
		}
	}
	p.forced = c.findForced(p)
	c.touchProcess(p)
	c.refreshApplication(p.app)
}

// unload takes a process out of the load of the nodes where it is up.
func (c *Core) unload(p *proc) {
	if p.state.IsRunning() {
		for _, n := range p.running {
			n.load -= p.rules.ExpectedLoad
			c.touchNode(n)
		}
	}
	p.running = nil
}

func neverStarted(info *ProcessInfo) bool {
	return info.State == process.Stopped && info.Stop == 0
}

// busiest is the state to show for a process that is up on one or several nodes, in Supvisors' order of precedence.
func (c *Core) busiest(p *proc) process.State {
	for _, s := range []process.State{process.Running, process.Backoff, process.Starting} {
		for _, n := range p.running {
			if p.infos[n].State == s {
				return s
			}
		}
	}
	return process.Stopping
}

// mergeForced puts a forced state into a list that holds at most one for each process.
func mergeForced(list []Forced, f Forced) []Forced {
	list = slices.DeleteFunc(slices.Clone(list), func(g Forced) bool { return g.Namespec == f.Namespec })
	if f.State == process.Unknown {
		return list
	}
	return append(list, f)
}

// findForced returns the newest forced state that any node in touch shows for a process.
func (c *Core) findForced(p *proc) *Forced {
	var found *Forced
	for _, n := range c.nodes {
		for i := range n.forced {
			if f := &n.forced[i]; f.Namespec == p.ns && (found == nil || f.Since > found.Since) {
				found = f
			}
		}
	}
	if found == nil {
		return nil
	}
	f := *found
	return &f
}

// force shows a state for a process until it is heard of again.
func (c *Core) force(p *proc, state process.State, reason string) {
	f := Forced{Namespec: p.ns, State: state, Reason: reason, Since: c.wallNow()}
	c.self.forced = mergeForced(c.self.forced, f)
	c.share(Delta{Forced: &f})
	p.heard = c.now
	c.log(Info, "process %s is %s (real: %s): %s", p.ns, state, p.state, reason)
	c.refresh(p)
}

// withdraw takes back what this node forced on a process.
func (c *Core) withdraw(p *proc) {
	if !slices.ContainsFunc(c.self.forced, func(f Forced) bool { return f.Namespec == p.ns }) {
		return
	}
	f := Forced{Namespec: p.ns, State: process.Unknown}
	c.self.forced = mergeForced(c.self.forced, f)
	c.share(Delta{Forced: &f})
	c.refresh(p)
}

// refreshForced derives again what depends on the forced states of a node whose whole list was replaced.
func (c *Core) refreshForced(n *node) {
	for _, app := range c.apps {
		for _, p := range app.procs {
			if p.forced != nil || slices.ContainsFunc(n.forced, func(f Forced) bool { return f.Namespec == p.ns }) {
				c.refresh(p)
			}
		}
	}
}

func (c *Core) conflicts() []*proc {
	var list []*proc
	for _, app := range c.apps {
		if !app.rules.Managed {
			continue
		}
		for _, p := range app.procs {
			if p.conflicting() {
				list = append(list, p)
			}
		}
	}
	return list
}

func insertSorted[T any](list []T, v T, key func(T) string) []T {
	i, _ := slices.BinarySearchFunc(list, key(v), func(e T, k string) int { return cmp.Compare(key(e), k) })
	return slices.Insert(list, i, v)
}
