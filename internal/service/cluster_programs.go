package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// programParam names what a [program:x] section configures.
var programParam = rpc.Param{Name: "program_name", Kind: rpc.String, Doc: "name of the program section"}

// programMethods returns the rows that change the programs of this instance alone.
func (s *supvisors) programMethods() []rpc.Method {
	return []rpc.Method{
		{Name: "supvisors.start_args", Doc: "Start a process on this instance, with arguments.", Access: rpc.Act,
			Params: []rpc.Param{namespecParam, {Name: "extra_args", Kind: rpc.String, Doc: "arguments added to the command line"}, waitParam},
			Result: always, Fn: s.startArgs},
		{Name: "supvisors.update_numprocs", Doc: "Change how many processes a program has on this instance.", Access: rpc.Admin,
			Params: []rpc.Param{programParam, {Name: "numprocs", Kind: rpc.Any, Word: "int", Doc: "the number, at least 1"}, waitParam,
				{Name: "lazy", Kind: rpc.Boolean, Optional: true, Default: false, Doc: "whether processes that are too many may go on until they end"}},
			Result: always, Fn: s.updateNumprocs},
		{Name: "supvisors.enable", Doc: "Allow the starts of a program on this instance again.", Access: rpc.Act,
			Params: []rpc.Param{programParam, waitParam}, Result: always, Fn: s.enable},
		{Name: "supvisors.disable", Doc: "Stop the processes of a program on this instance and forbid their starts.", Access: rpc.Act,
			Params: []rpc.Param{programParam, waitParam}, Result: always, Fn: s.disable},
	}
}

// startArgs asks nobody: it is what other instances call during the DISTRIBUTION too.
func (s *supvisors) startArgs(ctx context.Context, a rpc.Args) (any, error) {
	if s.deps.Supervisor.State() < supervisor.Running {
		return nil, supervisor.ErrEnding
	}
	name := a.String(0)
	if _, err := findProcesses(s.node.View(), name); err != nil {
		return nil, err
	}
	ns := process.ParseNamespec(name)
	if _, err := s.deps.Supervisor.Process(ns); err != nil {
		return nil, about("namespec="+name+" unknown to Supervisor", err)
	}
	return true, about(name, s.deps.Supervisor.StartProcessArgs(ctx, ns, a.String(1), a.Bool(2)))
}

// program checks that the cluster works and that this instance has the program.
func (s *supvisors) program(name string) error {
	if err := s.node.View().CheckRequest(cluster.StartProcesses{}); err != nil { // the same states as for a start
		return err
	}
	if !slices.Contains(s.deps.Supervisor.Programs(), name) {
		return rpc.NewFault(rpc.BadName, "program="+name+" unknown to Supvisors")
	}
	return nil
}

func (s *supvisors) updateNumprocs(ctx context.Context, a rpc.Args) (any, error) {
	name := a.String(0)
	if err := s.program(name); err != nil {
		return nil, err
	}
	n := count(a.Value(1))
	if n <= 0 {
		text, _ := inPython(a.Value(1))
		return nil, rpc.NewFault(rpc.IncorrectParameters, fmt.Sprintf("program=%s incorrect numprocs=%s - integer > 0 expected", name, text))
	}
	_, obsolete, err := s.deps.Supervisor.SetNumprocs(ctx, name, n)
	var bad *config.Error
	if errors.As(err, &bad) {
		return nil, rpc.NewFault(rpc.NotApplicable, "numprocs not applicable to program="+name)
	}
	if err == nil && len(obsolete) > 0 && !a.Bool(3) {
		err = s.removeObsolete(ctx, name, n, obsolete, a.Bool(2))
	}
	s.settle(ctx)
	return true, err
}

// count reads a number as Python's int does; 0 for what is none.
func count(v any) int {
	switch v := v.(type) {
	case int:
		return v
	case bool:
		return map[bool]int{true: 1, false: 0}[v]
	case float64:
		return int(v)
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil {
			return n
		}
	}
	return 0
}

// removeObsolete stops the processes that are too many, and has them removed when the caller waits for that.
func (s *supvisors) removeObsolete(ctx context.Context, program string, n int, obsolete []process.Namespec, wait bool) error {
	if err := s.stop(ctx, obsolete, wait); err != nil || !wait {
		return err
	}
	// the same number once more removes at once what has stopped by now
	_, left, err := s.deps.Supervisor.SetNumprocs(ctx, program, n)
	if err == nil && len(left) > 0 {
		err = stillRunning(left)
	}
	return err
}

func (s *supvisors) enable(ctx context.Context, a rpc.Args) (any, error) {
	return true, s.setDisabled(ctx, a.String(0), false)
}

func (s *supvisors) disable(ctx context.Context, a rpc.Args) (any, error) {
	name := a.String(0)
	if err := s.setDisabled(ctx, name, true); err != nil {
		return nil, err
	}
	var running []process.Namespec
	for _, p := range s.deps.Supervisor.Processes() {
		if p.Spec.Program == name && p.Info.State.IsRunning() {
			running = append(running, process.Namespec{Group: p.Info.Group, Process: p.Info.Name})
		}
	}
	err := s.stop(ctx, running, a.Bool(1))
	s.settle(ctx)
	return true, err
}

func (s *supvisors) setDisabled(ctx context.Context, program string, on bool) error {
	if err := s.program(program); err != nil {
		return err
	}
	if err := s.deps.Supervisor.SetDisabled(ctx, program, on); err != nil {
		return about("program="+program+" unknown to Supvisors", err)
	}
	s.settle(ctx)
	return s.deps.Disabilities.Save(s.deps.Supervisor)
}

// stop stops processes of this instance, all at the same time. With wait it returns when they have stopped; the error names those
// that did not.
func (s *supvisors) stop(ctx context.Context, list []process.Namespec, wait bool) error {
	failed := make([]bool, len(list))
	var work sync.WaitGroup
	for i, ns := range list {
		work.Go(func() {
			err := s.deps.Supervisor.StopProcess(ctx, ns, wait)
			ended := errors.Is(err, process.ErrNotRunning) || errors.Is(err, supervisor.ErrBadName)
			failed[i] = err != nil && !ended
		})
	}
	work.Wait()
	var left []process.Namespec
	for i, ns := range list {
		if failed[i] {
			left = append(left, ns)
		}
	}
	if len(left) > 0 {
		return stillRunning(left)
	}
	return nil
}

func stillRunning(list []process.Namespec) error {
	names := make([]string, len(list))
	for i, ns := range list {
		names[i] = "'" + ns.String() + "'"
	}
	return rpc.NewFault(rpc.StillRunning, "processes=["+strings.Join(names, ", ")+"]")
}

// settle returns when the View shows what the Supervisor has done so far: the cluster takes requests in turn with the changes of
// processes, and this one wants nothing of it.
func (s *supvisors) settle(ctx context.Context) {
	_, _ = s.node.Ask(ctx, cluster.Conciliate{Strategy: rules.ConciliationUser})
}
