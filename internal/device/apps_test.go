package device

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/device"
)

// programs are an application of one process and one of three.
const programs = `[program:web]
command=PLAY idle
environment=FOO="bar",DB_PASSWORD="x",RESIN_API_KEY="mine"
startsecs=0
priority=1
[group:grp]
programs=a,b,c
priority=2
[program:a]
command=PLAY last DIR/order a
startsecs=0
priority=1
[program:b]
command=PLAY last DIR/order b
startsecs=0
priority=2
[program:c]
command=PLAY last DIR/order c
startsecs=0
priority=3
autostart=false
`

func TestState(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("web", process.Running)
	w.sup.Wait("grp:b", process.Running)
	s, err := w.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "status", s.Status, "Idle")
	want(t, "uuid", isHex(s.UUID, 32), true)
	want(t, "commit", isHex(s.Commit, 40), true)
	want(t, "device id", s.DeviceID, number(s.UUID))
	want(t, "name", s.Name, "n1")
	want(t, "identifier", s.Identifier, "tester")
	want(t, "port", s.APIPort, 48484)
	want(t, "pending", s.UpdatePending || s.UpdateDownloaded || s.UpdateFailed, false)
	want(t, "apps", len(s.Apps), 2)
	want(t, "web", s.Apps[0], device.AppState{ID: number("web"), Name: "web", Status: "RUNNING"})
	want(t, "grp", s.Apps[1], device.AppState{ID: number("grp"), Name: "grp", Status: "RUNNING"})
}

func TestApp(t *testing.T) {
	w := newWorld(t, programs, func(c *Config) {
		c.Options.Apps = map[string]int{"web": 1002}
		c.Options.InjectEnv = Injection{Groups: []string{"web"}}
	})
	w.sup.Wait("web", process.Running)
	for _, name := range []string{"web", "1002"} {
		a, err := w.App(t.Context(), name, false)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "app", a.AppState, device.AppState{ID: 1002, Name: "web", Status: "RUNNING"})
		s := a.Services[0]
		self, _ := os.Executable()
		want(t, "program", s.ImageID, self)
		want(t, "pid", s.PID, w.pids()["web"])
		want(t, "container", isHex(s.ContainerID, 64), true)
		for name, value := range map[string]string{"FOO": "bar", "DB_PASSWORD": masked, "RESIN_APP_ID": "1002", "BALENA_APP_NAME": "web",
			"RESIN_SUPERVISOR_ADDRESS": "http://127.0.0.1:48484", "BALENA_SUPERVISOR_PORT": "48484", "RESIN_DEVICE_UUID": w.uuid,
			"SUPVISORS_UPDATE_LOCK": w.locks.Path("web"), "RESIN_API_KEY": "", "RESIN_SUPERVISOR_API_KEY": "", "BALENA_API_KEY": ""} {
			want(t, name, s.Env[name], value)
		}
		if _, shown := s.Env["RESIN_API_KEY"]; shown {
			t.Error("the key is shown")
		}
	}
	if a, err := w.App(t.Context(), "web", true); err != nil || a.Services[0].Env["DB_PASSWORD"] != "x" {
		t.Errorf("secrets are not shown: %v, %v", a, err)
	}
	grp, err := w.App(t.Context(), "grp", false)
	if err != nil || len(grp.Services) != 3 || grp.Services[0].Name != "a" || grp.Services[2].Name != "c" {
		t.Errorf("grp: %+v, %v", grp, err)
	}
	if _, injected := grp.Services[0].Env["RESIN_APP_ID"]; injected {
		t.Error("grp was told of the API")
	}
	for _, name := range []string{"nope", "1", "", "01002", "-1", " 1002"} {
		_, err := w.App(t.Context(), name, true)
		wantText[*device.UnknownApp](t, name, err, "App not found")
	}
}

func TestStartAndStop(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("web", process.Running)
	first, err := w.StartApp(t.Context(), "web")
	if err != nil || !isHex(first.First, 64) || first.IDs["web"] != first.First {
		t.Fatalf("already running: %+v, %v", first, err)
	}
	before := w.pids()
	if again, err := w.StartApp(t.Context(), "web"); err != nil || again.First != first.First || before["web"] != w.pids()["web"] {
		t.Errorf("started again: %v, %v", again, err)
	}
	for range 2 { // stopped already is fine
		c, err := w.StopApp(t.Context(), "grp", false)
		if err != nil || len(c.IDs) != 3 || c.First != c.IDs["a"] {
			t.Errorf("stop: %+v, %v", c, err)
		}
		want(t, "states", w.sup.States(), "grp:a STOPPED, grp:b STOPPED, grp:c STOPPED, web RUNNING")
	}
	c, err := w.StartApp(t.Context(), "grp")
	if err != nil || len(c.IDs) != 3 {
		t.Errorf("start: %+v, %v", c, err)
	}
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b RUNNING, grp:c RUNNING, web RUNNING")
	if there(w.locks.Path("grp")) {
		t.Error("the lock was left behind")
	}
	_, err = w.StopApp(t.Context(), "nope", false)
	wantText[*device.UnknownApp](t, "stop", err, "nope")
}

