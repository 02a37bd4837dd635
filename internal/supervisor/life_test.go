package supervisor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/worker"
)

func TestAutostartOrder(t *testing.T) {
	groups := []config.Group{ // by priority, as the configuration has them
		groupOf("late", 5, member1("b", "run", prio(9)), member1("a", "run", prio(1)), member1("c", "run", prio(1))),
		groupOf("early", 1, member1("x", "run"), member1("y", "run", manual)),
		groupOf("same", 5, member1("z", "run")),
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		expect(t, "events of New", w.events(), []string{"GROUP_ADDED late", "GROUP_ADDED early", "GROUP_ADDED same"})
		expectText(t, "states", w.states(), "early:x STOPPED, early:y STOPPED, late:a STOPPED, late:b STOPPED, late:c STOPPED, same:z STOPPED")
		w.Start()
		expect(t, "spawns", w.spawner.take(), []string{"0.0 spawn x", "0.0 spawn a", "0.0 spawn c", "0.0 spawn b", "0.0 spawn z"})
		expect(t, "events of Start", w.events(), []string{"SUPERVISOR_STATE_CHANGE_RUNNING",
			"STARTING early:x", "STARTING late:a", "STARTING late:c", "STARTING late:b", "STARTING same:z"})
		time.Sleep(time.Second)
		expectText(t, "states", w.states(), "early:x RUNNING, early:y STOPPED, late:a RUNNING, late:b RUNNING, late:c RUNNING, same:z RUNNING")
	})
}

func TestAutostartGoesOnAfterTrouble(t *testing.T) {
	inWorld(t, []config.Group{program("a", "missing"), program("b", "run")}, func(t *testing.T, w *world) {
		w.Start()
		expectText(t, "states", w.states(), "a BACKOFF, b STARTING")
	})
}

func TestShutdownOrder(t *testing.T) {
	groups := []config.Group{
		groupOf("one", 1, member1("a", "linger 0.5"), member1("b", "linger 3", prio(1))),
		groupOf("two", 2, member1("c", "linger 1.5")),
		groupOf("deux", 2, member1("d", "run", prio(5)), member1("e", "stubborn", prio(7), func(s *process.Spec) { s.StopWaitSecs = 4 })),
		groupOf("three", 3, member1("f", "linger 1")),
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(2 * time.Second)
		w.spawner.take()
		w.log.take("")
		w.events()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, "transcript", w.spawner.take(), []string{
			"2.0 SIGTERM f", "3.0 end f",
			"3.0 SIGTERM e", "3.0 SIGTERM d", "3.0 end d", "3.0 SIGTERM c", "4.5 end c", "7.0 SIGKILL e", "7.0 end e",
			"7.0 SIGTERM a", "7.0 SIGTERM b", "7.5 end a", "10.0 end b",
		})
		events := w.events()
		expect(t, "first event", events[:2], []string{"SUPERVISOR_STATE_CHANGE_STOPPING", "STOPPING three:f"})
		expect(t, "last event", events[len(events)-1:], []string{"STOPPED one:b"})
		expect(t, "reports", w.log.take("to die"), []string{
			"INFO waiting for b, a, c, d, e, f to die", "INFO waiting for b, a, e to die", "INFO waiting for b to die"})
		if w.State() != Shutdown {
			t.Errorf("state %s", w.State())
		}
	})
}

// TestNothingStartsDuringShutdown has one process in each state that leads to a start.
func TestNothingStartsDuringShutdown(t *testing.T) {
	groups := []config.Group{
		program("flaps", "exit 1 0.1"),                                         // BACKOFF, to be tried again
		program("pauses", "exit 0 0.1", startSecs(0), prio(1), restartsAlways), // EXITED, to be restarted after a pause
		program("fails", "exit 1 2"),                                           // RUNNING, to be restarted when it exits
		groupOf("slow", 9999, member1("slow", "linger 5")),
		program("manual", "run", manual),
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(1200 * time.Millisecond)
		expectText(t, "states", w.states(), "fails RUNNING, flaps BACKOFF, manual STOPPED, pauses EXITED, slow RUNNING")
		w.spawner.take()
		done := make(chan error)
		go func() { done <- w.Shutdown(t.Context()) }()
		time.Sleep(time.Second)
		expectText(t, "states while the first stops", w.states(), "fails EXITED, flaps BACKOFF, manual STOPPED, pauses EXITED, slow STOPPING")
		err := w.StartProcess(t.Context(), ns("manual"), false)
		if !errors.Is(err, process.ErrHeld) {
			t.Errorf("a start during the shutdown: %v", err)
		}
		if err := w.AddGroup("slow"); !errors.Is(err, ErrEnding) {
			t.Errorf("a group was added during the shutdown: %v", err)
		}
		if err := w.RemoveGroup(t.Context(), "manual"); !errors.Is(err, ErrEnding) {
			t.Errorf("a group was removed during the shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		expect(t, "transcript", w.spawner.take(), []string{"1.2 SIGTERM slow", "2.0 end fails", "6.2 end slow"})
		expectText(t, "states", w.states(), "fails EXITED, flaps FATAL, manual STOPPED, pauses EXITED, slow STOPPED")
	})
}

func restartsAlways(s *process.Spec) { s.Autorestart = process.RestartAlways }

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	inWorld(t, []config.Group{program("p", "linger 8")}, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := w.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		expectText(t, "states", w.states(), "p STOPPING")
		begin := time.Now()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("the second call took %v", took)
		}
		events := w.events()
		if n := count(events, "SUPERVISOR_STATE_CHANGE_STOPPING"); n != 1 {
			t.Errorf("%d events of the stop", n)
		}
	})
}

