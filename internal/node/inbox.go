package node

import (
	"sync"

	"github.com/supvisors/supvisors/internal/cluster"
)

// inbox is the ordered queue in front of the core. Putting never waits, so that no callback of a child or of gossip can be held up
// by the cluster.
type inbox struct {
	mu     sync.Mutex
	events []cluster.Event
	wake   chan struct{} // holds a token while there are events
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) put(ev cluster.Event) {
	b.mu.Lock()
	b.events = append(b.events, ev)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns all that has come so far.
func (b *inbox) take() []cluster.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = nil
	return events
}
