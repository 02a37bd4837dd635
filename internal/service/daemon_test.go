package service

import (
	"errors"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rpc"
)

// daemon is a Supervisor with real children and its method table, behind an HTTP server.
type daemon struct {
	t      *testing.T
	sup    *supervisortest.Supervisor
	deps   Deps
	table  *rpc.Table
	server *httptest.Server
	client *rpc.Client
	notify atomic.Pointer[func(event.Event)] // is told what happens in sup
}

// newDaemon starts the programs of a configuration. change may add to the dependencies of the table.
func newDaemon(t *testing.T, programs string, change func(*daemon)) *daemon {
	t.Helper()
	d := &daemon{t: t}
	d.sup = supervisortest.New(t, programs, func(s *supervisortest.Supervisor, deps *supervisor.Deps) {
		deps.Notify, deps.Disabled = d.heard, d.disabled(s.Path("disabilities.json"))
	})
	d.deps.Supervisor, d.deps.SupervisorVersion, d.deps.PID, d.deps.Log = d.sup.Supervisor, "4.3.0", 4711, d.sup.Log
	if change != nil {
		change(d)
	}
	var err error
	if d.table, err = Table(d.deps); err != nil {
		t.Fatal(err)
	}
	d.server = httptest.NewServer(&rpc.Handler{Table: d.table})
	t.Cleanup(d.server.Close)
	if d.client, err = rpc.NewClient(rpc.ClientConfig{URL: d.server.URL}); err != nil {
		t.Fatal(err)
	}
	d.sup.Log.Info("supervisord started")
	d.sup.Start()
	return d
}

func (d *daemon) heard(ev event.Event) {
	if notify := d.notify.Load(); notify != nil {
		(*notify)(ev)
	}
}

// disabled reads what a former run of the daemon has disabled.
func (d *daemon) disabled(path string) []string {
	d.t.Helper()
	var err error
	if d.deps.Disabilities, err = OpenDisabilities(path); err != nil {
		d.t.Fatal(err)
	}
	return d.deps.Disabilities.Disabled()
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

// waitText waits until a file of the daemon contains a text.
func (d *daemon) waitText(name, text string) {
	d.t.Helper()
	supervisortest.Until(d.t, name+" contains "+text, func() bool {
		data, err := os.ReadFile(d.sup.Path(name))
		return err == nil && strings.Contains(string(data), text)
	})
}

// ok is the result of one process in a call for many.
func ok(group, name string) rpc.Map {
	return rpc.Map{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "status", Value: 80}, {Name: "description", Value: "OK"}}
}

// failed is the same for one that went wrong.
func failed(group, name string, code int, text string) rpc.Map {
	return rpc.Map{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "status", Value: code}, {Name: "description", Value: text}}
}
