package clustertest

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rules"
)

var (
	seeds = flag.Int("seeds", 1700, "number of random stories of each kind")
	first = flag.Uint64("first", 1, "the first seed of them")
	seed  = flag.Uint64("seed", 0, "replay this one story, with its transcript")
	nodes = flag.Int("nodes", 5, "size of the cluster of the replayed story; 0 draws it, with programs and rules")
)

func simRules(t testing.TB) *rules.Set {
	t.Helper()
	set, problems := simRulesOnce()
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

var simRulesOnce = sync.OnceValues(func() (*rules.Set, []rules.Problem) { return rules.Load([]string{"testdata/sim_rules.xml"}) })

// newSim returns a story: with the rules of sim_rules.xml on so many nodes, or with 0 all of it drawn from the seed.
func newSim(t testing.TB, nodes int, seed uint64) Sim {
	s := Sim{Nodes: nodes, Seed: seed, Length: 2 * time.Minute, Quiet: true}
	if nodes > 0 {
		s.Rules = simRules(t)
	} else {
		s.Nodes = 1 + int(seed*2654435761>>7%15)
	}
	return s
}

// TestSimulation plays random stories: with 3 and with 5 nodes, and with 1 to 15 nodes and rules that are drawn as well. A failure tells
// what of the story is needed for it; replay all of it with make sim SEED=N NODES=M.
func TestSimulation(t *testing.T) {
	for _, size := range []int{3, 5, 0} {
		t.Run(fmt.Sprintf("%d_nodes", size), func(t *testing.T) {
			t.Parallel()
			for n := range uint64(*seeds) {
				sim := newSim(t, size, *first+n)
				if _, err := sim.Run(); err != nil {
					t.Fatalf("-seed %d -nodes %d: %v\n%s", sim.Seed, size, err, sim.Shrink())
				}
			}
		})
	}
}

// TestReplay prints the transcript of the story given by -seed.
func TestReplay(t *testing.T) {
	if *seed == 0 {
		t.Skip("no -seed given: this prints one story, TestSimulation judges them")
	}
	sim := newSim(t, *nodes, *seed)
	sim.Quiet = false
	w, err := sim.Run()
	fmt.Print(w.Transcript())
	if err != nil {
		t.Fatal(err)
	}
}

// TestSameSeedSameTranscript plays some stories twice.
func TestSameSeedSameTranscript(t *testing.T) {
	for s := uint64(1); s <= 20; s++ {
		sim := newSim(t, 5*int(s%2), s)
		sim.Quiet = false
		first, _ := sim.Run()
		second, _ := sim.Run()
		if first.Transcript() != second.Transcript() {
			t.Fatalf("seed %d: the transcripts differ", s)
		}
	}
}

// BenchmarkSimulation plays one story of five nodes.
func BenchmarkSimulation(b *testing.B) {
	steps := 0
	for i := range b.N {
		w, err := newSim(b, 5, uint64(i+1)).Run()
		if err != nil {
			b.Fatal(err)
		}
		steps += w.Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
}
