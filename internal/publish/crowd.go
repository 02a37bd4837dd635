package publish

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	maxClients       = 1000
	handshakeTimeout = 10 * time.Second
	writeTimeout     = 30 * time.Second
	linger           = time.Second // for what is queued when a door closes
	complaintPeriod  = time.Minute
)

// crowd is the connections of a door.
type crowd struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	gone   chan struct{} // closed when the crowd is, and nobody is left
}

func newCrowd() *crowd {
	return &crowd{conns: make(map[net.Conn]struct{}), gone: make(chan struct{})}
}

// enter tells whether conn may come in: there are less than limit and the door is open. It must leave then.
func (c *crowd) enter(conn net.Conn, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.conns) >= limit {
		return false
	}
	c.conns[conn] = struct{}{}
	return true
}

// leave takes conn out, if it is in.
func (c *crowd) leave(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.conns[conn]; !ok {
		return
	}
	delete(c.conns, conn)
	if c.closed && len(c.conns) == 0 {
		close(c.gone)
	}
}

func (c *crowd) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

// disperse lets nobody in any more and waits until all have left. Those who linger have their connections closed. It is called once.
func (c *crowd) disperse() {
	c.mu.Lock()
	c.closed = true
	if len(c.conns) == 0 {
		close(c.gone)
	}
	c.mu.Unlock()
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-c.gone:
		return
	case <-timer.C:
	}
	c.mu.Lock()
	for conn := range c.conns {
		conn.Close()
	}
	c.mu.Unlock()
	<-c.gone // no read or write can wait any more
}

// complaints logs what outsiders can cause at will: each kind of message once in a period, with the number of those left out before.
type complaints struct {
	logger *slog.Logger

	mu    sync.Mutex
	kinds map[string]*complaint // by the message, which is a constant
}

type complaint struct {
	last    time.Time
	leftOut int
}

func (c *complaints) warn(msg string, args ...any) {
	leftOut, ok := c.due(msg)
	if !ok {
		return
	}
	if leftOut > 0 {
		args = append(args, "left_out", leftOut)
	}
	c.logger.Warn(msg, args...)
}

func (c *complaints) due(msg string) (leftOut int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kinds[msg]
	switch {
	case k == nil:
		if c.kinds == nil {
			c.kinds = make(map[string]*complaint)
		}
		k = &complaint{}
		c.kinds[msg] = k
	case time.Since(k.last) < complaintPeriod:
		k.leftOut++
		return 0, false
	}
	leftOut, k.leftOut, k.last = k.leftOut, 0, time.Now()
	return leftOut, true
}
