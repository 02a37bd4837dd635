package device

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
	"github.com/supvisors/supvisors/rest/device"
)

// childless starts no children.
type childless struct{ child.Spawner }

func (childless) Go(work func()) { go work() }

// bubble is a device in a synctest bubble, with groups of which nothing runs.
type bubble struct {
	*Device
	sup    *supervisor.Supervisor
	notify func(event.Event) // is told what happens
	mu     sync.Mutex
	cfg    *config.Config // what the files say
	locks  []time.Duration
	begin  time.Time

	workers *worker.Registry
}

func groupOf(name, command string) config.Group {
	return config.Group{Name: name, Priority: 999, Specs: []*process.Spec{{Program: name, Group: name, Name: name, Command: command, UID: -1, Umask: -1}}}
}

// inBubble runs f with a device that is not Run yet.
func inBubble(t *testing.T, change func(*Config), f func(*testing.T, *bubble)) {
	t.Helper()
	locks, err := lock.Open(lock.Config{Dir: filepath.Join(t.TempDir(), "locks")})
	if err != nil {
		t.Fatal(err)
	}
	folder := newFolder(t)
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{begin: time.Now(), cfg: &config.Config{Supervisord: config.Supervisord{Identifier: "tester"}, Groups: []config.Group{groupOf("web", "/bin/web")}}}
		load := func() (*config.Config, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.cfg, nil
		}
		bus := event.NewBus()
		logger := slog.New(slog.DiscardHandler)
		notify := func(ev event.Event) {
			if b.notify != nil {
				b.notify(ev)
			}
		}
		b.workers = worker.New(nil)
		manager := b.workers.Add("ProcessManager")
		b.sup, err = supervisor.New(b.cfg, supervisor.Deps{Spawner: childless{}, Bus: bus, Log: &supervisor.ActivityLog{Logger: logger},
			Syslog: io.Discard, Reload: load, Notify: notify, Worker: manager})
		if err != nil {
			t.Fatal(err)
		}
		keys, err := key.Open(folder, "")
		if err != nil {
			t.Fatal(err)
		}
		c := Config{Supervisor: b.sup, Bus: bus, Started: b.cfg, Load: load, Folder: folder, Keys: keys, System: &recorder{},
			Locks: func() (*lock.Locks, error) { return locks, nil }, Workers: b.workers, Manager: manager}
		c.Tell = func(n Note) {
			if n.Code == UpdateLocked {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.locks = append(b.locks, time.Since(b.begin))
			}
		}
		if change != nil {
			change(&c)
		}
		if team, ok := c.Cluster.(*team); ok {
			c.FSM = team
		}
		if b.Device, err = New(c); err != nil {
			t.Fatal(err)
		}
		f(t, b)
		b.Close()
		if err := b.sup.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
}

// says has the files say something else.
func (b *bubble) says(groups ...config.Group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg = &config.Config{Groups: groups}
}

// met returns when an update has met a lock.
func (b *bubble) met() []time.Duration {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.locks)
}

// TestRetries measures the pauses between the attempts at a locked application, without news of its lock.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		name     string
		interval time.Duration
		span     time.Duration
		want     []time.Duration
	}{
		{"by itself", 0, 20 * time.Second, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond, 3500 * time.Millisecond,
			7500 * time.Millisecond, 15500 * time.Millisecond}},
		{"no longer than the interval", 2 * time.Second, 6 * time.Second, []time.Duration{0, 500 * time.Millisecond, 1500 * time.Millisecond,
			2 * time.Second, 4 * time.Second, 6 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *Config) { c.Options.UpdatePollInterval = tt.interval }, func(t *testing.T, b *bubble) {
				b.Device.update.watch = func([]lock.App) (<-chan struct{}, func(), error) { return nil, nil, errors.New("no more watches") }
				held, err := b.Device.locks.Acquire(false, lock.App{Name: "web"})
				if err != nil {
					t.Fatal(err)
				}
				go b.Device.update.run(t.Context())
				b.says(groupOf("web", "/bin/new"))
				b.Update(false, false)
				time.Sleep(tt.span)
				got := slices.Compact(b.met()) // a retry and the interval may come together
				if len(got) < len(tt.want) || !slices.Equal(got[:len(tt.want)], tt.want) {
					t.Errorf("met the lock after %v, want %v", got, tt.want)
				}
				held.Release()
				time.Sleep(time.Minute)
				synctest.Wait()
				p, err := b.sup.Process(process.ParseNamespec("web"))
				if err != nil || p.Spec.Command != "/bin/new" {
					t.Errorf("not updated: %q, %v", p.Spec.Command, err)
				}
				want(t, "status", b.Device.update.status(), updateStatus{})
			})
		})
	}
	for failures, delay := range map[int]time.Duration{1: firstRetry, 2: time.Second, 11: 512 * time.Second, 12: maxRetry, 1000: maxRetry} {
		want(t, "delay", retryDelay(failures, 0), delay)
	}
}

