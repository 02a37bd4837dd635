package service

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

func TestFaults(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("do g:p: %w", err) }
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{supervisor.ErrBadName, rpc.BadName, "BAD_NAME: name"},
		{supervisor.ErrAlreadyAdded, rpc.AlreadyAdded, "ALREADY_ADDED: name"},
		{supervisor.ErrStillRunning, rpc.StillRunning, "STILL_RUNNING: name"},
		{supervisor.ErrAbnormalTermination, rpc.AbnormalTermination, "ABNORMAL_TERMINATION: name"},
		{supervisor.ErrEnding, rpc.ShutdownState, "SHUTDOWN_STATE"},
		{&supervisor.NoFileError{}, rpc.NoFile, "NO_FILE"},
		{&supervisor.NoFileError{Path: "/x"}, rpc.NoFile, "NO_FILE: /x"},
		{process.ErrAlreadyStarted, rpc.AlreadyStarted, "ALREADY_STARTED: name"},
		{process.ErrNotRunning, rpc.NotRunning, "NOT_RUNNING: name"},
		{process.ErrDisabled, rpc.Disabled, "DISABLED: name"},
		{process.ErrUnknownState, rpc.Failed, "FAILED: name is in an unknown process state"},
		{process.ErrStopping, rpc.Failed, "FAILED: do g:p: still stopping"},
		{process.ErrHeld, rpc.Failed, "FAILED: do g:p: starts are held back"},
		{child.ErrNoStdin, rpc.NoFile, "NO_FILE: name"},
		{child.ErrStdinFull, rpc.Failed, "FAILED: do g:p: stdin takes no more"},
		{child.ErrClosed, rpc.Failed, "FAILED: do g:p: process is no longer managed"},
		{&child.CommandError{Kind: child.ErrNotFound, Text: "can't find command 'x'"}, rpc.NoFile, "NO_FILE: can't find command 'x'"},
		{&child.CommandError{Kind: child.ErrNotExecutable, Text: "no"}, rpc.NotExecutable, "NOT_EXECUTABLE: no"},
		{&child.CommandError{Kind: child.ErrBadCommand, Text: "bad"}, rpc.NotExecutable, "NOT_EXECUTABLE: bad"},
		{&child.SpawnError{Text: "why"}, rpc.SpawnError, "SPAWN_ERROR: name"},
		{&child.SignalError{PID: 5, Signal: syscall.SIGHUP, Err: syscall.EPERM}, rpc.Failed,
			"FAILED: do g:p: signal SIGHUP to pid 5: operation not permitted"},
		{&config.Error{Problems: []config.Problem{{Section: "s", Text: "first"}, {Text: "second"}}}, rpc.CantReread, "CANT_REREAD: first"},
		{fmt.Errorf("%w: %w", logfile.ErrFailed, syscall.EACCES), rpc.Failed, "FAILED"},
		{logfile.ErrBadArguments, rpc.BadArguments, "BAD_ARGUMENTS"},
		{errBadSignal, rpc.BadSignal, "BAD_SIGNAL: name"},
		{rpc.NewFault(rpc.NotInstalled, "x"), rpc.NotInstalled, "NOT_INSTALLED: x"},
		{context.Canceled, rpc.Failed, "FAILED: do g:p: context canceled"},
		{errors.New("what"), rpc.Failed, "FAILED: do g:p: what"},
	} {
		got := rpc.AsFault(asFault(about("name", wrap(c.err))))
		if *got != (rpc.Fault{Code: c.code, Text: c.text}) {
			t.Errorf("%v: got %v, want %d %s", c.err, got, c.code, c.text)
		}
	}
	if err := about("name", nil); err != nil {
		t.Errorf("nothing about a name is %v", err)
	}
	if err := asFault(nil); err != nil {
		t.Errorf("the fault of nothing is %v", err)
	}
	if text := about("name", errors.New("what")).Error(); text != "name: what" {
		t.Errorf("got %s", text)
	}
}

// Every reason of the cluster has a fault of its own.
func TestRequestFaults(t *testing.T) {
	seen := map[int]cluster.Reason{}
	for reason := cluster.BadState; reason <= cluster.BadParameters; reason++ {
		got := rpc.AsFault(asFault(fmt.Errorf("ask: %w", &cluster.RequestError{Reason: reason, Text: "why"})))
		if got.Text != rpc.FaultName(got.Code)+": why" {
			t.Errorf("reason %d: %v", reason, got)
		}
		if other, ok := seen[got.Code]; ok || got.Code == 0 {
			t.Errorf("reasons %d and %d: %v", other, reason, got)
		}
		seen[got.Code] = reason
	}
}
