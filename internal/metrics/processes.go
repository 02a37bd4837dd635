package metrics

import (
	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// processStates are the states in the order of their codes.
var processStates = []process.State{process.Stopped, process.Starting, process.Running, process.Backoff, process.Stopping,
	process.Exited, process.Fatal, process.Unknown}

func (s sink) processes(list []supervisor.Counted) {
	in := map[process.State]int{}
	for i := range list {
		p := &list[i]
		in[p.Info.State]++
		s.process(p)
		s.logs(p)
	}
	for _, state := range processStates {
		s.put(processes, float64(in[state]), state.String())
	}
}

func (s sink) process(p *supervisor.Counted) {
	info := &p.Info
	put := func(family series, value float64) { s.put(family, value, info.Group, info.Name) }
	up := info.State.IsSignallable()
	put(processState, float64(info.State))
	s.flag(processUp, up, info.Group, info.Name)
	if up {
		put(processStartTime, seconds(info.Start))
	}
	put(processExitStatus, float64(info.ExitStatus))
	put(processStarts, float64(p.Counts.Starts))
	put(processRestarts, float64(p.Counts.Restarts))
	put(processFailedStarts, float64(info.Backoff))
	if info.State == process.Backoff {
		put(processRetryTime, seconds(info.NextRetry))
	}
}

// logs shows the streams that are logged.
func (s sink) logs(p *supervisor.Counted) {
	for _, to := range []struct {
		stream child.Stream
		spec   *process.LogSpec
		joined bool // goes where the other one goes
	}{{child.Stdout, &p.Spec.Stdout, false}, {child.Stderr, &p.Spec.Stderr, p.Spec.RedirectStderr}} {
		if to.joined || to.spec.File == "" && !to.spec.Syslog {
			continue
		}
		name, log := to.stream.String(), p.Counts.Logs[to.stream]
		s.put(processLogBytes, float64(log.Bytes), p.Info.Group, p.Info.Name, name)
		s.put(processLogRotations, float64(log.Rotations), p.Info.Group, p.Info.Name, name)
		s.put(processLogFailures, float64(log.Failures), p.Info.Group, p.Info.Name, name)
	}
}

func (s sink) pools(list []supervisor.Pool) {
	for _, p := range list {
		s.put(listenerQueue, float64(p.Queued), p.Name)
		s.put(listenerCapacity, float64(p.Size), p.Name)
		s.put(listenerDropped, float64(p.Dropped), p.Name)
	}
}
