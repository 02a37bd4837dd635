package worker

import (
	"sync/atomic"
	"time"
)

// Worker is a long-lived part of the daemon, or a part of one.
type Worker struct {
	registry *Registry
	name     string
	sub      string       // "" unless it is this part of the worker
	beat     atomic.Int64 // nanoseconds from registry.begun to the last heartbeat, plus 1; 0 before the first

	status Status    // under registry.mu
	subs   []*Worker // likewise
}

// Sub returns the part of that name, which is added if there is none. Parts have no parts of their own.
func (w *Worker) Sub(name string) *Worker {
	if w == nil {
		return nil
	}
	w.registry.mu.Lock()
	defer w.registry.mu.Unlock()
	return w.registry.find(&w.subs, w.name, name)
}

// Set tells where the worker stands from now on. Nothing happens when it stands there already, and when that can not come after where it
// stands: one that is terminating only becomes terminated, for instance, and one that is terminated must be started first.
func (w *Worker) Set(s Status) {
	if w == nil || !w.set(s) {
		return
	}
	w.registry.logger.Debug("worker has changed", "worker", w.label(), "status", s)
}

func (w *Worker) set(s Status) bool {
	w.registry.mu.Lock()
	defer w.registry.mu.Unlock()
	if !w.status.mayBecome(s) {
		return false
	}
	w.status = s
	w.registry.changed(w)
	return true
}

// label names the worker in the log of the daemon.
func (w *Worker) label() string {
	if w.sub != "" {
		return w.name + "/" + w.sub
	}
	return w.name
}

// Beat tells that the loop of the worker has turned.
func (w *Worker) Beat() {
	if w != nil {
		w.beat.Store(int64(time.Since(w.registry.begun)) + 1)
	}
}

// Turned returns when the loop of the worker has turned last, for those who watch over it; zero before the first time. It is a time of the
// monotonic clock.
func (w *Worker) Turned() time.Time {
	if w == nil {
		return time.Time{}
	}
	beat := w.beat.Load()
	if beat == 0 {
		return time.Time{}
	}
	return w.registry.begun.Add(time.Duration(beat - 1))
}
