package gossip

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// label marks all gossip as ours, whatever the secret.
const label = "supvisors"

const (
	// updateTimeout is how long memberlist may take to hand a new Meta to a first other node. The same for the leave message.
	updateTimeout = time.Second
	// updatePause is at least between two new Metas: they are for all nodes, and cost a broadcast.
	updatePause = time.Second
	// hurryPause is between the pings that carry news.
	hurryPause = 10 * time.Millisecond
	// newsFanout is how many there are at most, and newsPause follows them: where many nodes come at once, there are always news.
	newsFanout = 8
	newsPause  = 200 * time.Millisecond
	// retransmitMult is memberlist's: how often a node tells one thing, times the digits of the number of nodes. In a small cluster half
	// of it may go back to where it came from.
	retransmitMult = 8
)

// Membership is one node's part in the cluster. Its methods may be called from any goroutine.
type Membership struct {
	cfg       Config
	allow     func(string) bool
	list      atomic.Pointer[memberlist.Memberlist] // nil before Start
	transport *transport
	loop      *loop
	rejoiner  *rejoiner
	events    *events
	meta      atomic.Pointer[[]byte]
	metaNew   chan struct{} // holds a token when meta was changed
	news      chan struct{} // holds a token when memberlist has something that cannot wait for its next tick

	ctx  context.Context // ends with Shutdown
	stop context.CancelFunc
	away context.CancelFunc // ends the rejoin loop
	wg   sync.WaitGroup
	once sync.Once
}

// New returns a membership that does nothing before Start. From then on it owns cfg.Log and the gossip side of the port. After its
// Shutdown another Membership may take its place, with the same name, on the same port, and with another secret.
func New(cfg Config) (*Membership, error) {
	if err := cfg.prepare(); err != nil {
		return nil, fmt.Errorf("configure gossip: %w", err)
	}
	b, err := cfg.Meta.encode()
	if err != nil {
		return nil, fmt.Errorf("configure gossip: %w", err)
	}
	m := &Membership{cfg: cfg, allow: cfg.allowed(), metaNew: make(chan struct{}, 1), news: make(chan struct{}, 1)}
	m.meta.Store(&b)
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.events = newEvents(cfg.Log, cfg.Trust, m.allow, cfg.Logger)
	m.rejoiner = newRejoiner(&m.cfg, m.alive, m.join)
	m.loop = newLoop(m.ctx, &m.cfg, m.rejoiner.remember)
	return m, nil
}

// Handler serves this node's log to its peers. It belongs at /cluster/events of the one port.
func (m *Membership) Handler() http.Handler { return m.events }

// Start makes the node a member and keeps it one. The port must be open. It does not wait for other nodes.
func (m *Membership) Start() error {
	var err error
	if m.transport, err = newTransport(&m.cfg); err != nil {
		return fmt.Errorf("start gossip: %w", err)
	}
	m.loop.lost, m.loop.hurry = m.transport.senders.forget, m.hurry
	list, err := memberlist.Create(m.settings())
	if err != nil {
		m.transport.Shutdown()
		return fmt.Errorf("start gossip: %w", err)
	}
	m.list.Store(list)
	rctx, away := context.WithCancel(m.ctx)
	m.away = away
	m.wg.Go(m.loop.run)
	m.wg.Go(m.update)
	m.wg.Go(m.spread)
	m.wg.Go(func() { m.rejoiner.run(rctx) })
	if m.cfg.Multicast != nil {
		a := announcer{cfg: &m.cfg, log: m.cfg.Logger, heard: m.rejoiner.announced}
		m.wg.Go(func() { a.run(rctx) })
	}
	return nil
}

// settings is memberlist's configuration.
func (m *Membership) settings() *memberlist.Config {
	guard := guardDelegate{m.allow, m.cfg.Logger, &onceSet{}}
	t, c := m.cfg.Timings, memberlist.DefaultLANConfig()
	c.Name = m.cfg.Name
	c.Transport = m.transport
	c.Label = label
	c.SecretKey = m.cfg.Trust.keys.Load().gossip[:]
	c.ProbeInterval, c.ProbeTimeout = t.Probe, t.ProbeTimeout
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = m.cfg.suspicionMult(), t.SuspicionMaxMult
	c.RetransmitMult = retransmitMult
	c.GossipInterval, c.PushPullInterval = t.Gossip, t.PushPull
	c.AwarenessMaxMultiplier, c.TCPTimeout = t.AwarenessMax, t.Stream
	c.DeadNodeReclaimTime = time.Second // a node may come back at another address
	c.EnableCompression = false         // messages are small
	c.BindPort = int(m.cfg.Advertise.Port())
	c.AdvertisePort = c.BindPort
	c.Delegate = metaDelegate{&m.meta}
	c.Events = eventDelegate{m.cfg.Name, m.loop.inbox}
	c.Alive, c.Conflict = guard, guard
	c.Logger = log.New(libraryLog{m.cfg.Logger, m.hurry}, "", 0)
	return c
}

