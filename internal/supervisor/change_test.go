package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// inWorldOfFile is inWorld with a configuration file; configure replaces its programs.
func inWorldOfFile(t *testing.T, programs string, f func(t *testing.T, w *world, configure func(string))) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "supervisord.conf")
	configure := func(programs string) {
		text := "[supervisord]\nchildlogdir=" + filepath.Dir(path) + "\n" + programs
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (*config.Config, error) { return config.Load(path, config.Flags{}) }
	configure(programs)
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	inWorldOf(t, cfg, func(d *Deps) { d.Reload = load }, func(t *testing.T, w *world) { f(t, w, configure) })
}

// section returns a program section without log files.
func section(name, command string, options ...string) string {
	return fmt.Sprintf("[program:%s]\ncommand=%s\nstdout_logfile=NONE\nstderr_logfile=NONE\n%s\n", name, command, strings.Join(options, "\n"))
}

func TestReread(t *testing.T) {
	before := section("keep", "run") + section("change", "run") + section("gone", "run")
	inWorldOfFile(t, before, func(t *testing.T, w *world, configure func(string)) {
		w.Start()
		time.Sleep(2 * time.Second)
		w.events()
		same := func(what string, want config.Changes) {
			t.Helper()
			if got, err := w.Reread(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v; want %+v", what, got, err, want)
			}
		}
		same("nothing changed", config.Changes{})
		configure("; a comment\n" + before)
		same("a comment", config.Changes{})

		configure(section("keep", "run") + section("change", "run", "priority=5") + section("new", "run"))
		if err := w.AddGroup("new"); !errors.Is(err, ErrBadName) {
			t.Errorf("a group that was not read yet: %v", err)
		}
		differs := config.Changes{Added: []string{"new"}, Changed: []string{"change"}, Removed: []string{"gone"}}
		same("changes", differs)
		same("the same changes again", differs)
		expectText(t, "states", w.states(), "change RUNNING, gone RUNNING, keep RUNNING")

		configure(section("keep", "run", "autorestart=sometimes"))
		_, err := w.Reread()
		var bad *config.Error
		if !errors.As(err, &bad) || !strings.HasPrefix(bad.Text(), "invalid 'autorestart' value 'sometimes' in section 'program:keep'") {
			t.Errorf("a bad file: %v", err)
		}
		var names []string
		for _, c := range w.Configured() {
			names = append(names, fmt.Sprint(c.Name, " ", c.InUse))
		}
		slices.Sort(names)
		expect(t, "configured after the bad file", names, []string{"change true", "keep true", "new false"})
		expect(t, "events", w.events(), nil)
	})
}

func TestUpdateByHand(t *testing.T) {
	inWorldOfFile(t, section("a", "run")+section("b", "linger 1"), func(t *testing.T, w *world, configure func(string)) {
		w.Start()
		time.Sleep(2 * time.Second)
		w.events()
		ctx := t.Context()
		configure(section("a", "run") + section("b", "run", "startsecs=0") + section("c", "run", "autostart=false"))
		if _, err := w.Reread(); err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveGroup(ctx, "b"); !errors.Is(err, ErrStillRunning) {
			t.Errorf("removal of a running group: %v", err)
		}
		if err := w.AddGroup("b"); !errors.Is(err, ErrAlreadyAdded) {
			t.Errorf("a second group: %v", err)
		}
		for _, err := range []error{w.StopProcess(ctx, ns("b"), true), w.RemoveGroup(ctx, "b"), w.AddGroup("c"), w.AddGroup("b")} {
			if err != nil {
				t.Error(err)
			}
		}
		expect(t, "events", w.events(), []string{"STOPPING b", "STOPPED b", "GROUP_REMOVED b", "GROUP_ADDED c", "GROUP_ADDED b", "STARTING b", "RUNNING b"})
		expectText(t, "states", w.states(), "a RUNNING, b RUNNING, c STOPPED")
		if changes, err := w.Reread(); err != nil || !reflect.DeepEqual(changes, config.Changes{}) {
			t.Errorf("after the update: %+v, %v", changes, err)
		}
	})
}

func TestApply(t *testing.T) {
	before := section("keep", "run") + section("change", "linger 2") + section("gone", "linger 3") + section("slow", "run")
	inWorldOfFile(t, before, func(t *testing.T, w *world, configure func(string)) {
		w.Start()
		time.Sleep(2 * time.Second)
		w.events()
		configure(section("keep", "run") + section("change", "run", "startsecs=0") + section("new", "run") + section("slow", "run"))
		changes, err := w.Reread()
		if err != nil {
			t.Fatal(err)
		}
		_ = w.StopProcess(t.Context(), ns("gone"), false) // somebody is faster with one of them
		begin := time.Now()
		if err := w.Apply(t.Context(), changes); err != nil || time.Since(begin) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		expect(t, "events", w.events(), []string{"STOPPING gone", "STOPPING change", "STOPPED change", "STOPPED gone", "GROUP_REMOVED gone",
			"GROUP_REMOVED change", "GROUP_ADDED change", "STARTING change", "RUNNING change", "GROUP_ADDED new", "STARTING new"})
		expectText(t, "states", w.states(), "change RUNNING, keep RUNNING, new STARTING, slow RUNNING")
		err = w.Apply(t.Context(), config.Changes{Removed: []string{"who"}, Added: []string{"keep", "what"}})
		if !errors.Is(err, ErrBadName) || !errors.Is(err, ErrAlreadyAdded) {
			t.Errorf("nonsense: %v", err)
		}
	})
}

