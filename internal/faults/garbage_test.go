package faults

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

// maxGrowth is what strangers may cost a daemon in resident memory, in KiB.
const maxGrowth = 192 << 10

// maxCall is how long 99 % of the calls may take at most meanwhile, on a machine that has other things to do.
const maxCall = time.Second

// TestGarbage has strangers talk to the port of the Master in every wrong way. Nothing comes of it, whatever they say.
func TestGarbage(t *testing.T) {
	w := newWorld(t, 3, plan{})
	w.boot(w.nodes...)
	w.settled()
	h, plain := w.master()
	w.must(h.startJob(0))
	w.settled()
	before, programs := h.usage(), w.programs(w.nodes...)
	watch := w.watch(h)
	for _, g := range []struct {
		name string
		talk func(g *stranger)
	}{
		{"random bytes", (*stranger).noise},
		{"half frames of gossip", (*stranger).frames},
		{"wrong signatures", (*stranger).signatures},
		{"many connections", (*stranger).crowd},
		{"huge bodies", (*stranger).bodies},
	} {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		g.talk(&stranger{t: t, to: h, ctx: ctx, random: rand.New(rand.NewPCG(1, 2))})
		cancel()
		t.Logf("%s: %s, %+v", g.name, time.Since(began).Round(time.Millisecond), h.usage())
	}
	p99, states := watch()
	t.Logf("a call took %s in 99 %% of cases", p99)
	if p99 > maxCall {
		t.Errorf("that is more than %s", maxCall)
	}
	for _, s := range states {
		if s != "OPERATION" {
			t.Errorf("the states were %v", states)
			break
		}
	}
	w.settled()
	if master, _ := w.master(); master != h || !slices.Equal(programs, w.programs(w.nodes...)) {
		t.Errorf("Master %s, programs %v; before %s, %v", master.name, w.programs(w.nodes...), h.name, programs)
	}
	w.until("the descriptors are given back", func() string {
		if now := h.usage(); now.descriptors > before.descriptors+8 {
			return fmt.Sprintf("%d of %d", now.descriptors, before.descriptors)
		}
		return ""
	})
	if now := h.usage(); now.memory > before.memory+maxGrowth {
		t.Errorf("memory: %d KiB, before %d", now.memory, before.memory)
	}
	if n := strings.Count(plain.read("log"), "lost"); n > 0 {
		t.Errorf("the other node has lost somebody %d times", n)
	}
	w.shut()
}

// watch calls a node again and again until the result is called, which returns how long 99 % of the calls took at most and which states were
// seen.
func (w *world) watch(h *host) func() (p99 time.Duration, states []string) {
	end, ended := make(chan struct{}), make(chan struct{})
	var took []time.Duration
	var states []string
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
			}
			began := time.Now()
			var m modes
			if err := h.callFor(patience, &m, "supvisors.get_supvisors_state"); err != nil {
				m.State = err.Error()
			}
			took, states = append(took, time.Since(began)), append(states, m.State)
		}
	}()
	return func() (time.Duration, []string) {
		close(end)
		<-ended
		slices.Sort(took)
		slices.Sort(states)
		return took[len(took)*99/100], slices.Compact(states)
	}
}

// stranger talks to a port.
type stranger struct {
	t      *testing.T
	to     *host
	ctx    context.Context
	random *rand.Rand
}

// say opens a connection, writes and waits until the node hangs up or, when it need not, for nothing.
func (g *stranger) say(b []byte, wait bool) {
	c, err := (&net.Dialer{}).DialContext(g.ctx, "tcp", g.to.identifier)
	if err != nil {
		g.t.Error(err)
		return
	}
	defer c.Close()
	deadline, _ := g.ctx.Deadline()
	c.SetDeadline(deadline)
	if _, err := c.Write(b); err != nil || !wait {
		return // it has had enough before the end
	}
	io.Copy(io.Discard, c)
}

func (g *stranger) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.random.Uint32())
	}
	return b
}

func (g *stranger) noise() {
	for range 300 {
		g.say(g.bytes(1+g.random.IntN(8192)), false)
	}
	g.say(make([]byte, 1<<20), false)
}

// frames begin as those of nodes do, with hellos that are no hellos, and lengths of what never comes.
func (g *stranger) frames() {
	for i := range 300 {
		first := []byte{listener.StreamByte, listener.PacketByte}[i%2]
		b := append([]byte{first}, g.bytes(g.random.IntN(64))...)
		g.say(binary.BigEndian.AppendUint16(b, 0xFFFF), false)
	}
	g.say(append([]byte{listener.PacketByte}, g.bytes(32)...), true)
	g.say(append([]byte{listener.StreamByte}, g.bytes(32)...), true)
}

// signatures are those of somebody who does not know the secret.
func (g *stranger) signatures() {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := range 300 {
		method, path := http.MethodGet, "/cluster/events?epoch=1&from=1"
		if i%2 == 0 {
			method, path = http.MethodPost, "/cluster/rpc"
		}
		r, err := http.NewRequestWithContext(g.ctx, method, "http://"+g.to.identifier+path, strings.NewReader("<methodCall/>"))
		if err != nil {
			g.t.Fatal(err)
		}
		for key, value := range map[string]string{"From": g.to.w.nodes[2].identifier, "To": g.to.identifier,
			"Time": fmt.Sprint(time.Now().UnixMilli()), "Nonce": fmt.Sprint(i), "Signature": fmt.Sprintf("%x", g.bytes(32))} {
			r.Header.Set("X-Supvisors-"+key, value)
		}
		resp, err := client.Do(r)
		if err != nil {
			g.t.Error(err)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			g.t.Errorf("%s %s: %s", method, path, resp.Status)
		}
	}
}

// crowd is a thousand at once who say nothing, or only the beginning.
func (g *stranger) crowd() {
	var all sync.WaitGroup
	for i := range 1000 {
		begin := [][]byte{nil, []byte("POST /RPC2 HTTP/1.1\r\n"), {listener.StreamByte}, {listener.PacketByte, 1, 2}}[i%4]
		all.Go(func() { g.say(begin, true) })
	}
	all.Wait() // the node loses patience with each of them
}

// bodies are of 64 MiB, signed and not, with and without their length.
func (g *stranger) bodies() {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i, path := range []string{"/RPC2", "/cluster/rpc", "/RPC2", "/cluster/rpc", "/cluster/events"} {
		var body io.Reader = io.LimitReader(zeros{}, 64<<20)
		r, err := http.NewRequestWithContext(g.ctx, http.MethodPost, "http://"+g.to.identifier+path, body)
		if err != nil {
			g.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/xml")
		r.Header.Set("X-Supvisors-Signature", "00")
		if i < 2 {
			r.ContentLength = 64 << 20
		}
		resp, err := client.Do(r)
		if err != nil {
			continue // it hung up
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			g.t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
