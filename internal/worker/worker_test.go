package worker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/rest/agent"
)

// lines returns the log as clients see it, with minutes and seconds of UTC for the time: a bubble begins with the year 2000.
func lines(r *Registry) []string {
	var all []string
	for _, c := range r.Snapshot().Changes {
		e := agent.WorkerEvent{Time: c.When, Worker: c.Worker, Sub: c.Sub, Status: c.Status.String()}
		all = append(all, c.When.UTC().Format("04:05")+e.String()[len(time.DateTime):])
	}
	return all
}

func wantLines(t *testing.T, r *Registry, want ...string) {
	t.Helper()
	if got := lines(r); !slices.Equal(got, want) {
		t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// states returns "Name status, Name/Sub status, …".
func states(r *Registry) string {
	var all []string
	for _, w := range r.Snapshot().Workers {
		all = append(all, w.Name+" "+w.Status.String())
		for _, sub := range w.Subs {
			all = append(all, w.Name+"/"+sub.Name+" "+sub.Status.String())
		}
	}
	return strings.Join(all, ", ")
}

func TestLifeOfAWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		w := r.Add("Gossip", "Membership", "Sync")
		if sync := w.Sub("Sync"); r.Add("Gossip") != w || w.Sub("Sync") != sync {
			t.Error("a name stands for two workers")
		}
		ctx, stop := context.WithCancel(t.Context())
		go Run(ctx, func(ctx context.Context) { <-ctx.Done(); time.Sleep(2 * time.Second) }, w, w.Sub("Membership"))
		time.Sleep(90 * time.Second)
		if got, want := states(r), "Gossip initialized, Gossip/Membership initialized, Gossip/Sync added"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		stop()
		time.Sleep(time.Minute)
		wantLines(t, r,
			"00:00 Worker Gossip: added.",
			"00:00 Worker Gossip: subworker Membership added.",
			"00:00 Worker Gossip: subworker Sync added.",
			"00:00 Worker Gossip: started.",
			"00:00 Worker Gossip: subworker Membership started.",
			"00:00 Worker Gossip: initialized.",
			"00:00 Worker Gossip: subworker Membership initialized.",
			"01:30 Worker Gossip: terminating.",
			"01:30 Worker Gossip: subworker Membership terminating.",
			"01:32 Worker Gossip: terminated.",
			"01:32 Worker Gossip: subworker Membership terminated.")
	})
}

// A worker that ends by itself was never terminating.
func TestEndWithoutBeingTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		Run(t.Context(), func(context.Context) { time.Sleep(time.Second) }, r.Add("Reaper"))
		wantLines(t, r, "00:00 Worker Reaper: added.", "00:00 Worker Reaper: started.", "00:00 Worker Reaper: initialized.",
			"00:01 Worker Reaper: terminated.")
	})
}

// TestStatuses has a row for each status and a column for each that it is told: what it is then.
func TestStatuses(t *testing.T) {
	const (
		a, s, i, f, g, e = Added, Started, Initialized, InitializationFailed, Terminating, Terminated
	)
	paths := map[Status][]Status{a: nil, s: {s}, i: {i}, f: {f}, g: {g}, e: {e}}
	for from, want := range map[Status][]Status{
		a: {a, s, i, f, g, e},
		s: {s, s, i, f, g, e},
		i: {i, i, i, i, g, e},
		f: {f, f, i, f, g, e},
		g: {g, g, g, g, g, e},
		e: {a, s, e, e, e, e},
	} {
		for to, want := range want {
			r := New(nil)
			w := r.Add("W")
			for _, step := range paths[from] {
				w.Set(step)
			}
			before := len(r.Snapshot().Changes)
			w.Set(Status(to))
			s := r.Snapshot()
			if got := s.Workers[0].Status; got != want {
				t.Errorf("%v that is told %v is %v, want %v", from, Status(to), got, want)
			}
			if logged := len(s.Changes) > before; logged != (want != from) {
				t.Errorf("%v that is told %v: logged: %v", from, Status(to), logged)
			}
		}
	}
	names := []string{a.String(), s.String(), i.String(), f.String(), g.String(), e.String()}
	if got := strings.Join(names, ", "); got != "added, started, initialized, initialization failed, terminating, terminated" {
		t.Error(got)
	}
}

