package stats

import (
	"context"
	"log/slog"
	"math"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/worker"
)

// minPeriod is the shortest collecting period that is obeyed, whatever a client asks for.
const minPeriod = time.Second

// Config says what a Collector measures and for whom.
type Config struct {
	Identifier string          // of this node, for the samples
	Host       bool            // host statistics are collected from the beginning (stats_enabled)
	Process    bool            // process statistics are collected from the beginning (stats_enabled)
	Period     time.Duration   // at least so much time between two measures (stats_collecting_period), obeyed from 1 s on
	Periods    []time.Duration // integration periods (stats_periods), at most 3
	Depth      int             // samples that a history keeps (stats_histo)
	Processes  func() []Target // the programs that are up now; called on the goroutine of Run, once per collecting period
	Publish    func(Sample)    // gets each integrated sample on the goroutine of Run and must not block; may be nil
	Mono       func() float64  // CLOCK_MONOTONIC in seconds; nil takes that of the system
	Proc       string          // where proc is mounted; empty is /proc
	Self       int             // pid of the daemon in that proc; 0 is this process
	Logger     *slog.Logger    // nil is silence
	// Worker is told what is collected, in its parts Host and Process, and of each sample that is complete; when Run is over is for the caller
	// to tell. nil is told nothing.
	Worker *worker.Worker
}

// Target is a program that is up.
type Target struct {
	Namespec string
	PID      int
}

// Status is what is being collected.
type Status struct {
	Host    bool
	Process bool
	Period  time.Duration
}

// Collector takes the samples and keeps the histories. All its methods may be called from any goroutine, Run from one.
type Collector struct {
	host      *hostSampler
	processes *processSampler
	status    atomic.Pointer[Status]
	worker    *worker.Worker
	changed   chan struct{} // tells Run to look at the status
	mono      func() float64
	failures  *failures // of Run
}

// New prepares a Collector; until Run, nothing is read but the number of processors.
func New(cfg Config) *Collector {
	cfg = withDefaults(cfg)
	failures := &failures{logger: cfg.Logger, seen: map[failure]bool{}}
	c := &Collector{
		host:      newHostSampler(cfg, failures),
		processes: newProcessSampler(cfg, failures),
		worker:    cfg.Worker,
		changed:   make(chan struct{}, 1),
		mono:      cfg.Mono,
		failures:  failures,
	}
	c.worker.Sub("Host")
	c.worker.Sub("Process")
	c.status.Store(&Status{Host: cfg.Host, Process: cfg.Process, Period: cfg.Period})
	return c
}

func withDefaults(cfg Config) Config {
	cfg.Depth = max(1, cfg.Depth)
	if cfg.Processes == nil {
		cfg.Processes = func() []Target { return nil }
	}
	if cfg.Publish == nil {
		cfg.Publish = func(Sample) {}
	}
	if cfg.Mono == nil {
		cfg.Mono = monotonic
	}
	if cfg.Proc == "" {
		cfg.Proc = "/proc"
	}
	if cfg.Self == 0 {
		cfg.Self = os.Getpid()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func monotonic() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano()).Seconds()
}

// Run takes the samples until the context ends. It sleeps on one timer, and for ever when nothing is collected. What an earlier Run has
// left, which may have ended in the middle of a sample, is forgotten.
func (c *Collector) Run(ctx context.Context) {
	host := collection{what: "host", sample: c.host.sample, forget: c.host.forget, worker: c.worker.Sub("Host")}
	processes := collection{what: "processes", sample: c.processes.sample, forget: c.processes.forget, worker: c.worker.Sub("Process")}
	for _, k := range []*collection{&host, &processes} {
		k.forget()
		defer k.worker.Set(worker.Terminated)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		status := c.Status()
		period := max(status.Period, minPeriod)
		if status.Host || status.Process {
			c.worker.Set(worker.Started)
		} else {
			c.worker.Set(worker.Terminated)
		}
		c.turn(&host, status.Host, period)
		c.turn(&processes, status.Process, period)
		timer.Reset(min(host.wait(period), processes.wait(period)))
		select {
		case <-ctx.Done():
			return
		case <-c.changed:
		case <-timer.C:
		}
	}
}

// turn switches a collection and takes its sample if it is time for one.
func (c *Collector) turn(k *collection, on bool, period time.Duration) {
	if k.on && !on {
		k.forget()
	}
	k.on = on
	if on {
		k.worker.Set(worker.Started)
	} else {
		k.worker.Set(worker.Terminated)
	}
	if k.wait(period) > 0 {
		return
	}
	// The period runs from before the reading, and the timer never fires early: an integration period that is a multiple of
	// the collecting period is met by every sample.
	k.last = time.Now()
	if err := k.sample(instant{k.last, Float(c.mono())}); err != nil {
		c.failures.report(k.what, err)
		k.worker.Set(worker.InitializationFailed)
		c.worker.Set(worker.InitializationFailed)
		return
	}
	k.worker.Set(worker.Initialized)
	c.worker.Set(worker.Initialized)
	c.worker.Beat()
}

// collection is one kind of statistics on the goroutine of Run.
type collection struct {
	what   string
	sample func(instant) error
	forget func()
	worker *worker.Worker
	on     bool
	last   time.Time // when the last sample was begun
}

// wait returns how long it is to the next sample, less than nothing if it is late.
func (k *collection) wait(period time.Duration) time.Duration {
	if !k.on {
		return math.MaxInt64
	}
	return period - time.Since(k.last)
}

// EnableHost switches the host statistics. What is switched off is forgotten.
func (c *Collector) EnableHost(on bool) { c.change(func(s *Status) { s.Host = on }) }

// EnableProcess switches the process statistics. What is switched off is forgotten.
func (c *Collector) EnableProcess(on bool) { c.change(func(s *Status) { s.Process = on }) }

// SetPeriod sets the collecting period. It counts from the last measure, so that a shorter one may be over already.
func (c *Collector) SetPeriod(period time.Duration) { c.change(func(s *Status) { s.Period = period }) }

// Status returns what was asked for last.
func (c *Collector) Status() Status { return *c.status.Load() }

func (c *Collector) change(set func(*Status)) {
	for {
		before := c.status.Load()
		after := *before
		set(&after)
		if c.status.CompareAndSwap(before, &after) {
			break
		}
	}
	select {
	case c.changed <- struct{}{}:
	default: // Run has been told and has not looked yet
	}
}

// Cores returns the number of logical processors of the host, for Solaris.
func (c *Collector) Cores() int { return int(c.host.cores.Load()) }

// HostHistory returns the samples of an integration period, oldest first, at most as many as the depth; nil if there is no such
// period. The slice is shared and may not be changed.
func (c *Collector) HostHistory(period time.Duration) []HostSample { return c.host.history(period) }

// ProcessHistory returns what an integration period has shown of a program that was up at the last measure, and false if there
// is no such period or program.
func (c *Collector) ProcessHistory(namespec string, period time.Duration) (ProcessHistory, bool) {
	return c.processes.history(namespec, period)
}
