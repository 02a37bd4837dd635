package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound the event log. What is zero or less has its default. They are applied now and then, when something is written, so there
// may be a tenth more records than Count, and older ones than Age in a log that nothing is written to.
type Limits struct {
	Age   time.Duration // default 30 days
	Count int           // default 10,000 records
}

// The defaults of Limits.
const (
	DefaultAge   = 30 * 24 * time.Hour
	DefaultCount = 10_000
)

const (
	// batchDelay and batchSize say when records are written: so long after the first one, or when there are so many.
	batchDelay = 100 * time.Millisecond
	batchSize  = 500
	// maxPending is how many records may wait for the disk. Further ones are lost, and counted.
	maxPending = 4096
)

// The errors of a Log.
var (
	ErrClosed   = errors.New("the event log is closed")
	ErrOverflow = errors.New("too many events wait for the disk")
)

// Log is the persisted event log of a node.
type Log struct {
	path   string
	limits Limits
	logger *slog.Logger

	store atomic.Pointer[store] // replaced by the writer when it is damaged
	kicks chan struct{}         // one when there is something to do for the writer
	done  chan struct{}         // closed when the writer has ended

	mu       sync.Mutex
	pending  batch
	next     uint64 // the number of the next record
	reserved uint64 // the last number that may be given out
	lost     uint64 // records that were not logged since Open
	closed   bool
	flaps    flapping
	timer    *time.Timer // kicks when a batch has waited long enough
	flapEnd  *time.Timer // kicks at the end of the oldest window of flaps

	writer writer
}

// batch is what waits for the writer.
type batch struct {
	entries []entry
	removal []*removal
	waiters []chan<- error // told when the batch is on disk
	closing bool
}

// Open opens the event log, made if there is none, in a directory that exists. A file that cannot be read is moved aside to
// <path>.damaged-<time> and a new log begun, whose numbers go on; that is logged and is its first record. It is an error if another
// process holds the log.
func Open(path string, limits Limits, logger *slog.Logger) (*Log, error) {
	if limits.Age <= 0 {
		limits.Age = DefaultAge
	}
	if limits.Count <= 0 {
		limits.Count = DefaultCount
	}
	l := &Log{path: path, limits: limits, logger: logger, kicks: make(chan struct{}, 1), done: make(chan struct{})}
	s, found, damage, err := openOrReplace(path)
	if err != nil {
		return nil, err
	}
	reserved, markErr := readMark(path)
	l.next = firstNumber(found, damage != nil, reserved, markErr)
	l.reserved = l.next - 1 + reserveStep
	if err := writeMark(path, l.reserved); err != nil {
		return nil, errors.Join(fmt.Errorf("event log: %w", err), s.Close())
	}
	count, err := s.write(found.count, change{reserved: l.reserved, prune: true, limits: limits})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("event log: %w", err), s.Close())
	}
	l.store.Store(s)
	l.writer = writer{count: count, pruned: time.Now()}
	l.timer = time.AfterFunc(time.Hour, l.kick)
	l.timer.Stop()
	l.flapEnd = time.AfterFunc(time.Hour, l.kick)
	l.flapEnd.Stop()
	if damage != nil {
		l.report(damage)
	} else {
		l.tell(found, reserved)
	}
	go l.run()
	return l, nil
}

// tell logs what was found in the file.
func (l *Log) tell(found contents, mark uint64) {
	if n := len(found.unreadable); n > 0 {
		l.logger.Warn("event log: damaged records were dropped", "count", n, "first", found.unreadable[0])
	}
	if !found.closed && mark > 0 {
		l.logger.Warn("event log was not closed: what was not acknowledged after the last record is dropped",
			"last", found.last, "next", l.next)
	}
}

// Append logs the event and returns its number. It never waits for the disk: the record is there within moments, unless the node
// dies before. The number is 0 if the event is only counted, because it flaps, or is lost, because the disk cannot keep up or the log
// is closed.
func (l *Log) Append(r Record) uint64 {
	value, equality, err := l.encode(&r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.lost++
		return 0
	}
	if !l.closed && !l.admit(r, equality) {
		return 0
	}
	id, err := l.put(value)
	if err != nil {
		l.lost++
		return 0
	}
	return id
}

// AppendSync logs the event and returns its number once the record is on disk. An event that flaps is logged all the same. After an
// error the record may or may not be in the log; when ctx has ended it is likely to be.
func (l *Log) AppendSync(ctx context.Context, r Record) (uint64, error) {
	value, _, err := l.encode(&r)
	if err != nil {
		return 0, err
	}
	written := make(chan error, 1)
	l.mu.Lock()
	id, err := l.put(value)
	if err != nil {
		l.mu.Unlock()
		return 0, err
	}
	l.pending.waiters = append(l.pending.waiters, written)
	l.mu.Unlock()
	l.kick()
	return id, wait(ctx, written)
}

// Flush returns once every record appended before is on disk. Those that got lost are not waited for.
func (l *Log) Flush(ctx context.Context) error {
	written := make(chan error, 1)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	l.pending.waiters = append(l.pending.waiters, written)
	l.mu.Unlock()
	l.kick()
	return wait(ctx, written)
}

// Lost returns how many events were not logged since Open, because the disk could not keep up, failed, or the log was closed.
func (l *Log) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Close writes what is pending and closes the file. It may be called more than once.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed, l.pending.closing = true, true
	l.mu.Unlock()
	l.kick()
	<-l.done
	return l.writer.closeErr
}

// encode completes the record.
func (l *Log) encode(r *Record) (value []byte, equality string, err error) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if r.Source == nil {
		r.Source = Database{}
	}
	return r.encode()
}

// admit reports whether the event is to be logged. l.mu is held.
func (l *Log) admit(r Record, equality string) bool {
	now := time.Now()
	first := l.flaps.empty()
	ok := l.flaps.admit(r, equality, now)
	if first {
		l.armFlaps(now)
	}
	return ok
}

// armFlaps sets the timer to the end of the oldest window. l.mu is held.
func (l *Log) armFlaps(now time.Time) {
	if end, ok := l.flaps.next(); ok {
		l.flapEnd.Reset(end.Sub(now))
	}
}

// put gives the record its number and its place. l.mu is held.
func (l *Log) put(value []byte) (uint64, error) {
	switch {
	case l.closed:
		return 0, ErrClosed
	case len(l.pending.entries) >= maxPending || !l.add(value):
		return 0, ErrOverflow
	}
	switch len(l.pending.entries) {
	case 1:
		l.timer.Reset(batchDelay)
	case batchSize:
		l.kick()
	}
	return l.next - 1, nil
}

// add appends to what is pending. It reports false when the reserved numbers have run out, since no others may be given out. l.mu is held.
func (l *Log) add(value []byte) bool {
	if l.next > l.reserved {
		return false
	}
	l.pending.entries = append(l.pending.entries, entry{l.next, value})
	l.next++
	return true
}

// kick has the writer look at what is pending.
func (l *Log) kick() {
	select {
	case l.kicks <- struct{}{}:
	default:
	}
}

func wait(ctx context.Context, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
