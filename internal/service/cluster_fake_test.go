package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// fakeCluster is a Cluster of three real cores, n1 to n3, that talk without delay. n1 is the node whose rows are tested. Its time
// passes only when a core waits for something.
type fakeCluster struct {
	t     *testing.T
	clock node.Clock

	mu      sync.Mutex
	now     time.Time
	nodes   []*fakeNode
	queue   []func()
	asked   uint64
	replies map[uint64]cluster.Reply
	logs    []string            // of n1
	ended   []bool              // the End effects of n1: restart or not
	seen    func(*cluster.View) // told each View of n1; may be nil
}

type fakeNode struct {
	id    cluster.Identity
	core  *cluster.Core
	epoch string
	known bool // it has met the others: they follow what it shares
	procs map[process.Namespec]*cluster.ProcessInfo
	ticks int
	// local carries out orders for n1 when it has a real Supervisor.
	local func(cluster.Order) error
}

// fakeOptions are the options of the core of the first node.
func fakeOptions(t *testing.T) cluster.Config {
	t.Helper()
	set, problems := rules.Parse("rules.xml", []byte(sampleRules))
	for _, p := range problems {
		t.Fatal(p)
	}
	c := cluster.Config{Core: []string{"n1", "back", "n2"}, SyncTimeout: 15 * time.Second, Conciliation: rules.ConciliationUser, Rules: set}
	c.Sync[rules.SyncStrict] = true
	for i, stereotype := range []string{"front", "back", "back"} {
		nick := fmt.Sprintf("n%d", i+1)
		c.Instances = append(c.Instances, cluster.Identity{Identifier: nick + ".test:6000" + nick[1:], Nick: nick, Host: nick + ".test",
			Port: 60001 + i, Stereotypes: []string{stereotype}, Machine: nick,
			Network: &cluster.Network{MachineID: "01:02:03:04:05:0" + nick[1:], FQDN: nick + ".test", Addresses: map[string]cluster.Address{
				"eth0": {HostName: nick, Aliases: []string{}, IPv4: []string{"10.0.0." + nick[1:]},
					NIC: cluster.NIC{Name: "eth0", Address: "10.0.0." + nick[1:], Netmask: "255.255.255.0"}}}}})
	}
	c.Self = c.Instances[0].Identifier
	return c
}

// newFakeCluster returns a cluster in which nobody has met anybody. programs returns the processes of a node.
func newFakeCluster(t *testing.T, options cluster.Config, programs func(nick string) []cluster.ProcessInfo) *fakeCluster {
	f := &fakeCluster{t: t, clock: node.NewClock(), now: time.Now(), replies: map[uint64]cluster.Reply{}}
	for _, id := range options.Instances {
		o := options
		o.Self, o.Epoch, o.Processes = id.Identifier, "run of "+id.Nick, programs(id.Nick)
		n := &fakeNode{id: id, epoch: o.Epoch, core: cluster.New(f.now, o), procs: map[process.Namespec]*cluster.ProcessInfo{}}
		for _, info := range o.Processes {
			n.procs[info.Namespec()] = &info
		}
		f.nodes = append(f.nodes, n)
	}
	f.tick()
	return f
}

// meet lets nodes know each other.
func (f *fakeCluster) meet(nicks ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.nodes {
		if slices.Contains(nicks, a.id.Nick) {
			a.known = true
		}
	}
	for _, a := range f.nodes {
		for _, b := range f.nodes {
			if a != b && a.known && b.known {
				f.step(a, cluster.PeerJoined{Identity: b.id})
				f.step(a, cluster.PeerReport{Report: b.core.Report()})
			}
		}
	}
	f.drain()
}

// operate brings the cluster into OPERATION.
func (f *fakeCluster) operate() *fakeCluster {
	f.meet("n1", "n2", "n3")
	for range 20 {
		f.tick()
		if f.View().Self.Modes.State == cluster.Operation {
			return f
		}
	}
	f.t.Fatalf("the cluster stays in %s: %v", f.View().Self.Modes.State, f.logs)
	return nil
}

// tick lets 5 seconds pass.
func (f *fakeCluster) tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passTime()
}

func (f *fakeCluster) passTime() {
	for range 5 {
		f.now = f.now.Add(time.Second)
		for _, n := range f.nodes {
			if n.ticks > 0 {
				f.step(n, cluster.Timer{})
			}
		}
		f.drain()
	}
	for _, n := range f.nodes {
		n.ticks++
		f.step(n, cluster.LocalTick{Tick: cluster.Tick{Counter: n.ticks, Wall: node.Wall(f.now), Mono: f.clock.Mono(f.now)}})
	}
	f.drain()
}

