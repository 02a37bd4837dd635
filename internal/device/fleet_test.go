package device

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/rest/device"
)

func uuidOf(nick string) string { return fmt.Sprintf("%032x", nick) }

// callers records what is asked of other nodes, which tell their uuid when they have one.
type callers struct {
	mu    sync.Mutex
	calls []string
	mute  map[string]bool
}

func (c *callers) call(_ context.Context, identifier string, r device.Request, scope device.Scope) (device.Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, identifier+" "+r.Method+" "+r.Path)
	if c.mute[identifier] {
		return device.Answer{}, errors.New("no route to host")
	}
	if r.Path == "/v1/device" && scope == (device.Scope{Read: true}) {
		nick, _, _ := strings.Cut(identifier, ":")
		return device.Answer{Status: 200, Body: fmt.Appendf(nil, `{"uuid":"%s"}`, uuidOf(nick))}, nil
	}
	return device.Answer{Status: 204}, nil
}

func (c *callers) took() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.calls)
	c.calls = nil
	return n
}

// inFleet is a bubble with a cluster of four nodes: n4 is not RUNNING, n3 is mute.
func inFleet(t *testing.T, f func(*testing.T, *bubble, *callers)) {
	c := &callers{mute: map[string]bool{"n3:1": true}}
	inBubble(t, func(cfg *Config) {
		fleet := newTeam("n2", "n3", "n4")
		fleet.View().Instances[3].State = cluster.InstanceStopped
		fleet.View().Instances[1].Stereotypes = []string{"both"}
		fleet.View().Instances[2].Stereotypes = []string{"both"}
		fleet.application("grp", true, map[string][]string{"a": nil}, "n2:1", "n3:1")
		fleet.application("web", true, map[string][]string{"web": nil}, "n1:1", "n2:1")
		cfg.Cluster, cfg.Call = fleet, c.call
		cfg.Options.UUID = uuidOf("n1")
		cfg.Options.Apps = map[string]int{"web": 1002}
	}, func(t *testing.T, b *bubble) { f(t, b, c) })
}

func TestResolve(t *testing.T) {
	inFleet(t, func(t *testing.T, b *bubble, c *callers) {
		for _, tt := range []struct {
			to    device.Target
			nodes string // identifiers
		}{
			{device.Target{Identifier: "n1"}, "n1:1 (here)"}, {device.Target{Identifier: "n2:1"}, "n2:1"},
			{device.Target{Identifier: "n4"}, "n4:1"}, // whether it answers is found out later
			{device.Target{UUID: uuidOf("n2")}, "n2:1"}, {device.Target{UUID: uuidOf("n1")}, "n1:1 (here)"},
			{device.Target{DeviceID: number(uuidOf("n2"))}, "n2:1"},
			{device.Target{DeviceID: number(uuidOf("n2")), Identifier: "n2", UUID: uuidOf("n2")}, "n2:1"},
			{device.Target{App: "web"}, "n1:1 (here) n2:1"}, {device.Target{App: "1002"}, "n1:1 (here) n2:1"},
			{device.Target{App: "grp"}, "n2:1 n3:1"}, {device.Target{App: fmt.Sprint(number("grp"))}, "n2:1 n3:1"},
			{device.Target{App: "grp", Identifier: "n2"}, "n2:1"},
		} {
			nodes, err := b.Resolve(tt.to)
			var got []string
			for _, n := range nodes {
				text := n.Identifier
				if n.Local {
					text += " (here)"
				}
				nick, _, _ := strings.Cut(n.Identifier, ":")
				if (nick == "n1" || nick == "n2") && (n.UUID != uuidOf(nick) || n.DeviceID != number(n.UUID)) {
					t.Errorf("%+v: %+v", tt.to, n)
				}
				got = append(got, text)
			}
			if strings.Join(got, " ") != tt.nodes || err != nil {
				t.Errorf("%+v: got %v, %v, want %s", tt.to, got, err, tt.nodes)
			}
		}
		for what, to := range map[string]device.Target{
			"unknown uuid": {UUID: "ffff"}, "unknown id": {DeviceID: 1}, "unknown name": {Identifier: "n9"}, "not that node": {Identifier: "n2", UUID: uuidOf("n1")},
			"a node without it": {App: "grp", Identifier: "n1"}, "a mute node by its uuid": {UUID: uuidOf("n3")},
		} {
			_, err := b.Resolve(to)
			wantText[*device.NotFound](t, what, err, "no")
		}
		_, err := b.Resolve(device.Target{})
		wantText[*device.BadRequest](t, "nobody", err, "")
		_, err = b.Resolve(device.Target{Identifier: "both"})
		wantText[*device.BadRequest](t, "a stereotype", err, "several")
		_, err = b.Resolve(device.Target{App: "nope"})
		wantText[*device.UnknownApp](t, "no application", err, "nope")
	})
}

