package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

var (
	mine   = agent.Registration{ID: "n1", Name: "one", Pattern: "rack", Token: "t0ken"}
	leave  = agent.Unregistration{Block: true}
	noAuto = func(c *Config) { c.Options.AutoConfigure = false }
)

// into brings a node, which is not registered, into a state. An Unconfiguring one stays so until its View says that web is down.
func (w *world) into(s agent.State) {
	w.t.Helper()
	ctx := w.t.Context()
	var errs []error
	if s != agent.Unconfigured {
		errs = append(errs, w.Register(ctx, mine))
	}
	if s > agent.Configuring {
		errs = append(errs, w.SetState(ctx, agent.Configured))
	}
	if s == agent.Unconfiguring {
		w.team.see(cluster.Operation, application("web", true, 1, "a"))
		errs = append(errs, w.Unregister(ctx, agent.Unregistration{}))
	}
	if err := errors.Join(errs...); err != nil || w.Node().State != s {
		w.t.Fatal(s, w.Node().State, err)
	}
}

const web = "[program:a]\ncommand=PLAY idle\nstartsecs=0\n[program:b]\ncommand=PLAY idle\nstartsecs=0\n[group:web]\nprograms=a,b\n"

// TestStates tries every operation in every state, and on a node without a cluster, which is in none.
func TestStates(t *testing.T) {
	operations := []struct {
		name string
		do   func(context.Context, *Agent) error
	}{
		{"register", func(ctx context.Context, a *Agent) error { return a.Register(ctx, mine) }},
		{"token", func(ctx context.Context, a *Agent) error { return a.SetToken(ctx, "other") }},
		{"configured", func(ctx context.Context, a *Agent) error { return a.SetState(ctx, agent.Configured) }},
		{"configuring", func(ctx context.Context, a *Agent) error { return a.SetState(ctx, agent.Configuring) }},
		{"unregister", func(ctx context.Context, a *Agent) error { return a.Unregister(ctx, leave) }},
		{"edit", func(ctx context.Context, a *Agent) error {
			return a.Edit(ctx, func(*agent.Settings) error { return nil })
		}},
		{"suspend", func(ctx context.Context, a *Agent) error { return a.Suspend(ctx, nil, true) }},
		{"services", func(ctx context.Context, a *Agent) error { _, err := a.Services(ctx); return err }},
		{"policies", func(ctx context.Context, a *Agent) error { _, err := a.Policies(ctx); return err }},
	}
	const none, wrong = "*agent.NotRegistered", "*agent.WrongState"
	for _, tt := range []struct {
		state string
		want  [9]string // the type of the error, or the state that follows
	}{
		{"unconfigured", [9]string{"configuring", none, none, none, none, none, none, none, none}},
		{"configuring", [9]string{"*agent.Conflict", "configuring", "configured", wrong, "unconfigured", "configuring", "configuring", "configuring", "configuring"}},
		{"configured", [9]string{"*agent.Conflict", wrong, wrong, wrong, "unconfigured", "configured", "configured", "configured", "configured"}},
		{"unconfiguring", [9]string{"*agent.BadInput", wrong, wrong, wrong, wrong, "unconfiguring", "unconfiguring", "unconfiguring", "unconfiguring"}},
		{"alone", [9]string{wrong, none, none, none, none, none, none, none, none}},
	} {
		t.Run(tt.state, func(t *testing.T) {
			for i, op := range operations {
				w := newWorld(t, "", func(c *Config) {
					noAuto(c)
					if tt.state == "alone" {
						c.Cluster, c.Membership = nil, nil
					}
				})
				if s, err := agent.ParseState(tt.state); err == nil {
					w.into(s)
				}
				got, before := "", w.Node().State
				if err := op.do(t.Context(), w.Agent); err != nil {
					got = fmt.Sprintf("%T", err)
					want(t, op.name+": state after an error", w.Node().State, before)
				} else {
					got = w.Node().State.String()
				}
				want(t, op.name, got, tt.want[i])
				w.team.see(cluster.Operation)
			}
		})
	}
}

