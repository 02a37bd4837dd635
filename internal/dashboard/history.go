package dashboard

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
)

// How much of the past is kept.
const (
	maxMoments   = 5000
	maxSequences = 10 // of each application
)

// history is what the Views of the past have told: since when things are as they are, and what happened in between. It belongs to the
// follower.
type history struct {
	core   []string // core_identifiers as configured
	nodes  map[string]nodePast
	apps   map[string]appPast
	starts map[process.Namespec]int
	// crashed are those whose last end nobody wanted. One that comes back by itself remains among them, as long as it is left alone.
	crashed map[process.Namespec]bool

	moments   []Moment
	next      uint64
	sequences map[string][]*Sequence
	open      map[string]*Sequence // that go on, by application
}

type nodePast struct {
	since  float64
	lost   []string // what was up there when it was lost
	missed string
}

type appPast struct{ since float64 }

func newHistory(core []string) *history {
	return &history{core: core, nodes: map[string]nodePast{}, apps: map[string]appPast{}, starts: map[process.Namespec]int{},
		crashed: map[process.Namespec]bool{}, moments: []Moment{}, next: 1, sequences: map[string][]*Sequence{}, open: map[string]*Sequence{}}
}

// snapshotMoments is how much of the timeline comes with a snapshot.
const snapshotMoments = 200

// latest returns the last moments, oldest first.
func (h *history) latest(n int) []Moment {
	return slices.Clone(h.moments[max(0, len(h.moments)-n):])
}

// news is what one View has added to the history.
type news struct {
	moments   []Moment
	sequences []*Sequence
}

// note adds a Moment.
func (h *history) note(n *news, m Moment) {
	m.ID = h.next
	h.next++
	if len(h.moments) >= maxMoments {
		h.moments = slices.Delete(h.moments, 0, maxMoments/10)
	}
	h.moments = append(h.moments, m)
	if n != nil {
		n.moments = append(n.moments, m)
	}
}

// compare notes what is different between two Views. Without one before, it only notes since when.
func (h *history) compare(before, v *cluster.View, now float64, clustered bool) (n news) {
	c := &comparison{history: h, news: &n, before: before, view: v, now: now}
	if clustered {
		c.cluster()
		c.instances()
	}
	c.applications()
	c.closeSequences()
	return n
}

// comparison is one look at two Views.
type comparison struct {
	*history
	news         *news
	before, view *cluster.View // before is nil at the beginning
	now          float64
}

func (c *comparison) tell(m Moment) {
	m.Time = c.now
	c.note(c.news, m)
}

func (c *comparison) nick(identifier string) string { return shower{view: c.view}.nick(identifier) }

func (c *comparison) cluster() {
	if c.before == nil {
		return
	}
	was, is := c.before.Self.Modes, c.view.Self.Modes
	if was.Master != is.Master && is.Master != "" {
		c.tell(Moment{Kind: "cluster", Level: "info", Node: is.Master, Text: fmt.Sprintf("%s is the Master, term %d", c.nick(is.Master), is.Term)})
	}
	if was.State != is.State {
		level := "info"
		switch is.State {
		case cluster.Operation:
			level = "good"
		case cluster.Conciliation:
			level = "bad"
		case cluster.Election, cluster.Restarting, cluster.ShuttingDown:
			level = "warn"
		}
		c.tell(Moment{Kind: "cluster", Level: level, Text: "the cluster is in " + is.State.String()})
	}
}

func (c *comparison) instances() {
	known := 0
	for i, n := range c.view.Instances {
		was := earlier(c.before, i, n)
		if was != nil {
			known++
		}
		if was == n {
			continue
		}
		past := c.nodes[n.Identifier]
		if was == nil || was.State != n.State {
			past.since = c.now
			c.moved(&past, was, n)
		}
		if was != nil && was.Standing != n.Standing {
			c.tell(Moment{Kind: "node", Level: "warn", Node: n.Identifier, Text: n.Nick + " is " + n.Standing.String()})
		}
		c.nodes[n.Identifier] = past
	}
	if c.before == nil || known == len(c.before.Instances) {
		return
	}
	for _, was := range c.before.Instances {
		if c.view.Instance(was.Identifier) == nil {
			delete(c.nodes, was.Identifier)
			c.tell(Moment{Kind: "node", Level: "info", Node: was.Identifier, Text: was.Nick + " has left the cluster for good"})
		}
	}
}