// TestNewsOfLocks has an update go on when its lock goes, and not when another one does.
func TestNewsOfLocks(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bubble) {
		news := make(chan struct{})
		b.Device.update.watch = func(apps []lock.App) (<-chan struct{}, func(), error) { return news, func() {}, nil }
		held, err := b.Device.locks.Acquire(false, lock.App{Name: "web"})
		if err != nil {
			t.Fatal(err)
		}
		go b.Device.update.run(t.Context())
		b.says(groupOf("web", "/bin/new"))
		b.Update(false, false)
		time.Sleep(4 * time.Second)
		want(t, "attempts", len(b.met()), 4)
		news <- struct{}{}
		want(t, "attempts after news of nothing", len(b.met()), 4)
		held.Release()
		news <- struct{}{}
		synctest.Wait()
		want(t, "status", b.Device.update.status(), updateStatus{})
		want(t, "time", time.Since(b.begin), 4*time.Second)
	})
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turns{busy: map[string]chan struct{}{}}
		begin := time.Now()
		give, err := turns.take(t.Context(), []string{"b", "a", "a"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := turns.take(t.Context(), []string{"c", "b"}); err == nil || !strings.Contains(err.Error(), "another operation on b") {
			t.Errorf("taken twice: %v", err)
		}
		want(t, "waited", time.Since(begin), turnTimeout)
		time.AfterFunc(3*time.Second, give)
		give, err = turns.take(t.Context(), []string{"c", "b", "a"}) // c was given back
		if err != nil {
			t.Fatal(err)
		}
		want(t, "waited", time.Since(begin), turnTimeout+3*time.Second)
		give()
		want(t, "busy", len(turns.busy), 0)
	})
}

// TestRebootThatDoesNotCome has a command that tells no error and ends nothing.
func TestRebootThatDoesNotCome(t *testing.T) {
	host := &recorder{}
	inBubble(t, func(c *Config) {
		powerful(c)
		c.System = host
	}, func(t *testing.T, b *bubble) {
		if err := b.Reboot(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantList(t, "calls at once", host.took(), nil)
		time.Sleep(powerDelay)
		synctest.Wait()
		wantList(t, "calls", host.took(), []string{"run /bin/true reboot"})
		wantText[*device.Locked](t, "meanwhile", b.RestartApp(t.Context(), "web", true), "")
		time.Sleep(powerLimit)
		synctest.Wait()
		if held := b.Device.locks.Held(lock.App{Name: "web"}); held != nil {
			t.Errorf("it goes on: %v", held)
		}
	})
}

type statistics struct {
	status  stats.Status
	sampled time.Time
}

func (s *statistics) Status() stats.Status { return s.status }
func (s *statistics) Turned() time.Time    { return s.sampled }

// unhealthy returns the names of the checks that are not fine.
func (d *Device) unhealthy() string {
	var names []string
	for _, c := range d.Health().Checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ",")
}

// TestHealthOfTheLoops freezes one loop after the other.
func TestHealthOfTheLoops(t *testing.T) {
	c := &team{}
	inBubble(t, func(cfg *Config) {
		*c = team{}
		fresh := newTeam()
		c.view.Store(fresh.View())
		c.health.Store(fresh.health.Load())
		c.ticked.Store(fresh.ticked.Load())
		cfg.Cluster = c
	}, func(t *testing.T, b *bubble) {
		thaw := make(chan struct{})
		var frozen atomic.Bool
		b.notify = func(ev event.Event) {
			if _, tick := ev.(event.Tick); tick && frozen.Load() {
				<-thaw
			}
		}
		stop := make(chan struct{})
		go func() {
			ticker := time.NewTicker(tickPeriod)
			defer ticker.Stop()
			for {
				select {
				case <-stop:
					return
				case now := <-ticker.C:
					c.ticked.Store(&now)
				}
			}
		}()
		b.sup.Start()
		time.Sleep(time.Hour + time.Second) // it has turned a second ago
		want(t, "all turns", b.unhealthy(), "")
		want(t, "checks", len(b.Health().Checks), 5)
		frozen.Store(true)
		time.Sleep(9 * time.Second)
		want(t, "the process manager is about to be late", b.unhealthy(), "")
		time.Sleep(time.Second + 1)
		want(t, "the process manager stands", b.unhealthy(), "loop")
		frozen.Store(false)
		close(thaw)
		time.Sleep(6 * time.Second)
		want(t, "it goes on", b.unhealthy(), "")
		close(stop)
		time.Sleep(16 * time.Second)
		want(t, "the cluster stands", b.unhealthy(), "loop")
	})
}

