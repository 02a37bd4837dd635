package gossip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestResolveAdvertise(t *testing.T) {
	names := map[string][]string{
		"far":       {"192.0.2.7"},
		"both":      {"2001:db8::1", "192.0.2.7"},
		"six":       {"2001:db8::1", "fe80::1"},
		"localhost": {"::1", "127.0.0.1"},
		"debian":    {"127.0.1.1"},
		"nowhere":   {"0.0.0.0"},
	}
	lookup := func(_ context.Context, host string) (ips []netip.Addr, err error) {
		for _, s := range names[host] {
			ips = append(ips, netip.MustParseAddr(s))
		}
		if ips == nil {
			return nil, errors.New("no such host")
		}
		return ips, nil
	}
	eth := []net.Addr{cidr("127.0.0.1/8"), cidr("::1/128"), cidr("fe80::2/64"), cidr("192.0.2.99/24")}
	lo := eth[:2]
	for _, c := range []struct {
		name, bound string
		ifs         []net.Addr
		want        string
	}{
		{"far:9001", "[::]:9001", eth, "192.0.2.7:9001"},
		{"far:9001", "0.0.0.0:9001", eth, "192.0.2.7:9001"},
		{"far:60001", "0.0.0.0:9001", eth, "192.0.2.7:60001"}, // a forwarded port
		{"far:9001", "192.0.2.1:9001", eth, "192.0.2.1:9001"},
		{"far:9001", "127.0.0.1:9001", eth, "127.0.0.1:9001"},
		{"both:9001", "[::]:9001", eth, "192.0.2.7:9001"},
		{"six:9001", "[::]:9001", eth, "[2001:db8::1]:9001"},
		{"localhost:9001", "[::]:9001", eth, "127.0.0.1:9001"},
		{"127.0.0.3:9001", "[::]:9001", eth, "127.0.0.3:9001"},
		{"192.0.2.5:9001", "[::]:9001", eth, "192.0.2.5:9001"},
		{"debian:9001", "[::]:9001", eth, "192.0.2.99:9001"},
		{"debian:9001", "[::]:9001", lo, "127.0.1.1:9001"},
		{"unknown:9001", "[::]:9001", eth, "192.0.2.99:9001"},
		{"nowhere:9001", "[::]:9001", eth, "192.0.2.99:9001"},
		{"unknown:9001", "[::]:9001", lo, "!no such host"},
		{"far", "[::]:9001", eth, "!missing port"},
		{"far:0", "[::]:9001", eth, "!not a port"},
		{"far:http", "[::]:9001", eth, "!not a port"},
	} {
		got, err := resolveAdvertise(t.Context(), c.name, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.bound)), c.ifs, lookup)
		if text, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v %v", c.name, got, err)
			}
		} else if err != nil || got.String() != c.want {
			t.Errorf("%s bound to %s: %v %v, expected %s", c.name, c.bound, got, err, c.want)
		}
	}
	got, err := ResolveAdvertise(t.Context(), "localhost:9001", &net.TCPAddr{})
	if err != nil || !got.Addr().IsLoopback() {
		t.Errorf("localhost: %v %v", got, err)
	}
}

func cidr(s string) net.Addr {
	ip, n, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	n.IP = ip
	return n
}

func FuzzMeta(f *testing.F) {
	f.Add([]byte(`{"v":"1","p":9001,"e":"A","s":7}`))
	f.Add([]byte("\x80\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m := decodeMeta(in)
		if m == (Meta{}) {
			return
		}
		if len(m.Version) > maxMetaText || len(m.Epoch) > maxMetaText {
			t.Fatalf("%+v", m)
		}
	})
}

func TestReasonTexts(t *testing.T) {
	for r := Lost; r <= Restarted; r++ {
		if r.String() == "" || strings.HasPrefix(r.String(), "reason") {
			t.Errorf("%d has no text", r)
		}
	}
	if got := Reason(99).String(); got != "reason 99" {
		t.Error(got)
	}
}

func TestOnceSet(t *testing.T) {
	var o onceSet
	for _, c := range []struct {
		parts []string
		want  bool
	}{
		{[]string{"a", "10.0.0.1:80"}, true},
		{[]string{"a", "10.0.0.1:81"}, false}, // the same host
		{[]string{"a", "10.0.0.2:80"}, true},
		{[]string{"b", "10.0.0.1:80"}, true},
		{[]string{"host:80"}, true},
		{[]string{"host:81"}, true},
	} {
		if o.first(c.parts...) != c.want {
			t.Errorf("%q: expected %v", c.parts, c.want)
		}
	}
	for i := range 10 * onceLimit {
		o.first(string(rune(i)))
	}
	if len(o.seen) > onceLimit {
		t.Errorf("%d are remembered", len(o.seen))
	}
}