// Update has the node advertise other facts about itself. It does not wait; of several updates within a second the last counts.
func (m *Membership) Update(meta Meta) error {
	err := meta.check()
	if err == nil && meta.Epoch != m.cfg.Log.Epoch {
		err = fmt.Errorf("epoch %q is not that of the log, %q", meta.Epoch, m.cfg.Log.Epoch)
	}
	var b []byte
	if err == nil {
		b, err = meta.encode()
	}
	if err != nil {
		return fmt.Errorf("update gossip: %w", err)
	}
	m.meta.Store(&b)
	select {
	case m.metaNew <- struct{}{}:
	default:
	}
	return nil
}

// update hands new Metas to memberlist, which waits until they are sent.
func (m *Membership) update() {
	for {
		select {
		case <-m.metaNew:
			if err := m.list.Load().UpdateNode(updateTimeout); err != nil {
				m.cfg.Logger.Debug("gossip update is late", "error", err)
			}
			wait(m.ctx, updatePause)
		case <-m.ctx.Done():
			return
		}
	}
}

// Resync has the log of a peer sent again from a snapshot on.
func (m *Membership) Resync(name string) { m.loop.inbox.put(resync{name}) }

// Forget takes a peer that nobody configured out of those that are to be joined again, until it is heard of anew.
func (m *Membership) Forget(name string) { m.rejoiner.forget(name) }

// Members returns the peers that memberlist has, sorted by name. The slice is shared and must not be changed.
func (m *Membership) Members() []Member { return *m.loop.view.Load() }

// Health is how well the membership does, for those who watch over it.
type Health struct {
	// Score is memberlist's: 0 is well, each point tells that this node was late and makes it more patient with the others.
	Score   int
	Members []Member // the peers that memberlist has, by name: shared, not to be changed
	Readers []Reader // the peers that follow the log of this node, by name
}

// Reader is a peer that follows the log of this node.
type Reader struct {
	Name   string
	Behind uint64 // entries that were not yet sent to it
}

// Health returns how well the membership does.
func (m *Membership) Health() Health {
	h := Health{Members: m.Members(), Readers: m.events.followers()}
	if list := m.list.Load(); list != nil {
		h.Score = list.GetHealthScore()
	}
	return h
}

// Leave tells all peers that this node is shutting down: at once those that follow its log, the others by gossip. It waits at
// most timeout. Shutdown must follow.
func (m *Membership) Leave(timeout time.Duration) error {
	m.cfg.Log.Bye()
	list := m.list.Load()
	if list == nil {
		return nil
	}
	m.away()
	ctx, told := context.WithCancel(m.ctx)
	defer told()
	m.wg.Go(func() {
		for ctx.Err() == nil {
			m.tellAround(ctx)
			wait(ctx, hurryPause)
		}
	})
	if err := list.Leave(timeout); err != nil {
		return fmt.Errorf("leave cluster: %w", err)
	}
	return nil
}

// hurry has memberlist send its news without waiting for the next ticks of gossip.
func (m *Membership) hurry() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// spread has memberlist send its news as soon as there are some.
func (m *Membership) spread() {
	for {
		select {
		case <-m.news:
		case <-m.ctx.Done():
			return
		}
		if len(m.Members()) > 0 {
			m.tellAround(m.ctx)
			wait(m.ctx, newsPause)
		}
	}
}

// tellAround pings some of the others, which is how memberlist's news come to them: it adds them to all that it sends.
func (m *Membership) tellAround(ctx context.Context) {
	members := slices.Clone(m.Members())
	rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	for _, to := range members[:min(len(members), newsFanout)] {
		if addr, err := netip.ParseAddrPort(to.Addr); err == nil {
			go m.list.Load().Ping(to.Name, net.TCPAddrFromAddrPort(addr)) // waits for an answer, which nobody needs
		}
		wait(ctx, hurryPause)
	}
}

// Shutdown ends the membership without a word to the others; after Leave, they know. When it returns, Notify is not called any
// more. Goroutines of memberlist may need a moment longer.
func (m *Membership) Shutdown() error {
	var err error
	m.once.Do(func() {
		m.stop()
		m.cfg.Log.Close()
		if list := m.list.Load(); list != nil {
			err = list.Shutdown()
			m.wg.Wait()
		}
	})
	return err
}

// alive returns the names and the addresses of the nodes that are there, this one included. memberlist's own list cannot be read
// for that: its nodes change while they are looked at.
func (m *Membership) alive() (names map[string]bool, addrs map[netip.AddrPort]bool) {
	names, addrs = map[string]bool{m.cfg.Name: true}, map[netip.AddrPort]bool{m.cfg.Advertise: true}
	for _, member := range m.Members() {
		names[member.Name] = true
		if addr, err := netip.ParseAddrPort(member.Addr); err == nil {
			addrs[addr] = true
		}
	}
	return names, addrs
}

// join exchanges states with the node at addr.
func (m *Membership) join(addr netip.AddrPort) error {
	_, err := m.list.Load().Join([]string{addr.String()})
	m.loop.inbox.put(news{}) // the others may have believed that this node was gone
	return err
}
