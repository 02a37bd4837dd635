package service

import (
	"context"
	"log/slog"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rpc"
)

// Deps is what the rows work with. Supervisor and Log are needed.
type Deps struct {
	Supervisor        *supervisor.Supervisor
	SupervisorVersion string // whose behaviour the daemon has, what getSupervisorVersion answers
	PID               int    // of the daemon
	Log               *supervisor.ActivityLog

	Cluster Cluster        // nil without [rpcinterface:supvisors]: there are no supvisors.* rows then
	Options cluster.Config // of the Cluster
	// Level is what supvisors.change_log_level changes. nil is the level of Log.
	Level        *slog.LevelVar
	Statistics   *stats.Collector // of this node; needed with Cluster
	TailfLimit   int64            // how much of a log is sent before what is added to it, in bytes; 0 for Supervisor's 1024
	Disabilities *Disabilities    // where enable and disable are remembered; nil forgets them
}

// Remote returns the table of another daemon, which makes each call with call.
func Remote(call func(ctx context.Context, method string, args rpc.Args) (any, error)) (*rpc.Table, error) {
	table, err := rpc.NewTable(append((&programs{}).methods(), clusterMethods(Deps{})...)...)
	if err != nil {
		return nil, err
	}
	table.Forward(call)
	return table, nil
}

// Table returns the rows of supervisor.*, and with a cluster those of supvisors.*; rpc adds system.*.
func Table(deps Deps) (*rpc.Table, error) {
	if deps.Level == nil {
		deps.Level = &deps.Log.Level
	}
	p := &programs{sup: deps.Supervisor, deps: deps}
	rows := p.methods()
	if deps.Cluster != nil {
		rows = append(rows, clusterMethods(deps)...)
	}
	for i := range rows {
		rows[i].Fn = withFaults(rows[i].Fn)
	}
	table, err := rpc.NewTable(rows...)
	if err != nil {
		return nil, err
	}
	table.Log = deps.Log.Logger
	table.Guard = func(ctx context.Context, m *rpc.Method) error {
		if fault := rpc.Permit(ctx, m.Access); fault != nil {
			return fault
		}
		if strings.HasPrefix(m.Name, "supervisor.") && deps.Supervisor.State() < supervisor.Running {
			return asFault(supervisor.ErrEnding)
		}
		return nil
	}
	return table, nil
}

type function = func(context.Context, rpc.Args) (any, error)

// withFaults makes the errors of a row the faults that its callers see.
func withFaults(fn function) function {
	return func(ctx context.Context, a rpc.Args) (any, error) {
		value, err := fn(ctx, a)
		if err != nil {
			return nil, asFault(err)
		}
		return value, nil
	}
}