// drain delivers what was sent, until nothing is under way. The caller holds mu.
func (f *fakeCluster) drain() {
	for len(f.queue) > 0 {
		next := f.queue[0]
		f.queue = f.queue[1:]
		next()
	}
}

func (f *fakeCluster) step(n *fakeNode, ev cluster.Event) {
	effects := n.core.Step(f.now, ev)
	if n == f.nodes[0] && f.seen != nil {
		f.seen(n.core.View())
	}
	for _, e := range effects {
		f.carryOut(n, e)
	}
}

func (f *fakeCluster) carryOut(n *fakeNode, e cluster.Effect) {
	switch e := e.(type) {
	case cluster.Share:
		for _, peer := range f.nodes {
			if peer != n && n.known && peer.known {
				f.queue = append(f.queue, func() {
					f.step(peer, cluster.PeerDelta{Identifier: n.id.Identifier, Epoch: n.epoch, Seq: e.Seq, Delta: e.Delta})
				})
			}
		}
	case cluster.Resync:
		f.t.Errorf("%s has lost track of %s", n.id.Nick, e.Identifier)
	case cluster.Send:
		for _, to := range f.nodes {
			if to.id.Identifier == e.Order.To {
				f.queue = append(f.queue, func() { f.step(to, cluster.OrderReceived{Order: e.Order}) })
			}
		}
	case cluster.Execute:
		f.execute(n, e.Order)
	case cluster.Refuse:
		f.t.Errorf("%s refuses an order: %s", n.id.Nick, e.Reason)
	case cluster.Reply:
		f.replies[e.ID] = e
	case cluster.End:
		if n == f.nodes[0] {
			f.ended = append(f.ended, e.Restart)
		}
	case cluster.Log:
		if n == f.nodes[0] {
			f.logs = append(f.logs, e.Message)
		}
	}
}

// execute starts and stops at once.
func (f *fakeCluster) execute(n *fakeNode, o cluster.Order) {
	if n.local != nil {
		go n.local(o) // as on a peer's own goroutine; what becomes of it is told by events
		return
	}
	info := n.procs[o.Namespec]
	states := []process.State{process.Stopping, process.Stopped}
	if o.Action == cluster.StartProcess {
		info.ExtraArgs, states = o.ExtraArgs, []process.State{process.Starting, process.Running}
	}
	for _, state := range states {
		f.queue = append(f.queue, func() { f.change(n, info, state) })
	}
}

// change puts a process of a node into a state.
func (f *fakeCluster) change(n *fakeNode, info *cluster.ProcessInfo, state process.State) {
	info.State, info.Now, info.NowMono = state, node.Wall(f.now), f.clock.Mono(f.now)
	switch state {
	case process.Starting:
		info.PID, info.Start, info.StartMono, info.Expected = 1000, info.Now, info.NowMono, true
	case process.Stopped, process.Backoff, process.Exited, process.Fatal:
		info.PID, info.Stop, info.StopMono = 0, info.Now, info.NowMono
	}
	f.step(n, cluster.LocalProcess{Info: *info})
}

// set puts a process of a node into a state behind the back of the cluster.
func (f *fakeCluster) set(nick, namespec string, states ...process.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.nodes {
		if n.id.Nick == nick {
			for _, state := range states {
				f.change(n, n.procs[process.ParseNamespec(namespec)], state)
				f.drain()
			}
		}
	}
}

// View implements Cluster.
func (f *fakeCluster) View() *cluster.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.nodes[0].core.View()
}

// Clock implements Cluster.
func (f *fakeCluster) Clock() node.Clock { return f.clock }

// Ask implements Cluster. Time passes until there is an answer.
func (f *fakeCluster) Ask(ctx context.Context, r cluster.Request) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	id := f.asked
	f.step(f.nodes[0], cluster.Ask{ID: id, Request: r})
	for range 100 {
		f.drain()
		if reply, ok := f.replies[id]; ok {
			return reply.Result, reply.Err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f.passTime()
	}
	return nil, errors.New("no answer")
}

// heard tells n1 what happens in its Supervisor.
func (f *fakeCluster) heard(ev event.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var info process.Info
	switch ev := ev.(type) {
	case event.StateChanged:
		info = ev.Info
	case event.ProcessAdded:
		info = ev.Info
	case event.ProcessEnabled:
		info = ev.Info
	case event.ProcessDisabled:
		info = ev.Info
	case event.ProcessRemoved:
		f.step(f.nodes[0], cluster.LocalRemoved{Namespec: process.Namespec{Group: ev.Info.Group, Process: ev.Info.Name}})
		f.drain()
		return
	default:
		return
	}
	f.step(f.nodes[0], cluster.LocalProcess{Info: f.fact(info)})
	f.drain()
}

