package service

import (
	"context"
	"fmt"
	"syscall"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// ProcessResult is what became of one process in a call for many: Status is a fault code, 80 for success.
type ProcessResult struct {
	Name        string `xmlrpc:"name"`
	Group       string `xmlrpc:"group"`
	Status      int    `xmlrpc:"status"`
	Description string `xmlrpc:"description"`
}

func newProcessResult(group, name string, err error) ProcessResult {
	r := ProcessResult{Name: name, Group: group, Status: rpc.Success, Description: "OK"}
	if err != nil {
		fault := rpc.AsFault(asFault(err))
		r.Status, r.Description = fault.Code, fault.Text
	}
	return r
}

// processResults shows what came of an operation on many processes. err is what kept it from being begun, name what the caller asked
// for.
func processResults(name string, list []supervisor.Result, err error) (any, error) {
	if err != nil {
		return nil, about(name, err)
	}
	all := make([]ProcessResult, len(list))
	for i, r := range list {
		ns := process.Namespec{Group: r.Group, Process: r.Name}
		all[i] = newProcessResult(r.Group, r.Name, about(ns.String(), r.Err))
	}
	return all, nil
}

// oneOrMany is the result of what is done to a process, or with group:* to a group.
var oneOrMany = rpc.Result{Kind: rpc.Boolean, Doc: "always true unless error; what became of each process for a group", Type: false,
	Or: []ProcessResult(nil)}

// startMethods returns the rows that start and stop.
func (p *programs) startMethods() []rpc.Method {
	return []rpc.Method{
		{Name: "supervisor.startProcess", Doc: "Start a process. With group:* it does what startProcessGroup does.", Access: rpc.Act,
			Params: []rpc.Param{manyParam, waitParam}, Result: oneOrMany, Fn: p.startProcess},
		{Name: "supervisor.startProcessGroup", Doc: "Start all processes of a group that do not run.", Access: rpc.Act,
			Params: []rpc.Param{groupName, waitParam}, Result: results,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return p.startGroup(ctx, a.String(0), a.String(0), a.Bool(1))
			}},
		{Name: "supervisor.startAllProcesses", Doc: "Start all processes that do not run.", Access: rpc.Act,
			Params: []rpc.Param{waitParam}, Result: results,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				list, err := p.sup.StartAll(ctx, a.Bool(0))
				return processResults("", list, err)
			}},
		{Name: "supervisor.stopProcess", Doc: "Stop a process. With group:* it does what stopProcessGroup does.", Access: rpc.Act,
			Params: []rpc.Param{manyParam, waitParam}, Result: oneOrMany, Fn: p.stopProcess},
		{Name: "supervisor.stopProcessGroup", Doc: "Stop all processes of a group that run.", Access: rpc.Act,
			Params: []rpc.Param{groupName, waitParam}, Result: results,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return p.stopGroup(ctx, a.String(0), a.String(0), a.Bool(1))
			}},
		{Name: "supervisor.stopAllProcesses", Doc: "Stop all processes that run.", Access: rpc.Act,
			Params: []rpc.Param{waitParam}, Result: results,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				list, err := p.sup.StopAll(ctx, a.Bool(0))
				return processResults("", list, err)
			}},
	}
}

func (p *programs) startProcess(ctx context.Context, a rpc.Args) (any, error) {
	name, ns := a.String(0), process.ParseNamespec(a.String(0))
	if ns.WholeGroup() {
		return p.startGroup(ctx, name, ns.Group, a.Bool(1))
	}
	return true, about(name, p.sup.StartProcess(ctx, ns, a.Bool(1)))
}

func (p *programs) startGroup(ctx context.Context, name, group string, wait bool) (any, error) {
	list, err := p.sup.StartGroup(ctx, group, wait)
	return processResults(name, list, err)
}

func (p *programs) stopProcess(ctx context.Context, a rpc.Args) (any, error) {
	name, ns := a.String(0), process.ParseNamespec(a.String(0))
	if ns.WholeGroup() {
		return p.stopGroup(ctx, name, ns.Group, a.Bool(1))
	}
	return true, about(name, p.sup.StopProcess(ctx, ns, a.Bool(1)))
}

