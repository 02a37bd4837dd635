package child

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// worker notes what it is called for.
type worker struct {
	done           []string
	employed, left atomic.Int32
}

func (w *worker) service() { w.done = append(w.done, "service") }
func (w *worker) shut()    { w.done = append(w.done, "shut") }

func (w *worker) employ(f func()) {
	w.employed.Add(1)
	go func() {
		f()
		w.left.Add(1)
	}()
}

// at plays a story with turns that have begun.
func at(t *testing.T, story func(t *testing.T, w *worker, turns *turns)) {
	synctest.Test(t, func(t *testing.T) {
		w := &worker{}
		turns := &turns{owner: w, quit: make(chan struct{}), done: make(chan struct{}), busy: true}
		turns.leave()
		story(t, w, turns)
		turns.close()
		<-turns.done
		if last := len(w.done) - 1; w.done[last] != "shut" || slices.Contains(w.done[:last], "shut") {
			t.Errorf("at the end: %q", w.done)
		}
	})
}

// hold keeps the turn until the returned function is called.
func hold(turns *turns) (release func()) {
	held, gate := make(chan struct{}), make(chan struct{})
	go turns.do(context.Background(), func() error { close(held); <-gate; return nil })
	<-held
	return func() { close(gate) }
}

func TestTurnsAreTakenInOrder(t *testing.T) {
	at(t, func(t *testing.T, w *worker, turns *turns) {
		release := hold(turns)
		for _, name := range []string{"a", "b", "c"} {
			go func() {
				if err := turns.do(t.Context(), func() error { w.done = append(w.done, name); return errors.New(name) }); err.Error() != name {
					t.Errorf("%s is answered with %v", name, err)
				}
			}()
			synctest.Wait()
		}
		turns.wake()
		turns.wake()
		release()
		synctest.Wait()
		if want := []string{"a", "b", "c", "service"}; !slices.Equal(w.done, want) {
			t.Errorf("done: %q, wanted %q", w.done, want)
		}
	})
}

// Who comes while nothing is done needs nobody else, and who is employed does not stay: a process at rest has no goroutine.
func TestTurnsAreTakenAtOnce(t *testing.T) {
	at(t, func(t *testing.T, w *worker, turns *turns) {
		for range 1000 {
			if err := turns.do(t.Context(), func() error { return ErrNoStdin }); !errors.Is(err, ErrNoStdin) {
				t.Error(err)
			}
		}
		if w.employed.Load() != 0 {
			t.Errorf("%d were employed", w.employed.Load())
		}
		turns.wake()
		synctest.Wait()
		if w.employed.Load() != 1 || w.left.Load() != 1 {
			t.Errorf("%d were employed for what has happened, %d have gone", w.employed.Load(), w.left.Load())
		}
	})
}

func TestTurnsThatNobodyWaitsForAreNotTaken(t *testing.T) {
	at(t, func(t *testing.T, w *worker, turns *turns) {
		ctx, cancel := context.WithCancel(t.Context())
		nothing := func() error { t.Error("done for nobody"); return nil }
		release := hold(turns)
		answer := make(chan error)
		go func() { answer <- turns.do(ctx, nothing) }()
		synctest.Wait()
		cancel()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Errorf("while it waits: %v", err)
		}
		release()
		synctest.Wait()
		if err := turns.do(ctx, nothing); !errors.Is(err, context.Canceled) {
			t.Errorf("when it could be done at once: %v", err)
		}
	})
}

func TestTurnsAfterTheEnd(t *testing.T) {
	at(t, func(t *testing.T, w *worker, turns *turns) {
		release := hold(turns)
		answer := make(chan error)
		nothing := func() error { t.Error("done after the end"); return nil }
		go func() { answer <- turns.do(t.Context(), nothing) }()
		synctest.Wait()
		turns.close()
		turns.close()
		if err := <-answer; !errors.Is(err, ErrClosed) {
			t.Errorf("what waits: %v", err)
		}
		turns.wake()
		if len(w.done) > 0 {
			t.Errorf("done amid a turn: %q", w.done)
		}
		release()
		<-turns.done
		turns.wake()
		if err := turns.do(t.Context(), nothing); !errors.Is(err, ErrClosed) {
			t.Errorf("what comes later: %v", err)
		}
		synctest.Wait()
		if want := []string{"shut"}; !slices.Equal(w.done, want) {
			t.Errorf("done: %q, wanted %q", w.done, want)
		}
	})
}

// net/http takes what panics in a handler for the end of that handler, not of the process that it was about.
func TestTurnThatPanics(t *testing.T) {
	at(t, func(t *testing.T, w *worker, turns *turns) {
		func() {
			defer func() { recover() }()
			turns.do(t.Context(), func() error { panic("amid a turn") })
		}()
		if err := turns.do(t.Context(), func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
}
