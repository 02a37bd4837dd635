package gossip

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// keepAlive is how long a stream is without entries before it carries a blank line. A node in a cluster has a tick to tell more often.
	keepAlive = 6 * time.Second
	// writeTimeout is how long a reader may take to accept a page before it is cut off. It then resumes or starts again.
	writeTimeout = 30 * time.Second
	// snapshotTries is how often in a row a reader may be too slow for its snapshot before it is cut off.
	snapshotTries = 3
)

var (
	errSlowReader = errors.New("the reader is too slow even for snapshots")
	errClosed     = errors.New("the node is shutting down")
	errReplaced   = errors.New("the peer has opened another stream")
)

// events serves a Log at /cluster/events to the other nodes: one stream per peer, the newest one counts.
type events struct {
	log    *Log
	trust  *Trust
	allow  func(name string) bool
	logger *slog.Logger

	mu      sync.Mutex
	readers map[string]*stream
	warned  onceSet
}

func newEvents(log *Log, trust *Trust, allow func(string) bool, logger *slog.Logger) *events {
	return &events{log: log, trust: trust, allow: allow, logger: logger, readers: map[string]*stream{}}
}

// ServeHTTP answers GET /cluster/events?epoch=E&from=N: entries from number N on if this is run E of the node and they are kept,
// else a snapshot and what follows. A node that said goodbye answers 410. With the parameter knock, it only answers whether the sender
// would be let in.
func (e *events) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
		return
	}
	from, err := e.trust.Verify(w, r)
	if err != nil {
		e.refuse(w, r, http.StatusUnauthorized, err)
		return
	}
	if !e.allow(from) {
		e.refuse(w, r, http.StatusForbidden, fmt.Errorf("node %s is not configured here", from))
		return
	}
	if closed, bye := e.log.ended(); closed {
		status := http.StatusServiceUnavailable
		if bye {
			status = http.StatusGone
		}
		http.Error(w, errClosed.Error(), status)
		return
	}
	q := r.URL.Query()
	if q.Has(knockParam) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	next, _ := strconv.ParseUint(q.Get("from"), 10, 64)
	s := &stream{log: e.log, w: bufio.NewWriterSize(w, 16<<10), rc: http.NewResponseController(w), cancel: cancel}
	s.next.Store(next)
	defer e.enter(from, s)()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(headerEpoch, e.log.Epoch)
	err = s.run(ctx, !e.log.resumable(q.Get("epoch"), next))
	e.logger.Debug("event stream ended", "peer", from, "next", s.next.Load(), "error", err)
}

func (e *events) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	level := slog.LevelDebug
	if e.warned.first(r.RemoteAddr, err.Error()) {
		level = slog.LevelWarn
	}
	e.logger.Log(r.Context(), level, "event stream refused", "address", r.RemoteAddr, "from", r.Header.Get(headerFrom), "error", err)
	http.Error(w, err.Error(), status)
}

// enter makes the stream the one of its peer and returns what is to be called at its end.
func (e *events) enter(from string, s *stream) (leave func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.readers[from]; old != nil {
		old.cancel(errReplaced)
	}
	e.readers[from] = s
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.readers[from] == s {
			delete(e.readers, from)
		}
	}
}

// followers returns how far the peers that follow the log are behind it, by name.
func (e *events) followers() []Reader {
	head := e.log.Head()
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Reader, 0, len(e.readers))
	for name, s := range e.readers {
		list = append(list, Reader{name, head + 1 - min(s.next.Load(), head+1)})
	}
	slices.SortFunc(list, func(a, b Reader) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// stream writes the log to one reader.
type stream struct {
	log    *Log
	w      *bufio.Writer
	rc     *http.ResponseController
	cancel context.CancelCauseFunc
	next   atomic.Uint64 // number of the entry to be written next; only the stream changes it
}

func (s *stream) run(ctx context.Context, snapshot bool) error {
	if err := s.rc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if err := s.write(); err != nil { // the reader wants to know that it is connected
		return err
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for tries := 0; ; {
		if snapshot {
			if tries++; tries > snapshotTries {
				return errSlowReader
			}
			if err := s.writeSnapshot(ctx); err != nil {
				return err
			}
		}
		p := s.log.read(s.next.Load())
		if snapshot = p.gone; snapshot {
			continue
		}
		if len(p.lines) > 0 {
			if err := s.write(p.lines...); err != nil {
				return err
			}
			tries = 0
			s.next.Add(uint64(len(p.lines)))
			alive.Reset(keepAlive)
			continue
		}
		if p.closed {
			return s.end(p.bye)
		}
		select {
		case <-p.changed:
		case <-alive.C:
			if err := s.write([]byte("\n")); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (s *stream) writeSnapshot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	seq, data, err := s.log.snapshot(ctx)
	if err != nil {
		return fmt.Errorf("take snapshot: %w", err)
	}
	b, err := line{Snapshot: true, Seq: seq, Data: data}.encode()
	if err != nil {
		return fmt.Errorf("encode snapshot: %w", err)
	}
	s.next.Store(seq + 1)
	return s.write(b)
}

func (s *stream) end(bye bool) error {
	if !bye {
		return nil
	}
	b, err := line{Bye: true}.encode()
	if err != nil {
		return err
	}
	return s.write(b)
}

func (s *stream) write(lines ...[]byte) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	for _, b := range lines {
		if _, err := s.w.Write(b); err != nil {
			return err
		}
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	return s.rc.Flush()
}
