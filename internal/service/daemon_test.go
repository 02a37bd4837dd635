package service

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// daemon is a Supervisor with real children and its method table, behind an HTTP server.
type daemon struct {
	t      *testing.T
	dir    string
	sup    *supervisor.Supervisor
	bus    *event.Bus
	deps   Deps
	table  *rpc.Table
	server *httptest.Server
	client *rpc.Client
	notify atomic.Pointer[func(event.Event)] // is told what happens in sup
}

// newDaemon starts the programs of a configuration. "PLAY" in it is the command line of the test's own child, "DIR" the directory of
// the daemon. change may add to the dependencies of the table.
func newDaemon(t *testing.T, programs string, change func(*daemon)) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir(), bus: event.NewBus()}
	d.configure(programs)
	cfg, err := d.load()
	if err != nil {
		t.Fatal(err)
	}
	spawner, err := system()
	if err != nil {
		t.Fatal(err)
	}
	log, err := supervisor.OpenActivityLog(cfg.Supervisord, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.sup, err = supervisor.New(cfg, supervisor.Deps{Spawner: spawner, Log: log, Bus: d.bus,
		Env: os.Environ(), Reload: d.load, Notify: d.heard, Disabled: d.disabled()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.sup.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		log.Close()
	})
	d.deps.Supervisor, d.deps.SupervisorVersion, d.deps.PID, d.deps.Log = d.sup, "4.3.0", 4711, log
	if change != nil {
		change(d)
	}
	if d.table, err = Table(d.deps); err != nil {
		t.Fatal(err)
	}
	d.server = httptest.NewServer(&rpc.Handler{Table: d.table})
	t.Cleanup(d.server.Close)
	if d.client, err = rpc.NewClient(rpc.ClientConfig{URL: d.server.URL}); err != nil {
		t.Fatal(err)
	}
	log.Info("supervisord started")
	d.sup.Start()
	return d
}

func (d *daemon) heard(ev event.Event) {
	if notify := d.notify.Load(); notify != nil {
		(*notify)(ev)
	}
}

// disabled reads what a former run of the daemon has disabled.
func (d *daemon) disabled() []string {
	d.t.Helper()
	var err error
	if d.deps.Disabilities, err = OpenDisabilities(d.path("disabilities.json")); err != nil {
		d.t.Fatal(err)
	}
	return d.deps.Disabilities.Disabled()
}

// path returns a path in the directory of the daemon.
func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

// configure writes the configuration file.
func (d *daemon) configure(programs string) {
	d.t.Helper()
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	text := "[supervisord]\nlogfile=DIR/main.log\nchildlogdir=DIR\nidentifier=tester\n" + programs
	text = strings.NewReplacer("PLAY", self+" play", "DIR", d.dir).Replace(text)
	d.write("supervisord.conf", text)
}

func (d *daemon) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) load() (*config.Config, error) {
	return config.Load(d.path("supervisord.conf"), config.Flags{})
}

// call calls a method over HTTP; a fault is an *rpc.Fault, anything else that goes wrong ends the test.
func (d *daemon) call(method string, args ...any) (any, error) {
	d.t.Helper()
	var value any
	err := d.client.Call(d.t.Context(), method, &value, args...)
	var fault *rpc.Fault
	if err != nil && !errors.As(err, &fault) {
		d.t.Fatalf("%s%v: %v", method, args, err)
	}
	return value, err
}

// want compares the answer of a method.
func (d *daemon) want(want any, method string, args ...any) {
	d.t.Helper()
	got, err := d.call(method, args...)
	if err != nil || !reflect.DeepEqual(got, want) {
		d.t.Errorf("%s%v: got %#v, %v\nwant %#v", method, args, got, err, want)
	}
}

// wantFault compares the fault of a method.
func (d *daemon) wantFault(code int, text, method string, args ...any) {
	d.t.Helper()
	got, err := d.call(method, args...)
	var fault *rpc.Fault
	if !errors.As(err, &fault) {
		d.t.Errorf("%s%v: got %#v, want a fault %s", method, args, got, text)
	} else if *fault != (rpc.Fault{Code: code, Text: text}) {
		d.t.Errorf("%s%v: got %v\nwant fault %d: %s", method, args, fault, code, text)
	}
}

// wait waits until a process is in a state.
func (d *daemon) wait(name string, state process.State) process.Info {
	d.t.Helper()
	var info process.Info
	until(d.t, name+" is "+state.String(), func() bool {
		p, err := d.sup.Process(process.ParseNamespec(name))
		info = p.Info
		return err == nil && info.State == state
	})
	return info
}

// waitText waits until a file of the daemon contains a text.
func (d *daemon) waitText(name, text string) {
	d.t.Helper()
	until(d.t, name+" contains "+text, func() bool {
		data, err := os.ReadFile(d.path(name))
		return err == nil && strings.Contains(string(data), text)
	})
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("timeout: %s", what)
		}
	}
}

// ok is the result of one process in a call for many.
func ok(group, name string) rpc.Map {
	return rpc.Map{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "status", Value: 80}, {Name: "description", Value: "OK"}}
}

// failed is the same for one that went wrong.
func failed(group, name string, code int, text string) rpc.Map {
	return rpc.Map{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "status", Value: code}, {Name: "description", Value: text}}
}
