package cluster

import (
	"fmt"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
)

const benchRules = `<application pattern="app_"><programs><program pattern="p_"><expected_loading>1</expected_loading></program></programs></application>`

// benchSizes are clusters in which every node has the same programs, ten in an application.
var benchSizes = []struct{ nodes, programs int }{{3, 100}, {50, 20}}

// eachSize runs a benchmark with a Master in OPERATION, once for each size.
func eachSize(b *testing.B, run func(b *testing.B, l *lab)) {
	for _, size := range benchSizes {
		b.Run(fmt.Sprintf("%dx%d", size.nodes, size.programs), func(b *testing.B) {
			programs := make([]string, size.programs)
			for i := range programs {
				programs[i] = fmt.Sprintf("app_%d:p_%02d", i/10, i)
			}
			l := newLab(b, benchRules, func(cfg *Config) {
				for i := len(cfg.Instances) + 1; i <= size.nodes; i++ {
					nick := fmt.Sprint("n", i)
					cfg.Instances = append(cfg.Instances, Identity{Identifier: nick, Nick: nick})
				}
			}, programs...)
			for _, n := range l.c.nodes[1:] {
				l.join(n.id.Nick, programs...)
			}
			l.wantState(Operation)
			run(b, l)
		})
	}
}

// nextEvents has a process of a peer go from one state to the next of its life, with each call.
func nextEvents(l *lab) func() {
	life, n := []process.State{process.Starting, process.Running, process.Stopping, process.Stopped}, 0
	info, seq := stopped("app_0:p_00"), l.seq["n2"]
	return func() {
		info.State = life[n%len(life)]
		info.Now++
		n++
		seq++
		l.c.Step(l.now, PeerDelta{Identifier: "n2", Epoch: "n2#1", Seq: seq, Delta: Delta{Process: &info}})
	}
}

// BenchmarkProcessEvent is one step: a process of a peer changes its state.
func BenchmarkProcessEvent(b *testing.B) {
	eachSize(b, func(b *testing.B, l *lab) {
		next := nextEvents(l)
		for b.Loop() {
			next()
		}
	})
}

// BenchmarkTick is one step: a tick of this node, when there is nothing to do.
func BenchmarkTick(b *testing.B) {
	eachSize(b, func(b *testing.B, l *lab) {
		for n := 0; b.Loop(); n++ {
			l.c.Step(l.now, LocalTick{Tick: Tick{Counter: n}})
		}
	})
}

// BenchmarkView is the same step and the View after it, which is what the driver does for each event.
func BenchmarkView(b *testing.B) {
	eachSize(b, func(b *testing.B, l *lab) {
		next := nextEvents(l)
		for b.Loop() {
			next()
			l.c.View()
		}
	})
}

// BenchmarkReport is the whole Report of a node, for a peer that begins to follow it.
func BenchmarkReport(b *testing.B) {
	eachSize(b, func(b *testing.B, l *lab) {
		for b.Loop() {
			l.c.Report()
		}
	})
}