func TestLogIsBounded(t *testing.T) {
	r := New(nil)
	w := r.Add("W")
	for range 900 {
		w.Set(Terminated)
		w.Set(Added)
	}
	w.Set(Started)
	changes := r.Snapshot().Changes
	if len(changes) != 1000 || changes[999].Status != Started || changes[998].Status != Added || changes[0].Status != Added {
		t.Errorf("%d changes from %+v to %+v", len(changes), changes[0], changes[len(changes)-1])
	}
	for i := 1; i < len(changes); i++ {
		if changes[i].When.Before(changes[i-1].When) {
			t.Fatalf("%v comes after %v", changes[i].When, changes[i-1].When)
		}
	}
}

// A snapshot is nobody else's.
func TestSnapshotIsACopy(t *testing.T) {
	r := New(nil)
	w := r.Add("W", "S")
	s := r.Snapshot()
	s.Workers[0].Subs[0].Status, s.Changes[0].Worker = Terminated, "X"
	w.Set(Started)
	if got := states(r); got != "W started, W/S added" {
		t.Error(got)
	}
	if s.Workers[0].Status != Added || len(s.Changes) != 2 || r.Snapshot().Changes[0].Worker != "W" {
		t.Errorf("%+v", s)
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(nil).Add("W")
		if at := w.Turned(); !at.IsZero() {
			t.Errorf("it has turned at %v", at)
		}
		w.Beat() // in the moment in which the registry was made
		if age := time.Since(w.Turned()); age != 0 {
			t.Errorf("it has turned %v ago", age)
		}
		time.Sleep(time.Minute)
		w.Beat()
		time.Sleep(7 * time.Second)
		if age := time.Since(w.Turned()); age != 7*time.Second {
			t.Errorf("it has turned %v ago, want 7s", age)
		}
	})
	w := New(nil).Add("W")
	if n := testing.AllocsPerRun(100, func() { w.Beat(); w.Turned() }); n != 0 {
		t.Errorf("a heartbeat makes %v allocations", n)
	}
}

// TestHeartbeatWaitsForNobody beats, and looks, while the lock of the registry is held.
func TestHeartbeatWaitsForNobody(t *testing.T) {
	r := New(nil)
	w := r.Add("W")
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Beat()
	if w.Turned().IsZero() {
		t.Error("it has not turned")
	}
}

// TestSupervise has a worker that panics again and again, then works for long, then panics, and is told to end.
func TestSupervise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		r := New(slog.New(slog.NewTextHandler(&text, nil)))
		w := r.Add("Probe")
		ctx, stop := context.WithCancel(t.Context())
		begin, begins := time.Now(), []time.Duration{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Supervise(ctx, func(ctx context.Context) {
				begins = append(begins, time.Since(begin))
				w.Set(Initialized)
				switch len(begins) {
				case 8:
					time.Sleep(lastPause + time.Second)
					fallthrough
				case 1, 2, 3, 4, 5, 6, 7:
					panic(fmt.Errorf("defect %d", len(begins)))
				}
				<-ctx.Done()
			})
		}()
		time.Sleep(1500 * time.Millisecond)
		wantLines(t, r,
			"00:00 Worker Probe: added.", "00:00 Worker Probe: started.", "00:00 Worker Probe: initialized.", "00:00 Worker Probe: terminated.",
			"00:01 Worker Probe: added.", "00:01 Worker Probe: started.", "00:01 Worker Probe: initialized.", "00:01 Worker Probe: terminated.")
		time.Sleep(time.Hour)
		stop()
		<-done
		var seconds []time.Duration
		for _, s := range []int{0, 1, 3, 7, 15, 31, 61, 91, 91 + 31 + 1} {
			seconds = append(seconds, time.Duration(s)*time.Second)
		}
		if !slices.Equal(begins, seconds) {
			t.Errorf("begun at %v, want %v", begins, seconds)
		}
		if all := lines(r); !strings.HasSuffix(strings.Join(all, "\n"), "02:03 Worker Probe: added.\n02:03 Worker Probe: started.\n"+
			"02:03 Worker Probe: initialized.\n00:01 Worker Probe: terminating.\n00:01 Worker Probe: terminated.") {
			t.Errorf("the log is\n%s", strings.Join(all, "\n"))
		}
		log := text.String()
		for _, part := range []string{`level=ERROR msg="worker has panicked" worker=Probe panic="defect `, "TestSupervise.func"} {
			if n := strings.Count(log, part); n < 8 {
				t.Errorf("%q is logged %d times, want 8:\n%s", part, n, log)
			}
		}
	})
}

