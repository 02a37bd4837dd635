package node

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
)

// leaveTimeout bounds the goodbye to the peers.
const leaveTimeout = 500 * time.Millisecond

// Start makes the node a member of its cluster, unless it begins withdrawn; the port must be open. Run must follow.
func (n *Node) Start() error {
	if s := n.stay.Load(); s != nil {
		return s.members.Start()
	}
	return nil
}

// Run drives the core until ctx ends, then takes leave of the peers.
func (n *Node) Run(ctx context.Context) {
	defer close(n.done)
	work, stop := context.WithCancel(context.Background())
	defer stop()
	ticker := time.NewTicker(tickPeriod)
	defer ticker.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	counter := 0
	tick := func() {
		counter++
		n.cfg.Logger.Debug("tick", "counter", counter)
		now := time.Now()
		n.step(work, cluster.LocalTick{Tick: cluster.Tick{Counter: counter, Wall: Wall(now), Mono: n.clock.Mono(now)}})
		n.ticked.Store(&now)
	}
	tick()
	for {
		if at, ok := n.core.Deadline(); ok {
			timer.Reset(time.Until(at))
		}
		select {
		case <-n.inbox.wake:
			n.takeIn(work)
		case f := <-n.calls:
			n.takeIn(work)
			f(work)
		case <-ticker.C:
			tick()
		case <-timer.C:
			n.step(work, cluster.Timer{})
		case <-ctx.Done():
			if s := n.part(); s != nil {
				n.farewell(s)
			}
			n.leaving.Wait()
			return
		}
	}
}

// takeIn lets the core take into account what has come so far. What a cluster said that the node has left is of no interest any more.
func (n *Node) takeIn(work context.Context) {
	for _, ev := range n.inbox.take() {
		if n.stay.Load() != nil || !needsMember(ev) {
			n.step(work, ev)
		}
	}
}

// step lets the core take one event into account, publishes what it sees then, and has the effects carried out.
func (n *Node) step(ctx context.Context, ev cluster.Event) {
	effects := n.core.Step(time.Now(), ev)
	n.show(n.core.View())
	for _, e := range effects {
		n.carryOut(ctx, e)
	}
}

var logLevels = map[cluster.Level]slog.Level{
	cluster.Debug: slog.LevelDebug, cluster.Info: slog.LevelInfo, cluster.Warn: slog.LevelWarn, cluster.Critical: slog.LevelError + 4,
}

func (n *Node) carryOut(ctx context.Context, e cluster.Effect) {
	switch e := e.(type) {
	case cluster.Share:
		n.share(e)
	case cluster.Resync:
		if s := n.stay.Load(); s != nil {
			s.members.Resync(e.Identifier)
		}
	case cluster.Forget:
		if s := n.stay.Load(); s != nil {
			s.members.Forget(e.Identifier)
		}
	case cluster.Send:
		n.send(ctx, e.Order)
	case cluster.Execute:
		n.judged(e.ID, orderAnswer{order: e.Order})
	case cluster.Refuse:
		n.judged(e.ID, orderAnswer{refused: e.Reason})
	case cluster.Reply:
		n.reply(e)
	case cluster.SaveTerm:
		if err := n.cfg.SaveTerm(e.Term); err != nil {
			n.cfg.Logger.Error("term is not kept", "term", e.Term, "error", err)
		}
	case cluster.DisableAutorestart:
		n.cfg.Local.DisableAutorestart(e.Namespec)
	case cluster.UseArgs:
		n.cfg.Local.UseArgs(e.Namespec, e.Args)
	case cluster.End:
		n.cfg.End(e.Restart)
	case cluster.Log:
		n.cfg.Logger.Log(ctx, logLevels[e.Level], e.Message)
	}
}

func (n *Node) share(e cluster.Share) {
	s := n.stay.Load()
	if s == nil {
		return
	}
	data, err := json.Marshal(e.Delta)
	if err == nil {
		err = s.log.Append(e.Seq, data)
	}
	if err != nil { // the followers will find the number missing and ask for everything
		n.cfg.Logger.Error("change is not published", "seq", e.Seq, "error", err)
	}
}

func (n *Node) reply(r cluster.Reply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.waiting[r.ID]; c != nil {
		c <- r // has room for the one reply
	}
}