func TestRefusedRemovalLeavesTheGroupAsItWas(t *testing.T) {
	inWorld(t, []config.Group{groupOf("g", 1, member1("a", "run", manual), member1("b", "run"))}, func(t *testing.T, w *world) {
		w.Start()
		if err := w.RemoveGroup(t.Context(), "g"); !errors.Is(err, ErrStillRunning) {
			t.Fatalf("got %v", err)
		}
		if err := w.StartProcess(t.Context(), ns("g:a"), true); err != nil {
			t.Errorf("the stopped process cannot be started any more: %v", err)
		}
	})
}

func TestAddGroupThatCannotBeMade(t *testing.T) {
	bad := program("bad", "run", func(s *process.Spec) { s.Stdout.File = "AUTO" })
	cfg := &config.Config{Groups: []config.Group{program("good", "run"), bad}}
	cfg.Supervisord.ChildLogDir = filepath.Join(t.TempDir(), "none")
	s, err := New(cfg, Deps{Spawner: &fakeSpawner{}, Log: &ActivityLog{}, Bus: event.NewBus()})
	if err == nil || !strings.Contains(err.Error(), "add group bad: create log of bad") {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestQueries(t *testing.T) {
	groups := []config.Group{
		groupOf("z", 1, member1("b", "run"), member1("a", "run", prio(1))), groupOf("a", 2, member1("x", "run")), groupOf("m", 1, member1("y", "run")),
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		names := func(list []Process) (out []string) {
			for _, p := range list {
				out = append(out, p.Info.Group+":"+p.Info.Name)
			}
			return out
		}
		expect(t, "Processes", names(w.Processes()), []string{"a:x", "m:y", "z:a", "z:b"})
		var order []string
		for _, g := range w.Groups() {
			order = append(order, fmt.Sprint(g.Name, " ", g.Priority, " ", names(g.Processes)))
		}
		expect(t, "Groups", order, []string{"z 1 [z:a z:b]", "m 1 [m:y]", "a 2 [a:x]"})
		g, err := w.Group("z")
		if err != nil || g.Name != "z" {
			t.Errorf("Group: %+v, %v", g, err)
		}
		p, err := w.Process(ns("z:b"))
		if err != nil || p.Info.Name != "b" || p.Spec.Command != "run" {
			t.Errorf("Process: %+v, %v", p, err)
		}
		expect(t, "Programs", w.Programs(), []string{"a", "b", "x", "y"})
		if err := w.StartProcess(t.Context(), ns("m:y"), false); err != nil {
			t.Fatal(err)
		}
		var counted []string
		for _, p := range w.Counted() {
			counted = append(counted, fmt.Sprint(p.Info.Group, ":", p.Info.Name, " ", p.Counts.Starts))
		}
		expect(t, "Counted", counted, []string{"a:x 0", "m:y 1", "z:a 0", "z:b 0"})
	})
}

func TestDisable(t *testing.T) {
	cfg := &config.Config{Groups: []config.Group{program("p", "run"), program("q", "exit 1 2"), program("r", "run", manual)}}
	inWorldOf(t, cfg, func(d *Deps) { d.Disabled = []string{"p"} }, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(1500 * time.Millisecond)
		expectText(t, "disabled from the beginning", w.states(), "p STOPPED, q RUNNING, r STOPPED")
		w.events()
		ctx := t.Context()
		set := func(program string, on bool) {
			t.Helper()
			if err := w.SetDisabled(ctx, program, on); err != nil {
				t.Error(err)
			}
		}
		set("q", true)
		expectText(t, "a running child goes on", w.states(), "p STOPPED, q RUNNING, r STOPPED")
		time.Sleep(5 * time.Second)
		expectText(t, "but is not restarted", w.states(), "p STOPPED, q EXITED, r STOPPED")
		set("r", true)
		set("p", false)
		set("r", false)
		expect(t, "events", w.events(), []string{"DISABLED q true", "EXITED q", "DISABLED r true", "ENABLED p false", "STARTING p", "ENABLED r false"})
		expectText(t, "enabled", w.states(), "p STARTING, q EXITED, r STOPPED")
		if err := w.SetDisabled(ctx, "none", true); !errors.Is(err, ErrBadName) {
			t.Errorf("an unknown program: %v", err)
		}
	})
}

