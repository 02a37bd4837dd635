package agent

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/agent"
)

// input is an attribute with one variable, of some applications or of all.
func input(id, name, value string, applications ...string) agent.Attribute {
	a := agent.Attribute{ID: id, Type: agent.UserInput, Label: id, Mappings: agent.Mappings{name: value}}
	for _, app := range applications {
		a.ServiceSpecs = append(a.ServiceSpecs, agent.ServiceSpec{URL: app, Organization: "supvisors"})
	}
	return a
}

// adding is a change that adds attributes.
func adding(attributes ...agent.Attribute) func(*agent.Settings) error {
	return func(s *agent.Settings) error {
		s.Attributes = append(s.Attributes, attributes...)
		return nil
	}
}

const two = `[program:one]
command=PLAY env DIR/one.env
startsecs=0
environment=FOO="program",BAR="program"
[program:two]
command=PLAY env DIR/two.env
startsecs=0
`

// TestEnvironment: a child is started with the variables that are set now, before its own, and which ones have older ones is shown.
func TestEnvironment(t *testing.T) {
	t.Setenv("FOO", "daemon")
	w := newWorld(t, two, func(c *Config) {
		c.Options.URLs = map[string]string{"one": "https://host/one"}
		c.Options.InjectGroups = []string{"one"}
	})
	env := w.environment("one.env", "FOO", "program")
	for name, value := range map[string]string{"HZN_NODE_ID": "n1", "HZN_DEVICE_ID": "n1", "HZN_ORGANIZATION": "supvisors", "HZN_AGREEMENTID": "of one", "HZN_PATTERN": ""} {
		if got, given := env[name]; !given || got != value {
			t.Errorf("%s: %q %t", name, got, given)
		}
	}
	if !strings.Contains(env["HZN_HOST_IPS"], "127.0.0.1") || env["HZN_ARCH"] == "" {
		t.Error(env["HZN_HOST_IPS"], env["HZN_ARCH"])
	}
	w.ledger.instances = []agent.Instance{{ID: "1", Application: w.Application("one")}, {ID: "2", Application: w.Application("two")},
		{ID: "0", Application: w.Application("one"), Archived: true}}
	stale := func() (list []string) {
		s, err := w.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range s.Instances {
			if run.StaleEnv {
				list = append(list, run.ID)
			}
		}
		return list
	}
	wantList(t, "stale at first", stale(), nil)
	if err := w.Edit(t.Context(), adding(input("1", "FOO", "user", "https://host/one"), input("2", "BAR", "all"), input("3", "BAR", "mine", "one"))); err != nil {
		t.Fatal(err)
	}
	wantList(t, "stale after a change for all", stale(), []string{"1", "2"})
	for _, name := range []string{"one", "two"} {
		ns := process.ParseNamespec(name)
		if err := w.sup.StopProcess(t.Context(), ns, true); err != nil {
			t.Fatal(err)
		}
		if err := w.sup.StartProcess(t.Context(), ns, false); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "of one application over all", w.environment("one.env", "FOO", "user")["BAR"], "mine")
	want(t, "for all", w.environment("two.env", "BAR", "all")["FOO"], "daemon")
	if _, given := w.environment("two.env", "BAR", "all")["HZN_NODE_ID"]; given {
		t.Error("two is told of the node as well")
	}
	wantList(t, "stale after a restart", stale(), nil)
	if err := w.Edit(t.Context(), adding(input("4", "BAR", "mine", "one"))); err != nil {
		t.Fatal(err)
	}
	wantList(t, "stale after a change that changes nothing", stale(), nil)
	w.again()
	w.sup.StopAll(t.Context(), true)
	os.Remove(w.sup.Path("one.env"))
	w.sup.StartAll(t.Context(), false)
	w.environment("one.env", "FOO", "user")
	want(t, "processes", len(w.sup.Processes()), 2)
}

// TestRestartOnInput: only what has another environment is restarted.
func TestRestartOnInput(t *testing.T) {
	w := newWorld(t, two, func(c *Config) { c.Options.RestartOnInput = true })
	w.sup.Wait("one", process.Running)
	before := w.sup.Wait("two", process.Running).PID
	if err := w.Edit(t.Context(), adding(input("1", "FOO", "user", "one"))); err != nil {
		t.Fatal(err)
	}
	w.environment("one.env", "FOO", "user")
	want(t, "two goes on", w.sup.Wait("two", process.Running).PID, before)
	wantList(t, "reasons", w.ledger.why(), []string{"one 120 user input changed"})
	if err := w.sup.StopProcess(t.Context(), process.ParseNamespec("one"), true); err != nil {
		t.Fatal(err)
	}
	if err := w.Edit(t.Context(), adding(input("2", "FOO", "again", "one"))); err != nil {
		t.Fatal(err)
	}
	w.Close()
	want(t, "what was stopped stays so", w.sup.States(), "one STOPPED, two RUNNING")
}

// TestEdit: settings are kept before they are shown, one change after the other, and an error changes nothing.
func TestEdit(t *testing.T) {
	w := newWorld(t, "", nil)
	arch := w.Settings().Attributes
	if len(arch) != 1 || arch[0].Type != agent.Architecture || len(arch[0].ID) != 36 {
		t.Errorf("%+v", arch)
	}
	w.again()
	want(t, "the architecture keeps its id", w.Settings().Attributes[0].ID, arch[0].ID)
	wrong := errors.New("wrong")
	err := w.Edit(t.Context(), func(s *agent.Settings) error {
		s.Attributes[0].Label = "changed"
		return wrong
	})
	if !errors.Is(err, wrong) || w.Settings().Attributes[0].Label != "Architecture" {
		t.Error(err, w.Settings())
	}
	w.folder.full.Store(true)
	if err := w.Edit(t.Context(), adding(input("0", "A", "b"))); !errors.Is(err, errFull) || len(w.Settings().Attributes) != 1 {
		t.Error(err, w.Settings())
	}
	w.folder.full.Store(false)
	var work sync.WaitGroup
	for _, id := range strings.Split("abcdefgh", "") {
		work.Go(func() {
			if err := w.Edit(t.Context(), adding(input(id, id, "1"))); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	w.again()
	want(t, "attributes after a start", len(w.Settings().Attributes), 9)
	want(t, "the architecture still", w.Settings().Attributes[0].ID, arch[0].ID)

	held, release := make(chan struct{}), make(chan struct{})
	work.Go(func() {
		w.Edit(t.Context(), func(*agent.Settings) error {
			close(held)
			<-release
			return wrong
		})
	})
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Edit(ctx, adding()); !errors.Is(err, context.Canceled) {
		t.Error("a caller has waited for another one for ever", err)
	}
	if len(w.Environment("x")) != 8 { // who reads does not wait
		t.Error(w.Environment("x"))
	}
	close(release)
	work.Wait()
	if !slices.IsSorted(w.Environment("x")) {
		t.Error(w.Environment("x"))
	}
}
