package faults

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// cuts are the ways in which the others lose a node, that goes on. Its own interface being down it can see, the others it cannot.
var cuts = []struct {
	name      string
	cut, heal func(n *hub, node int) error
}{
	{"silent", func(n *hub, node int) error {
		return n.set(func(from, to int) line { return line{cut: from == node || to == node} })
	}, (*hub).heal},
	{"mute", func(n *hub, node int) error { return n.set(func(from, _ int) line { return line{cut: from == node} }) }, (*hub).heal},
	{"deaf", func(n *hub, node int) error { return n.set(func(_, to int) line { return line{cut: to == node} }) }, (*hub).heal},
	{"interface down", func(n *hub, node int) error { return n.within(node, "ip", "link", "set", n.spaces[node], "down") },
		func(n *hub, node int) error { return n.within(node, "ip", "link", "set", n.spaces[node], "up") }},
}

// TestCutOff cuts a node off alone. The others have all programs up again, the lonely node makes do with itself; healed they are one cluster.
func TestCutOff(t *testing.T) {
	for _, who := range []string{"Master", "other"} {
		for _, c := range cuts {
			t.Run(who+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				n, p := newHub(t, 3)
				w := newWorld(t, 3, p)
				victim, plain, _ := w.three()
				if who == "other" {
					victim = plain
				}
				rest := w.busy(victim)
				at := slices.Index(w.nodes, victim)
				began := time.Now()
				w.must(c.cut(n, at))
				w.settled(rest...)
				others := time.Since(began)
				// a start that was under way to a node that is lost then too has failed for good, as in Supvisors: it need not run everything
				w.until("the lonely node is at rest", func() string { _, lacks := w.restless(victim); return lacks })
				t.Logf("the others are settled after %s, the lonely node is at rest after %s", others, time.Since(began))
				w.must(rest[0].startJob(3))
				w.settled(rest...)
				alone := w.programs(victim)
				if len(alone) < 3 {
					t.Errorf("the lonely node has only %v", alone)
				}
				began = time.Now()
				w.must(c.heal(n, at))
				w.settled()
				t.Logf("all are settled %s after healing; there were twice %v", time.Since(began), alone)
				w.shut()
			})
		}
	}
}

// busy gives every node something to do, and returns the others than the victim.
func (w *world) busy(victim *host) (rest []*host) {
	w.t.Helper()
	for i, h := range w.nodes {
		w.must(h.startJob(i))
		if h != victim {
			rest = append(rest, h)
		}
	}
	w.settled()
	return rest
}

// TestOneLine cuts the line between two nodes that both see the third one. That is no reason to give anybody up.
func TestOneLine(t *testing.T) {
	for _, who := range []string{"Master", "others"} {
		for _, how := range []string{"both ways", "one way"} {
			t.Run(who+"/"+how, func(t *testing.T) {
				t.Parallel()
				n, p := newHub(t, 3)
				p.options = "inactivity_ticks=6" // each suspicion has to be denied by way of the third node, for which a busy machine wants time
				w := newWorld(t, 3, p)
				a, b, third := w.three()
				if who == "others" {
					a, third = third, a
				}
				w.busy(third)
				x, y := slices.Index(w.nodes, a), slices.Index(w.nodes, b)
				w.must(n.set(func(from, to int) line {
					return line{cut: from == x && to == y || how == "both ways" && from == y && to == x}
				}))
				w.calm(12 * time.Second) // TCP gives the connections up in this time, and views may get no older than that
				w.must(third.startJob(3))
				began := time.Now()
				w.must(n.heal(x))
				w.settled()
				t.Logf("all are settled %s after healing", time.Since(began))
				w.shut()
			})
		}
	}
}

// every fifth frame is lost, and the others are slow.
const (
	loss          = 0.2
	delay, jitter = 100 * time.Millisecond, 30 * time.Millisecond
)

// spoilers make all lines bad: ours where the kernel cannot.
var spoilers = []struct {
	name        string
	spoil, heal func(n *hub, node int) error
}{
	{"hub", func(n *hub, _ int) error {
		return n.set(func(int, int) line { return line{loss: loss, delay: delay, jitter: jitter} })
	}, (*hub).heal},
	{"netem", func(n *hub, node int) error {
		return n.within(node, "tc", "qdisc", "add", "dev", n.spaces[node], "root", "netem", "loss", fmt.Sprintf("%.0f%%", loss*100),
			"delay", fmt.Sprintf("%dms", delay.Milliseconds()), fmt.Sprintf("%dms", jitter.Milliseconds()))
	}, func(n *hub, node int) error {
		return n.within(node, "tc", "qdisc", "del", "dev", n.spaces[node], "root")
	}},
}

// TestBadLines has a cluster work in a bad network. A silence of 2 s, which ends a node by default, is nothing there: TCP sends what is lost
// for the fourth time by then. So nodes come and go, until the network is good again. With the inactivity_ticks that such a network wants
// the cluster rests in spite of it, and takes nodes back.
func TestBadLines(t *testing.T) {
	for _, s := range spoilers {
		for _, ticks := range []int{2, 30} {
			t.Run(fmt.Sprintf("%s/%d ticks", s.name, ticks), func(t *testing.T) {
				t.Parallel()
				n, p := newHub(t, 3)
				p.options = fmt.Sprintf("inactivity_ticks=%d", ticks)
				w := newWorld(t, 3, p)
				w.patience = 4 * patience // whatever is said has to be said again and again
				_, plain, _ := w.three()
				w.busy(plain)
				for node := range w.nodes {
					if err := s.spoil(n, node); err != nil {
						t.Skipf("the kernel cannot spoil lines: %v", err)
					}
				}
				if ticks > 2 {
					w.calm(15 * time.Second)
					w.kill(plain)
					w.boot(plain)
					began := time.Now()
					w.settled()
					t.Logf("a node that was killed is back after %s", time.Since(began))
					w.calm(5 * time.Second)
				} else {
					w.flap(20 * time.Second)
				}
				t.Logf("a request meanwhile: %v", w.nodes[0].startJob(3))
				for node := range w.nodes {
					w.must(s.heal(n, node))
				}
				w.settled()
				w.shut()
			})
		}
	}
}

// calm checks that a settled cluster stays as it is.
func (w *world) calm(d time.Duration) {
	w.t.Helper()
	w.stays(d, "all nodes are there and do nothing", func() string {
		_, lacks := w.restless(w.nodes...)
		return lacks
	})
}

// flap lets a cluster do what it does, but it must answer, and tells how restless it was.
func (w *world) flap(d time.Duration) {
	w.t.Helper()
	asked, restless := 0, 0
	w.stays(d, "the nodes answer", func() string {
		asked++
		for _, h := range w.nodes {
			if _, lacks := h.view(len(w.nodes)); lacks != "" {
				restless++
				break
			}
		}
		for _, h := range w.nodes {
			if h.state() == "" {
				return h.name + " does not"
			}
		}
		return ""
	})
	w.t.Logf("it was not at rest %d of %d times", restless, asked)
}
