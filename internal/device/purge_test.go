package device

import (
	"context"
	"errors"
	"fmt"
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
	data = w.path("srv/web/data")
	w.write("srv/web/data/sub/deep/file", "x")
	w.write("srv/web/data/.hidden", "x")
	w.write("outside/precious", "x")
	if err := os.Symlink(w.path("outside"), filepath.Join(data, "sub", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(w.path("outside/precious"), filepath.Join(data, "link")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(data, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, os.ModeSticky|0o770); err != nil {
		t.Fatal(err)
	}
	w.wait("web", process.Running)
	w.wait("grp:b", process.Running)
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
		want(t, "web during "+call, strings.HasSuffix(w.states(), "web STOPPED"), true)
		want(t, "locked during "+call, there(w.locks.Path("web")), true)
	}
	if err := w.Purge(t.Context(), "web", false); err != nil {
		t.Fatal(err)
	}
	wantList(t, "left over", names(t, data), nil)
	wantList(t, "outside", names(t, w.path("outside")), []string{"precious"})
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
	want(t, "state", strings.HasSuffix(w.states(), "web STOPPED"), true)
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
	w.write("srv/link-target/data/x", "")
	w.write("state/x", "")
	w.write("srv/file", "")
	if err := os.Symlink(w.path("srv/link-target"), w.path("srv/linked")); err != nil {
		t.Fatal(err)
	}
	pid := w.pids()["web"]
	for dir, why := range map[string]string{
		"srv/web/data": "not absolute", data + "/": "not absolute and clean", w.dir + "/srv/../srv/web/data": "not absolute and clean",
		"/": "two levels", "/tmp": "two levels", w.path("srv/linked/data"): "symbolic link", w.path("srv/linked"): "symbolic link",
		w.path("srv/file"): "not a directory", w.dir: "is in it", w.path("locks"): "is in it", w.path("locks/web"): "", w.path("logs"): "is in it",
		w.path("state"): "events.db is in it", filepath.Dir(w.dir): "is in it",
	} {
		if why == "" {
			continue
		}
		w.options.DataDirs = map[string]string{"web": dir}
		wantText[*device.NotPossible](t, dir, w.Purge(t.Context(), "web", true), why)
	}
	w.options.DataDirs = map[string]string{"web": data}
	w.options.DataRoot = w.path("srv/we")
	wantText[*device.NotPossible](t, "root", w.Purge(t.Context(), "web", true), "not below")
	w.options.DataRoot = w.path("srv")
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
	w.write("srv/app/bin/run", "#!/bin/sh\n")
	w.write("srv/own/prog", "#!/bin/sh\n")
	os.Chmod(w.path("srv/app/bin/run"), 0o755)
	w.options.DataDirs = map[string]string{"web": w.path("srv/app"), "own": w.path("srv/own")}
	for _, name := range []string{"web", "own"} {
		wantText[*device.NotPossible](t, name, w.Purge(t.Context(), name, true), "is in it")
	}
}

// TestPurgeThatFails starts the processes again all the same.
func TestPurgeThatFails(t *testing.T) {
	w, data := purgeable(t, nil)
	before := w.pids()["web"]
	deep := data
	for i := range maxDepth + 3 {
		deep = filepath.Join(deep, fmt.Sprint(i))
	}
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	err := w.Purge(t.Context(), "web", false)
	if err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("purge: %v", err)
	}
	wantList(t, "the rest is gone", names(t, data), []string{"0"})
	if now := w.wait("web", process.Running).PID; now == before {
		t.Error("it was not stopped")
	}
	wantList(t, "notes", w.told(), []string{"device_purge web !"})
}

func TestEmpty(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 { // more than one block of names
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file-with-a-long-name-", i)), nil, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := empty(t.Context(), dir); err != nil {
		t.Error(err)
	}
	wantList(t, "left over", names(t, dir), nil)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "x"), nil, 0o600)
	for _, path := range []string{link, filepath.Join(link, "x"), filepath.Join(dir, "none"), filepath.Join(dir, "x")} {
		if err := empty(t.Context(), path); err == nil {
			t.Errorf("%s was emptied", path)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := empty(ended, dir); err != context.Canceled {
		t.Errorf("at the end of the daemon: %v", err)
	}
	wantList(t, "left", names(t, dir), []string{"x"})
}

// TestEmptyStopsAtMounts needs the right to mount.
func TestEmptyStopsAtMounts(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inner, outer := filepath.Join(dir, "data", "mounted"), filepath.Join(dir, "outer")
	for _, d := range []string{inner, outer} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.WriteFile(filepath.Join(outer, "precious"), nil, 0o600)
	os.WriteFile(filepath.Join(dir, "data", "z"), nil, 0o600)
	if err := unix.Mount(outer, inner, "", unix.MS_BIND, ""); err != nil {
		t.Skip("no right to mount: ", err)
	}
	defer unix.Unmount(inner, unix.MNT_DETACH)
	err = empty(t.Context(), filepath.Join(dir, "data"))
	if err == nil {
		t.Error("no error")
	}
	wantList(t, "what is mounted", names(t, outer), []string{"precious"})
	wantList(t, "what is not", names(t, filepath.Join(dir, "data")), []string{"mounted"})
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

func TestResolvedPaths(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(dir, "real"), 0o755)
	os.Symlink("real", filepath.Join(dir, "link"))
	for path, to := range map[string]string{
		"": "", "relative": "", "/": "/", dir + "/link/a/b": dir + "/real/a/b", dir + "/link": dir + "/real", "/no/such/path": "/no/such/path",
	} {
		want(t, path, resolved(path), to)
	}
}

var errBroken = errors.New("broken")
