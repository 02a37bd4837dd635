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

// peer returns the deliverer for a node, and makes one for a node that had no order yet.
func (n *Node) peer(ctx context.Context, identifier string) *peer {
	if p := n.peers[identifier]; p != nil {
		return p
	}
	p := &peer{node: n, queue: make(chan cluster.Order, orderQueue)}
	if identifier == n.cfg.Core.Self {
		p.carry = func(_ context.Context, o cluster.Order) error { return n.execute(o) }
	} else {
		p.carry = n.remote(identifier)
	}
	n.peers[identifier] = p
	go p.run(ctx)
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

func (p *peer) run(ctx context.Context) {
	for {
		select {
		case o := <-p.queue:
			if err := p.carry(ctx, o); err != nil {
				p.fail(o, err)
			}
			p.node.orders.Add(-1)
		case <-ctx.Done():
			return
		}
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
}

// remote returns the function that calls a peer.
func (n *Node) remote(identifier string) func(context.Context, cluster.Order) error {
	client, err := rpc.NewClient(rpc.ClientConfig{URL: n.urlOf(identifier) + OrderPath, TLS: n.cfg.TLS, Dial: n.dial,
		Prepare: func(r *http.Request, body []byte) error {
			n.cfg.Gossip.Trust.Sign(r, identifier, body)
			return nil
		}})
	return func(ctx context.Context, o cluster.Order) error {
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, orderTimeout)
		defer cancel()
		return client.Call(ctx, orderMethod, nil, toWire(o))
	}
}

// dial connects to a peer where gossip sees it: its identifier may be a name that only itself can resolve.
func (n *Node) dial(ctx context.Context, network, identifier string) (net.Conn, error) {
	address := identifier
	for _, m := range n.members.Members() {
		if m.Name == identifier {
			address = m.Addr
		}
	}
	return (&net.Dialer{Timeout: orderTimeout}).DialContext(ctx, network, address)
}

// execute carries an order out on this node.
func (n *Node) execute(o cluster.Order) error {
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