// earlier returns what a View before, which may be nil, shows of the node that is at place i now: mostly at the same place.
func earlier(before *cluster.View, i int, n *cluster.InstanceView) *cluster.InstanceView {
	switch {
	case before == nil:
		return nil
	case i < len(before.Instances) && (before.Instances[i] == n || before.Instances[i].Identifier == n.Identifier):
		return before.Instances[i]
	}
	return before.Instance(n.Identifier)
}

// moved notes that a node is in another state.
func (c *comparison) moved(past *nodePast, was, n *cluster.InstanceView) {
	switch n.State {
	case cluster.InstanceRunning, cluster.InstanceChecked, cluster.InstanceChecking:
		past.lost, past.missed = nil, ""
	default:
		if was != nil && (was.State == cluster.InstanceRunning || was.State == cluster.InstanceChecked) {
			past.lost = upOn(c.before, n.Identifier)
			past.missed = "it does not answer any more"
			if n.State == cluster.InstanceIsolated {
				past.missed = "it is fenced out"
			}
		}
	}
	if was == nil {
		return
	}
	m := Moment{Kind: "node", Level: "info", Node: n.Identifier, Text: n.Nick + " is " + n.State.String()}
	switch {
	case n.State == cluster.InstanceRunning:
		m.Level = "good"
	case past.missed != "" && (was.State == cluster.InstanceRunning || was.State == cluster.InstanceChecked):
		m.Level, m.Text = "bad", fmt.Sprintf("%s is lost: %s", n.Nick, past.missed)
		if len(past.lost) > 0 {
			m.Text += "; it held " + strings.Join(past.lost, ", ")
		}
	}
	c.tell(m)
}

// upOn lists what was up on a node.
func upOn(v *cluster.View, identifier string) (names []string) {
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			if slices.Contains(p.Running, identifier) {
				names = append(names, p.Namespec.String())
			}
		}
	}
	return names
}

func (c *comparison) applications() {
	var before []*cluster.ApplicationView
	if c.before != nil {
		before = c.before.Applications
	}
	for was, is := range cluster.Different(before, c.view.Applications, byName) {
		if is == nil {
			delete(c.apps, was.Name)
			delete(c.sequences, was.Name)
			delete(c.open, was.Name)
			c.tell(Moment{Kind: "configuration", Level: "info", App: was.Name, Text: was.Name + " is not configured any more"})
			continue
		}
		var processes []*cluster.ProcessView
		if was == nil || was.State != is.State {
			c.apps[is.Name] = appPast{since: c.now}
		}
		if was != nil {
			processes = was.Processes
		} else if c.before != nil {
			c.tell(Moment{Kind: "configuration", Level: "info", App: is.Name, Text: is.Name + " is configured"})
		}
		for old, p := range cluster.Different(processes, is.Processes, func(a, b *cluster.ProcessView) int {
			return strings.Compare(a.Namespec.Process, b.Namespec.Process)
		}) {
			if p != nil && c.before != nil {
				c.process(is, old, p)
			}
		}
		if was != nil {
			c.sequence(was, is)
		}
	}
}

