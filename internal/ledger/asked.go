package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
)

// asked is what was asked of this node and does not show yet in what happens. It has its times, since it comes on another way than the
// events: these times, and those of the processes, tell what came first.
type asked struct {
	wake chan struct{} // holds a token after something was added to starts

	mu     sync.Mutex
	starts []start
	taken  int                        // of starts: they were taken into account, but do not show yet
	causes map[process.Namespec]cause // of stops; of a whole group where no process is named
}

// start is an order to start a process, under the identifier of the agreement that it makes unless there is one.
type start struct {
	at    time.Time
	id    string
	order cluster.Order
}

// cause is why something stops.
type cause struct {
	at     time.Time
	reason int
	text   string
	early  int // the reason while the application is not completely started
}

func newAsked() asked {
	return asked{wake: make(chan struct{}, 1), causes: map[process.Namespec]cause{}}
}

// Ordered takes note of an order of the cluster that is about to be carried out here. It does not wait.
func (l *Ledger) Ordered(o cluster.Order) {
	now := time.Now()
	switch o.Action {
	case cluster.StopProcess:
		l.asked.stop(o.Namespec, ordered(o, now))
	case cluster.StartProcess:
		l.asked.start(start{now, l.newID(o.Namespec.Group), o})
	}
}

// ordered returns why a process stops that the cluster wants to be stopped.
func ordered(o cluster.Order, now time.Time) cause {
	c := cause{at: now, reason: Requested, text: o.Cause.String()}
	switch o.Cause {
	case cluster.ByDrain:
		c.reason = Unconfigured
	case cluster.ByFailure:
		c.early = DependencyFailed
	}
	return c
}

// Because tells why processes of an application are about to be stopped: one of the reasons of this package, and more about it, which may be
// "". It holds until the application has stopped or is started again. It does not wait.
func (l *Ledger) Because(group string, reason int, text string) {
	l.asked.stop(process.Namespec{Group: group}, cause{at: time.Now(), reason: reason, text: text})
}

// newID returns the identifier of a new agreement.
func (l *Ledger) newID(group string) string {
	self := l.cfg.Node()
	h := sha256.New()
	for _, text := range []string{self.Org, group, self.ID, rand.Text()} {
		h.Write([]byte(text + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (a *asked) stop(ns process.Namespec, c cause) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.causes[ns] = c
}

func (a *asked) start(s start) {
	a.mu.Lock()
	a.starts = append(a.starts, s)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// next returns the oldest start for which due is true.
func (a *asked) next(due func(start) bool) (start, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taken == len(a.starts) || !due(a.starts[a.taken]) {
		return start{}, false
	}
	a.taken++
	return a.starts[a.taken-1], true
}

// shown drops what was taken, since readers see now what came of it.
func (a *asked) shown() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.starts, a.taken = slices.Delete(a.starts, 0, a.taken), 0
}

// promised returns the identifier of the agreement that an order makes which does not show yet.
func (a *asked) promised(group string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.starts {
		if s.order.Namespec.Group == group {
			return s.id, true
		}
	}
	return "", false
}

// why returns why a process has stopped at a moment: because of what was said before about its group, since its start, else about itself.
// The zero time is now.
func (a *asked) why(ns process.Namespec, start, stop time.Time) (cause, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, said := a.causes[process.Namespec{Group: ns.Group}]; said && !c.at.Before(start) && (stop.IsZero() || !c.at.After(stop)) {
		return c, true
	}
	c, said := a.causes[ns]
	return c, said && (stop.IsZero() || !c.at.After(stop))
}

// forget drops what was said about a process or a group up to a moment.
func (a *asked) forget(ns process.Namespec, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.causes[ns].at.After(until) {
		delete(a.causes, ns)
	}
}

// before reports whether an order came before a change, of which it may be the cause. Not all changes have a time of their own; those that
// have not come between a start and an end that do.
func (s start) before(c process.Change) bool {
	at := c.Info.Start
	if (c.Info.State.IsStopped() || c.Info.State == process.Backoff) && c.Info.Stop.After(at) {
		at = c.Info.Stop
	}
	return !s.at.After(at)
}
