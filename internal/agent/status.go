package agent

import (
	"cmp"
	"context"
	"net"
	"strconv"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rest/agent"
)

// Status implements agent.Agent.
func (a *Agent) Status(context.Context) (agent.Status, error) {
	s := agent.Status{OldestVersion: cmp.Or(a.cfg.OldestVersion, a.cfg.Version), Version: a.cfg.Version, Identifier: a.sup.Identifier(),
		Nick: a.nick(), Uptime: time.Since(a.cfg.Started)}
	if a.cluster == nil {
		return s, nil
	}
	view := a.cluster.View()
	s.Identifier, s.FSMState, s.Connectivity = view.Self.Identifier, view.Self.Modes.State.String(), a.connectivity(view)
	if master := view.Master(); master != nil {
		s.Master, s.Exchange = master.Identifier, a.rpc(master.Identity)
		switch {
		case master.Identifier == view.Self.Identifier:
			s.ExchangeVersion = a.cfg.Version
		case a.cfg.VersionOf != nil:
			s.ExchangeVersion = a.cfg.VersionOf(master.Identifier)
		}
	}
	return s, nil
}

// rpc returns the URL of the RPC interface of a node.
func (a *Agent) rpc(n cluster.Identity) string {
	if a.cfg.RPC != nil {
		return a.cfg.RPC(n)
	}
	return "http://" + net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) + "/RPC2"
}

// connectivity tells by nick which peers could be reached: at the last probe, else as gossip knows.
func (a *Agent) connectivity(view *cluster.View) map[string]bool {
	var reached map[string]bool
	if a.cfg.Reach != nil {
		reached = a.cfg.Reach()
	}
	shown := map[string]bool{}
	for _, n := range view.Instances {
		if n.Identifier == view.Self.Identifier {
			continue
		}
		probed, known := reached[n.Identifier]
		shown[n.Nick] = known && probed || !known && n.State == cluster.InstanceRunning
	}
	return shown
}

// Workers implements agent.Agent.
func (a *Agent) Workers(context.Context) (agent.Workers, error) {
	if a.cfg.Workers == nil {
		return agent.Workers{}, nil
	}
	return a.cfg.Workers(), nil
}
