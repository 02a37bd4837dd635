package faults

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// act is what a cluster is in the middle of when a node is lost: how to bring it there, and what else there is to be seen afterwards.
type act struct {
	state string
	plan  plan
	// enter brings a new world there and returns the Master, or who is about to be it, and another node.
	enter func(w *world) (master, plain *host)
	// after is what must have come of it; nil for nothing but a settled cluster.
	after func(w *world)
}

var acts = []act{
	{"SYNCHRONIZATION", plan{}, func(w *world) (master, plain *host) {
		w.boot(w.nodes[0], w.nodes[1]) // the third one is missing
		w.reached("SYNCHRONIZATION", w.nodes[0], w.nodes[1])
		w.until("the nodes see each other", func() string {
			if s := w.nodes[0].sees(w.nodes[1]) + w.nodes[1].sees(w.nodes[0]); s != "RUNNINGRUNNING" {
				return s
			}
			return ""
		})
		return w.nodes[0], w.nodes[1]
	}, nil},
	{"ELECTION", plan{}, func(w *world) (master, plain *host) {
		// the word of a frozen node keeps the others from electing
		old, plain, third := w.three()
		plain.signal(syscall.SIGSTOP)
		w.kill(old)
		w.reached("ELECTION", third)
		return third, plain
	}, nil},
	{"DISTRIBUTION", plan{start: 3}, func(w *world) (master, plain *host) {
		w.boot(w.nodes...)
		w.reached("DISTRIBUTION", w.nodes...)
		return w.master()
	}, nil},
	{"OPERATION", plan{}, func(w *world) (master, plain *host) {
		master, plain, _ = w.three()
		for _, err := range []error{plain.startJob(0), master.startJob(1), plain.startJob(2), master.stopJob(1)} {
			w.must(err)
		}
		return master, plain
	}, nil},
	{"CONCILIATION", plan{stop: 2500}, func(w *world) (master, plain *host) {
		master, plain, third := w.three()
		w.conflict(third, plain)
		return master, plain
	}, nil},
	{"CONCILIATION in favour of the Master", plan{stop: 2500}, func(w *world) (master, plain *host) {
		master, plain, third := w.three()
		w.conflict(third, master)
		return master, plain
	}, nil},
	{"RESTARTING", plan{stop: 2500}, func(w *world) (master, plain *host) {
		master, plain, _ = w.three()
		w.must(plain.call(nil, "supvisors.restart"))
		w.reached("RESTARTING", w.nodes...)
		return master, plain
	}, func(w *world) {
		for _, h := range w.nodes {
			if n := strings.Count(h.read("log"), "supervisord started with pid"); n != 2 {
				w.t.Errorf("%s has started %d times", h.name, n)
			}
		}
	}},
	{"SHUTTING_DOWN", plan{stop: 2500}, func(w *world) (master, plain *host) {
		master, plain, _ = w.three()
		w.must(plain.call(nil, "supvisors.shutdown"))
		w.reached("SHUTTING_DOWN", w.nodes...)
		return master, plain
	}, nil},
}

// three boots the world and returns the parts that its nodes play.
func (w *world) three() (master, plain, third *host) {
	w.t.Helper()
	w.boot(w.nodes...)
	w.settled()
	master, plain = w.master()
	for _, h := range w.nodes {
		if h != master && h != plain {
			third = h
		}
	}
	return master, plain, third
}

// conflict starts a job twice behind the back of the cluster, which then stops the older one.
func (w *world) conflict(older, kept *host) {
	w.t.Helper()
	w.must(older.ask(true, "jobs:job_0", "supervisor.startProcess", "jobs:job_0", true))
	w.settled()
	w.must(kept.call(nil, "supervisor.startProcess", "jobs:job_0", true))
	w.reached("CONCILIATION", w.nodes...)
}

// TestLossInState kills and freezes a node, and the Master, in every state of the cluster.
func TestLossInState(t *testing.T) {
	for _, a := range acts {
		for _, who := range []string{"Master", "other"} {
			for _, how := range []string{"killed", "frozen"} {
				t.Run(fmt.Sprintf("%s/%s/%s", a.state, who, how), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, 3, a.plan)
					victim, other := a.enter(w)
					if who == "other" {
						victim = other
					}
					lose(w, a, victim, how == "killed")
				})
			}
		}
	}
}

// lose takes a node out of a cluster, brings it back when the others have noticed, and checks what comes of it.
func lose(w *world, a act, victim *host, killed bool) {
	var rest []*host
	for _, h := range w.live() {
		if h != victim {
			rest = append(rest, h)
		}
	}
	if killed {
		w.kill(victim)
	} else {
		victim.signal(syscall.SIGSTOP)
	}
	for _, h := range rest {
		h.signal(syscall.SIGCONT) // one of them may have been frozen to hold the others
	}
	asked := make(chan error, 1)
	go func() { asked <- rest[0].startJob(3) }() // refused or carried out, but not forgotten
	w.until("the others have noticed", func() string {
		for _, h := range rest {
			if h.running() && h.sees(victim) == "RUNNING" {
				return h.name + " has not"
			}
		}
		return ""
	})
	if !killed {
		victim.signal(syscall.SIGCONT)
		rest = append(rest, victim)
	}
	if a.state == "SHUTTING_DOWN" {
		<-asked
		w.gone(rest...)
		return
	}
	var absent []*host
	for _, h := range w.nodes {
		if !h.live {
			absent = append(absent, h) // the victim that was killed, and who was missing before
		}
	}
	w.boot(absent...)
	w.t.Logf("a request meanwhile: %v", <-asked)
	w.settled()
	if a.after != nil {
		a.after(w)
	}
	w.shut()
}
