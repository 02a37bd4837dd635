package gossip

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

const (
	// packetQueue is how many packets may wait for the connection to a peer. More are dropped.
	packetQueue = 64
	// packetTimeout bounds the time to open a connection for packets and to write to it. What is older than this is of no use.
	packetTimeout = 2 * time.Second
)

// senders holds one sender per peer address that packets were sent to in the last minute.
type senders struct {
	*transport
	mu    sync.Mutex
	peers map[string]*sender
}

// sender writes packets to one peer, on a goroutine of its own.
type sender struct {
	addr  string
	queue chan []byte // frames
	stop  context.CancelFunc
}

// send queues a packet. It never waits; a packet for which there is no room is dropped without an error, as UDP does.
func (s *senders) send(b []byte, addr string) error {
	if len(b) > maxPacket {
		return fmt.Errorf("packet of %d bytes is longer than %d", len(b), maxPacket)
	}
	frame := append(binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b))), b...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return net.ErrClosed
	}
	p := s.peers[addr]
	if p == nil {
		ctx, stop := context.WithCancel(s.ctx)
		p = &sender{addr: addr, queue: make(chan []byte, packetQueue), stop: stop}
		s.peers[addr] = p
		s.wg.Go(func() { s.run(ctx, p) })
	}
	select {
	case p.queue <- frame:
	default:
		s.log.Debug("gossip packet dropped", "to", addr)
	}
	return nil
}

// close ends all senders; nothing is sent any more.
func (s *senders) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transport.stop()
}

// forget closes the connection to a peer that is lost, with all that is stuck in it.
func (s *senders) forget(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.peers[addr]; p != nil {
		p.stop()
		delete(s.peers, addr)
	}
}

// run writes what is queued until nothing came for a minute, the connection fails or ctx ends. Then the next packet starts anew.
func (s *senders) run(ctx context.Context, p *sender) {
	defer p.stop()
	err := s.write(ctx, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peers[p.addr] == p {
		delete(s.peers, p.addr)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Debug("gossip connection failed", "to", p.addr, "dropped", len(p.queue), "error", err)
	}
}

func (s *senders) write(ctx context.Context, p *sender) error {
	dctx, cancel := context.WithTimeout(ctx, packetTimeout)
	defer cancel()
	c, err := s.connect(dctx, p.addr, listener.PacketByte)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	// the peer sends nothing on this connection: what comes is its end, and packets written after that would be lost silently
	s.wg.Go(func() {
		c.Read(make([]byte, 1))
		p.stop()
	})
	idle := time.NewTimer(packetIdle)
	defer idle.Stop()
	for {
		select {
		case frame := <-p.queue:
			if err := c.SetWriteDeadline(time.Now().Add(packetTimeout)); err != nil {
				return err
			}
			if _, err := c.Write(frame); err != nil {
				return err
			}
			idle.Reset(packetIdle)
		case <-idle.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// frameReader reads packets: two bytes of length, most significant first, and as many bytes.
type frameReader struct{ r *bufio.Reader }

func newFrameReader(r io.Reader) frameReader { return frameReader{bufio.NewReaderSize(r, 4096)} }

// next returns the next packet, in memory of its own.
func (f frameReader) next() ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(f.r, b)
	return b, err
}
