package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rpc"
)

// fake is a configured node with the applications web and speed, whose operations are only noted.
type fake struct {
	doortest.Notes

	mu           sync.Mutex
	node         agent.Node
	applications []agent.Application
	settings     agent.Settings
	workerLog    []agent.WorkerEvent // after the first two
	services     agent.Services
	agreements   []agent.Agreement
	trusted      map[string]string
	events       []string // JSON
	eventsError  error    // after the last one
	keys         map[string]agent.Scope
	refused      []string
}

func newFake() *fake {
	return &fake{
		node: agent.Node{ID: "sup01", Registered: true, State: agent.Configured, Updated: 1000, Name: "one", Pattern: "rack", TokenValid: true, TokenValidated: 900},
		applications: []agent.Application{
			{Name: "speed", URL: "https://host/services/netspeed", Organization: "supvisors", Version: "1.2.0"},
			{Name: "web", Organization: "supvisors", Version: "1.0.0"},
		},
		trusted: map[string]string{},
		keys:    map[string]agent.Scope{"global": agent.Global, "read": agent.Read},
	}
}

// inputs returns the refused inputs since the last time.
func (f *fake) inputs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	inputs := f.refused
	f.refused = nil
	return inputs
}

func (f *fake) Status(context.Context) (agent.Status, error) {
	return agent.Status{
		Exchange: "http://sup01:9001/RPC2", ExchangeVersion: "1.1", OldestVersion: "1.0", Version: "1.2", Connectivity: map[string]bool{"sup02": true},
		Identifier: "10.0.0.1:9001", Nick: "sup01", FSMState: "OPERATION", Master: "10.0.0.1:9001", Uptime: 90500 * time.Millisecond,
	}, f.Err
}

func (f *fake) Workers(context.Context) (agent.Workers, error) {
	at := time.Date(2018, 5, 2, 19, 25, 2, 0, time.Local)
	return agent.Workers{
		Workers: []agent.Worker{{Name: "Gossip", Status: "initialized", Subs: map[string]string{"Sync": "started"}}, {Name: "FSM", Status: "terminated"}},
		Log: slices.Concat([]agent.WorkerEvent{{Time: at, Worker: "Gossip", Status: "started"}, {Time: at.Add(time.Second), Worker: "Gossip", Sub: "Sync", Status: "started"}},
			f.workerLog),
	}, f.Err
}

func (f *fake) Node() agent.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.node
}

func (f *fake) setNode(change func(*agent.Node)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.node)
}

func (f *fake) HasPattern(pattern string) bool { return pattern == "rack" }

func (f *fake) Register(_ context.Context, r agent.Registration) error {
	if err := f.Note("Register %s %q %q %d %t %v", r.ID, r.Name, r.Pattern, len(r.Token), r.HA, r.Join); err != nil {
		return err
	}
	f.setNode(func(n *agent.Node) {
		*n = agent.Node{ID: r.ID, Registered: true, State: agent.Configuring, Updated: 2000, Name: r.Name, Pattern: r.Pattern, HA: r.HA}
	})
	return nil
}

func (f *fake) SetToken(_ context.Context, token string) error {
	return f.Note("SetToken %d", len(token))
}

func (f *fake) SetState(_ context.Context, state agent.State) error {
	if err := f.Note("SetState %s", state); err != nil {
		return err
	}
	f.setNode(func(n *agent.Node) { n.State, n.Updated = state, 3000 })
	return nil
}

func (f *fake) Unregister(_ context.Context, u agent.Unregistration) error {
	return f.Note("Unregister %t %t %t %t", u.Block, u.RemoveNode, u.DeepClean, u.StopAll)
}

func (f *fake) Applications() []agent.Application { return f.applications }

func (f *fake) Settings() agent.Settings {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settings
}

func (f *fake) Edit(_ context.Context, change func(*agent.Settings) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	edited := f.settings.Clone()
	if err := change(&edited); err != nil {
		return err
	}
	if err := f.Note("Edit"); err != nil {
		return err
	}
	f.settings = edited
	return nil
}

func (f *fake) Services(context.Context) (agent.Services, error) { return f.services, f.Err }

func (f *fake) Suspend(_ context.Context, names []string, suspended bool) error {
	return f.Note("Suspend %s %t", strings.Join(names, ","), suspended)
}

