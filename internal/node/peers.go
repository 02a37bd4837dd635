package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

const (
	// orderQueue is how many orders may wait for one peer.
	orderQueue = 4096
	// orderTimeout bounds the delivery of one order. The peer answers when it has tried to spawn or to signal.
	orderTimeout = 10 * time.Second
	// OrderPath is where a node takes the orders of its peers.
	OrderPath = "/cluster/rpc"
	// orderMethod is the one method that is served there.
	orderMethod = "cluster.order"
)

// peer delivers the orders for one node, this one included, one after the other and apart from the driver.
type peer struct {
	node  *Node
	queue chan cluster.Order
	carry func(context.Context, cluster.Order) error
}

// send has an order delivered. A node that had no order yet in this stay gets a deliverer of its own; that of this node lives as long as the
// driver.
func (n *Node) send(work context.Context, o cluster.Order) {
	p, s := n.peers[o.To], n.stay.Load()
	switch {
	case p != nil:
	case o.To == n.cfg.Core.Self:
		p = n.newPeer(o.To, func(_ context.Context, o cluster.Order) error { return n.execute(o) })
		go p.run(work)
	case s == nil:
		n.inbox.put(cluster.OrderFailed{Order: o, Reason: ErrNoMember.Error(), Lost: true})
		return
	default:
		carry, hangUp := n.remote(o.To)
		p = n.newPeer(o.To, carry)
		s.orders.Go(func() {
			defer hangUp()
			p.run(s.ctx)
		})
	}
	p.send(o)
}

func (n *Node) newPeer(identifier string, carry func(context.Context, cluster.Order) error) *peer {
	p := &peer{node: n, queue: make(chan cluster.Order, orderQueue), carry: carry}
	n.peers[identifier] = p
	return p
}

func (p *peer) send(o cluster.Order) {
	p.node.orders.Add(1)
	select {
	case p.queue <- o:
	default:
		p.node.orders.Add(-1)
		p.fail(o, errors.New("too many orders are waiting for this instance"))
	}
}

// run delivers the orders until ctx ends. It leaves none behind: those that wait then have come to nothing.
func (p *peer) run(ctx context.Context) {
	for {
		select {
		case o := <-p.queue:
			p.deliver(ctx, o)
			continue
		case <-ctx.Done():
		}
		select {
		case o := <-p.queue:
			p.deliver(ctx, o)
		default:
			return
		}
	}
}

func (p *peer) deliver(ctx context.Context, o cluster.Order) {
	defer p.node.orders.Add(-1)
	err := ctx.Err()
	if err == nil {
		err = p.carry(ctx, o)
	}
	if err != nil {
		p.fail(o, err)
	}
}

// fail tells the core that an order came to nothing: refused by the peer, or never delivered.
func (p *peer) fail(o cluster.Order, err error) {
	var refused *rpc.Fault
	lost := !errors.As(err, &refused) && o.To != p.node.cfg.Core.Self
	reason := err.Error()
	if refused != nil {
		reason = refused.Text
	}
	p.node.inbox.put(cluster.OrderFailed{Order: o, Reason: reason, Lost: lost})
}

// wireOrder is an Order as XML-RPC carries it.
type wireOrder struct {
	From      string `xmlrpc:"from"`
	Term      string `xmlrpc:"term"` // decimal: XML-RPC integers have 32 bits
	Action    int    `xmlrpc:"action"`
	Namespec  string `xmlrpc:"namespec"`
	ExtraArgs string `xmlrpc:"extra_args"`
	Cause     string `xmlrpc:"cause"`
	Strategy  string `xmlrpc:"strategy"`
}

// remote returns the function that calls a peer, and the one that ends the connection to it.
func (n *Node) remote(identifier string) (carry func(context.Context, cluster.Order) error, hangUp func()) {
	client, err := rpc.NewClient(rpc.ClientConfig{URL: n.urlOf(identifier) + OrderPath, TLS: n.cfg.TLS, Dial: n.dial,
		Prepare: func(r *http.Request, body []byte) error {
			n.cfg.Gossip.Trust.Sign(r, identifier, body)
			return nil
		}})
	if err != nil {
		return func(context.Context, cluster.Order) error { return err }, func() {}
	}
	return func(ctx context.Context, o cluster.Order) error {
		ctx, cancel := context.WithTimeout(ctx, orderTimeout)
		defer cancel()
		return client.Call(ctx, orderMethod, nil, toWire(o))
	}, client.Close
}

// dial connects to a peer where gossip sees it: its identifier may be a name that only itself can resolve.
func (n *Node) dial(ctx context.Context, network, identifier string) (net.Conn, error) {
	address := identifier
	if s := n.stay.Load(); s != nil {
		for _, m := range s.members.Members() {
			if m.Name == identifier {
				address = m.Addr
			}
		}
	}
	return (&net.Dialer{Timeout: orderTimeout}).DialContext(ctx, network, address)
}

// execute carries an order out on this node.
func (n *Node) execute(o cluster.Order) error {
	if n.cfg.Ordered != nil && (o.Action == cluster.StartProcess || o.Action == cluster.StopProcess) {
		n.cfg.Ordered(o)
	}
	switch o.Action {
	case cluster.StartProcess:
		return n.cfg.Local.Start(o.Namespec, o.ExtraArgs)
	case cluster.StopProcess:
		return n.cfg.Local.Stop(o.Namespec)
	}
	return nil // the core has done it
}

func hostOf(identifier string) string {
	host, _, err := net.SplitHostPort(identifier)
	if err != nil {
		return identifier
	}
	return host
}

// namespecs of orders always name one process, also when it is called as its group.
func fullNamespec(ns process.Namespec) string { return ns.Group + ":" + ns.Process }