func (f *fakeCluster) fact(info process.Info) cluster.ProcessInfo {
	return cluster.ProcessInfo{Group: info.Group, Name: info.Name, Program: info.Program, Index: info.Index, State: info.State, PID: info.PID,
		Start: node.Wall(info.Start), Stop: node.Wall(info.Stop), Now: node.Wall(f.now), NowMono: f.clock.Mono(f.now),
		Expected: info.Expected, SpawnErr: info.SpawnErr, ExtraArgs: info.ExtraArgs, Disabled: info.Disabled}
}

// sampleRules and samplePrograms are those of the reference cluster: a bit of everything, at rest.
const sampleRules = `<?xml version="1.0" encoding="UTF-8"?>
<root>
  <alias name="duo">n2,n3</alias>
  <model name="base"><identifiers>duo</identifiers><expected_loading>5</expected_loading></model>
  <application name="app">
    <stop_sequence>3</stop_sequence>
    <programs>
      <program name="one"><start_sequence>1</start_sequence><required>true</required><expected_loading>10</expected_loading></program>
      <program name="two"><identifiers>n2</identifiers><start_sequence>2</start_sequence><stop_sequence>1</stop_sequence></program>
      <program name="three"><reference>base</reference></program>
    </programs>
  </application>
  <application name="nums">
    <programs><program pattern="num_"><identifiers>#</identifiers><start_sequence>1</start_sequence></program></programs>
  </application>
  <application name="single">
    <distribution>SINGLE_INSTANCE</distribution>
    <identifiers>n3,n2</identifiers>
    <starting_strategy>LESS_LOADED</starting_strategy>
    <starting_failure_strategy>CONTINUE</starting_failure_strategy>
    <running_failure_strategy>STOP_APPLICATION</running_failure_strategy>
    <operational_status>all('mono.*')</operational_status>
    <programs>
      <program pattern="mono"><start_sequence>1</start_sequence><expected_loading>5</expected_loading></program>
    </programs>
  </application>
  <application name="empty"/>
</root>`

func samplePrograms(nick string) []cluster.ProcessInfo {
	var all []cluster.ProcessInfo
	add := func(group, program, name string, index, startSecs int) {
		all = append(all, cluster.ProcessInfo{Group: group, Name: name, Program: program, Index: index, StartSecs: startSecs, StopWaitSecs: 10,
			Expected: true, HasStdout: true, HasStderr: true, Now: 1.5e9, NowMono: 7})
	}
	add("app", "one", "one", 0, 1)
	add("app", "two", "two", 0, 0)
	add("app", "three", "three", 0, 0)
	for i := range 3 {
		add("nums", "num", fmt.Sprintf("num_%02d", i), i, 0)
	}
	add("loose", "lo1", "lo1", 0, 0)
	add("loose", "lo2", "lo2", 0, 0)
	add("single", "mono1", "mono1", 0, 0)
	add("single", "mono2", "mono2", 0, 0)
	add("plain", "plain", "plain", 0, 0)
	add("empty", "empty", "empty", 0, 0)
	if nick == "n2" {
		add("only2", "only2", "only2", 0, 0)
	}
	return all
}

// newClusterDaemon returns a daemon without programs whose supvisors.* rows show a cluster.
func newClusterDaemon(t *testing.T, prepare func(*fakeCluster)) (*daemon, *fakeCluster) {
	t.Helper()
	options := fakeOptions(t)
	f := newFakeCluster(t, options, samplePrograms)
	prepare(f)
	return newDaemon(t, "", func(d *daemon) {
		d.deps.Cluster, d.deps.Options = f, options
		d.deps.Statistics = stats.New(stats.Config{Host: true, Period: 5 * time.Second})
	}), f
}

// identifiers returns the full names of nodes given by nick.
func identifiers(nicks ...string) []any {
	all := []any{}
	for _, nick := range nicks {
		all = append(all, nick+".test:6000"+nick[1:])
	}
	return all
}

// pick returns some members of a struct.
func pick(v any, names ...string) rpc.Map {
	m, ok := v.(rpc.Map)
	if !ok {
		return nil
	}
	var some rpc.Map
	for _, member := range m {
		if slices.Contains(names, member.Name) {
			some = append(some, member)
		}
	}
	return some
}
