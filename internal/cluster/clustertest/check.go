package clustertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// Ask sends a request of a client to a node.
func (n *Node) Ask(r cluster.Request) {
	if n.core == nil || n.frozen {
		return
	}
	w := n.w
	w.nextAsk++
	w.asked[w.nextAsk] = &asked{node: n, run: n.run}
	w.tell(n, "is asked %T %+v", r, r)
	n.step(cluster.Ask{ID: w.nextAsk, Request: r})
}

// checkReply: every request is answered once.
func (n *Node) checkReply(r cluster.Reply) {
	a := n.w.asked[r.ID]
	if a == nil {
		n.w.violate("%s answers request %d that nobody made", n.id.Nick, r.ID)
		return
	}
	a.replies++
	n.w.tell(n, "%s", answer(r))
	if a.replies > 1 {
		n.w.violate("request %d was answered twice", r.ID)
	}
}

func answer(r cluster.Reply) string {
	predictions, ok := r.Result.([]cluster.Prediction)
	var refused *cluster.RequestError
	switch {
	case errors.As(r.Err, &refused):
		return fmt.Sprintf("answers %s: %s", refused.Reason, refused.Text)
	case !ok:
		return fmt.Sprintf("answers %v", r.Result)
	}
	var parts []string
	for _, p := range predictions {
		part := fmt.Sprintf("%s %s", p.Namespec, p.State)
		if len(p.Identifiers) > 0 {
			part += " on " + strings.Join(p.Identifiers, " and ")
		}
		if p.Reason != "" {
			part += " (" + p.Reason + ")"
		}
		parts = append(parts, part)
	}
	return "predicts " + strings.Join(parts, ", ")
}

// checkShare: the state machine takes no hop that is not allowed, the Master is in sight, no newcomer breaks into a distribution, and
// the term only grows.
func (n *Node) checkShare(s cluster.Share) {
	old := n.modes
	m, ok := s.Delta.ModesAfter(old)
	if !ok {
		return
	}
	n.modes = m
	if m.State != old.State && !cluster.Allowed(old.State, m.State) {
		n.w.violate("%s hops from %s to %s", n.id.Nick, old.State, m.State)
	}
	if m.State != old.State && m.State <= cluster.Election {
		n.started = map[place]bool{} // the jobs are given up
	}
	if closing := m.State == cluster.Restarting || m.State == cluster.ShuttingDown; closing && m.State != old.State {
		n.ending = n.runningIn(n.core.View())
	}
	if m.Master != "" && m.Instances[m.Master] != cluster.InstanceRunning {
		n.w.violate("%s has the Master %s, which is %s", n.id.Nick, m.Master, m.Instances[m.Master])
	}
	if user := n.w.cfg.Core.Sync[rules.SyncUser]; !user && m.Master != "" && m.Master != old.Master {
		n.checkElection(old.Master, m.Master)
	}
	if m.Term < old.Term {
		n.w.violate("%s falls back from term %d to %d", n.id.Nick, old.Term, m.Term)
	}
	for id, state := range m.Instances {
		if old.State == cluster.Distribution && state == cluster.InstanceRunning && old.Instances[id] != state {
			n.w.violate("%s lets %s in during the distribution", n.id.Nick, id)
		}
	}
}

// checkElection: a Master that somebody has declared already comes first, then core identifiers, then the smallest nick.
func (n *Node) checkElection(old, chosen string) {
	v := n.core.View()
	running := func(in *cluster.InstanceView) bool { return in != nil && in.State == cluster.InstanceRunning }
	var candidates []*cluster.InstanceView
	for _, in := range v.Instances {
		declared := in.Modes.Master
		if in.Identifier == n.id.Identifier {
			declared = old
		}
		if m := v.Instance(declared); running(in) && running(m) {
			candidates = append(candidates, m)
		}
	}
	if len(candidates) == 0 {
		candidates = slices.DeleteFunc(slices.Clone(v.Instances), func(in *cluster.InstanceView) bool { return !running(in) })
	}
	rank := func(in *cluster.InstanceView) string {
		if slices.Contains(n.w.cfg.Core.Core, in.Nick) {
			return "core " + in.Nick
		}
		return "none " + in.Nick
	}
	best := slices.MinFunc(candidates, func(a, b *cluster.InstanceView) int { return strings.Compare(rank(a), rank(b)) })
	if best.Identifier != chosen {
		n.w.violate("%s elects %s rather than %s", n.id.Nick, chosen, best.Nick)
	}
}

