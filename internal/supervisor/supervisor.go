package supervisor

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/worker"
)

// Deps is what a Supervisor works with. Spawner, Log and Bus are needed.
type Deps struct {
	Spawner child.Spawner
	Log     *ActivityLog
	Bus     *event.Bus
	// Notify is told every event that is published here, after the bus. The events of one process come in order, and those about
	// groups as a whole. It may be called from several goroutines at once and must not wait, nor call the Supervisor.
	Notify func(event.Event)
	// Reload reads the configuration again, for Reread.
	Reload func() (*config.Config, error)

	Env []string // environment of the daemon, "NAME=value"
	// Inject returns what is added to the environment of the processes of a group when one is started, "NAME=value"; nil adds nothing. It must
	// not wait, nor call the Supervisor.
	Inject   func(group string) []string
	Syslog   io.Writer // for programs that log to syslog; nil for that of the system
	Disabled []string  // programs that are disabled from the beginning

	// Worker is told where the Supervisor stands, and of each tick. nil is told nothing.
	Worker *worker.Worker
}

// Supervisor is the process manager of this node. Its methods may be called from any goroutine.
type Supervisor struct {
	deps    Deps
	daemon  config.Supervisord
	state   atomic.Int32
	ending  chan struct{} // closed when the state leaves Running
	current atomic.Pointer[groups]
	loaded  atomic.Pointer[config.Config] // what the groups to come are made of
	syslog  io.Closer                     // nil unless it was opened here

	started atomic.Bool

	mu         sync.Mutex // of every change of the set of groups, and of:
	ended      bool
	disabled   map[string]bool   // programs
	obsolete   map[*managed]bool // to be removed from their groups when they have stopped
	background sync.WaitGroup    // goroutines that end with the work context
	work       context.Context
	stopWork   context.CancelFunc
}

