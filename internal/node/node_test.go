package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// fakeLocal is a process manager whose processes run as soon as they are started.
type fakeLocal struct {
	mu    sync.Mutex
	procs []LocalProcess
	node  *Node
}

func (f *fakeLocal) All() []LocalProcess {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.procs)
}

func (f *fakeLocal) DisableAutorestart(process.Namespec) {}

func (f *fakeLocal) UseArgs(process.Namespec, string) {}

// change puts a process into the states given, one after the other.
func (f *fakeLocal) change(ns process.Namespec, args string, states ...process.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.procs {
		p := &f.procs[i]
		if p.Info.Group != ns.Group || p.Info.Name != ns.Process {
			continue
		}
		for _, s := range states {
			p.Info.State, p.Info.ExtraArgs, p.Info.Expected = s, args, true
			if s == process.Starting {
				p.Info.Start = time.Now()
			}
			f.node.Changed(*p)
		}
		return nil
	}
	return errors.New("BAD_NAME: " + ns.String())
}

func (f *fakeLocal) Start(ns process.Namespec, args string) error {
	return f.change(ns, args, process.Starting, process.Running)
}

func (f *fakeLocal) Stop(ns process.Namespec) error {
	return f.change(ns, "", process.Stopping, process.Stopped)
}

// member is one node of a test cluster, on a port of its own.
type member struct {
	*Node
	local *fakeLocal
	port  *listener.Split
	http  *http.Server
	stop  context.CancelFunc
	ended chan struct{}
}

const appRules = `<root><application name="app"><start_sequence>1</start_sequence>
<running_failure_strategy>RESTART_PROCESS</running_failure_strategy><programs>
<program name="one"><start_sequence>1</start_sequence></program>
<program name="two"><start_sequence>2</start_sequence><identifiers>n3,n2</identifiers></program>
</programs></application></root>`

// newCluster opens the ports of a cluster and makes its nodes; none runs yet.
func newCluster(t *testing.T, size int, secret func(i int) string) []*member {
	t.Helper()
	return newClusterOf(t, size, secret, func(int, *Config) {})
}

// newClusterOf is newCluster with nodes that edit changes.
func newClusterOf(t *testing.T, size int, secret func(i int) string, edit func(i int, cfg *Config)) []*member {
	t.Helper()
	set, problems := rules.Parse("rules.xml", []byte(appRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var ids []cluster.Identity
	var ports []net.Listener
	for i := range size {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		ports = append(ports, ln)
		ids = append(ids, cluster.Identity{Identifier: ln.Addr().String(), Nick: fmt.Sprintf("n%d", i+1), Host: "127.0.0.1", Port: port})
	}
	var peers []gossip.Peer
	for _, id := range ids {
		peers = append(peers, gossip.Peer{Name: id.Identifier, Addr: id.Identifier})
	}
	members := make([]*member, size)
	for i := range size {
		logger := slog.New(slog.NewTextHandler(testWriter{t, ids[i].Nick}, nil))
		m := &member{port: listener.NewSplit(ports[i], listener.Silence, logger), ended: make(chan struct{})}
		m.local = &fakeLocal{}
		for _, name := range []string{"one", "two"} {
			m.local.procs = append(m.local.procs, LocalProcess{
				Info: process.Info{Group: "app", Name: name, Expected: true},
				Spec: &process.Spec{Program: name, Group: "app", Name: name, StopWaitSecs: 10}})
		}
		core := cluster.Config{Self: ids[i].Identifier, Instances: ids, Rules: set, Strict: true, SyncTimeout: 15 * time.Second}
		core.Sync[rules.SyncStrict] = true
		cfg := Config{Core: core, Local: m.local, Logger: logger, SaveTerm: func(uint64) error { return nil },
			End: func(bool) { m.stop() },
			Gossip: gossip.Config{Advertise: netip.MustParseAddrPort(ids[i].Identifier), Peers: peers, Logger: logger,
				Trust: gossip.NewTrust(secret(i), ids[i].Identifier), Streams: m.port.Streams, Packets: m.port.Packets}}
		edit(i, &cfg)
		var err error
		if m.Node, err = New(cfg); err != nil {
			t.Fatal(err)
		}
		m.local.node = m.Node
		m.http = listener.NewServer(m.Handler(), logger)
		members[i] = m
	}
	return members
}

type testWriter struct {
	t    *testing.T
	nick string
}

func (w testWriter) Write(p []byte) (int, error) {
	if os.Getenv("NODE_TEST_LOG") != "" {
		fmt.Fprintf(os.Stderr, "%s %s", w.nick, p)
	}
	return len(p), nil
}

func (m *member) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go m.http.Serve(m.port.HTTP)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		m.Run(ctx)
		close(m.ended)
	}()
	t.Cleanup(m.kill)
}

