package node

import (
	"sync"

	"github.com/supvisors/supvisors/internal/cluster"
)

// watchers hands each View to those who want to see every change. The driver never waits for them.
type watchers struct {
	mu   sync.Mutex
	list []*Watch
}

// Watch brings the Views of a Node in their order, from the one at its beginning on. A reader that falls behind loses the oldest ones:
// the difference to the next one is then that of several events.
type Watch struct {
	// C brings the Views. It is never closed.
	C <-chan *cluster.View

	c    chan *cluster.View
	from *watchers
}

// Watch begins to bring the Views of the node, of which size may wait for the reader.
func (n *Node) Watch(size int) *Watch {
	c := make(chan *cluster.View, max(size, 1))
	w := &Watch{C: c, c: c, from: &n.watchers}
	n.watchers.mu.Lock()
	defer n.watchers.mu.Unlock()
	c <- n.View()
	n.watchers.list = append(n.watchers.list, w)
	return w
}

// Close ends it.
func (w *Watch) Close() {
	w.from.mu.Lock()
	defer w.from.mu.Unlock()
	for i, other := range w.from.list {
		if other == w {
			w.from.list = append(w.from.list[:i:i], w.from.list[i+1:]...)
		}
	}
}

// show stores the View and hands it out; only the driver does.
func (n *Node) show(v *cluster.View) {
	n.watchers.mu.Lock()
	defer n.watchers.mu.Unlock()
	n.view.Store(v)
	for _, w := range n.watchers.list {
		select {
		case w.c <- v:
			continue
		default:
		}
		select { // the reader may just have made room
		case <-w.c:
		default:
		}
		w.c <- v
	}
}
