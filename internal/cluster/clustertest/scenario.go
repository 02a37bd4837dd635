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
	Rules *rules.Set
	// Length is how long faults go on; the cluster then has a minute to come to rest.
	Length time.Duration
	Quiet  bool
}

// quietTime is what a cluster is given to come to rest after the last fault.
const quietTime = 60 * time.Second

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
	rnd := rand.New(rand.NewPCG(s.Seed, 2))
	cfg := Config{Seed: s.Seed, Programs: Programs, Core: cluster.Config{Rules: s.Rules, Strict: true,
		SyncTimeout: 15 * time.Second, LockLimit: s.Length + quietTime, Conciliation: rules.ConciliationStrategy(rnd.IntN(6))}}
	for cfg.Core.Conciliation == rules.ConciliationUser { // it leaves conflicts to the user
		cfg.Core.Conciliation = rules.ConciliationStrategy(rnd.IntN(6))
	}
	cfg.Core.Sync[rules.SyncStrict] = rnd.IntN(2) == 0
	cfg.Core.Sync[rules.SyncTimeout] = true
	if rnd.IntN(3) == 0 {
		cfg.Core.Core = []string{"n3", "n2"}
	}
	for i := range s.Nodes {
		cfg.Nodes = append(cfg.Nodes, fmt.Sprintf("n%d", i+1))
	}
	w := New(cfg)
	if s.Quiet {
		w.Quiet()
	}
	for _, n := range w.nodes {
		w.after(time.Duration(rnd.Int64N(int64(2*time.Second))), n.Start)
	}
	w.alone, w.faulty = rnd.IntN(2) == 0, rnd.IntN(2) == 0
	for end := w.now + s.Length; w.now < end && w.Violation == ""; {
		w.Run(time.Duration(rnd.Int64N(int64(12 * time.Second))))
		w.fault(rnd)
	}
	w.repair()
	err := w.CheckSettled()
	if n := w.nodes[rnd.IntN(len(w.nodes))]; err == nil {
		switch rnd.IntN(6) {
		case 0, 1:
			err = w.loseOne(n, rnd.IntN(2) == 0)
		case 2:
			err = w.drainOne(n)
		}
	}
	return w, err
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
	w.Run(quietTime)
}

// survivors are processes that must be up again after the loss of their node: their strategies say so and any node can take them.
var survivors = []string{"shop:db", "shop:web"}

// loseOne kills one node of a cluster at rest: what must survive is up again after a while, elsewhere or, when the node comes back before
// anybody misses it, anywhere.
func (w *World) loseOne(n *Node, back bool) error {
	var ran []string
	for _, name := range survivors {
		if n.find(process.ParseNamespec(name)).info.State == process.Running {
			ran = append(ran, name)
		}
	}
	n.Kill()
	if back {
		w.Run(minLoss / 2)
		n.Start()
	}
	w.Run(quietTime / 2)
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
	w.Run(quietTime / 2)
	return w.CheckSettled()
}

// drainOne drains one node of a cluster at rest: what is managed goes on elsewhere, and nothing of it is left there when the node goes.
func (w *World) drainOne(n *Node) error {
	var ran []string
	for _, ch := range n.procs {
		if ch.info.State == process.Running && ch.prog.Group != "loose" && ch.prog.Exits == 0 {
			ran = append(ran, ch.info.Namespec().String())
		}
	}
	n.Take(cluster.Draining)
	w.Run(quietTime / 2)
	if err := w.CheckSettled(); err != nil {
		return fmt.Errorf("while %s is drained: %w", n.id.Nick, err)
	}
	for _, ch := range n.procs {
		if !ch.info.State.IsStopped() && ch.prog.Group != "loose" {
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
		w.Run(quietTime / 2)
		if err := w.CheckSettled(); err != nil {
			return fmt.Errorf("while %s is %s: %w", n.id.Nick, s, err)
		}
	}
	return nil
}

// fault does one random thing to the cluster.
func (w *World) fault(rnd *rand.Rand) {
	n := w.nodes[rnd.IntN(len(w.nodes))]
	switch rnd.IntN(17) {
	case 0, 1:
		n.Kill()
	case 2, 3:
		n.Start()
	case 4:
		w.Partition(w.split(rnd)...)
	case 5:
		w.Heal()
	case 6:
		if n.core != nil {
			n.Freeze()
		}
	case 7:
		n.Thaw()
	case 8:
		n.Crash(pick(rnd, "shop:db", "shop:web", "shop:work_00", "tools:probe"))
	case 9:
		n.Disable(pick(rnd, "shop:db", "shop:web", "tools:probe"), rnd.IntN(2) == 0)
	case 10:
		if !w.alone {
			n.StartLocal(pick(rnd, "shop:db", "shop:web", "loose", "tools:probe"))
		}
	case 11:
		if rnd.IntN(4) == 0 {
			n.Ask(cluster.Restart{})
		}
	case 16:
		n.Take(cluster.Standing(rnd.IntN(int(cluster.Gone))))
	case 12, 13:
		n.Lock(pick(rnd, "shop", "tools", "batch"), rnd.IntN(3) > 0)
	default:
		if !w.alone {
			n.Ask(w.request(rnd))
			if rnd.IntN(6) == 0 {
				n.Cancel()
			}
		}
	}
}

func (w *World) request(rnd *rand.Rand) cluster.Request {
	app := pick(rnd, "shop", "tools", "batch", "loose")
	proc := pick(rnd, "shop:db", "shop:work_01", "tools:*", "batch:job", "loose")
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
func (w *World) split(rnd *rand.Rand) [][]string {
	var sides [2][]string
	for _, n := range w.nodes {
		i := rnd.IntN(2)
		sides[i] = append(sides[i], n.id.Nick)
	}
	return slices.DeleteFunc(sides[:], func(s []string) bool { return len(s) == 0 })
}

func pick(rnd *rand.Rand, list ...string) string { return list[rnd.IntN(len(list))] }
