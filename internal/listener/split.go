package listener

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// The first byte of a gossip connection. Neither HTTP (a letter) nor TLS (0x16) begins like this.
const (
	StreamByte byte = 0xFE // a gossip stream
	PacketByte byte = 0xFD // framed gossip packets
)

// Silence is how long a connection may take to send its first byte.
const Silence = 10 * time.Second

// maxAcceptDelay bounds the pause after a failed Accept; such failures are a lack of descriptors or memory.
const maxAcceptDelay = time.Second

// Split shares one listener between HTTP (or TLS, to be wrapped by the caller) and gossip. Each outlet is a net.Listener of its
// own; closing an outlet refuses the connections of its kind and leaves the others alone, and it can be opened again. The byte of
// a gossip connection is taken off, that of an HTTP connection is read again.
type Split struct {
	HTTP, Streams, Packets *Outlet

	ln      net.Listener
	silence time.Duration
	log     *slog.Logger

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// NewSplit takes ln over and starts to accept on it. silence is how long a connection may say nothing; see [Silence].
func NewSplit(ln net.Listener, silence time.Duration, logger *slog.Logger) *Split {
	s := &Split{ln: ln, silence: silence, log: logger, HTTP: newOutlet(ln.Addr()), Streams: newOutlet(ln.Addr()), Packets: newOutlet(ln.Addr())}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.wg.Go(s.accept)
	return s
}

// Addr is the address of the port.
func (s *Split) Addr() net.Addr { return s.ln.Addr() }

// Close closes the port, the outlets and the connections that no outlet has given away yet. It returns when all goroutines of the
// Split have ended. It may be called more than once.
func (s *Split) Close() error {
	s.stop()
	err := s.ln.Close()
	s.closeOutlets()
	s.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Split) closeOutlets() {
	for _, o := range []*Outlet{s.HTTP, s.Streams, s.Packets} {
		o.end()
	}
}

func (s *Split) accept() {
	defer s.closeOutlets() // so that nobody waits for a port that is no more
	var delay time.Duration
	for {
		c, err := s.ln.Accept()
		if err == nil {
			delay = 0
			s.wg.Go(func() { s.sniff(c) })
			continue
		}
		if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		if delay == 0 {
			s.log.Warn("cannot accept connections", "address", s.ln.Addr().String(), "error", err)
		}
		delay = min(max(2*delay, 5*time.Millisecond), maxAcceptDelay)
		select {
		case <-time.After(delay):
		case <-s.ctx.Done():
			return
		}
	}
}

// sniff waits for the first byte and hands the connection to the outlet it belongs to.
func (s *Split) sniff(c net.Conn) {
	release := context.AfterFunc(s.ctx, func() { c.Close() })
	var first [1]byte
	n := 0
	err := c.SetReadDeadline(time.Now().Add(s.silence))
	for err == nil && n == 0 {
		n, err = c.Read(first[:])
	}
	if n == 1 {
		err = c.SetReadDeadline(time.Time{})
	}
	if !release() || err != nil {
		c.Close()
		return
	}
	switch first[0] {
	case StreamByte:
		s.Streams.give(c)
	case PacketByte:
		s.Packets.give(c)
	default:
		s.HTTP.give(&peeked{Conn: c, first: first[0], unread: true})
	}
}

// Outlet is a listener for one kind of the connections of a [Split]. It may be closed and opened any number of times, as long as the
// Split is open.
type Outlet struct {
	addr  net.Addr
	conns chan net.Conn // unbuffered: a connection is either taken or still with the giver

	mu     sync.Mutex
	closed chan struct{} // closed with the outlet; each opening makes a new one
	ended  bool          // the Split is closed
}

func newOutlet(addr net.Addr) *Outlet {
	return &Outlet{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give waits until the connection is accepted, and closes it when the outlet is closed.
func (o *Outlet) give(c net.Conn) {
	select {
	case o.conns <- c:
	case <-o.done():
		c.Close()
	}
}

// done is closed when the outlet is.
func (o *Outlet) done() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// Accept returns the next connection, or net.ErrClosed after Close.
func (o *Outlet) Accept() (net.Conn, error) {
	done := o.done()
	select {
	case <-done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-o.conns:
		return c, nil
	case <-done:
		return nil, net.ErrClosed
	}
}

// Close refuses connections until the next Open. Whoever waits in Accept is told.
func (o *Outlet) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.close()
	return nil
}

func (o *Outlet) close() {
	if o.open() {
		close(o.closed)
	}
}

func (o *Outlet) open() bool {
	select {
	case <-o.closed:
		return false
	default:
		return true
	}
}

// Open takes connections again; an outlet that is open stays so. The error is net.ErrClosed when the Split is closed.
func (o *Outlet) Open() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return net.ErrClosed
	}
	if !o.open() {
		o.closed = make(chan struct{})
	}
	return nil
}

// end closes the outlet for good.
func (o *Outlet) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.close()
}

// Addr is the address of the port.
func (o *Outlet) Addr() net.Addr { return o.addr }

// peeked is a connection whose first byte was read and is to be read again.
type peeked struct {
	net.Conn
	first  byte
	unread bool
}

func (c *peeked) Read(p []byte) (int, error) {
	if !c.unread || len(p) == 0 {
		return c.Conn.Read(p)
	}
	c.unread = false
	p[0] = c.first
	return 1, nil
}

// CloseWrite lets http.Server say goodbye without losing what it wrote last.
func (c *peeked) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return errors.ErrUnsupported
}