// place is a process on a node.
type place struct {
	process.Namespec
	on string
}

// runningIn returns the processes that run as far as the node knows, with the pid of those that really do.
func (n *Node) runningIn(v *cluster.View) map[place]int {
	running := map[place]int{}
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			for _, id := range p.Running {
				running[place{p.Namespec, id}] = n.w.find(id).find(p.Namespec).info.PID
			}
		}
	}
	return running
}

// checkOrder: an order agrees with the rules, as far as the node that gives it can know.
func (n *Node) checkOrder(o cluster.Order) {
	v := n.core.View()
	if !n.member() && o.To != n.id.Identifier {
		n.w.violate("%s gives %s an order although it has left the cluster", n.id.Nick, o.To)
	}
	app := v.Application(o.Namespec.Group)
	if app == nil {
		return
	}
	own := app.Process(o.Namespec.Process)
	switch o.Action {
	case cluster.StartProcess:
		to := v.Instance(o.To)
		if own.At(o.To).Disabled {
			n.w.violate("%s starts the disabled %s on %s", n.id.Nick, o.Namespec, o.To)
		}
		if to.Standing != cluster.Serving {
			n.w.violate("%s starts %s on %s, which is %s", n.id.Nick, o.Namespec, o.To, to.Standing)
		}
		if n.orderedAt != n.w.now {
			n.orderedAt, n.ordered = n.w.now, map[place]int{}
		}
		n.ordered[place{o.Namespec, o.To}] = own.Rules.ExpectedLoad
		load := to.Load + n.orderedOf(v, o.To)
		if app.Rules.Managed && app.Rules.Distribution != rules.AllInstances {
			load -= n.localOf(v, o.To) // the place was reserved for all of the application, perhaps before that
		}
		if load > 100 {
			n.w.violate("%s starts %s on %s, which gives it load %d", n.id.Nick, o.Namespec, o.To, load)
		}
		if n.w.alone {
			n.checkStartOrder(v, app, own)
		}
		n.started[place{o.Namespec, o.To}] = true
	case cluster.StopProcess:
		if m := v.Self.Modes.State; m == cluster.Restarting || m == cluster.ShuttingDown {
			n.checkStopOrder(v, app, own)
		} else if n.w.alone && slices.Contains(v.Instance(o.To).Locks, app.Name) {
			n.w.violate("%s stops %s on %s, where %s holds its update lock", n.id.Nick, o.Namespec, o.To, app.Name)
		}
	}
}

// orderedOf is the load of the starts that were ordered of a node at this moment and do not show in its load yet.
func (n *Node) orderedOf(v *cluster.View, identifier string) (load int) {
	for p, l := range n.ordered {
		shown := v.Application(p.Group).Process(p.Process)
		if p.on == identifier && !(shown.State.IsRunning() && slices.Contains(shown.Running, identifier)) {
			load += l
		}
	}
	return load
}

// localOf is the load of what clients have started on a node behind the cluster's back.
func (n *Node) localOf(v *cluster.View, identifier string) (load int) {
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			if slices.Contains(p.Running, identifier) && n.w.find(identifier).find(p.Namespec).local {
				load += p.Rules.ExpectedLoad
			}
		}
	}
	return load
}

