// Package clustertest runs whole Supvisors clusters in one goroutine: real Cores, and a simulated world of gossip, ordered streams,
// orders, children and a clock that is a number. A seed decides every delay and every fault; the same seed gives the same
// transcript. After each step the world checks what must always hold, and [World.CheckSettled] what must hold once it is quiet.
package clustertest

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
)

// Program is a simulated program, configured on all nodes unless On names some.
type Program struct {
	Group, Name string
	Of          string        // name of the program when it is one of several processes, Name otherwise
	Index       int           // its place among them
	On          []string      // nicks
	StartSecs   int           // seconds
	Exits       time.Duration // ends by itself after that long; 0 never
	ExitCode    int
	FailStart   bool          // dies before startsecs, at every start
	StopTakes   time.Duration // time to end after the stop signal
}

// Config describes a world.
type Config struct {
	Seed     uint64
	Nodes    []string // nicks, in the order of supvisors_list
	Programs []Program
	// Core holds the options common to all nodes; identity, epoch, term and processes are filled in.
	Core cluster.Config
	// Own holds the options of the nodes that do not have the common ones.
	Own map[string]*cluster.Config
	// Machines names the machine of the nodes that share one.
	Machines map[string]string
	// Stereotypes are those of each node.
	Stereotypes map[string][]string
	// MaxDelay is the longest that a message takes, 0 for 20 ms.
	MaxDelay time.Duration
}

// Line is something that happened: a change of the world, a log line or an answer of a node.
type Line struct {
	At   time.Duration
	Node string // nick, "" for the world
	Text string
}

// World is a simulated cluster.
type World struct {
	cfg     Config
	rnd     *rand.Rand
	now     time.Duration
	events  eventHeap
	order   uint64
	nodes   []*Node
	cut     map[[2]int]bool // links that carry nothing, by direction
	asked   map[uint64]*asked
	nextAsk uint64
	lines   []Line
	// Violation is the first broken invariant, with its time; "" while all is well.
	Violation string
	// Steps counts the steps of all cores.
	Steps int
	quiet bool // no transcript
	alone bool // no client interferes
	// faulty lets streams lose and repeat messages, and nodes forget orders, now and then.
	faulty    bool
	quietTime time.Duration // for the cluster to come to rest
	// blow is how long after the next order to repair a loss the node that gets it goes as well; 0 for no such thing.
	blow time.Duration
}

type asked struct {
	node    *Node
	run     int // the run of the node that was asked
	replies int
	// cancelled requests need no answer.
	cancelled bool
}

// Node is one simulated host with its daemon.
type Node struct {
	w         *World
	rank      int
	id        cluster.Identity
	core      *cluster.Core // nil when it is down
	run       int
	epoch     string
	term      uint64        // on disk
	drift     float64       // how much too fast its clock goes, a share of the time
	ahead     time.Duration // how much its time of day is ahead
	frozen    bool
	held      []func() // what arrived while it was frozen
	procs     []*child
	locks     []string // applications that hold their update lock here
	standing  cluster.Standing
	tick      int
	modes     cluster.Modes // as last shared
	ordered   map[place]int // loads of the starts that were ordered at this moment
	orderedAt time.Duration
	started   map[place]bool  // starts that were ordered since the last election
	ending    map[place]int   // what was up when the cluster began to end, with its pid
	streams   []int           // number of the stream to each peer, by rank; 0 for none
	sees      []bool          // what gossip has told of each peer
	queues    []time.Duration // when the last message to each peer arrives
	timerAt   time.Duration
}

// child is a simulated process of a node.
type child struct {
	prog *Program
	info cluster.ProcessInfo
	gen  int // a new start or stop makes older timers void
	// local says that its last start was behind the cluster's back.
	local bool
}

type event struct {
	at    time.Duration
	order uint64
	run   func()
}

type eventHeap []event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

// New returns a world in which every node is down.
func New(cfg Config) *World {
	if cfg.MaxDelay == 0 {
		cfg.MaxDelay = 20 * time.Millisecond
	}
	w := &World{cfg: cfg, rnd: rand.New(rand.NewPCG(cfg.Seed, 1)), cut: map[[2]int]bool{}, asked: map[uint64]*asked{}}
	for i, nick := range cfg.Nodes {
		n := &Node{w: w, rank: i, queues: make([]time.Duration, len(cfg.Nodes))}
		n.id = cluster.Identity{Identifier: fmt.Sprintf("%s.test:60000", nick), Nick: nick, Host: nick + ".test", Port: 60000,
			Machine: cmp.Or(cfg.Machines[nick], fmt.Sprintf("machine-%d", i)), Stereotypes: cfg.Stereotypes[nick]}
		w.nodes = append(w.nodes, n)
	}
	return w
}

// Quiet switches the transcript off, for speed.
func (w *World) Quiet() { w.quiet = true }