func TestStartFails(t *testing.T) {
	w := newWorld(t, programs+"[program:bad]\ncommand=PLAY exit 3\nautostart=false\nstartretries=0\n[program:missing]\ncommand=/no/such\nautostart=false\n", nil)
	for _, name := range []string{"bad", "missing"} {
		if _, err := w.StartApp(t.Context(), name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRestart(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("grp:b", process.Running)
	if err := w.sup.StartProcessArgs(t.Context(), process.ParseNamespec("grp:c"), "--more", true); err != nil {
		t.Fatal(err)
	}
	if err := w.sup.StopProcess(t.Context(), process.ParseNamespec("grp:b"), true); err != nil {
		t.Fatal(err)
	}
	before := w.pids()
	if err := w.RestartApp(t.Context(), "grp", false); err != nil {
		t.Fatal(err)
	}
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b STOPPED, grp:c RUNNING, web RUNNING") // the same set
	now := w.pids()
	if now["a"] == before["a"] || now["c"] == before["c"] || now["web"] != before["web"] {
		t.Errorf("pids %v, then %v", before, now)
	}
	if p, _ := w.sup.Process(process.ParseNamespec("grp:c")); p.Info.ExtraArgs != "--more" {
		t.Errorf("arguments are %q", p.Info.ExtraArgs)
	}
	if _, err := w.StopApp(t.Context(), "grp", false); err != nil {
		t.Fatal(err)
	}
	if err := w.RestartApp(t.Context(), "grp", false); err != nil { // what starts by itself
		t.Fatal(err)
	}
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b RUNNING, grp:c STOPPED, web RUNNING")
}

func TestLocked(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("web", process.Running)
	before := w.pids()
	w.lock("web")
	_, err := w.StopApp(t.Context(), "web", false)
	wantText[*device.Locked](t, "stop", err, "Updates are locked: web holds "+w.locks.Path("web"))
	wantText[*device.Locked](t, "restart", w.RestartApp(t.Context(), "web", false), w.locks.Path("web"))
	want(t, "pid", w.pids()["web"], before["web"])
	wantList(t, "notes", w.told(), []string{"update_locked web", "update_locked web"})
	if _, err := w.StartApp(t.Context(), "web"); err != nil {
		t.Errorf("a start needs no lock: %v", err)
	}
	if err := w.RestartApp(t.Context(), "grp", false); err != nil {
		t.Errorf("the lock of another application: %v", err)
	}
	if err := w.RestartApp(t.Context(), "web", true); err != nil {
		t.Fatal(err)
	}
	if w.pids()["web"] == before["web"] || there(w.locks.Path("web")) {
		t.Error("not forced")
	}
	w.lock("web")
	w.options.OverrideLock = true
	if err := w.RestartApp(t.Context(), "web", false); err != nil {
		t.Errorf("locks are overridden: %v", err)
	}
}

func TestElsewhere(t *testing.T) {
	c := newTeam("n2")
	c.application("grp", true, map[string][]string{"a": {"n2:1"}, "b": {"n1:1"}, "c": nil})
	c.application("web", true, map[string][]string{"web": {"n2:1"}})
	c.application("free", false, map[string][]string{"free": {"n2:1"}})
	w := newWorld(t, strings.ReplaceAll(programs, "priority=2\n[", "priority=2\nautostart=false\n[")+
		"[program:free]\ncommand=PLAY idle\nautostart=false\nstartsecs=0\n", func(cfg *Config) { cfg.Cluster = c })
	w.sup.Wait("grp:a", process.Running)
	for _, name := range []string{"web", "grp"} {
		if _, err := w.StopApp(t.Context(), name, false); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.StartApp(t.Context(), "web")
	wantText[*device.BadRequest](t, "start", err, "web runs on n2:1")
	wantText[*device.BadRequest](t, "restart", w.RestartApp(t.Context(), "web", false), "web runs on n2:1")
	started, err := w.StartApp(t.Context(), "grp")
	if err != nil || len(started.Elsewhere) != 1 || started.Elsewhere["a"] != "n2:1" {
		t.Errorf("start: %+v, %v", started, err)
	}
	if _, err := w.StartApp(t.Context(), "free"); err != nil { // nobody manages it
		t.Error(err)
	}
	want(t, "states", w.sup.States(), "free RUNNING, grp:a STOPPED, grp:b RUNNING, grp:c RUNNING, web STOPPED")
}

// TestImpatientClient has a client leave in the middle of a restart.
func TestImpatientClient(t *testing.T) {
	w := newWorld(t, programs, nil)
	before := w.sup.Wait("web", process.Running).PID
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if err := w.RestartApp(ctx, "web", false); err != nil && err != context.Canceled {
		t.Fatal(err)
	}
	supervisortest.Until(t, "web runs again", func() bool { return w.sup.States() != "" && w.sup.Wait("web", process.Running).PID != before })
	supervisortest.Until(t, "the lock is free", func() bool { return !there(w.locks.Path("web")) })
}

// TestOneAtATime has many operations on one application.
func TestOneAtATime(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("grp:b", process.Running)
	results := make(chan error)
	for i := range 8 {
		go func() {
			if i%2 == 0 {
				results <- w.RestartApp(t.Context(), "grp", false)
			} else {
				_, err := w.StartApp(t.Context(), "grp")
				results <- err
			}
		}()
	}
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	want(t, "states", w.sup.States(), "grp:a RUNNING, grp:b RUNNING, grp:c RUNNING, web RUNNING")
}

func TestEnded(t *testing.T) {
	w := newWorld(t, programs, nil)
	w.sup.Wait("web", process.Running)
	w.Close()
	begin := time.Now()
	if err := w.RestartApp(t.Context(), "web", false); err != errEnding {
		t.Errorf("restart: %v", err)
	}
	if time.Since(begin) > 5*time.Second {
		t.Error("it was waited for")
	}
}
