package supervisor

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// lineQueueSize is how many lines may wait for a slow terminal or pipe; flushTime is how long Close waits for them.
const (
	lineQueueSize = 4096
	flushTime     = time.Second
)

// lineQueue keeps whoever logs from waiting for a terminal or a pipe that is not read: lines that find the queue full are lost,
// which is said when there is room again.
type lineQueue struct {
	out  io.Writer
	done chan struct{} // closed when all was written after Close

	mu     sync.Mutex
	lines  chan []byte
	lost   int
	closed bool
}

func newLineQueue(out io.Writer, size int) *lineQueue {
	q := &lineQueue{out: out, lines: make(chan []byte, size), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for line := range q.lines {
			_, _ = q.out.Write(line) // there is nowhere to tell it
		}
	}()
	return q
}

// Write queues one line. It never waits.
func (q *lineQueue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, os.ErrClosed
	}
	own := append([]byte(nil), line...)
	if q.lost > 0 {
		own = append(fmt.Appendf(nil, "(%d lines lost)\n", q.lost), own...)
	}
	select {
	case q.lines <- own:
		q.lost = 0
	default:
		q.lost++
	}
	return len(line), nil
}

// Close waits a moment until what is queued has been written.
func (q *lineQueue) Close() error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	select {
	case <-q.done:
		return nil
	case <-time.After(flushTime):
		return fmt.Errorf("flush log: %w", os.ErrDeadlineExceeded)
	}
}
