package lock

import (
	"errors"

	"golang.org/x/sys/unix"
)

// taken is one lock that this daemon holds.
type taken struct {
	path string
	file unix.Stat_t
	fd   int // that has the flock; -1 in the mode Exists
}

// Hold is a set of locks that were taken together.
type Hold struct {
	locks *Locks
	apps  []App
	taken map[string]taken // by path; nil after the release
}

// Acquire takes the locks of the applications: all, or none. With force it removes the locks that others hold, those that lock the whole
// node too. The error is a *Held, or tells what kept a file from being made.
func (l *Locks) Acquire(force bool, apps ...App) (*Hold, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := &Hold{locks: l, apps: apps, taken: map[string]taken{}}
	for _, app := range apps {
		if err := l.acquire(h, app, force); err != nil {
			return nil, errors.Join(err, h.release())
		}
	}
	return h, nil
}

func (l *Locks) acquire(h *Hold, app App, force bool) error {
	legacy := l.legacy()
	defer legacy.close()
	for _, p := range legacy {
		if p.held(Exists) && (!force || p.remove() != nil) {
			return &Held{App: app.Name, Path: p.path}
		}
	}
	places, err := l.places(app)
	if err != nil {
		return err
	}
	defer places.close()
	for _, p := range places {
		if l.mine[p.path] { // not even by force: another operation is at work
			return &Held{App: app.Name, Path: p.path, Own: true}
		}
		t, err := p.take(l.cfg.Mode, l.self, force)
		if errors.Is(err, errHeld) {
			_, ours := p.owner()
			return &Held{App: app.Name, Path: p.path, Own: ours}
		}
		if err != nil {
			return err
		}
		h.taken[p.path], l.mine[p.path] = t, true
	}
	return nil
}

// Release gives the locks back. It may be called more than once; the error tells of files that could not be removed.
func (h *Hold) Release() error {
	h.locks.mu.Lock()
	defer h.locks.mu.Unlock()
	return h.release()
}

// release does it; the caller holds the mutex of the locks.
func (h *Hold) release() error {
	var failed []error
	for _, app := range h.apps {
		if len(h.taken) == 0 {
			break
		}
		places, err := h.locks.places(app)
		failed = append(failed, err)
		for _, p := range places {
			if t, ok := h.taken[p.path]; ok && t.fd < 0 {
				failed = append(failed, t.remove(p, h.locks.self))
			}
		}
		places.close()
	}
	for path, t := range h.taken {
		if t.fd >= 0 {
			unix.Close(t.fd)
		}
		delete(h.locks.mine, path)
	}
	h.taken = nil
	return errors.Join(failed...)
}

// remove removes the file of the lock, unless another one is in its place: of another number, or of the same number used again.
func (t taken) remove(p place, self owner) error {
	now, err := p.stat()
	if err != nil || now.Ino != t.file.Ino || now.Dev != t.file.Dev {
		return nil
	}
	if o, ours := p.owner(); !ours || o != self {
		return nil
	}
	return p.remove()
}
