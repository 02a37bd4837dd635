package agent

import (
	"errors"
	"slices"
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
)

// TestSuspend: a suspended application is disabled and stopped here; when it goes on, what starts by itself does, and the cluster places it.
func TestSuspend(t *testing.T) {
	w := newWorld(t, web+"[program:own]\ncommand=PLAY idle\nstartsecs=0\n", nil)
	for _, name := range []string{"web:a", "web:b", "own"} {
		w.sup.Wait(name, process.Running)
	}
	w.team.see(cluster.Operation, application("web", true, 1, "a", "b"), application("own", false, 0, "own"))
	state := func() map[string]bool {
		all := map[string]bool{}
		for _, app := range w.Applications() {
			all[app.Name] = app.Suspended
		}
		return all
	}
	suspend := func(on bool, names ...string) {
		t.Helper()
		if err := w.Suspend(t.Context(), names, on); err != nil {
			t.Fatal(err)
		}
	}
	suspend(true, "web")
	want(t, "suspended", w.sup.States(), "own RUNNING, web:a STOPPED, web:b STOPPED")
	if s := state(); !s["web"] || s["own"] || w.enabled["a"] || w.enabled["b"] || len(w.enabled) != 2 {
		t.Error(s, w.enabled)
	}
	if err := w.sup.StartProcess(t.Context(), process.ParseNamespec("web:a"), false); !errors.Is(err, process.ErrDisabled) {
		t.Error(err)
	}
	w.again()
	suspend(true, "web") // once more
	wantList(t, "reasons", w.ledger.why(), []string{"web 119 service suspended"})
	wantList(t, "asked", w.team.took(), nil)

	w.team.answer = func(cluster.Request) error { return &cluster.RequestError{Reason: cluster.AlreadyStarted} }
	suspend(false, "web", "own")
	w.sup.Wait("web:a", process.Running)
	w.sup.Wait("web:b", process.Running)
	wantList(t, "asked", w.team.took(), []string{"cluster.StartApplication{Strategy:LESS_LOADED Name:web Wait:false}"})
	want(t, "active", state()["web"], false)

	suspend(true, "web", "own")
	v := w.team.see(cluster.Operation, application("web", true, 0, "a", "b"), application("own", false, 3, "own"))
	v.Application("web").Process("b").Running = []string{"n2:1"}
	suspend(false, "web", "own")
	wantList(t, "nothing to place", w.team.took(), nil)
	codes := slices.DeleteFunc(w.logged(true), func(code string) bool { return code == journal.CodeRegistered })
	wantList(t, "events", codes[:2], []string{journal.CodeConfigStateChanging, journal.CodeConfigStateChanged})
	want(t, "events", len(codes), 12)
}

// TestShared: a program of two applications is not disabled for one of them.
func TestShared(t *testing.T) {
	w := newWorld(t, "[program:a]\ncommand=PLAY idle\nstartsecs=0\n[group:left]\nprograms=a\n[group:right]\nprograms=a\n", nil)
	w.sup.Wait("left:a", process.Running)
	w.sup.Wait("right:a", process.Running)
	wantText[*agent.BadInput](t, "one of them", w.Suspend(t.Context(), []string{"left"}, true),
		"the program a of the application left is one of the application right as well")
	wantText[*agent.BadInput](t, "unknown", w.Suspend(t.Context(), []string{"up"}, true), "no application up")
	want(t, "nothing was done", w.sup.States(), "left:a RUNNING, right:a RUNNING")
	if err := w.Suspend(t.Context(), []string{"left", "right"}, true); err != nil {
		t.Fatal(err)
	}
	want(t, "both", w.sup.States(), "left:a STOPPED, right:a STOPPED")
}