// process notes what happened to a process.
func (c *comparison) process(app *cluster.ApplicationView, was, p *cluster.ProcessView) {
	name := p.Namespec.String()
	about := Moment{Kind: "process", Level: "info", App: app.Name, Process: name}
	for _, at := range p.Infos {
		var old *cluster.ProcessInfo
		if was != nil {
			old = was.At(at.Identifier)
		}
		if old == at.Info || old == nil && at.Info.State == process.Stopped {
			continue
		}
		if old != nil && old.Disabled != at.Info.Disabled {
			word := "enabled"
			if at.Info.Disabled {
				word = "disabled"
			}
			m := about
			m.Node, m.Text = at.Identifier, fmt.Sprintf("%s is %s on %s", name, word, c.nick(at.Identifier))
			c.tell(m)
		}
		if old != nil && old.State == at.Info.State && old.PID == at.Info.PID {
			continue
		}
		if at.Info.State == process.Running {
			c.starts[p.Namespec]++
		}
		switch {
		case failed(at.Info) || at.Info.State == process.Backoff:
			c.crashed[p.Namespec] = true
		case at.Info.State == process.Stopping, at.Info.State == process.Starting && !restarts(old):
			delete(c.crashed, p.Namespec)
		}
		c.tell(c.became(about, at))
	}
	if p.Reason != "" && (was == nil || was.Reason != p.Reason) {
		m := about
		m.Level, m.Text = "bad", fmt.Sprintf("%s is %s: %s", name, p.Shown, p.Reason)
		c.tell(m)
	}
	conflict := func(q *cluster.ProcessView) bool { return q != nil && app.Rules.Managed && len(q.Running) > 1 }
	about.Kind = "conflict"
	switch {
	case conflict(p) && !conflict(was):
		nicks := make([]string, len(p.Running))
		for i, id := range p.Running {
			nicks[i] = c.nick(id)
		}
		about.Level, about.Text = "bad", fmt.Sprintf("%s is up more than once: on %s", name, strings.Join(nicks, " and "))
		c.tell(about)
	case !conflict(p) && conflict(was):
		about.Level, about.Text = "good", name+" is not in conflict any more"
		c.tell(about)
	}
}

// restarts reports whether the Supervisor of a process may start it again by itself.
func restarts(info *cluster.ProcessInfo) bool {
	return info != nil && (info.State == process.Backoff || info.State == process.Exited && !info.Expected)
}

// became tells the state into which a process came on a node.
func (c *comparison) became(m Moment, at cluster.ProcessAt) Moment {
	info := at.Info
	m.Node, m.Text = at.Identifier, fmt.Sprintf("%s is %s on %s", m.Process, info.State, c.nick(at.Identifier))
	switch info.State {
	case process.Running:
		m.Level = "good"
	case process.Backoff:
		m.Level = "warn"
	case process.Fatal, process.Unknown:
		m.Level = "bad"
	case process.Exited:
		if !info.Expected {
			m.Level = "bad"
		}
	}
	var why []string
	for _, text := range []string{spawnErr(info), howEnded(info)} {
		if text != "" && info.State != process.Running && info.State != process.Starting && info.State != process.Stopping {
			why = append(why, text)
		}
	}
	if len(why) > 0 {
		m.Text += ": " + strings.Join(why, "; ")
	} else if info.PID > 0 {
		m.Text += fmt.Sprintf(", pid %d", info.PID)
	}
	return m
}

// sequence keeps the record of the start or the stop of an application. One that turns into the other is two.
func (c *comparison) sequence(was, is *cluster.ApplicationView) {
	kind := sequenceKinds[is.State]
	open := c.open[is.Name]
	if open != nil && kind != "" && kind != open.Kind {
		c.record(open, is)
		c.closeSequence(open)
		open = nil
	}
	if open == nil {
		if kind == "" || kind == sequenceKinds[was.State] {
			return
		}
		open = c.openSequence(is, kind)
		c.open[is.Name] = open
		records := append(c.sequences[is.Name], open)
		c.sequences[is.Name] = records[max(0, len(records)-maxSequences):]
	}
	c.record(open, is)
	c.tellSequence(open)
}

// sequenceKinds are the states of an application in which a sequence goes on.
var sequenceKinds = map[cluster.ApplicationState]string{cluster.ApplicationStarting: "start", cluster.ApplicationStopping: "stop"}

