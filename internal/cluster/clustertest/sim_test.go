package clustertest

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rules"
)

var (
	seeds = flag.Int("seeds", 1000, "number of random stories for each size of cluster")
	seed  = flag.Uint64("seed", 0, "replay this one story, with its transcript")
	nodes = flag.Int("nodes", 5, "size of the cluster of the replayed story")
)

func simRules(t testing.TB) *rules.Set {
	t.Helper()
	set, problems := rules.Load([]string{"testdata/sim_rules.xml"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set
}

// TestSimulation plays random stories with 3 and 5 nodes. A failure prints the seed: replay it with
// go test ./internal/cluster/clustertest -run TestReplay -seed N -nodes M.
func TestSimulation(t *testing.T) {
	set := simRules(t)
	for _, size := range []int{3, 5} {
		t.Run(fmt.Sprintf("%d_nodes", size), func(t *testing.T) {
			t.Parallel()
			for s := uint64(1); s <= uint64(*seeds); s++ {
				if _, err := (Sim{Nodes: size, Seed: s, Rules: set, Length: 2 * time.Minute, Quiet: true}).Run(); err != nil {
					t.Fatalf("seed %d with %d nodes: %v", s, size, err)
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
	w, err := Sim{Nodes: *nodes, Seed: *seed, Rules: simRules(t), Length: 2 * time.Minute}.Run()
	fmt.Print(w.Transcript())
	if err != nil {
		t.Fatal(err)
	}
}

// TestSameSeedSameTranscript plays some stories twice.
func TestSameSeedSameTranscript(t *testing.T) {
	set := simRules(t)
	for s := uint64(1); s <= 20; s++ {
		sim := Sim{Nodes: 5, Seed: s, Rules: set, Length: time.Minute}
		first, _ := sim.Run()
		second, _ := sim.Run()
		if first.Transcript() != second.Transcript() {
			t.Fatalf("seed %d: the transcripts differ", s)
		}
	}
}

func BenchmarkSimulation(b *testing.B) {
	set := simRules(b)
	steps := 0
	for i := range b.N {
		w, err := Sim{Nodes: 5, Seed: uint64(i + 1), Rules: set, Length: 2 * time.Minute, Quiet: true}.Run()
		if err != nil {
			b.Fatal(err)
		}
		steps += w.Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
}
