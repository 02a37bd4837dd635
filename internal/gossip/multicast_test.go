package gossip

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// loopbackGroup returns a multicast group of its own on the loopback interface.
func loopbackGroup(t *testing.T) *Multicast {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return &Multicast{Group: netip.AddrPortFrom(netip.MustParseAddr("239.77.66.55"), port), Interface: netip.MustParseAddr("127.0.0.1"), TTL: 0}
}

type heardPeer struct{ by, name, addr string }

// announceAs takes part in the group until the test ends.
func announceAs(t *testing.T, m *Multicast, name, secret string, heard chan<- heardPeer) *logBuffer {
	logs := &logBuffer{}
	cfg := &Config{Name: name, Advertise: netip.MustParseAddrPort(name), Multicast: m, Trust: NewTrust(secret, name), Timings: Calm()}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	a := announcer{cfg: cfg, log: slog.New(slog.NewTextHandler(logs, nil)), heard: func(n, addr string) {
		select {
		case heard <- heardPeer{name, n, addr}:
		case <-ctx.Done():
		}
	}}
	go func() {
		defer close(done)
		a.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return logs
}

func TestAnnouncersHearEachOther(t *testing.T) {
	m, heard := loopbackGroup(t), make(chan heardPeer)
	names := []string{"10.0.0.1:9001", "10.0.0.2:9001", "10.0.0.3:9001"}
	for _, name := range names {
		announceAs(t, m, name, "s", heard)
	}
	strange := announceAs(t, m, "10.0.0.9:9001", "other", heard)
	pairs := map[heardPeer]bool{}
	deadline := time.After(20 * time.Second)
	for len(pairs) < 6 || !strings.Contains(strange.String(), "not of this cluster") {
		select {
		case p := <-heard:
			pairs[p] = true
			if p.by == p.name || p.name != p.addr || !slices.Contains(names, p.name) || !slices.Contains(names, p.by) {
				t.Fatalf("%+v", p)
			}
		case <-deadline:
			t.Fatalf("heard %v; the stranger: %s", pairs, strange.String())
		case <-time.After(10 * time.Millisecond): // to look at the log again
		}
	}
}

// A group that cannot be joined is said once, and tried again.
func TestAnnouncerWithoutNetwork(t *testing.T) {
	m := loopbackGroup(t)
	m.Interface = netip.MustParseAddr("192.0.2.99")
	logs := announceAs(t, m, "10.0.0.1:9001", "s", make(chan heardPeer))
	deadline := time.After(20 * time.Second)
	for !strings.Contains(logs.String(), "cannot be joined") {
		select {
		case <-deadline:
			t.Fatalf("log %s", logs.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	if n := strings.Count(logs.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, logs.String())
	}
	if !strings.Contains(logs.String(), unix.ENODEV.Error()) {
		t.Errorf("log %s", logs.String())
	}
}

func TestReadAnnouncement(t *testing.T) {
	trust := NewTrust("s", "me")
	good := announcement{Name: "n", Address: "10.0.0.1:1", Nonce: "x"}
	good.Signature = good.mac(trust)
	forged, nowhere := good, good
	forged.Address = "10.0.0.2:1"
	nowhere.Address = "somewhere"
	nowhere.Signature = nowhere.mac(trust)
	for _, tt := range []struct {
		name string
		msg  any
		ok   bool
	}{
		{"good", good, true}, {"forged", forged, false}, {"no address", nowhere, false}, {"no announcement", 5, false}, {"empty", announcement{}, false},
		{"too long", map[string]string{"x": strings.Repeat("y", maxAnnouncement)}, false},
	} {
		b, err := json.Marshal(tt.msg)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readAnnouncement(b, trust); (err == nil) != tt.ok || tt.ok && got != good {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func FuzzReadAnnouncement(f *testing.F) {
	f.Add([]byte(`{"name":"n","address":"10.0.0.1:1","nonce":"","signature":""}`))
	trust := NewTrust("s", "me")
	f.Fuzz(func(t *testing.T, b []byte) {
		if msg, err := readAnnouncement(b, trust); err == nil {
			t.Errorf("%+v was believed", msg)
		}
	})
}