// tellSequence tells it as it is now: what was told is not changed any more.
func (c *comparison) tellSequence(s *Sequence) {
	told := *s
	told.Steps = slices.Clone(s.Steps)
	if i := len(c.news.sequences) - 1; i >= 0 && c.news.sequences[i].App == s.App && c.news.sequences[i].Began == s.Began {
		c.news.sequences[i] = &told
		return
	}
	c.news.sequences = append(c.news.sequences, &told)
}

// closeSequences ends the records of the applications that have come to rest. Between two numbers of a sequence an application rests too, but
// not the node that starts it.
func (c *comparison) closeSequences() {
	if len(c.open) == 0 || c.busy() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.open)) {
		if sequenceKinds[c.view.Application(name).State] == "" {
			c.closeSequence(c.open[name])
		}
	}
}

// closeSequence ends a record with its last step.
func (c *comparison) closeSequence(s *Sequence) {
	delete(c.open, s.App)
	for _, step := range s.Steps {
		s.Ended = max(s.Ended, step.Ended)
	}
	if s.Ended == 0 {
		s.Ended = c.now
	}
	c.tellSequence(s)
}

// busy reports whether any node has starts or stops in progress.
func (c *comparison) busy() bool {
	return slices.ContainsFunc(c.view.Instances, func(n *cluster.InstanceView) bool {
		return n.State == cluster.InstanceRunning && (n.Modes.Starting || n.Modes.Stopping)
	})
}

// openSequence begins a record in which all processes wait that belong to the sequence.
func (c *comparison) openSequence(app *cluster.ApplicationView, kind string) *Sequence {
	s := &Sequence{App: app.Name, Kind: kind, Began: c.now, Steps: []Step{}}
	for _, p := range app.Processes {
		up := p.State.IsRunning() || p.State == process.Stopping
		number := p.Rules.StartSequence
		if s.Kind == "stop" {
			number = p.Rules.StopSequence
		}
		if s.Kind == "start" && number > 0 && p.State != process.Running || s.Kind == "stop" && up {
			step := Step{Process: p.Namespec.String(), Number: number, State: p.Shown.String()}
			if moving(p) {
				step.Began = c.now
				if last := lastCopy(p); last != nil {
					step.Node = last.Identifier
				}
			}
			s.Steps = append(s.Steps, step)
		}
	}
	return s
}

// moving reports whether a process is on its way up or down.
func moving(p *cluster.ProcessView) bool {
	return p.Shown == process.Starting || p.Shown == process.Backoff || p.Shown == process.Stopping
}

// record brings the steps of a sequence up to date.
func (c *comparison) record(s *Sequence, app *cluster.ApplicationView) {
	for _, p := range app.Processes {
		name := p.Namespec.String()
		i := slices.IndexFunc(s.Steps, func(step Step) bool { return step.Process == name })
		if i < 0 {
			if !p.State.IsRunning() || p.State == process.Running {
				continue
			}
			s.Steps = append(s.Steps, Step{Process: name, Number: p.Rules.StartSequence})
			i = len(s.Steps) - 1
		}
		step, state := &s.Steps[i], p.Shown.String()
		moved := step.State != state
		if !moved {
			continue
		}
		if step.Began == 0 {
			step.Began = c.now
		}
		if p.Shown == process.Backoff {
			step.Retries++
		}
		step.State, step.Ended, step.Text = state, 0, ""
		last := lastCopy(p)
		if last != nil {
			step.Node = last.Identifier
		}
		if !moving(p) {
			step.Ended = c.now
			step.Text = shower{view: c.view, past: c.history}.why(p, last)
		}
	}
	slices.SortStableFunc(s.Steps, func(a, b Step) int {
		order := cmp.Compare(a.Number, b.Number)
		if s.Kind == "stop" {
			order = -order
		}
		return cmp.Or(cmp.Compare(began(a), began(b)), order)
	})
}

// began orders what waits behind all that has begun.
func began(s Step) float64 {
	if s.Began == 0 {
		return math.MaxFloat64
	}
	return s.Began
}