// TestCancel: what an agreement was about is stopped here and placed again.
func TestCancel(t *testing.T) {
	w := newWorld(t, web, nil)
	w.sup.Wait("web:a", process.Running)
	w.sup.Wait("web:b", process.Running)
	w.team.see(cluster.Operation, application("web", true, 1, "a", "b"))
	app := w.Application("web")
	w.ledger.agreements = []agent.Agreement{{ID: "1", Workload: app.Workload()}, {ID: "2", Workload: app.Workload(), Terminated: 5},
		{ID: "3", Workload: app.Workload(), Terminated: 5, Archived: true}, {ID: "4", Workload: agent.Workload{URL: "gone"}}}
	ctx := t.Context()
	for _, id := range []string{"3", "4", "5"} {
		wantText[*agent.NotFound](t, id, w.Cancel(ctx, id, false), "no such agreement")
	}
	if err := w.Cancel(ctx, "2", false); err != nil {
		t.Error("one that is ending", err)
	}
	w.team.see(cluster.Conciliation, application("web", true, 1, "a", "b"))
	wantText[*agent.Conflict](t, "in CONCILIATION", w.Cancel(ctx, "1", false), "OPERATION")
	want(t, "nothing was done", w.sup.States(), "web:a RUNNING, web:b RUNNING")

	w.team.see(cluster.Operation, application("web", true, 1, "a", "b"))
	cancel := func(avoid bool, asked ...string) {
		t.Helper()
		if err := w.Cancel(ctx, "1", avoid); err != nil {
			t.Fatal(err)
		}
		var all []string
		supervisortest.Until(t, "the cluster is asked", func() bool {
			all = append(all, w.team.took()...)
			return len(all) >= len(asked) && !w.cancelling("1")
		})
		wantList(t, "asked", all, asked)
	}
	cancel(false, "cluster.StartApplication{Strategy:LESS_LOADED Name:web Wait:false}")
	want(t, "stopped", w.sup.States(), "web:a STOPPED, web:b STOPPED")
	wantList(t, "reasons", w.ledger.why(), []string{"web 105 user requested"})
	cancel(false) // nothing has run

	start := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := w.sup.StartProcess(ctx, process.ParseNamespec(name), false); err != nil {
				t.Fatal(err)
			}
			w.sup.Wait(name, process.Running)
		}
	}
	start("web:b")
	w.team.club.took()
	cancel(true, "cluster.StartProcesses{Strategy:LESS_LOADED Namespec:web:b ExtraArgs: Wait:true}")
	wantList(t, "the node is left out only meanwhile", w.team.club.took(), []string{"RESERVED", "ask cluster.StartProcesses", "SERVING"})
	start("web:a", "web:b")
	w.team.View().Application("web").Process("a").Rules.StartSequence = 2
	w.team.answer = func(cluster.Request) error { return &cluster.RequestError{Reason: cluster.AlreadyStarted} }
	cancel(true, "cluster.StartApplication{Strategy:LESS_LOADED Name:web Wait:true}",
		"cluster.StartProcesses{Strategy:LESS_LOADED Namespec:web:b ExtraArgs: Wait:true}",
		"cluster.StartProcesses{Strategy:LESS_LOADED Namespec:web:a ExtraArgs: Wait:true}")
	calls := w.team.club.took()
	want(t, "the last word of the node", calls[len(calls)-1], "SERVING")
}

// TestAvoidAndLeave: a start that avoids the node does not keep it from leaving, and leaves no trace in what the node is.
func TestAvoidAndLeave(t *testing.T) {
	w := newWorld(t, web, nil)
	w.sup.Wait("web:a", process.Running)
	w.sup.Wait("web:b", process.Running)
	w.team.see(cluster.Operation, application("web", true, 1, "a", "b"))
	app := w.Application("web")
	w.ledger.agreements = []agent.Agreement{{ID: "1", Workload: app.Workload()}}
	asked, release := make(chan struct{}), make(chan struct{})
	w.team.answer = func(cluster.Request) error {
		close(asked)
		<-release
		return errors.New("no resource")
	}
	if err := w.Cancel(t.Context(), "1", true); err != nil {
		t.Fatal(err)
	}
	<-asked
	if err := w.Cancel(t.Context(), "1", true); err != nil { // it is under way
		t.Error(err)
	}
	w.team.see(cluster.Operation)
	if err := w.Unregister(t.Context(), leave); err != nil {
		t.Fatal(err)
	}
	close(release)
	supervisortest.Until(t, "the start has failed", func() bool { return !w.cancelling("1") })
	wantList(t, "calls", w.team.club.took(), []string{"RESERVED", "ask cluster.StartApplication", "DRAINING", "withdraw false"})
	w.into(agent.Configured)
	wantList(t, "calls", w.team.club.took(), []string{"join t0ken  RESERVED", "RESERVED", "SERVING"})
}

// cancelling reports whether a cancellation is under way.
func (w *world) cancelling(id string) bool {
	r := &w.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ending[id]
}

// TestGoOn: what has ended starts again with its application, unless the cluster has it on another node.
func TestGoOn(t *testing.T) {
	w := newWorld(t, "[program:once]\ncommand=true\nstartsecs=0\nautorestart=false\n[program:lost]\ncommand=/no/such/file\nstartsecs=0\nstartretries=0\n"+
		"[group:web]\nprograms=once,lost\n", nil)
	for _, tt := range []struct {
		at    string // where the cluster has it
		again bool
	}{{"n1:1", true}, {"n2:1", false}} {
		first := w.sup.Wait("web:once", process.Exited)
		v := w.team.see(cluster.Operation, application("web", true, 0, "once"))
		v.Application("web").Process("once").Running = []string{tt.at}
		for _, on := range []bool{true, false} {
			if err := w.Suspend(t.Context(), []string{"web"}, on); err != nil {
				t.Fatal(err)
			}
		}
		now := w.sup.Wait("web:once", process.Exited)
		want(t, "started again, at "+tt.at, now.Start.After(first.Start), tt.again)
	}
}