// checkStartOrder: a start waits for the starts of lower numbers in its application, and for the exit of those with wait_exit, as far as
// the same Master has ordered them and has not given up waiting. Clients may interfere with a sequence on purpose, so this holds for clusters
// that are left alone.
func (n *Node) checkStartOrder(v *cluster.View, app *cluster.ApplicationView, own *cluster.ProcessView) {
	if !app.Rules.Managed || own.Rules.StartSequence == 0 {
		return
	}
	for _, p := range app.Processes {
		if seq := p.Rules.StartSequence; seq == 0 || seq >= own.Rules.StartSequence {
			continue
		}
		for _, at := range p.Infos {
			s := at.Info.State
			starting := s == process.Starting || s == process.Backoff || s == process.Running && p.Rules.WaitExit
			if starting && p.State == s && p.Reason == "" && n.started[place{p.Namespec, at.Identifier}] &&
				v.Instance(at.Identifier).State == cluster.InstanceRunning {
				n.w.violate("%s starts %s before %s is up", n.id.Nick, own.Namespec, p.Namespec)
			}
		}
	}
}

// checkStopOrder: when the cluster ends, applications and their processes stop by their numbers, the greatest first. What was on its way
// up at that moment, is started later or cannot be reached ends with its node. What runs no more, although the node has yet to hear of it,
// is not waited for.
func (n *Node) checkStopOrder(v *cluster.View, app *cluster.ApplicationView, own *cluster.ProcessView) {
	for _, other := range v.Applications {
		for _, p := range other.Processes {
			up := p.Reason == "" && slices.ContainsFunc(p.Infos, func(at cluster.ProcessAt) bool {
				s := at.Info.State
				pid := n.ending[place{p.Namespec, at.Identifier}]
				return pid != 0 && pid == n.w.find(at.Identifier).find(p.Namespec).info.PID &&
					(s.IsRunning() || s == process.Stopping) && v.Instance(at.Identifier).State == cluster.InstanceRunning
			})
			if !up {
				continue
			}
			if other.Rules.StopSequence > app.Rules.StopSequence || other == app && p.Rules.StopSequence > own.Rules.StopSequence {
				n.w.violate("%s stops %s before %s", n.id.Nick, own.Namespec, p.Namespec)
			}
		}
	}
}

// checkStep holds after every step of a core.
func (n *Node) checkStep() {
	m := n.modes
	if (m.State == cluster.Distribution || m.State == cluster.Operation || m.State == cluster.Conciliation) && m.Master == "" {
		n.w.violate("%s is in %s without a Master", n.id.Nick, m.State)
	}
}

// up returns the nodes that run.
func (w *World) up() []*Node {
	var list []*Node
	for _, n := range w.nodes {
		if n.core != nil && !n.frozen {
			list = append(list, n)
		}
	}
	return list
}

// CheckSettled demands what must hold when nothing has happened for a while: agreement on state and Master in each connected set,
// equal views, no job left, every request answered, no conflict that a strategy should have ended.
func (w *World) CheckSettled() error {
	if w.Violation != "" {
		return fmt.Errorf("%s", w.Violation)
	}
	views := make([]string, len(w.nodes))
	for _, n := range w.up() {
		views[n.rank] = describe(n.core.View())
	}
	for _, a := range w.up() {
		m := a.core.View().Self.Modes
		if !a.member() {
			if err := a.checkAlone(); err != nil {
				return err
			}
			continue
		}
		if m.State != cluster.Operation {
			return fmt.Errorf("%s is in %s", a.id.Nick, m.State)
		}
		if m.Starting || m.Stopping {
			return fmt.Errorf("%s still has jobs", a.id.Nick)
		}
		for _, b := range w.up() {
			if !w.linked(a, b) {
				continue
			}
			if other := b.core.View().Self.Modes; other.Master != m.Master || other.Term != m.Term {
				return fmt.Errorf("%s has Master %s term %d, %s has %s term %d", a.id.Nick, m.Master, m.Term, b.id.Nick, other.Master, other.Term)
			}
			if va, vb := views[a.rank], views[b.rank]; va != vb {
				return fmt.Errorf("the views differ:\n%s:\n%s\n%s:\n%s", a.id.Nick, va, b.id.Nick, vb)
			}
		}
		if len(a.core.View().Conflicts()) > 0 {
			return fmt.Errorf("%s sees conflicts:\n%s", a.id.Nick, describe(a.core.View()))
		}
		if err := checkSums(a.core.View()); err != nil {
			return fmt.Errorf("%s: %w", a.id.Nick, err)
		}
	}
	for id, q := range w.asked {
		if q.replies == 0 && !q.cancelled && q.node.core != nil && q.node.run == q.run {
			return fmt.Errorf("request %d to %s was never answered", id, q.node.id.Nick)
		}
	}
	return w.checkTruth()
}

