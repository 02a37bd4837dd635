package node

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// tickPeriod is the period of the tick that clients see in get_instance_info (Supervisor's TICK_5).
const tickPeriod = 5 * time.Second

// ErrEnded answers requests to a node that is ending.
var ErrEnded = errors.New("the node is shutting down")

// Config is what a Node is made of.
type Config struct {
	// Core is the configuration of the cluster core; Epoch and Processes are filled in.
	Core cluster.Config
	// Gossip is the configuration of the membership; Name, Meta.Epoch, Log and Notify are filled in.
	Gossip gossip.Config
	// Withdrawn has the node begin as no member of its cluster; see Join.
	Withdrawn bool
	Local     Local
	// TLS is for the orders to peers; nil when the ports speak plain HTTP.
	TLS *tls.Config
	// SaveTerm keeps the term on disk.
	SaveTerm func(term uint64) error
	// End restarts or shuts down this node. It must not wait for the Node.
	End func(restart bool)
	// Ordered is told of each order to start or stop a process, just before it is carried out on this node; nil for nobody. It is called
	// from several goroutines, and the order waits for it.
	Ordered func(cluster.Order)
	Logger  *slog.Logger
}

// Node is one node of a cluster. Its methods may be called from any goroutine.
type Node struct {
	cfg        Config
	clock      Clock
	core       *cluster.Core // driver only
	inbox      *inbox
	view       atomic.Pointer[cluster.View]
	watchers   watchers
	samples    samples
	peerClient *http.Client
	stay       atomic.Pointer[stay]       // nil while the node is no member; only the driver changes it
	peers      map[string]*peer           // driver only
	calls      chan func(context.Context) // to be run by the driver
	done       chan struct{}              // closed when the driver has ended
	moving     chan struct{}              // holds a token while the node joins or withdraws
	leaving    sync.WaitGroup             // stays that are over and not yet cleaned up; only the driver waits
	orders     atomic.Int64               // that are on their way to their nodes
	ticked     atomic.Pointer[time.Time]

	mu      sync.Mutex
	nextAsk uint64
	waiting map[uint64]chan cluster.Reply
	judging map[uint64]chan orderAnswer
}

// New returns a Node that is not running yet.
func New(cfg Config) (*Node, error) {
	n := &Node{cfg: cfg, clock: NewClock(), inbox: newInbox(), peers: map[string]*peer{}, calls: make(chan func(context.Context)),
		done: make(chan struct{}), moving: make(chan struct{}, 1), waiting: map[uint64]chan cluster.Reply{}, judging: map[uint64]chan orderAnswer{}}
	n.peerClient = n.newPeerClient()
	n.samples.all = map[chan []byte]struct{}{}
	now := time.Now()
	epoch := fmt.Sprintf("%x", now.UnixNano())
	n.cfg.Core.Epoch = epoch
	n.cfg.Core.Processes = nil
	for _, p := range cfg.Local.All() {
		n.cfg.Core.Processes = append(n.cfg.Core.Processes, n.clock.Fact(p, now))
	}
	n.core = cluster.New(now, n.cfg.Core)
	n.view.Store(n.core.View())
	if cfg.Withdrawn {
		n.step(context.Background(), cluster.LocalStanding{Standing: cluster.Withdrawn})
		return n, errors.Join(cfg.Gossip.Streams.Close(), cfg.Gossip.Packets.Close())
	}
	s, err := n.newStay(0, nil)
	if err != nil {
		return nil, err
	}
	n.stay.Store(s)
	return n, nil
}

// Clock returns the clock by which the node measures.
func (n *Node) Clock() Clock { return n.clock }

// View returns the cluster as it is after the last event. It is never nil.
func (n *Node) View() *cluster.View { return n.view.Load() }

// Health is how well the node stands with its peers, for those who watch over it.
type Health struct {
	gossip.Health
	Orders int // that wait for delivery to their nodes, or are being delivered
}

// Health returns how well the node stands with its peers. It waits for nobody.
func (n *Node) Health() Health {
	h := Health{Orders: int(n.orders.Load())}
	if s := n.stay.Load(); s != nil {
		h.Health = s.members.Health()
	}
	return h
}