func (f *fake) Policies(context.Context) ([]agent.Policy, error) {
	rules := rpc.Map{{Name: "application", Value: rpc.Map{{Name: "starting_strategy", Value: "CONFIG"}}}}
	return []agent.Policy{{Application: f.applications[1], Exclusive: true, Properties: []agent.NodeProperty{{Name: "cpus", Value: 4}}, Rules: rules}}, f.Err
}

func (f *fake) Agreements(context.Context) ([]agent.Agreement, error) { return f.agreements, f.Err }

func (f *fake) Cancel(_ context.Context, id string, avoid bool) error {
	if !slices.ContainsFunc(f.agreements, func(a agent.Agreement) bool { return a.ID == id }) && f.Err == nil {
		return &agent.NotFound{Input: "agreement", Text: "there is no such agreement"}
	}
	return f.Note("Cancel %s %t", id, avoid)
}

func (f *fake) Trusted(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.trusted)), f.Err
}

func (f *fake) ReadTrusted(_ context.Context, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.trusted[name]
	if !ok && f.Err == nil {
		return nil, &agent.NotFound{Input: "filename", Text: "there is no such file"}
	}
	return []byte(data), f.Err
}

func (f *fake) WriteTrusted(_ context.Context, name string, data []byte) error {
	if err := f.Note("WriteTrusted %s", name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trusted[name] = string(data)
	return nil
}

func (f *fake) RemoveTrusted(_ context.Context, name string) error {
	f.mu.Lock()
	_, ok := f.trusted[name]
	delete(f.trusted, name)
	f.mu.Unlock()
	if !ok && f.Err == nil {
		return &agent.NotFound{Input: "filename", Text: "there is no such file"}
	}
	return f.Note("RemoveTrusted %s", name)
}

func (f *fake) Events(_ context.Context, selection url.Values, all bool) (iter.Seq2[json.Marshaler, error], error) {
	if err := f.Note("Events %s %t", selection.Encode(), all); err != nil {
		return nil, err
	}
	return func(yield func(json.Marshaler, error) bool) {
		for _, event := range f.events {
			if !yield(json.RawMessage(event), nil) {
				return
			}
		}
		if f.eventsError != nil {
			yield(nil, f.eventsError)
		}
	}, nil
}

func (f *fake) DeleteEvents(_ context.Context, selection url.Values) (int, error) {
	return len(f.events), f.Note("DeleteEvents %s", selection.Encode())
}

func (f *fake) PruneEvents(context.Context) (int, error) { return len(f.events), f.Note("PruneEvents") }

func (f *fake) InputRefused(input string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = append(f.refused, input)
}

func (f *fake) Scope(key string) agent.Scope {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.keys[key]
}

// site is the API over a fake node.
type site struct {
	*fake
	t   *testing.T
	h   *agent.Handler
	url string
	log *bytes.Buffer // read it only when no request is under way
}

func newSite(t *testing.T, change func(*agent.Config)) *site {
	t.Helper()
	s := &site{fake: newFake(), t: t, log: &bytes.Buffer{}}
	cfg := agent.Config{Agent: s.fake, Log: slog.New(slog.NewTextHandler(s.log, nil))}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.h, err = agent.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.url = doortest.Serve(t, s.h)
	return s
}

// do sends a request, without an Authorization with the global key. Headers are names and values in turn.
func (s *site) do(verb, target, body string, headers ...string) doortest.Answer {
	s.t.Helper()
	return doortest.Do(s.t, verb, s.url, target, body, append([]string{"Authorization", "Bearer global"}, headers...)...)
}

type example doortest.Example

// try makes the requests in turn.
func (s *site) try(examples []example) {
	s.t.Helper()
	for _, e := range examples {
		verb, target, _ := strings.Cut(e.Request, " ")
		got := s.do(verb, target, e.Body)
		doortest.Example(e).Check(s.t, got, s.Taken())
		if got.Header.Get("Cache-Control") != "no-cache, no-store, must-revalidate" || got.Header.Get("Pragma") != "no-cache, no-store" {
			s.t.Errorf("%s: %v", e.Request, got.Header)
		}
	}
}

// refusal is the body of an error that names an input.
func refusal(text, input string) string { return `{"error":"` + text + `","input":"` + input + `"}` }
