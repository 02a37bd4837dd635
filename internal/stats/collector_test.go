package stats

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/worker"
)

// bubble runs a Collector over a fake proc in a synctest bubble. What happens is a line each: its second, what it was.
type bubble struct {
	*fakeProc
	*Collector
	begin time.Time
	log   func() string
	mu    sync.Mutex
	lines []string

	workers *worker.Registry
	changes int // those that became has returned
	stop    func()
}

// run starts a Collector; it ends with the test.
func run(t *testing.T, cfg Config) *bubble {
	b := &bubble{fakeProc: newFakeProc(t), begin: time.Now()}
	b.process(fakeProcess{pid: fakeDaemon, ppid: 1})
	cfg.Proc, cfg.Self, cfg.Depth = b.dir, fakeDaemon, 100
	b.workers = worker.New(nil)
	cfg.Worker = b.workers.Add("Statistics")
	cfg.Mono = func() float64 { return time.Since(b.begin).Seconds() }
	cfg.Processes = func() []Target { b.line("processes"); return nil }
	cfg.Publish = func(s Sample) {
		switch s := s.(type) {
		case HostSample:
			b.line(fmt.Sprint("hstats ", s.TargetPeriod, s.Period))
		case ProcessSample:
			b.line(fmt.Sprint("pstats ", s.TargetPeriod, s.Period))
		}
	}
	b.Collector = New(cfg)
	failures, log := recorder()
	b.Collector.failures, b.log = failures, log.String
	b.host.nics = func() ([]net.Interface, error) { b.line("host"); return nil, nil }
	b.host.usage.statfs = func(string, *unix.Statfs_t) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(ctx)
	}()
	b.stop = func() { cancel(); <-ended }
	t.Cleanup(b.stop)
	return b
}

func (b *bubble) line(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprint(time.Since(b.begin).Seconds(), " ", what))
}

// sleep lets so much time pass and returns what has happened meanwhile.
func (b *bubble) sleep(d time.Duration) []string {
	time.Sleep(d)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

func (b *bubble) expect(what string, d time.Duration, want ...string) {
	b.t.Helper()
	if got := b.sleep(d); !reflect.DeepEqual(got, want) {
		b.t.Errorf("%s:\n%q, want\n%q", what, got, want)
	}
}

func TestRunSamplesAndIntegrates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, Config{Host: true, Process: true, Period: 2 * time.Second, Periods: []time.Duration{2 * time.Second, 5 * time.Second}})
		b.expect("six seconds", 6500*time.Millisecond,
			"0 host", "0 processes",
			"2 host", "2 hstats 2 [0 2]", "2 processes", "2 pstats 2 [0 2]",
			"4 host", "4 hstats 2 [2 4]", "4 processes", "4 pstats 2 [2 4]",
			"6 host", "6 hstats 2 [4 6]", "6 hstats 5 [0 6]", "6 processes", "6 pstats 2 [4 6]", "6 pstats 5 [0 6]")
		if n := len(b.HostHistory(2 * time.Second)); n != 3 {
			t.Errorf("host history of %d samples, want 3", n)
		}
		if h, _ := b.ProcessHistory(Supervisord, 5*time.Second); h.PID != fakeDaemon || len(h.Points) != 1 || h.Points[0].NowMonotonic != 6 {
			t.Errorf("history of the daemon: %+v", h)
		}
		if since := time.Since(b.worker.Turned()); since != 500*time.Millisecond {
			t.Errorf("the last sample is %v ago, want 500ms", since)
		}
	})
}

func TestRunSleepsWhenNothingIsCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, Config{Period: time.Second, Periods: []time.Duration{time.Second}})
		b.expect("ten years", 87600*time.Hour)
		if at := b.worker.Turned(); !at.IsZero() {
			t.Errorf("a sample at %v", at)
		}
	})
}

