package device_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/rest/device"
)

// fake is a node with the applications web (1002) and grp (7), whose operations are only noted.
type fake struct {
	doortest.Notes

	mu      sync.Mutex // of the keys
	allowed []string   // the words of allow
	health  device.Health
	proxy   *device.Proxy
	nodes   []device.Node
	keys    map[string]device.Scope
	forward func(ctx context.Context, node device.Node, scope device.Scope, r device.Request) (device.Answer, error)
}

func newFake() *fake {
	return &fake{
		allowed: []string{"purge", "reboot", "shutdown", "host-config", "fleet"},
		keys: map[string]device.Scope{
			"global": {Global: true}, "read": {Read: true}, "web": {App: "web"}, "grp": {App: "grp"},
		},
	}
}

func forced(force bool) string {
	if force {
		return "force"
	}
	return ""
}

func (f *fake) Health() device.Health { return f.health }

func (f *fake) State(context.Context) (device.State, error) {
	return device.State{
		APIPort: 48484, IPAddresses: []string{"10.0.0.1", "10.0.1.1"}, MACAddresses: []string{"02:00:00:00:00:01"}, Commit: "c0", Status: "Idle",
		OSVersion: "Debian", Version: "1.2.3", UpdatePending: true, UUID: "u1", DeviceID: 11, Name: "n1", Identifier: "10.0.0.1:9001", FSMState: "OPERATION",
		Apps: []device.AppState{{ID: 1002, Name: "web", Status: "RUNNING"}},
	}, f.Note("State")
}

func (f *fake) App(_ context.Context, app string, secrets bool) (device.App, error) {
	password := "****"
	if secrets {
		password = "<secret>"
	}
	one := device.Service{Name: "p1", Status: "RUNNING", ContainerID: "id1", ImageID: "/bin/p1", PID: 41, Env: map[string]string{"FOO": "bar", "PASSWORD": password}}
	two := device.Service{Name: "p2", Status: "STOPPED", ContainerID: "id2", ImageID: "/bin/p2"}
	return device.App{AppState: device.AppState{ID: 1002, Name: app, Status: "RUNNING"}, Commit: "c1", Services: []device.Service{one, two}}, f.Note("App %s", app)
}

func (f *fake) AppName(app string) (string, error) {
	switch app {
	case "web", "1002":
		return "web", nil
	case "grp", "7":
		return "grp", nil
	case "a/b c%":
		return app, nil
	case "fails":
		return "", fmt.Errorf("no node")
	}
	return "", &device.UnknownApp{App: app}
}

func (f *fake) Allows(what string) bool { return slices.Contains(f.allowed, what) }

func (f *fake) StartApp(_ context.Context, app string) (device.Containers, error) {
	return device.Containers{First: "id1", IDs: map[string]string{"p1": "id1"}, Elsewhere: map[string]string{"p2": "n2"}}, f.Note("StartApp %s", app)
}

func (f *fake) StopApp(_ context.Context, app string, force bool) (device.Containers, error) {
	return device.Containers{First: "id1", IDs: map[string]string{"p1": "id1", "p2": "id2"}}, f.Note("StopApp %s %s", app, forced(force))
}

func (f *fake) RestartApp(_ context.Context, app string, force bool) error {
	return f.Note("RestartApp %s %s", app, forced(force))
}

func (f *fake) Purge(_ context.Context, app string, force bool) error {
	return f.Note("Purge %s %s", app, forced(force))
}

func (f *fake) Update(force, cancel bool) { f.Note("Update %t %t", force, cancel) }

func (f *fake) Reboot(_ context.Context, force bool) error { return f.Note("Reboot %s", forced(force)) }

func (f *fake) Shutdown(_ context.Context, force bool) error {
	return f.Note("Shutdown %s", forced(force))
}

func (f *fake) Blink() { f.Note("Blink") }

func (f *fake) SetProbe(on bool) { f.Note("SetProbe %t", on) }

func (f *fake) HostConfig(_ context.Context, secrets bool) (device.HostConfig, error) {
	p := f.proxy
	if p != nil && !secrets {
		masked := *p
		masked.Password = "****"
		p = &masked
	}
	return device.HostConfig{Hostname: "h1", Proxy: p}, f.Err
}

func (f *fake) SetHostConfig(_ context.Context, change device.HostConfigChange, force bool) error {
	text := "SetHostConfig"
	if change.Hostname != nil {
		text += fmt.Sprintf(" %q", *change.Hostname)
	}
	if change.Proxy != nil {
		text += fmt.Sprintf(" %v", *change.Proxy)
	}
	return f.Note("%s %s", text, forced(force))
}

func (f *fake) Scope(key string) (device.Scope, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	scope, ok := f.keys[key]
	return scope, ok
}

// RegenerateKey makes new-KEY of KEY.
func (f *fake) RegenerateKey(_ context.Context, scope device.Scope) (string, error) {
	if err := f.Note("RegenerateKey %t %s", scope.Global, scope.App); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, s := range f.keys {
		if s == scope {
			delete(f.keys, key)
			f.keys["new-"+key] = s
			return "new-" + key, nil
		}
	}
	return "", fmt.Errorf("no such key")
}

func (f *fake) Resolve(to device.Target) ([]device.Node, error) {
	var found []device.Node
	for _, n := range f.nodes {
		if (to.UUID == "" || to.UUID == n.UUID) && (to.DeviceID == 0 || to.DeviceID == n.DeviceID) && (to.Identifier == "" || to.Identifier == n.Identifier) {
			found = append(found, n)
		}
	}
	if to.App != "" {
		if _, err := f.AppName(to.App); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, &device.NotFound{Text: "no such node"}
	}
	return found, nil
}

func (f *fake) Forward(ctx context.Context, node device.Node, scope device.Scope, r device.Request) (device.Answer, error) {
	f.Note("Forward %s %s %s?%s %s", node.UUID, r.Method, r.Path, r.Query, r.Body)
	return f.forward(ctx, node, scope, r)
}

// site is the API over a fake node.
type site struct {
	*fake
	t   *testing.T
	h   *device.Handler
	url string
}

func newSite(t *testing.T, change func(*device.Config)) *site {
	t.Helper()
	s := &site{fake: newFake(), t: t}
	cfg := device.Config{Device: s.fake, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.h, err = device.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.url = doortest.Serve(t, s.h)
	return s
}

// do sends a request; headers are names and values in turn.
func (s *site) do(verb, target, body string, headers ...string) doortest.Answer {
	s.t.Helper()
	return doortest.Do(s.t, verb, s.url, target, body, headers...)
}

// example is one with {} in its target for the query with the global key.
type example doortest.Example

// try makes the requests in turn.
func (s *site) try(examples []example) {
	s.t.Helper()
	for _, e := range examples {
		verb, target, _ := strings.Cut(e.Request, " ")
		got := s.do(verb, strings.Replace(target, "{}", "?apikey=global", 1), e.Body)
		doortest.Example(e).Check(s.t, got, s.Taken())
	}
}

func checks(ok ...bool) device.Health {
	names := []string{"loop", "update", "report", "collector", "store"}
	h := device.Health{}
	for i, name := range names {
		h.Checks = append(h.Checks, device.Check{Name: name, OK: len(ok) <= i || ok[i], Age: time.Duration(i) * 500 * time.Millisecond})
	}
	return h
}
