package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// SyncOptions is a set of options.
type SyncOptions [rules.SyncUser + 1]bool

// minSynchro is how long a node with the CORE option waits at least for the others (Supvisors' SYNCHRO_TIMEOUT_MIN).
const minSynchro = 15 * time.Second

// Config is what a Core must know of its node.
type Config struct {
	Self      string     // identifier of this node
	Epoch     string     // identifies this run of the node
	Term      uint64     // term kept on disk by the previous run
	Instances []Identity // the nodes of supvisors_list, in its order, this one included
	Core      []string   // core_identifiers as written: identifiers, nicks or stereotypes

	Sync         SyncOptions
	SyncTimeout  time.Duration
	AutoFence    bool
	Failure      rules.FailureStrategy
	Starting     rules.StartingStrategy
	Conciliation rules.ConciliationStrategy
	Discovery    bool
	// Strict isolates a node that has other strategies; else it is only named in the log.
	Strict bool
	// WaitExitLimit ends the wait for the exit of a wait_exit program; 0 waits for ever, as Supvisors does.
	WaitExitLimit time.Duration
	// LockLimit ends the wait of the cluster's own jobs for an update lock; 0 waits for ever.
	LockLimit time.Duration
	Rules     *rules.Set // nil when there is no rules file
	Processes []ProcessInfo
}

// Core is the cluster as one node knows it, and what it is about to do. See the package documentation.
type Core struct {
	cfg   Config
	now   time.Time
	start time.Time // entry in OFF, from which the synchronization is timed
	wall  float64   // wall clock of the last local tick, advanced by the time since
	ticks time.Time // when that tick came

	nodes []*node // supvisors_list order, then discovery order
	byID  map[string]*node
	self  *node
	// running caches runners, nil when it is out of date.
	running []*node
	apps    []*application // sorted by name
	byApp   map[string]*application
	seq     uint64
	shared  Modes // the Modes as last shared

	starter, stopper sequencer
	// placed is told of each start before it is ordered; only a prediction wants to know.
	placed        func(j *job, cmd *command, n *node, no refusals)
	afterStop     []restart
	failures      failureHandler
	lost          []*proc // lost with a node or crashed during an election, not yet taken care of by a Master
	conciliated   []*proc // conflicts of the last automatic conciliation
	conciliatedAt time.Time
	pending       []pendingRequest
	tellBy        time.Time // until when a Master that ends the cluster waits for the others to know
	returned      bool      // a node serves again, and has yet to be filled
	ending        *End      // to be carried out at the end of the Step

	effects []Effect
}

// New returns the Core of a node that knows nobody yet. The first event must be a LocalTick.
func New(now time.Time, cfg Config) *Core {
	c := &Core{cfg: cfg, now: now, start: now, byID: map[string]*node{}, byApp: map[string]*application{}}
	for _, id := range cfg.Instances {
		c.addNode(id)
	}
	c.self = c.byID[cfg.Self]
	if c.self == nil {
		panic(fmt.Sprintf("cluster: %s is not one of its own instances", cfg.Self))
	}
	c.starter = sequencer{lowFirst: true}
	c.self.epoch = cfg.Epoch
	m := &c.self.modes
	m.Term, m.Discovery, m.Instances = cfg.Term, cfg.Discovery, make(map[string]InstanceState, len(c.nodes))
	for _, n := range c.nodes {
		m.Instances[n.id.Identifier] = InstanceStopped
	}
	for i := range cfg.Processes {
		c.storeProcess(c.self, &cfg.Processes[i])
	}
	c.shared = *m
	return c
}

// Step takes one event into account and returns what must be done, in order. The slice belongs to the caller.
func (c *Core) Step(now time.Time, ev Event) []Effect {
	c.resume(now)
	c.apply(ev)
	c.settle()
	c.shareModes()
	c.answerPending()
	if c.ending != nil { // the peers have heard of it, and the clients have their answers
		c.emit(*c.ending)
		c.ending = nil
	}
	effects := c.effects // those of New come with the first Step
	c.effects = nil
	return effects
}

// resume sets the time. A node steps at least at each tick; after a longer pause it was frozen, and what it waited for has had no
// chance to be heard of: the deadlines move by as much.
func (c *Core) resume(now time.Time) {
	pause := now.Sub(c.now)
	c.now = now
	if pause < 2*tickPeriod {
		return
	}
	c.log(Warn, "nothing happened for %s: deadlines are put off", pause.Round(time.Second))
	later := func(cmd *command) {
		if !cmd.deadline.IsZero() {
			cmd.deadline = cmd.deadline.Add(pause)
		}
	}
	c.starter.eachCurrent(later)
	c.stopper.eachCurrent(later)
	for _, n := range c.nodes {
		n.checkBy = n.checkBy.Add(pause)
	}
}

