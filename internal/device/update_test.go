package device

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

// idle waits until no update is under way and none was asked for.
func (w *world) idle() updateStatus {
	w.t.Helper()
	u := w.Device.update
	supervisortest.Until(w.t, "no update is under way", func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return !u.asked && !u.cancel && len(u.wake) == 0 && !u.status().running
	})
	return u.status()
}

func (w *world) flags() [3]bool {
	w.t.Helper()
	s, err := w.State(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return [3]bool{s.UpdatePending, s.UpdateDownloaded, s.UpdateFailed}
}

// renew forgets when the files were looked at.
func (w *world) renew() {
	w.files.mu.Lock()
	defer w.files.mu.Unlock()
	w.files.looked = time.Time{}
}

func TestUpdate(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("grp:b", process.Running)
	if err := w.sup.StartProcess(t.Context(), process.ParseNamespec("grp:c"), true); err != nil { // it does not start by itself
		t.Fatal(err)
	}
	before := w.pids()
	changed := strings.Replace(programs, "order c", "order C", 1) + "[program:new]\ncommand=PLAY idle\nstartsecs=0\n"
	w.sup.Configure(changed)
	w.renew()
	want(t, "flags", w.flags(), [3]bool{true, true, false})
	want(t, "pids", w.pids()["web"], before["web"])
	w.Update(false, false)
	w.sup.Wait("new", process.Running)
	supervisortest.Until(t, "grp is back", func() bool {
		now := w.pids()
		return now["a"] != 0 && now["c"] != 0 && now["a"] != before["a"] && now["c"] != before["c"]
	})
	want(t, "status", w.idle(), updateStatus{})
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b RUNNING, grp:c RUNNING, new RUNNING, web RUNNING")
	want(t, "web", w.pids()["web"], before["web"])
	want(t, "flags", w.flags(), [3]bool{})
	wantList(t, "notes", w.told(), []string{"start_service_configuration new", "service_configuration_complete new",
		"start_service_configuration grp", "service_configuration_complete grp"})
	if !there(strings.TrimSuffix(w.locks.Path("new"), "/updates.lock")) {
		t.Error("the new application has no directory for its lock")
	}
	w.sup.Configure("[program:web]\ncommand=PLAY idle\n")
	w.Update(false, false)
	supervisortest.Until(t, "groups are removed", func() bool { return strings.HasPrefix(w.sup.States(), "web ") })
	w.idle()
	wantList(t, "groups", w.groups(), []string{"web"})
}

func TestUpdateLocked(t *testing.T) {
	w := newWorld(t, programs, nil)
	before := w.sup.Wait("web", process.Running).PID
	w.sup.Wait("grp:b", process.Running)
	w.lock("web")
	w.sup.Configure(strings.NewReplacer("FOO=\"bar\"", "FOO=\"new\"", "order a", "order A").Replace(programs))
	w.Update(false, false)
	supervisortest.Until(t, "it waits", func() bool { s := w.Device.update.status(); return !s.running && s.failed && s.waits })
	want(t, "pid", w.pids()["web"], before)
	want(t, "flags", w.flags(), [3]bool{true, true, true})
	p, err := w.sup.Process(process.ParseNamespec("grp:a"))
	if err != nil || !strings.HasSuffix(p.Spec.Command, "order A") {
		t.Errorf("the lock of one application has kept another from its update: %+v, %v", p.Spec.Command, err)
	}
	w.unlock("web")
	supervisortest.Until(t, "web is updated", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
	want(t, "status", w.idle(), updateStatus{})
	want(t, "flags", w.flags(), [3]bool{})
	if there(w.locks.Path("web")) {
		t.Error("the lock was left behind")
	}
}

func TestUpdateForced(t *testing.T) {
	w := newWorld(t, programs, nil)
	before := w.sup.Wait("web", process.Running).PID
	w.lock("web")
	w.sup.Configure(strings.Replace(programs, "FOO=\"bar\"", "FOO=\"new\"", 1))
	w.Update(false, false)
	supervisortest.Until(t, "it waits", func() bool { s := w.Device.update.status(); return !s.running && s.waits })
	w.Update(true, false)
	supervisortest.Until(t, "web is updated", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
	want(t, "status", w.idle(), updateStatus{})
	want(t, "lock file", there(w.locks.Path("web")), false)
}

func TestUpdateCancelled(t *testing.T) {
	w := newWorld(t, programs, nil)
	before := w.sup.Wait("web", process.Running).PID
	w.lock("web")
	w.sup.Configure(strings.Replace(programs, "FOO=\"bar\"", "FOO=\"new\"", 1))
	w.Update(false, false)
	supervisortest.Until(t, "it waits", func() bool { s := w.Device.update.status(); return !s.running && s.waits })
	w.Update(false, true)
	want(t, "status", w.idle(), updateStatus{failed: true})
	w.unlock("web")
	w.Update(false, true) // what follows it is done after it
	w.idle()
	want(t, "pid", w.pids()["web"], before)
	w.Update(true, true)
	supervisortest.Until(t, "web is updated", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
}

func TestBadFilesTouchNothing(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("grp:b", process.Running)
	before, groups := w.pids(), w.groups()
	for what, text := range map[string]string{
		"not a configuration": "just words\n",
		"a wrong option":      strings.Replace(programs, "priority=3", "priority=x", 1),
	} {
		w.sup.Configure(text)
		w.Update(true, false)
		supervisortest.Until(t, what, func() bool { return w.Device.update.status().failed })
		w.idle()
		w.renew()
		want(t, what+": flags", w.flags(), [3]bool{true, false, true})
		w.sup.Configure(programs)
		w.Update(false, false)
		supervisortest.Until(t, "recovered", func() bool { return !w.Device.update.status().failed })
		w.idle()
	}
	if now := w.pids(); now["web"] != before["web"] || now["a"] != before["a"] {
		t.Errorf("pids %v, then %v", before, now)
	}
	wantList(t, "groups", w.groups(), groups)
}

// TestUpdateWithOneNumber has a new group with the number of an old one.
func TestUpdateWithOneNumber(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) { c.Options.Apps = map[string]int{"web": number("new")} })
	w.sup.Configure(programs + "[program:new]\ncommand=PLAY idle\n")
	w.Update(false, false)
	supervisortest.Until(t, "it failed", func() bool { return w.Device.update.status().failed })
	wantList(t, "groups", w.groups(), []string{"web", "grp"})
}

func TestUpdateOfRules(t *testing.T) {
	var fail error
	read := make(chan struct{}, 10)
	w := newWorld(t, programs, func(c *Config) { c.Rules = func() error { read <- struct{}{}; return fail } })
	fail = errors.New("line 3")
	w.Update(false, false)
	<-read
	supervisortest.Until(t, "it failed", func() bool { return w.Device.update.status().failed })
	want(t, "waits", w.idle().waits, false)
	wantList(t, "notes", w.told(), []string{"error_service_configuration !"})
}

func TestUpdateOfTheDaemonItself(t *testing.T) {
	const server = "[unix_http_server]\nfile=DIR/sock\n"
	w := newWorld(t, programs+server, nil)
	w.sup.Configure("; a line more\n" + programs + server)
	w.Update(false, false)
	w.idle()
	if w.log.Count("options of the daemon") > 0 {
		t.Error("nothing has changed")
	}
	w.sup.Configure(programs + server + "[unix_http_server:more]\nfile=DIR/more\n")
	w.Update(false, false)
	supervisortest.Until(t, "it is told", func() bool { return w.log.Count("options of the daemon have changed") > 0 })
}

// TestUpdateThatHalfFails has a group removed that cannot be brought back at once: what ran of it runs again when it can.
func TestUpdateThatHalfFails(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("grp:b", process.Running)
	if err := w.sup.StartProcess(t.Context(), process.ParseNamespec("grp:c"), true); err != nil {
		t.Fatal(err)
	}
	w.sup.Configure(strings.Replace(programs, "order c", "order C", 1))
	data, err := os.ReadFile(w.sup.Path("supervisord.conf"))
	if err != nil {
		t.Fatal(err)
	}
	w.sup.Write("supervisord.conf", strings.Replace(string(data), w.sup.Path("logs"), w.sup.Dir, 1)) // the daemon still has the old one
	if err := os.Rename(w.sup.Path("logs"), w.sup.Path("gone")); err != nil {
		t.Fatal(err)
	}
	w.Update(false, false)
	supervisortest.Until(t, "it failed", func() bool { s := w.Device.update.status(); return !s.running && s.failed && s.waits })
	wantList(t, "groups", w.groups(), []string{"web"})
	if err := os.Rename(w.sup.Path("gone"), w.sup.Path("logs")); err != nil {
		t.Fatal(err)
	}
	if info := w.sup.Wait("grp:c", process.Running); info.PID == 0 {
		t.Error("no child")
	}
	want(t, "status", w.idle(), updateStatus{})
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b RUNNING, grp:c RUNNING, web RUNNING")
}

// TestUpdateForgets has a group that could not be brought back and was given up: when it is added anew, only what starts by itself does.
func TestUpdateForgets(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("grp:b", process.Running)
	if err := w.sup.StartProcess(t.Context(), process.ParseNamespec("grp:c"), true); err != nil {
		t.Fatal(err)
	}
	elsewhere := func(text string) {
		t.Helper()
		w.sup.Configure(text)
		data, err := os.ReadFile(w.sup.Path("supervisord.conf"))
		if err != nil {
			t.Fatal(err)
		}
		w.sup.Write("supervisord.conf", strings.Replace(string(data), w.sup.Path("logs"), w.sup.Dir, 1))
	}
	if err := os.Rename(w.sup.Path("logs"), w.sup.Path("gone")); err != nil {
		t.Fatal(err)
	}
	elsewhere(strings.Replace(programs, "order c", "order C", 1))
	w.Update(false, false)
	supervisortest.Until(t, "it failed", func() bool { s := w.Device.update.status(); return !s.running && s.waits })
	elsewhere(programs[:strings.Index(programs, "[group:grp]")])
	w.Update(false, false)
	supervisortest.Until(t, "it was given up", func() bool { return w.idle() == updateStatus{} })
	if err := os.Rename(w.sup.Path("gone"), w.sup.Path("logs")); err != nil {
		t.Fatal(err)
	}
	w.sup.Configure(programs)
	w.Update(false, false)
	w.sup.Wait("grp:b", process.Running)
	want(t, "status", w.idle(), updateStatus{})
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b RUNNING, grp:c STOPPED, web RUNNING")
}

func TestUpdatePollInterval(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) { c.Options.UpdatePollInterval = 100 * time.Millisecond })
	w.sup.Configure(programs + "[program:new]\ncommand=PLAY idle\nstartsecs=0\n")
	w.sup.Wait("new", process.Running)
}

