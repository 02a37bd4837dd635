package child

import (
	"context"

	"github.com/supvisors/supvisors/internal/process"
)

// snapshot is one Info in the chain of all that were published. next is valid once ready is closed.
type snapshot struct {
	info  process.Info
	next  *snapshot
	ready chan struct{}
}

func newSnapshot(info process.Info) *snapshot {
	return &snapshot{info: info, ready: make(chan struct{})}
}

// publish makes info the current one. Only the actor calls it.
func (a *Actor) publish(info process.Info) {
	last := a.latest.Load()
	if last.info == info {
		return
	}
	last.next = newSnapshot(info)
	a.latest.Store(last.next)
	close(last.ready)
}

// Info returns the process as it is now. It never waits.
func (a *Actor) Info() process.Info { return a.latest.Load().info }

// Watch returns a view of the process that sees everything that becomes of it from now on. It never waits.
func (a *Actor) Watch() *Watch { return &Watch{at: a.latest.Load(), quit: a.turns.quit} }

// Watch follows one process step by step and misses none. It belongs to one goroutine and needs no closing.
type Watch struct {
	at   *snapshot
	quit <-chan struct{}
}

// Info returns the process as of this step.
func (w *Watch) Info() process.Info { return w.at.info }

// Next waits for the next step and returns it.
func (w *Watch) Next(ctx context.Context) (process.Info, error) {
	select {
	case <-w.at.ready:
	default:
		select {
		case <-w.at.ready:
		case <-w.quit:
			return w.at.info, ErrClosed
		case <-ctx.Done():
			return w.at.info, ctx.Err()
		}
	}
	w.at = w.at.next
	return w.at.info, nil
}

// Until waits for a step for which done is true, beginning with the present one, and returns it.
func (w *Watch) Until(ctx context.Context, done func(process.Info) bool) (process.Info, error) {
	for !done(w.at.info) {
		if info, err := w.Next(ctx); err != nil {
			return info, err
		}
	}
	return w.at.info, nil
}

// Wait waits until done is true of the process, from its present state on. To miss nothing that an own call starts, take a
// Watch before the call.
func (a *Actor) Wait(ctx context.Context, done func(process.Info) bool) (process.Info, error) {
	return a.Watch().Until(ctx, done)
}
