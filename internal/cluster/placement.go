package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// maxLoad is what the programs of one machine may load it with, in percent.
const maxLoad = 100

// candidate is a node that may take a process, with its load after everything that was requested.
type candidate struct {
	node         *node
	machine, own int
}

// refusals collects why nodes were not chosen, to tell the user when none is left.
type refusals []refusal

type refusal struct {
	node *node
	why  string
}

func (r *refusals) add(n *node, why string) { *r = append(*r, refusal{n, why}) }

func (r refusals) String() string {
	if len(r) == 0 {
		return "no instance is allowed by the rules"
	}
	texts := make([]string, len(r))
	for i, no := range r {
		texts[i] = no.node.id.Nick + ": " + no.why
	}
	return strings.Join(texts, "; ")
}

// A filter tells why a node cannot take a process, "" when it can.
type filter func(*node) string

func (c *Core) runningFilter(n *node) string {
	if n.state != InstanceRunning {
		return "it is " + n.state.String()
	}
	if n.standing != Serving {
		return "it is " + n.standing.String()
	}
	return ""
}

// knowsFilter wants the process to be configured and enabled on the node.
func knowsFilter(p *proc) filter {
	return func(n *node) string {
		switch info := p.infos[n]; {
		case info == nil:
			return "it does not know " + p.ns.String()
		case info.Disabled:
			return p.ns.String() + " is disabled"
		}
		return ""
	}
}

// choose filters the nodes, then takes the best one for the strategy. load is what will be added to it. It also tells why the others are
// none.
func (c *Core) choose(nodes []*node, strategy rules.StartingStrategy, load int, filters ...filter) (*node, refusals) {
	requested := c.requestedLoads()
	var no refusals
	var list []candidate
	for _, n := range nodes {
		if why := firstRefusal(n, filters); why != "" {
			no.add(n, why)
			continue
		}
		cand := candidate{node: n, machine: c.machineLoad(n, requested), own: n.load + requested[n]}
		if strategy == rules.Local && n != c.self {
			no.add(n, "it is not the local instance")
			continue
		}
		if cand.machine+load > maxLoad {
			no.add(n, fmt.Sprintf("load %d+%d is over %d", cand.machine, load, maxLoad))
			continue
		}
		list = append(list, cand)
	}
	if len(list) == 0 {
		return nil, no
	}
	return list[best(list, strategy)].node, no
}

func firstRefusal(n *node, filters []filter) string {
	for _, f := range filters {
		if why := f(n); why != "" {
			return why
		}
	}
	return ""
}

// best compares the candidates as the starting strategies of Supvisors do: ties go to the first one for the least loaded, to the last
// one for the most loaded.
func best(list []candidate, strategy rules.StartingStrategy) int {
	byOwn := func(a, b candidate) int { return cmp.Or(cmp.Compare(a.own, b.own), cmp.Compare(a.machine, b.machine)) }
	byMachine := func(a, b candidate) int { return cmp.Or(cmp.Compare(a.machine, b.machine), cmp.Compare(a.own, b.own)) }
	pickBest := func(better func(a, b candidate) bool) int {
		found := 0
		for i := range list {
			if better(list[i], list[found]) {
				found = i
			}
		}
		return found
	}
	switch strategy {
	case rules.LessLoaded:
		return pickBest(func(a, b candidate) bool { return byOwn(a, b) < 0 })
	case rules.MostLoaded:
		return pickBest(func(a, b candidate) bool { return byOwn(a, b) >= 0 })
	case rules.LessLoadedNode:
		return pickBest(func(a, b candidate) bool { return byMachine(a, b) < 0 })
	case rules.MostLoadedNode:
		return pickBest(func(a, b candidate) bool { return byMachine(a, b) >= 0 })
	}
	return 0
}

// machineLoad is the load of all nodes that share the machine of n, with what was requested of them.
func (c *Core) machineLoad(n *node, requested map[*node]int) int {
	sum := 0
	for _, m := range c.nodes {
		if n.sharesMachine(m) {
			sum += m.load + requested[m]
		}
	}
	return sum
}

// requestedLoads is the load of the starts that are placed but do not show in the state of their process yet.
func (c *Core) requestedLoads() map[*node]int {
	sums := map[*node]int{}
	for _, j := range c.starter.current {
		for _, cmd := range j.commands() {
			if cmd.node != nil && cmd.proc.state.IsStopped() {
				sums[cmd.node] += cmd.proc.rules.ExpectedLoad
			}
		}
	}
	return sums
}

// allowedNodes are the nodes that an identifiers rule names, in its order; all nodes for "*".
func (c *Core) allowedNodes(ids rules.Identifiers) []*node {
	if ids.All {
		return c.nodes
	}
	return c.resolve(ids.Names)
}

// applicationNodes are the nodes where the rules allow an application that is not distributed. With #, the application x_N has the
// Nth one, over and over.
func (c *Core) applicationNodes(app *application) []*node {
	nodes := c.allowedNodes(app.rules.Identifiers)
	if n := app.rules.Number; app.rules.Identifiers.Hash && n > 0 && len(nodes) > 0 {
		return []*node{nodes[(n-1)%len(nodes)]}
	}
	return nodes
}

