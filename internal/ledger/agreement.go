package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// accord is an agreement that is open or ending.
type accord struct {
	agent.Agreement
	key   uint64
	shown *agent.Agreement // what readers see of it; nil after a change
}

// change returns the agreement to be changed.
func (a *accord) change() *agent.Agreement {
	if a.shown != nil { // readers have these
		a.Deployment = maps.Clone(a.Deployment)
		a.Proposal.Processes = slices.Clone(a.Proposal.Processes)
		a.Proposal.Candidates = slices.Clone(a.Proposal.Candidates)
		a.shown = nil
	}
	return &a.Agreement
}

func (a *accord) copy() *agent.Agreement {
	c := a.Agreement
	return &c
}

func seconds(at time.Time) agent.Seconds { return agent.At(at) }

// beginUntil takes the orders into account that are due.
func (l *Ledger) beginUntil(due func(start) bool) {
	for {
		s, ok := l.asked.next(due)
		if !ok {
			return
		}
		l.order(s)
	}
}

// order takes an order to start a process into account.
func (l *Ledger) order(s start) {
	ns := s.order.Namespec
	if !l.agrees(ns.Group) {
		return
	}
	app := l.application(ns.Group)
	if app.expected.restart { // which did not come: the cluster had it its own way
		l.giveUp(app)
	}
	if a := app.agreement; a != nil && a.Terminated != 0 { // the last of it is still stopping
		l.finish(app, s.at)
	}
	a := app.agreement
	isNew := a == nil
	if isNew {
		a = l.propose(app.name, s)
		l.recordProposal(a, ns)
	}
	if p, err := l.cfg.Supervisor.Process(ns); err != nil || p.Info.Disabled {
		l.recordRejection(a, ns, err)
		if len(app.processes) == 0 { // there is no such group
			delete(l.apps, app.name)
		}
		return
	}
	app.begun = s.at
	l.join(a, ns, s)
	if isNew {
		l.agree(app, a)
	}
	l.touch(app)
}

// agree makes an agreement the one of its application.
func (l *Ledger) agree(app *application, a *accord) {
	l.key++
	a.key = l.key
	a.Accepted = seconds(time.Now())
	app.agreement = a
	if app.up == 0 {
		l.expect(app, expectation{by: time.Now().Add(startTimeout), reason: StartTimeout})
	}
	if app.run != nil {
		app.run.Agreements = append(slices.Clone(app.run.Agreements), a.ID)
	}
	l.recordAgreement(a)
	l.touch(app)
}

// agreeAlone makes an agreement with this node itself.
func (l *Ledger) agreeAlone(app *application, at time.Time) {
	a := l.propose(app.name, start{at: at, id: l.newID(app.name), order: cluster.Order{Strategy: rules.Local}})
	a.Consumer, a.Counterparty, a.Proposal.Candidates = "local", "local", []string{a.Proposal.Chosen}
	for _, m := range app.processes {
		if m.info.State.IsRunning() {
			a.Proposal.Processes = append(a.Proposal.Processes, m.info.Name)
		}
	}
	slices.Sort(a.Proposal.Processes)
	l.agree(app, a)
}

// propose returns the agreement that an order asks for.
func (l *Ledger) propose(group string, s start) *accord {
	view := l.view()
	o := s.order
	from, chosen := o.From, view.Self.Nick
	if n := view.Instance(o.From); n != nil {
		from = n.Nick
	}
	self := l.cfg.Node()
	if chosen == "" {
		chosen = self.ID
	}
	service := l.cfg.Application(group)
	return &accord{Agreement: agent.Agreement{
		Name: "Policy for " + group + " merged with " + o.Strategy.String(), ID: s.id, Consumer: self.Org + "/" + from, Counterparty: o.From,
		Created: seconds(s.at),
		Proposal: agent.Proposal{Strategy: o.Strategy.String(), Chosen: chosen, Trigger: triggers[o.Cause],
			Candidates: []string{}, Processes: []string{}},
		Deployment: map[string]agent.Deployed{}, Workload: service.Workload(), Dependents: l.dependents(view, group),
	}}
}

// triggers are the causes of orders in the words of the agent API.
var triggers = map[cluster.Cause]string{
	cluster.ByRequest: "start_application", cluster.BySequence: "restart_sequence", cluster.ByFailure: "failure",
	cluster.ByConflict: "conciliation", cluster.ByDrain: "re-place",
}

// dependents returns the applications that the sequence starts before this one.
func (l *Ledger) dependents(view *cluster.View, group string) (list []agent.ServiceDependency) {
	app := view.Application(group)
	if app == nil {
		return nil
	}
	for _, other := range view.Applications {
		if rank := other.Rules.StartSequence; rank > 0 && rank < app.Rules.StartSequence {
			service := l.cfg.Application(other.Name)
			list = append(list, service.Dependency())
		}
	}
	return list
}

// join adds a process to what an agreement is about.
func (l *Ledger) join(a *accord, ns process.Namespec, s start) {
	c := a.change()
	c.Finalized = 0
	if slices.Contains(c.Proposal.Processes, ns.Process) {
		return
	}
	c.Proposal.Processes = append(c.Proposal.Processes, ns.Process)
	view := l.view()
	app := view.Application(ns.Group)
	if app == nil {
		return
	}
	p := app.Process(ns.Process)
	if p == nil {
		return
	}
	c.Proposal.Load += p.Rules.ExpectedLoad
	for _, nick := range candidates(view, app, p) {
		if !slices.Contains(c.Proposal.Candidates, nick) {
			c.Proposal.Candidates = append(c.Proposal.Candidates, nick)
		}
	}
}

// candidates are the nodes that the rules allow for a process and that know it, by nick name.
func candidates(view *cluster.View, app *cluster.ApplicationView, p *cluster.ProcessView) (nicks []string) {
	names := p.Identifiers
	if app.Rules.Distribution != rules.AllInstances {
		names = app.Identifiers
	}
	for _, n := range view.Instances {
		allowed := slices.ContainsFunc(names, func(name string) bool {
			return name == "*" || slices.Contains(view.Resolve(name), n)
		})
		if info := p.At(n.Identifier); allowed && info != nil && !info.Disabled {
			nicks = append(nicks, n.Nick)
		}
	}
	return nicks
}

// deployed returns what a process was started as.
func (l *Ledger) deployed(a *accord, m *member) agent.Deployed {
	d := agent.Deployed{Program: program(m.spec), Labels: map[string]string{
		"openhorizon.anax.agreement_id": a.ID, "openhorizon.anax.service_name": a.Workload.URL,
	}}
	if words, err := process.SplitCommand(m.spec.Command); err == nil {
		d.Command = words
	}
	if l.cfg.Environment == nil {
		return d
	}
	if env := l.cfg.Environment(m.spec); m.environment == nil || !maps.Equal(env, m.environment) {
		m.environment = env
	}
	d.Environment = m.environment
	return d
}

// program returns the first word of a command.
func program(s *process.Spec) string {
	if words, err := process.SplitCommand(s.Command); err == nil && len(words) > 0 {
		return words[0]
	}
	return s.Command
}

// completed notes that all that was to be started of an application has been.
func (l *Ledger) completed(app *application) {
	if a := app.agreement; a != nil && a.Finalized == 0 && a.Terminated == 0 && a.DataReceived != 0 {
		if !slices.ContainsFunc(a.Proposal.Processes, func(name string) bool {
			m := app.processes[name]
			return m == nil || m.info.State != process.Running && !l.hasDone(app, m)
		}) {
			a.change().Finalized = seconds(time.Now())
			l.touch(app)
		}
	}
	l.serviceCompleted(app)
}
