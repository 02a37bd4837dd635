package supervisor

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// syncBuffer is a log in memory.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// take returns the lines since the last call that contain the text, without their times.
func (b *syncBuffer) take(text string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for line := range strings.Lines(b.buf.String()) {
		if strings.Contains(line, text) {
			lines = append(lines, strings.TrimSpace(line[min(24, len(line)):]))
		}
	}
	b.buf.Reset()
	return lines
}

// world is a Supervisor with fake children in a synctest bubble.
type world struct {
	*Supervisor
	t       *testing.T
	spawner *fakeSpawner
	bus     *event.Bus
	sub     *event.Subscription
	log     *syncBuffer
	told    []event.Event // by Notify
	tellMu  sync.Mutex
}

// inWorld runs f in a bubble with a Supervisor of these groups, and shuts it down afterwards.
func inWorld(t *testing.T, groups []config.Group, f func(*testing.T, *world)) {
	t.Helper()
	inWorldOf(t, &config.Config{Groups: groups}, nil, f)
}

func inWorldOf(t *testing.T, cfg *config.Config, change func(*Deps), f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, spawner: &fakeSpawner{begin: time.Now()}, bus: event.NewBus(), log: &syncBuffer{}}
		w.sub = w.bus.Subscribe(10000, event.TypeEvent)
		deps := Deps{
			Spawner: w.spawner, Bus: w.bus, Notify: w.notify,
			Log: &ActivityLog{Logger: slog.New(NewActivityHandler(slog.LevelInfo, w.log))},
		}
		if change != nil {
			change(&deps)
		}
		s, err := New(cfg, deps)
		if err != nil {
			t.Fatal(err)
		}
		w.Supervisor = s
		f(t, w)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		w.bus.Close()
	})
}

func (w *world) notify(ev event.Event) {
	w.tellMu.Lock()
	defer w.tellMu.Unlock()
	w.told = append(w.told, ev)
}

// events returns short forms of the events since the last call, ticks left out: "RUNNING g:p", "GROUP_ADDED g".
func (w *world) events() []string {
	synctest.Wait()
	var all []string
	for len(w.sub.C) > 0 {
		if n := <-w.sub.C; !n.Event.Type().Is(event.TypeTick) {
			all = append(all, short(n.Event))
		}
	}
	return all
}

func short(ev event.Event) string {
	name := strings.TrimPrefix(strings.TrimPrefix(ev.Type().String(), "PROCESS_STATE_"), "PROCESS_")
	switch ev := ev.(type) {
	case event.StateChanged:
		return name + " " + process.Namespec{Group: ev.Info.Group, Process: ev.Info.Name}.String()
	case event.GroupAdded:
		return name + " " + ev.Group
	case event.GroupRemoved:
		return name + " " + ev.Group
	case event.ProcessAdded:
		return name + " " + ev.Info.Name
	case event.ProcessRemoved:
		return name + " " + ev.Info.Name
	case event.ProcessDisabled:
		return fmt.Sprintf("%s %s %v", name, ev.Info.Name, ev.Info.Disabled)
	case event.ProcessEnabled:
		return fmt.Sprintf("%s %s %v", name, ev.Info.Name, ev.Info.Disabled)
	}
	return strings.TrimSpace(name + " " + strings.ReplaceAll(ev.Payload(), "\n", " "))
}

// states returns "p RUNNING, q STOPPED" for all processes by group and name.
func (w *world) states() string {
	synctest.Wait()
	var all []string
	for _, p := range w.Processes() {
		all = append(all, fmt.Sprintf("%s %s", process.Namespec{Group: p.Info.Group, Process: p.Info.Name}, p.Info.State))
	}
	return strings.Join(all, ", ")
}

// expect compares two lists.
func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func expectText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// spec returns the usual spec of a fake program.
func spec(name, command string) *process.Spec {
	return &process.Spec{
		Program: name, Group: name, Name: name, Command: command, UID: -1, Umask: -1, Priority: 999, Autostart: true,
		Autorestart: process.RestartUnexpected, StartSecs: 1, StartRetries: 3, ExitCodes: []int{0}, StopSignal: 15, StopWaitSecs: 10,
	}
}

// program returns a group of one process.
func program(name, command string, change ...func(*process.Spec)) config.Group {
	return groupOf(name, 999, member1(name, command, change...))
}

func member1(name, command string, change ...func(*process.Spec)) *process.Spec {
	s := spec(name, command)
	for _, f := range change {
		f(s)
	}
	return s
}

// groupOf returns a group of several processes.
func groupOf(name string, priority int, specs ...*process.Spec) config.Group {
	g := config.Group{Name: name, Priority: priority}
	for _, s := range specs {
		s.Group = name
		g.Specs = append(g.Specs, s)
	}
	return g
}

func prio(n int) func(*process.Spec)      { return func(s *process.Spec) { s.Priority = n } }
func startSecs(n int) func(*process.Spec) { return func(s *process.Spec) { s.StartSecs = n } }
func retries(n int) func(*process.Spec)   { return func(s *process.Spec) { s.StartRetries = n } }
func manual(s *process.Spec)              { s.Autostart = false }

func ns(text string) process.Namespec { return process.ParseNamespec(text) }
