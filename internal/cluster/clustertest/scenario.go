package clustertest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// Sim is a random story: faults and requests at random moments, then healing and silence. Its seed decides everything.
type Sim struct {
	Nodes int
	Seed  uint64
	// Rules are for Programs; nil has the programs and their rules drawn as well.
	Rules *rules.Set
	// Length is how long faults go on; the cluster then has a minute to come to rest.
	Length time.Duration
	Quiet  bool
}

// What a cluster is given to come to rest after the last fault. Programs that are drawn may take long, one after the other.
const (
	quietTime     = 60 * time.Second
	longQuietTime = 4 * time.Minute
)

// Programs are the programs of the simulated cluster; rules for the groups shop, tools and batch go with them.
var Programs = []Program{
	{Group: "shop", Name: "db", StartSecs: 1, StopTakes: 300 * time.Millisecond},
	{Group: "shop", Name: "load", Exits: 2 * time.Second},
	{Group: "shop", Name: "web", StartSecs: 1},
	{Group: "shop", Name: "work_00", Of: "work"},
	{Group: "shop", Name: "work_01", Of: "work", Index: 1},
	{Group: "tools", Name: "probe", StartSecs: 2},
	{Group: "tools", Name: "broken", StartSecs: 1, FailStart: true},
	{Group: "batch", Name: "job", Exits: 7 * time.Second, ExitCode: 1},
	{Group: "loose", Name: "loose"},
}

// Run plays the story and returns the world, and what is wrong with it.
func (s Sim) Run() (*World, error) {
	p := s.plan()
	return p.play(p.acts, s.Quiet)
}

// plan is a story before it is played.
type plan struct {
	cfg           Config
	quietTime     time.Duration
	alone, faulty bool
	drifts        []float64       // of the clocks
	boots         []time.Duration // when the nodes start
	acts          []act
	last          act // with the cluster at rest; nothing when do is nil
}

// act is something that happens in a story. What it does was drawn before, so that it stays the same when others are left out.
type act struct {
	pause time.Duration // since the one before
	text  string
	do    func(*World) error
}

// plan draws everything that is not the matter of the world itself.
func (s Sim) plan() plan {
	rnd := rand.New(rand.NewPCG(s.Seed, 2))
	p := plan{quietTime: quietTime, cfg: Config{Seed: s.Seed, Programs: Programs, Own: map[string]*cluster.Config{}, Core: cluster.Config{Rules: s.Rules, Strict: true,
		SyncTimeout: 15 * time.Second, LockLimit: s.Length + longQuietTime, WaitExitLimit: 30 * time.Second}}}
	core := &p.cfg.Core
	for core.Conciliation == rules.ConciliationUser { // it leaves conflicts to the user
		core.Conciliation = rules.ConciliationStrategy(rnd.IntN(6))
	}
	core.Sync[rules.SyncStrict] = rnd.IntN(2) == 0
	core.Sync[rules.SyncTimeout] = true
	if rnd.IntN(3) == 0 {
		core.Core = []string{"n3", "n2"}
	}
	for i := range s.Nodes {
		p.cfg.Nodes = append(p.cfg.Nodes, fmt.Sprintf("n%d", i+1))
		p.boots = append(p.boots, time.Duration(rnd.Int64N(int64(2*time.Second))))
		p.drifts = append(p.drifts, 0)
	}
	if s.Rules == nil {
		p.quietTime = longQuietTime
		p.cfg.Programs, core.Rules = randomPrograms(rnd, p.cfg.Nodes)
	}
	p.alone, p.faulty = rnd.IntN(2) == 0, rnd.IntN(2) == 0
	if rnd.IntN(2) == 0 {
		for i := range p.drifts { // a bad quartz is off by a hundredth of this
			p.drifts[i] = (rnd.Float64() - 0.5) / 50
		}
	}
	if rnd.IntN(4) == 0 { // one node is configured otherwise
		own := *core
		own.Sync[rules.SyncStrict], own.SyncTimeout = rnd.IntN(2) == 0, time.Duration(1+rnd.IntN(30))*time.Second
		own.LockLimit = time.Duration(rnd.IntN(60)+1) * time.Second
		p.cfg.Own[p.cfg.Nodes[rnd.IntN(s.Nodes)]] = &own
	}
	for at := time.Duration(0); at < s.Length; {
		a := p.fault(rnd)
		a.pause = time.Duration(rnd.Int64N(int64(12 * time.Second)))
		at += a.pause
		p.acts = append(p.acts, a)
	}
	p.last = p.ending(rnd, s.Rules != nil)
	return p
}

