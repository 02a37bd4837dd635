package gossip

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

// realNode is a node on loopback, on a port of its own.
type realNode struct {
	*testNode
	addr netip.AddrPort
}

// realNodes starts nodes that know each other.
func realNodes(t *testing.T, n int) []*realNode {
	t.Helper()
	nodes := make([]*realNode, n)
	var peers []Peer
	for i := range nodes {
		ln, err := listener.Address{Host: "127.0.0.1"}.Listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		addr := netip.MustParseAddrPort(ln.Addr().String())
		nodes[i] = &realNode{&testNode{name: addr.String(), state: &testState{}, events: &recorder{began: time.Now()},
			split: listener.NewSplit(ln, listener.Silence, discard())}, addr}
		peers = append(peers, Peer{addr.String(), addr.String()})
	}
	patient := Calm() // a test machine may be slow, and what is tested here does not wait for memberlist
	patient.Probe, patient.ProbeTimeout, patient.SuspicionMult = 2*time.Second, time.Second, 10
	for _, r := range nodes {
		r.log = NewLog("A", 0, r.state.snapshot)
		m, err := New(Config{Name: r.name, Advertise: r.addr, Meta: Meta{Version: "1", Epoch: "A"}, Peers: peers,
			Trust: NewTrust("secret", r.name), Log: r.log, Streams: r.split.Streams, Packets: r.split.Packets,
			Notify: r.events.notify, Logger: discard(), Timings: patient})
		if err != nil {
			t.Fatal(err)
		}
		r.member = m
		mux := http.NewServeMux()
		mux.Handle(eventsPath, m.Handler())
		r.server = listener.NewServer(mux, discard())
		go r.server.Serve(r.split.HTTP)
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return nodes
}

// told waits until node r was told these things of node p, and nothing else.
func (r *realNode) told(t *testing.T, p *realNode, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s is told %q of %s", r.name, want, p.name), func() bool {
		got, _ := r.events.of(p.name)
		return slices.Equal(got, want)
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

func TestThreeNodesOnRealPorts(t *testing.T) {
	before := runtime.NumGoroutine()
	nodes := realNodes(t, 3)
	a, b, c := nodes[0], nodes[1], nodes[2]
	for _, x := range nodes {
		for _, y := range nodes {
			if x != y {
				x.told(t, y, "joined A", "up A", `snapshot A 0 "all of 0"`)
			}
		}
	}
	resp, err := http.Get("http://" + a.name + "/cluster/events") // anybody may ask, but gets nothing
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("unsigned request: %s", resp.Status)
	}
	for _, n := range nodes {
		n.events.forget()
	}
	c.publish(t)
	a.told(t, c, `entry A 1 "entry 1"`)
	b.told(t, c, `entry A 1 "entry 1"`)

	// killed: the sockets are closed without a word
	killed := time.Now()
	c.split.Close()
	c.server.Close()
	c.member.Shutdown()
	for _, n := range []*realNode{a, b} {
		n.told(t, c, `entry A 1 "entry 1"`, "down", "left: nothing listens on its port")
	}
	t.Logf("killed node noticed by all after %v", time.Since(killed))

	if err := b.member.Leave(time.Second); err != nil {
		t.Error(err)
	}
	b.close(t)
	a.told(t, b, "down", "left: it is shutting down")
	a.close(t)
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before+1 })
}

// BenchmarkFanOut appends entries that many peers follow over real connections; an operation is one entry that has reached all.
func BenchmarkFanOut(b *testing.B) {
	for _, peers := range []int{2, 19, 99} {
		b.Run(fmt.Sprint(peers), func(b *testing.B) { benchmarkFanOut(b, peers) })
	}
}

func benchmarkFanOut(b *testing.B, peers int) {
	log := NewLog("A", 0, func(context.Context) (uint64, json.RawMessage, error) { return 0, json.RawMessage("null"), nil })
	ln, err := listener.Address{Host: "127.0.0.1"}.Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	server := listener.NewServer(newEvents(log, NewTrust("secret", "a:1"), func(string) bool { return true }, discard()), discard())
	go server.Serve(ln)
	defer server.Close()
	defer log.Close()
	ctx, stop := context.WithCancel(b.Context())
	var followers, ready sync.WaitGroup
	defer followers.Wait()
	defer stop()
	var got atomic.Int64
	tokens := make(chan struct{}, 1024) // bounds what is under way, so that nobody needs a snapshot
	ready.Add(peers)
	for i := range peers {
		reports := make(chan report, streamBuffer)
		cfg := Config{Trust: NewTrust("secret", fmt.Sprint("peer", i)), Dial: dialer().DialContext}
		followers.Go(func() { newFollower(&cfg, "a:1", ln.Addr().String(), "", 0, reports).run(ctx) })
		followers.Go(func() {
			for {
				select {
				case r := <-reports:
					d, ok := r.what.(streamData)
					switch {
					case ok && d.line.Snapshot:
						ready.Done()
					case ok && got.Add(1)%int64(peers) == 0:
						<-tokens
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	ready.Wait()
	data := json.RawMessage(`{"group":"web","process":"nginx","state":20,"pad":"` + strings.Repeat("x", 100) + `"}`)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		tokens <- struct{}{}
		if err := log.Append(uint64(n+1), data); err != nil {
			b.Fatal(err)
		}
	}
	for got.Load() < int64(b.N*peers) {
		runtime.Gosched()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*peers), "ns/entry/peer")
}
