package supervisor

import (
	"log/slog"
	"sync"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// poolQueue is how many events may wait on their way from the bus to the buffer of a pool, at least.
const poolQueue = 1024

// pool connects a dispatcher with the bus and with its listener processes. Whoever has news for the dispatcher takes the lock;
// nothing is waited for under it.
type pool struct {
	sub  *event.Subscription
	work sync.WaitGroup

	mu         sync.Mutex
	dispatcher dispatcher
}

// newPool subscribes to the events of an [eventlistener:x].
func newPool(g config.Group, server string, bus *event.Bus, log *slog.Logger) (*pool, error) {
	var types []event.Type
	for _, name := range g.Listener.Events {
		t, err := event.ParseType(name)
		if err != nil {
			return nil, err
		}
		types = append(types, t)
	}
	size := g.Listener.BufferSize
	p := &pool{sub: bus.Subscribe(max(size, poolQueue), types...)}
	p.dispatcher = dispatcher{server: server, pool: g.Name, size: size, log: log}
	p.work.Go(p.run)
	return p, nil
}

func (p *pool) run() {
	for n := range p.sub.C {
		p.mu.Lock()
		p.dispatcher.accept(n)
		p.mu.Unlock()
	}
}

// join makes a process a listener of the pool.
func (p *pool) join(name string, send func(data []byte, failed func(error))) *member {
	m := &member{name: name, talk: event.NewListener()}
	m.write = func(data []byte, talk *event.Listener) {
		send(data, func(error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.dispatcher.refused(m, talk)
		})
	}
	p.mu.Lock()
	p.dispatcher.members = append(p.dispatcher.members, m)
	p.mu.Unlock()
	return m
}

// leave takes a listener out of the pool; the event it worked on goes to another one.
func (p *pool) leave(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dispatcher.remove(m)
}

func (p *pool) changed(m *member, state process.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dispatcher.changed(m, state)
}

func (p *pool) output(m *member, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dispatcher.output(m, data)
}

// describe never waits.
func (p *pool) describe(name string) Pool {
	d := &p.dispatcher
	return Pool{Name: name, Queued: int(d.queued.Load()), Size: d.size, Dropped: d.dropped.Load()}
}

// close ends the subscription and waits for what is under way.
func (p *pool) close() {
	p.sub.Close()
	p.work.Wait()
}