func (p *programs) stopGroup(ctx context.Context, name, group string, wait bool) (any, error) {
	list, err := p.sup.StopGroup(ctx, group, wait)
	return processResults(name, list, err)
}

var signalParam = rpc.Param{Name: "signal", Kind: rpc.Any, Word: "string", Doc: "name or number of the signal"}

// signalMethods returns the rows that send something to children.
func (p *programs) signalMethods() []rpc.Method {
	return []rpc.Method{
		{Name: "supervisor.signalProcess", Doc: "Send a signal to a process. With group:* it does what signalProcessGroup does.", Access: rpc.Act,
			Params: []rpc.Param{manyParam, signalParam}, Result: oneOrMany, Fn: p.signalProcess},
		{Name: "supervisor.signalProcessGroup", Doc: "Send a signal to all processes of a group.", Access: rpc.Act,
			Params: []rpc.Param{groupName, signalParam}, Result: results,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return p.signalGroup(ctx, a.String(0), a.String(0), a.Value(1))
			}},
		{Name: "supervisor.signalAllProcesses", Doc: "Send a signal to all processes.", Access: rpc.Act,
			Params: []rpc.Param{signalParam}, Result: results, Fn: p.signalAll},
		{Name: "supervisor.sendProcessStdin", Doc: "Write text to the stdin of a process, in UTF-8.", Access: rpc.Act,
			Params: []rpc.Param{nameParam, {Name: "chars", Kind: rpc.Any, Word: "string", Doc: "the text"}}, Result: always, Fn: p.sendStdin},
	}
}

func (p *programs) signalProcess(ctx context.Context, a rpc.Args) (any, error) {
	name, ns := a.String(0), process.ParseNamespec(a.String(0))
	if ns.WholeGroup() {
		return p.signalGroup(ctx, name, ns.Group, a.Value(1))
	}
	if _, err := p.sup.Process(ns); err != nil { // comes before a bad signal
		return nil, about(name, err)
	}
	sig, err := parseSignal(a.Value(1))
	if err != nil {
		return nil, err
	}
	return true, about(name, p.sup.SignalProcess(ctx, ns, sig))
}

func (p *programs) signalGroup(ctx context.Context, name, group string, signal any) (any, error) {
	g, err := p.sup.Group(group)
	if err != nil {
		return nil, about(name, err)
	}
	sig, err := parseSignal(signal)
	if err != nil {
		return refused(g.Processes, err), nil
	}
	list, err := p.sup.SignalGroup(ctx, group, sig)
	return processResults(name, list, err)
}

func (p *programs) signalAll(ctx context.Context, a rpc.Args) (any, error) {
	sig, err := parseSignal(a.Value(0))
	if err != nil {
		var all []supervisor.Process
		for _, g := range p.sup.Groups() {
			all = append(all, g.Processes...)
		}
		return refused(all, err), nil
	}
	list, err := p.sup.SignalAll(ctx, sig)
	return processResults("", list, err)
}

// refused is the answer of calls for many when the signal is none: as in Supervisor, each process that would have got it says so.
func refused(list []supervisor.Process, err error) []ProcessResult {
	all := []ProcessResult{}
	for _, proc := range list {
		if proc.Info.State.IsSignallable() {
			all = append(all, newProcessResult(proc.Info.Group, proc.Info.Name, err))
		}
	}
	return all
}

// parseSignal reads a signal given by name, with or without SIG and in any case, or by number. 0 asks only whether the child may be
// signalled.
func parseSignal(v any) (syscall.Signal, error) {
	text := fmt.Sprint(v)
	sig, err := ini.Signal(text)
	if err != nil {
		return 0, about(text, errBadSignal)
	}
	return sig, nil
}

func (p *programs) sendStdin(ctx context.Context, a rpc.Args) (any, error) {
	chars, ok := a.Value(1).(string)
	if !ok {
		return nil, rpc.NewFault(rpc.IncorrectParameters, fmt.Sprint(a.Value(1)))
	}
	return true, about(a.String(0), p.sup.WriteStdin(ctx, process.ParseNamespec(a.String(0)), []byte(chars)))
}