// TestLife: what the cluster is told, what clients are shown, and what is logged, from the registration to its end.
func TestLife(t *testing.T) {
	w := newWorld(t, "", func(c *Config) {
		noAuto(c)
		c.Options.AllowJoin = true
	})
	ctx := t.Context()
	want(t, "before", w.Node(), agent.Node{ID: "n1"})
	r := mine
	r.Join = []string{"n3:1", "N2:1"}
	if err := w.Register(ctx, r); err != nil {
		t.Fatal(err)
	}
	n := w.Node()
	if !n.Registered || n.Name != "one" || n.Pattern != "rack" || !n.TokenValid || n.TokenValidated == 0 || n.Updated == 0 {
		t.Errorf("%+v", n)
	}
	wantList(t, "registered", w.team.club.took(), []string{"join t0ken n3:1 RESERVED", "RESERVED"})
	if err := w.SetToken(ctx, "other"); err != nil {
		t.Fatal(err)
	}
	wantList(t, "another token", w.team.club.took(), []string{"withdraw false", "join other n3:1 RESERVED"})
	if err := w.SetState(ctx, agent.Configured); err != nil {
		t.Fatal(err)
	}
	wantList(t, "configured", w.team.club.took(), []string{"SERVING"})
	if err := w.Unregister(ctx, agent.Unregistration{Block: true, RemoveNode: true}); err != nil {
		t.Fatal(err)
	}
	wantList(t, "unregistered", w.team.club.took(), []string{"DRAINING", "withdraw true"})
	wantList(t, "all events", w.logged(true), []string{journal.CodeRegistered, journal.CodeUnregistrationStarted, journal.CodeUnregistered})
	wantList(t, "events since", w.logged(false), nil)
	w.into(agent.Configured)
	wantList(t, "events of the next life", w.logged(false), []string{journal.CodeRegistered})
	if n, err := w.PruneEvents(ctx); n != 3 || err != nil {
		t.Error(n, err)
	}
	wantList(t, "events that are left", w.logged(true), []string{journal.CodeRegistered})
}

// TestStart: what a client has said counts more than the configuration, at each start.
func TestStart(t *testing.T) {
	for _, auto := range []bool{false, true} {
		for _, tt := range []struct {
			state agent.State
			want  agent.State
			start string
		}{
			{agent.Unconfigured, agent.Unconfigured, "WITHDRAWN  []"},
			{agent.Configuring, agent.Configuring, "RESERVED t0ken []"},
			{agent.Configured, agent.Configured, "SERVING t0ken []"},
			{agent.Unconfiguring, agent.Unconfigured, "WITHDRAWN  []"},
		} {
			t.Run(fmt.Sprint(tt.state, auto), func(t *testing.T) {
				w := newWorld(t, "", noAuto)
				w.into(agent.Configured)
				if err := w.Unregister(t.Context(), leave); err != nil {
					t.Fatal(err)
				}
				w.into(tt.state)
				w.change = func(c *Config) { c.Options.AutoConfigure = auto }
				w.again()
				want(t, "state", w.Node().State, tt.want)
				s := w.cfg.Start
				want(t, "start", fmt.Sprint(s.Standing, " ", s.Secret, " ", s.Join), tt.start)
				if tt.want != agent.Unconfigured {
					want(t, "name", w.Node().Name, "one")
				}
				w.again() // and it is so for good
				want(t, "state after one more start", w.Node().State, tt.want)
				if tt.state == agent.Unconfiguring && !slices.Contains(w.logged(true), journal.CodeUnregistered) {
					t.Error("the end of the unregistration is not logged")
				}
			})
		}
	}
}

