package node

import (
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
)

// Local is the process manager of this node, as far as the cluster needs it. Its methods may be called from any goroutine.
type Local interface {
	// All returns every process with its configuration.
	All() []LocalProcess
	// Start starts a process with extra arguments and returns when the spawn was tried.
	Start(ns process.Namespec, extraArgs string) error
	// Stop begins to stop a process.
	Stop(ns process.Namespec) error
	// UseArgs sets the extra arguments of a process for its next start.
	UseArgs(ns process.Namespec, extraArgs string)
	// DisableAutorestart leaves the restarts of a process to the cluster.
	DisableAutorestart(ns process.Namespec)
}

// LocalProcess is a process of this node.
type LocalProcess struct {
	Info process.Info
	Spec *process.Spec
}

// Fact turns a process of this node into what the cluster is told about it.
func (c Clock) Fact(p LocalProcess, now time.Time) cluster.ProcessInfo {
	return cluster.ProcessInfo{
		Group: p.Info.Group, Name: p.Info.Name, Program: p.Spec.Program, Index: p.Spec.Index,
		State: p.Info.State, PID: p.Info.PID,
		Start: Wall(p.Info.Start), Stop: Wall(p.Info.Stop), Now: Wall(now),
		StartMono: c.Mono(p.Info.Start), StopMono: c.Mono(p.Info.Stop), NowMono: c.Mono(now),
		Expected: p.Info.Expected || !ended(p.Info.State), SpawnErr: p.Info.SpawnErr, How: p.Info.How, ExtraArgs: p.Info.ExtraArgs, Disabled: p.Info.Disabled,
		StartSecs: p.Spec.StartSecs, StopWaitSecs: p.Spec.StopWaitSecs,
		HasStdout: p.Spec.Stdout.File != "" || p.Spec.Stdout.Syslog,
		HasStderr: p.Spec.Stderr.File != "" || p.Spec.Stderr.Syslog,
	}
}

// ended reports whether a process is in a state of which it can be said whether it was expected.
func ended(s process.State) bool {
	return s == process.Exited || s == process.Fatal || s == process.Unknown
}
