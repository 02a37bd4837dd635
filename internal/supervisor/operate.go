package supervisor

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/process"
)

// operation begins something on one process. The rest waits until it is done; nil when there is nothing to wait for.
type operation func(context.Context, *managed) (rest, error)

type rest func(context.Context) error

// StartProcess starts a process, with wait until it is RUNNING. Errors, beside ErrBadName, are those of child.Actor.Start; while
// waiting also a *child.SpawnError, or ErrAbnormalTermination when somebody stopped it.
func (s *Supervisor) StartProcess(ctx context.Context, ns process.Namespec, wait bool) error {
	return s.one(ctx, "start", ns, start, wait)
}

// StartProcessArgs is StartProcess with arguments that are added to the command line (Supvisors' start_args), also of restarts. As with
// Supvisors, a command that cannot be run makes the process FATAL.
func (s *Supervisor) StartProcessArgs(ctx context.Context, ns process.Namespec, args string, wait bool) error {
	return s.one(ctx, "start", ns, func(ctx context.Context, m *managed) (rest, error) {
		if m.Info().State.IsRunning() {
			return nil, process.ErrAlreadyStarted // with the arguments it has
		}
		if err := m.SetExtraArgs(ctx, args); err != nil {
			return nil, err
		}
		rest, err := start(ctx, m)
		var bad *child.CommandError
		if errors.As(err, &bad) {
			_ = m.Fail(ctx, bad.Fault()) // an error means that the process is not there any more
		}
		return rest, err
	}, wait)
}

// StopProcess stops a process, with wait until it has ended.
func (s *Supervisor) StopProcess(ctx context.Context, ns process.Namespec, wait bool) error {
	return s.one(ctx, "stop", ns, stop, wait)
}

// SignalProcess sends a signal to a process.
func (s *Supervisor) SignalProcess(ctx context.Context, ns process.Namespec, sig syscall.Signal) error {
	return s.one(ctx, "signal", ns, signal(sig), false)
}

// StartGroup starts the processes of a group that do not run, by priority. With wait it returns when each is RUNNING or has
// failed. Results are in the same order.
func (s *Supervisor) StartGroup(ctx context.Context, name string, wait bool) ([]Result, error) {
	return s.group(ctx, name, isNotRunning, start, wait)
}

// StopGroup stops the processes of a group that run; see StartGroup.
func (s *Supervisor) StopGroup(ctx context.Context, name string, wait bool) ([]Result, error) {
	return s.group(ctx, name, process.State.IsRunning, stop, wait)
}

// SignalGroup sends a signal to the processes of a group that have a child.
func (s *Supervisor) SignalGroup(ctx context.Context, name string, sig syscall.Signal) ([]Result, error) {
	return s.group(ctx, name, process.State.IsSignallable, signal(sig), false)
}

// StartAll starts all processes that do not run, by the priority of their group and their own.
func (s *Supervisor) StartAll(ctx context.Context, wait bool) ([]Result, error) {
	return many(ctx, s.current.Load().all(), isNotRunning, start, wait)
}

// StopAll stops all processes that run.
func (s *Supervisor) StopAll(ctx context.Context, wait bool) ([]Result, error) {
	return many(ctx, s.current.Load().all(), process.State.IsRunning, stop, wait)
}

// SignalAll sends a signal to all processes that have a child.
func (s *Supervisor) SignalAll(ctx context.Context, sig syscall.Signal) ([]Result, error) {
	return many(ctx, s.current.Load().all(), process.State.IsSignallable, signal(sig), false)
}

// DisableAutorestart keeps the process from being started again when it exits, until its group is added anew (Supvisors leaves
// the restart of managed applications to the cluster).
func (s *Supervisor) DisableAutorestart(ctx context.Context, ns process.Namespec) error {
	return s.one(ctx, "disable autorestart of", ns, func(ctx context.Context, m *managed) (rest, error) {
		spec := *m.running
		spec.Autorestart = process.RestartNever
		return nil, m.SetSpec(ctx, &spec)
	}, false)
}

// SetExtraArgs sets the arguments that are added to the command line of a process from its next start on.
func (s *Supervisor) SetExtraArgs(ctx context.Context, ns process.Namespec, args string) error {
	return s.one(ctx, "set arguments of", ns, func(ctx context.Context, m *managed) (rest, error) {
		return nil, m.SetExtraArgs(ctx, args)
	}, false)
}

// WriteStdin sends data to the stdin of a process.
func (s *Supervisor) WriteStdin(ctx context.Context, ns process.Namespec, data []byte) error {
	return s.one(ctx, "write to", ns, func(ctx context.Context, m *managed) (rest, error) {
		if m.Info().State == process.Stopping {
			return nil, process.ErrNotRunning
		}
		return nil, m.WriteStdin(ctx, data)
	}, false)
}

// one does an operation on one process.
func (s *Supervisor) one(ctx context.Context, verb string, ns process.Namespec, op operation, wait bool) error {
	m, err := s.current.Load().find(ns)
	if err != nil {
		return err
	}
	wrap := func(err error) error {
		if err != nil {
			return fmt.Errorf("%s %s: %w", verb, ns, err)
		}
		return nil
	}
	finish, err := op(ctx, m)
	if err != nil || finish == nil || !wait {
		return wrap(err)
	}
	return wrap(finish(ctx))
}

func (s *Supervisor) group(ctx context.Context, name string, wanted func(process.State) bool, op operation, wait bool) ([]Result, error) {
	g, err := s.current.Load().group(name)
	if err != nil {
		return nil, err
	}
	return many(ctx, g.byPriority, wanted, op, wait)
}

// many begins an operation on each process of the list that is wanted, in order, and then waits for all of them: the time it
// takes is that of the slowest. The error is that of a context that ended before.
func many(ctx context.Context, list []*managed, wanted func(process.State) bool, op operation, wait bool) ([]Result, error) {
	results := []Result{}
	var rests []rest
	for _, m := range list {
		if !wanted(m.Info().State) {
			continue
		}
		finish, err := op(ctx, m)
		results = append(results, Result{Group: m.spec.Group, Name: m.spec.Name, Err: err})
		rests = append(rests, finish)
	}
	for i, finish := range rests {
		if wait && results[i].Err == nil && finish != nil {
			results[i].Err = finish(ctx)
		}
	}
	return results, ctx.Err()
}

func isNotRunning(s process.State) bool { return !s.IsRunning() }

func start(ctx context.Context, m *managed) (rest, error) {
	steps := m.Watch()
	if err := m.Start(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		begun := false
		info, err := steps.Until(ctx, func(i process.Info) bool {
			begun = begun || i.State == process.Starting
			return begun && i.State != process.Starting
		})
		switch {
		case err != nil:
			return err
		case info.State == process.Running:
			return nil
		case info.SpawnErr != "":
			return &child.SpawnError{Text: info.SpawnErr}
		}
		return ErrAbnormalTermination
	}, nil
}

func stop(ctx context.Context, m *managed) (rest, error) {
	steps := m.Watch()
	if err := m.Stop(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		begun := false
		_, err := steps.Until(ctx, func(i process.Info) bool {
			begun = begun || i.State == process.Stopping || i.State == process.Backoff
			return begun && i.State.IsStopped()
		})
		return err
	}, nil
}

func signal(sig syscall.Signal) operation {
	return func(ctx context.Context, m *managed) (rest, error) { return nil, m.Signal(ctx, sig) }
}
