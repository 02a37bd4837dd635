package gossip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dialTimeout = 2 * time.Second
	// ackTimeout is how long sent data may stay unacknowledged before the connection is given up. Without it, a connection that
	// lived through a partition would stay silent for minutes after it, in the pauses of TCP's retransmission.
	ackTimeout = 5 * time.Second
)

// dialer opens connections between nodes.
func dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(ackTimeout.Milliseconds()))
		})
		if cerr != nil {
			return cerr
		}
		return err
	}}
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// ResolveAdvertise finds the address under which the others reach the node called name ("host:port"), whose port is bound to
// bound:
//   - an address other than 0.0.0.0 and [::] to which the port is bound, as nothing else is open;
//   - what the host name of the node stands for, IPv4 before IPv6; loopback when the name is "localhost" or a loopback address;
//   - else, and when the name stands for loopback here (127.0.1.1 in many /etc/hosts) or for nothing, the first address of an
//     interface of this host.
//
// The port is that of name. The lookup takes as long as ctx allows.
func ResolveAdvertise(ctx context.Context, name string, bound net.Addr) (netip.AddrPort, error) {
	ifs, err := net.InterfaceAddrs()
	if err != nil {
		ifs = nil
	}
	return resolveAdvertise(ctx, name, bound, ifs, lookup)
}

func resolveAdvertise(ctx context.Context, name string, bound net.Addr, ifs []net.Addr,
	lookup func(context.Context, string) ([]netip.Addr, error)) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address of node: %w", err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return netip.AddrPort{}, fmt.Errorf("address of node %s: not a port: %q", name, port)
	}
	if tcp, ok := bound.(*net.TCPAddr); ok && len(tcp.IP) > 0 && !tcp.IP.IsUnspecified() {
		return netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), uint16(n)), nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() {
		return netip.AddrPortFrom(ip.Unmap(), uint16(n)), nil
	}
	found, err := lookup(ctx, host)
	best := bestAddr(found)
	if !best.IsValid() || best.IsLoopback() && host != "localhost" {
		if ip := bestAddr(prefixAddrs(ifs)); ip.IsValid() && !ip.IsLoopback() {
			best = ip
		}
	}
	if !best.IsValid() {
		return netip.AddrPort{}, fmt.Errorf("address of node %s: %w", name, err)
	}
	return netip.AddrPortFrom(best, uint16(n)), nil
}

// bestAddr prefers addresses that reach far, then IPv4. It returns the zero Addr when none is of use.
func bestAddr(addrs []netip.Addr) (best netip.Addr) {
	rank := func(ip netip.Addr) (r int) {
		if !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() {
			return 0
		}
		if !ip.IsLoopback() {
			r += 2
		}
		if ip.Is4() {
			r++
		}
		return 1 + r
	}
	for _, ip := range addrs {
		if ip = ip.Unmap(); rank(ip) > rank(best) {
			best = ip
		}
	}
	return best
}

func prefixAddrs(ifs []net.Addr) (ips []netip.Addr) {
	for _, a := range ifs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			ips = append(ips, p.Addr())
		}
	}
	return ips
}
