package metrics

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// daemon runs a Supervisor with groups until the test ends.
func daemon(tb testing.TB, spawner child.Spawner, groups ...config.Group) *supervisor.Supervisor {
	tb.Helper()
	bus := event.NewBus()
	s, err := supervisor.New(&config.Config{Groups: groups}, supervisor.Deps{Spawner: spawner, Bus: bus,
		Log: &supervisor.ActivityLog{Logger: silent()}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			tb.Error(err)
		}
		bus.Close()
	})
	s.Start()
	return s
}

// realChildren is a spawner of real children.
func realChildren(t *testing.T) child.Spawner {
	t.Helper()
	system, err := child.NewSystem(silent())
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := system.Run(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		system.Close()
		running.Wait()
	})
	return system
}

func program(name, command string) config.Group {
	return config.Group{Name: name, Specs: []*process.Spec{{Program: name, Group: name, Name: name, Command: command, UID: -1, Umask: -1,
		Autostart: true, StopSignal: syscall.SIGTERM, StopWaitSecs: 10}}}
}

// awaitSeries scrapes until a condition holds, and returns what was shown then.
func awaitSeries(t *testing.T, what string, m *Metrics, cond func(map[string]float64) bool) map[string]float64 {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		got := own(t, scrape(t, m))
		if cond(got) {
			return got
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not shown; there is %v", what, got)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A real daemon with real children: what becomes of them is shown, and what is measured.
func TestLive(t *testing.T) {
	pool := program("ears", "/bin/sleep 1000")
	pool.Kind, pool.Listener = config.EventListener, &config.Listener{Events: []string{"PROCESS_STATE"}, BufferSize: 2}
	broken := program("broken", "/bin/false")
	broken.Specs[0].StartSecs = 1
	sup := daemon(t, realChildren(t), program("lasting", "/bin/sleep 1000"), broken, pool)
	processes := func() (list []stats.Target) {
		for _, p := range sup.Processes() {
			if p.Info.PID != 0 {
				list = append(list, stats.Target{Namespec: p.Info.Name, PID: p.Info.PID})
			}
		}
		return list
	}
	collector := stats.New(stats.Config{Host: true, Process: true, Period: time.Second, Periods: []time.Duration{time.Second}, Depth: 5, Processes: processes})
	var measuring sync.WaitGroup
	measuring.Go(func() { collector.Run(t.Context()) })
	t.Cleanup(measuring.Wait)
	m := New(Config{Supervisor: sup, Statistics: collector, Period: time.Second, Version: "1.2.3", Log: silent()})
	got := awaitSeries(t, "FATAL, and statistics", m, func(got map[string]float64) bool {
		_, measured := got[`supvisors_process_memory_ratio{group="lasting",name="lasting"}`]
		return measured && got["supvisors_host_memory_ratio"] > 0 && got[`supvisors_process_state{group="broken",name="broken"}`] == 200
	})
	for series, want := range map[string]float64{
		`supvisors_process_up{group="lasting",name="lasting"}`: 1, `supvisors_process_starts_total{group="lasting",name="lasting"}`: 1,
		`supvisors_process_up{group="broken",name="broken"}`: 0, `supvisors_process_starts_total{group="broken",name="broken"}`: 1,
		`supvisors_listener_queue_length{pool="ears"}`: 2, `supvisors_listener_queue_capacity{pool="ears"}`: 2,
	} {
		if got[series] != want {
			t.Errorf("%s is %v, want %v", series, got[series], want)
		}
	}
	if n := got[`supvisors_listener_dropped_events_total{pool="ears"}`]; n < 1 {
		t.Errorf("%v events were dropped", n)
	}
	if _, shown := got[`supvisors_process_cpu_ratio{group="broken",name="broken"}`]; shown {
		t.Error("a program that is down is measured")
	}
	if err := sup.RemoveGroup(t.Context(), "broken"); err != nil {
		t.Fatal(err)
	}
	for series := range own(t, scrape(t, m)) {
		if strings.Contains(series, "broken") {
			t.Errorf("%s is still shown", series)
		}
	}
}

// memory starts children that live in memory until they are signalled.
type memory struct{ pids atomic.Int32 }

func (m *memory) Go(work func()) { go work() }

func (m *memory) Lookup(program string, _ []string) (string, error) { return "/bin/" + program, nil }

func (m *memory) Spawn(_ child.Command, sink child.Sink) (child.Child, error) {
	return &memoryChild{pid: int(m.pids.Add(1)), sink: sink}, nil
}

func (m *memory) Adopt(child.SavedChild, child.Sink) (child.Child, error) { return nil, syscall.ENOSYS }

type memoryChild struct {
	child.Child // nothing is read, written or saved
	pid         int
	sink        child.Sink
}

func (c *memoryChild) PID() int { return c.pid }

func (c *memoryChild) Kill(syscall.Signal, bool) error {
	c.sink.Exited(0)
	return nil
}

func (c *memoryChild) Read(child.Stream, int, func([]byte)) (bool, error) { return false, nil }
func (c *memoryChild) Close(child.Stream)                                 {}

// BenchmarkScrape1000 is one scrape of a daemon with 1,000 programs that run and log.
func BenchmarkScrape1000(b *testing.B) {
	dir := b.TempDir()
	var groups []config.Group
	for i := range 100 {
		g := config.Group{Name: fmt.Sprintf("group_%02d", i)}
		for k := range 10 {
			spec := program(fmt.Sprintf("program_%02d_%d", i, k), "run").Specs[0]
			spec.Group, spec.Stdout.File, spec.RedirectStderr = g.Name, dir+"/log", true
			g.Specs = append(g.Specs, spec)
		}
		groups = append(groups, g)
	}
	sup := daemon(b, &memory{}, groups...)
	handler := New(Config{Supervisor: sup, Version: "1.2.3", Log: silent()}).Handler()
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
				req.Header.Set("Accept-Encoding", encoding)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				if size = w.Body.Len(); w.Code != http.StatusOK || size < 10_000 {
					b.Fatal(w.Code, size)
				}
			}
			b.ReportMetric(float64(size), "bytes/scrape")
		})
	}
}
