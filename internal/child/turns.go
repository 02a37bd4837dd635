package child

import (
	"context"
	"sync"
)

// turns has one thing at a time done to a process, in the order in which they came. No goroutine waits for them: who comes while
// nothing is done does it at once on its own; another one is employed for what comes meanwhile. So a process at rest has none, and a thousand
// starts, one after the other, wake nobody up.
type turns struct {
	owner interface {
		service()      // looks at everything that has happened
		shut()         // lets go of everything, at the end
		employ(func()) // has the function run on another goroutine; it does not wait
	}
	quit chan struct{} // closed by close
	done chan struct{} // closed after shut

	mu      sync.Mutex
	busy    bool // something is done; from the beginning until the first leave, and for ever after shut
	waiting []job
	news    bool // service is wanted
	closed  bool
}

// job is what waits for its turn. The answer has room for one.
type job struct {
	ctx    context.Context
	f      func() error
	answer chan error
}

// do runs f when it is its turn, on this goroutine if that is at once, and returns its error. It stops waiting for a turn, or for the end
// of one on another goroutine, when ctx ends. ErrClosed after close.
func (t *turns) do(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	switch {
	case t.closed:
		t.mu.Unlock()
		return ErrClosed
	case !t.busy:
		t.busy = true
		t.mu.Unlock()
		defer t.leave()
		return f()
	}
	j := job{ctx, f, make(chan error, 1)}
	t.waiting = append(t.waiting, j)
	t.mu.Unlock()
	select {
	case err := <-j.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post has f done soon, on another goroutine; after close it is not done. It never waits.
func (t *turns) post(f func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.waiting = append(t.waiting, job{context.Background(), f, make(chan error, 1)})
		t.employ()
	}
}

// wake has service called soon. It never waits.
func (t *turns) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.news = true
	t.employ()
}

// close has shut called soon; what waits is not done any more. It never waits.
func (t *turns) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	close(t.quit)
	for _, j := range t.waiting {
		j.answer <- ErrClosed
	}
	t.waiting = nil
	t.employ()
}

// employ has somebody at work; mu is held.
func (t *turns) employ() {
	if !t.busy {
		t.busy = true
		t.owner.employ(t.work)
	}
}

// leave is the end of a turn.
func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy = false
	if t.closed || t.news || len(t.waiting) > 0 {
		t.employ()
	}
}

// work takes turns until there is nothing left to do.
func (t *turns) work() {
	for {
		t.mu.Lock()
		switch {
		case t.closed:
			t.mu.Unlock()
			t.owner.shut()
			close(t.done)
			return
		case len(t.waiting) > 0:
			j := t.waiting[0]
			t.waiting = t.waiting[1:]
			t.mu.Unlock()
			j.do()
		case t.news:
			t.news = false
			t.mu.Unlock()
			t.owner.service()
		default:
			t.busy, t.waiting = false, nil
			t.mu.Unlock()
			return
		}
	}
}

func (j job) do() {
	if err := j.ctx.Err(); err != nil {
		j.answer <- err
		return
	}
	j.answer <- j.f()
}
