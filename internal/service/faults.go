package service

import (
	"errors"
	"fmt"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// subjectError is an error with the name of what it is about, as the caller wrote it: the faults of Supervisor repeat it.
type subjectError struct {
	name string
	err  error
}

func (e *subjectError) Error() string { return e.name + ": " + e.err.Error() }
func (e *subjectError) Unwrap() error { return e.err }

// about gives an error its subject; nil stays nil.
func about(name string, err error) error {
	if err == nil {
		return nil
	}
	return &subjectError{name, err}
}

// requestFaults gives each reason of the cluster core its fault code.
var requestFaults = map[cluster.Reason]int{
	cluster.BadState:            rpc.BadSupvisorsState,
	cluster.BadName:             rpc.BadName,
	cluster.NotManaged:          rpc.NotManaged,
	cluster.AlreadyStarted:      rpc.AlreadyStarted,
	cluster.NotRunning:          rpc.NotRunning,
	cluster.StillRunning:        rpc.StillRunning,
	cluster.AbnormalTermination: rpc.AbnormalTermination,
	cluster.Failed:              rpc.Failed,
	cluster.NotApplicable:       rpc.NotApplicable,
	cluster.BadParameters:       rpc.IncorrectParameters,
}

// errBadSignal refuses a word or number that is no signal; its subject is that word.
var errBadSignal = errors.New("no such signal")

// subjectFaults are the errors whose fault tells nothing but the subject.
var subjectFaults = []struct {
	err  error
	code int
}{
	{supervisor.ErrBadName, rpc.BadName},
	{supervisor.ErrAlreadyAdded, rpc.AlreadyAdded},
	{supervisor.ErrStillRunning, rpc.StillRunning},
	{supervisor.ErrAbnormalTermination, rpc.AbnormalTermination},
	{process.ErrAlreadyStarted, rpc.AlreadyStarted},
	{process.ErrNotRunning, rpc.NotRunning},
	{process.ErrDisabled, rpc.Disabled},
	{child.ErrNoStdin, rpc.NoFile},
	{errBadSignal, rpc.BadSignal},
}

// bareFaults are the errors whose fault has no detail.
var bareFaults = []struct {
	err  error
	code int
}{
	{supervisor.ErrEnding, rpc.ShutdownState},
	{logfile.ErrBadArguments, rpc.BadArguments},
	{logfile.ErrFailed, rpc.Failed},
}

// asFault turns the error of a row into the fault that callers see; nil stays nil.
func asFault(err error) error {
	if err == nil {
		return nil
	}
	var (
		fault   *rpc.Fault
		request *cluster.RequestError
		subject *subjectError
		command *child.CommandError
		noFile  *supervisor.NoFileError
		bad     *config.Error
		spawn   *child.SpawnError
	)
	name := ""
	if errors.As(err, &subject) {
		name = subject.name
	}
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &request):
		return rpc.NewFault(requestFaults[request.Reason], request.Text)
	case errors.As(err, &command):
		if errors.Is(err, child.ErrNotFound) {
			return rpc.NewFault(rpc.NoFile, command.Text)
		}
		return rpc.NewFault(rpc.NotExecutable, command.Text)
	case errors.As(err, &noFile):
		if noFile.Path == "" {
			return rpc.NewFault(rpc.NoFile)
		}
		return rpc.NewFault(rpc.NoFile, noFile.Path)
	case errors.As(err, &bad):
		return rpc.NewFault(rpc.CantReread, bad.Text())
	case errors.As(err, &spawn):
		return rpc.NewFault(rpc.SpawnError, name)
	case errors.Is(err, process.ErrUnknownState):
		return rpc.NewFault(rpc.Failed, fmt.Sprintf("%s is in an unknown process state", name))
	}
	for _, f := range subjectFaults {
		if errors.Is(err, f.err) {
			return rpc.NewFault(f.code, name)
		}
	}
	for _, f := range bareFaults {
		if errors.Is(err, f.err) {
			return rpc.NewFault(f.code)
		}
	}
	if subject != nil {
		err = subject.err // which names it already
	}
	return rpc.AsFault(err)
}