// TestFirstStart: without a word of a client the configuration counts.
func TestFirstStart(t *testing.T) {
	w := newWorld(t, "", func(c *Config) {
		set, problems := rules.Parse("rules.xml", []byte(`<root><alias name="all">rack</alias><application name="web"><identifiers>all,shelf</identifiers></application></root>`))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		c.RuleSet = func() *rules.Set { return set }
	})
	n := w.Node()
	if n.State != agent.Configured || !n.Registered || n.Name != "n1" || n.Pattern != "rack" || w.cfg.Start.Standing != cluster.Serving || w.cfg.Start.Secret != "" {
		t.Errorf("%+v %+v", n, w.cfg.Start)
	}
	for pattern, known := range map[string]bool{"rack": true, "shelf": true, "all": false, "box": false} {
		want(t, pattern, w.HasPattern(pattern), known)
	}
	supervisortest.Until(t, "the registration is logged", func() bool { return slices.Contains(w.logged(false), journal.CodeRegistered) })
	if _, err := os.Stat(w.folder.Path(registrationFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the registration of the configuration is kept", err)
	}
	w.change = noAuto
	w.again()
	want(t, "without auto_configure", w.Node().State, agent.Unconfigured)
	w.change = func(c *Config) { c.Cluster, c.Membership = nil, nil }
	w.again()
	want(t, "without a cluster", w.Node(), agent.Node{ID: "tester"})
}

// TestRegisterRefused: a node that cannot join stays what it was.
func TestRegisterRefused(t *testing.T) {
	w := newWorld(t, "", noAuto)
	with := func(change func(*agent.Registration)) error {
		r := mine
		change(&r)
		return w.Register(t.Context(), r)
	}
	wantText[*agent.BadInput](t, "another node", with(func(r *agent.Registration) { r.ID = "n2" }), "id of the node")
	wantText[*agent.Forbidden](t, "a stranger", with(func(r *agent.Registration) { r.Join = []string{"n2:1", "evil:1"} }), "allow_join")
	if err := with(func(r *agent.Registration) { r.Token = "wrong" }); err == nil || !strings.Contains(err.Error(), "another token") {
		t.Error(err)
	}
	wantList(t, "one attempt", w.team.club.took(), []string{"join wrong  RESERVED"})
	w.folder.full.Store(true)
	if err := with(func(*agent.Registration) {}); !errors.Is(err, errFull) {
		t.Error(err)
	}
	w.folder.full.Store(false)
	wantList(t, "taken back", w.team.club.took(), []string{"join t0ken  RESERVED", "withdraw false"})
	want(t, "state", w.Node(), agent.Node{ID: "n1"})
	w.again()
	want(t, "state after a start", w.Node(), agent.Node{ID: "n1"})
	if err := with(func(r *agent.Registration) { r.Token, r.Join = "s3cret", []string{"n2:1"} }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.folder.Path(registrationFile))
	if err != nil || strings.Contains(string(data), "s3cret") {
		t.Errorf("the secret of the configuration is kept as well: %s %v", data, err)
	}
}

// TestSetTokenBack: a token that is not taken costs the node nothing but the attempt.
func TestSetTokenBack(t *testing.T) {
	w := newWorld(t, "", noAuto)
	w.into(agent.Configuring)
	w.team.club.took()
	if err := w.SetToken(t.Context(), "wrong"); err == nil || !strings.Contains(err.Error(), "another token") {
		t.Error(err)
	}
	wantList(t, "back", w.team.club.took(), []string{"withdraw false", "join wrong  RESERVED", "join t0ken  RESERVED"})
	w.folder.full.Store(true)
	if err := w.SetToken(t.Context(), "good"); !errors.Is(err, errFull) {
		t.Error(err)
	}
	wantList(t, "not kept", w.team.club.took(), []string{"withdraw false", "join good  RESERVED", "withdraw false", "join t0ken  RESERVED"})
	w.folder.full.Store(false)
	want(t, "valid", w.Node().TokenValid, true)
	w.team.club.refuse["t0ken"] = errors.New("gone")
	if err := w.SetToken(t.Context(), "wrong"); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
	want(t, "valid without a way back", w.Node().TokenValid, false)
	wantText[*agent.WrongState](t, "configured without a token", w.SetState(t.Context(), agent.Configured), "token")
	w.again()
	want(t, "secret of the next start", w.cfg.Start.Secret, "t0ken")
}

// TestUnregister: the Master has the time to move what is managed; the rest of the node goes on.
func TestUnregister(t *testing.T) {
	w := newWorld(t, web+"[program:own]\ncommand=PLAY idle\nstartsecs=0\n", nil)
	for _, name := range []string{"web:a", "web:b", "own"} {
		w.sup.Wait(name, 20)
	}
	w.team.see(cluster.Operation, application("web", true, 1, "a", "b"), application("own", false, 0, "own"))
	done := make(chan error, 1)
	go func() { done <- w.Unregister(t.Context(), leave) }()
	supervisortest.Until(t, "unconfiguring", func() bool { return w.Node().State == agent.Unconfiguring })
	supervisortest.Until(t, "the Master is waited for", func() bool { return len(w.team.next) == 0 && len(w.ledger.why()) == 1 })
	want(t, "nobody else stops anything", w.sup.States(), "own RUNNING, web:a RUNNING, web:b RUNNING")

	moving := instance("n2")
	moving.Modes.Starting = true
	self := w.team.View().Self
	for range 2 { // the second one is read by who was kept by the first
		w.team.show(&cluster.View{Self: self, Instances: []*cluster.InstanceView{self, moving}})
		supervisortest.Until(t, "the View is read", func() bool { return len(w.team.next) == 0 })
	}
	want(t, "while others start what it ran", w.Node().State, agent.Unconfiguring)
	w.team.see(cluster.Operation, application("web", true, 1))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want(t, "what is left of web has been stopped", w.sup.States(), "own RUNNING, web:a STOPPED, web:b STOPPED")
	wantList(t, "reasons", w.ledger.why(), []string{"web 116 node was unconfigured"})
	wantList(t, "calls", w.team.club.took(), []string{"DRAINING", "withdraw false"})
	want(t, "after", w.Node().Registered, false)
}

// TestUnregisterAlone: without a Master that could move anything the node empties itself at once.
func TestUnregisterAlone(t *testing.T) {
	for _, state := range []cluster.State{cluster.Synchronization, cluster.Operation} {
		w := newWorld(t, web, nil)
		w.sup.Wait("web:a", 20)
		v := *w.team.see(state, application("web", true, 1, "a", "b"))
		self := *v.Self
		self.Modes.Master = ""
		v.Self = &self
		w.team.show(&v)
		if err := w.Unregister(t.Context(), agent.Unregistration{Block: true, StopAll: true}); err != nil {
			t.Fatal(err)
		}
		want(t, state.String(), w.sup.States(), "web:a STOPPED, web:b STOPPED")
	}
}

// TestUnregisterSlowly: who waits is told that it takes longer; the node empties itself then, and leaves.
func TestUnregisterSlowly(t *testing.T) {
	w := newWorld(t, web+"[program:own]\ncommand=PLAY idle\nstartsecs=0\n", func(c *Config) { c.Options.QuiesceTimeout = 100 * time.Millisecond })
	w.sup.Wait("web:a", 20)
	w.sup.Wait("own", 20)
	w.team.see(cluster.Operation, application("web", true, 1, "a", "b"))
	w.team.club.stuck = errors.New("nobody listens")
	if err := w.Unregister(t.Context(), agent.Unregistration{Block: true, StopAll: true}); err == nil {
		t.Error("an unregistration that has failed, or that takes too long, went well")
	}
	supervisortest.Until(t, "the node has left", func() bool { return w.Node().State == agent.Unconfigured })
	want(t, "stopped", w.sup.States(), "own STOPPED, web:a STOPPED, web:b STOPPED")
}

// TestDeepClean: nothing is left of what clients have said but that the node was unregistered.
func TestDeepClean(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		w := newWorld(t, web, nil)
		note := func(s *agent.Settings) error {
			s.Attributes = append(s.Attributes, agent.Attribute{ID: "1", Type: agent.UserInput, Mappings: agent.Mappings{"A": "b"}})
			return nil
		}
		if err := w.Edit(t.Context(), note); err != nil {
			t.Fatal(err)
		}
		if interrupted {
			w.team.see(cluster.Operation, application("web", true, 1, "a"))
		}
		if err := w.Unregister(t.Context(), agent.Unregistration{Block: !interrupted, DeepClean: true}); err != nil {
			t.Fatal(err)
		}
		if interrupted {
			w.again()
		}
		want(t, "attributes", len(w.Settings().Attributes), 1)
		_, err := os.Stat(w.folder.Path(settingsFile))
		want(t, "the file is gone", errors.Is(err, os.ErrNotExist), true)
		w.again()
		want(t, "attributes after a start", len(w.Settings().Attributes), 1)
		want(t, "state after a start", w.Node().State, agent.Unconfigured)
	}
}

// TestCallerLeaves: an operation goes on without its caller.
func TestCallerLeaves(t *testing.T) {
	w := newWorld(t, web, nil)
	w.sup.Wait("web:a", 20)
	w.team.see(cluster.Operation, application("web", true, 1, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Unregister(ctx, leave) }()
	supervisortest.Until(t, "unconfiguring", func() bool { return w.Node().State == agent.Unconfiguring })
	cancel()
	want(t, "caller", <-done, context.Canceled)
	w.team.see(cluster.Operation)
	supervisortest.Until(t, "the node has left", func() bool { return w.Node().State == agent.Unconfigured })
}
