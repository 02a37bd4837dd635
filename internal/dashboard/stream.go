package dashboard

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// ringSize is how many events are kept for pages that come back, or are slow.
	ringSize = 4096
	// keepTime is how long events are kept on when no page is open: one that lost its connection comes back within seconds.
	keepTime = time.Minute
	// heartbeat is how often a stream without events carries a comment.
	heartbeat = 15 * time.Second
	// writeTimeout is how long a browser may take to accept what it is sent.
	writeTimeout = 30 * time.Second
	// maxClients bounds the streams at one time.
	maxClients = 256
	// sideQueue is how many samples and pieces of logs may wait for one client.
	sideQueue = 64
)

// message is an event of the stream, encoded once for all clients.
type message struct {
	event string
	data  []byte
}

// stream numbers the events and keeps the newest ones.
type stream struct {
	epoch     string
	clients   atomic.Int32
	keepUntil atomic.Int64 // Unix time in nanoseconds

	mu   sync.Mutex
	next uint64
	ring []message
	more chan struct{} // closed when there is another event
	done chan struct{} // closed at the end
	all  map[string]*client
}

func newStream(epoch string) *stream {
	return &stream{epoch: epoch, next: 1, more: make(chan struct{}), done: make(chan struct{}), all: map[string]*client{}}
}

// wanted reports whether events are of use to anybody. What nobody wants need not be made.
func (s *stream) wanted() bool {
	return s.clients.Load() > 0 || time.Now().UnixNano() < s.keepUntil.Load()
}

// publish appends an event. One that nobody wants is not kept, and whoever comes back later begins anew.
func (s *stream) publish(event string, document any) {
	if !s.wanted() {
		s.forget()
		return
	}
	m := message{event, encode(document)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) == ringSize {
		s.ring = slices.Delete(s.ring, 0, ringSize/8)
	}
	s.ring = append(s.ring, m)
	s.advance()
}

// forget makes all numbers unknown, so that every page begins anew.
func (s *stream) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring = nil
	s.advance()
}

// advance counts an event and wakes the clients up; s.mu is held.
func (s *stream) advance() {
	s.next++
	close(s.more)
	s.more = make(chan struct{})
}

// read returns the events from number n on; ok is false when some of them are not kept any more.
func (s *stream) read(n uint64) (list []message, more <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.next - uint64(len(s.ring))
	if n < first || n > s.next {
		return nil, s.more, false
	}
	return slices.Clone(s.ring[n-first:]), s.more, true
}

// head returns the number of the next event.
func (s *stream) head() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func (s *stream) close() { close(s.done) }

// encode makes JSON of one of our documents, which always can be.
func encode(document any) []byte {
	data, err := json.Marshal(document)
	if err != nil {
		panic(err)
	}
	return data
}

// client is one open page.
type client struct {
	id   string
	side chan message // samples and pieces of logs

	mu       sync.Mutex
	watching Watching
	logs     map[LogWatch]*followed
	ctx      context.Context // of the request
}

// followed is a log that a page follows.
type followed struct{ stop context.CancelFunc }

// enter lets a client in; it returns nil when there are too many.
func (s *stream) enter(ctx context.Context) *client {
	if s.clients.Add(1) > maxClients {
		s.clients.Add(-1)
		return nil
	}
	c := &client{id: rand.Text(), side: make(chan message, sideQueue), logs: map[LogWatch]*followed{}, ctx: ctx}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[c.id] = c
	return c
}

func (s *stream) leave(c *client) {
	s.keepUntil.Store(time.Now().Add(keepTime).UnixNano())
	s.clients.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c.id)
}

// find returns an open page by its name, nil when it is gone.
func (s *stream) find(id string) *client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

// samples hands statistics to the pages that want them. One that is slow misses some.
func (s *stream) samples(all []Stats) {
	if len(all) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		m := message{"stats", encode(all[i])}
		for _, c := range s.all {
			if c.wants(all[i].Node) {
				select {
				case c.side <- m:
				default:
				}
			}
		}
	}
}

func (c *client) wants(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.watching.Stats, "*") || slices.Contains(c.watching.Stats, node)
}

func (c *client) wantsAny() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watching.Stats) > 0
}

