package node

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

func toWire(o cluster.Order) wireOrder {
	return wireOrder{From: o.From, Term: strconv.FormatUint(o.Term, 10), Action: int(o.Action), Namespec: fullNamespec(o.Namespec),
		ExtraArgs: o.ExtraArgs, Cause: o.Cause.String(), Strategy: o.Strategy.String()}
}

// fromWire reads an order for this node.
func (w wireOrder) order(self string) (cluster.Order, error) {
	term, err := strconv.ParseUint(w.Term, 10, 64)
	if err != nil {
		return cluster.Order{}, fmt.Errorf("term: %w", err)
	}
	action := cluster.Action(w.Action)
	if action < cluster.StartProcess || action > cluster.ShutdownCluster {
		return cluster.Order{}, fmt.Errorf("unknown action %d", w.Action)
	}
	cause, err := cluster.ParseCause(w.Cause)
	if err != nil {
		cause = cluster.ByRequest // of an older or newer node; it is for the records only, as is the strategy
	}
	strategy, err := rules.ParseStartingStrategy(w.Strategy)
	if err != nil {
		strategy = rules.Config
	}
	return cluster.Order{From: w.From, To: self, Term: term, Action: action, Namespec: process.ParseNamespec(w.Namespec),
		ExtraArgs: w.ExtraArgs, Cause: cause, Strategy: strategy}, nil
}

// orderAnswer is what the driver decides about an order of a peer.
type orderAnswer struct {
	refused string // why, "" when it is to be carried out
	order   cluster.Order
}

// Handler serves what peers want of this node: the stream of its changes, and the orders. Everything must be signed with the secret of
// the cluster. A node that is no member of one answers 503.
func (n *Node) Handler() http.Handler {
	table, err := rpc.NewTable(rpc.Method{
		Name: orderMethod, Doc: "Carry out an order of another node.", Access: rpc.Admin,
		Params: []rpc.Param{{Name: "order", Kind: rpc.Struct, Doc: "sender, term, action and process"}},
		Result: rpc.Result{Kind: rpc.Boolean, Doc: "always true unless error", Type: false},
		Fn:     n.takeOrder,
	})
	if err != nil {
		panic(err) // the row is a constant
	}
	orders := &rpc.Handler{Table: table}
	mux := http.NewServeMux()
	mux.HandleFunc("/cluster/events", func(w http.ResponseWriter, r *http.Request) {
		if s := n.stay.Load(); s != nil {
			s.members.Handler().ServeHTTP(w, r)
			return
		}
		noMember(w)
	})
	mux.Handle(samplesPath, n.Signed("statistics", http.HandlerFunc(n.serveSamples)))
	mux.Handle(OrderPath, n.Signed("order", orders))
	return mux
}

// takeOrder lets the core judge an order, then carries it out.
func (n *Node) takeOrder(ctx context.Context, args rpc.Args) (any, error) {
	var wire wireOrder
	if err := rpc.Assign(&wire, args.Struct(0)); err != nil {
		return nil, rpc.NewFault(rpc.IncorrectParameters, err.Error())
	}
	order, err := wire.order(n.cfg.Core.Self)
	if err != nil {
		return nil, rpc.NewFault(rpc.IncorrectParameters, err.Error())
	}
	answer := make(chan orderAnswer, 1)
	n.mu.Lock()
	n.nextAsk++
	id := n.nextAsk
	n.judging[id] = answer
	n.mu.Unlock()
	n.inbox.put(cluster.OrderReceived{ID: id, Order: order})
	select {
	case a := <-answer:
		if a.refused != "" {
			return nil, rpc.NewFault(rpc.BadSupvisorsState, a.refused)
		}
		return true, n.execute(a.order)
	case <-n.done:
		return nil, ErrEnded
	}
}

// judged passes the core's decision about an order on to the goroutine that serves the peer.
func (n *Node) judged(id uint64, a orderAnswer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.judging[id]; c != nil {
		delete(n.judging, id)
		c <- a
	}
}
