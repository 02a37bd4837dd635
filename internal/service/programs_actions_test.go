package service

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

func TestStartAndStop(t *testing.T) {
	d := mixedDaemon(t)
	d.want(true, "supervisor.startProcess", "manual")
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: manual", "supervisor.startProcess", "manual")
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: manual:manual", "supervisor.startProcess", "manual:manual")
	d.want(true, "supervisor.stopProcess", "manual:manual")
	if s := d.sup.Wait("manual", process.Stopped); s.PID != 0 {
		t.Errorf("pid is %d", s.PID)
	}
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: manual", "supervisor.stopProcess", "manual")
	d.wantFault(rpc.NoFile, "NO_FILE: can't find command '/no/such/thing'", "supervisor.startProcess", "gone")
	d.wantFault(rpc.NotExecutable, "NOT_EXECUTABLE: command at '"+d.sup.Path("plain.txt")+"' is not executable", "supervisor.startProcess", "plain")
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: gone", "supervisor.stopProcess", "gone")
}

func TestStartOfWhatExits(t *testing.T) {
	d := mixedDaemon(t)
	for range 3 {
		_, err := d.call("supervisor.startProcess", "quits")
		var fault *rpc.Fault
		// which of the two depends on whether the death is seen before BACKOFF has a reason
		wanted := []rpc.Fault{{Code: rpc.SpawnError, Text: "SPAWN_ERROR: quits"}, {Code: rpc.AbnormalTermination, Text: "ABNORMAL_TERMINATION: quits"}}
		if !errors.As(err, &fault) || !slices.Contains(wanted, *fault) {
			t.Errorf("got %v", err)
		}
		d.sup.Wait("quits", process.Fatal)
	}
}

func TestStartWaits(t *testing.T) {
	d := newDaemon(t, "[program:p]\ncommand=PLAY idle\nautostart=false\nstartsecs=1\n", nil)
	begin := time.Now()
	d.want(true, "supervisor.startProcess", "p")
	if took := time.Since(begin); took < time.Second {
		t.Errorf("it took %v", took)
	}
	d.want(true, "supervisor.stopProcess", "p")
	d.want(true, "supervisor.startProcess", "p", false)
	if s := d.sup.Wait("p", process.Starting); s.PID == 0 {
		t.Error("there is no child")
	}
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: p", "supervisor.startProcess", "p")
}

func TestStopWithoutWaiting(t *testing.T) {
	d := newDaemon(t, "[program:p]\ncommand=PLAY slow\nstartsecs=0\nstdout_logfile=DIR/out\n", nil)
	d.waitText("out", "up")
	d.want(true, "supervisor.stopProcess", "p", false)
	d.sup.Wait("p", process.Stopping)
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: p", "supervisor.stopProcess", "p")
	d.wantFault(rpc.Failed, "FAILED: start p: still stopping", "supervisor.startProcess", "p")
	d.sup.Wait("p", process.Stopped)
}

// A caller that goes away ends its own waiting only.
func TestCallerThatGoesAway(t *testing.T) {
	d := newDaemon(t, "[program:p]\ncommand=PLAY idle\nautostart=false\nstartsecs=1\n", nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := d.table.Call(ctx, "supervisor.startProcess", []any{"p"})
		done <- err
	}()
	d.sup.Wait("p", process.Starting)
	cancel()
	if err := <-done; err == nil {
		t.Error("the call went on")
	}
	d.sup.Wait("p", process.Running)
}

func TestGroupsOfProcesses(t *testing.T) {
	d := mixedDaemon(t)
	both := []any{ok("pair", "pair_00"), ok("pair", "pair_01")}
	for _, wait := range []bool{true, false} {
		d.want(both, "supervisor.stopProcess", "pair:*", wait)
		d.sup.Wait("pair:pair_00", process.Stopped)
		d.sup.Wait("pair:pair_01", process.Stopped)
		d.want([]any{}, "supervisor.stopProcess", "pair:", wait)
		d.want(both, "supervisor.startProcess", "pair:*", wait)
		d.want([]any{}, "supervisor.startProcess", "pair:", wait)
	}
	d.want(both, "supervisor.stopProcessGroup", "pair")
	d.want(true, "supervisor.startProcess", "pair:pair_01")
	d.want(both[:1], "supervisor.startProcessGroup", "pair")
	d.want([]any{}, "supervisor.startProcessGroup", "pair", false)
}

