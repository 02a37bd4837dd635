package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// supLocal is the process manager of a world, for its node.
type supLocal struct{ *world }

func (l supLocal) All() (all []node.LocalProcess) {
	for _, p := range l.sup.Processes() {
		all = append(all, node.LocalProcess(p))
	}
	return all
}

func (l supLocal) Start(ns process.Namespec, args string) error {
	return l.sup.StartProcessArgs(context.Background(), ns, args, false)
}

func (l supLocal) Stop(ns process.Namespec) error {
	return l.sup.StopProcess(context.Background(), ns, false)
}

func (l supLocal) UseArgs(process.Namespec, string)    {}
func (l supLocal) DisableAutorestart(process.Namespec) {}

// easyLocal is a process manager whose processes do at once what they should.
type easyLocal struct {
	mu    sync.Mutex
	procs []node.LocalProcess
	node  *node.Node
}

func (l *easyLocal) All() []node.LocalProcess {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.procs)
}

func (l *easyLocal) to(ns process.Namespec, states ...process.State) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.procs {
		for _, s := range states {
			if p := &l.procs[i]; p.Info.Group == ns.Group && p.Info.Name == ns.Process {
				p.Info.State = s
				l.node.Changed(*p)
			}
		}
	}
	return nil
}

func (l *easyLocal) Start(ns process.Namespec, _ string) error {
	return l.to(ns, process.Starting, process.Running)
}

func (l *easyLocal) Stop(ns process.Namespec) error {
	return l.to(ns, process.Stopping, process.Stopped)
}

func (l *easyLocal) UseArgs(process.Namespec, string)    {}
func (l *easyLocal) DisableAutorestart(process.Namespec) {}

// joiner is the Membership of a node.
type joiner struct{ *node.Node }

func (j joiner) Join(ctx context.Context, secret string, peers []string, standing cluster.Standing) error {
	joining := node.Joining{Secret: secret, Standing: standing}
	for _, addr := range peers {
		joining.Peers = append(joining.Peers, gossip.Peer{Addr: addr})
	}
	return j.Node.Join(ctx, joining)
}

const webRules = `<root><application name="web"><start_sequence>1</start_sequence><identifiers>*</identifiers><programs>
<program pattern=""><identifiers>*</identifiers><start_sequence>1</start_sequence></program></programs></application></root>`

