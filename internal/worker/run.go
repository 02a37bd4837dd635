package worker

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// The pauses after one panic and the next double from the first to the last. A worker that has done its work for longer than the last one
// begins with the first again.
const firstPause, lastPause = time.Second, 30 * time.Second

// Run does the work of workers that begin and end together, and have nothing to prepare: they are started and initialized before it,
// terminating when ctx ends, and terminated after it. A panic is that of the caller.
func Run(ctx context.Context, what func(context.Context), workers ...*Worker) {
	end := begin(ctx, workers...)
	setAll(workers, Initialized)
	what(ctx)
	end()
}

// Supervise does the work of a worker: it is started before it, terminating when ctx ends, and terminated after it. When it is initialized
// is for the work to say. After a panic, which is logged, it is done again, unless ctx has ended: only for work whose state is whole
// whenever it begins. A nil Worker does it once, and the panic is that of the caller.
func (w *Worker) Supervise(ctx context.Context, what func(context.Context)) {
	if w == nil {
		what(ctx)
		return
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		begun := time.Now()
		if !w.panics(ctx, what) {
			return
		}
		if time.Since(begun) > lastPause {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		w.Set(Added)
	}
}

// panics does the work once and tells whether it has ended with a panic.
func (w *Worker) panics(ctx context.Context, what func(context.Context)) (panicked bool) {
	end := begin(ctx, w)
	defer end()
	defer func() {
		if v := recover(); v != nil {
			panicked = true
			w.registry.logger.Error("worker has panicked", "worker", w.label(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
	}()
	what(ctx)
	return false
}

// begin starts workers, which are terminating when ctx ends; end terminates them.
func begin(ctx context.Context, workers ...*Worker) (end func()) {
	setAll(workers, Started)
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		setAll(workers, Terminating)
	})
	return func() {
		if !stop() {
			<-told
		}
		setAll(workers, Terminated)
	}
}

func setAll(workers []*Worker, s Status) {
	for _, w := range workers {
		w.Set(s)
	}
}
