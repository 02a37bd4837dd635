package gossip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

// testCluster is a number of nodes on a memNet, in a synctest bubble. Node i is "10.0.0.i:9001".
type testCluster struct {
	t     *testing.T
	net   *memNet
	nodes map[int]*testNode
	logs  *logBuffer
	edit  func(i int, c *Config) // changes the configuration of nodes; may be nil
	size  int                    // nodes that are configured
}

// testNode is one run of a node.
type testNode struct {
	name   string
	member *Membership
	log    *Log
	split  *listener.Split
	server *http.Server
	serves atomic.Pointer[Membership] // member, for the server
	cfg    Config
	state  *testState
	events *recorder
}

// testState is what a node publishes: a counter.
type testState struct {
	mu sync.Mutex
	n  uint64
}

func (s *testState) snapshot(context.Context) (uint64, json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, json.RawMessage(fmt.Sprintf(`"all of %d"`, s.n)), nil
}

// publish appends an entry.
func (n *testNode) publish(t *testing.T) {
	t.Helper()
	n.state.mu.Lock()
	n.state.n++
	seq := n.state.n
	n.state.mu.Unlock()
	if err := n.log.Append(seq, json.RawMessage(fmt.Sprintf(`"entry %d"`, seq))); err != nil {
		t.Fatal(err)
	}
}

// recorder keeps the events of a node as texts, each with the time since the start of the cluster.
type recorder struct {
	mu     sync.Mutex
	began  time.Time
	events []recorded
	block  chan struct{} // when not nil, Notify waits for it
}

type recorded struct {
	at   time.Duration
	name string
	text string
}

func (r *recorder) notify(e Event) {
	r.mu.Lock()
	block := r.block
	r.mu.Unlock()
	if block != nil {
		<-block
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	name, text := describe(e)
	r.events = append(r.events, recorded{time.Since(r.began), name, text})
}

func describe(e Event) (name, text string) {
	switch e := e.(type) {
	case Joined:
		return e.Name, "joined " + e.Meta.Epoch
	case Updated:
		return e.Name, "updated " + e.Meta.Version
	case Left:
		return e.Name, "left: " + e.Reason.String()
	case StreamUp:
		return e.Name, "up " + e.Epoch
	case StreamDown:
		return e.Name, "down"
	case StreamSnapshot:
		return e.Name, fmt.Sprintf("snapshot %s %d %s", e.Epoch, e.Seq, e.Data)
	case StreamEntry:
		return e.Name, fmt.Sprintf("entry %s %d %s", e.Epoch, e.Seq, e.Data)
	}
	return "", fmt.Sprintf("unknown %T", e)
}

// of returns what was told of a peer, and when.
func (r *recorder) of(name string) (texts []string, times []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.name == name {
			texts, times = append(texts, e.text), append(times, e.at)
		}
	}
	return texts, times
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.began = nil, time.Now()
}

// logBuffer collects log lines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) count(text string) int { return strings.Count(l.String(), text) }

func testAddr(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 9001)
}

func testName(i int) string { return testAddr(i).String() }

// bubble runs a test with a cluster of size nodes, none of which is started, and ends the nodes that are left.
func bubble(t *testing.T, size int, test func(t *testing.T, c *testCluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := &testCluster{t: t, net: newMemNet(uint64(size), time.Millisecond, 0), nodes: map[int]*testNode{}, logs: &logBuffer{}, size: size}
		defer func() {
			for i := range c.nodes {
				c.kill(i)
			}
			time.Sleep(2 * time.Minute) // memberlist's last timers
		}()
		test(t, c)
	})
}

// start starts node i as the run epoch.
func (c *testCluster) start(i int, epoch string) *testNode {
	c.t.Helper()
	n := c.build(i, epoch)
	if err := n.member.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.nodes[i] = n
	return n
}

func (c *testCluster) build(i int, epoch string) *testNode {
	c.t.Helper()
	logger := slog.New(slog.NewTextHandler(c.logs, nil)).With("node", i)
	n := &testNode{name: testName(i), state: &testState{}, events: &recorder{began: time.Now()}}
	n.log = NewLog(epoch, 0, n.state.snapshot)
	n.split = listener.NewSplit(c.net.listen(testAddr(i)), listener.Silence, logger)
	cfg := Config{
		Name: n.name, Advertise: testAddr(i), Meta: Meta{Version: "1", HTTPPort: 9001, Epoch: epoch},
		Trust: NewTrust("secret", n.name), Log: n.log, Streams: n.split.Streams, Packets: n.split.Packets,
		Notify: n.events.notify, Logger: logger, Dial: c.net.dialer(testAddr(i).Addr()),
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, &net.DNSError{IsNotFound: true} },
	}
	for p := 1; p <= c.size; p++ {
		cfg.Peers = append(cfg.Peers, Peer{testName(p), testAddr(p).String()})
	}
	if c.edit != nil {
		c.edit(i, &cfg)
	}
	n.cfg = cfg
	n.join(c.t)
	mux := http.NewServeMux()
	mux.HandleFunc(eventsPath, func(w http.ResponseWriter, r *http.Request) { n.serves.Load().Handler().ServeHTTP(w, r) })
	n.server = listener.NewServer(mux, logger)
	go n.server.Serve(n.split.HTTP)
	return n
}

// join makes a membership of the node.
func (n *testNode) join(t *testing.T) {
	t.Helper()
	m, err := New(n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.member = m
	n.serves.Store(m)
}

// leave ends the membership of the node with a word to the others; its port stays open.
func (n *testNode) leave(t *testing.T) {
	t.Helper()
	if err := errors.Join(n.member.Leave(500*time.Millisecond), n.member.Shutdown()); err != nil {
		t.Error(err)
	}
}

// rejoin makes the node a member again: the same run, with a log that goes on.
func (n *testNode) rejoin(t *testing.T) {
	t.Helper()
	n.log = NewLog(n.cfg.Log.Epoch, n.log.Head(), n.state.snapshot)
	n.cfg.Log = n.log
	n.join(t)
	if err := n.member.Start(); err != nil {
		t.Fatal(err)
	}
}

// kill ends node i as SIGKILL does: its sockets are closed, no message leaves it.
func (c *testCluster) kill(i int) {
	n := c.nodes[i]
	delete(c.nodes, i)
	c.net.kill(testAddr(i).Addr())
	n.close(c.t)
}

func (n *testNode) close(t *testing.T) {
	t.Helper()
	if err := n.member.Shutdown(); err != nil {
		t.Error(err)
	}
	n.server.Close()
	n.split.Close()
}

// isolate cuts node i off, without closing anything.
func (c *testCluster) isolate(i int) { c.net.partition(100+i, testAddr(i).Addr()) }

func (c *testCluster) heal() {
	for i := range c.size {
		c.net.partition(0, testAddr(i+1).Addr())
	}
}

// forget has all nodes forget their events, and starts the clock of what comes.
func (c *testCluster) forget() {
	for _, n := range c.nodes {
		n.events.forget()
	}
}

// expect demands that node i was told exactly this of node p.
func (c *testCluster) expect(i, p int, want ...string) []time.Duration {
	c.t.Helper()
	got, times := c.nodes[i].events.of(testName(p))
	if !slices.Equal(got, want) {
		c.t.Errorf("node %d was told of node %d\n%q, expected\n%q", i, p, got, want)
	}
	return times
}

// each calls f for each pair of nodes that run.
func (c *testCluster) each(f func(i, p int)) {
	for i := range c.nodes {
		for p := range c.nodes {
			if i != p {
				f(i, p)
			}
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
