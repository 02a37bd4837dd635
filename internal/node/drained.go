package node

import (
	"context"
	"errors"
	"slices"

	"github.com/supvisors/supvisors/internal/cluster"
)

// ErrNoMaster tells that nobody can move anything away from this node.
var ErrNoMaster = errors.New("there is no Master")

// Drained waits until the Master has moved what is managed on a node that is Draining, as the Views of that node tell: nothing of it is up
// there, and no node is about to start or stop anything. The error is ErrNoMaster, or that of ctx.
func Drained(ctx context.Context, views <-chan *cluster.View) error {
	for {
		select {
		case v := <-views:
			switch state := v.Self.Modes.State; {
			case state == cluster.Election || state == cluster.Distribution || state == cluster.Conciliation: // it will go on
			case state != cluster.Operation || v.Master() == nil:
				return ErrNoMaster
			case !moves(v):
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// moves reports whether something is left on this node, or on its way.
func moves(v *cluster.View) bool {
	for _, n := range v.Instances {
		if n.State == cluster.InstanceRunning && (n.Modes.Starting || n.Modes.Stopping) {
			return true
		}
	}
	return v.Starts+v.Stops > 0 || slices.ContainsFunc(v.Applications, func(app *cluster.ApplicationView) bool {
		return app.Rules.Managed && slices.ContainsFunc(app.Processes, func(p *cluster.ProcessView) bool {
			info := p.At(v.Self.Identifier)
			return info != nil && !info.State.IsStopped()
		})
	})
}
