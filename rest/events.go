package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

const (
	// ringSize is how many events are kept for clients that come back, or are slow.
	ringSize = 8192
	// keepTime is how long events are kept on while nobody listens: a client that lost its connection comes back within seconds.
	keepTime = 2 * time.Minute
	// keepAlive is how often a stream without events carries a comment.
	keepAlive = 15 * time.Second
	// eventTimeout is how long a client may take to accept what it is sent.
	eventTimeout = 30 * time.Second
	// retry is how long a client waits before it comes back, in milliseconds.
	retry = 2000
	// maxListeners bounds the streams at one time.
	maxListeners = 256
)

// headers are the kinds of events: those of Supvisors' event interface.
var headers = []string{"supvisors", "instance", "application", "process", "event", "hstats", "pstats"}

// words are other names for kinds of events.
var words = map[string][]string{"all": headers, "state": {"supvisors"}, "statistics": {"hstats", "pstats"}}

// Stream serves events as server-sent events. Any goroutine may publish; publishing never waits for a client.
type Stream struct {
	epoch string // of the ids: those of another run of the daemon mean nothing here

	listeners atomic.Int32
	wanted    map[string]*demand // by header
	changed   chan struct{}      // holds a token when Listening has changed

	mu   sync.Mutex
	next uint64 // number of the next event
	ring []*event
	more chan struct{} // closed when there is another event
}

// demand is who wants events of one kind.
type demand struct {
	listeners atomic.Int32
	keptUntil atomic.Int64 // Unix time in nanoseconds until which they are kept though nobody listens
}

// event is one message.
type event struct {
	header string
	body   []byte
	parse  sync.Once // of the facts, which filters look at
	facts  facts
}

// facts is what filters compare.
type facts struct {
	Application string   `json:"application_name"`
	Group       string   `json:"group"`
	Process     string   `json:"process_name"`
	Name        string   `json:"name"`
	Namespec    string   `json:"namespec"`
	Identifier  string   `json:"identifier"`
	Nick        string   `json:"nick_identifier"`
	Identifiers []string `json:"identifiers"`
}

// NewStream returns a stream without events.
func NewStream() *Stream {
	s := &Stream{epoch: strconv.FormatInt(time.Now().UnixNano(), 36), wanted: map[string]*demand{}, changed: make(chan struct{}, 1),
		more: make(chan struct{})}
	for _, header := range headers {
		s.wanted[header] = &demand{}
	}
	return s
}

// Wants reports whether events of this kind are of use to anybody. A message that nobody wants need not be made.
func (s *Stream) Wants(header string) bool {
	d := s.wanted[header]
	return d != nil && (d.listeners.Load() > 0 || time.Now().UnixNano() < d.keptUntil.Load())
}

// Listening reports whether anybody listens to events of this kind at the moment.
func (s *Stream) Listening(header string) bool {
	d := s.wanted[header]
	return d != nil && d.listeners.Load() > 0
}

// Demand returns the channel that receives a value after the answer of Listening has changed for some kind. Changes that nobody has
// received yet are one. There is one channel, so it is for one receiver.
func (s *Stream) Demand() <-chan struct{} { return s.changed }

// enter counts a client in that listens to these kinds, all when there are none.
func (s *Stream) enter(types []string) (leave func()) {
	if types == nil {
		types = headers
	}
	for _, header := range types {
		if d := s.wanted[header]; d != nil && d.listeners.Add(1) == 1 {
			s.tell()
		}
	}
	return func() {
		until := time.Now().Add(keepTime).UnixNano()
		for _, header := range types {
			if d := s.wanted[header]; d != nil {
				d.keptUntil.Store(until)
				if d.listeners.Add(-1) == 0 {
					s.tell()
				}
			}
		}
	}
}

func (s *Stream) tell() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Publish sends a message to the clients; the body is a JSON object on one line, which the caller may use again.
func (s *Stream) Publish(header string, body []byte) {
	if !s.Wants(header) {
		return
	}
	e := &event{header: header, body: slices.Clone(body)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) < ringSize {
		s.ring = append(s.ring, e)
	} else {
		s.ring[s.next%ringSize] = e
	}
	s.next++
	close(s.more)
	s.more = make(chan struct{})
}

// read returns the events from number n on that are kept, the number of the first of them, and a channel that tells of the next.
func (s *Stream) read(n uint64) (list []*event, first uint64, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = min(max(n, s.next-uint64(len(s.ring))), s.next)
	for i := first; i < s.next; i++ {
		list = append(list, s.ring[i%ringSize])
	}
	return list, first, s.more
}