// A worker that panics because all ends, or ends while it waits to be started again, is not started again.
func TestSuperviseAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(nil)
		ctx, stop := context.WithCancel(t.Context())
		r.Add("A").Supervise(ctx, func(context.Context) { stop(); panic("end") })
		wantLines(t, r, "00:00 Worker A: added.", "00:00 Worker A: started.", "00:00 Worker A: terminating.", "00:00 Worker A: terminated.")

		r = New(nil)
		ctx, stop = context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer stop()
		r.Add("B").Supervise(ctx, func(context.Context) { panic("at once") })
		wantLines(t, r, "00:00 Worker B: added.", "00:00 Worker B: started.", "00:00 Worker B: terminated.")
	})
}

func TestChangesAreLoggedForDebugging(t *testing.T) {
	var text bytes.Buffer
	r := New(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w := r.Add("Rest", "rest:device")
	w.Sub("rest:device").Set(Started)
	w.Sub("rest:device").Set(Started)
	w.Set(InitializationFailed)
	for part, n := range map[string]int{`worker=Rest/rest:device status=started`: 1, `worker=Rest status="initialization failed"`: 1} {
		if got := strings.Count(text.String(), part); got != n {
			t.Errorf("%q is logged %d times:\n%s", part, got, &text)
		}
	}
}

// Tests and tools have no workers.
func TestNothingAtAll(t *testing.T) {
	var r *Registry
	w := r.Add("W", "S")
	w.Set(Started)
	w.Sub("S").Set(Started)
	w.Beat()
	if at := w.Turned(); w != nil || !at.IsZero() || len(r.Snapshot().Workers) > 0 {
		t.Errorf("%v, %v, %+v", w, at, r.Snapshot())
	}
	ran := 0
	Run(t.Context(), func(context.Context) { ran++ }, w, w.Sub("S"))
	w.Supervise(t.Context(), func(context.Context) { ran++ })
	if ran != 2 {
		t.Errorf("ran %d times", ran)
	}
	defer func() {
		if v := recover(); v != "mine" {
			t.Errorf("recovered %v", v)
		}
	}()
	w.Supervise(t.Context(), func(context.Context) { panic("mine") })
}

// This test is for the race detector.
func TestManyGoroutines(t *testing.T) {
	r := New(nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				w := r.Add(fmt.Sprint("W", j%3), "S")
				w.Set(Status(i % len(statuses)))
				w.Sub("S").Set(Started)
				w.Beat()
				w.Turned()
				r.Snapshot()
			}
		})
	}
	all.Wait()
	if n := len(r.Snapshot().Workers); n != 3 {
		t.Errorf("%d workers, want 3", n)
	}
}

// BenchmarkBeat is one sign of life.
func BenchmarkBeat(b *testing.B) {
	w := New(nil).Add("W")
	for b.Loop() {
		w.Beat()
	}
}

// BenchmarkSnapshot is of a daemon with all its parts and a full log.
func BenchmarkSnapshot(b *testing.B) {
	r := New(nil)
	for i := range 14 {
		w := r.Add(fmt.Sprint("W", i), "A", "B")
		for range 50 {
			w.Set(Terminated)
			w.Set(Started)
		}
	}
	for b.Loop() {
		r.Snapshot()
	}
}
