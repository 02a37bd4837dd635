package supervisor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
)

// results writes a list of results in one line.
func results(list []Result) string {
	var all []string
	for _, r := range list {
		text := r.Group + ":" + r.Name
		if r.Err != nil {
			text += " " + r.Err.Error()
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestStartProcess(t *testing.T) {
	for _, c := range []struct {
		name   string
		group  config.Group
		wait   bool
		is     error // "" when it succeeds
		text   string
		state  string
		took   time.Duration
		before func(*world)
	}{
		{name: "waits for startsecs", group: program("p", "run", startSecs(3)), wait: true, state: "p RUNNING", took: 3 * time.Second},
		{name: "without wait", group: program("p", "run"), state: "p STARTING"},
		{name: "startsecs 0", group: program("p", "run", startSecs(0)), wait: true, state: "p RUNNING"},
		{name: "ends at once with startsecs 0", group: program("p", "exit 0 0.1", startSecs(0)), wait: true, state: "p RUNNING"},
		{name: "ends while waiting", group: program("p", "exit 1 0.5", retries(0)), wait: true,
			text: "start p: Exited too quickly (process log may have details)", state: "p FATAL", took: 500 * time.Millisecond},
		{name: "stopped while waiting", group: program("p", "run"), wait: true, is: ErrAbnormalTermination, state: "p STOPPED",
			took: 200 * time.Millisecond, before: func(w *world) {
				time.AfterFunc(200*time.Millisecond, func() { _ = w.StopProcess(context.Background(), ns("p"), true) })
			}},
		{name: "not found", group: program("p", "missing"), wait: true, is: child.ErrNotFound, text: "start p: can't find command 'missing'", state: "p STOPPED"},
		{name: "already started", group: program("p", "run"), is: process.ErrAlreadyStarted, state: "p STARTING",
			before: func(w *world) { _ = w.StartProcess(context.Background(), ns("p"), false) }},
		{name: "disabled", group: program("p", "run"), is: process.ErrDisabled, state: "p STOPPED",
			before: func(w *world) { _ = w.SetDisabled(context.Background(), "p", true) }},
		{name: "still stopping", group: program("p", "linger 5", startSecs(0)), is: process.ErrStopping, state: "p STOPPING",
			before: func(w *world) {
				_ = w.StartProcess(context.Background(), ns("p"), false)
				_ = w.StopProcess(context.Background(), ns("p"), false)
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, []config.Group{c.group}, func(t *testing.T, w *world) {
				if c.before != nil {
					c.before(w)
				}
				begin := time.Now()
				err := w.StartProcess(t.Context(), ns("p"), c.wait)
				if took := time.Since(begin); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if c.is != nil && !errors.Is(err, c.is) || c.text != "" && (err == nil || err.Error() != c.text) || c.is == nil && c.text == "" && err != nil {
					t.Errorf("error %v", err)
				}
				expectText(t, "state", w.states(), c.state)
			})
		})
	}
}

func TestBadNames(t *testing.T) {
	inWorld(t, []config.Group{groupOf("g", 1, member1("p", "run"))}, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, name := range []string{"p", "g", "g:*", "g:", "g:q", "h:p", "", ":", "*"} {
			_, info := w.Process(ns(name))
			for what, err := range map[string]error{
				"StartProcess": w.StartProcess(ctx, ns(name), true), "StopProcess": w.StopProcess(ctx, ns(name), true),
				"SignalProcess": w.SignalProcess(ctx, ns(name), 1), "WriteStdin": w.WriteStdin(ctx, ns(name), nil),
				"ClearLogs": w.ClearLogs(ctx, ns(name)), "DisableAutorestart": w.DisableAutorestart(ctx, ns(name)), "Process": info,
			} {
				if !errors.Is(err, ErrBadName) {
					t.Errorf("%s(%q) = %v", what, name, err)
				}
			}
		}
		for _, name := range []string{"p", "", "*", "g:*"} {
			_, start := w.StartGroup(ctx, name, true)
			_, stop := w.StopGroup(ctx, name, true)
			_, signal := w.SignalGroup(ctx, name, 1)
			_, group := w.Group(name)
			for what, err := range map[string]error{
				"StartGroup": start, "StopGroup": stop, "SignalGroup": signal, "Group": group, "AddGroup": w.AddGroup(name),
				"RemoveGroup": w.RemoveGroup(ctx, name),
			} {
				if !errors.Is(err, ErrBadName) {
					t.Errorf("%s(%q) = %v", what, name, err)
				}
			}
		}
	})
}

func TestStopProcess(t *testing.T) {
	for _, c := range []struct {
		name, command string
		after         time.Duration // of the stop
		wait          bool
		want          error
		took          time.Duration
		state         process.State
	}{
		{"waits for the end", "linger 2", 2 * time.Second, true, nil, 2 * time.Second, process.Stopped},
		{"without wait", "linger 2", 2 * time.Second, false, nil, 0, process.Stopping},
		{"kills a stubborn one", "stubborn", 2 * time.Second, true, nil, 10 * time.Second, process.Stopped},
		{"while it starts", "linger 2", 500 * time.Millisecond, true, nil, 2 * time.Second, process.Stopped},
		{"ends the retries", "exit 1 0.1", 500 * time.Millisecond, true, nil, 0, process.Stopped},
		{"has ended", "exit 0 1.5", 2 * time.Second, true, process.ErrNotRunning, 0, process.Exited},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, []config.Group{program("p", c.command)}, func(t *testing.T, w *world) {
				w.Start()
				time.Sleep(c.after)
				begin := time.Now()
				err := w.StopProcess(t.Context(), ns("p"), c.wait)
				if !errors.Is(err, c.want) || time.Since(begin) != c.took {
					t.Errorf("got %v after %v", err, time.Since(begin))
				}
				if got := w.Processes()[0].Info.State; got != c.state {
					t.Errorf("state %s, want %s", got, c.state)
				}
			})
		})
	}
}

