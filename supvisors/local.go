package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// startTimeout bounds a start that the cluster ordered: the actor of a process answers at once.
const startTimeout = 10 * time.Second

// localNode connects the process manager of this node with its cluster side, both ways.
type localNode struct {
	sup  *supervisor.Supervisor
	node atomic.Pointer[node.Node] // nil before attach and after detach
}

// attach lets the cluster know of changes from now on. What changed before is in the Node already.
func (l *localNode) attach(n *node.Node) { l.node.Store(n) }

// detach keeps the end of the processes from the cluster: when the node has left, what ran on it is started elsewhere.
func (l *localNode) detach() { l.node.Store(nil) }

// heard passes on what concerns the cluster of what happens on this node.
func (l *localNode) heard(ev event.Event) {
	n := l.node.Load()
	if n == nil {
		return
	}
	switch ev := ev.(type) {
	case event.StateChanged:
		l.changed(n, ev.Info)
	case event.ProcessAdded:
		l.changed(n, ev.Info)
	case event.ProcessEnabled:
		l.changed(n, ev.Info)
	case event.ProcessDisabled:
		l.changed(n, ev.Info)
	case event.ProcessRemoved:
		n.Removed(process.Namespec{Group: ev.Info.Group, Process: ev.Info.Name})
	case event.GroupAdded:
		if g, err := l.sup.Group(ev.Group); err == nil {
			for _, p := range g.Processes {
				n.Changed(node.LocalProcess(p))
			}
		}
	case event.GroupRemoved:
		for _, ns := range n.LocalGroup(ev.Group) {
			n.Removed(ns)
		}
	}
}

// changed tells the cluster about a process as the event shows it, not as it may be by now.
func (l *localNode) changed(n *node.Node, info process.Info) {
	p, err := l.sup.Process(process.Namespec{Group: info.Group, Process: info.Name})
	if err != nil {
		return // its removal is told as well
	}
	n.Changed(node.LocalProcess{Info: info, Spec: p.Spec})
}

// All implements node.Local.
func (l *localNode) All() []node.LocalProcess {
	var all []node.LocalProcess
	for _, p := range l.sup.Processes() {
		all = append(all, node.LocalProcess(p))
	}
	return all
}

// Start implements node.Local.
func (l *localNode) Start(ns process.Namespec, extraArgs string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return l.sup.StartProcessArgs(ctx, ns, extraArgs, false)
}

// Stop implements node.Local.
func (l *localNode) Stop(ns process.Namespec) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return l.sup.StopProcess(ctx, ns, false)
}

// UseArgs implements node.Local.
func (l *localNode) UseArgs(ns process.Namespec, extraArgs string) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	// an error means that the process is gone
	_ = l.sup.SetExtraArgs(ctx, ns, extraArgs)
}

// DisableAutorestart implements node.Local.
func (l *localNode) DisableAutorestart(ns process.Namespec) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	// an error means that the process is gone
	_ = l.sup.DisableAutorestart(ctx, ns)
}
