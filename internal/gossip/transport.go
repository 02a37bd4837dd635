package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/supvisors/supvisors/internal/listener"
)

const (
	// helloTimeout is how long a new gossip connection may take to show that it knows the secret.
	helloTimeout = 5 * time.Second
	// maxStreams and maxPacketConns bound the gossip connections with nodes that are open at a time.
	maxStreams     = 128
	maxPacketConns = 1024
	// maxStreamBytes bounds what one gossip stream may bring. A node takes about 200 bytes.
	maxStreamBytes = 4 << 20
	// maxPacket is the largest packet, in bytes; memberlist makes them of 1,400.
	maxPacket = 1<<16 - 1
	// packetIdle is how long a connection for packets is kept without one. The receiver waits longer than the sender.
	packetIdle     = time.Minute
	packetIdleRead = 2 * packetIdle
)

var (
	errHello   = errors.New("the hello is wrong")
	errTooMany = errors.New("too many gossip connections")
)

// transport is memberlist's network on the one port. A stream is a connection of its own; packets go, with their length before
// them, over one connection per peer and direction. Like UDP, packets are dropped rather than waited for.
type transport struct {
	advertise netip.AddrPort
	dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	trust     *Trust
	log       *slog.Logger
	once      *onceSet
	outlets   [2]*listener.Outlet

	packets chan *memberlist.Packet
	streams chan net.Conn

	senders senders
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

func newTransport(cfg *Config) (*transport, error) {
	if err := errors.Join(cfg.Streams.Open(), cfg.Packets.Open()); err != nil {
		return nil, err
	}
	t := &transport{
		advertise: cfg.Advertise, dial: cfg.Dial, trust: cfg.Trust, log: cfg.Logger, once: &onceSet{},
		outlets: [2]*listener.Outlet{cfg.Streams, cfg.Packets},
		packets: make(chan *memberlist.Packet, 64), streams: make(chan net.Conn),
	}
	t.ctx, t.stop = context.WithCancel(context.Background())
	t.senders = senders{transport: t, peers: map[string]*sender{}}
	t.wg.Go(func() { t.accept(cfg.Streams, listener.StreamByte, maxStreams, t.giveStream) })
	t.wg.Go(func() { t.accept(cfg.Packets, listener.PacketByte, maxPacketConns, t.readPackets) })
	return t, nil
}

// accept hands each connection that begins with a good hello to serve, on a goroutine of its own. At most limit are open.
func (t *transport) accept(ln net.Listener, kind byte, limit int32, serve func(net.Conn)) {
	var open atomic.Int32
	for {
		c, err := ln.Accept()
		if err != nil {
			return // the listener is closed; the split retries what can be retried
		}
		t.wg.Go(func() {
			node, err := t.admit(c, kind, &open, limit)
			if err != nil {
				c.Close()
				t.log.Debug("gossip connection refused", "from", c.RemoteAddr().String(), "error", err)
				return
			}
			serve(node)
		})
	}
}

// admit checks that a new connection comes from a node and that there is room for it.
func (t *transport) admit(c net.Conn, kind byte, open *atomic.Int32, limit int32) (net.Conn, error) {
	owned := t.own(c, func() { open.Add(-1) })
	if err := t.greet(c, kind); err != nil {
		owned.release()
		return nil, err
	}
	if open.Add(1) > limit {
		owned.Close()
		return nil, errTooMany
	}
	return owned, nil
}

// greet reads the hello of a new connection.
func (t *transport) greet(c net.Conn, kind byte) error {
	if err := c.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	hello := make([]byte, helloSize)
	if _, err := io.ReadFull(c, hello); err != nil {
		return err
	}
	if !t.trust.knows(kind, hello) {
		if from := c.RemoteAddr().String(); t.once.first(from) {
			t.log.Warn("gossip refused: the sender has another cluster secret", "from", from)
		}
		return errHello
	}
	return c.SetReadDeadline(time.Time{})
}

func (t *transport) giveStream(c net.Conn) {
	select {
	case t.streams <- &limitedConn{Conn: c, left: maxStreamBytes}:
	case <-t.ctx.Done():
		c.Close()
	}
}

func (t *transport) readPackets(c net.Conn) {
	defer c.Close()
	r := newFrameReader(c)
	for {
		if c.SetReadDeadline(time.Now().Add(packetIdleRead)) != nil {
			return
		}
		b, err := r.next()
		if err != nil {
			return
		}
		select {
		case t.packets <- &memberlist.Packet{Buf: b, From: c.RemoteAddr(), Timestamp: time.Now()}:
		case <-t.ctx.Done():
			return
		}
	}
}

// FinalAdvertiseAddr gives memberlist the address to advertise.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.advertise.Addr().AsSlice(), int(t.advertise.Port()), nil
}

// WriteTo sends a packet to "ip:port".
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return time.Now(), t.senders.send(b, addr)
}

// WriteToAddress is WriteTo; the name of the node does not matter.
func (t *transport) WriteToAddress(b []byte, addr memberlist.Address) (time.Time, error) {
	return t.WriteTo(b, addr.Addr)
}

// DialTimeout opens a stream to "ip:port".
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	c, err := t.connect(ctx, addr, listener.StreamByte)
	if err != nil {
		return nil, err
	}
	return &limitedConn{Conn: t.own(c, func() {}), left: maxStreamBytes}, nil
}

// DialAddressTimeout is DialTimeout; the name of the node does not matter.
func (t *transport) DialAddressTimeout(addr memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return t.DialTimeout(addr.Addr, timeout)
}

// connect opens a gossip connection of the kind that the first byte names.
func (t *transport) connect(ctx context.Context, addr string, first byte) (net.Conn, error) {
	c, err := t.dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = c.SetWriteDeadline(deadline)
	}
	if err == nil {
		_, err = c.Write(append([]byte{first}, t.trust.hello(first)...))
	}
	if err == nil {
		err = c.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return c, nil
}

// PacketCh gives the packets that arrive.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

// StreamCh gives the streams that arrive.
func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// Shutdown ends all gossip connections and stops accepting.
func (t *transport) Shutdown() error {
	t.senders.close()
	for _, o := range t.outlets {
		o.Close()
	}
	t.wg.Wait()
	return nil
}

// own has the connection broken at Shutdown, and closed called when its user closes it.
func (t *transport) own(c net.Conn, closed func()) *ownedConn {
	return &ownedConn{Conn: c, closed: closed, release: context.AfterFunc(t.ctx, func() { c.Close() })}
}

type ownedConn struct {
	net.Conn
	once    sync.Once
	closed  func()
	release func() bool
}

func (c *ownedConn) Close() error {
	c.once.Do(func() {
		c.closed()
		c.release()
	})
	return c.Conn.Close()
}

// limitedConn may bring only left more bytes.
type limitedConn struct {
	net.Conn
	left int
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
