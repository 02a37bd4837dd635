package service

import (
	"context"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// supervisorAPI is the version of the supervisor interface that the rows follow.
const supervisorAPI = "3.0"

// programs serves the supervisor.* rows.
type programs struct {
	sup  *supervisor.Supervisor
	deps Deps
}

// Results and parameters that several rows share.
var (
	always    = rpc.Result{Kind: rpc.Boolean, Doc: "always true unless error", Type: false}
	results   = rpc.Result{Kind: rpc.Array, Doc: "what became of each process", Type: []ProcessResult(nil)}
	nameParam = rpc.Param{Name: "name", Kind: rpc.String, Doc: "name of the process, group:name"}
	manyParam = rpc.Param{Name: "name", Kind: rpc.String, Doc: "name of the process, group:name or group:*"}
	groupName = rpc.Param{Name: "name", Kind: rpc.String, Doc: "name of the group"}
)

// methods returns the rows of the supervisor.* namespace.
func (p *programs) methods() []rpc.Method {
	rows := p.daemonMethods()
	rows = append(rows, p.groupMethods()...)
	rows = append(rows, p.infoMethods()...)
	rows = append(rows, p.startMethods()...)
	rows = append(rows, p.signalMethods()...)
	return append(rows, p.logMethods()...)
}

// DaemonState is the answer of getState.
type DaemonState struct {
	Code int    `xmlrpc:"statecode"`
	Name string `xmlrpc:"statename"`
}

// daemonMethods returns the rows about the daemon itself.
func (p *programs) daemonMethods() []rpc.Method {
	text := func(doc string) rpc.Result { return rpc.Result{Kind: rpc.String, Doc: doc, Type: ""} }
	version := rpc.Method{Name: "supervisor.getAPIVersion", Doc: "Get the version of the supervisor interface.", Result: text("the version"),
		Fn: func(context.Context, rpc.Args) (any, error) { return supervisorAPI, nil }}
	return []rpc.Method{
		version, alias("supervisor.getVersion", version),
		{Name: "supervisor.getSupervisorVersion", Doc: "Get the version of Supervisor that this daemon stands for.",
			Result: text("the version"), Fn: func(context.Context, rpc.Args) (any, error) { return p.deps.SupervisorVersion, nil }},
		{Name: "supervisor.getIdentification", Doc: "Get the name that identifies this daemon.", Result: text("the identifier"),
			Fn: func(context.Context, rpc.Args) (any, error) { return p.sup.Identifier(), nil }},
		{Name: "supervisor.getState", Doc: "Get the state of the daemon.",
			Result: rpc.Result{Kind: rpc.Struct, Doc: "statecode and statename", Type: DaemonState{}},
			Fn: func(context.Context, rpc.Args) (any, error) {
				state := p.sup.State()
				return DaemonState{int(state), state.String()}, nil
			}},
		{Name: "supervisor.getPID", Doc: "Get the process id of the daemon.", Result: rpc.Result{Kind: rpc.Int, Doc: "the process id", Type: 0},
			Fn: func(context.Context, rpc.Args) (any, error) { return p.deps.PID, nil }},
		{Name: "supervisor.shutdown", Doc: "Stop all processes and end the daemon.", Access: rpc.Admin, Result: always,
			Fn: func(context.Context, rpc.Args) (any, error) { return p.end(supervisor.Shutdown), nil }},
		{Name: "supervisor.restart", Doc: "Stop all processes and start the daemon anew.", Access: rpc.Admin, Result: always,
			Fn: func(context.Context, rpc.Args) (any, error) { return p.end(supervisor.Restarting), nil }},
		{Name: "supervisor.sendRemoteCommEvent", Doc: "Send a REMOTE_COMMUNICATION event to the event listeners.", Access: rpc.Act,
			Params: []rpc.Param{{Name: "type", Kind: rpc.String, Doc: "the type key of its header"},
				{Name: "data", Kind: rpc.String, Doc: "its body"}},
			Result: always,
			Fn: func(_ context.Context, a rpc.Args) (any, error) {
				p.sup.SendRemoteComm(a.String(0), a.String(1))
				return true, nil
			}},
	}
}

func (p *programs) end(to supervisor.State) bool {
	p.sup.End(to) // if it does not count, another client was faster
	return true
}

// groupMethods returns the rows that change the set of groups.
func (p *programs) groupMethods() []rpc.Method {
	return []rpc.Method{
		{Name: "supervisor.reloadConfig", Doc: "Read the configuration again and tell which groups differ, without applying it.", Access: rpc.Admin,
			Result: rpc.Result{Kind: rpc.Array, Doc: "one array of the names of added, changed and removed groups", Type: [][][]string(nil)},
			Fn:     p.reloadConfig},
		{Name: "supervisor.addProcessGroup", Doc: "Make a group of the configuration active.", Access: rpc.Admin,
			Params: []rpc.Param{groupName}, Result: always,
			Fn: func(_ context.Context, a rpc.Args) (any, error) {
				return true, about(a.String(0), p.sup.AddGroup(a.String(0)))
			}},
		{Name: "supervisor.removeProcessGroup", Doc: "Make a group inactive whose processes have stopped.", Access: rpc.Admin,
			Params: []rpc.Param{groupName}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return true, about(a.String(0), p.sup.RemoveGroup(ctx, a.String(0)))
			}},
	}
}

func (p *programs) reloadConfig(context.Context, rpc.Args) (any, error) {
	c, err := p.sup.Reread()
	if err != nil {
		return nil, err
	}
	return [][][]string{{c.Added, c.Changed, c.Removed}}, nil
}
