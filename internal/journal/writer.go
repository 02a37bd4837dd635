package journal

import (
	"errors"
	"fmt"
	"time"
)

const (
	// pruneEvery is how often the age of the records is looked at, when there is something to write.
	pruneEvery = time.Hour
	// pruneShare is the part of its limit by which the number of records may pass it before the oldest go.
	pruneShare = 10
	// retryDelay is when reserving numbers is tried again.
	retryDelay = time.Second
)

// writer is what only the goroutine of run knows; closeErr belongs to others once that has ended.
type writer struct {
	count    int       // records on disk
	pruned   time.Time // when the limits were applied last
	lost     uint64    // Log.lost after the last batch
	told     uint64    // Log.lost when it was last told about
	losing   bool      // there were losses up to the last batch
	starving bool      // no numbers could be reserved
	closeErr error
}

// report tells about a damaged file, in the daemon's own log and in the new event log.
func (l *Log) report(d *Damage) {
	l.logger.Error("event log was damaged: a new one is begun", "kept", d.Kept, "error", d.Cause)
	l.Append(Record{
		Severity: Error, Code: CodeDatabaseError, Source: Database{},
		Message: fmt.Sprintf("the event log was damaged, its file was moved to %s", d.Kept),
	})
}

// run is the one writer.
func (l *Log) run() {
	defer close(l.done)
	for range l.kicks {
		b, reserve := l.take()
		err := l.commit(&b, reserve)
		l.account(err, len(b.entries))
		if b.closing {
			l.writer.closeErr = l.end(err, reserve)
		}
		for _, r := range b.removal {
			r.done <- err
		}
		for _, w := range b.waiters {
			w <- err
		}
		if b.closing {
			return
		}
	}
}

// take returns what is pending, and up to which number to reserve.
func (l *Log) take() (b batch, reserve uint64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.flaps.expired(now, l.pending.closing) {
		if value, _, err := r.encode(); err != nil || !l.add(value) {
			l.lost++
		}
	}
	b, l.pending = l.pending, batch{}
	l.timer.Stop()
	l.armFlaps(now)
	switch given := l.next - 1; {
	case b.closing:
		return b, given
	case l.reserved-given < reserveLow:
		return b, given + reserveStep
	}
	return b, l.reserved
}

// commit brings the batch to disk, in one transaction. Damage that shows only now costs the old records, not the batch.
func (l *Log) commit(b *batch, reserve uint64) error {
	w := &l.writer
	more := reserve > l.reserved
	if len(b.entries) == 0 && len(b.removal) == 0 && !more && !b.closing {
		return nil
	}
	if more { // what was reserved before will do for a while, so the batch can be written all the same
		err := writeMark(l.path, reserve)
		if err != nil {
			more, reserve = false, l.reserved
		}
		if err != nil && !w.starving {
			l.logger.Error("event log cannot reserve numbers", "error", err)
		}
		if w.starving = err != nil; w.starving {
			l.timer.Reset(retryDelay) // when the numbers have run out, nothing else brings the writer here
		}
	}
	now := time.Now()
	c := change{add: b.entries, removal: b.removal, reserved: reserve, closed: b.closing, limits: l.limits}
	c.prune = now.Sub(w.pruned) >= pruneEvery || w.count+len(b.entries) > l.limits.Count+l.limits.Count/pruneShare
	count, err := l.store.Load().write(w.count, c)
	if errors.Is(err, ErrDamaged) {
		if err = l.replace(err); err == nil {
			count, err = l.store.Load().write(w.count, c)
		}
	}
	if err != nil {
		return fmt.Errorf("write the event log: %w", err)
	}
	w.count = count
	if c.prune {
		w.pruned = now
	}
	if more {
		l.mu.Lock()
		l.reserved = reserve
		l.mu.Unlock()
	}
	return nil
}

// replace opens the file anew after damage, or another one in its place.
func (l *Log) replace(cause error) error {
	l.store.Load().abandon()
	s, found, d, err := openOrReplace(l.path)
	if err != nil {
		return err
	}
	l.store.Store(s)
	l.writer.count = found.count
	if d == nil {
		l.logger.Error("event log was opened anew", "error", cause)
		return nil
	}
	l.report(d)
	return nil
}

// account counts what a failed batch held, and tells about losses: once when they begin and once, with their number, when they end.
func (l *Log) account(err error, entries int) {
	w := &l.writer
	l.mu.Lock()
	if err != nil {
		l.lost += uint64(entries)
	}
	lost := l.lost
	l.mu.Unlock()
	more := lost > w.lost
	w.lost = lost
	switch {
	case more && !w.losing:
		w.losing = true
		l.logger.Error("event log loses events", "count", lost-w.told, "error", err)
	case !more && w.losing && err == nil && !w.starving:
		n := lost - w.told
		w.losing, w.told = false, lost
		l.logger.Warn("event log has lost events", "count", n)
		l.Append(Record{
			Severity: Error, Code: CodeDatabaseError, Source: Database{}, Message: fmt.Sprintf("%d events could not be logged", n),
		})
	}
}

// end closes the file. After a last batch that was written no numbers are reserved any more, so the next log leaves no gap.
func (l *Log) end(err error, reserve uint64) error {
	l.mu.Lock()
	l.timer.Stop()
	l.flapEnd.Stop()
	l.mu.Unlock()
	if err == nil {
		err = writeMark(l.path, reserve)
	}
	return errors.Join(err, l.store.Load().Close())
}