func (c *Core) apply(ev Event) {
	switch ev := ev.(type) {
	case LocalTick:
		c.localTick(ev.Tick)
	case Timer:
	case PeerJoined:
		c.peerJoined(ev)
	case PeerLeft:
		c.peerLeft(ev)
	case PeerReport:
		c.peerReport(&ev.Report)
	case PeerDelta:
		c.peerDelta(ev)
	case LocalProcess:
		c.localProcess(ev.Info)
	case LocalRemoved:
		c.localRemoved(ev.Namespec)
	case LocalLocks:
		c.localLocks(ev.Applications)
	case LocalRules:
		c.localRules(ev.Rules)
	case LocalStanding:
		c.localStanding(ev.Standing)
	case Ask:
		c.ask(ev)
	case Cancel:
		c.cancel(ev.ID)
	case OrderFailed:
		c.orderFailed(ev)
	case OrderReceived:
		c.orderReceived(ev)
	default:
		panic(fmt.Sprintf("cluster: unknown event %T", ev))
	}
}

// Deadline returns the next time at which a Timer event is needed, and false when nothing is timed.
func (c *Core) Deadline() (time.Time, bool) {
	var at time.Time
	earlier := func(t time.Time) {
		// what is due already and did not change anything is looked at again with the next event
		if t.After(c.now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if c.state() == Synchronization || c.state() == Off {
		if c.cfg.Sync[rules.SyncTimeout] {
			earlier(c.start.Add(c.cfg.SyncTimeout))
		}
		if c.cfg.Sync[rules.SyncCore] {
			earlier(c.start.Add(minSynchro))
		}
	}
	for _, n := range c.nodes {
		if n.state == InstanceChecking {
			earlier(n.checkBy)
		}
	}
	c.starter.eachCurrent(func(cmd *command) { earlier(cmd.deadline) })
	c.stopper.eachCurrent(func(cmd *command) { earlier(cmd.deadline) })
	return at, !at.IsZero()
}

// Report returns all that this node tells the others about itself.
func (c *Core) Report() Report {
	r := Report{Identity: c.self.id, Epoch: c.cfg.Epoch, Seq: c.seq, Consistent: c.consistent(),
		Modes: c.shared, Tick: c.self.tick}
	for _, app := range c.apps {
		for _, p := range app.procs {
			if info := p.infos[c.self]; info != nil {
				r.Processes = append(r.Processes, *info)
			}
		}
	}
	r.Forced = append(r.Forced, c.self.forced...)
	r.Locks, r.Standing = slices.Clone(c.self.locks), c.self.standing
	return r
}

func (c *Core) consistent() Consistent {
	return Consistent{AutoFence: c.cfg.AutoFence, Starting: c.cfg.Starting.String(),
		Conciliation: c.cfg.Conciliation.String(), Failure: c.cfg.Failure.String()}
}

// share publishes a change of the own Report.
func (c *Core) share(d Delta) {
	c.seq++
	c.emit(Share{Seq: c.seq, Delta: d})
}

// shareModes publishes the own modes when they are not what the others know.
func (c *Core) shareModes() {
	m := &c.self.modes
	m.Starting, m.Stopping, m.Lost = c.starter.busy(), c.stopper.busy(), c.lostNames()
	if d, ok := changeOfModes(&c.shared, m); ok {
		c.shared = *m
		c.share(d)
		c.touchNode(c.self)
	}
}

func (c *Core) emit(e Effect) { c.effects = append(c.effects, e) }

func (c *Core) log(level Level, format string, args ...any) {
	c.emit(Log{Level: level, Message: fmt.Sprintf(format, args...)})
}

// localTick keeps the clocks of this node; the first one lets it into its own cluster.
func (c *Core) localTick(t Tick) {
	c.self.tick, c.self.tickAt, c.self.localTick = t, c.now, t
	c.wall, c.ticks = t.Wall, c.now
	c.takePart()
	c.share(Delta{Tick: &t})
	c.touchNode(c.self)
}

// wallNow returns the wall clock of this node, as of its last tick plus the monotonic time since.
func (c *Core) wallNow() float64 {
	if c.ticks.IsZero() {
		return 0
	}
	return c.wall + seconds(c.now.Sub(c.ticks))
}

func (c *Core) localProcess(info ProcessInfo) {
	if p := c.find(info.Namespec()); p != nil {
		if old := p.infos[c.self]; old != nil {
			info.HasCrashed = info.HasCrashed || old.HasCrashed
		}
	}
	info.HasCrashed = info.HasCrashed || info.crashed()
	sent := info
	c.share(Delta{Process: &sent})
	c.processEvent(c.self, &info)
}

func (c *Core) localLocks(applications []string) {
	if slices.Equal(applications, c.self.locks) {
		return
	}
	locks := slices.Clone(applications)
	c.self.locks = slices.Clone(locks)
	c.share(Delta{Locks: &locks})
	c.touchNode(c.self)
}

func (c *Core) localRemoved(ns process.Namespec) {
	c.share(Delta{Removed: &ns})
	c.removeProcess(c.self, ns)
}
