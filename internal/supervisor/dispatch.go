package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// dispatcher decides which listener of a pool works on which event, by Supervisor's rules: events go out in order, each to
// the first listener that is RUNNING and READY; an event that was not processed goes to the head of the buffer; a full buffer
// loses its oldest event. It belongs to one goroutine and waits for nothing.
type dispatcher struct {
	server, pool string
	size         int // of the buffer, buffer_size
	log          *slog.Logger

	members []*member
	buffer  backlog
	serial  uint64 // of the next event in the pool
	missed  uint64 // events that the bus has dropped before the pool could take them

	// for those who only look, and never wait:
	queued  atomic.Int64  // length of the buffer
	dropped atomic.Uint64 // events lost, be it by the bus or by the buffer
}

// pooled is an event with its two serials.
type pooled struct {
	serial, poolSerial uint64
	event              event.Event
}

// backlog is a queue of events that wait. What it costs to take one does not depend on how many there are.
type backlog struct {
	events []pooled
	head   int // those before it have gone
}

func (b *backlog) len() int      { return len(b.events) - b.head }
func (b *backlog) first() pooled { return b.events[b.head] }
func (b *backlog) push(p pooled) { b.events = append(b.events, p) }

func (b *backlog) pop() {
	b.events[b.head] = pooled{}
	if b.head++; b.head > len(b.events)/2 { // what is moved was paid for by as many pops
		n := copy(b.events, b.events[b.head:])
		clear(b.events[n:])
		b.events, b.head = b.events[:n], 0
	}
}

// putBack puts an event before all others.
func (b *backlog) putBack(p pooled) {
	if b.head == 0 {
		b.events = slices.Insert(b.events, 0, p)
		return
	}
	b.head--
	b.events[b.head] = p
}

// member is one listener process of the pool.
type member struct {
	name string
	// write sends bytes to the stdin of the process without waiting for it. When that goes wrong, refused is to be called
	// with the same talk.
	write   func(data []byte, talk *event.Listener)
	talk    *event.Listener // of the present child
	running bool
	deaf    bool    // stdin is closed: the present child gets nothing more
	working *pooled // the event it was sent last, until it answers
}

// accept buffers an event from the bus.
func (d *dispatcher) accept(n event.Notice) {
	if n.Lost > d.missed {
		d.log.Error(fmt.Sprintf("pool %s event buffer overflowed, discarding %d events", d.pool, n.Lost-d.missed))
		d.dropped.Add(n.Lost - d.missed)
		d.missed = n.Lost
	}
	d.makeRoom()
	d.buffer.push(pooled{n.Serial, d.serial, n.Event})
	d.serial++
	d.dispatch()
}

// rebuffer puts an event that was not processed before all others.
func (d *dispatcher) rebuffer(m *member) {
	p := m.working
	if p == nil {
		return
	}
	m.working = nil
	d.debug("rebuffering event %d for pool %s (buf size=%d, max=%d)", p.serial, d.pool, d.buffer.len(), d.size)
	d.makeRoom()
	d.buffer.putBack(*p)
}

// makeRoom discards the oldest event of a full buffer.
func (d *dispatcher) makeRoom() {
	if d.buffer.len() < d.size || d.buffer.len() == 0 {
		return
	}
	d.log.Error(fmt.Sprintf("pool %s event buffer overflowed, discarding event %d", d.pool, d.buffer.first().serial))
	d.buffer.pop()
	d.dropped.Add(1)
}

// debug writes a line that is made only for those who want to read it.
func (d *dispatcher) debug(format string, args ...any) {
	if d.log.Enabled(context.Background(), slog.LevelDebug) {
		d.log.Debug(fmt.Sprintf(format, args...))
	}
}

// changed takes note of a new state of a listener process.
func (d *dispatcher) changed(m *member, state process.State) {
	m.running = state == process.Running
	switch {
	case state == process.Starting:
		m.talk, m.deaf = event.NewListener(), false
	case state.IsStopped() || state == process.Backoff: // its child is gone
		d.rebuffer(m)
	}
	d.dispatch()
}

// output takes what a listener process wrote to its stdout.
func (d *dispatcher) output(m *member, data []byte) {
	for _, r := range m.talk.Feed(data) {
		d.react(m, r)
	}
	d.dispatch()
}

func (d *dispatcher) react(m *member, r event.Reaction) {
	switch r.Outcome {
	case event.Processed:
		d.debug("%s: event was processed", m.name)
	case event.Rejected:
		d.log.Warn(m.name + ": event was rejected")
	case event.BadResult:
		d.log.Warn(fmt.Sprintf("%s: bad result line: '%s'", m.name, r.Line))
	}
	d.debug("%s: %s -> %s", m.name, r.From, r.To)
	if r.To == event.ListenerUnknown {
		d.log.Warn(m.name + ": has entered the UNKNOWN state and will no longer receive events, " +
			"this usually indicates the process violated the eventlistener protocol")
	}
	if r.Outcome == event.Rejected || r.Outcome == event.BadResult {
		d.rebuffer(m)
	}
	m.working = nil
}

// refused takes note that an event could not be written to the child of that talk; another listener gets it.
func (d *dispatcher) refused(m *member, talk *event.Listener) {
	if m.talk != talk || m.working == nil {
		return // the child is gone, and the event was given back
	}
	d.debug("epipe occurred while sending event %d to listener %s", m.working.serial, m.name)
	m.deaf = true
	d.rebuffer(m)
	d.dispatch()
}

// remove forgets a listener.
func (d *dispatcher) remove(m *member) {
	d.members = slices.DeleteFunc(d.members, func(o *member) bool { return o == m })
	m.running = false
	d.rebuffer(m)
	d.dispatch()
}

// dispatch sends events as long as there are listeners for them.
func (d *dispatcher) dispatch() {
	for d.buffer.len() > 0 && d.send(d.buffer.first()) {
		d.buffer.pop()
	}
	d.queued.Store(int64(d.buffer.len()))
}

// send gives the event to the first listener that takes it.
func (d *dispatcher) send(p pooled) bool {
	for _, m := range d.members {
		if !m.running || m.deaf || m.talk.State() != event.ListenerReady {
			continue
		}
		envelope := event.Envelope{Server: d.server, Pool: d.pool, Serial: p.serial, PoolSerial: p.poolSerial}
		m.talk.Send()
		m.working = &p
		m.write(envelope.Encode(p.event), m.talk)
		d.debug("event %d sent to listener %s", p.serial, m.name)
		return true
	}
	return false
}
