package worker

import (
	"log/slog"
	"slices"
	"sync"
	"time"
)

// maxChanges is how many changes the log keeps.
const maxChanges = 1000

// Registry has the workers of a daemon.
type Registry struct {
	logger *slog.Logger
	begun  time.Time // what heartbeats are counted from

	mu      sync.Mutex // never held while anything waits; of all statuses, and of:
	workers []*Worker
	changes []Change
}

// Snapshot is what a Registry knows at one time.
type Snapshot struct {
	Workers []State  // in the order in which they were added
	Changes []Change // oldest first, the last 1,000
}

// State is a worker, or one of its parts.
type State struct {
	Name   string
	Status Status
	Subs   []State // in the order in which they were added
}

// Change is a new status of a worker, or of its part Sub.
type Change struct {
	When   time.Time
	Worker string
	Sub    string // "" for the worker itself
	Status Status
}

// New returns a Registry without workers. The logger is told each change, for those who debug, and each panic; nil is silence.
func New(logger *slog.Logger) *Registry {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Registry{logger: logger, begun: time.Now()}
}

// Add returns the worker of that name, with these parts. What does not exist yet is added.
func (r *Registry) Add(name string, subs ...string) *Worker {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	w := r.find(&r.workers, name, "")
	r.mu.Unlock()
	for _, sub := range subs {
		w.Sub(sub)
	}
	return w
}

// find returns a worker of the list, or adds it. The caller holds mu.
func (r *Registry) find(list *[]*Worker, name, sub string) *Worker {
	for _, w := range *list {
		if w.name == name && w.sub == sub {
			return w
		}
	}
	w := &Worker{registry: r, name: name, sub: sub}
	*list = append(*list, w)
	r.changed(w)
	return w
}

// changed keeps the status of a worker in the log. The caller holds mu.
func (r *Registry) changed(w *Worker) {
	if len(r.changes) == maxChanges {
		r.changes = slices.Delete(r.changes, 0, 1)
	}
	r.changes = append(r.changes, Change{time.Now(), w.name, w.sub, w.status})
}

// Snapshot returns what there is to know now, as a copy.
func (r *Registry) Snapshot() Snapshot {
	if r == nil {
		return Snapshot{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Snapshot{Workers: make([]State, 0, len(r.workers)), Changes: slices.Clone(r.changes)}
	for _, w := range r.workers {
		state := State{Name: w.name, Status: w.status}
		for _, sub := range w.subs {
			state.Subs = append(state.Subs, State{Name: sub.sub, Status: sub.status})
		}
		s.Workers = append(s.Workers, state)
	}
	return s
}
