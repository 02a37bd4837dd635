package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// What is kept of the past.
const (
	maxAgreements = 1000
	maxInstances  = 100
)

// Config is what a Ledger works with. Path, Log, Supervisor, Node and Application are needed. The functions are called from any goroutine
// and must not wait.
type Config struct {
	Path        string // of the file; its directory exists
	Log         *journal.Log
	Supervisor  Supervisor
	Cluster     Cluster // nil without a cluster
	Node        func() journal.Node
	Application func(group string) agent.Application
	// Definition returns the RecordID of the present configuration of a group. nil knows none.
	Definition func(group string) string
	// Exchange returns the URL by which the Master is asked, "" without one. nil is a node without cluster.
	Exchange func() string
	// Environment returns what a process is started with, for the record. nil records nothing.
	Environment func(*process.Spec) map[string]string
	// ContainerID returns what stands for the container of a process. nil leaves it empty.
	ContainerID func(process.Info) string
	// All has agreements made with this node itself about what the cluster did not order.
	All    bool
	Logger *slog.Logger
}

// Supervisor is what a Ledger wants to know of the process manager: *supervisor.Supervisor.
type Supervisor interface {
	Process(process.Namespec) (supervisor.Process, error)
	Group(name string) (supervisor.Group, error)
	Processes() []supervisor.Process
}

// Cluster is what it wants to know of the cluster: *node.Node.
type Cluster interface{ View() *cluster.View }

// Events are the types of events that the subscription given to Run brings.
func Events() []event.Type {
	return []event.Type{event.TypeProcessState, event.TypeProcessGroupRemoved, event.TypeProcessRemoved,
		event.TypeSupervisorStateChangeStopping}
}

// Ledger is the history of a node. Its methods may be called from any goroutine.
type Ledger struct {
	cfg   Config
	asked asked
	shown atomic.Pointer[shown]
	store *store
	book  // of Run
}

// book is what only the goroutine of Run knows.
type book struct {
	apps     map[string]*application
	overdue  map[*application]struct{} // those that something is expected of
	watched  watched
	past     shown // what is to be shown next, but for the live part of what was touched
	touched  map[string]struct{}
	key      uint64
	lost     uint64 // events that the bus has dropped
	missed   uint64 // of those it was told
	stopping bool   // the daemon is
	changed  bool   // past is not what is shown, even without what was touched
}

// shown is what readers see. It is never changed.
type shown struct {
	live     map[string]live          // by group
	archived []entry[agent.Agreement] // oldest first
	ended    []entry[agent.Instance]
}

// live is what is under way of an application.
type live struct {
	agreement entry[agent.Agreement] // may be ending; without value there is none
	run       *run                   // nil when nothing runs
}

// entry is something that is kept, under its number in the file.
type entry[T any] struct {
	key   uint64
	value *T
}

// Open opens the history, made if there is none. Agreements that the last run of the daemon has left open are closed. It is an error if
// another process holds the file. Run or Close must follow.
func Open(cfg Config) (*Ledger, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Ledger{cfg: cfg, asked: newAsked(), book: book{apps: map[string]*application{}, overdue: map[*application]struct{}{},
		touched: map[string]struct{}{}, past: shown{live: map[string]live{}}}}
	l.watched.lost = map[string]bool{}
	s, found, err := openStore(cfg)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	l.store, l.key = s, found.last
	for _, e := range found.agreements {
		if !e.value.Archived {
			abandon(e.value, time.Now())
			s.put(kept{agreementsBucket, e.key}, e.value)
			l.recordEnded(e.value)
		}
		l.past.archived = append(l.past.archived, e)
	}
	slices.SortStableFunc(l.past.archived, func(a, b entry[agent.Agreement]) int {
		return int(a.value.Terminated) - int(b.value.Terminated)
	})
	l.past.ended = found.instances
	l.trim()
	l.publish()
	s.everything = l.everything
	go s.run()
	return l, nil
}

// abandon closes an agreement of a run of the daemon that did not end in order.
func abandon(a *agent.Agreement, now time.Time) {
	a.ForceTerminated, a.Archived = agent.At(now), true
	if a.Terminated == 0 {
		a.Terminated, a.Reason, a.ReasonDescription = agent.At(now), NodeLost, describe(NodeLost, "")
	}
}

// Close writes what is pending. Run must have ended.
func (l *Ledger) Close() error { return l.store.close() }

// Agreements returns all agreements: those that are open by group, then those of the past, oldest first.
func (l *Ledger) Agreements() []agent.Agreement {
	s := l.shown.Load()
	var all []agent.Agreement
	for _, group := range slices.Sorted(maps.Keys(s.live)) {
		if a := s.live[group].agreement.value; a != nil {
			all = append(all, *a)
		}
	}
	for _, e := range s.archived {
		all = append(all, *e.value)
	}
	return all
}

// Agreement returns the identifier of the agreement by which an application runs here, also of one that was ordered a moment ago.
func (l *Ledger) Agreement(group string) (id string, ok bool) {
	if a := l.shown.Load().live[group].agreement.value; a != nil && a.Terminated == 0 {
		return a.ID, true
	}
	if l.agrees(group) {
		return l.asked.promised(group)
	}
	return "", false
}