func TestDisabledProgramStaysSoInANewGroup(t *testing.T) {
	inWorldOfFile(t, section("p", "run"), func(t *testing.T, w *world, configure func(string)) {
		w.Start()
		ctx := t.Context()
		for _, err := range []error{w.SetDisabled(ctx, "p", true), w.StopProcess(ctx, ns("p"), true), w.RemoveGroup(ctx, "p"), w.AddGroup("p")} {
			if err != nil {
				t.Fatal(err)
			}
		}
		expectText(t, "states", w.states(), "p STOPPED")
		if p := w.Processes()[0]; !p.Info.Disabled {
			t.Error("the new process is not disabled")
		}
	})
}

func TestSetNumprocs(t *testing.T) {
	numprocs := func(n int) string {
		return section("p", "linger 1", "process_name=p_%(process_num)d", fmt.Sprint("numprocs=", n), "startsecs=0")
	}
	inWorldOfFile(t, numprocs(2)+section("q", "run", "autostart=false"), func(t *testing.T, w *world, configure func(string)) {
		w.Start()
		ctx := t.Context()
		change := func(n int, wantAdded, wantObsolete string) {
			t.Helper()
			added, obsolete, err := w.SetNumprocs(ctx, "p", n)
			if err != nil || fmt.Sprint(added) != wantAdded || fmt.Sprint(obsolete) != wantObsolete {
				t.Errorf("to %d: added %v, obsolete %v, %v; want %s and %s", n, added, obsolete, err, wantAdded, wantObsolete)
			}
		}
		w.events()
		change(4, "[p:p_2 p:p_3]", "[]")
		expect(t, "events of growing", w.events(), []string{"ADDED p_2", "ADDED p_3", "STARTING p:p_2", "RUNNING p:p_2", "STARTING p:p_3", "RUNNING p:p_3"})
		change(4, "[]", "[]")

		change(1, "[]", "[p:p_1 p:p_2 p:p_3]")
		expectText(t, "obsolete processes run on", w.states(), "p:p_0 RUNNING, p:p_1 RUNNING, p:p_2 RUNNING, p:p_3 RUNNING, q STOPPED")
		_ = w.StopProcess(ctx, ns("p:p_3"), true)
		expectText(t, "one has stopped", w.states(), "p:p_0 RUNNING, p:p_1 RUNNING, p:p_2 RUNNING, q STOPPED")
		change(2, "[]", "[p:p_2]")
		_ = w.StopProcess(ctx, ns("p:p_1"), true)
		_ = w.StopProcess(ctx, ns("p:p_2"), true)
		expectText(t, "the one wanted again stays", w.states(), "p:p_0 RUNNING, p:p_1 STOPPED, q STOPPED")
		if err := w.StartProcess(ctx, ns("p:p_1"), true); err != nil {
			t.Errorf("it cannot be started: %v", err)
		}

		_ = w.StopProcess(ctx, ns("p:p_1"), true)
		w.events()
		change(1, "[]", "[]") // removed at once
		expect(t, "events of shrinking", w.events(), []string{"REMOVED p_1"})
		if changes, err := w.Reread(); err != nil || !slices.Equal(changes.Changed, []string{"p"}) {
			t.Errorf("the file still says 2: %+v, %v", changes, err)
		}
		configure(numprocs(1) + section("q", "run", "autostart=false"))
		if changes, err := w.Reread(); err != nil || !reflect.DeepEqual(changes, config.Changes{}) {
			t.Errorf("the file says 1 now: %+v, %v", changes, err)
		}
	})
}

func TestSetNumprocsRefused(t *testing.T) {
	inWorldOfFile(t, section("p", "run"), func(t *testing.T, w *world, configure func(string)) {
		if _, _, err := w.SetNumprocs(t.Context(), "none", 2); !errors.Is(err, ErrBadName) {
			t.Errorf("an unknown program: %v", err)
		}
		var bad *config.Error
		if _, _, err := w.SetNumprocs(t.Context(), "p", 2); !errors.As(err, &bad) {
			t.Errorf("a process_name without the number: %v", err)
		}
		expectText(t, "states", w.states(), "p STOPPED")
	})
}

// TestNumprocsOfAProgramInGroups changes a program that a group has beside another one.
func TestNumprocsOfAProgramInGroups(t *testing.T) {
	sections := func(n int) string {
		return section("p", "run", "process_name=p_%(process_num)d", fmt.Sprint("numprocs=", n), "priority=1") +
			section("q", "run") + section("r", "run") + "[group:g]\nprograms=q,p,r\n"
	}
	conf := sections(1)
	inWorldOfFile(t, conf, func(t *testing.T, w *world, configure func(string)) {
		added, _, err := w.SetNumprocs(t.Context(), "p", 2)
		if err != nil || fmt.Sprint(added) != "[g:p_1]" {
			t.Fatalf("added %v, %v", added, err)
		}
		expectText(t, "not started before Start", w.states(), "g:p_0 STOPPED, g:p_1 STOPPED, g:q STOPPED, g:r STOPPED")
		configure(sections(2))
		if changes, err := w.Reread(); err != nil || !reflect.DeepEqual(changes, config.Changes{}) {
			t.Errorf("the file says the same: %+v, %v", changes, err)
		}
	})
}
