package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
)

// What the bus had to drop is told by number, and made up for by what the processes are.
func TestLostEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do("order web:a request; start web:a; wait 1s; up web:a; start free:one; wait 1s; up free:one")
		w.stop()
		w.do("stop web:a; exit web:a 0; order job:serve request; start job:serve; wait 1s; up job:serve")
		for range queue / 3 {
			w.do("stop free:one; exit free:one 0; start free:one")
		}
		w.run()
		synctest.Wait()
		if w.tell.Count("ledger has missed events") != 1 || w.tell.Count(fmt.Sprintf("count=%d", 4+3*(queue/3)-queue)) != 1 {
			t.Errorf("told %s", w.tell)
		}
		wantLines(t, "agreements", w.agreements(), []string{
			"web [a] n2 start_application: 0 0 0 1 1; 3 3 3: 103 service terminated",
			"job [serve] n2 start_application: 2 3 2 3 3"})
		if all := w.ledger.Instances(); len(all) < 2 || all[0].Application.Name != "free" || all[1].Application.Name != "job" || all[1].Archived {
			t.Errorf("got %+v", all)
		}
		w.close()
	})
}

// A daemon that replaces another one in place finds its processes running.
func TestFoundRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stop()
		w.sub.Close()
		w.do("start web:a; start free:one; wait 1s; up web:a; up free:one; cannot free:two")
		w.sub = w.bus.Subscribe(queue, Events()...)
		w.run()
		synctest.Wait()
		var got []string
		for _, i := range w.ledger.Instances() {
			got = append(got, fmt.Sprintln(i.Application.Name, len(i.Containers), i.Archived))
		}
		wantLines(t, "instances", got, []string{"free 2 false\n", "web 1 false\n"})
		w.do("stop web:a; exit web:a 0; stop free:one; exit free:one 0; stop free:two")
		wantLines(t, "records", w.records(), []string{"container_stopped web", "container_stopped free"})
		if n := len(w.ledger.Instances()); n != 2 || w.ledger.Instances()[0].FailureCode != 0 {
			t.Errorf("got %+v", w.ledger.Instances())
		}
		w.close()
	})
}

// Processes tell first, and then show: what was told is not taken back by what they still show.
func TestSurveyIsLate(t *testing.T) {
	at := time.Now()
	info := func(s process.State, start, stop int) process.Info {
		return process.Info{State: s, Start: at.Add(time.Duration(start)), Stop: at.Add(time.Duration(stop))}
	}
	for _, c := range []struct {
		what        string
		told, shown process.Info
		want        bool
	}{
		{"started", info(process.Starting, 2, 1), info(process.Stopped, 0, 1), true},
		{"stopped", info(process.Stopped, 2, 3), info(process.Stopping, 2, 1), true},
		{"given up", info(process.Fatal, 2, 1), info(process.Backoff, 2, 1), true},
		{"nothing", info(process.Running, 2, 1), info(process.Running, 2, 1), false},
		{"an end was missed", info(process.Running, 2, 1), info(process.Exited, 2, 3), false},
		{"a start was missed", info(process.Stopped, 2, 3), info(process.Running, 4, 3), false},
	} {
		m := member{info: c.told, known: true}
		if got := m.outruns(c.shown); got != c.want {
			t.Errorf("%s: got %v", c.what, got)
		}
	}
}

func TestGroupsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		synctest.Wait() // the processes of the beginning are surveyed
		w.do("order web:a request; start web:a; start free:one; stop free:one; exit free:one 0; remove free")
		p, _ := w.Process(process.Namespec{Group: "web", Process: "b"})
		w.bus.Publish(event.ProcessRemoved{Info: p.Info})
		w.do("stop web:a; exit web:a 0")
		w.stop()
		if len(w.ledger.apps) != 2 || len(w.ledger.apps["web"].processes) != 1 {
			t.Errorf("left: %+v", w.ledger.apps)
		}
		if a := w.agreements(); len(a) != 1 || !strings.Contains(a[0], ": 105 ") {
			t.Errorf("got %v", a)
		}
		w.close()
	})
}

func TestRunWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stop()
		ctx, cancel := context.WithCancel(t.Context())
		views, ran := make(chan *cluster.View, 3), make(chan struct{})
		go func() { defer close(ran); w.ledger.Run(ctx, w.sub, &node.Watch{C: views}) }()
		views <- newView()
		views <- changed(newView(), modes("n3:1", cluster.Operation))
		w.do("order web:a request")
		cancel()
		<-ran
		got := w.records()
		slices.Sort(got)
		wantLines(t, "records", got, []string{"agreement_reached", "master_elected n3", "received_proposal"})
		w.stop = func() {}
		w.close()
	})
}

// Run ends when its bus does, with all that was queued taken into account.
func TestBusCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stop()
		w.do("order web:b request; start web:b; stop web:b; exit web:b 0")
		w.bus.Close()
		w.ledger.Run(context.Background(), w.sub, nil)
		w.stop = func() {}
		if a := w.agreements(); len(a) != 1 || !strings.Contains(a[0], ": 105 ") {
			t.Errorf("got %v", a)
		}
		w.close()
	})
}

// Everybody at once: for the race detector, and all must be accounted for in the end.
func TestConcurrency(t *testing.T) {
	const rounds = 200
	w := newWorld(t)
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, a := range w.ledger.Agreements() {
					if a.ID == "" || a.Archived && a.Terminated == 0 || len(a.Deployment) > 2 {
						t.Errorf("got %+v", a)
					}
				}
				w.ledger.Instances()
				w.ledger.Agreement("web")
			}
		})
	}
	for _, name := range []string{"web:b", "job:serve"} {
		group := process.ParseNamespec(name).Group
		writers.Go(func() {
			for range rounds {
				w.doAtOnce(fmt.Sprintf("order %[1]s request; start %[1]s; because %[2]s 120; stop %[1]s; exit %[1]s 0", name, group))
				supervisortest.Until(t, "the end", func() bool { _, ok := w.ledger.Agreement(group); return !ok })
			}
		})
	}
	writers.Wait()
	supervisortest.Until(t, "the last end", func() bool {
		all := w.ledger.Agreements()
		return len(all) == 2*rounds && !slices.ContainsFunc(all, func(a agent.Agreement) bool { return !a.Archived || a.Reason != InputChanged })
	})
	close(done)
	readers.Wait()
	w.close()
}

// BenchmarkStateChange is what each change of a process costs the owner, among a thousand applications; an eighth of them begins or ends a run.
func BenchmarkStateChange(b *testing.B) {
	w := newWorld(b)
	w.stop()
	w.ledger.survey(true)
	info := process.Info{Group: "web", Name: "b", State: process.Running, PID: 1}
	for i := range 1000 {
		w.ledger.change(process.Change{Info: process.Info{Group: fmt.Sprint("g", i), Name: "p", State: process.Starting}})
	}
	w.ledger.change(process.Change{Info: process.Info{Group: "web", Name: "a", State: process.Starting}})
	states := []process.State{process.Starting, process.Running, process.Exited, process.Backoff}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		info.State = states[n%len(states)]
		w.ledger.change(process.Change{Info: info})
		w.ledger.publish()
	}
	b.StopTimer()
	w.close()
}

func TestWithoutCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.close()
		cfg := w.config(nil)
		cfg.Cluster, cfg.Exchange, cfg.Environment, cfg.ContainerID, cfg.Definition, cfg.All = nil, nil, nil, nil, nil, true
		var err error
		if cfg.Log, err = journal.Open(filepath.Join(w.dir, "other.db"), journal.Limits{}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		w.log = cfg.Log
		if w.ledger, err = Open(cfg); err != nil {
			t.Fatal(err)
		}
		w.sub = w.bus.Subscribe(queue, Events()...)
		w.run()
		w.do("start web:a; wait 1s; up web:a")
		all := w.ledger.Agreements()
		if len(all) != 1 || all[0].Consumer != "local" || all[0].Proposal.Chosen != "n1" || all[0].Proposal.Candidates[0] != "n1" ||
			all[0].Finalized == 0 || all[0].Name != "Policy for web merged with LOCAL" {
			t.Errorf("got %+v", all)
		}
		if i := w.ledger.Instances(); len(i) != 1 || i[0].Managed || i[0].Agreements[0] != all[0].ID {
			t.Errorf("got %+v", i)
		}
		w.close()
	})
}