// TestUpdateAndFlock has an application that locks with flock(2), as the command flock does.
func TestUpdateAndFlock(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) { c.Options.LockMode = lock.Flock })
	before := w.sup.Wait("web", process.Running).PID
	f, err := os.Create(w.locks.Path("web"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	w.sup.Configure(strings.Replace(programs, "FOO=\"bar\"", "FOO=\"new\"", 1))
	w.Update(false, false)
	supervisortest.Until(t, "it waits", func() bool { s := w.Device.update.status(); return !s.running && s.waits })
	want(t, "pid", w.pids()["web"], before)
	f.Close() // the file stays
	supervisortest.Until(t, "web is updated", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
	want(t, "status", w.idle(), updateStatus{})
}

// TestUpdateAndLocksOfTheNode waits for all applications.
func TestUpdateAndLocksOfTheNode(t *testing.T) {
	var legacy string
	w := newWorld(t, programs, func(c *Config) {
		dir := c.Options.LockDir
		legacy = dir + ".balena/updates.lock"
		c.Locks = func() (*lock.Locks, error) { return lock.Open(lock.Config{Dir: dir, Legacy: []string{legacy}}) }
	})
	before := w.sup.Wait("web", process.Running).PID
	w.sup.Write("locks.balena/updates.lock", "")
	w.sup.Configure(strings.NewReplacer("FOO=\"bar\"", "FOO=\"new\"", "order a", "order A").Replace(programs))
	w.Update(false, false)
	supervisortest.Until(t, "it waits", func() bool { s := w.Device.update.status(); return !s.running && s.waits })
	want(t, "pid", w.pids()["web"], before)
	if err := os.Remove(legacy); err != nil {
		t.Fatal(err)
	}
	supervisortest.Until(t, "web is updated", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
	want(t, "status", w.idle(), updateStatus{})
}
