package publish

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxBatch       = 64 // messages in one write
	lossPeriod     = time.Minute
	pingContextMax = 16
	pingTTLUnit    = 100 * time.Millisecond
	acceptRetry    = 100 * time.Millisecond
)

// ZMQ is the door for event_link = ZMQ, a PUB socket: it serves SUB and XSUB sockets that speak ZMTP 3.0 or later without security.
// A message is two frames, the header, which subscriptions are compared with, and the body.
type ZMQ struct {
	hub     *Hub
	logger  *slog.Logger
	crowd   *crowd
	outside complaints
}

// NewZMQ returns a door to hub.
func NewZMQ(hub *Hub, logger *slog.Logger) *ZMQ {
	return &ZMQ{hub: hub, logger: logger, crowd: newCrowd(), outside: complaints{logger: logger}}
}

// Serve lets clients in through ln until ctx ends, and closes ln. It returns nil then, the error of ln if that fails before, and in
// both cases when all clients are gone. It is called once.
func (d *ZMQ) Serve(ctx context.Context, ln net.Listener) error {
	open, shut := context.WithCancel(ctx)
	defer shut()
	context.AfterFunc(open, func() { ln.Close() })
	err := d.accept(open, ln)
	shut()
	d.crowd.disperse()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve zmq clients: %w", err)
}

func (d *ZMQ) accept(open context.Context, ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		var errno syscall.Errno
		switch {
		case err == nil && d.crowd.enter(conn, maxClients):
			go d.admit(open, conn)
		case err == nil:
			d.outside.warn("too many zmq clients, one is closed", "client", conn.RemoteAddr())
			conn.Close()
		case errors.As(err, &errno) && errno.Temporary():
			d.outside.warn("cannot accept zmq clients for now", "error", err)
			select {
			case <-open.Done():
			case <-time.After(acceptRetry):
			}
		default:
			return err
		}
	}
}

// admit does the handshake and serves the client until it is gone.
func (d *ZMQ) admit(open context.Context, conn net.Conn) {
	defer d.crowd.leave(conn)
	defer conn.Close()
	stop := context.AfterFunc(open, func() { conn.Close() })
	defer stop()
	conn.SetDeadline(time.Now().Add(handshakeTimeout))
	logger := d.logger.With("client", conn.RemoteAddr())
	if err := shake(conn); err != nil {
		var broken net.Error
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &broken) {
			logger.Debug("zmq handshake failed", "error", err)
		} else {
			d.outside.warn("zmq client is refused", "client", conn.RemoteAddr(), "reason", err)
		}
		return
	}
	if !stop() {
		return
	}
	conn.SetDeadline(time.Time{})
	c := &zmqClient{hub: d.hub, logger: logger, conn: conn, sub: d.hub.join(pub, 0), prefixes: make(prefixes)}
	c.run(open)
}

// zmqClient is a ZeroMQ client. One goroutine reads, one writes: the queue is closed when the client or the door is, and the
// connection when the queue has been written.
type zmqClient struct {
	hub      *Hub
	logger   *slog.Logger
	conn     net.Conn
	sub      *subscriber
	prefixes prefixes
	silence  time.Duration // how long the client may be silent; 0: for ever
}

func (c *zmqClient) run(open context.Context) {
	stop := context.AfterFunc(open, func() { c.hub.leave(c.sub) })
	defer stop()
	var writer sync.WaitGroup
	writer.Go(c.tell)
	err := c.listen()
	c.logger.Debug("zmq client is gone", "reason", err)
	c.conn.Close()
	c.hub.leave(c.sub)
	writer.Wait()
}

// listen obeys the client until it closes the connection or says something wrong.
func (c *zmqClient) listen() error {
	r := bufio.NewReader(c.conn)
	for {
		if c.silence > 0 {
			c.conn.SetReadDeadline(time.Now().Add(c.silence))
		}
		f, err := readFrame(r)
		if err != nil {
			return err
		}
		if err := c.obey(f); err != nil {
			return err
		}
	}
}

// obey does what a frame says. Subscriptions come as messages, or since ZMTP 3.1 as commands; other messages and commands mean
// nothing to a PUB socket.
func (c *zmqClient) obey(f frame) error {
	switch {
	case f.command == "SUBSCRIBE":
		c.prefixes.add(string(f.data))
	case f.command == "CANCEL":
		c.prefixes.remove(string(f.data))
	case f.command == "PING":
		return c.pong(f.data)
	case f.command == "ERROR":
		return errors.New("the client reports an error")
	case f.command != "", len(f.data) == 0:
		return nil
	case f.data[0] == 1:
		c.prefixes.add(string(f.data[1:]))
	case f.data[0] == 0:
		c.prefixes.remove(string(f.data[1:]))
	}
	c.hub.subscribe(c.sub, c.prefixes.wants())
	return nil
}

// pong answers a PING: the time that the client may be silent from now on, and a context to be sent back.
func (c *zmqClient) pong(data []byte) error {
	if len(data) < 2 || len(data) > 2+pingContextMax {
		return errFrame
	}
	c.silence = time.Duration(binary.BigEndian.Uint16(data)) * pingTTLUnit
	if c.silence == 0 {
		c.conn.SetReadDeadline(time.Time{})
	}
	return c.write(net.Buffers{appendCommand(nil, "PONG", data[2:])})
}

// write sends whole frames: a connection takes one write after the other, so those of listen and tell do not mix.
func (c *zmqClient) write(frames net.Buffers) error {
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := frames.WriteTo(c.conn)
	return err
}

// tell writes the queue until it is closed, then closes the connection. It reports what was lost once the client has caught up, and
// every minute if it never does.
func (c *zmqClient) tell() {
	defer c.conn.Close()
	reported := time.Now()
	batch := make([][]byte, 0, maxBatch)
	for batch = c.sub.take(batch); len(batch) > 0; batch = c.sub.take(batch[:0]) {
		err := c.write(batch)
		if err == nil && len(c.sub.queue) > 0 && time.Since(reported) < lossPeriod {
			continue
		}
		if lost := c.sub.lost.Swap(0); lost > 0 {
			reported = time.Now()
			c.logger.Warn("zmq client was too slow, messages are dropped", "dropped", lost)
		}
		if err != nil {
			c.logger.Debug("zmq client cannot be written to", "error", err)
			c.hub.leave(c.sub)
			return
		}
	}
}

// take waits for a message, and appends it and those behind it to batch until that is full. Nothing comes after the queue is closed.
func (s *subscriber) take(batch [][]byte) [][]byte {
	wire, ok := <-s.queue
	for ok {
		batch = append(batch, wire)
		if len(batch) == cap(batch) {
			return batch
		}
		select {
		case wire, ok = <-s.queue:
		default:
			return batch
		}
	}
	return batch
}

// prefixes are the subscriptions of a client. They do not count: libzmq's sockets tell each subscription, also one that they have told
// before, but cancel only when their user has canceled all. A prefix that no header begins with would never matter and is not kept, so
// there are few, whatever the client sends.
type prefixes map[string]struct{}

func (p prefixes) add(prefix string) {
	if matching(prefix) != 0 {
		p[prefix] = struct{}{}
	}
}

func (p prefixes) remove(prefix string) { delete(p, prefix) }

func (p prefixes) wants() set {
	var wants set
	for prefix := range p {
		wants |= matching(prefix)
	}
	return wants
}

// matching returns the headers that begin with prefix.
func matching(prefix string) set {
	var found set
	for h, name := range headerNames {
		if strings.HasPrefix(name, prefix) {
			found |= 1 << h
		}
	}
	return found
}