// play has some of the acts happen, and judges what comes of them.
func (p plan) play(acts []act, quiet bool) (*World, error) {
	w := New(p.cfg)
	if quiet {
		w.Quiet()
	}
	for i, n := range w.nodes {
		n.drift = p.drifts[i]
		w.after(p.boots[i], n.Start)
	}
	w.alone, w.faulty, w.quietTime = p.alone, p.faulty, p.quietTime
	for _, a := range acts {
		w.Run(a.pause)
		if err := a.do(w); err != nil || w.Violation != "" {
			break
		}
	}
	w.repair()
	err := w.CheckSettled()
	if err == nil && p.last.do != nil {
		err = p.last.do(w)
	}
	return w, err
}

// Shrink leaves out of a story that goes wrong what it goes wrong without, and tells what is left, with the end of the transcript.
func (s Sim) Shrink() string {
	p := s.plan()
	acts := p.acts
	fails := func(list []act) bool {
		_, err := p.play(list, true)
		return err != nil
	}
	for size := len(acts) / 2; size > 0; size /= 2 {
		for from := 0; from+size <= len(acts); {
			if less := without(acts, from, size); fails(less) {
				acts = less
			} else {
				from += size
			}
		}
	}
	w, err := p.play(acts, false)
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d with %d nodes, %d of %d acts: %v\n", s.Seed, s.Nodes, len(acts), len(p.acts), err)
	at := time.Duration(0)
	for _, a := range acts {
		at += a.pause
		fmt.Fprintf(&b, "  %7.2f %s\n", at.Seconds(), a.text)
	}
	if p.last.do != nil {
		fmt.Fprintf(&b, "  at rest %s\n", p.last.text)
	}
	lines := strings.Split(w.Transcript(), "\n")
	fmt.Fprintf(&b, "its end:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
	return b.String()
}

// without leaves out some acts; what comes after them comes when it did.
func without(acts []act, from, size int) []act {
	less := slices.Delete(slices.Clone(acts), from, from+size)
	if from < len(less) {
		for _, gone := range acts[from : from+size] {
			less[from].pause += gone.pause
		}
	}
	return less
}

// repair ends all faults and gives the cluster the time to come to rest.
func (w *World) repair() {
	w.faulty = false
	w.Heal()
	for _, n := range w.nodes {
		n.Thaw()
		n.Start()
		n.Take(cluster.Serving)
		for _, app := range n.locks {
			n.Lock(app, false)
		}
		for _, ch := range n.procs {
			if ch.info.Disabled {
				n.Disable(ch.info.Namespec().String(), false)
			}
		}
	}
	w.Run(w.quietTime)
}

// survivors are processes that must be up again after the loss of their node: their strategies say so and any node can take them.
var survivors = []string{"shop:db", "shop:web"}

// loseOne kills one node of a cluster at rest: what must survive is up again after a while, elsewhere or, when the node comes back before
// anybody misses it, anywhere. With another blow, the node that is to repair the loss goes as well, so long after it was ordered to, and comes
// back before anybody misses it.
func (w *World) loseOne(n *Node, back bool, blow time.Duration) error {
	var ran []string
	for _, name := range survivors {
		if n.find(process.ParseNamespec(name)).info.State == process.Running {
			ran = append(ran, name)
		}
	}
	n.Kill()
	w.blow = blow
	if back {
		w.Run(minLoss / 2)
		n.Start()
	}
	if blow > 0 {
		w.Run(w.quietTime / 4)
		n.Start() // or the other one would know less of what has ended there
	}
	w.Run(w.quietTime / 2)
	if err := w.CheckSettled(); err != nil {
		return fmt.Errorf("after the loss of %s: %w", n.id.Nick, err)
	}
	for _, name := range ran {
		if !slices.ContainsFunc(w.up(), func(m *Node) bool {
			return m.find(process.ParseNamespec(name)).info.State == process.Running
		}) {
			return fmt.Errorf("%s did not survive the loss of %s", name, n.id.Nick)
		}
	}
	n.Start()
	w.Run(w.quietTime / 2)
	return w.CheckSettled()
}

// drainOne drains one node of a cluster at rest: nothing that is managed is left there when the node goes, and with movable programs it goes
// on elsewhere.
func (w *World) drainOne(n *Node, movable bool) error {
	var ran []string
	managed := func(ch *child) bool {
		return n.core.View().Application(ch.prog.Group).Rules.Managed
	}
	for _, ch := range n.procs {
		if movable && ch.info.State == process.Running && managed(ch) && ch.prog.Exits == 0 {
			ran = append(ran, ch.info.Namespec().String())
		}
	}
	n.Take(cluster.Draining)
	w.Run(w.quietTime / 2)
	if err := w.CheckSettled(); err != nil {
		return fmt.Errorf("while %s is drained: %w", n.id.Nick, err)
	}
	for _, ch := range n.procs {
		if !ch.info.State.IsStopped() && managed(ch) {
			return fmt.Errorf("%s is left on %s, which is drained", ch.info.Namespec(), n.id.Nick)
		}
	}
	for _, name := range ran {
		shown := n.core.View().Application(process.ParseNamespec(name).Group).Process(process.ParseNamespec(name).Process)
		if shown.State != process.Running && shown.Reason != "No resource available" {
			return fmt.Errorf("%s did not survive the drain of %s: it is %s %s", name, n.id.Nick, shown.Shown, shown.Reason)
		}
	}
	for _, s := range []cluster.Standing{cluster.Withdrawn, cluster.Reserved, cluster.Serving} {
		n.Take(s)
		w.Run(w.quietTime / 2)
		if err := w.CheckSettled(); err != nil {
			return fmt.Errorf("while %s is %s: %w", n.id.Nick, s, err)
		}
	}
	return nil
}

// on is an act on one node.
func on(nick, text string, do func(n *Node)) act {
	return act{text: text + " " + nick, do: func(w *World) error { do(w.Node(nick)); return nil }}
}

// fault draws what happens to the cluster.
func (p *plan) fault(rnd *rand.Rand) act {
	nick, other := pick(rnd, p.cfg.Nodes...), pick(rnd, p.cfg.Nodes...)
	prog := p.cfg.Programs[rnd.IntN(len(p.cfg.Programs))]
	name := prog.Group + ":" + prog.Name
	unless := func(alone bool, a act) act {
		if alone {
			return act{text: "nothing", do: func(*World) error { return nil }}
		}
		return a
	}
	switch rnd.IntN(21) {
	case 0, 1:
		return on(nick, "kill", (*Node).Kill)
	case 2, 3:
		return on(nick, "start", (*Node).Start)
	case 4:
		sides := split(rnd, p.cfg.Nodes)
		return act{text: fmt.Sprintf("partition %v", sides), do: func(w *World) error { w.Partition(sides...); return nil }}
	case 5:
		return act{text: "heal", do: func(w *World) error { w.Heal(); return nil }}
	case 6:
		return on(nick, "freeze", func(n *Node) {
			if n.core != nil {
				n.Freeze()
			}
		})
	case 7:
		return on(nick, "thaw", (*Node).Thaw)
	case 8:
		return on(nick, "crash of "+name+" on", func(n *Node) { n.Crash(name) })
	case 9:
		disabled := rnd.IntN(2) == 0
		return on(nick, fmt.Sprintf("disable %s %v on", name, disabled), func(n *Node) { n.Disable(name, disabled) })
	case 10:
		return unless(p.alone, on(nick, "local start of "+name+" on", func(n *Node) { n.StartLocal(name) }))
	case 11:
		if rnd.IntN(4) > 0 {
			return unless(true, act{})
		}
		return on(nick, "restart of the cluster asked of", func(n *Node) { n.Ask(cluster.Restart{}) })
	case 12, 13:
		hold := rnd.IntN(3) > 0
		return on(nick, fmt.Sprintf("lock %s %v on", prog.Group, hold), func(n *Node) { n.Lock(prog.Group, hold) })
	case 14:
		standing := cluster.Standing(rnd.IntN(int(cluster.Gone)))
		return on(nick, "standing "+standing.String()+" of", func(n *Node) { n.Take(standing) })
	case 15:
		return act{text: "cut " + nick + " " + other, do: func(w *World) error { w.Cut(w.Node(nick), w.Node(other)); return nil }}
	case 16:
		by := time.Duration(rnd.Int64N(int64(2*time.Hour))) - time.Hour
		return on(nick, "clock jump of "+by.String()+" of", func(n *Node) { n.Jump(by) })
	case 17:
		return on(nick, "lost disk of", (*Node).LoseDisk)
	}
	r, cancel := randomRequest(rnd, &p.cfg), rnd.IntN(6) == 0
	return unless(p.alone, on(nick, fmt.Sprintf("%T%+v asked of", r, r), func(n *Node) {
		n.Ask(r)
		if cancel {
			n.Cancel()
		}
	}))
}

// ending draws what is done with the cluster at rest. What must survive is known for the programs and rules of the package.
func (p *plan) ending(rnd *rand.Rand, known bool) act {
	nick, back := pick(rnd, p.cfg.Nodes...), rnd.IntN(2) == 0
	switch n := rnd.IntN(6); {
	case n < 2 && known && len(p.cfg.Nodes) > 1:
		blow := time.Duration(rnd.IntN(2)) * time.Millisecond << rnd.IntN(12)
		return act{text: fmt.Sprintf("loss of %s, and a blow %s after it", nick, blow), do: func(w *World) error { return w.loseOne(w.Node(nick), back, blow) }}
	case n == 2:
		return act{text: "drain of " + nick, do: func(w *World) error { return w.drainOne(w.Node(nick), known) }}
	}
	return act{}
}

// randomRequest draws a request of a client.
func randomRequest(rnd *rand.Rand, cfg *Config) cluster.Request {
	prog := cfg.Programs[rnd.IntN(len(cfg.Programs))]
	app := prog.Group
	proc := pick(rnd, prog.Group+":"+prog.Name, prog.Group+":*")
	strategy := rules.StartingStrategy(rnd.IntN(6))
	wait := rnd.IntN(2) == 0
	switch rnd.IntN(11) {
	case 0:
		return cluster.StartApplication{Strategy: strategy, Name: app, Wait: wait}
	case 1:
		return cluster.StopApplication{Name: app, Wait: wait}
	case 2:
		return cluster.RestartApplication{Strategy: strategy, Name: app, Wait: wait}
	case 3:
		return cluster.StartProcesses{Strategy: strategy, Namespec: proc, ExtraArgs: pick(rnd, "", "-x"), Wait: wait}
	case 4:
		return cluster.StopProcesses{Namespec: proc, Wait: wait}
	case 5:
		return cluster.TestStartApplication{Strategy: strategy, Name: app}
	case 6:
		return cluster.TestStartProcess{Strategy: strategy, Namespec: proc}
	case 7:
		return cluster.StartAny{Strategy: strategy, Regex: "work", Match: func(name string) bool { return strings.Contains(name, "work") }, Wait: wait}
	case 8:
		return cluster.RestartSequence{Wait: wait}
	case 9:
		return cluster.Conciliate{Strategy: rules.ConciliationStrategy(rnd.IntN(6))}
	}
	return cluster.RestartProcesses{Strategy: strategy, Namespec: proc, Wait: wait}
}

// split puts the nodes on two sides at random.
func split(rnd *rand.Rand, nicks []string) [][]string {
	var sides [2][]string
	for _, nick := range nicks {
		i := rnd.IntN(2)
		sides[i] = append(sides[i], nick)
	}
	return slices.DeleteFunc(sides[:], func(s []string) bool { return len(s) == 0 })
}

func pick(rnd *rand.Rand, list ...string) string { return list[rnd.IntN(len(list))] }
