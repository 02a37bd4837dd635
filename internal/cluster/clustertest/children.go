package clustertest

import (
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
)

// execute starts or stops a child; it returns why it cannot.
func (n *Node) execute(o cluster.Order) string {
	if o.Action != cluster.StartProcess && o.Action != cluster.StopProcess {
		return ""
	}
	ch := n.find(o.Namespec)
	if ch == nil {
		return "BAD_NAME: " + o.Namespec.String()
	}
	if n.w.happens(100) {
		n.w.tell(n, "forgets to %s %s", o.Action, o.Namespec)
		return ""
	}
	if o.Action == cluster.StopProcess {
		return n.stop(ch)
	}
	if !ch.info.State.IsStopped() {
		return "ALREADY_STARTED: " + o.Namespec.String()
	}
	ch.info.ExtraArgs, ch.local = o.ExtraArgs, false
	n.launch(ch)
	return ""
}

// launch plays the life of a child.
func (n *Node) launch(ch *child) {
	p := ch.prog
	n.change(ch, process.Starting)
	up := time.Duration(p.StartSecs) * time.Second
	if p.FailStart {
		n.later(ch, up/2+time.Millisecond, func() {
			n.change(ch, process.Backoff)
			n.later(ch, 50*time.Millisecond, func() { n.change(ch, process.Fatal) })
		})
		return
	}
	n.later(ch, up+time.Millisecond, func() {
		n.change(ch, process.Running)
		if p.Exits > 0 {
			n.later(ch, p.Exits, func() {
				ch.info.Expected = p.ExitCode == 0
				n.change(ch, process.Exited)
			})
		}
	})
}

func (n *Node) stop(ch *child) string {
	if !ch.info.State.IsRunning() {
		return "NOT_RUNNING"
	}
	n.change(ch, process.Stopping)
	n.later(ch, ch.prog.StopTakes+time.Millisecond, func() { n.change(ch, process.Stopped) })
	return ""
}

// Crash ends a child as a segmentation fault does.
func (n *Node) Crash(namespec string) {
	ch := n.find(process.ParseNamespec(namespec))
	if n.core == nil || ch == nil || ch.info.State != process.Running {
		return
	}
	ch.info.Expected = false
	n.change(ch, process.Exited)
}

// StartLocal starts a child behind the cluster's back, as supervisorctl on that node does.
func (n *Node) StartLocal(namespec string) {
	if ch := n.find(process.ParseNamespec(namespec)); n.core != nil && ch != nil && ch.info.State.IsStopped() {
		ch.local = true
		n.launch(ch)
	}
}

// StopLocal stops a child behind the cluster's back.
func (n *Node) StopLocal(namespec string) {
	if ch := n.find(process.ParseNamespec(namespec)); n.core != nil && ch != nil {
		n.stop(ch)
	}
}

// Disable forbids or allows the start of a child, as supervisorctl of Supvisors does.
func (n *Node) Disable(namespec string, disabled bool) {
	if ch := n.find(process.ParseNamespec(namespec)); n.core != nil && !n.frozen && ch != nil {
		ch.info.Disabled, ch.info.Now, ch.info.NowMono = disabled, n.wall(), n.mono()
		n.w.tell(n, "%s: disabled %v", namespec, disabled)
		n.step(cluster.LocalProcess{Info: ch.info})
	}
}

// Lock has an application take its update lock on this node, or give it back.
func (n *Node) Lock(app string, hold bool) {
	if n.core == nil || n.frozen || slices.Contains(n.locks, app) == hold {
		return
	}
	if hold {
		n.locks = append(slices.Clone(n.locks), app)
	} else {
		n.locks = slices.DeleteFunc(slices.Clone(n.locks), func(held string) bool { return held == app })
	}
	n.w.tell(n, "%s: update lock %v", app, hold)
	n.step(cluster.LocalLocks{Applications: n.locks})
}

// Cancel tells that the client of the latest request is gone.
func (n *Node) Cancel() {
	if n.core != nil && !n.frozen {
		n.w.asked[n.w.nextAsk].cancelled = true
		n.step(cluster.Cancel{ID: n.w.nextAsk})
	}
}

// later runs something about a child unless it is started or stopped before, or its node dies.
func (n *Node) later(ch *child, d time.Duration, f func()) {
	gen, run := ch.gen, n.run
	n.w.after(d, func() {
		if n.core == nil || n.run != run || ch.gen != gen {
			return
		}
		if n.frozen { // the daemon will hear of it when it goes on
			n.held = append(n.held, func() {
				if ch.gen == gen {
					f()
				}
			})
			return
		}
		f()
	})
}

// change puts a child into a state and tells the core.
func (n *Node) change(ch *child, s process.State) {
	ch.gen++
	now, mono := n.wall(), n.mono()
	ch.info.State, ch.info.Now, ch.info.NowMono = s, now, mono
	switch s {
	case process.Starting:
		ch.info.Start, ch.info.StartMono, ch.info.Expected, ch.info.PID = now, mono, true, 100+ch.gen
	case process.Stopped, process.Exited:
		ch.info.Stop, ch.info.StopMono, ch.info.PID = now, mono, 0
	case process.Fatal:
		ch.info.Expected, ch.info.PID = false, 0
	}
	n.w.tell(n, "%s is %s", ch.info.Namespec(), s)
	n.step(cluster.LocalProcess{Info: ch.info})
}
