package event

import "sync"

// Notice is an event on its way to a subscriber.
type Notice struct {
	// Serial numbers the events of the bus that anybody subscribed to, from 0, as Supervisor does.
	Serial uint64
	// Lost is how many events this subscriber has lost up to this notice, since it subscribed. As the newest notice is
	// always kept, the last one in the queue carries the full count.
	Lost  uint64
	Event Event
}

// Bus carries events from publishers to subscribers. All methods may be called from any goroutine.
type Bus struct {
	mu     sync.Mutex
	next   uint64
	subs   map[*Subscription]struct{}
	closed bool
}

// NewBus returns a bus without subscribers.
func NewBus() *Bus { return &Bus{subs: make(map[*Subscription]struct{})} }

// Publish hands the event, numbered, to each subscriber of its type. It never waits: a full queue loses its oldest
// notice. After Close it does nothing.
func (b *Bus) Publish(ev Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	n := Notice{Serial: b.next, Event: ev}
	t := ev.Type()
	for s := range b.subs {
		if s.types.has(t) {
			s.offer(n)
			b.next = n.Serial + 1
		}
	}
}

// Subscribe returns a subscription to the given types and everything below them, with a queue of that many notices
// (at least one). The caller reads C until it is closed, or calls Close.
func (b *Bus) Subscribe(queue int, wanted ...Type) *Subscription {
	c := make(chan Notice, max(queue, 1))
	s := &Subscription{C: c, c: c, bus: b, types: setOf(wanted)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		close(c)
		return s
	}
	b.subs[s] = struct{}{}
	return s
}

// Close ends all subscriptions: what is queued can still be read, then each C is closed.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.subs {
		close(s.c)
	}
	clear(b.subs)
}

// Subscription is the queue of one subscriber.
type Subscription struct {
	// C delivers the notices in order of their serials. It is closed when the subscription or the bus is.
	C <-chan Notice

	c     chan Notice // the writing end of C; guarded by bus.mu
	bus   *Bus
	types set
	lost  uint64 // guarded by bus.mu
}

// Close ends the subscription. What is queued can still be read. It may be called more than once.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if _, ok := s.bus.subs[s]; ok {
		delete(s.bus.subs, s)
		close(s.c)
	}
}

// offer queues n under bus.mu, so it is the only sender: when it finds the queue full it takes out the oldest notice,
// unless the reader was faster, and then there is room.
func (s *Subscription) offer(n Notice) {
	if len(s.c) == cap(s.c) {
		select {
		case <-s.c:
			s.lost++
		default:
		}
	}
	n.Lost = s.lost
	s.c <- n
}