// realNodes runs a cluster of n1, which has the processes of the world, and of n2.
func (w *world) realNodes() (nodes [2]*node.Node) {
	t := w.t
	set, problems := rules.Parse("rules.xml", []byte(webRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	easy := &easyLocal{}
	for _, p := range (supLocal{w}).All() {
		p.Info.State, p.Info.PID = process.Stopped, 0
		easy.procs = append(easy.procs, p)
	}
	var ids []cluster.Identity
	var peers []gossip.Peer
	var ports []net.Listener
	for i := range nodes {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := ln.Addr().String()
		ports = append(ports, ln)
		ids = append(ids, cluster.Identity{Identifier: at, Nick: fmt.Sprint("n", i+1), Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port})
		peers = append(peers, gossip.Peer{Name: at, Addr: at})
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	for i, local := range []node.Local{supLocal{w}, easy} {
		logger := slog.New(slog.DiscardHandler)
		port := listener.NewSplit(ports[i], listener.Silence, logger)
		core := cluster.Config{Self: ids[i].Identifier, Instances: ids, Rules: set, Strict: true, SyncTimeout: 15 * time.Second}
		core.Sync[rules.SyncStrict] = true
		n, err := node.New(node.Config{Core: core, Local: local, Logger: logger, SaveTerm: func(uint64) error { return nil }, End: func(bool) {},
			Gossip: gossip.Config{Advertise: netip.MustParseAddrPort(ids[i].Identifier), Peers: peers, Logger: logger,
				Trust: gossip.NewTrust("s3cret", ids[i].Identifier), Streams: port.Streams, Packets: port.Packets}})
		if err != nil {
			t.Fatal(err)
		}
		if nodes[i] = n; i == 0 {
			w.node.Store(n)
		} else {
			easy.node = n
		}
		server := listener.NewServer(n.Handler(), logger)
		go server.Serve(port.HTTP)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); n.Run(ctx) }()
		t.Cleanup(func() { stop(); <-ended; server.Close(); port.Close() })
	}
	return nodes
}

// where returns "a n1, b n2" of the processes of web, as n2 sees them.
func where(n *node.Node) string {
	view := n.View()
	app := view.Application("web")
	if app == nil {
		return ""
	}
	var all []string
	for _, p := range app.Processes {
		for _, identifier := range p.Running {
			all = append(all, p.Namespec.Process+" "+view.Instance(identifier).Nick)
		}
	}
	return strings.Join(all, ", ")
}

// TestRealCluster goes from one end of a membership to the other with real nodes.
func TestRealCluster(t *testing.T) {
	w := newWorld(t, strings.ReplaceAll(web, "startsecs=0", "startsecs=0\nautostart=false"), nil)
	nodes := w.realNodes()
	w.change = func(c *Config) { c.Cluster, c.Membership = OfNode(nodes[0]), joiner{nodes[0]} }
	w.again()
	ctx := t.Context()
	operation := func() {
		t.Helper()
		supervisortest.Until(t, "OPERATION", func() bool {
			return !slices.ContainsFunc(nodes[:], func(n *node.Node) bool {
				return n.View().Self.Modes.State != cluster.Operation || n.View().Master() == nil
			})
		})
	}
	placed := func(want string) {
		t.Helper()
		supervisortest.Until(t, "web is at "+want, func() bool { return where(nodes[1]) == want && where(nodes[0]) == want })
	}
	operation()
	placed("a n1, b n1")

	app := w.Application("web")
	w.ledger.mu.Lock()
	w.ledger.agreements = []agent.Agreement{{ID: "1", Workload: app.Workload()}}
	w.ledger.mu.Unlock()
	if err := w.Cancel(ctx, "1", true); err != nil {
		t.Fatal(err)
	}
	placed("a n2, b n2")
	supervisortest.Until(t, "the node serves again", func() bool {
		return nodes[1].View().Instances[0].Standing == cluster.Serving && !w.cancelling("1")
	})
	for _, p := range []string{"web:a", "web:b"} {
		if _, err := nodes[0].Ask(ctx, cluster.RestartProcesses{Strategy: rules.Config, Namespec: p, Wait: true}); err != nil {
			t.Fatal(err)
		}
	}
	placed("a n1, b n1")

	if err := w.Unregister(ctx, leave); err != nil {
		t.Fatal(err)
	}
	supervisortest.Until(t, "the other node has all", func() bool { return where(nodes[1]) == "a n2, b n2" })
	want(t, "stopped here", w.sup.States(), "web:a STOPPED, web:b STOPPED")
	want(t, "state of n1", nodes[0].View().Self.Modes.State, cluster.Off)
	supervisortest.Until(t, "n2 sees n1 as stopped", func() bool { return nodes[1].View().Instances[0].State == cluster.InstanceStopped })

	wrong := mine
	wrong.Token = "other"
	if err := w.Register(ctx, wrong); !errors.Is(err, node.ErrSecret) {
		t.Error(err)
	}
	want(t, "after a wrong token", w.Node().State, agent.Unconfigured)
	right := mine
	right.Token = "s3cret"
	if err := w.Register(ctx, right); err != nil {
		t.Fatal(err)
	}
	operation()
	if err := w.SetToken(ctx, "other"); !errors.Is(err, node.ErrSecret) {
		t.Error(err)
	}
	supervisortest.Until(t, "back with the old token", func() bool {
		return nodes[1].View().Instances[0].Standing == cluster.Reserved && w.Node().TokenValid
	})
	operation()
	if err := w.SetState(ctx, agent.Configured); err != nil {
		t.Fatal(err)
	}
	supervisortest.Until(t, "n2 sees n1 serve", func() bool { return nodes[1].View().Instances[0].Standing == cluster.Serving })
}
