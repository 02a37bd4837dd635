package device

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/device"
)

func TestKeys(t *testing.T) {
	folder := &memory{files: map[string][]byte{}}
	k, err := openKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	groups := []string{"web", "grp"}
	all := map[string]device.Scope{k.key(globalScope): {Global: true}, k.key(appScope("web")): {App: "web"}, k.key(appScope("grp")): {App: "grp"}}
	want(t, "different keys", len(all), 3)
	for key, scope := range all {
		got, ok := k.find(key, groups)
		if got != scope || !ok || !isHex(key, 64) {
			t.Errorf("%s opens %+v, want %+v", key, got, scope)
		}
	}
	for _, key := range []string{"", "x", strings.Repeat("0", 64), strings.ToUpper(k.key(globalScope)), k.key(globalScope) + "0", k.key(appScope("gone"))} {
		if scope, ok := k.find(key, groups); ok || scope != (device.Scope{}) {
			t.Errorf("%q opens %+v", key, scope)
		}
	}
	// of another node, and of this one after a restart
	other, err := openKeys(&memory{files: map[string][]byte{}})
	if err != nil || other.key(globalScope) == k.key(globalScope) {
		t.Errorf("two nodes have one key: %v", err)
	}
	old := k.key(appScope("web"))
	next, err := k.regenerate(appScope("web"))
	if err != nil || next == old {
		t.Fatal(next, err)
	}
	again, err := openKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range []*keys{k, again} {
		if _, ok := keys.find(old, groups); ok {
			t.Error("the old key opens")
		}
		if scope, ok := keys.find(next, groups); !ok || scope.App != "web" {
			t.Error("the new key does not open")
		}
		want(t, "the key of another", keys.key(globalScope), k.key(globalScope))
	}
	for name, data := range folder.files {
		for key := range all {
			if strings.Contains(string(data), key) {
				t.Errorf("%s has a key", name)
			}
		}
	}
}

func TestKeysThatCannotBeKept(t *testing.T) {
	folder := &memory{files: map[string][]byte{}}
	k, err := openKeys(folder)
	if err != nil {
		t.Fatal(err)
	}
	before := k.key(globalScope)
	folder.breakDown(errors.New("disk full"))
	if _, err := k.regenerate(globalScope); err == nil {
		t.Error("a key that will not be known after a restart")
	}
	want(t, "key", k.key(globalScope), before)
	if _, err := openKeys(&memory{files: map[string][]byte{}, fail: errors.New("disk full")}); err == nil {
		t.Error("a secret that was not kept")
	}
	if _, err := openKeys(&memory{files: map[string][]byte{keysFile: []byte("{")}}); err == nil {
		t.Error("a damaged file")
	}
}

func TestRegenerate(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) {
		c.KeyFile = c.Options.LockDir + ".key"
		c.Options.InjectEnv.All = true
	})
	before := w.wait("web", process.Running).PID
	file, err := os.ReadFile(w.cfg.KeyFile)
	if err != nil || string(file) != w.GlobalKey()+"\n" {
		t.Fatalf("the file says %q, %v", file, err)
	}
	info, _ := os.Stat(w.cfg.KeyFile)
	want(t, "mode", info.Mode(), 0o600)
	key, err := w.RegenerateKey(t.Context(), device.Scope{Global: true})
	if err != nil {
		t.Fatal(err)
	}
	file, _ = os.ReadFile(w.cfg.KeyFile)
	want(t, "file", string(file), key+"\n")
	want(t, "pid", w.pids()["web"], before) // nobody holds the global key

	old := w.keys.key(appScope("web"))
	w.lock("web")
	key, err = w.RegenerateKey(t.Context(), device.Scope{App: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Scope(old); ok {
		t.Error("the old key opens")
	}
	scope, ok := w.Scope(key)
	want(t, "scope", scope, device.Scope{App: "web"})
	want(t, "known", ok, true)
	if !strings.Contains(strings.Join(w.Environment("web"), "\n"), "RESIN_API_KEY="+key) {
		t.Error("the environment has another key")
	}
	until(t, "the lock is met", func() bool { return strings.Contains(strings.Join(w.told(), ","), "update_locked web") })
	want(t, "pid while it is locked", w.pids()["web"], before)
	w.write("supervisord.conf", "what is being edited") // nobody asked for it
	w.unlock("web")
	until(t, "web was restarted", func() bool { p := w.pids()["web"]; return p != 0 && p != before })
	until(t, "it is done", func() bool { return !w.Device.update.status().running && !there(w.locks.Path("web")) })
	want(t, "failed", w.Device.update.status().failed, false)
	_, err = w.RegenerateKey(t.Context(), device.Scope{Read: true})
	wantText[*device.BadRequest](t, "no key", err, "")
}
