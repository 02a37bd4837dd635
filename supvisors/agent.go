package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/agent"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/device"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/ledger"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/internal/trust"
	"github.com/supvisors/supvisors/internal/worker"
	agentapi "github.com/supvisors/supvisors/rest/agent"
)

// ledgerQueue is how many events may wait for the history.
const ledgerQueue = 1024

// nodeAgent is what is behind the agent API: the agent, the history of the node, its event log. A nil one is a node without.
type nodeAgent struct {
	*agent.Agent
	log    *journal.Log
	ledger *ledger.Ledger
	trust  *trust.Store
	start  agent.Start
	worker *worker.Worker // of the ledger
	node   *node.Node     // nil for a plain Supervisor
}

// newAgent prepares the agent, for as much as has to be known before there is a node; nil when no listener serves it.
func (s *session) newAgent() (*nodeAgent, error) {
	if s.cfg.Agent == nil {
		return nil, nil
	}
	a := &nodeAgent{worker: s.workers.Add("AgreementLedger")}
	var err error
	if a.trust, err = trust.Open(s.state.folder.Path("trust")); err != nil {
		return nil, err
	}
	if a.start, err = agent.Initial(s.state.folder, agentOptions(s.cfg.Agent), s.cfg.Supvisors != nil); err != nil {
		return nil, err
	}
	a.log, err = journal.Open(s.state.folder.Path("events.db"), journal.Limits{}, s.log.Logger)
	return a, err
}

func agentOptions(o *config.Agent) agent.Options {
	return agent.Options{Organization: o.Organization, URLs: o.ServiceURLs, Versions: o.ServiceVersions, AutoConfigure: o.AutoConfigure,
		AllowJoin: o.AllowJoin, QuiesceTimeout: o.QuiesceTimeout, InjectAll: o.InjectAll, InjectGroups: o.InjectGroups, RestartOnInput: o.RestartOnInput}
}

// begin makes the rest of the agent, on the supervisor and the node that there are now.
func (a *nodeAgent) begin(s *session, p *daemonProcess) (err error) {
	if a == nil {
		return nil
	}
	a.node = s.node
	l := ledger.Config{Path: s.state.folder.Path("ledger.db"), Log: a.log, Supervisor: s.sup, Node: func() journal.Node { return a.Source() },
		Application: func(group string) agentapi.Application { return a.Application(group) },
		Definition:  func(group string) string { return a.Definition(group) },
		Environment: environmentOf, All: s.cfg.Agent.AllAgreements, Logger: s.log.Logger}
	if s.device != nil {
		l.ContainerID = s.device.ContainerID
	}
	if s.node != nil {
		l.Cluster, l.Exchange = s.node, func() string { return s.masterURL() }
	}
	if a.ledger, err = ledger.Open(l); err != nil {
		return err
	}
	c := agent.Config{Options: agentOptions(s.cfg.Agent), Start: a.start, Supervisor: s.sup, Bus: p.bus, Log: a.log, Folder: s.state.folder,
		Ledger: a.ledger, Trust: a.trust, Workers: func() agentapi.Workers { return workersOf(s.workers) }, Version: version, Started: time.Now(),
		Logger: s.log.Logger, Key: func(given string) agentapi.Scope { return scopeOf(s.state.keys, given) },
		Disable: func(ctx context.Context, program string, on bool) error {
			return errors.Join(s.sup.SetDisabled(ctx, program, on), s.disabled.Save(s.sup))
		}}
	if s.device != nil {
		c.Reach = func() map[string]bool { return s.device.Reach().Targets }
	}
	if s.node != nil {
		c.Cluster, c.Membership, c.Secret = agent.OfNode(s.node), membership{s.node}, clusterSecret(s.cfg)
		for _, peer := range peersOf(s.cfg, s.options) {
			c.Peers = append(c.Peers, peer.Addr)
		}
		c.RuleSet = s.rules.Load
		c.Rules = func(group string) (any, error) {
			value, ok := service.RulesOf(s.node.View(), group)
			if !ok {
				return nil, errors.New("the cluster does not know the application " + group)
			}
			return value, nil
		}
		c.RPC = s.rpcURL
		c.VersionOf = func(identifier string) string {
			for _, m := range s.node.Health().Members {
				if m.Name == identifier {
					return m.Meta.Version
				}
			}
			return ""
		}
	}
	a.Agent, err = agent.New(c)
	return err
}

// environmentOf is what a process has in its environment by the configuration.
func environmentOf(s *process.Spec) map[string]string {
	env := map[string]string{}
	for _, v := range s.Environment {
		env[v.Name] = v.Value
	}
	return env
}

// rpcURL is where a node is asked for by XML-RPC: all nodes speak TLS, or none.
func (s *session) rpcURL(id cluster.Identity) string {
	scheme := "http"
	if s.cfg.Inet[0].CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(id.Host, strconv.Itoa(id.Port)) + "/RPC2"
}