func TestWaitingEndsWithItsContextAlone(t *testing.T) {
	inWorld(t, []config.Group{program("p", "run", manual, startSecs(5))}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.StartProcess(ctx, ns("p"), true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(4 * time.Second)
		expectText(t, "states", w.states(), "p RUNNING")
	})
}

func TestGroupOperations(t *testing.T) {
	groups := []config.Group{
		groupOf("g", 5,
			member1("b", "linger 3", prio(2), manual, startSecs(4)), member1("a", "linger 1", prio(3), manual),
			member1("c", "missing", prio(1), manual), member1("d", "exit 2 0.5", prio(1), manual, retries(0))),
		groupOf("h", 4, member1("x", "run", manual)),
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		timed := func(what string, want time.Duration, f func() ([]Result, error)) string {
			begin := time.Now()
			list, err := f()
			if err != nil || time.Since(begin) != want {
				t.Errorf("%s: %v after %v, want %v", what, err, time.Since(begin), want)
			}
			return results(list)
		}
		ctx := t.Context()
		expectText(t, "start", timed("start", 4*time.Second, func() ([]Result, error) { return w.StartGroup(ctx, "g", true) }),
			"g:c can't find command 'missing', g:d Exited too quickly (process log may have details), g:b, g:a")
		expect(t, "order of the starts", w.spawner.take()[:3], []string{"0.0 spawn d 2 0.5", "0.0 spawn b 3", "0.0 spawn a 1"})
		expectText(t, "start again", timed("start again", 0, func() ([]Result, error) { return w.StartGroup(ctx, "h", false) }), "h:x")
		expectText(t, "signal all", timed("signal", 0, func() ([]Result, error) { return w.SignalAll(ctx, syscall.SIGUSR1) }), "h:x, g:b, g:a")
		expectText(t, "stop", timed("stop", 3*time.Second, func() ([]Result, error) { return w.StopGroup(ctx, "g", true) }), "g:b, g:a")
		expectText(t, "nothing to stop", timed("stop", 0, func() ([]Result, error) { return w.StopGroup(ctx, "g", true) }), "")
		expectText(t, "nothing to signal", timed("signal", 0, func() ([]Result, error) { return w.SignalGroup(ctx, "g", 1) }), "")
		expectText(t, "stop all", timed("stop", 0, func() ([]Result, error) { return w.StopAll(ctx, true) }), "h:x")
		expectText(t, "start all", timed("start", 0, func() ([]Result, error) { return w.StartAll(ctx, false) }),
			"h:x, g:c can't find command 'missing', g:d, g:b, g:a")
	})
}

