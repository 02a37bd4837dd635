package clustertest

import (
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
)

// The longest and the shortest time after which gossip tells about the loss and the return of a node.
const (
	minLoss, maxLoss     = 300 * time.Millisecond, 3500 * time.Millisecond
	minReturn, maxReturn = 10 * time.Millisecond, time.Second
)

// gossip makes every node learn, each after its own delay, what has changed in the world.
func (w *World) gossip() {
	for _, a := range w.nodes {
		if a.core == nil {
			continue
		}
		for _, b := range w.nodes {
			if a != b {
				w.watch(a, b)
			}
		}
	}
}

// watch has one node find out, after a while, whether another one is there.
func (w *World) watch(a, b *Node) {
	up := w.linked(a, b) && !b.frozen && !a.frozen
	if up == a.sees[b.rank] {
		return
	}
	wait := w.between(minReturn, maxReturn)
	if !up {
		wait = w.between(minLoss, maxLoss)
	}
	run := a.run
	w.after(wait, func() {
		if a.core == nil || a.run != run || a.frozen {
			return
		}
		now := w.linked(a, b) && !b.frozen
		if now != up || now == a.sees[b.rank] {
			return
		}
		a.sees[b.rank] = now
		if !now {
			a.streams[b.rank] = 0
			a.step(cluster.PeerLeft{Identifier: b.id.Identifier, Reason: "gossip"})
			return
		}
		a.step(cluster.PeerJoined{Identity: b.declared()})
		a.follow(b)
	})
}

// follow connects a node to the stream of another one; the whole Report comes first.
func (n *Node) follow(peer *Node) {
	w := n.w
	if n.core == nil || !w.linked(n, peer) {
		return
	}
	w.order++
	stream := int(w.order)
	n.streams[peer.rank] = stream
	report := peer.core.Report()
	n.receive(peer, stream, func() { n.step(cluster.PeerReport{Report: report}) })
}

// receive delivers a message of a stream, in order and only while the stream lives.
func (n *Node) receive(peer *Node, stream int, deliver func()) {
	w, run := n.w, n.run
	at := max(peer.queues[n.rank], w.now) + w.delay()
	peer.queues[n.rank] = at
	w.after(at-w.now, func() {
		ok := func() bool { return n.core != nil && n.run == run && n.streams[peer.rank] == stream }
		if !ok() {
			return
		}
		if w.cut[[2]int{peer.rank, n.rank}] {
			n.streams[peer.rank] = 0 // the connection breaks; it comes back when gossip says so, or by a Resync
			n.reconnect(peer)
			return
		}
		if n.frozen {
			n.held = append(n.held, func() {
				if ok() {
					deliver()
				}
			})
			return
		}
		deliver()
	})
}

// reconnect tries to follow a peer again for as long as gossip sees it.
func (n *Node) reconnect(peer *Node) {
	run := n.run
	var try func()
	try = func() {
		switch {
		case n.core == nil || n.run != run || !n.sees[peer.rank] || n.streams[peer.rank] != 0:
		case n.frozen:
			n.held = append(n.held, try)
		case n.w.linked(n, peer):
			n.follow(peer)
		default:
			n.reconnect(peer)
		}
	}
	n.w.after(n.w.between(100*time.Millisecond, time.Second), try)
}

// breakStreams cuts the connections that others have to a node that is gone.
func (n *Node) breakStreams() {
	for _, peer := range n.w.nodes {
		if peer.core != nil && peer.streams[n.rank] != 0 {
			peer.streams[n.rank] = 0
			peer.reconnect(n)
		}
	}
}

// closeStreams closes these connections behind what was sent already.
func (n *Node) closeStreams() {
	for _, peer := range n.w.nodes {
		if peer.core == nil || peer == n || peer.streams[n.rank] == 0 {
			continue
		}
		peer.receive(n, peer.streams[n.rank], func() {
			peer.streams[n.rank] = 0
			peer.reconnect(n)
		})
	}
}

// carryOut does what an effect of the core asks for.
func (n *Node) carryOut(e cluster.Effect) {
	w := n.w
	switch e := e.(type) {
	case cluster.Share:
		n.checkShare(e)
		for _, peer := range w.nodes {
			if peer == n || peer.core == nil || peer.streams[n.rank] == 0 {
				continue
			}
			if w.happens(300) {
				continue
			}
			stream := peer.streams[n.rank]
			ev := cluster.PeerDelta{Identifier: n.id.Identifier, Epoch: n.epoch, Seq: e.Seq, Delta: e.Delta}
			peer.receive(n, stream, func() { peer.step(ev) })
			if w.happens(300) {
				peer.receive(n, stream, func() { peer.step(ev) })
			}
		}
	case cluster.Resync:
		for _, peer := range w.nodes {
			if peer.id.Identifier == e.Identifier {
				n.streams[peer.rank] = 0
				n.reconnect(peer)
			}
		}
	case cluster.Send:
		n.checkOrder(e.Order)
		n.send(e.Order)
	case cluster.Reply:
		n.checkReply(e)
	case cluster.SaveTerm:
		n.term = e.Term
	case cluster.End:
		w.tell(n, "%s", map[bool]string{true: "restarts", false: "shuts down"}[e.Restart])
		n.closeStreams()
		n.core = nil
		w.gossip()
		if e.Restart {
			w.after(w.between(100*time.Millisecond, time.Second), n.Start)
		}
	case cluster.Log:
		if e.Level > cluster.Debug {
			w.tell(n, "%s", e.Message)
		}
	}
}

// send delivers an order, and tells the sender when it could not be carried out.
func (n *Node) send(o cluster.Order) {
	w, run := n.w, n.run
	failed := func(reason string, lost bool) {
		w.after(w.delay(), func() {
			if n.core != nil && n.run == run {
				delete(n.ending, place{o.Namespec, o.To})
				n.step(cluster.OrderFailed{Order: o, Reason: reason, Lost: lost})
			}
		})
	}
	to := w.find(o.To)
	if w.blow > 0 && o.Action == cluster.StartProcess && to != n && slices.Contains(survivors, o.Namespec.String()) {
		w.after(w.blow, func() {
			to.Kill()
			w.after(minLoss/2, to.Start)
		})
		w.blow = 0
	}
	w.after(w.delay(), func() {
		if to != n && !w.linked(n, to) || to.core == nil {
			failed("connection refused", true)
			return
		}
		arrive := func() { to.obey(o, failed) }
		if to.frozen {
			to.held = append(to.held, arrive)
			return
		}
		arrive()
	})
}

// obey asks the core of the receiver whether an order is to be carried out, and does it.
func (n *Node) obey(o cluster.Order, failed func(string, bool)) {
	if n.core == nil {
		failed("connection reset", true)
		return
	}
	n.w.Steps++
	term := n.modes.Term
	for _, e := range n.core.Step(n.clock(), cluster.OrderReceived{ID: 1, Order: o}) {
		switch e := e.(type) {
		case cluster.Execute:
			if o.Term < term {
				n.w.violate("%s carries out an order of term %d in term %d", n.id.Nick, o.Term, term)
			}
			if reason := n.execute(e.Order); reason != "" {
				failed(reason, false)
			}
		case cluster.Refuse:
			failed(e.Reason, false)
		default:
			n.carryOut(e)
		}
		if n.core == nil {
			return
		}
	}
	n.checkStep()
	n.arm()
}
