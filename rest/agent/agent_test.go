package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rpc"
)

// fake is a configured node with the applications web and speed, whose operations are only noted.
type fake struct {
	mu    sync.Mutex
	calls []string

	err          error // of each operation
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

func (f *fake) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.TrimSpace(fmt.Sprintf(format, args...)))
	return f.err
}

// taken returns what was noted since the last time.
func (f *fake) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
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
	}, f.err
}

func (f *fake) Workers(context.Context) (agent.Workers, error) {
	at := time.Date(2018, 5, 2, 19, 25, 2, 0, time.Local)
	return agent.Workers{
		Workers: []agent.Worker{{Name: "Gossip", Status: "initialized", Subs: map[string]string{"Sync": "started"}}, {Name: "FSM", Status: "terminated"}},
		Log: slices.Concat([]agent.WorkerEvent{{Time: at, Worker: "Gossip", Status: "started"}, {Time: at.Add(time.Second), Worker: "Gossip", Sub: "Sync", Status: "started"}},
			f.workerLog),
	}, f.err
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
	if err := f.note("Register %s %q %q %d %t %v", r.ID, r.Name, r.Pattern, len(r.Token), r.HA, r.Join); err != nil {
		return err
	}
	f.setNode(func(n *agent.Node) {
		*n = agent.Node{ID: r.ID, Registered: true, State: agent.Configuring, Updated: 2000, Name: r.Name, Pattern: r.Pattern, HA: r.HA}
	})
	return nil
}

func (f *fake) SetToken(_ context.Context, token string) error {
	return f.note("SetToken %d", len(token))
}

func (f *fake) SetState(_ context.Context, state agent.State) error {
	if err := f.note("SetState %s", state); err != nil {
		return err
	}
	f.setNode(func(n *agent.Node) { n.State, n.Updated = state, 3000 })
	return nil
}

func (f *fake) Unregister(_ context.Context, u agent.Unregistration) error {
	return f.note("Unregister %t %t %t %t", u.Block, u.RemoveNode, u.DeepClean, u.StopAll)
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
	f.calls = append(f.calls, "Edit")
	if f.err == nil {
		f.settings = edited
	}
	return f.err
}

func (f *fake) Services(context.Context) (agent.Services, error) { return f.services, f.err }

func (f *fake) Suspend(_ context.Context, names []string, suspended bool) error {
	return f.note("Suspend %s %t", strings.Join(names, ","), suspended)
}

func (f *fake) Policies(context.Context) ([]agent.Policy, error) {
	rules := rpc.Map{{Name: "application", Value: rpc.Map{{Name: "starting_strategy", Value: "CONFIG"}}}}
	return []agent.Policy{{Application: f.applications[1], Exclusive: true, Properties: []agent.NodeProperty{{Name: "cpus", Value: 4}}, Rules: rules}}, f.err
}

func (f *fake) Agreements(context.Context) ([]agent.Agreement, error) { return f.agreements, f.err }

func (f *fake) Cancel(_ context.Context, id string, avoid bool) error {
	if !slices.ContainsFunc(f.agreements, func(a agent.Agreement) bool { return a.ID == id }) && f.err == nil {
		return &agent.NotFound{Input: "agreement", Text: "there is no such agreement"}
	}
	return f.note("Cancel %s %t", id, avoid)
}

func (f *fake) Trusted(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.trusted)), f.err
}

func (f *fake) ReadTrusted(_ context.Context, name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.trusted[name]
	if !ok && f.err == nil {
		return nil, &agent.NotFound{Input: "filename", Text: "there is no such file"}
	}
	return []byte(data), f.err
}

func (f *fake) WriteTrusted(_ context.Context, name string, data []byte) error {
	if err := f.note("WriteTrusted %s", name); err != nil {
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
	if !ok && f.err == nil {
		return &agent.NotFound{Input: "filename", Text: "there is no such file"}
	}
	return f.note("RemoveTrusted %s", name)
}

func (f *fake) Events(_ context.Context, selection url.Values, all bool) (iter.Seq2[json.Marshaler, error], error) {
	if err := f.note("Events %s %t", selection.Encode(), all); err != nil {
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
	return len(f.events), f.note("DeleteEvents %s", selection.Encode())
}

func (f *fake) PruneEvents(context.Context) (int, error) { return len(f.events), f.note("PruneEvents") }

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
	server := httptest.NewServer(s.h)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

type answer struct {
	*http.Response
	text string
}

// kind is the media type of the answer, in a word.
func (a answer) kind() string {
	switch a.Header.Get("Content-Type") {
	case "application/json":
		return "json"
	case "text/plain; charset=utf-8":
		return "text"
	}
	return a.Header.Get("Content-Type")
}

// do sends a request as curl does: a body without a type is called a form. Without an Authorization it has the global key. Headers are
// names and values in turn.
func (s *site) do(verb, target, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), verb, s.url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	r.URL.RawQuery = query
	if r.URL.Path, err = url.PathUnescape(path); err != nil {
		s.t.Fatal(err)
	}
	r.URL.RawPath = path
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Authorization", "Bearer global")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp, string(data)}
}

// example is a request with what it must do.
type example struct {
	request string // verb and target
	body    string
	status  int
	kind    string // of the answer: text, json or nothing
	text    string
	calls   string // joined by "; "
}

// try makes the requests in turn. Only the beginning of a text that ends in … is compared.
func (s *site) try(examples []example) {
	s.t.Helper()
	for _, e := range examples {
		verb, target, _ := strings.Cut(e.request, " ")
		got := s.do(verb, target, e.body)
		calls := strings.Join(s.taken(), "; ")
		start, open := strings.CutSuffix(e.text, "…")
		if got.StatusCode != e.status || got.kind() != e.kind || calls != e.calls || got.text != e.text && !(open && strings.HasPrefix(got.text, start)) {
			s.t.Errorf("%s %.60s\n   got %d %s %q [%s]\nwanted %d %s %q [%s]", e.request, e.body, got.StatusCode, got.kind(), got.text, calls,
				e.status, e.kind, e.text, e.calls)
		}
		if got.Header.Get("Cache-Control") != "no-cache, no-store, must-revalidate" || got.Header.Get("Pragma") != "no-cache, no-store" {
			s.t.Errorf("%s: %v", e.request, got.Header)
		}
	}
}

// refusal is the body of an error that names an input.
func refusal(text, input string) string { return `{"error":"` + text + `","input":"` + input + `"}` }
