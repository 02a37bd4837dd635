package gossip

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxAnnouncement bounds a datagram in bytes: Supvisors' limit.
const maxAnnouncement = 1024

// Multicast is a UDP group in which nodes that do not know each other tell where they are.
type Multicast struct {
	Group     netip.AddrPort // IPv4
	Interface netip.Addr     // the address of the interface; the zero value leaves the choice to the system
	TTL       int            // how many routers a message passes
}

// announcement is what a node tells in the group. It is signed with the cluster secret, so that strangers are not even tried.
type announcement struct {
	Name      string `json:"name"`    // identifier
	Address   string `json:"address"` // where it can be joined
	Nonce     string `json:"nonce"`
	Signature string `json:"signature"`
}

func (a announcement) mac(t *Trust) string { return t.mac("announcement", a.Name, a.Address, a.Nonce) }

// announcer takes part in a multicast group: it tells where this node is, and hears where the others are.
type announcer struct {
	cfg   *Config
	log   *slog.Logger
	heard func(name, addr string)
	once  onceSet
}

// run announces this node as often as the rejoiner tries: quickly at first, then for ever, since datagrams get lost and networks come
// and go. A group that cannot be joined is tried again.
func (a *announcer) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		in, out, err := a.open(ctx)
		if err != nil {
			a.complain("multicast group cannot be joined", err)
			wait(ctx, a.cfg.Timings.pause(n))
			continue
		}
		a.log.Info("multicast group joined", "group", a.cfg.Multicast.Group)
		open, shut := context.WithCancel(ctx)
		var group sync.WaitGroup
		group.Go(func() { a.repeat(open, out) })
		stop := context.AfterFunc(open, func() { in.Close() })
		a.complain("multicast group cannot be heard", a.listen(in))
		shut()
		stop()
		group.Wait()
		in.Close()
		out.Close()
		wait(ctx, a.cfg.Timings.pause(n))
	}
}

// repeat announces this node until ctx ends.
func (a *announcer) repeat(ctx context.Context, out *net.UDPConn) {
	for n := 0; ctx.Err() == nil; n++ {
		wait(ctx, a.cfg.Timings.pause(n))
		if err := a.announce(out); err != nil {
			a.complain("node cannot be announced", err)
		}
	}
}

func (a *announcer) complain(what string, err error) {
	if !errors.Is(err, net.ErrClosed) && a.once.first(what, err.Error()) {
		a.log.Warn(what, "group", a.cfg.Multicast.Group, "interface", a.cfg.Multicast.Interface, "error", err)
	}
}

// open returns a socket that hears the group, and one to send to it. They are two: one that is bound to the group would send from it.
func (a *announcer) open(ctx context.Context) (in, out *net.UDPConn, err error) {
	m := a.cfg.Multicast
	group, iface := m.Group.Addr().As4(), [4]byte{}
	if m.Interface.IsValid() {
		iface = m.Interface.As4()
	}
	shared := func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) }
	if in, err = openUDP(ctx, m.Group.String(), shared); err != nil {
		return nil, nil, err
	}
	err = withSocket(in, func(fd int) error {
		return unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreq{Multiaddr: group, Interface: iface})
	})
	if err == nil {
		out, err = openUDP(ctx, "0.0.0.0:0", func(fd int) error {
			return errors.Join(unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, iface),
				unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, m.TTL))
		})
	}
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

// openUDP binds a socket after its options were set.
func openUDP(ctx context.Context, address string, options func(fd int) error) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return withRaw(raw, options) }}
	c, err := lc.ListenPacket(ctx, "udp4", address)
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

func withSocket(c *net.UDPConn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return withRaw(raw, f)
}

func withRaw(raw syscall.RawConn, f func(fd int) error) error {
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

func (a *announcer) announce(out *net.UDPConn) error {
	msg := announcement{Name: a.cfg.Name, Address: a.cfg.Advertise.String(), Nonce: rand.Text()}
	msg.Signature = msg.mac(a.cfg.Trust)
	b, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	if len(b) > maxAnnouncement {
		return fmt.Errorf("an announcement of %d bytes is longer than %d", len(b), maxAnnouncement)
	}
	_, err = out.WriteToUDPAddrPort(b, a.cfg.Multicast.Group)
	return err
}

// listen hears the others until the socket fails or is closed.
func (a *announcer) listen(in *net.UDPConn) error {
	buf := make([]byte, maxAnnouncement+1)
	for {
		n, from, err := in.ReadFromUDPAddrPort(buf)
		if err != nil {
			return err
		}
		msg, err := readAnnouncement(buf[:n], a.cfg.Trust)
		switch {
		case err != nil:
			a.complain("announcement is not of this cluster", fmt.Errorf("from %s: %w", from.Addr(), err))
		case msg.Name != a.cfg.Name:
			a.heard(msg.Name, msg.Address)
		}
	}
}

// readAnnouncement reads a datagram and checks who sent it.
func readAnnouncement(b []byte, trust *Trust) (announcement, error) {
	var msg announcement
	if len(b) > maxAnnouncement {
		return msg, errors.New("it is too long")
	}
	if err := json.Unmarshal(b, &msg); err != nil {
		return msg, err
	}
	if !hmac.Equal([]byte(msg.mac(trust)), []byte(msg.Signature)) {
		return msg, ErrSignature
	}
	if _, err := netip.ParseAddrPort(msg.Address); err != nil {
		return msg, fmt.Errorf("address: %w", err)
	}
	return msg, nil
}