func count(list []string, want string) (n int) {
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

func TestShutdownBeforeStart(t *testing.T) {
	inWorld(t, []config.Group{program("p", "run")}, func(t *testing.T, w *world) {
		if err := w.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Start()
		expect(t, "spawns", w.spawner.take(), nil)
	})
}

func TestEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		ends  []State
		takes []bool
		last  State
	}{
		{"shutdown", []State{Shutdown}, []bool{true}, Shutdown},
		{"restart", []State{Restarting}, []bool{true}, Restarting},
		{"shutdown overrides restart", []State{Restarting, Shutdown}, []bool{true, true}, Shutdown},
		{"restart does not override shutdown", []State{Shutdown, Restarting}, []bool{true, false}, Shutdown},
		{"twice", []State{Restarting, Restarting, Shutdown, Shutdown}, []bool{true, false, true, false}, Shutdown},
		{"no end at all", []State{Running, Fatal}, []bool{false, false}, Running},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, w *world) {
				select {
				case <-w.Ending():
					t.Fatal("ending from the beginning")
				default:
				}
				var takes []bool
				for _, to := range c.ends {
					takes = append(takes, w.End(to))
				}
				if !slices.Equal(takes, c.takes) || w.State() != c.last {
					t.Errorf("End gave %v and state %s", takes, w.State())
				}
				if c.last != Running {
					<-w.Ending()
				}
			})
		})
	}
}

func TestNoChangesOnceItEnds(t *testing.T) {
	inWorldOfFile(t, section("p", "run"), func(t *testing.T, w *world, _ func(string)) {
		w.End(Restarting)
		_, _, numprocs := w.SetNumprocs(t.Context(), "p", 2)
		for what, err := range map[string]error{"AddGroup": w.AddGroup("p"), "RemoveGroup": w.RemoveGroup(t.Context(), "p"), "SetNumprocs": numprocs} {
			if !errors.Is(err, ErrEnding) {
				t.Errorf("%s: %v", what, err)
			}
		}
		expectText(t, "states", w.states(), "p STOPPED")
	})
}

func TestShutdownKeepsTheStateRestarting(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		w.End(Restarting)
		if err := w.Shutdown(t.Context()); err != nil || w.State() != Restarting {
			t.Errorf("%v, state %s", err, w.State())
		}
	})
}

func TestStateNames(t *testing.T) {
	for s, want := range map[State]string{Fatal: "FATAL", Running: "RUNNING", Restarting: "RESTARTING", Shutdown: "SHUTDOWN", 7: "State(7)"} {
		if s.String() != want {
			t.Errorf("%d is %q", int(s), s)
		}
	}
}

func TestTicksRunBetweenStartAndShutdown(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, w *world) {
		ticks := w.bus.Subscribe(10, event.TypeTick)
		time.Sleep(7 * time.Second)
		w.Start()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := w.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if n := len(ticks.C); n != 2 {
			t.Errorf("%d ticks", n)
		}
	})
}

// TestThousandPrograms is about waits: a start costs startsecs, a stop what the slowest child takes, whatever their number.
// TestWorker follows the life of the process manager, and its heart, from the outside.
func TestWorker(t *testing.T) {
	r := worker.New(nil)
	status := func() worker.Status { return r.Snapshot().Workers[0].Status }
	var w *worker.Worker
	inWorldOf(t, &config.Config{Groups: []config.Group{program("a", "linger 3")}}, func(d *Deps) {
		r = worker.New(nil)
		w = r.Add("ProcessManager")
		d.Worker = w
	}, func(t *testing.T, world *world) {
		expectText(t, "before", status().String(), "added")
		world.Start()
		expectText(t, "started", status().String(), "initialized")
		if at := w.Turned(); !at.IsZero() {
			t.Errorf("it has turned at %v, before the first tick", at)
		}
		time.Sleep(time.Minute + 2*time.Second)
		synctest.Wait()
		if age := time.Since(w.Turned()); age != 2*time.Second {
			t.Errorf("it has turned %v ago, want 2s", age)
		}
		world.End(Restarting)
		expectText(t, "ending", status().String(), "terminating")
		go world.Shutdown(t.Context())
		time.Sleep(2 * time.Second)
		expectText(t, "while a program takes its time", status().String(), "terminating")
		time.Sleep(2 * time.Second)
		expectText(t, "ended", status().String(), "terminated")
	})
	if n := len(r.Snapshot().Changes); n != 5 {
		t.Errorf("%d changes, want one of each kind: %+v", n, r.Snapshot().Changes)
	}
}

func TestThousandPrograms(t *testing.T) {
	var groups []config.Group
	for i := range 1000 {
		groups = append(groups, program(string(rune('a'+i%26))+time.Duration(i).String(), "linger 1", manual))
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		w.Start()
		begin := time.Now()
		results, err := w.StartAll(t.Context(), true)
		if took := time.Since(begin); err != nil || len(results) != 1000 || took != time.Second {
			t.Fatalf("%d started in %v, %v", len(results), took, err)
		}
		begin = time.Now()
		if err := w.Shutdown(t.Context()); err != nil || time.Since(begin) != time.Second {
			t.Errorf("stopped in %v, %v", time.Since(begin), err)
		}
	})
}