// kill closes everything of a node at once.
func (m *member) kill() {
	m.port.Close()
	m.http.Close()
	m.stop()
}

// await waits until a View satisfies a condition.
func await(t *testing.T, what string, m *member, cond func(*cluster.View) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	views := m.Watch(1)
	defer views.Close()
	for {
		select {
		case v := <-views.C:
			if cond(v) {
				return
			}
		case <-deadline:
			v := m.View()
			t.Fatalf("%s: not reached; %s is in %s, Master %q, sees %v", what, v.Self.Nick, v.Self.Modes.State, v.Self.Modes.Master,
				v.Self.Modes.Instances)
		}
	}
}

func inOperation(v *cluster.View) bool { return v.Self.Modes.State == cluster.Operation }

func runningOn(v *cluster.View, name string) []string {
	var nicks []string
	for _, id := range v.Application("app").Process(name).Running {
		nicks = append(nicks, v.Instance(id).Nick)
	}
	return nicks
}

func sameSecret(int) string { return "s3cret" }

// TestClusterStartsAndSurvivesItsMaster is the main job with real gossip, streams and orders.
func TestClusterStartsAndSurvivesItsMaster(t *testing.T) {
	members := newCluster(t, 3, sameSecret)
	for _, m := range members {
		m.run(t)
	}
	for _, m := range members {
		await(t, "OPERATION", m, inOperation)
		if master := m.View().Master(); master == nil || master.Nick != "n1" {
			t.Fatalf("Master is %+v, want n1", master)
		}
		await(t, "one on n1, two on n3", m, func(v *cluster.View) bool {
			return slices.Equal(runningOn(v, "one"), []string{"n1"}) && slices.Equal(runningOn(v, "two"), []string{"n3"})
		})
	}
	members[0].kill()
	for _, m := range members[1:] {
		await(t, "OPERATION with another Master", m, func(v *cluster.View) bool {
			return inOperation(v) && v.Master() != nil && v.Master().Nick == "n2" && slices.Equal(runningOn(v, "one"), []string{"n2"})
		})
	}
}

