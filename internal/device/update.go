package device

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
)

const (
	// firstRetry is after the first attempt that came to nothing; each further one is after twice the time.
	firstRetry = 500 * time.Millisecond
	// maxRetry bounds it where no update_poll_interval does.
	maxRetry = 15 * time.Minute
)

// updater applies what the configuration files say, one run at a time and one group after the other.
type updater struct {
	d      *Device
	worker *worker.Worker
	wake   chan struct{}
	// watch brings news of locks until end is called
	watch func(apps []lock.App) (news <-chan struct{}, end func(), err error)

	mu     sync.Mutex // of what is asked for:
	asked  bool
	force  bool
	cancel bool
	old    map[string]bool // groups whose processes must be started anew, for their key

	shown atomic.Pointer[updateStatus]

	// of the loop:
	failures int // runs in a row that left something to do

	unfinished bool                            // the last run of the files left something to do
	waits      map[string]bool                 // groups that were locked or failed in the last run
	before     map[string][]supervisor.Process // what ran of groups that were stopped and are not back
}

// updateStatus is what others see of the updater.
type updateStatus struct {
	running bool
	begun   time.Time     // of the run
	limit   time.Duration // of the stops of the run, by stopwaitsecs
	failed  bool          // the last run left something out
	waits   bool          // a run will follow for that
}

func newUpdater(d *Device) *updater {
	u := &updater{d: d, worker: d.cfg.Workers.Add("ConfigUpdater"), wake: make(chan struct{}, 1), old: map[string]bool{}, waits: map[string]bool{},
		before: map[string][]supervisor.Process{}}
	u.shown.Store(&updateStatus{})
	u.watch = func(apps []lock.App) (<-chan struct{}, func(), error) {
		w, err := d.locks.Watch(apps...)
		if err != nil {
			return nil, nil, err
		}
		return w.C, w.Close, nil
	}
	return u
}

func (u *updater) status() updateStatus { return *u.shown.Load() }

// Update implements device.Device. What is asked for while a run is under way is done after it. cancel takes back what was asked for and
// the wait for locks too; with force a new run follows.
func (d *Device) Update(force, cancel bool) {
	u := d.update
	u.mu.Lock()
	if cancel {
		u.asked, u.force, u.cancel = false, false, true
	}
	if force || !cancel {
		u.asked, u.force = true, u.force || force
	}
	u.mu.Unlock()
	u.kick()
}

// stale has the processes of a group started anew at the next run, at once when none comes by itself.
func (u *updater) stale(group string) {
	u.mu.Lock()
	u.old[group] = true
	u.mu.Unlock()
	if u.d.options.UpdatePollInterval == 0 {
		u.kick()
	}
}

func (u *updater) kick() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// run waits for something to do, until ctx ends: a wish, the update_poll_interval, the end of a pause after a failure, or a lock that
// goes.
func (u *updater) run(ctx context.Context) {
	poll := make(<-chan time.Time)
	if interval := u.d.options.UpdatePollInterval; interval > 0 {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		poll = ticker.C
	}
	u.worker.Set(worker.Initialized)
	for ctx.Err() == nil {
		retry, locks, end := u.pause()
		var files bool
		select {
		case <-ctx.Done():
		case <-u.wake:
		case <-poll:
			files = true
		case <-retry:
			files = u.unfinished
		case <-locks:
			files = u.unfinished && u.unlocked()
		}
		end()
		u.mu.Lock()
		if u.cancel { // there was nothing to end but the waiting
			clear(u.waits)
			u.failures, u.unfinished, u.cancel, files = 0, false, false, false
			u.shown.Store(&updateStatus{failed: u.status().failed})
		}
		files, force := files || u.asked, u.force
		u.asked, u.force = false, false
		restarts := len(u.old) > 0
		u.mu.Unlock()
		if (files || restarts) && ctx.Err() == nil {
			u.do(ctx, files, force)
		}
	}
}

// pause returns what ends the pause after a run that has left something to do: a timer, and news of the locks. end is called after it.
func (u *updater) pause() (retry <-chan time.Time, locks <-chan struct{}, end func()) {
	if len(u.waits) == 0 {
		return nil, nil, func() {}
	}
	delay := retryDelay(u.failures, u.d.options.UpdatePollInterval)
	news, unwatch, err := u.watch(u.lockedApps())
	if err != nil {
		u.d.log.Warn("update locks are not watched", "error", err)
		unwatch = func() {}
	} else if u.unlocked() { // before it was watched
		delay = min(delay, firstRetry)
	}
	timer := time.NewTimer(delay)
	return timer.C, news, func() { timer.Stop(); unwatch() }
}

// retryDelay returns the pause after so many failures in a row: it doubles, up to the update_poll_interval.
func retryDelay(failures int, interval time.Duration) time.Duration {
	if interval == 0 {
		interval = maxRetry
	}
	return min(firstRetry<<min(failures-1, 20), interval)
}

// lockedApps returns the groups that wait, as their locks know them.
func (u *updater) lockedApps() (apps []lock.App) {
	for _, name := range slices.Sorted(maps.Keys(u.waits)) {
		app := lock.App{Name: name}
		if g, err := u.d.sup.Group(name); err == nil {
			app = lockOf(g)
		}
		apps = append(apps, app)
	}
	return apps
}

// unlocked reports whether the lock of a group that waited for it is free. Groups that failed for another reason wait for the timer.
func (u *updater) unlocked() bool {
	return slices.ContainsFunc(u.lockedApps(), func(app lock.App) bool { return u.waits[app.Name] && u.d.locks.Held(app) == nil })
}

// do is one run. files tells whether the configuration is read, or only what must be restarted is.
func (u *updater) do(ctx context.Context, files, force bool) {
	u.shown.Store(&updateStatus{running: true, begun: time.Now(), failed: u.status().failed, waits: len(u.waits) > 0})
	failed := true // unless it comes to its end
	defer func() { u.shown.Store(&updateStatus{failed: failed, waits: len(u.waits) > 0}) }()
	clear(u.waits)
	err := u.restarts(ctx, force)
	if files {
		before := len(u.waits)
		err = errors.Join(err, u.apply(ctx, force))
		u.unfinished = len(u.waits) > before
	}
	if len(u.waits) > 0 {
		u.failures++
	} else {
		u.failures = 0
	}
	failed = err != nil
}

// cancelled reports whether the run is to end.
func (u *updater) cancelled() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.cancel
}
