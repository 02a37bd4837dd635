package gossip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

// Peer is a node to be joined.
type Peer struct {
	Name string // its identifier; "" for an address at which any node may be, as in the join option
	Addr string // "host:port"; a host name is resolved anew for each attempt
}

// Config describes the membership of a node.
type Config struct {
	Name      string         // identifier of this node, unique in the cluster
	Advertise netip.AddrPort // where the others reach it; see ResolveAdvertise
	Meta      Meta           // what it tells about itself at first; Meta.Epoch is that of Log
	Peers     []Peer         // the configured nodes and the addresses to join; this node may be among them
	Discovery bool           // whether nodes that are not among Peers may join
	Multicast *Multicast     // where nodes that do not know each other meet; nil for nowhere. Needs Discovery.
	Trust     *Trust         // the cluster secret
	Log       *Log           // what this node publishes

	// Streams and Packets give the gossip connections of the one port, without their first byte; see listener.Split. Start opens them,
	// Shutdown closes them.
	Streams, Packets *listener.Outlet
	// TLS is for requests to peers; nil when the ports speak plain HTTP. Gossip itself is encrypted in any case.
	TLS *tls.Config

	// Notify gets every event; see the package documentation. It must not call Leave or Shutdown, and must return in the end.
	Notify func(Event)
	Logger *slog.Logger

	// InactivityTicks is Supvisors' option. Above its default of 2 it makes the wait for a silent node longer in proportion.
	InactivityTicks int
	Timings         Timings // the zero value stands for Calm()

	// Dial and Resolve replace the network; nil stands for the real one.
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Timings are memberlist's and the rejoin loop's. See memberlist.Config for their meaning.
type Timings struct {
	Probe, ProbeTimeout time.Duration
	SuspicionMult       int
	SuspicionMaxMult    int
	Gossip              time.Duration
	PushPull            time.Duration
	AwarenessMax        int
	Stream              time.Duration // of one exchange over a stream
	Rejoin              time.Duration // between attempts to join peers that are not there, after the quick first ones
}

// Calm finds a silent node in 2 to 4 s: somebody probes it within two probes, suspects it a third later, and it has the time of a fourth
// to object. memberlist probes in a random order, so in a cluster of three it is 5 s once in a while. That a killed node is seen at once
// is the business of the streams, so a cluster that is well has to pay for one probe a second only. Ticks of gossip are as rare because
// they only repeat what Membership.tellAround has sent already.
func Calm() Timings {
	return Timings{
		Probe: time.Second, ProbeTimeout: 300 * time.Millisecond,
		SuspicionMult: 1, SuspicionMaxMult: 2,
		Gossip: time.Second, PushPull: 30 * time.Second, AwarenessMax: 4,
		Stream: 3 * time.Second, Rejoin: 10 * time.Second,
	}
}

const (
	// defaultTicks is the default of inactivity_ticks.
	defaultTicks = 2
	// crowd is how many nodes make a cluster one step more patient.
	crowd = 20
)

// prepare checks the configuration and fills in the defaults.
func (c *Config) prepare() error {
	switch {
	case c.Name == "":
		return errors.New("the node has no name")
	case !c.Advertise.IsValid() || c.Advertise.Addr().IsUnspecified() || c.Advertise.Port() == 0:
		return fmt.Errorf("advertise %s: not an address that others can reach", c.Advertise)
	case c.Trust == nil || c.Log == nil || c.Streams == nil || c.Packets == nil || c.Notify == nil || c.Logger == nil:
		return errors.New("the configuration is incomplete")
	case c.Meta.Epoch != c.Log.Epoch:
		return fmt.Errorf("epoch %q is not that of the log, %q", c.Meta.Epoch, c.Log.Epoch)
	}
	if err := c.Meta.check(); err != nil {
		return err
	}
	if c.Timings == (Timings{}) {
		c.Timings = Calm()
	}
	c.fillNetwork()
	return nil
}

// fillNetwork stands the real network for what is not replaced.
func (c *Config) fillNetwork() {
	if c.Dial == nil {
		c.Dial = dialer().DialContext
	}
	if c.Resolve == nil {
		c.Resolve = lookup
	}
}

// suspicionMult is memberlist's multiplier of the suspicion window, stretched by inactivity_ticks and by the size of the cluster: the more
// nodes probe, the sooner one of them is unlucky, and to believe it costs all of them work, which makes the next one unlucky.
func (c *Config) suspicionMult() int {
	ticks := max(c.InactivityTicks, defaultTicks)
	return (c.Timings.SuspicionMult*ticks+defaultTicks-1)/defaultTicks + len(c.Peers)/crowd
}

// allowed returns the test whether a node of some name may be a member. Discovery allows all.
func (c *Config) allowed() func(name string) bool {
	names := map[string]bool{c.Name: true}
	for _, p := range c.Peers {
		names[p.Name] = true
	}
	delete(names, "")
	return func(name string) bool { return name != "" && (c.Discovery || names[name]) }
}
