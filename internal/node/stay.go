package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
)

// The reasons why a node cannot join or withdraw.
var (
	ErrMember   = errors.New("the node is a member of its cluster already")
	ErrNoMember = errors.New("the node is not a member of a cluster")
	ErrSecret   = errors.New("the cluster has another secret")
	ErrStranger = errors.New("the node is not configured in the cluster")
)

// Joining says how a node becomes a member of a cluster.
type Joining struct {
	Secret   string        // of the cluster
	Peers    []gossip.Peer // to be looked for, beside those of the configuration
	Standing cluster.Standing
}

// stay is the time from joining a cluster to leaving it.
type stay struct {
	members *gossip.Membership
	log     *gossip.Log
	orders  sync.WaitGroup // deliveries to the other nodes

	ctx  context.Context // ends when the node leaves
	stop context.CancelFunc

	met     chan struct{} // closed when the first peer was met
	meeting sync.Once
}

// newStay prepares a stay in which the number of the first change is seq+1.
func (n *Node) newStay(seq uint64, beside []gossip.Peer) (*stay, error) {
	s := &stay{log: gossip.NewLog(n.cfg.Core.Epoch, seq, n.snapshot), met: make(chan struct{})}
	g := n.cfg.Gossip
	g.Name, g.Meta.Epoch, g.Log = n.cfg.Core.Self, n.cfg.Core.Epoch, s.log
	g.Peers = slices.Concat(g.Peers, beside)
	g.Notify = func(ev gossip.Event) { n.heard(s, ev) }
	var err error
	if s.members, err = gossip.New(g); err != nil {
		return nil, fmt.Errorf("gossip: %w", err)
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Join makes a node that is no member one. It returns when a peer was met, or at once when no member of the cluster answers: then this node
// is its first one. After an error, the node is no member: ErrSecret and ErrStranger when the others refuse it, ErrMember when it had joined
// before, that of ctx when nobody was met in time. While the node joins or withdraws, others who want that wait.
func (n *Node) Join(ctx context.Context, j Joining) error {
	if j.Standing < cluster.Serving || j.Standing >= cluster.Withdrawn {
		return fmt.Errorf("join as %s: not the standing of a member", j.Standing)
	}
	release, err := n.move(ctx)
	if err != nil {
		return err
	}
	defer release()
	if n.stay.Load() != nil {
		return ErrMember
	}
	err = n.knock(ctx, j)
	alone := errors.Is(err, gossip.ErrAlone)
	if err != nil && !alone {
		return err
	}
	s, err := n.enter(ctx, j)
	if err != nil || alone {
		return err
	}
	select {
	case <-s.met:
		return nil
	case <-s.ctx.Done():
		return ErrEnded
	case <-ctx.Done():
		err := fmt.Errorf("join: no peer was met: %w", ctx.Err())
		return errors.Join(err, n.depart(context.WithoutCancel(ctx), cluster.Withdrawn))
	}
}

// Withdraw takes the node out of its cluster and returns when the peers were told; its own work goes on. With forget, they are told that it
// does not come back. The error is ErrNoMember when it is no member.
func (n *Node) Withdraw(ctx context.Context, forget bool) error {
	release, err := n.move(ctx)
	if err != nil {
		return err
	}
	defer release()
	if forget {
		return n.depart(ctx, cluster.Gone)
	}
	return n.depart(ctx, cluster.Withdrawn)
}

// SetStanding changes the part that a member takes in its cluster. On a node that is none it does nothing; to become one or to end that,
// there are Join and Withdraw.
func (n *Node) SetStanding(s cluster.Standing) {
	if s < cluster.Withdrawn {
		n.inbox.put(cluster.LocalStanding{Standing: s})
	}
}

// move lets one goroutine at a time have the node join or withdraw.
func (n *Node) move(ctx context.Context) (release func(), err error) {
	select {
	case n.moving <- struct{}{}:
		return func() { <-n.moving }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// knock asks the peers whether they would take this node. Nothing is changed by it, neither here nor there.
func (n *Node) knock(ctx context.Context, j Joining) error {
	g := n.cfg.Gossip
	g.Name, g.Peers, g.Trust = n.cfg.Core.Self, slices.Concat(g.Peers, j.Peers), gossip.NewTrust(j.Secret, n.cfg.Core.Self)
	err := gossip.Knock(ctx, g)
	switch {
	case errors.Is(err, gossip.ErrSignature):
		return fmt.Errorf("%w: %w", ErrSecret, err)
	case errors.Is(err, gossip.ErrStranger):
		return fmt.Errorf("%w: %w", ErrStranger, err)
	}
	return err
}

// enter begins a stay.
func (n *Node) enter(ctx context.Context, j Joining) (s *stay, err error) {
	if cerr := n.call(ctx, func(work context.Context) {
		n.cfg.Gossip.Trust.SetSecret(j.Secret)
		if s, err = n.newStay(n.core.Report().Seq, j.Peers); err != nil {
			return
		}
		if err = s.members.Start(); err != nil {
			s.stop()
			return
		}
		n.stay.Store(s)
		n.step(work, cluster.LocalStanding{Standing: j.Standing})
	}); cerr != nil {
		return nil, cerr
	}
	return s, err
}

// depart ends the stay as a node of that standing, which is the last that the peers hear of it.
func (n *Node) depart(ctx context.Context, standing cluster.Standing) error {
	var s *stay
	if err := n.call(ctx, func(work context.Context) {
		if s = n.stay.Load(); s != nil {
			n.step(work, cluster.LocalStanding{Standing: standing})
			n.part()
		}
	}); err != nil {
		return err
	}
	if s == nil {
		return ErrNoMember
	}
	n.farewell(s)
	return nil
}

// part ends the stay as far as the driver is concerned, which alone calls it. What gossip still says is not heard, and orders that were not
// delivered are given up. The farewell must follow.
func (n *Node) part() *stay {
	s := n.stay.Load()
	if s == nil {
		return nil
	}
	n.leaving.Add(1)
	s.log.Bye()
	n.stay.Store(nil)
	s.stop()
	maps.DeleteFunc(n.peers, func(identifier string, _ *peer) bool { return identifier != n.cfg.Core.Self })
	return s
}

// farewell tells the peers that this node leaves, so that they need not find out, and ends the gossip.
func (n *Node) farewell(s *stay) {
	defer n.leaving.Done()
	if err := s.members.Leave(leaveTimeout); err != nil {
		n.cfg.Logger.Debug("peers were not told of the leave", "error", err)
	}
	s.orders.Wait()
	if err := s.members.Shutdown(); err != nil {
		n.cfg.Logger.Debug("gossip did not shut down", "error", err)
	}
}

// needsMember tells the events that are for members only.
func needsMember(ev cluster.Event) bool {
	switch ev.(type) {
	case cluster.PeerJoined, cluster.PeerLeft, cluster.PeerReport, cluster.PeerDelta, cluster.LocalStanding:
		return true
	}
	return false
}