// TestLearning asks each peer once, and those that do not tell again after a while.
func TestLearning(t *testing.T) {
	inFleet(t, func(t *testing.T, b *bubble, c *callers) {
		for range 3 {
			b.Resolve(device.Target{UUID: "ffff"})
		}
		want(t, "calls", c.took(), 2)
		time.Sleep(askPause + time.Second)
		b.Resolve(device.Target{UUID: "ffff"})
		want(t, "calls to the mute one", c.took(), 1)
		c.mute = nil
		time.Sleep(askPause + time.Second)
		if nodes, err := b.Resolve(device.Target{UUID: uuidOf("n3")}); err != nil || nodes[0].Identifier != "n3:1" {
			t.Errorf("%v, %v", nodes, err)
		}
		c.took()
		c.mute = map[string]bool{"n2:1": true}
		time.Sleep(askFresh + time.Second)
		if nodes, err := b.Resolve(device.Target{UUID: uuidOf("n2")}); err != nil || nodes[0].Identifier != "n2:1" {
			t.Errorf("one that does not answer is who it was: %v, %v", nodes, err)
		}
		want(t, "calls", c.took(), 2)
	})
}

func TestForward(t *testing.T) {
	inFleet(t, func(t *testing.T, b *bubble, c *callers) {
		request := device.Request{Method: "POST", Path: "/v1/update"}
		a, err := b.Forward(t.Context(), device.Node{Identifier: "n2:1"}, device.Scope{Global: true}, request)
		if err != nil || a.Status != 204 {
			t.Errorf("%+v, %v", a, err)
		}
		for identifier, text := range map[string]string{"n3:1": "no route to host", "n4:1": "n4:1 is STOPPED", "n9:1": "n9:1 is unknown"} {
			_, err := b.Forward(t.Context(), device.Node{Identifier: identifier}, device.Scope{Global: true}, request)
			wantText[*device.Unreachable](t, identifier, err, text)
		}
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer cancel()
		_, err = b.Forward(ctx, device.Node{Identifier: "n3:1"}, device.Scope{}, request)
		var late *device.Unreachable
		if !errors.As(err, &late) || !late.Timeout {
			t.Errorf("late: %v", err)
		}
		for _, path := range []string{"/supervisor/v1/device", "/%73upervisor/ping", "/supervisor/getState", "/v1", "", "/%"} {
			_, err := b.Forward(t.Context(), device.Node{Identifier: "n2:1"}, device.Scope{Global: true}, device.Request{Method: "GET", Path: path})
			wantText[*device.BadRequest](t, path, err, "")
		}
	})
}

func TestFleetOfOne(t *testing.T) {
	inBubble(t, func(c *Config) { c.Options.UUID = uuidOf("n1") }, func(t *testing.T, b *bubble) {
		for _, to := range []device.Target{{UUID: uuidOf("n1")}, {Identifier: b.identifier()}, {App: "web"}, {App: "web", UUID: uuidOf("n1")}} {
			if nodes, err := b.Resolve(to); err != nil || len(nodes) != 1 || !nodes[0].Local {
				t.Errorf("%+v: %+v, %v", to, nodes, err)
			}
		}
		_, err := b.Resolve(device.Target{App: "grp"})
		wantText[*device.UnknownApp](t, "application", err, "grp")
		_, err = b.Resolve(device.Target{Identifier: "n2"})
		wantText[*device.NotFound](t, "node", err, "n2")
		_, err = b.Forward(t.Context(), device.Node{Identifier: "n2"}, device.Scope{}, device.Request{Path: "/ping"})
		wantText[*device.Unreachable](t, "forward", err, "")
	})
}