// ServeHTTP streams events to a client until it leaves: from the one after Last-Event-ID on, if that is still kept, else from now on.
// The query filters: type, application, process and identifier, each possibly several times or with commas. When events are missing,
// an event named reset tells it.
func (s *Stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, err := newFilter(r.URL.Query())
	if err != nil {
		data, _ := rpc.AppendJSON(nil, failure{Message: err.Error(), Code: rpc.IncorrectParameters})
		send(w, http.StatusBadRequest, append(data, '\n'))
		return
	}
	defer s.listeners.Add(-1)
	if s.listeners.Add(1) > maxListeners {
		send(w, http.StatusServiceUnavailable, []byte(`{"message": "too many clients follow the events"}`+"\n"))
		return
	}
	defer s.enter(f.types)()
	out := writer{w: w, rc: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not hold events back
	out.rc.SetReadDeadline(time.Time{})
	last := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("last_event_id"))
	next, known := s.position(last)
	if r.Method == http.MethodHead || out.flush(fmt.Appendf(nil, "retry: %d\n\n", retry)) != nil {
		return
	}
	if !known && out.flush([]byte("event: reset\ndata: {}\n\n")) != nil {
		return
	}
	s.follow(r.Context(), out, f, next)
}

// position returns the number of the event that follows the last one a client has seen; "" stands for a client that has seen none.
func (s *Stream) position(last string) (next uint64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch, number, _ := strings.Cut(last, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if epoch != s.epoch || err != nil || n >= s.next {
		return s.next, last == ""
	}
	return n + 1, true
}

// follow sends what fits the filter from number next on.
func (s *Stream) follow(ctx context.Context, out writer, f *filter, next uint64) {
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		list, first, more := s.read(next)
		var b []byte
		if first > next {
			b = append(b, "event: reset\ndata: {}\n\n"...)
		}
		for i, e := range list {
			if f.takes(e) {
				b = fmt.Appendf(b, "id: %s-%d\nevent: %s\ndata: %s\n\n", s.epoch, first+uint64(i), e.header, e.body)
			}
		}
		next = first + uint64(len(list))
		if b != nil && out.flush(b) != nil {
			return
		}
		select {
		case <-more:
		case <-alive.C:
			if out.flush([]byte(": \n\n")) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// writer sends pieces of a stream at once.
type writer struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (o writer) flush(b []byte) error {
	o.rc.SetWriteDeadline(time.Now().Add(eventTimeout)) // a writer that knows no deadlines has none to set
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.rc.Flush()
}

// filter is what a client wants to hear; nil stands for all.
type filter struct{ types, applications, processes, identifiers []string }

func newFilter(q url.Values) (*filter, error) {
	list := func(name string) (all []string) {
		for _, value := range q[name] {
			all = append(all, strings.Split(value, ",")...)
		}
		return all
	}
	f := &filter{applications: list("application"), processes: list("process"), identifiers: list("identifier")}
	for _, word := range list("type") {
		others, isWord := words[word]
		if !isWord && !slices.Contains(headers, word) {
			return nil, fmt.Errorf("INCORRECT_PARAMETERS: type: %s is none of %s, state, statistics, all", word, strings.Join(headers, ", "))
		}
		f.types = append(append(f.types, word), others...)
	}
	return f, nil
}

func (f *filter) takes(e *event) bool {
	if f.types != nil && !slices.Contains(f.types, e.header) {
		return false
	}
	if f.applications == nil && f.processes == nil && f.identifiers == nil {
		return true
	}
	e.parse.Do(func() { _ = json.Unmarshal(e.body, &e.facts) }) // what cannot be read has no facts
	is := &e.facts
	application, process, named := cmp.Or(is.Application, is.Group), cmp.Or(is.Process, is.Name), is.Namespec
	if group, name, ok := strings.Cut(is.Namespec, ":"); ok {
		application, process = group, name
	} else if named != "" {
		application, process = named, named
	}
	fits := func(wanted []string, values ...string) bool {
		return wanted == nil || slices.ContainsFunc(values, func(v string) bool { return v != "" && slices.Contains(wanted, v) })
	}
	return fits(f.applications, application) && fits(f.processes, process, application+":"+process) &&
		fits(f.identifiers, append(is.Identifiers, is.Identifier, is.Nick)...)
}

// describe is the operation of the stream in the OpenAPI document.
func (s *Stream) describe() rpc.Map {
	var parameters []any
	for _, p := range []struct{ name, doc, example string }{
		{"type", "kinds of events: " + strings.Join(headers, ", ") + ", state, statistics or all; several with commas", "process"},
		{"application", "names of applications", "shop"}, {"process", "names or namespecs of processes", "shop:cart"},
		{"identifier", "identifiers or nicks of instances", "node_a"},
	} {
		parameters = append(parameters, object("name", p.name, "in", "query", "description", p.doc, "schema", object("type", "string"), "example", p.example))
	}
	return object("tags", []any{"supvisors"}, "operationId", "get_events", "summary", "Follow what happens, as server-sent events.",
		"parameters", append(parameters, object("name", "Last-Event-ID", "in", "header", "description", "id of the last event that was seen",
			"schema", object("type", "string"))),
		"responses", object("200", object("description", "the events", "content", object("text/event-stream", object("schema", object("type", "string"))))))
}