// masterURL is that of the Master, "" without one.
func (s *session) masterURL() string {
	if m := s.node.View().Master(); m != nil {
		return s.rpcURL(m.Identity)
	}
	return ""
}

// membership has the node join and leave the cluster.
type membership struct{ *node.Node }

func (m membership) Join(ctx context.Context, secret string, peers []string, standing cluster.Standing) error {
	j := node.Joining{Secret: secret, Standing: standing}
	for _, addr := range peers {
		j.Peers = append(j.Peers, gossip.Peer{Addr: addr})
	}
	return m.Node.Join(ctx, j)
}

// scopeOf is what a key opens: those of applications open nothing.
func scopeOf(keys *key.Keys, given string) agentapi.Scope {
	switch scope, _ := keys.Find(given, nil); scope {
	case key.Global:
		return agentapi.Global
	case key.Read:
		return agentapi.Read
	}
	return agentapi.Nothing
}

func workersOf(r *worker.Registry) agentapi.Workers {
	snapshot := r.Snapshot()
	var all agentapi.Workers
	for _, w := range snapshot.Workers {
		shown := agentapi.Worker{Name: w.Name, Status: w.Status.String(), Subs: map[string]string{}}
		for _, sub := range w.Subs {
			shown.Subs[sub.Name] = sub.Status.String()
		}
		all.Workers = append(all.Workers, shown)
	}
	for _, c := range snapshot.Changes {
		all.Log = append(all.Log, agentapi.WorkerEvent{Time: c.When, Worker: c.Worker, Sub: c.Sub, Status: c.Status.String()})
	}
	return all
}

// run feeds the history until ctx ends.
func (a *nodeAgent) run(ctx context.Context, p *daemonProcess, group *sync.WaitGroup) {
	if a == nil {
		return
	}
	sub := p.bus.Subscribe(ledgerQueue, ledger.Events()...)
	var watch *node.Watch
	if a.node != nil {
		watch = a.node.Watch(viewQueue)
	}
	group.Go(func() {
		defer sub.Close()
		if watch != nil {
			defer watch.Close()
		}
		worker.Run(ctx, func(ctx context.Context) { a.ledger.Run(ctx, sub, watch) }, a.worker)
	})
	group.Go(func() { a.Agent.Run(ctx) })
}

// close ends what run has not ended, and writes what is pending.
func (a *nodeAgent) close() error {
	if a == nil {
		return nil
	}
	var failed []error
	if a.Agent != nil {
		a.Agent.Close()
	}
	if a.ledger != nil {
		failed = append(failed, a.ledger.Close())
	}
	if a.log != nil {
		failed = append(failed, a.log.Close())
	}
	return errors.Join(failed...)
}

// ordered is told of an order of the cluster, just before it is carried out.
func (a *nodeAgent) ordered(o cluster.Order) {
	if a != nil && a.ledger != nil {
		a.ledger.Ordered(o)
	}
}

// environment is what the processes of a group get.
func (a *nodeAgent) environment(group string) []string {
	if a == nil {
		return nil
	}
	return a.Environment(group)
}

// refused logs a file that is not signed as it should be.
func (a *nodeAgent) refused(err error) {
	a.log.Append(journal.Record{Severity: journal.Error, Code: journal.CodeDeploymentConfigurationError, Message: err.Error(), Source: a.source()})
}

// source is the node, also as long as there is no agent.
func (a *nodeAgent) source() journal.Source {
	if a.Agent == nil {
		return journal.Node{}
	}
	return a.Source()
}

// refused reports whether a file could be read, but its signature does not fit.
func refused(err error) bool {
	var path *fs.PathError
	return err != nil && !errors.As(err, &path)
}

// noted keeps what the device does in the event log.
func (a *nodeAgent) noted(n device.Note) {
	r := journal.Record{Code: n.Code, Message: n.Text, Source: a.source()}
	if n.Err != nil {
		r.Severity, r.Message = journal.Error, n.Text+": "+n.Err.Error()
	}
	if n.App != "" {
		app := a.Application(n.App)
		w := app.Workload()
		r.Source = journal.Service{URL: w.URL, Org: w.Organization, Version: w.Version, Arch: w.Arch}
	}
	a.log.Append(r)
	if n.Code == device.UpdateStarted {
		a.ledger.Because(n.App, ledger.ForcedUpgrade, "configuration update")
	}
}

// agentHandler is the agent API at a listener.
func (s *site) agentHandler(r *config.Rest, names []string) (http.Handler, error) {
	return agentapi.New(agentapi.Config{Agent: s.agent, Organization: s.options.Organization, InputNames: s.options.InputNames,
		NodeGone404: s.options.NodeGone404, Door: doorOf(r, names), Log: s.deps.Log.Logger})
}
