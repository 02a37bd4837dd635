package device

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/device"
)

func powerful(c *Config) {
	c.Options.Allow = []string{"reboot", "shutdown"}
	c.Options.RebootCommand = []string{"/bin/true", "reboot"}
	c.Options.ShutdownCommand = []string{"/bin/true", "off"}
}

func TestReboot(t *testing.T) {
	var left atomic.Bool
	w := newWorld(t, programs, func(c *Config) {
		powerful(c)
		c.Leave = func(context.Context) error { left.Store(true); return errors.New("alone") }
	})
	w.sup.Wait("web", process.Running)
	w.sup.Wait("grp:b", process.Running)
	if _, err := w.StartApp(t.Context(), "grp"); err != nil {
		t.Fatal(err)
	}
	supervisortest.Until(t, "signals are caught", func() bool { return w.catches("a") && w.catches("b") && w.catches("c") })
	if err := w.Reboot(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	want(t, "states", w.sup.States(), "grp:a STOPPED, grp:b STOPPED, grp:c STOPPED, web STOPPED")
	want(t, "the cluster was left", left.Load(), true)
	wantList(t, "calls before the answer", w.host.took(), nil)
	var calls []string
	supervisortest.Until(t, "the command runs", func() bool { calls = append(calls, w.host.took()...); return len(calls) > 0 })
	wantList(t, "calls", calls, []string{"run /bin/true reboot"})
	want(t, "states", w.sup.States(), "grp:a STOPPED, grp:b STOPPED, grp:c STOPPED, web STOPPED")
	want(t, "locks are kept", there(w.locks.Path("web")) && there(w.locks.Path("grp")), true)
	data, err := os.ReadFile(w.sup.Path("order"))
	if err != nil || len(strings.Fields(string(data))) != 3 {
		t.Errorf("order %q, %v", data, err)
	}
	var saved savedPower
	if err := w.folder.Load(powerFile, &saved); err != nil || saved.What != "reboot" || saved.When.IsZero() {
		t.Errorf("written down: %+v, %v", saved, err)
	}
	wantList(t, "notes", w.told(), []string{"device_reboot"})
}

// TestOrderOfTheEnd has groups of several priorities, which end one after the other.
func TestOrderOfTheEnd(t *testing.T) {
	const text = `[program:first]
command=PLAY last DIR/order first
priority=1
startsecs=0
[program:second]
command=PLAY last DIR/order second
priority=2
startsecs=0
[program:third]
command=PLAY last DIR/order third
priority=3
startsecs=0
`
	w := newWorld(t, text, powerful)
	w.sup.Wait("third", process.Running)
	supervisortest.Until(t, "signals are caught", func() bool { return w.catches("first") && w.catches("second") && w.catches("third") })
	if err := w.Shutdown(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.sup.Path("order"))
	if err != nil || strings.Join(strings.Fields(string(data)), " ") != "third second first" {
		t.Errorf("order %q, %v", data, err)
	}
}

// catches reports whether a process is ready to be ended.
func (w *world) catches(name string) bool { return there(w.sup.Path("order." + name)) }

func TestPowerRefused(t *testing.T) {
	w := newWorld(t, programs, powerful)
	w.sup.Wait("grp:b", process.Running)
	before := w.pids()
	w.lock("grp")
	wantText[*device.Locked](t, "locked", w.Reboot(t.Context(), false), w.locks.Path("grp"))
	w.unlock("grp")
	w.host.cannot = errors.New("this node lives in a container")
	wantText[*device.NotPossible](t, "container", w.Shutdown(t.Context(), true), "container")
	w.host.cannot = nil
	w.options.ShutdownCommand = []string{"no-such-command"}
	wantText[*device.NotPossible](t, "no program", w.Shutdown(t.Context(), true), "no-such-command")
	w.options.ShutdownCommand = nil
	wantText[*device.NotPossible](t, "no command", w.Shutdown(t.Context(), true), "no shutdown_command is configured")
	w.options.Allow = []string{"shutdown"}
	wantText[*device.NotAllowed](t, "off", w.Reboot(t.Context(), true), "reboot is disabled on this node; add it to allow in [device]")
	for name, pid := range w.pids() {
		want(t, name, pid, before[name])
	}
	want(t, "locks", there(w.locks.Path("web")) || there(w.locks.Path("grp")), false)
	wantList(t, "calls", w.host.took(), nil)
}

func TestPowerThatFails(t *testing.T) {
	for _, dry := range []bool{false, true} {
		var rejoined atomic.Bool
		w := newWorld(t, programs, func(c *Config) {
			powerful(c)
			c.Options.DryRun = dry
			c.Rejoin = func(context.Context) error { rejoined.Store(true); return nil }
		})
		w.host.fail = errors.New("not root")
		w.sup.Wait("web", process.Running)
		w.sup.Wait("grp:b", process.Running)
		if err := w.Shutdown(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		supervisortest.Until(t, "what ran runs again", func() bool {
			return w.sup.States() == "grp:a RUNNING, grp:b RUNNING, grp:c STOPPED, web RUNNING"
		})
		supervisortest.Until(t, "the locks are free", func() bool { return !there(w.locks.Path("web")) && !there(w.locks.Path("grp")) })
		want(t, "rejoined", rejoined.Load(), true)
		wantList(t, "notes", w.told(), map[bool][]string{false: {"device_shutdown", "device_shutdown !"}, true: {"device_shutdown", "device_dry_run"}}[dry])
		wantList(t, "calls", w.host.took(), map[bool][]string{false: {"run /bin/true off"}, true: nil}[dry])
	}
}
