package gossip

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/memberlist"
)

// What memberlist reports, what comes of it later, and what the owner asks of the loop.
type (
	memberJoined  struct{ member }
	memberUpdated struct{ member }
	memberLeft    struct{ name string }
	dropped       struct{ peer *peer }
	news          struct{} // for the others, from memberlist
	resync        struct{ name string }
)

// member is a node as memberlist knows it.
type member struct {
	name, addr string
	meta       Meta
}

func memberOf(n *memberlist.Node) member { return member{n.Name, n.Address(), decodeMeta(n.Meta)} }

// inbox takes what memberlist reports while it holds its locks: put never waits.
type inbox struct {
	mu     sync.Mutex
	queue  []any
	signal chan struct{} // holds a token when the queue may not be empty
}

func newInbox() *inbox { return &inbox{signal: make(chan struct{}, 1)} }

func (i *inbox) put(what any) {
	i.mu.Lock()
	i.queue = append(i.queue, what)
	i.mu.Unlock()
	select {
	case i.signal <- struct{}{}:
	default:
	}
}

func (i *inbox) take() []any {
	i.mu.Lock()
	defer i.mu.Unlock()
	q := i.queue
	i.queue = nil
	return q
}

// eventDelegate implements memberlist.EventDelegate.
type eventDelegate struct {
	self  string
	inbox *inbox
}

func (d eventDelegate) NotifyJoin(n *memberlist.Node)   { d.notify(n, memberJoined{memberOf(n)}) }
func (d eventDelegate) NotifyUpdate(n *memberlist.Node) { d.notify(n, memberUpdated{memberOf(n)}) }
func (d eventDelegate) NotifyLeave(n *memberlist.Node)  { d.notify(n, memberLeft{n.Name}) }

func (d eventDelegate) notify(n *memberlist.Node, what any) {
	if n.Name != d.self {
		d.inbox.put(what)
	}
}

// metaDelegate implements memberlist.Delegate: it carries the Meta and nothing else.
type metaDelegate struct{ meta *atomic.Pointer[[]byte] }

func (d metaDelegate) NodeMeta(int) []byte               { return *d.meta.Load() }
func (d metaDelegate) NotifyMsg([]byte)                  {}
func (d metaDelegate) GetBroadcasts(int, int) [][]byte   { return nil }
func (d metaDelegate) LocalState(bool) []byte            { return nil }
func (d metaDelegate) MergeRemoteState(_ []byte, _ bool) {}

// guardDelegate implements memberlist.AliveDelegate and memberlist.ConflictDelegate: it refuses nodes that may not join.
type guardDelegate struct {
	allow func(name string) bool
	log   *slog.Logger
	once  *onceSet
}

// strangerError refuses a node.
type strangerError string

func (e strangerError) Error() string { return "node " + string(e) + " is not configured here" }

func (d guardDelegate) NotifyAlive(n *memberlist.Node) error {
	if d.allow(n.Name) {
		return nil
	}
	if d.once.first("stranger", n.Name) {
		d.log.Warn("node refused: it is not configured and there is no discovery", "node", n.Name, "address", n.Address())
	}
	return strangerError(n.Name)
}

func (d guardDelegate) NotifyConflict(existing, other *memberlist.Node) {
	if d.once.first("conflict", existing.Name, other.Address()) {
		d.log.Warn("two nodes have the same name", "node", existing.Name, "address", existing.Address(), "other", other.Address())
	}
}

// libraryLog gives memberlist's log lines to slog, at debug level: what an operator must know, we say ourselves. When one of them tells
// of trouble, a suspicion or an objection to one, there is something to be told to the others.
type libraryLog struct {
	log   *slog.Logger
	hurry func()
}

func (l libraryLog) Write(p []byte) (int, error) {
	l.log.Debug("memberlist", "text", strings.TrimSpace(string(p)))
	if !bytes.HasPrefix(p, []byte("[DEBUG]")) {
		l.hurry()
	}
	return len(p), nil
}
