package gossip

import (
	"context"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// memNet is a TCP network in memory for synctest: ordered connections with latency, lost segments that are sent again 200 ms
// later, partitions in which nothing arrives and data that stays unacknowledged for ackTimeout breaks the connection, and hosts
// that die with all their sockets. It is seeded; the order of goroutines is not.
type memNet struct {
	latency time.Duration
	loss    float64

	mu        sync.Mutex
	rng       *rand.Rand
	listeners map[netip.AddrPort]*memListener
	conns     map[*memConn]struct{}
	group     map[netip.Addr]int // partition that a host is in; hosts of different groups do not hear each other
	dials     map[netip.AddrPort]int
}

func newMemNet(seed uint64, latency time.Duration, loss float64) *memNet {
	return &memNet{latency: latency, loss: loss, rng: rand.New(rand.NewPCG(seed, 1)), listeners: map[netip.AddrPort]*memListener{},
		conns: map[*memConn]struct{}{}, group: map[netip.Addr]int{}, dials: map[netip.AddrPort]int{}}
}

// partition puts hosts into a group of their own; group 0 is where all are at first.
func (n *memNet) partition(group int, hosts ...netip.Addr) {
	n.mu.Lock()
	for _, h := range hosts {
		n.group[h] = group
	}
	conns := slices.Collect(maps.Keys(n.conns))
	n.mu.Unlock()
	for _, c := range conns {
		c.in.poke()
	}
}

func (n *memNet) cut(a, b netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.group[a] != n.group[b]
}

// delay is how long a segment is under way.
func (n *memNet) delay() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.latency/2 + time.Duration(n.rng.Int64N(int64(n.latency)+1))
	for n.loss > 0 && n.rng.Float64() < n.loss {
		d += 200 * time.Millisecond
	}
	return d
}

// kill closes all sockets of a host, as the kernel does for a process that is killed.
func (n *memNet) kill(host netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for addr := range n.listeners {
		if addr.Addr() == host {
			delete(n.listeners, addr)
		}
	}
	for c := range n.conns {
		if c.local.Addr() == host {
			go c.Close()
		}
	}
}

func (n *memNet) listen(addr netip.AddrPort) *memListener {
	l := &memListener{net: n, addr: addr, conns: make(chan net.Conn, 128), done: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[addr] = l
	return l
}

// dialer returns the Dial function of a host.
func (n *memNet) dialer(host netip.Addr) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		wait(ctx, n.delay())
		if n.cut(host, to.Addr()) {
			<-ctx.Done()
		}
		if ctx.Err() != nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}
		n.mu.Lock()
		n.dials[to]++
		l := n.listeners[to]
		n.mu.Unlock()
		if l == nil {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
		near, far := n.pipe(host, to)
		select {
		case l.conns <- far:
			return near, nil
		case <-l.done:
		case <-ctx.Done():
		}
		near.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
}

func (n *memNet) pipe(host netip.Addr, to netip.AddrPort) (near, far *memConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := netip.AddrPortFrom(host, uint16(20000+n.rng.IntN(40000)))
	near = &memConn{net: n, local: from, remote: to, in: newHalf()}
	far = &memConn{net: n, local: to, remote: from, in: newHalf()}
	near.peer, far.peer = far, near
	n.conns[near], n.conns[far] = struct{}{}, struct{}{}
	return near, far
}

type memListener struct {
	net   *memNet
	addr  netip.AddrPort
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.net.mu.Lock()
		if l.net.listeners[l.addr] == l {
			delete(l.net.listeners, l.addr)
		}
		l.net.mu.Unlock()
		for {
			select {
			case c := <-l.conns:
				c.Close()
			default:
				return
			}
		}
	})
	return nil
}

func (l *memListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// half is one direction of a connection, at its receiver.
type half struct {
	mu       sync.Mutex
	segments []segment
	err      error // after the segments
	deadline time.Time
	changed  chan struct{}
	size     int
}

type segment struct {
	at   time.Time // of arrival
	data []byte
}

func newHalf() *half { return &half{changed: make(chan struct{})} }

// poke wakes readers and writers. To be called without the lock.
func (h *half) poke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pokeLocked()
}

func (h *half) pokeLocked() {
	close(h.changed)
	h.changed = make(chan struct{})
}

type memConn struct {
	net           *memNet
	local, remote netip.AddrPort
	peer          *memConn
	in            *half

	mu      sync.Mutex
	closed  bool
	broken  error
	wlimit  time.Time
	stalled *time.Timer
}

// window is how much may be under way before Write blocks.
const window = 1 << 18

