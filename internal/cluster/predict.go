package cluster

import (
	"cmp"
	"slices"

	"github.com/supvisors/supvisors/internal/process"
)

// A prediction is the Starter at work on a copy of the Core in which every start succeeds: there is no second model of it.

func (c *Core) testStartApplication(r TestStartApplication) ([]Prediction, error) {
	app, err := c.lookupManaged(r.Name)
	if err != nil {
		return nil, err
	}
	if app.state != ApplicationStopped {
		return nil, fault(AlreadyStarted, "%s", r.Name)
	}
	c.assignNumbered(app) // final, as in Supvisors: the start will use what was predicted
	t := c.clone()
	t.startApplication(t.byApp[r.Name], r.Strategy, ByRequest)
	return t.predict(), nil
}

func (c *Core) testStartProcess(r TestStartProcess) ([]Prediction, error) {
	procs, err := c.lookupProcesses(r.Namespec)
	if err != nil {
		return nil, err
	}
	for _, p := range procs {
		if p.state.IsRunning() {
			return nil, fault(AlreadyStarted, "%s", p.ns)
		}
	}
	c.assignNumbered(procs[0].app)
	t := c.clone()
	for _, p := range procs {
		t.startProcess(t.find(p.ns), r.Strategy, "", ByRequest)
	}
	return t.predict(), nil
}

// whatIf starts something on a copy in which it is down, as some nodes may be.
func (c *Core) whatIf(r WhatIf) ([]Prospect, error) {
	var app *application
	var procs []*proc
	var err error
	if r.Process != "" {
		procs, err = c.lookupProcesses(r.Process)
	} else if app, err = c.lookupManaged(r.Application); err == nil {
		procs = app.procs
	}
	if err != nil {
		return nil, err
	}
	t := c.clone()
	for _, id := range r.Down {
		if n := t.byID[id]; n != nil {
			t.loseProcesses(n)
			n.state = InstanceStopped
		}
	}
	t.lost, t.running = nil, nil
	for _, p := range procs {
		t.rest(t.find(p.ns))
	}
	var prospects []Prospect
	t.placed = func(j *job, cmd *command, n *node, no refusals) {
		prospects = append(prospects, t.prospect(j, cmd, n, no))
	}
	if app != nil {
		t.startApplication(t.byApp[app.name], r.Strategy, ByRequest)
	} else {
		for _, p := range procs {
			t.startProcess(t.find(p.ns), r.Strategy, "", ByRequest)
		}
	}
	t.predict()
	for i, p := range prospects {
		if q := t.find(p.Namespec); q.forced != nil {
			prospects[i].State, prospects[i].Reason = q.shown(), q.forced.Reason
		} else {
			prospects[i].State = q.state
		}
	}
	return prospects, nil
}

// rest has a process be stopped everywhere.
func (c *Core) rest(p *proc) {
	for _, n := range c.nodes {
		if info := p.infos[n]; info != nil && !info.State.IsStopped() {
			stopped := *info
			stopped.State, stopped.PID = process.Stopped, 0
			c.setInfo(p, n, &stopped)
		}
	}
}

// prospect tells what was found out when a place was looked for. Where the application is held together, its nodes were chosen before.
func (c *Core) prospect(j *job, cmd *command, chosen *node, no refusals) Prospect {
	p := cmd.proc
	list := Prospect{Namespec: p.ns, Number: p.rules.StartSequence}
	if chosen != nil {
		list.Node = chosen.id.Identifier
	}
	allowed := c.possible(p)
	if j.together() {
		allowed = c.applicationNodes(j.app)
		no = slices.Concat(j.refused, no)
	}
	requested := c.requestedLoads()
	if cmd.node != nil {
		requested[cmd.node] -= p.rules.ExpectedLoad // its own reservation
	}
	for _, n := range c.nodes {
		choice := Choice{Node: n.id.Identifier, Load: n.load + requested[n]}
		i := slices.IndexFunc(no, func(r refusal) bool { return r.node == n })
		switch {
		case i >= 0:
			choice.Reason = no[i].why
		case !slices.Contains(allowed, n):
			choice.Reason = "the rules do not allow it"
		}
		list.Choices = append(list.Choices, choice)
	}
	return list
}

// predict runs the planned starts to their end and tells what came of each.
func (c *Core) predict() []Prediction {
	var procs []*proc
	for _, j := range c.starter.jobs() {
		for _, cmd := range j.commands() {
			procs = appendNew(procs, cmd.proc)
		}
	}
	c.runJobs()
	for len(c.effects) > 0 {
		effects := c.effects
		c.effects = nil
		for _, e := range effects {
			if send, ok := e.(Send); ok && send.Order.Action == StartProcess {
				c.succeed(send.Order)
			}
		}
	}
	slices.SortFunc(procs, func(a, b *proc) int {
		return cmp.Or(cmp.Compare(a.ns.Group, b.ns.Group), cmp.Compare(a.ns.Process, b.ns.Process))
	})
	list := make([]Prediction, len(procs))
	for i, p := range procs {
		list[i] = Prediction{Namespec: p.ns, State: p.shown()}
		if p.forced != nil {
			list[i].Reason = p.forced.Reason
		}
		for _, n := range p.running {
			list[i].Identifiers = append(list[i].Identifiers, n.id.Identifier)
		}
		if p.state == process.Exited {
			list[i].Identifiers = []string{c.ranOn(p)}
		}
	}
	return list
}

// succeed plays the life of a process that starts as it should.
func (c *Core) succeed(o Order) {
	p, n := c.find(o.Namespec), c.byID[o.To]
	states := []process.State{process.Starting, process.Running}
	if p.rules.WaitExit {
		states = append(states, process.Exited)
	}
	for _, s := range states {
		info := *p.infos[n]
		info.State, info.Expected, info.Now, info.Stop = s, true, c.wallNow(), 0
		c.processEvent(n, &info)
		c.runJobs()
	}
}

// ranOn returns the node where a process that has exited was last up.
func (c *Core) ranOn(p *proc) string {
	for _, n := range c.nodes {
		if info := p.infos[n]; info != nil && info.State == process.Exited {
			return n.id.Identifier
		}
	}
	return ""
}

// clone copies what a prediction changes: nodes, applications and processes. It has no jobs, requests or Share effects of its own.
func (c *Core) clone() *Core {
	t := &Core{cfg: c.cfg, now: c.now, start: c.start, wall: c.wall, ticks: c.ticks, seq: c.seq, shared: c.shared,
		byID: map[string]*node{}, byApp: map[string]*application{}}
	t.starter.lowFirst = true
	nodes := map[*node]*node{}
	for _, n := range c.nodes {
		m := *n
		m.forced = nil // what was forced lasts until the start that is predicted
		t.nodes = append(t.nodes, &m)
		t.byID[m.id.Identifier] = &m
		nodes[n] = &m
	}
	t.self = nodes[c.self]
	for _, app := range c.apps {
		a := *app
		a.procs = nil
		for _, p := range app.procs {
			q := *p
			q.app, q.assigned, q.running, q.forced = &a, nodes[p.assigned], nil, nil
			for _, n := range p.running {
				q.running = append(q.running, nodes[n])
			}
			q.infos = make(map[*node]*ProcessInfo, len(p.infos))
			for n, info := range p.infos {
				q.infos[nodes[n]] = info // an info is never changed, only replaced
			}
			a.procs = append(a.procs, &q)
		}
		t.apps = append(t.apps, &a)
		t.byApp[a.name] = &a
	}
	return t
}