// possible are the nodes where the rules allow a process.
func (c *Core) possible(p *proc) []*node {
	if p.rules.Identifiers.At || p.rules.Identifiers.Hash {
		if p.assigned == nil {
			return nil
		}
		return []*node{p.assigned}
	}
	return c.allowedNodes(p.rules.Identifiers)
}

// place finds the node for a start. In an application that is not distributed it is reserved already, or the choice is among the nodes
// taken for all of it.
func (c *Core) place(j *job, cmd *command) (*node, refusals) {
	p, strategy, nodes := cmd.proc, cmd.strategy, c.possible(cmd.proc)
	if j.together() {
		strategy, nodes = j.strategy, j.among
	}
	if n := cmd.node; n != nil {
		if why := firstRefusal(n, []filter{c.runningFilter, knowsFilter(p)}); why != "" {
			return nil, refusals{{n, why}}
		}
		return n, nil
	}
	return c.choose(nodes, strategy, p.rules.ExpectedLoad, c.runningFilter, knowsFilter(p))
}

// together reports whether the application may not be spread over all nodes.
func (j *job) together() bool {
	return j.app.rules.Managed && j.app.rules.Distribution != rules.AllInstances
}

// placeTogether chooses, before the first process of an application that is not distributed is started, the node (SINGLE_INSTANCE)
// or the nodes of one machine (SINGLE_NODE) that can bear all of its start sequence, and reserves them for what is planned.
func (c *Core) placeTogether(j *job) {
	if !j.together() {
		return
	}
	if j.among, j.refused = c.nodesTogether(j); len(j.among) == 0 {
		c.log(Warn, "application %s: no instance can bear all of it (%s)", j.app.name, j.refused)
	}
	for _, cmd := range j.commands() {
		cmd.node, _ = c.choose(j.among, j.strategy, cmd.proc.rules.ExpectedLoad, c.runningFilter, knowsFilter(cmd.proc))
	}
}

func (c *Core) nodesTogether(j *job) ([]*node, refusals) {
	load := 0
	for _, p := range j.app.sequenced() {
		load += p.rules.ExpectedLoad
	}
	nodes := c.applicationNodes(j.app)
	known := c.wholeFilter(j.app)
	if j.app.rules.Distribution == rules.SingleNode {
		known = c.machineFilter(j.app, nodes)
	}
	n, no := c.choose(nodes, j.strategy, load, c.runningFilter, known)
	if n == nil {
		return nil, no
	}
	if j.app.rules.Distribution == rules.SingleInstance {
		return []*node{n}, nil
	}
	return slices.DeleteFunc(slices.Clone(nodes), func(m *node) bool { return !n.sharesMachine(m) }), nil
}

// wholeFilter wants a node to know all processes of an application.
func (c *Core) wholeFilter(app *application) filter {
	return func(n *node) string {
		for _, p := range app.procs {
			if why := knowsFilter(p)(n); why != "" {
				return why
			}
		}
		return ""
	}
}

// machineFilter wants the allowed nodes of a machine to know, between them, all processes of an application.
func (c *Core) machineFilter(app *application, nodes []*node) filter {
	return func(n *node) string {
		for _, p := range app.procs {
			if !slices.ContainsFunc(nodes, func(m *node) bool { return n.sharesMachine(m) && knowsFilter(p)(m) == "" }) {
				return "its machine does not know " + p.ns.String()
			}
		}
		return ""
	}
}

// assignNumbered gives each process of the homogeneous groups of an application its node: with @ one process to a node at most,
// with # over and over the nodes. An assignment is final, as in Supvisors.
func (c *Core) assignNumbered(app *application) {
	groups := map[string][]*proc{}
	var programs []string
	for _, p := range app.procs {
		if !p.rules.Identifiers.At && !p.rules.Identifiers.Hash {
			continue
		}
		program := p.info().Program
		if groups[program] == nil {
			programs = append(programs, program)
		}
		groups[program] = append(groups[program], p)
	}
	for _, program := range programs {
		c.assignGroup(groups[program])
	}
}

func (c *Core) assignGroup(procs []*proc) {
	slices.SortStableFunc(procs, func(a, b *proc) int { return cmp.Compare(a.info().Index, b.info().Index) })
	count := map[*node]int{}
	for _, p := range procs {
		if p.assigned != nil {
			count[p.assigned]++
		}
	}
	for _, p := range procs {
		if p.assigned != nil {
			continue
		}
		nodes := c.allowedNodes(p.rules.Identifiers)
		if p.rules.Identifiers.At {
			nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return count[n] > 0 })
		}
		if len(nodes) == 0 {
			continue
		}
		p.assigned = slices.MinFunc(nodes, func(a, b *node) int { return cmp.Compare(count[a], count[b]) })
		count[p.assigned]++
		c.touchProcess(p)
		c.log(Info, "process %s is assigned to %s", p.ns, p.assigned)
	}
}

// pickAny returns the first stopped process that matches and that some node can take.
func (c *Core) pickAny(match func(string) bool, strategy rules.StartingStrategy) *proc {
	for _, app := range c.apps {
		for _, p := range app.procs {
			if p.state.IsRunning() || p.state == process.Stopping || !match(p.ns.String()) {
				continue
			}
			if n, _ := c.choose(c.possible(p), strategy, p.rules.ExpectedLoad, c.runningFilter, knowsFilter(p)); n != nil {
				return p
			}
		}
	}
	return nil
}