func TestGroupOperationEndsWithItsContext(t *testing.T) {
	inWorld(t, []config.Group{groupOf("g", 1, member1("a", "linger 1"), member1("b", "linger 9"))}, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(2 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		list, err := w.StopGroup(ctx, "g", true)
		if !errors.Is(err, context.DeadlineExceeded) || results(list) != "g:a, g:b context deadline exceeded" {
			t.Errorf("%s, %v", results(list), err)
		}
	})
}

func TestSignalProcess(t *testing.T) {
	inWorld(t, []config.Group{program("p", "run", manual)}, func(t *testing.T, w *world) {
		if err := w.SignalProcess(t.Context(), ns("p"), syscall.SIGUSR1); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("a stopped process: %v", err)
		}
		_ = w.StartProcess(t.Context(), ns("p"), true)
		w.spawner.take()
		if err := w.SignalProcess(t.Context(), ns("p"), syscall.SIGUSR1); err != nil {
			t.Error(err)
		}
		expect(t, "transcript", w.spawner.take(), []string{"1.0 SIGUSR1 p"})
	})
}

func TestStartProcessArgs(t *testing.T) {
	inWorld(t, []config.Group{program("p", "run", manual)}, func(t *testing.T, w *world) {
		if err := w.StartProcessArgs(t.Context(), ns("p"), "-x 'a b'", true); err != nil {
			t.Fatal(err)
		}
		if err := w.StartProcessArgs(t.Context(), ns("p"), "-y", true); !errors.Is(err, process.ErrAlreadyStarted) {
			t.Errorf("a second start: %v", err)
		}
		if got := w.Processes()[0].Info.ExtraArgs; got != "-x 'a b'" {
			t.Errorf("arguments %q", got)
		}
		_ = w.StopProcess(t.Context(), ns("p"), true)
		_ = w.StartProcessArgs(t.Context(), ns("p"), "", false)
		expect(t, "transcript", w.spawner.take(), []string{"0.0 spawn p -x a b", "1.0 SIGTERM p", "1.0 end p", "1.0 spawn p"})
	})
}

func TestWriteStdin(t *testing.T) {
	inWorld(t, []config.Group{program("p", "cat", manual, func(s *process.Spec) { s.Stdout.EventsEnabled = true })}, func(t *testing.T, w *world) {
		if err := w.WriteStdin(t.Context(), ns("p"), []byte("x")); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("a stopped process: %v", err)
		}
		_ = w.StartProcess(t.Context(), ns("p"), true)
		w.events()
		if err := w.WriteStdin(t.Context(), ns("p"), []byte("hello")); err != nil {
			t.Error(err)
		}
		pid := w.Processes()[0].Info.PID
		expect(t, "events", w.events(), []string{fmt.Sprintf("LOG_STDOUT processname:p groupname:p pid:%d channel:stdout hello", pid)})
	})
}

func TestDisableAutorestart(t *testing.T) {
	inWorld(t, []config.Group{program("p", "exit 1 2")}, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(2500 * time.Millisecond)
		expectText(t, "states before", w.states(), "p STARTING")
		if err := w.DisableAutorestart(t.Context(), ns("p")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		expectText(t, "states after", w.states(), "p EXITED")
	})
}

// TestEventsComeInOrder compares what the bus and Notify are told of processes that change a lot.
func TestEventsComeInOrder(t *testing.T) {
	var groups []config.Group
	for i := range 5 {
		groups = append(groups, program(fmt.Sprint("p", i), "exit 1 1.5"))
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		byProcess := func(list []string, name string) (out []string) {
			for _, e := range list {
				if strings.HasSuffix(e, " "+name) {
					out = append(out, e)
				}
			}
			return out
		}
		var told []string
		for _, ev := range w.told {
			told = append(told, short(ev))
		}
		bus := w.events()
		for i := range 5 {
			name := fmt.Sprint("p", i)
			got := byProcess(bus, name)
			expect(t, "Notify about "+name, byProcess(told, name), got)
			for j, e := range got[1:] {
				if want := []string{"STARTING", "RUNNING", "EXITED"}[j%3] + " " + name; e != want {
					t.Fatalf("event %d of %s is %s, want %s", j, name, e, want)
				}
			}
			if len(got) < 50 {
				t.Errorf("%d events of %s", len(got), name)
			}
		}
	})
}