// agrees reports whether an order about an application makes an agreement.
func (l *Ledger) agrees(group string) bool {
	app := l.view().Application(group)
	return l.cfg.All || app != nil && app.Rules.Managed
}

func (l *Ledger) view() *cluster.View {
	if l.cfg.Cluster == nil {
		return &cluster.View{Self: &cluster.InstanceView{}}
	}
	return l.cfg.Cluster.View()
}

// Run writes the history until ctx ends or the bus of sub is closed. watch may be nil.
func (l *Ledger) Run(ctx context.Context, sub *event.Subscription, watch *node.Watch) {
	var views <-chan *cluster.View
	if watch != nil {
		views = watch.C
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer l.publish()
	if !l.drain(sub) {
		return
	}
	l.survey(true)
	for {
		l.catchUp()
		l.publish()
		timer.Reset(l.nextDeadline())
		select {
		case n, open := <-sub.C:
			if !open || !l.take(n, sub) {
				return
			}
		case <-l.asked.wake:
			until := time.Now() // what has happened up to now is queued
			if !l.drain(sub) {
				return
			}
			l.beginUntil(func(s start) bool { return !s.at.After(until) })
		case v := <-views:
			l.look(v)
		case <-timer.C:
			l.expire(time.Now())
		case <-ctx.Done():
			l.drain(sub)
			return
		}
	}
}

// batch is after how many events what readers see is brought up to date at least.
const batch = 256

// take takes an event into account, and those that wait behind it.
func (l *Ledger) take(n event.Notice, sub *event.Subscription) (open bool) {
	l.notice(n)
	return l.drain(sub)
}

// drain takes into account what waits. It reports false when nothing will come any more.
func (l *Ledger) drain(sub *event.Subscription) (open bool) {
	for taken := 1; ; taken++ {
		select {
		case n, open := <-sub.C:
			if !open {
				return false
			}
			l.notice(n)
		default:
			return true
		}
		if taken%batch == 0 {
			l.publish()
		}
	}
}

func (l *Ledger) notice(n event.Notice) {
	switch ev := n.Event.(type) {
	case event.StateChanged:
		l.beginUntil(func(s start) bool { return s.before(ev.Change) })
		l.change(ev.Change)
	case event.GroupRemoved:
		l.remove(ev.Group)
	case event.ProcessRemoved:
		if app := l.apps[ev.Info.Group]; app != nil {
			app.drop(ev.Info.Name)
		}
	case event.SupervisorStopping:
		l.stopping = true
	}
	l.lost = n.Lost
}

// catchUp makes up for events that the bus has dropped.
func (l *Ledger) catchUp() {
	if l.lost > l.missed {
		l.cfg.Logger.Warn("ledger has missed events", "count", l.lost-l.missed)
		l.missed = l.lost
		l.survey(false)
	}
}

// touch has an application shown anew.
func (l *Ledger) touch(app *application) { l.touched[app.name] = struct{}{} }

// publish shows readers what has changed, and has it written.
func (l *Ledger) publish() {
	defer l.asked.shown()
	if len(l.touched) == 0 && !l.changed {
		return
	}
	next := l.past
	next.live = maps.Clone(l.past.live)
	for name := range l.touched {
		app := l.apps[name]
		if app == nil || app.agreement == nil && app.run == nil {
			delete(next.live, name)
			continue
		}
		now := live{}
		if a := app.agreement; a != nil {
			if a.shown == nil {
				a.shown = a.copy()
				l.store.put(kept{agreementsBucket, a.key}, a.shown)
			}
			now.agreement = entry[agent.Agreement]{a.key, a.shown}
		}
		if app.run != nil {
			r := *app.run
			now.run = &r
		}
		next.live[name] = now
	}
	clear(l.touched)
	l.changed, l.past.live = false, next.live
	l.shown.Store(&next)
}

// everything returns what the file has to hold.
func (l *Ledger) everything() map[kept]any {
	all := map[kept]any{}
	s := l.shown.Load()
	for _, e := range s.archived {
		all[kept{agreementsBucket, e.key}] = e.value
	}
	for _, app := range s.live {
		if e := app.agreement; e.value != nil {
			all[kept{agreementsBucket, e.key}] = e.value
		}
	}
	for _, e := range s.ended {
		all[kept{instancesBucket, e.key}] = e.value
	}
	return all
}

// archiveAgreement and archiveInstance add to what is past.
func (l *Ledger) archiveAgreement(key uint64, a *agent.Agreement) {
	l.past.archived = append(l.past.archived, entry[agent.Agreement]{key, a})
	l.store.put(kept{agreementsBucket, key}, a)
	l.trim()
}

func (l *Ledger) archiveInstance(i *agent.Instance) {
	l.key++
	l.past.ended = append(l.past.ended, entry[agent.Instance]{l.key, i})
	l.store.put(kept{instancesBucket, l.key}, i)
	l.trim()
}

// trim keeps the past in its bounds.
func (l *Ledger) trim() {
	for ; len(l.past.archived) > maxAgreements; l.past.archived = l.past.archived[1:] {
		l.store.put(kept{agreementsBucket, l.past.archived[0].key}, nil)
	}
	for ; len(l.past.ended) > maxInstances; l.past.ended = l.past.ended[1:] {
		l.store.put(kept{instancesBucket, l.past.ended[0].key}, nil)
	}
	l.changed = true
}