// Lines returns what happened since the last call.
func (w *World) Lines() []Line {
	lines := w.lines
	w.lines = nil
	return lines
}

// Transcript returns all that happened so far as text.
func (w *World) Transcript() string {
	var b strings.Builder
	for _, l := range w.lines {
		fmt.Fprintf(&b, "%7.2f %s: %s\n", l.At.Seconds(), l.Node, l.Text)
	}
	return b.String()
}

// Node returns a node by nick.
func (w *World) Node(nick string) *Node {
	for _, n := range w.nodes {
		if n.id.Nick == nick {
			return n
		}
	}
	panic("clustertest: no node " + nick)
}

// find returns the node of that identifier.
func (w *World) find(identifier string) *Node {
	return w.nodes[slices.IndexFunc(w.nodes, func(n *Node) bool { return n.id.Identifier == identifier })]
}

// Run lets time pass.
func (w *World) Run(d time.Duration) {
	end := w.now + d
	for len(w.events) > 0 && w.events[0].at <= end && w.Violation == "" {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.run()
	}
	w.now = end
}

func (w *World) after(d time.Duration, run func()) {
	w.order++
	heap.Push(&w.events, event{w.now + d, w.order, run})
}

func (w *World) delay() time.Duration { return time.Duration(1 + w.rnd.Int64N(int64(w.cfg.MaxDelay))) }

// happens draws whether a fault of that probability, one in n, happens now.
func (w *World) happens(n int) bool { return w.faulty && w.rnd.IntN(n) == 0 }

func (w *World) between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.rnd.Int64N(int64(b-a)))
}

func (w *World) tell(n *Node, format string, args ...any) {
	if w.quiet {
		return
	}
	l := Line{At: w.now, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		l.Node = n.id.Nick
	}
	w.lines = append(w.lines, l)
}

func (w *World) violate(format string, args ...any) {
	if w.Violation == "" {
		w.Violation = fmt.Sprintf("at %.2f s: ", w.now.Seconds()) + fmt.Sprintf(format, args...)
		w.tell(nil, "VIOLATION %s", w.Violation)
	}
}

// began is when the world began, by a clock that is right.
var began = time.Unix(1_700_000_000, 0)

// clock is the monotonic time that a node reads. It may go too fast or too slow.
func (n *Node) clock() time.Time { return began.Add(n.elapsed()) }

func (n *Node) elapsed() time.Duration { return n.w.now + time.Duration(float64(n.w.now)*n.drift) }

func (n *Node) mono() float64 { return n.elapsed().Seconds() }

// wall is what the node takes for the time of day, seconds since the Epoch.
func (n *Node) wall() float64 { return float64(began.Unix()) + n.mono() + n.ahead.Seconds() }

// until is how long it takes until the clock of a node shows a time that is to come.
func (n *Node) until(at time.Time) time.Duration {
	// a nanosecond more than it takes, and one at least, or what rounding brings too early would never come
	return max(time.Duration(float64(at.Sub(began))/(1+n.drift))+1-n.w.now, 1)
}

// Jump sets the clock of a node forward or back, as an administrator does.
func (n *Node) Jump(d time.Duration) {
	n.w.tell(n, "has its clock set by %s", d)
	n.ahead += d
}

// connected tells whether messages go from one node to another.
func (w *World) connected(from, to *Node) bool {
	return from.member() && to.member() && !w.cut[[2]int{from.rank, to.rank}]
}

// member tells whether the node is up and takes part in the gossip.
func (n *Node) member() bool { return n.core != nil && n.standing < cluster.Withdrawn }

// linked tells whether two nodes reach each other both ways.
func (w *World) linked(a, b *Node) bool { return w.connected(a, b) && w.connected(b, a) }

// Start boots a node.
func (n *Node) Start() {
	if n.core != nil {
		return
	}
	w := n.w
	n.run++
	n.frozen, n.held, n.tick, n.timerAt = false, nil, 0, 0
	n.streams, n.sees = make([]int, len(w.nodes)), make([]bool, len(w.nodes))
	n.epoch = fmt.Sprintf("%s#%d", n.id.Nick, n.run)
	cfg := w.cfg.Core
	if own := w.cfg.Own[n.id.Nick]; own != nil {
		cfg = *own
	}
	cfg.Self, cfg.Epoch, cfg.Term = n.id.Identifier, n.epoch, n.term
	cfg.Instances = nil
	for _, m := range w.nodes {
		switch {
		case m == n:
			cfg.Instances = append(cfg.Instances, n.id)
		case !cfg.Discovery:
			cfg.Instances = append(cfg.Instances, m.declared())
		}
	}
	n.procs, n.locks, n.standing, cfg.Processes = nil, nil, cluster.Serving, nil
	for i := range w.cfg.Programs {
		if p := &w.cfg.Programs[i]; p.on(n.id.Nick) {
			ch := &child{prog: p, info: cluster.ProcessInfo{Group: p.Group, Name: p.Name, Program: cmp.Or(p.Of, p.Name), Index: p.Index, StartSecs: p.StartSecs,
				StopWaitSecs: 10, Expected: true, Now: n.wall(), NowMono: n.mono()}}
			n.procs = append(n.procs, ch)
			cfg.Processes = append(cfg.Processes, ch.info)
		}
	}
	n.core = cluster.New(n.clock(), cfg)
	n.modes, n.started = cluster.Modes{Term: n.term}, map[place]bool{}
	w.tell(n, "starts")
	run := n.run
	w.after(w.between(0, 200*time.Millisecond), func() { n.beat(run) })
	w.gossip()
}