// All processes, in order of their priorities, each with its own result.
func TestAllProcesses(t *testing.T) {
	d := newDaemon(t, "[program:b]\ncommand=PLAY idle\nautostart=false\nstartsecs=0\npriority=2\n"+
		"[program:a]\ncommand=/no/such\nautostart=false\npriority=1\n[program:c]\ncommand=PLAY exit 1\nautostart=false\nstartretries=0\npriority=3\n", nil)
	got, err := d.call("supervisor.startAllProcesses")
	if err != nil {
		t.Fatal(err)
	}
	list := got.([]any)
	want := []any{failed("a", "a", rpc.NoFile, "NO_FILE: can't find command '/no/such'"), ok("b", "b")}
	if len(list) != 3 || !reflect.DeepEqual(list[:2], want) {
		t.Fatalf("got %#v", got)
	}
	if text := get(t, list[2], "description").(string); !strings.HasSuffix(text, ": c") || get(t, list[2], "status") == rpc.Success {
		t.Errorf("c: %#v", list[2])
	}
	d.sup.Wait("c", process.Fatal) // until then it is in BACKOFF, and may be stopped
	d.want([]any{ok("b", "b")}, "supervisor.stopAllProcesses")
	d.want([]any{}, "supervisor.stopAllProcesses", false)
}

func TestSignals(t *testing.T) {
	d := newDaemon(t, "[program:p]\ncommand=PLAY signals\nstartsecs=0\nstdout_logfile=DIR/out\n"+
		"[program:gone]\ncommand=/no/such\nautostart=false\n", nil)
	d.waitText("out", "up\n")
	want := "up\n"
	for _, sig := range []any{"HUP", "SIGHUP", "hup", " hup ", "1", 1} {
		d.want(true, "supervisor.signalProcess", "p", sig)
		want += "hangup\n"
		d.waitText("out", want)
	}
	for _, sig := range []any{"0", 0, "CONT", "SIGCONT", 18, 1.0} {
		d.want(true, "supervisor.signalProcess", "p", sig)
	}
	for sig, shown := range map[any]string{"FOO": "FOO", "": "", "999": "999", -3: "-3", "SIG": "SIG", "1x": "1x", 2.5: "2.5", true: "true"} {
		d.wantFault(rpc.BadSignal, "BAD_SIGNAL: "+shown, "supervisor.signalProcess", "p", sig)
		bad := []any{failed("p", "p", rpc.BadSignal, "BAD_SIGNAL: "+shown)}
		d.want(bad, "supervisor.signalProcess", "p:*", sig)
		d.want(bad, "supervisor.signalProcessGroup", "p", sig)
		d.want(bad, "supervisor.signalAllProcesses", sig)
	}
	d.wantFault(rpc.BadSignal, "BAD_SIGNAL: FOO", "supervisor.signalProcess", "gone", "FOO")
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: gone", "supervisor.signalProcess", "gone", "HUP")
	d.want([]any{}, "supervisor.signalProcessGroup", "gone", "FOO")
	for _, call := range [][]any{{"signalProcess", "p:*"}, {"signalProcessGroup", "p"}, {"signalAllProcesses"}} {
		d.want([]any{ok("p", "p")}, "supervisor."+call[0].(string), append(slices.Clone(call[1:]), "HUP")...)
		want += "hangup\n"
		d.waitText("out", want)
	}
}

func TestStdin(t *testing.T) {
	d := newDaemon(t, "[program:cat]\ncommand=PLAY cat\nstartsecs=0\nstdout_logfile=DIR/out\n"+
		"[program:deaf]\ncommand=PLAY deaf\nstartsecs=0\nstdout_logfile=DIR/deaf\n[program:gone]\ncommand=/no/such\nautostart=false\n", nil)
	d.sup.Wait("cat", process.Running)
	d.want(true, "supervisor.sendProcessStdin", "cat", "hé €\n")
	d.want(true, "supervisor.sendProcessStdin", "cat:cat", []byte("base64\n"))
	d.waitText("out", "hé €\nbase64\n")
	d.waitText("deaf", "up")
	d.wantFault(rpc.NoFile, "NO_FILE: deaf", "supervisor.sendProcessStdin", "deaf", "x")
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: gone", "supervisor.sendProcessStdin", "gone", "x")
	d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: 5", "supervisor.sendProcessStdin", "cat", 5)
}