// serveStream streams all that changes to a page until it is closed.
func (d *Dashboard) serveStream(w http.ResponseWriter, r *http.Request) {
	c := d.stream.enter(r.Context())
	if c == nil {
		refuse(w, http.StatusServiceUnavailable, "too many pages are open")
		return
	}
	defer d.stats.demand(d.stream)
	defer d.stream.leave(c)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy in front must not hold events back
	out := &sender{w: w, rc: http.NewResponseController(w)}
	out.rc.SetReadDeadline(time.Time{}) // an error means that there is none
	// A browser that comes back by itself says what it has heard in the header, a page that has closed its stream in the query.
	from, hello := d.hello(c, cmp.Or(r.Header.Get("Last-Event-ID"), r.FormValue("last")))
	out.raw("retry: 2000\n\n")
	out.event(d.stream.epoch, from-1, hello)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for out.flush() {
		events, more, ok := d.stream.read(from)
		if !ok {
			out.raw("event: resync\ndata: {}\n\n")
			out.flush()
			return
		}
		for _, m := range events {
			out.event(d.stream.epoch, from, m)
			from++
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-more:
		case m := <-c.side:
			out.event("", 0, m)
		case <-beat.C:
			out.raw(": \n\n")
		case <-d.stream.done:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// hello returns the number of the first event for a client, and what it is told first: with all there is, unless its last event is known.
func (d *Dashboard) hello(c *client, last string) (from uint64, m message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tellChange()
	var all *Snapshot
	epoch, number, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if _, _, known := d.stream.read(n + 1); err == nil && epoch == d.stream.epoch && known {
		from = n + 1
	} else {
		from = d.stream.head() // before the snapshot: a job that changes meanwhile is told twice rather than not at all
		all = d.snapshot()
	}
	return from, message{"hello", encode(struct {
		Conn     string    `json:"conn"`
		Snapshot *Snapshot `json:"snapshot"`
	}{c.id, all})}
}

// sender writes events to one client, until the first error.
type sender struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func (s *sender) raw(text string) {
	if s.err == nil {
		s.rc.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, s.err = s.w.Write([]byte(text))
	}
}

// event writes a message, with its number if it has one.
func (s *sender) event(epoch string, n uint64, m message) {
	id := ""
	if epoch != "" {
		id = fmt.Sprintf("id: %s-%d\n", epoch, n)
	}
	s.raw(fmt.Sprintf("event: %s\n%sdata: %s\n\n", m.event, id, m.data))
}

func (s *sender) flush() bool {
	if s.err == nil {
		s.err = s.rc.Flush()
	}
	return s.err == nil
}

// serveWatching takes over what a page wants beside the changes.
func (d *Dashboard) serveWatching(w http.ResponseWriter, r *http.Request) {
	c := d.stream.find(r.PathValue("conn"))
	if c == nil {
		refuse(w, http.StatusNotFound, "this stream has ended")
		return
	}
	var want Watching
	if !readJSON(w, r, &want) {
		return
	}
	if len(want.Logs) > maxLogs {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("a page can follow %d logs", maxLogs))
		return
	}
	d.watch(c, want)
	d.stats.demand(d.stream)
	w.WriteHeader(http.StatusNoContent)
}

// watch begins to follow the logs that are new, and ends what is not wanted any more.
func (d *Dashboard) watch(c *client, want Watching) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watching = want
	for l, f := range c.logs {
		if !slices.ContainsFunc(want.Logs, l.same) {
			f.stop()
			delete(c.logs, l)
		}
	}
	for _, l := range want.Logs {
		key := l.key()
		if c.logs[key] == nil {
			ctx, stop := context.WithCancel(c.ctx)
			f := &followed{stop}
			c.logs[key] = f
			go func() {
				d.followLog(ctx, l, c.side)
				c.ended(key, f)
			}()
		}
	}
}

// ended forgets a log that could not be followed any more, so that the page may ask for it again.
func (c *client) ended(key LogWatch, f *followed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.stop()
	if c.logs[key] == f {
		delete(c.logs, key)
	}
}

// same reports whether two watches are of one log: the offset is only where it began.
func (l LogWatch) same(other LogWatch) bool { return l.key() == other.key() }

func (l LogWatch) key() LogWatch {
	l.Offset = 0
	return l
}
