package gossip

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// streamBuffer is how many reports of all streams may wait for the loop.
	streamBuffer = 256
	// lastWords is how long the stream of a member that memberlist has given up may still bring what was written before: gossip
	// may overtake it, and it knows better why the peer is gone.
	lastWords = 100 * time.Millisecond
)

// Member is a peer that memberlist has.
type Member struct {
	Name, Addr string
	Meta       Meta
	Joined     bool // whether it is there; see the package documentation
	StreamUp   bool // whether its log is being followed
}

var (
	errNotMember = errors.New("the node is not a member any more")
	errReopened  = errors.New("the stream is opened anew")
)

// loop owns what is known of the peers. It merges what memberlist and the streams report into one sequence of events.
type loop struct {
	cfg      *Config
	log      *slog.Logger
	inbox    *inbox
	streams  chan report
	remember func(name, addr string)
	lost     func(addr string)
	hurry    func() // has memberlist tell the others what it has told here

	peers map[string]*peer
	view  atomic.Pointer[[]Member]

	ctx context.Context
	wg  sync.WaitGroup // followers
}

// peer is a member, in memberlist's view.
type peer struct {
	member
	joined   bool // Joined was told, and no Left since
	up       bool // StreamUp was told, and no StreamDown since
	parting  bool // it is no member any more, but its stream may have a word to say
	follower *follower

	epoch     string // position in its log: the run, "" for none,
	seq       uint64 // and the number of the last entry that was told
	mark      uint64 // seq at the last update
	complaint string // the last reason logged why the stream cannot be opened
}

func newLoop(ctx context.Context, cfg *Config, remember func(name, addr string)) *loop {
	l := &loop{cfg: cfg, log: cfg.Logger, inbox: newInbox(), streams: make(chan report, streamBuffer),
		remember: remember, peers: map[string]*peer{}, ctx: ctx}
	l.publish()
	return l
}

func (l *loop) run() {
	defer l.wg.Wait()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.inbox.signal:
			for _, what := range l.inbox.take() {
				l.handle(what)
			}
			l.hurry()
		case r := <-l.streams:
			if p := l.peers[r.from.name]; p != nil && p.follower == r.from {
				l.stream(p, r.what)
			}
		}
	}
}

func (l *loop) notify(e Event) {
	if l.ctx.Err() == nil {
		l.cfg.Notify(e)
	}
}

// handle takes in what memberlist or the owner says.
func (l *loop) handle(what any) {
	defer l.publish()
	switch w := what.(type) {
	case memberJoined:
		if old := l.peers[w.name]; old != nil {
			l.drop(old) // its stream has not ended yet
		}
		p := &peer{member: w.member}
		l.peers[w.name] = p
		l.remember(w.name, w.addr)
		l.join(p)
		l.follow(p)
	case memberUpdated:
		if p := l.peers[w.name]; p != nil {
			l.update(p, w.member)
		}
	case memberLeft:
		if p := l.peers[w.name]; p != nil && p.up {
			p.parting = true
			time.AfterFunc(lastWords, func() { l.inbox.put(dropped{p}) })
		} else if p != nil {
			l.drop(p)
		}
	case dropped:
		if l.peers[w.peer.name] == w.peer {
			l.drop(w.peer)
		}
	case resync:
		if p := l.peers[w.name]; p != nil {
			p.epoch = ""
			l.follow(p)
		}
	}
}

// drop ends what was known of a peer that is not a member any more.
func (l *loop) drop(p *peer) {
	l.unfollow(p, errNotMember)
	l.leave(p, Lost)
	delete(l.peers, p.name)
	l.lost(p.addr)
}

// update takes over what a member says about itself in gossip. Which run of the node it is, its stream tells better: a rumour of
// another one, or of entries that the stream should have brought long ago, only has the stream opened again.
func (l *loop) update(p *peer, now member) {
	before := p.member
	p.addr, p.meta = now.addr, now.meta
	p.meta.Epoch = before.meta.Epoch
	l.remember(p.name, p.addr)
	if p.joined && !sameFacts(p.member, before) {
		l.notify(Updated{p.name, p.addr, p.meta})
	}
	stuck := p.up && p.seq < before.meta.Seq && p.seq == p.mark // and updates are a second apart
	p.mark = p.seq
	if stuck {
		l.log.Debug("event stream is stuck", "peer", p.name, "seq", p.seq, "advertised", before.meta.Seq)
	}
	if stuck || !p.joined || now.meta.Epoch != before.meta.Epoch || now.addr != before.addr {
		l.follow(p)
	}
}

// sameFacts reports whether there is nothing to tell the owner; log positions are the loop's own business.
func sameFacts(a, b member) bool {
	a.meta.Seq = b.meta.Seq
	return a == b
}

// stream takes in what the current follower of the peer says.
func (l *loop) stream(p *peer, what any) {
	switch w := what.(type) {
	case streamData:
		p.epoch, p.seq = w.epoch, w.line.Seq
		if w.line.Snapshot {
			l.notify(StreamSnapshot{p.name, w.epoch, w.line.Seq, w.line.Data})
		} else {
			l.notify(StreamEntry{p.name, w.epoch, w.line.Seq, w.line.Data})
		}
		return
	case streamUp:
		if known := p.meta.Epoch; known != "" && known != w.epoch {
			l.leave(p, Restarted)
		}
		p.meta.Epoch = w.epoch
		if !p.joined {
			l.join(p)
		}
		p.up, p.complaint = true, ""
		l.notify(StreamUp{p.name, w.epoch})
	case streamDown:
		l.down(p, w.err)
	case streamGone:
		l.leave(p, w.reason)
		if p.parting {
			l.drop(p)
		}
	}
	l.publish()
}

// join tells that the peer is there. What follows begins with a snapshot: no follower has a position in its log.
func (l *loop) join(p *peer) {
	p.joined = true
	l.log.Info("node joined", "node", p.name, "address", p.addr, "epoch", p.meta.Epoch)
	l.notify(Joined{p.name, p.addr, p.meta})
}

// leave tells that the peer is gone, if that is news.
func (l *loop) leave(p *peer, reason Reason) {
	p.epoch, p.seq = "", 0
	if p.joined {
		p.joined = false
		l.log.Info("node left", "node", p.name, "reason", reason.String())
		l.notify(Left{p.name, reason})
	}
}

// down tells that the stream is closed, or logs why it cannot be opened.
func (l *loop) down(p *peer, err error) {
	if p.up {
		p.up = false
		l.notify(StreamDown{p.name, err})
		return
	}
	if text := err.Error(); text != p.complaint {
		p.complaint = text
		l.log.Info("event stream cannot be opened", "node", p.name, "error", text)
	}
}

// follow has the log of the peer followed by a new follower, from where the previous one got to.
func (l *loop) follow(p *peer) {
	l.unfollow(p, errReopened)
	ctx, stop := context.WithCancel(l.ctx)
	f := newFollower(l.cfg, p.name, p.addr, p.epoch, p.seq+1, l.streams)
	f.stop, p.follower = stop, f
	l.wg.Go(func() { f.run(ctx) }) // p is the loop's
}

func (l *loop) unfollow(p *peer, why error) {
	if p.follower == nil {
		return
	}
	p.follower.stop()
	p.follower = nil
	if p.up {
		l.down(p, why)
	}
}

// publish makes what is known readable for all.
func (l *loop) publish() {
	list := make([]Member, 0, len(l.peers))
	for _, p := range l.peers {
		list = append(list, Member{p.name, p.addr, p.meta, p.joined, p.up})
	}
	slices.SortFunc(list, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	l.view.Store(&list)
}