func TestSwitches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, Config{Host: true, Period: 10 * time.Second, Periods: []time.Duration{10 * time.Second}})
		b.expect("host alone", 11*time.Second, "0 host", "10 host", "10 hstats 10 [0 10]")
		b.EnableProcess(true)
		b.expect("processes at once", time.Second, "11 processes")
		b.EnableHost(false)
		b.expect("each in its own time", 10*time.Second, "21 processes", "21 pstats 10 [0 10]")
		if h := b.HostHistory(10 * time.Second); h != nil {
			t.Errorf("switched off, with a history of %d samples", len(h))
		}
		b.EnableProcess(false)
		b.EnableProcess(true)
		b.EnableHost(true)
		b.expect("host anew, processes not before their time", 9500*time.Millisecond, "22 host", "31 processes", "31 pstats 10 [10 20]")
		b.EnableProcess(false)
		b.expect("off", time.Second, "32 host", "32 hstats 10 [0 10]")
		if h, known := b.ProcessHistory(Supervisord, 10*time.Second); known {
			t.Errorf("switched off, with the history %+v", h)
		}
		b.EnableHost(false)
		b.expect("all off", time.Hour)
	})
}

// became returns the changes of the worker and its parts since the last call, "Host started" for those of a part.
func (b *bubble) became() string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, c := range b.workers.Snapshot().Changes[b.changes:] {
		all = append(all, strings.TrimSpace(c.Sub+" "+c.Status.String()))
		b.changes++
	}
	return strings.Join(all, ", ")
}

// TestWorker follows what is collected from the outside.
func TestWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, Config{Host: true, Period: 10 * time.Second, Periods: []time.Duration{10 * time.Second}})
		for _, step := range []struct {
			what string
			do   func()
			want string
		}{
			{"host alone", func() {}, "added, Host added, Process added, started, Host started, Host initialized, initialized, Process terminated"},
			{"the next samples", func() { time.Sleep(time.Minute) }, ""},
			{"both", func() { b.EnableProcess(true) }, "Process started, Process initialized"},
			{"processes alone", func() { b.EnableHost(false) }, "Host terminated"},
			{"none", func() { b.EnableProcess(false) }, "terminated, Process terminated"},
			{"the longest night", func() { time.Sleep(time.Hour) }, ""},
			{"a host that cannot be measured", func() { b.remove("meminfo"); b.EnableHost(true) },
				"started, Host started, Host initialization failed, initialization failed"},
			{"it still cannot", func() { time.Sleep(time.Minute) }, ""},
			{"it can", func() { b.write("meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n"); time.Sleep(10 * time.Second) }, "Host initialized, initialized"},
			{"a sample fails", func() { b.remove("meminfo"); time.Sleep(10 * time.Second) }, ""},
			{"the end", b.stop, "Host terminated"},
		} {
			step.do()
			if got := b.became(); got != step.want {
				t.Errorf("%s: %q, want %q", step.what, got, step.want)
			}
		}
	})
}

// TestRunAgain has a sample panic, as a defect would make it, and the work done again as the daemon does it.
func TestRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proc := newFakeProc(t)
		proc.process(fakeProcess{pid: fakeDaemon, ppid: 1})
		samples := 0
		r := worker.New(nil)
		w := r.Add("Statistics")
		c := New(Config{Process: true, Period: 10 * time.Second, Periods: []time.Duration{10 * time.Second}, Depth: 100, Proc: proc.dir, Self: fakeDaemon,
			Worker: w, Processes: func() []Target {
				if samples++; samples == 3 {
					panic("defect")
				}
				return nil
			}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Supervise(ctx, c.Run) }()
		time.Sleep(20500 * time.Millisecond)
		s := r.Snapshot()
		if w, p := s.Workers[0].Status, s.Workers[0].Subs[1].Status; w != worker.Terminated || p != worker.Terminated {
			t.Errorf("after the panic it is %v, Process is %v", w, p)
		}
		time.Sleep(11 * time.Second)
		s = r.Snapshot()
		if w, p := s.Workers[0].Status, s.Workers[0].Subs[1].Status; w != worker.Initialized || p != worker.Initialized {
			t.Errorf("a second later it is %v, Process is %v", w, p)
		}
		if h, _ := c.ProcessHistory(Supervisord, 10*time.Second); len(h.Points) != 1 || samples != 5 {
			t.Errorf("%d samples, a history of %d points: want 5 and that of the last two", samples, len(h.Points))
		}
		stop()
		<-done
		if got := r.Snapshot().Workers[0].Status; got != worker.Terminated {
			t.Errorf("at the end it is %v", got)
		}
	})
}

func TestPeriodChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, Config{Host: true, Period: time.Minute, Periods: []time.Duration{4 * time.Second}})
		b.expect("a minute", 10*time.Second, "0 host")
		b.SetPeriod(30 * time.Second)
		b.expect("shorter, counted from the last measure", 21*time.Second, "30 host", "30 hstats 4 [0 30]")
		b.SetPeriod(time.Second)
		b.expect("shorter than what has passed", 2500*time.Millisecond, "31 host", "32 host", "33 host")
		b.SetPeriod(2 * time.Second)
		b.expect("longer", 2*time.Second, "35 host", "35 hstats 4 [30 35]")
		for _, c := range []struct {
			period time.Duration
			want   string
		}{{0, "36 host"}, {-time.Hour, "37 host"}, {time.Microsecond, "38 host"}} {
			b.SetPeriod(c.period)
			if b.Status().Period != c.period {
				t.Errorf("status %+v, want the period that was asked for, %v", b.Status(), c.period)
			}
			b.expect("not more than once a second", time.Second, c.want)
		}
	})
}

func TestStatus(t *testing.T) {
	c := New(Config{Host: true, Period: 3 * time.Second})
	if want := (Status{Host: true, Period: 3 * time.Second}); c.Status() != want {
		t.Errorf("%+v, want %+v", c.Status(), want)
	}
	c.EnableHost(false)
	c.EnableProcess(true)
	c.SetPeriod(7500 * time.Millisecond)
	if want := (Status{Process: true, Period: 7500 * time.Millisecond}); c.Status() != want {
		t.Errorf("%+v, want %+v", c.Status(), want)
	}
}

func TestStatusFromManyGoroutines(t *testing.T) {
	c := New(Config{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				c.EnableHost(true)
				c.EnableProcess(true)
			}
		})
	}
	all.Go(func() {
		for i := range 100 {
			c.SetPeriod(time.Duration(i))
		}
	})
	all.Wait()
	if want := (Status{Host: true, Process: true, Period: 99}); c.Status() != want {
		t.Errorf("%+v, want %+v: a change was lost", c.Status(), want)
	}
}

func TestRunGoesOnAfterFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, Config{Host: true, Process: true, Period: time.Second, Periods: []time.Duration{time.Second}})
		b.expect("well", 500*time.Millisecond, "0 host", "0 processes")
		b.remove("meminfo")
		b.expect("three samples fail", 3*time.Second, "1 processes", "2 processes", "3 processes")
		for _, what := range []string{"host", "processes"} {
			if n := countLogged(b.log(), what); n != 1 {
				t.Errorf("failures of %s are logged %d times, want once:\n%s", what, n, b.log())
			}
		}
		if age := time.Since(b.worker.Turned()); age != 3500*time.Millisecond {
			t.Errorf("the last sample is %v old, want 3.5s: those that failed do not count", age)
		}
		b.write("meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n")
		b.expect("well again", time.Second, "4 host", "4 hstats 1 [0 4]", "4 processes", "4 pstats 1 [0 4]")
	})
}

// Readers of every kind run beside the sampler: this test is for the race detector.
func TestReadersBesideTheSampler(t *testing.T) {
	f := newFakePrograms(t, 5, time.Second)
	f.up = []Target{{"app", 10}}
	f.process(fakeProcess{pid: 10, ppid: 1})
	h := newFakeHost(t, time.Second)
	done := make(chan struct{})
	var readers sync.WaitGroup
	read := func(last func() Float) {
		readers.Go(func() {
			for before := Float(0); ; {
				now := last()
				if now < before {
					t.Errorf("a reader saw %v after %v", now, before)
				}
				before = max(before, now)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	read(func() (last Float) {
		history, _ := f.history("app", time.Second)
		for _, p := range history.Points {
			last = p.NowMonotonic
		}
		return last
	})
	read(func() (last Float) {
		for _, s := range h.history(time.Second) {
			last = s.NowMonotonic + 0*s.DiskUsage["/"]
		}
		return last
	})
	for i := range 100 {
		f.measureAt(float64(i))
		h.measureAt(float64(i))
	}
	close(done)
	readers.Wait()
}
