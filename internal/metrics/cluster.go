package metrics

import (
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/node"
)

// percent is the unit of the loads in rules files and statistics.
const percent = 100

func (s sink) cluster(v *cluster.View) {
	self := v.Self
	s.put(nodeInfo, 1, self.Identifier, self.Nick)
	s.put(fsmState, float64(self.Modes.State))
	s.flag(degraded, self.Modes.Degraded)
	s.put(term, float64(self.Modes.Term))
	s.put(jobs, float64(v.Starts), "start")
	s.put(jobs, float64(v.Stops), "stop")
	s.put(conflicts, float64(len(v.Conflicts())))
	in := map[cluster.InstanceState]int{}
	for _, i := range v.Instances {
		in[i.State]++
		s.put(instanceInfo, 1, i.Identifier, i.Nick)
		s.put(instanceState, float64(i.State), i.Identifier)
		s.flag(instanceMaster, i.Identifier == self.Modes.Master, i.Identifier)
		s.put(instanceLoad, float64(i.Load)/percent, i.Identifier)
		if !i.TickAt.IsZero() {
			s.put(instanceTick, seconds(i.TickAt), i.Identifier)
		}
	}
	for state := cluster.InstanceStopped; state <= cluster.InstanceIsolated; state++ {
		s.put(instances, float64(in[state]), state.String())
	}
}

func (s sink) applications(v *cluster.View) {
	for _, a := range v.Applications {
		s.put(applicationState, float64(a.State), a.Name)
		s.flag(applicationFailure, a.Major, a.Name, "major")
		s.flag(applicationFailure, a.Minor, a.Name, "minor")
	}
}

// health shows how this node stands with each of the others.
func (s sink) health(v *cluster.View, h node.Health) {
	s.put(orders, float64(h.Orders))
	s.put(gossipHealth, float64(h.Score))
	known := map[string]bool{}
	members := map[string]gossip.Member{}
	for _, m := range h.Members {
		members[m.Name] = m
	}
	for _, i := range v.Instances {
		if i == v.Self {
			continue
		}
		known[i.Identifier] = true
		s.flag(memberUp, members[i.Identifier].Joined, i.Identifier)
		s.flag(streamUp, members[i.Identifier].StreamUp, i.Identifier)
	}
	for _, r := range h.Readers {
		if known[r.Name] { // a new one is known to gossip first
			s.put(streamLag, float64(r.Behind), r.Name)
		}
	}
}
