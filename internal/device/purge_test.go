package device

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/device"
)

// purgeable is a world whose application web has a data directory, srv/web/data below the one of the test, with something in it.
func purgeable(t *testing.T, change func(*Config)) (w *world, data string) {
	t.Helper()
	w = newWorld(t, programs, func(c *Config) {
		c.Options.Allow = []string{"purge"}
		c.Options.DataDirs = map[string]string{"web": filepath.Join(filepath.Dir(c.Options.LockDir), "srv/web/data")}
		if change != nil {
			change(c)
		}
	})
	w.host.real = true
	data = w.sup.Path("srv/web/data")
	w.sup.Write("srv/web/data/sub/deep/file", "x")
	w.sup.Write("srv/web/data/.hidden", "x")
	w.sup.Write("outside/precious", "x")
	if err := os.Symlink(w.sup.Path("outside"), filepath.Join(data, "sub", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(w.sup.Path("outside/precious"), filepath.Join(data, "link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(data, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, os.ModeSticky|0o770); err != nil {
		t.Fatal(err)
	}
	w.sup.Wait("web", process.Running)
	w.sup.Wait("grp:b", process.Running)
	return w, data
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestPurge(t *testing.T) {
	w, data := purgeable(t, nil)
	before := w.pids()
	w.host.before = func(call string) {
		want(t, "web during "+call, strings.HasSuffix(w.sup.States(), "web STOPPED"), true)
		want(t, "locked during "+call, there(w.locks.Path("web")), true)
	}
	if err := w.Purge(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
	wantList(t, "left over", names(t, data), nil)
	wantList(t, "outside", names(t, w.sup.Path("outside")), []string{"precious"})
	info, _ := os.Stat(data)
	want(t, "mode", info.Mode(), os.ModeDir|os.ModeSticky|0o770)
	now := w.pids()
	if now["web"] == 0 || now["web"] == before["web"] || now["a"] != before["a"] {
		t.Errorf("pids %v, then %v", before, now)
	}
	wantList(t, "calls", w.host.took(), []string{"empty data"})
	wantList(t, "notes", w.told(), []string{"device_purge web"})
	want(t, "lock", there(w.locks.Path("web")), false)
}

func TestPurgeKeepsWhatWasStopped(t *testing.T) {
	w, _ := purgeable(t, nil)
	if _, err := w.StopApp(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
	if err := w.Purge(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
	want(t, "state", strings.HasSuffix(w.sup.States(), "web STOPPED"), true)
}

func TestPurgeRefused(t *testing.T) {
	w, data := purgeable(t, nil)
	wantText[*device.UnknownApp](t, "unknown", w.Purge(t.Context(), "nope", true), "nope")
	wantText[*device.NotPossible](t, "no directory", w.Purge(t.Context(), "grp", true), "no data directory declared for grp")
	w.lock("web")
	wantText[*device.Locked](t, "locked", w.Purge(t.Context(), "web", false), w.locks.Path("web"))
	wantList(t, "calls", w.host.took(), nil)
	if err := w.Purge(t.Context(), "web", true); err != nil {
		t.Errorf("forced: %v", err)
	}
	os.RemoveAll(data)
	wantText[*device.NotFound](t, "missing", w.Purge(t.Context(), "web", false), data)
	w.options.Allow = nil
	wantText[*device.NotAllowed](t, "off", w.Purge(t.Context(), "web", true), "purge is disabled on this node")
}

func TestPurgeGuards(t *testing.T) {
	w, data := purgeable(t, func(c *Config) {
		c.Protected = []string{filepath.Join(filepath.Dir(c.Options.LockDir), "state/events.db")}
	})
	w.sup.Write("srv/link-target/data/x", "")
	w.sup.Write("state/x", "")
	w.sup.Write("srv/file", "")
	if err := os.Symlink(w.sup.Path("srv/link-target"), w.sup.Path("srv/linked")); err != nil {
		t.Fatal(err)
	}
	pid := w.pids()["web"]
	for dir, why := range map[string]string{
		"srv/web/data": "not absolute", data + "/": "not absolute and clean", w.sup.Dir + "/srv/../srv/web/data": "not absolute and clean",
		"/": "two levels", "/tmp": "two levels", w.sup.Path("srv/linked/data"): "symbolic link", w.sup.Path("srv/linked"): "symbolic link",
		w.sup.Path("srv/file"): "not a directory", w.sup.Dir: "is in it", w.sup.Path("locks"): "is in it", w.sup.Path("logs"): "is in it",
		w.sup.Path("state"): "events.db is in it", filepath.Dir(w.sup.Dir): "is in it",
	} {
		w.options.DataDirs = map[string]string{"web": dir}
		wantText[*device.NotPossible](t, dir, w.Purge(t.Context(), "web", true), why)
	}
	w.options.DataDirs = map[string]string{"web": data}
	w.options.DataRoot = w.sup.Path("srv/we")
	wantText[*device.NotPossible](t, "root", w.Purge(t.Context(), "web", true), "not below")
	w.options.DataRoot = w.sup.Path("srv")
	want(t, "nothing was stopped", w.pids()["web"], pid)
	wantList(t, "calls", w.host.took(), nil)
	if err := w.Purge(t.Context(), "web", true); err != nil {
		t.Errorf("below the root: %v", err)
	}
}

// TestPurgeOfPrograms refuses a directory with what a program runs.
func TestPurgeOfPrograms(t *testing.T) {
	w := newWorld(t, "[program:web]\ncommand=/bin/sh DIR/srv/app/bin/run\nautostart=false\n[program:own]\ncommand=DIR/srv/own/prog\nautostart=false\n",
		func(c *Config) { c.Options.Allow = []string{"purge"} })
	w.sup.Write("srv/app/bin/run", "#!/bin/sh\n")
	w.sup.Write("srv/own/prog", "#!/bin/sh\n")
	os.Chmod(w.sup.Path("srv/app/bin/run"), 0o755)
	w.options.DataDirs = map[string]string{"web": w.sup.Path("srv/app"), "own": w.sup.Path("srv/own")}
	for _, name := range []string{"web", "own"} {
		wantText[*device.NotPossible](t, name, w.Purge(t.Context(), name, true), "is in it")
	}
}

// TestPurgeThatFails starts the processes again all the same.
func TestPurgeThatFails(t *testing.T) {
	w, _ := purgeable(t, nil)
	before := w.pids()["web"]
	w.host.real, w.host.fail = false, errBroken
	if err := w.Purge(t.Context(), "web", false); !errors.Is(err, errBroken) {
		t.Errorf("purge: %v", err)
	}
	if now := w.sup.Wait("web", process.Running).PID; now == before {
		t.Error("it was not stopped")
	}
	wantList(t, "notes", w.told(), []string{"device_purge web !"})
}

func TestDryRun(t *testing.T) {
	w, data := purgeable(t, func(c *Config) { c.Options.DryRun = true })
	before := w.pids()["web"]
	if err := w.Purge(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
	want(t, "file", there(filepath.Join(data, ".hidden")), true)
	if w.pids()["web"] == before {
		t.Error("the application was not stopped")
	}
	wantList(t, "calls", w.host.took(), nil)
	if notes := w.told(); !slices.Contains(notes, "device_dry_run") {
		t.Errorf("notes %q", notes)
	}
}

var errBroken = errors.New("broken")