// New returns a Supervisor with the groups of the configuration, all of them stopped. It publishes their PROCESS_GROUP_ADDED
// events.
func New(cfg *config.Config, deps Deps) (*Supervisor, error) {
	s := &Supervisor{deps: deps, daemon: cfg.Supervisord, ending: make(chan struct{}),
		disabled: map[string]bool{}, obsolete: map[*managed]bool{}}
	s.work, s.stopWork = context.WithCancel(context.Background())
	s.state.Store(int32(Running))
	s.loaded.Store(cfg)
	s.current.Store(newGroups(nil))
	for _, program := range deps.Disabled {
		s.disabled[program] = true
	}
	if deps.Syslog == nil {
		syslog, err := logfile.NewSyslog("supervisord", "")
		if err != nil {
			return nil, err
		}
		s.deps.Syslog, s.syslog = syslog, syslog
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.add(cfg.Groups...); err != nil {
		s.closeAll()
		return nil, err
	}
	return s, nil
}

// add makes groups active, all or none. The caller holds mu.
func (s *Supervisor) add(configs ...config.Group) error {
	var fresh []*group
	for _, cfg := range configs {
		g, err := s.build(cfg)
		if err != nil {
			for _, g := range fresh {
				g.close()
			}
			return fmt.Errorf("add group %s: %w", cfg.Name, err)
		}
		fresh = append(fresh, g)
	}
	s.current.Store(s.current.Load().with(fresh...))
	for _, g := range fresh {
		s.publish(event.GroupAdded{Group: g.config.Name})
	}
	return nil
}

// build makes a group with its actors.
func (s *Supervisor) build(cfg config.Group) (*group, error) {
	g := &group{config: cfg}
	if cfg.Listener != nil {
		var err error
		if g.pool, err = newPool(cfg, s.daemon.Identifier, s.deps.Bus, s.deps.Log.Logger); err != nil {
			return nil, err
		}
	}
	if cfg.Socket != nil {
		socket := &sharedSocket{config: *cfg.Socket, log: s.deps.Log.Logger}
		if err := socket.probe(); err != nil {
			return nil, err
		}
		g.socket = socket
	}
	var procs []*managed
	for _, spec := range cfg.Specs {
		m, err := s.manage(g, spec)
		if err != nil {
			g.withProcs(procs).close()
			return nil, err
		}
		procs = append(procs, m)
	}
	return g.withProcs(procs), nil
}

// manage makes the actor of one process of g and lets it run. The caller holds mu.
func (s *Supervisor) manage(g *group, spec *process.Spec) (*managed, error) {
	running, err := s.resolve(spec)
	if err != nil {
		return nil, err
	}
	m := &managed{spec: spec, running: running}
	var inject func() []string
	if s.deps.Inject != nil {
		inject = func() []string { return s.deps.Inject(spec.Group) }
	}
	m.Actor, err = child.New(child.Config{
		Spec: running, Spawner: s.deps.Spawner, Logger: s.deps.Log.Logger, Socket: g.socket,
		Env: s.deps.Env, Inject: inject, StripANSI: s.daemon.StripANSI, Syslog: s.deps.Syslog,
		Notify: func(c process.Change) { s.changed(g.pool, m, c) },
		Hooks:  s.hooks(g.pool, m),
	})
	if err != nil {
		return nil, err
	}
	if g.pool != nil {
		m.member = g.pool.join(spec.Name, m.Send)
	}
	m.Begin()
	if s.disabled[spec.Program] {
		if err := m.SetDisabled(s.work, true); err != nil {
			m.Close()
			return nil, err
		}
	}
	return m, nil
}

// autoFile is the name of a log file for which the daemon finds one.
const autoFile = "AUTO"

// resolve returns the spec to run: with files in place of the log name AUTO.
func (s *Supervisor) resolve(configured *process.Spec) (*process.Spec, error) {
	if configured.Stdout.File != autoFile && configured.Stderr.File != autoFile {
		return configured, nil
	}
	spec := *configured
	for _, l := range []struct {
		file    *string
		channel string
	}{{&spec.Stdout.File, "stdout"}, {&spec.Stderr.File, "stderr"}} {
		if *l.file != autoFile {
			continue
		}
		path, err := autoLog(s.daemon.ChildLogDir, spec.Name, l.channel, s.daemon.Identifier)
		if err != nil {
			return nil, err
		}
		*l.file = path
	}
	return &spec, nil
}

// changed is the one place that makes events of what becomes of a process. It is called by the actor, in order.
func (s *Supervisor) changed(p *pool, m *managed, c process.Change) {
	s.publish(event.StateChanged{Change: c})
	if p != nil {
		p.changed(m.member, c.Info.State)
	}
}

// hooks returns what is to be done with the output of a process besides its logs.
func (s *Supervisor) hooks(p *pool, m *managed) child.Hooks {
	source := func(pid int) event.Source { return event.Source{Group: m.spec.Group, Process: m.spec.Name, PID: pid} }
	h := child.Hooks{Capture: func(stream child.Stream, pid int, data []byte) {
		s.publish(event.ProcessCommunication{Source: source(pid), Channel: channel(stream), Data: slices.Clone(data)})
	}}
	// What a listener writes to stdout is its protocol, not a log.
	enabled := [...]bool{child.Stdout: m.spec.Stdout.EventsEnabled && !m.spec.Listener, child.Stderr: m.spec.Stderr.EventsEnabled}
	if enabled[child.Stdout] || enabled[child.Stderr] {
		h.Log = func(stream child.Stream, pid int, data []byte) {
			if enabled[stream] {
				s.publish(event.ProcessLog{Source: source(pid), Channel: channel(stream), Data: slices.Clone(data)})
			}
		}
	}
	if p != nil {
		h.Raw = func(stream child.Stream, data []byte) {
			if stream == child.Stdout {
				p.output(m.member, data)
			}
		}
	}
	return h
}

func channel(s child.Stream) event.Channel {
	if s == child.Stderr {
		return event.Stderr
	}
	return event.Stdout
}

// publish tells the world.
func (s *Supervisor) publish(ev event.Event) {
	s.deps.Bus.Publish(ev)
	if s.deps.Notify != nil {
		s.deps.Notify(ev)
	}
}

// close ends the actors of the group and then its pool. Children that still live are left to themselves.
func (g *group) close() {
	for _, m := range g.procs {
		m.Close()
	}
	for _, m := range g.procs {
		<-m.Done()
	}
	if g.pool != nil {
		g.pool.close()
	}
}

// drop ends one actor for good.
func (g *group) drop(m *managed) {
	m.Close()
	<-m.Done()
	if g.pool != nil {
		g.pool.leave(m.member)
	}
}

// closeAll ends everything that runs for this Supervisor. The caller holds mu.
func (s *Supervisor) closeAll() {
	s.ended = true
	s.stopWork()
	for _, g := range s.current.Load().added {
		g.close()
	}
	if s.syslog != nil {
		s.syslog.Close()
	}
	s.deps.Worker.Set(worker.Terminated)
}

// Programs returns the names of all programs of active groups, sorted.
func (s *Supervisor) Programs() []string {
	names := map[string]bool{}
	for _, m := range s.current.Load().lexical {
		names[m.spec.Program] = true
	}
	return slices.Sorted(maps.Keys(names))
}