// TestProbe has peers that answer, that do not, and that answer and do not want to know.
func TestProbe(t *testing.T) {
	fleet := newTeam("n2", "n3", "n4")
	inBubble(t, func(c *Config) {
		c.Cluster = fleet
		c.Options.ConnectivityCheck, c.Options.ConnectivityInterval = true, 10*time.Second
	}, func(t *testing.T, b *bubble) {
		now := time.Now()
		fleet.ticked.Store(&now)
		fleet.health.Store(&node.Health{Health: gossip.Health{Members: []gossip.Member{{Name: "n2:1", Addr: "10.0.0.2:1"}},
			Readers: []gossip.Reader{{Name: "n2:1"}, {Name: "n3:1", Behind: 7}}}})
		var mu sync.Mutex
		dead := map[string]bool{"n4:1": true}
		var dialled []string
		b.probe.dial = func(_ context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			dialled = append(dialled, address)
			if dead[address] {
				return nil, errors.New("connection refused")
			}
			mine, yours := net.Pipe()
			yours.Close()
			return mine, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go b.probe.run(ctx)
		dials := func() int { // since the last call
			mu.Lock()
			defer mu.Unlock()
			n := len(dialled)
			dialled = nil
			return n
		}
		report := func() bool { synctest.Wait(); return b.checkReport().OK }
		want(t, "first round", report(), true)
		r := b.Reach()
		want(t, "reach", fmt.Sprint(r.On, r.Targets), "true map[n2:1:true n3:1:true n4:1:false]")
		want(t, "dialled", dials(), 3)
		time.Sleep(25 * time.Second)
		want(t, "third round", report(), true)
		time.Sleep(10 * time.Second)
		want(t, "fourth round: n3 answers and is behind", report(), false)
		if c := b.checkReport(); !strings.HasSuffix(c.Detail, ": n3:1") {
			t.Errorf("detail %q", c.Detail)
		}
		mu.Lock()
		for _, peer := range []string{"10.0.0.2:1", "n3:1", "n4:1"} {
			dead[peer] = true
		}
		mu.Unlock()
		time.Sleep(10 * time.Second)
		want(t, "nobody answers: that is the network", report(), true)
		b.SetProbe(false)
		synctest.Wait()
		dials()
		time.Sleep(time.Minute)
		want(t, "dialled while it is off", dials(), 0)
		want(t, "off", b.Reach().On, false)
		b.SetProbe(true)
		synctest.Wait()
		want(t, "dialled again", dials(), 3)
	})
}

func TestProbeOfTargets(t *testing.T) {
	inBubble(t, func(c *Config) { c.Options.ConnectivityTargets = []string{"10.0.0.9:53"} }, func(t *testing.T, b *bubble) {
		b.probe.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") }
		b.probe.round(t.Context())
		want(t, "reach", fmt.Sprint(b.Reach().Targets), "map[10.0.0.9:53:false]")
		want(t, "healthy", b.checkReport().OK, true)
	})
}

func TestBlink(t *testing.T) {
	shown := 0
	host := &recorder{}
	inBubble(t, func(c *Config) {
		c.System, c.Identify = host, func() { shown++ }
		c.Options.BlinkCommand, c.Options.LEDPath = []string{"blink"}, "/sys/led"
	}, func(t *testing.T, b *bubble) {
		b.Blink()
		b.Blink() // it does
		time.Sleep(blinkTime + time.Second)
		synctest.Wait()
		want(t, "shown", shown, 2)
		calls := host.took()
		want(t, "calls", len(calls), 2+int(blinkTime/blinkHalf))
		wantList(t, "begin", calls[:4], []string{"run blink", "light 1", "light 0", "light 1"})
		want(t, "end", calls[len(calls)-1], "light 7")
		b.Blink()
		time.Sleep(time.Second)
		b.Close() // the LED is as it was also when the daemon ends
		calls = host.took()
		want(t, "end", calls[len(calls)-1], "light 7")
		b.Blink()
		want(t, "after the end", len(host.took()), 0)
	})
	inBubble(t, nil, func(t *testing.T, b *bubble) { b.Blink() }) // nothing to blink with
}
