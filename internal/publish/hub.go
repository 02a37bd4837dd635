package publish

import (
	"sync"
	"sync/atomic"
)

// queueLength is how many messages may wait for one client: the default high water mark of ZeroMQ.
const queueLength = 1000

// Hub hands messages to the clients of the doors. All methods may be called from any goroutine.
type Hub struct {
	wanted  atomic.Uint32 // a set: the headers whose count is not 0
	changed chan struct{}

	mu          sync.Mutex // never held while anything waits
	subscribers map[*subscriber]struct{}
	counts      [headers]int // of the subscribers that want it
}

// NewHub returns a hub without clients.
func NewHub() *Hub {
	return &Hub{changed: make(chan struct{}, 1), subscribers: make(map[*subscriber]struct{})}
}

// Wants tells whether a client asks for this header. A message that nobody wants need not be made.
func (h *Hub) Wants(header Header) bool { return set(h.wanted.Load()).has(header) }

// Demand returns the channel that receives a value after the answer of Wants has changed for some header. Changes that nobody has
// received yet are one. There is one channel, so it is for one receiver.
func (h *Hub) Demand() <-chan struct{} { return h.changed }

// Publish queues a message for each client that asks for its header. The body is a JSON object in UTF-8; the caller may use it again
// afterwards.
func (h *Hub) Publish(header Header, body []byte) {
	if !h.Wants(header) {
		return
	}
	var wires [forms][]byte
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscribers {
		if !s.wants.has(header) {
			continue
		}
		if wires[s.form] == nil {
			wires[s.form] = encoders[s.form](header.String(), body)
		}
		h.offer(s, wires[s.form])
	}
}

// offer queues a message under mu, so that nobody else can fill or close the queue meanwhile.
func (h *Hub) offer(s *subscriber, wire []byte) {
	select {
	case s.queue <- wire:
		return
	default:
	}
	if s.form == pub {
		s.lost.Add(1)
		return
	}
	s.overflown = true
	h.remove(s)
}

// join returns a new subscriber. It must leave some day.
func (h *Hub) join(f form, wants set) *subscriber {
	s := &subscriber{form: f, queue: make(chan []byte, queueLength)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribers[s] = struct{}{}
	h.want(s, wants)
	return s
}

// subscribe replaces what s wants. It does nothing after s has left.
func (h *Hub) subscribe(s *subscriber, wants set) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.subscribers[s]; ok {
		h.want(s, wants)
	}
}

// leave closes the queue of s; what is in it can still be read. It may be called more than once.
func (h *Hub) leave(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.subscribers[s]; ok {
		h.remove(s)
	}
}

func (h *Hub) remove(s *subscriber) {
	h.want(s, 0)
	delete(h.subscribers, s)
	close(s.queue)
}

func (h *Hub) want(s *subscriber, wants set) {
	var wanted set
	for header := range Header(headers) {
		if s.wants.has(header) {
			h.counts[header]--
		}
		if wants.has(header) {
			h.counts[header]++
		}
		if h.counts[header] > 0 {
			wanted |= 1 << header
		}
	}
	s.wants = wants
	if set(h.wanted.Swap(uint32(wanted))) == wanted {
		return
	}
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// subscriber is a client as the hub sees it.
type subscriber struct {
	form      form
	wants     set           // guarded by Hub.mu
	queue     chan []byte   // encoded messages; filled and closed under Hub.mu
	overflown bool          // the queue was closed because it was full; to be read when it is closed
	lost      atomic.Uint64 // messages that found the queue full; who reports them takes them away
}

// form is what a message looks like on the wire, and with it how a client is treated: a pub client misses what does not fit into its
// queue, a text client is closed.
type form int

const (
	text form = iota
	pub

	forms = iota
)

var encoders = [forms]func(header string, body []byte) []byte{text: encodeText, pub: encodeMessage}

// encodeText returns the payload of a WebSocket message: a JSON array, written as Python does.
func encodeText(header string, body []byte) []byte {
	b := make([]byte, 0, len(header)+len(body)+len(`["", ]`))
	b = append(b, `["`...)
	b = append(b, header...)
	b = append(b, `", `...)
	b = append(b, body...)
	return append(b, ']')
}
