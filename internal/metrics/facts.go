package metrics

import (
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// facts is the daemon at the moment of a scrape.
type facts struct {
	version   string
	state     supervisor.State
	checks    map[string]bool // nil without the device API
	processes []supervisor.Counted
	pools     []supervisor.Pool
	view      *cluster.View // nil for a plain Supervisor
	health    node.Health
	host      *stats.HostSample                // nil when there is none
	usage     map[process.Namespec]stats.Point // of the processes that were measured
}

// read looks at what has been published.
func (c Config) read() facts {
	f := facts{version: c.Version, state: c.Supervisor.State(), processes: c.Supervisor.Counted(), pools: c.Supervisor.Pools()}
	if c.Checks != nil {
		f.checks = c.Checks()
	}
	if c.Node != nil {
		f.view, f.health = c.Node.View(), c.Node.Health()
	}
	if c.Statistics != nil {
		c.measured(&f)
	}
	return f
}

// measured adds the last samples of the host and of the processes that are up.
func (c Config) measured(f *facts) {
	if history := c.Statistics.HostHistory(c.Period); len(history) > 0 {
		f.host = &history[len(history)-1]
	}
	f.usage = map[process.Namespec]stats.Point{}
	for i := range f.processes {
		info := &f.processes[i].Info
		ns := process.Namespec{Group: info.Group, Process: info.Name}
		// a process that was just started again has no sample yet
		if h, up := c.Statistics.ProcessHistory(ns.String(), c.Period); up && h.PID == info.PID && len(h.Points) > 0 {
			f.usage[ns] = h.Points[len(h.Points)-1]
		}
	}
}