// checkAlone: who has left the cluster knows of nobody.
func (n *Node) checkAlone() error {
	v := n.core.View()
	if m := v.Self.Modes; m.State != cluster.Off || m.Master != "" {
		return fmt.Errorf("%s has left the cluster and is in %s with Master %q", n.id.Nick, m.State, m.Master)
	}
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			if slices.ContainsFunc(p.Running, func(on string) bool { return on != n.id.Identifier }) {
				return fmt.Errorf("%s has left the cluster and sees %s on %q", n.id.Nick, p.Namespec, p.Running)
			}
		}
	}
	return nil
}

// checkSums: what a View tells of instances and processes follows from its parts.
func checkSums(v *cluster.View) error {
	loads, failures := map[string]int{}, map[string]bool{}
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			if p.Shown == process.Fatal && p.State.IsRunning() {
				return fmt.Errorf("%s is shown FATAL (%s) and is %s", p.Namespec, p.Reason, p.State)
			}
			for _, id := range p.Running {
				if p.State.IsRunning() {
					loads[id] += p.Rules.ExpectedLoad
				}
			}
			for _, at := range p.Infos {
				s := at.Info.State
				if s == process.Fatal || s == process.Exited && !at.Info.Expected {
					failures[at.Identifier] = true
				}
			}
		}
	}
	for _, n := range v.Instances {
		if n.Load != loads[n.Identifier] {
			return fmt.Errorf("load of %s is %d, not %d", n.Nick, n.Load, loads[n.Identifier])
		}
		if n.State == cluster.InstanceRunning && n.Failure != failures[n.Identifier] {
			return fmt.Errorf("failure of %s is %v", n.Nick, n.Failure)
		}
	}
	return nil
}

// checkTruth: what the cores say about the processes is what the children are.
func (w *World) checkTruth() error {
	for _, a := range w.up() {
		v := a.core.View()
		for _, b := range w.up() {
			if !w.linked(a, b) {
				continue
			}
			if s := v.Instance(b.id.Identifier).Standing; s != b.standing {
				return fmt.Errorf("%s believes that %s is %s, not %s", a.id.Nick, b.id.Nick, s, b.standing)
			}
			if locks := v.Instance(b.id.Identifier).Locks; !slices.Equal(locks, b.locks) {
				return fmt.Errorf("%s believes that %q are locked on %s, not %q", a.id.Nick, locks, b.id.Nick, b.locks)
			}
			for _, ch := range b.procs {
				info := v.Application(ch.info.Group).Process(ch.info.Name).At(b.id.Identifier)
				told := *info
				told.HasCrashed = ch.info.HasCrashed
				if told != ch.info {
					return fmt.Errorf("%s believes %+v of %s, which is %+v", a.id.Nick, told, b.id.Nick, ch.info)
				}
			}
		}
	}
	return nil
}

// describe prints what all nodes of a connected set must agree on.
func describe(v *cluster.View) string {
	var b strings.Builder
	for _, n := range v.Instances {
		fmt.Fprintf(&b, "%s %s\n", n.Nick, n.State)
	}
	for _, app := range v.Applications {
		fmt.Fprintf(&b, "%s %s major=%v minor=%v\n", app.Name, app.State, app.Major, app.Minor)
		for _, p := range app.Processes {
			running := slices.Clone(p.Running)
			slices.Sort(running)
			fmt.Fprintf(&b, "  %s %s %v %q\n", p.Namespec, p.Shown, running, p.ExtraArgs)
		}
	}
	return b.String()
}