func (c *memConn) Read(p []byte) (int, error) {
	h := c.in
	for {
		h.mu.Lock()
		now := time.Now()
		if !h.deadline.IsZero() && !now.Before(h.deadline) {
			h.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		}
		until := h.deadline
		switch {
		case c.isClosed():
			h.mu.Unlock()
			return 0, net.ErrClosed
		case len(h.segments) > 0 && !c.net.cut(c.local.Addr(), c.remote.Addr()):
			s := &h.segments[0]
			if !now.Before(s.at) {
				n := copy(p, s.data)
				if s.data = s.data[n:]; len(s.data) == 0 {
					h.segments = h.segments[1:]
				}
				h.size -= n
				h.pokeLocked()
				h.mu.Unlock()
				return n, nil
			}
			if until.IsZero() || s.at.Before(until) {
				until = s.at
			}
		case len(h.segments) == 0 && h.err != nil:
			err := h.err
			h.mu.Unlock()
			return 0, err
		}
		changed := h.changed
		h.mu.Unlock()
		await(changed, until)
	}
}

// await waits for the channel, or until a time that is not zero.
func await(changed <-chan struct{}, until time.Time) {
	if until.IsZero() {
		<-changed
		return
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	}
}

func (c *memConn) Write(p []byte) (int, error) {
	h := c.peer.in
	for {
		h.mu.Lock()
		changed := h.changed // before anything is looked at, so that no change is missed
		h.mu.Unlock()
		c.mu.Lock()
		closed, broken, limit := c.closed, c.broken, c.wlimit
		c.mu.Unlock()
		switch {
		case closed:
			return 0, net.ErrClosed
		case broken != nil:
			return 0, &net.OpError{Op: "write", Net: "tcp", Err: broken}
		case !limit.IsZero() && !time.Now().Before(limit):
			return 0, os.ErrDeadlineExceeded
		}
		at := time.Now().Add(c.net.delay())
		h.mu.Lock()
		if h.size < window {
			if n := len(h.segments); n > 0 && at.Before(h.segments[n-1].at) {
				at = h.segments[n-1].at
			}
			h.segments = append(h.segments, segment{at, append([]byte(nil), p...)})
			h.size += len(p)
			h.pokeLocked()
			h.mu.Unlock()
			c.watch()
			return len(p), nil
		}
		h.mu.Unlock()
		await(changed, limit)
	}
}

// watch breaks the connection when the partition lasts: data is not acknowledged.
func (c *memConn) watch() {
	if !c.net.cut(c.local.Addr(), c.remote.Addr()) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled == nil {
		c.stalled = time.AfterFunc(ackTimeout, func() {
			c.mu.Lock()
			c.stalled = nil
			c.mu.Unlock()
			if c.net.cut(c.local.Addr(), c.remote.Addr()) {
				c.fail(syscall.ETIMEDOUT)
			}
		})
	}
}

// fail breaks this end; the other end hears nothing, and gets nothing of what was held up.
func (c *memConn) fail(err error) {
	c.mu.Lock()
	c.broken = err
	c.mu.Unlock()
	c.in.mu.Lock()
	c.in.err = &net.OpError{Op: "read", Net: "tcp", Err: err}
	c.in.segments = nil
	c.in.pokeLocked()
	c.in.mu.Unlock()
	c.peer.in.mu.Lock()
	c.peer.in.segments = nil // what was not acknowledged is not sent again
	c.peer.in.pokeLocked()
	c.peer.in.mu.Unlock()
}

func (c *memConn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

func (c *memConn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	if c.stalled != nil {
		c.stalled.Stop()
	}
	c.mu.Unlock()
	c.net.mu.Lock()
	delete(c.net.conns, c)
	c.net.mu.Unlock()
	c.in.poke()
	if c.net.cut(c.local.Addr(), c.remote.Addr()) {
		return nil // the other end does not hear of it
	}
	h := c.peer.in
	h.mu.Lock()
	h.err = io.EOF
	h.pokeLocked()
	h.mu.Unlock()
	c.peer.mu.Lock()
	c.peer.broken = syscall.EPIPE
	c.peer.mu.Unlock()
	c.in.poke() // the other end may wait for room
	return nil
}

func (c *memConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *memConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

func (c *memConn) SetDeadline(t time.Time) error {
	c.SetWriteDeadline(t)
	return c.SetReadDeadline(t)
}

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.deadline = t
	c.in.pokeLocked()
	return nil
}

func (c *memConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.wlimit = t
	c.mu.Unlock()
	c.peer.in.poke()
	return nil
}