// TestRequests asks a node that is not the Master for things.
func TestRequests(t *testing.T) {
	members := newCluster(t, 2, sameSecret)
	for _, m := range members {
		m.run(t)
	}
	n2 := members[1]
	await(t, "OPERATION", n2, inOperation)
	if _, err := n2.Ask(t.Context(), cluster.StopApplication{Name: "app", Wait: true}); err != nil {
		t.Fatal(err)
	}
	await(t, "all stopped", members[0], func(v *cluster.View) bool { return v.Application("app").State == cluster.ApplicationStopped })
	if _, err := n2.Ask(t.Context(), cluster.StartProcesses{Strategy: rules.Local, Namespec: "app:one", ExtraArgs: "-x", Wait: true}); err != nil {
		t.Fatal(err)
	}
	if on := runningOn(n2.View(), "one"); !slices.Equal(on, []string{"n2"}) {
		t.Fatalf("one runs on %v, want n2", on)
	}
	_, err := n2.Ask(t.Context(), cluster.StartApplication{Name: "nothing"})
	var refused *cluster.RequestError
	if !errors.As(err, &refused) || refused.Reason != cluster.BadName {
		t.Fatalf("start of an unknown application: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n2.Ask(ctx, cluster.RestartApplication{Name: "app", Wait: true}); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("request of a client that is gone: %v", err)
	}
}

// TestOtherSecret: a node that does not know the secret stays alone.
func TestOtherSecret(t *testing.T) {
	members := newCluster(t, 2, func(i int) string { return fmt.Sprint("secret", i) })
	for _, m := range members {
		m.run(t)
	}
	await(t, "SYNCHRONIZATION", members[0], func(v *cluster.View) bool { return v.Self.Modes.State == cluster.Synchronization })
	orders := toWire(cluster.Order{From: members[1].cfg.Core.Self, Action: cluster.StartProcess, Namespec: process.Namespec{Group: "app", Process: "one"}})
	carry, hangUp := members[1].remote(members[0].cfg.Core.Self)
	defer hangUp()
	if err := carry(t.Context(), cluster.Order{Action: cluster.StartProcess}); err == nil {
		t.Fatalf("order %+v of a stranger was taken", orders)
	}
	if s := members[0].View().Instances[1].State; s != cluster.InstanceStopped {
		t.Fatalf("the stranger is %s", s)
	}
}

// TestShutdownOfTheCluster ends all nodes from one that is not the Master.
func TestShutdownOfTheCluster(t *testing.T) {
	members := newCluster(t, 3, sameSecret)
	for _, m := range members {
		m.run(t)
	}
	for _, m := range members {
		await(t, "OPERATION", m, inOperation)
	}
	if _, err := members[2].Ask(t.Context(), cluster.Shutdown{}); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		select {
		case <-m.ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s does not end", m.View().Self.Nick)
		}
	}
}

// TestHealth: nodes that work have nothing to deliver and are not behind.
func TestHealth(t *testing.T) {
	members := newCluster(t, 2, sameSecret)
	if h := members[0].Health(); h.Orders != 0 || len(h.Members) != 0 || len(h.Readers) != 0 {
		t.Errorf("before the start: %+v", h)
	}
	for _, m := range members {
		m.run(t)
	}
	for _, m := range members {
		await(t, "all of the application", m, func(v *cluster.View) bool {
			return inOperation(v) && len(runningOn(v, "one")) == 1 && len(runningOn(v, "two")) == 1
		})
	}
	for i, m := range members {
		peer := members[1-i].cfg.Core.Self
		deadline := time.After(20 * time.Second)
		for {
			h := m.Health()
			if h.Orders == 0 && len(h.Members) == 1 && h.Members[0].Name == peer && h.Members[0].StreamUp &&
				slices.Equal(h.Readers, []gossip.Reader{{Name: peer}}) {
				break
			}
			select {
			case <-deadline:
				t.Fatalf("%s: %+v", m.View().Self.Nick, h)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
}

// TestOrdersAreCounted: an order counts until it was delivered, one that finds no room does not.
func TestOrdersAreCounted(t *testing.T) {
	n := &Node{inbox: newInbox()}
	p := &peer{node: n, queue: make(chan cluster.Order, 2)}
	var seen []int64
	done := make(chan struct{})
	p.carry = func(context.Context, cluster.Order) error {
		if seen = append(seen, n.orders.Load()); len(seen) == 2 {
			close(done)
		}
		return nil
	}
	for range 4 {
		p.send(cluster.Order{To: "other"})
	}
	if orders, failed := n.orders.Load(), len(n.inbox.take()); orders != 2 || failed != 2 {
		t.Errorf("%d orders wait, %d failed", orders, failed)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.run(ctx) })
	<-done
	stop()
	running.Wait()
	if seen = append(seen, n.orders.Load()); !slices.Equal(seen, []int64{2, 1, 0}) {
		t.Errorf("%v orders wait", seen)
	}
}