// declared is what the others know of a node before they meet it.
func (n *Node) declared() cluster.Identity {
	id := n.id
	id.Machine, id.Stereotypes = "", nil
	return id
}

func (p *Program) on(nick string) bool { return p.On == nil || slices.Contains(p.On, nick) }

// Kill takes a node down with its children, as a power cut does.
func (n *Node) Kill() {
	if n.core == nil {
		return
	}
	n.w.tell(n, "is killed")
	n.core = nil
	n.breakStreams()
	n.w.gossip()
}

// Take has a node take another part in the cluster. Who leaves it hears nobody any more.
func (n *Node) Take(s cluster.Standing) {
	if n.core == nil || n.frozen || n.standing == s {
		return
	}
	n.w.tell(n, "is to be %s", s)
	n.step(cluster.LocalStanding{Standing: s})
	if n.standing = s; s >= cluster.Withdrawn {
		n.closeStreams()
		clear(n.streams)
		clear(n.sees)
	}
	n.w.gossip()
}

// LoseDisk has a node that is down forget what it kept.
func (n *Node) LoseDisk() {
	if n.core == nil && n.term > 0 {
		n.w.tell(n, "loses its disk")
		n.term = 0
	}
}

// Freeze stops a node as SIGSTOP does: its children live, what arrives waits.
func (n *Node) Freeze() {
	n.w.tell(n, "freezes")
	n.frozen = true
	n.w.gossip()
}

// Thaw lets a frozen node go on.
func (n *Node) Thaw() {
	if !n.frozen || n.core == nil {
		return
	}
	n.w.tell(n, "thaws")
	n.frozen = false
	held := n.held
	n.held = nil
	for _, f := range held {
		f()
	}
	n.w.gossip()
}

// Partition cuts the cluster into the groups given, by nick; nodes that are not named stay with the first group.
func (w *World) Partition(groups ...[]string) {
	side := map[int]int{}
	for i, g := range groups {
		for _, nick := range g {
			side[w.Node(nick).rank] = i
		}
	}
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			w.cut[[2]int{a.rank, b.rank}] = side[a.rank] != side[b.rank]
		}
	}
	w.tell(nil, "partition %v", groups)
	w.gossip()
}

// Cut lets nothing through from one node to another; what goes the other way does.
func (w *World) Cut(from, to *Node) {
	if from != to {
		w.cut[[2]int{from.rank, to.rank}] = true
		w.tell(nil, "cut from %s to %s", from.id.Nick, to.id.Nick)
		w.gossip()
	}
}

// Heal joins all links again.
func (w *World) Heal() {
	clear(w.cut)
	w.tell(nil, "heal")
	w.gossip()
}

// beat is the 5 s tick of a node.
func (n *Node) beat(run int) {
	if n.core == nil || n.run != run {
		return
	}
	if !n.frozen {
		n.step(cluster.LocalTick{Tick: cluster.Tick{Counter: n.tick, Wall: n.wall(), Mono: n.mono()}})
		n.tick++
	}
	n.w.after(5*time.Second, func() { n.beat(run) })
}

// step gives one event to the core and carries its effects out.
func (n *Node) step(ev cluster.Event) {
	if n.core == nil || n.w.Violation != "" {
		return
	}
	n.w.Steps++
	for _, e := range n.core.Step(n.clock(), ev) {
		n.carryOut(e)
		if n.core == nil {
			return
		}
	}
	n.checkStep()
	n.arm()
}

// arm schedules the next Timer event.
func (n *Node) arm() {
	at, ok := n.core.Deadline()
	if !ok {
		return
	}
	due := n.w.now + n.until(at)
	if n.timerAt > n.w.now && n.timerAt <= due {
		return
	}
	n.timerAt = due
	run := n.run
	n.w.after(due-n.w.now, func() {
		if n.core != nil && n.run == run && !n.frozen && n.timerAt == due {
			n.timerAt = 0
			n.step(cluster.Timer{})
		}
	})
}

func (n *Node) find(ns process.Namespec) *child {
	for _, ch := range n.procs {
		if ch.info.Group == ns.Group && ch.info.Name == ns.Process {
			return ch
		}
	}
	return nil
}
