package clustertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
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
	a.result, a.err = r.Result, r.Err
	n.w.tell(n, "%s", answer(r))
	if a.replies > 1 {
		n.w.violate("request %d was answered twice", r.ID)
	}
}

func answer(r cluster.Reply) string {
	predictions, ok := r.Result.([]cluster.Prediction)
	switch {
	case r.Err != nil:
		return "answers with a fault: " + r.Err.Error()
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

// checkShare: the state machine takes no hop that is not allowed.
func (n *Node) checkShare(s cluster.Share) {
	if s.Delta.Modes == nil {
		return
	}
	from, to := n.modes.State, s.Delta.Modes.State
	if to != from && !cluster.Allowed(from, to) {
		n.w.violate("%s hops from %s to %s", n.id.Nick, from, to)
	}
	n.modes = *s.Delta.Modes
}

// checkOrder: a start waits for the starts of lower numbers in its application. Clients may interfere with a sequence on purpose,
// so this holds for clusters that are left alone.
func (n *Node) checkOrder(o cluster.Order) {
	if o.Action != cluster.StartProcess || !n.w.alone {
		return
	}
	v := n.core.View()
	app := v.Application(o.Namespec.Group)
	if app == nil || !app.Rules.Managed {
		return
	}
	own := app.Process(o.Namespec.Process)
	if own == nil || own.Rules.StartSequence == 0 {
		return
	}
	for _, p := range app.Processes {
		if seq := p.Rules.StartSequence; seq == 0 || seq >= own.Rules.StartSequence {
			continue
		}
		for _, at := range p.Infos {
			// what another Master did before a partition healed does not count
			starting := at.Info.State == process.Starting || at.Info.State == process.Backoff
			if starting && p.State == at.Info.State && v.Instance(at.Identifier).State == cluster.InstanceRunning {
				n.w.violate("%s starts %s before %s is up", n.id.Nick, o.Namespec, p.Namespec)
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
	}
	for id, q := range w.asked {
		if q.replies == 0 && q.node.core != nil && q.node.run == q.run {
			return fmt.Errorf("request %d to %s was never answered", id, q.node.id.Nick)
		}
	}
	return w.checkTruth()
}

// checkTruth: what the cores say about the processes is what the children are.
func (w *World) checkTruth() error {
	for _, a := range w.up() {
		v := a.core.View()
		for _, b := range w.up() {
			if !w.linked(a, b) {
				continue
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
