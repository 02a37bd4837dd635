package device

import (
	"os"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/device"
)

func TestRegenerate(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) {
		c.Options.InjectEnv.All = true
	})
	before := w.sup.Wait("web", process.Running).PID
	file, err := os.ReadFile(w.sup.Path("global.key"))
	if err != nil || string(file) != w.GlobalKey()+"\n" {
		t.Fatalf("the file says %q, %v", file, err)
	}
	next, err := w.RegenerateKey(t.Context(), device.Scope{Global: true})
	if err != nil {
		t.Fatal(err)
	}
	file, _ = os.ReadFile(w.sup.Path("global.key"))
	want(t, "file", string(file), next+"\n")
	want(t, "pid", w.pids()["web"], before) // nobody holds the global key

	old := w.keys.Key(key.Of("web"))
	w.lock("web")
	next, err = w.RegenerateKey(t.Context(), device.Scope{App: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Scope(old); ok {
		t.Error("the old key opens")
	}
	scope, ok := w.Scope(next)
	want(t, "scope", scope, device.Scope{App: "web"})
	want(t, "known", ok, true)
	if !strings.Contains(strings.Join(w.Environment("web"), "\n"), "RESIN_API_KEY="+next) {
		t.Error("the environment has another key")
	}
	supervisortest.Until(t, "the lock is met", func() bool { return strings.Contains(strings.Join(w.told(), ","), "update_locked web") })
	want(t, "pid while it is locked", w.pids()["web"], before)
	w.sup.Write("supervisord.conf", "what is being edited") // nobody asked for it
	w.unlock("web")
	supervisortest.Until(t, "web was restarted", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
	supervisortest.Until(t, "it is done", func() bool { return !w.Device.update.status().running && !there(w.locks.Path("web")) })
	want(t, "failed", w.Device.update.status().failed, false)
	_, err = w.RegenerateKey(t.Context(), device.Scope{Read: true})
	wantText[*device.BadRequest](t, "no key", err, "")
	if scope, ok := w.Scope(w.keys.Key(key.Read)); !ok || scope != (device.Scope{Read: true}) {
		t.Errorf("the key for reading opens %+v", scope)
	}
}