// Ticked returns when the driver has taken its tick into account last, for those who watch over it; zero before the first time. It waits
// for nobody.
func (n *Node) Ticked() time.Time {
	if at := n.ticked.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Changed tells the cluster that a process of this node was added, changed, enabled or disabled.
func (n *Node) Changed(p LocalProcess) {
	n.inbox.put(cluster.LocalProcess{Info: n.clock.Fact(p, time.Now())})
}

// Removed tells the cluster that a process of this node is not configured any more.
func (n *Node) Removed(ns process.Namespec) { n.inbox.put(cluster.LocalRemoved{Namespec: ns}) }

// Locked tells the cluster which applications hold an update lock on this node.
func (n *Node) Locked(applications []string) {
	n.inbox.put(cluster.LocalLocks{Applications: applications})
}

// SetRules has the cluster go by other rules, as far as this node is concerned; nil is for no rules files.
func (n *Node) SetRules(set *rules.Set) { n.inbox.put(cluster.LocalRules{Rules: set}) }

// Ask brings a request of a client before the cluster and waits for the answer, as long as ctx allows. The error is a
// *cluster.RequestError when the cluster refused the request or could not fulfil it.
func (n *Node) Ask(ctx context.Context, r cluster.Request) (any, error) {
	reply := make(chan cluster.Reply, 1)
	n.mu.Lock()
	n.nextAsk++
	id := n.nextAsk
	n.waiting[id] = reply
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.waiting, id)
		n.mu.Unlock()
	}()
	n.inbox.put(cluster.Ask{ID: id, Request: r})
	select {
	case a := <-reply:
		return a.Result, a.Err
	case <-ctx.Done():
		n.inbox.put(cluster.Cancel{ID: id})
		return nil, ctx.Err()
	case <-n.done:
		return nil, ErrEnded
	}
}

// snapshot returns the own Report for a peer that follows this node.
func (n *Node) snapshot(ctx context.Context) (uint64, json.RawMessage, error) {
	var report cluster.Report
	if err := n.call(ctx, func(context.Context) { report = n.core.Report() }); err != nil {
		return 0, nil, err
	}
	data, err := json.Marshal(report)
	return report.Seq, data, err
}

// call runs f on the driver, after the events that came before, and waits for it. f gets the context of what the driver begins.
func (n *Node) call(ctx context.Context, f func(work context.Context)) error {
	ran := make(chan struct{})
	select {
	case n.calls <- func(work context.Context) { f(work); close(ran) }:
	case <-ctx.Done():
		return ctx.Err()
	case <-n.done:
		return ErrEnded
	}
	<-ran
	return nil
}

// heard translates what gossip tells during a stay.
func (n *Node) heard(s *stay, ev gossip.Event) {
	switch ev := ev.(type) {
	case gossip.Joined:
		s.meeting.Do(func() { close(s.met) })
		n.inbox.put(cluster.PeerJoined{Identity: n.identity(ev), Run: ev.Meta.Epoch})
	case gossip.Left:
		n.inbox.put(cluster.PeerLeft{Identifier: ev.Name, Reason: ev.Reason.String()})
	case gossip.StreamSnapshot:
		var report cluster.Report
		if err := json.Unmarshal(ev.Data, &report); err != nil {
			n.cfg.Logger.Error("report of a peer cannot be read", "peer", ev.Name, "error", err)
			return
		}
		if report.Identity.Identifier != ev.Name {
			n.cfg.Logger.Error("report of a peer is about another one", "peer", ev.Name, "about", report.Identity.Identifier)
			return
		}
		n.inbox.put(cluster.PeerReport{Report: report})
	case gossip.StreamEntry:
		var delta cluster.Delta
		if err := json.Unmarshal(ev.Data, &delta); err != nil {
			n.cfg.Logger.Error("change of a peer cannot be read", "peer", ev.Name, "error", err)
			s.members.Resync(ev.Name)
			return
		}
		n.inbox.put(cluster.PeerDelta{Identifier: ev.Name, Epoch: ev.Epoch, Seq: ev.Seq, Delta: delta})
	}
}

// identity returns who a peer is: what supvisors_list says, or what a discovered peer advertises.
func (n *Node) identity(ev gossip.Joined) cluster.Identity {
	for _, id := range n.cfg.Core.Instances {
		if id.Identifier == ev.Name {
			return id
		}
	}
	return cluster.Identity{Identifier: ev.Name, Nick: ev.Name, Host: hostOf(ev.Name), Port: ev.Meta.HTTPPort}
}

// LocalGroup returns the processes of a group of this node, as the cluster knows them.
func (n *Node) LocalGroup(name string) []process.Namespec {
	v := n.View()
	var list []process.Namespec
	if app := v.Application(name); app != nil {
		for _, p := range app.Processes {
			if p.At(v.Self.Identifier) != nil {
				list = append(list, p.Namespec)
			}
		}
	}
	return list
}