func TestHealthOfTheRest(t *testing.T) {
	s := &statistics{}
	inBubble(t, func(c *Config) { c.Statistics, c.Collector = s, s }, func(t *testing.T, b *bubble) {
		b.sup.Start()
		time.Sleep(time.Hour)
		want(t, "statistics are off", b.unhealthy(), "")
		s.status = stats.Status{Host: true, Period: time.Second}
		want(t, "no sample since the beginning", b.unhealthy(), "collector")
		s.sampled = time.Now()
		time.Sleep(30 * time.Second)
		want(t, "30 s are always allowed", b.unhealthy(), "")
		time.Sleep(time.Second)
		want(t, "no sample for more than 30 s", b.unhealthy(), "collector")
		s.status.Period = 20 * time.Second
		want(t, "three periods", b.unhealthy(), "")

		dir := b.folder.(*journal.Folder).Path("")
		os.Rename(dir, dir+".away")
		if b.folder.Save("x", struct{}{}) == nil {
			t.Error("saved")
		}
		want(t, "the store", b.unhealthy(), "store")
		os.Rename(dir+".away", dir)
		if err := b.folder.Save("x", struct{}{}); err != nil {
			t.Error(err)
		}
		want(t, "the store works again", b.unhealthy(), "")

		b.Device.update.shown.Store(&updateStatus{running: true, begun: time.Now(), limit: 40 * time.Second})
		time.Sleep(10 * time.Second)
		s.sampled = time.Now()
		want(t, "an update", b.unhealthy(), "")
		time.Sleep(71 * time.Second)
		s.sampled = time.Now()
		want(t, "an update that does not end", b.unhealthy(), "update")
	})
}

// TestHealthAtTheEnd has no loops any more and is no illness.
func TestHealthAtTheEnd(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bubble) {
		b.sup.Start()
		time.Sleep(time.Minute)
		if err := b.sup.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want(t, "unhealthy", b.unhealthy(), "")
		want(t, "detail", b.Health().Checks[0].Detail, "the daemon is ending")
	})
}

// TestHealthWaitsForNobody asks while an operation holds everything that can be held.
func TestHealthWaitsForNobody(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bubble) {
		b.mu.Lock() // of the loader
		defer b.mu.Unlock()
		b.Device.mu.Lock()
		defer b.Device.mu.Unlock()
		b.Device.update.mu.Lock()
		defer b.Device.update.mu.Unlock()
		b.Device.files.mu.Lock()
		defer b.Device.files.mu.Unlock()
		want(t, "checks", len(b.Health().Checks), 5)
	})
}

// statusOf returns where a worker stands.
func (b *bubble) statusOf(name string) string {
	synctest.Wait()
	for _, w := range b.workers.Snapshot().Workers {
		if w.Name == name {
			return w.Status.String()
		}
	}
	return "unknown"
}

// TestWorkers switches the probe, has an update panic, and ends.
func TestWorkers(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, b *bubble) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		want(t, "updater before", b.statusOf("ConfigUpdater"), "added")
		go func() { defer close(done); b.Run(ctx) }()
		want(t, "updater", b.statusOf("ConfigUpdater"), "initialized")
		want(t, "probe that is off", b.statusOf("Probe"), "terminated")
		b.SetProbe(true)
		want(t, "probe", b.statusOf("Probe"), "initialized")
		b.SetProbe(false)
		want(t, "probe that is off again", b.statusOf("Probe"), "terminated")

		load := b.Device.cfg.Load
		b.Device.cfg.Load = func() (*config.Config, error) {
			b.Device.cfg.Load = load
			panic("defect")
		}
		b.says(groupOf("web", "/bin/new"))
		b.Update(false, false)
		want(t, "updater after a panic", b.statusOf("ConfigUpdater"), "terminated")
		want(t, "update", b.Device.update.status(), updateStatus{failed: true})
		time.Sleep(time.Hour)
		want(t, "updater", b.statusOf("ConfigUpdater"), "initialized")
		b.Update(false, false)
		synctest.Wait()
		p, err := b.sup.Process(process.ParseNamespec("web"))
		if err != nil || p.Spec.Command != "/bin/new" {
			t.Errorf("not updated: %q, %v", p.Spec.Command, err)
		}
		stop()
		<-done
		want(t, "updater at the end", b.statusOf("ConfigUpdater"), "terminated")
	})
}
