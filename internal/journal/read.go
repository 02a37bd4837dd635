package journal

import (
	"context"
	"iter"
	"time"
)

// Select returns the records later than since that the selection selects, in order of their numbers, of those that are on disk at
// the beginning of the iteration; a nil selection is all. A limit keeps the last ones. An error ends the iteration.
//
// The file is held only while some records are read, not while they are used.
func (l *Log) Select(sel *Selection, since time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		s, now := l.store.Load(), time.Now()
		wanted := func(r *Record) bool { return r.Time.After(since) && sel.Match(r, now) }
		last, err := s.lastID()
		if err != nil {
			yield(Record{}, err)
			return
		}
		var from uint64
		if sel != nil {
			from = sel.after + 1
			if sel.Limit > 0 {
				if from, err = s.lastOnes(last, from, sel.Limit, wanted); err != nil {
					yield(Record{}, err)
					return
				}
			}
		}
		for r, err := range s.walk(from, false) {
			if err != nil || r.ID > last {
				if err != nil {
					yield(Record{}, err)
				}
				return
			}
			if wanted(&r) && !yield(r, nil) {
				return
			}
		}
	}
}

// lastOnes returns the number that the last wanted records begin at, so many of them, looking from one number down to another.
func (s *store) lastOnes(from, to uint64, limit int, wanted func(*Record) bool) (uint64, error) {
	for r, err := range s.walk(from, true) {
		switch {
		case err != nil:
			return 0, err
		case r.ID < to:
			return to, nil
		case wanted(&r):
			if limit--; limit == 0 {
				return r.ID, nil
			}
		}
	}
	return to, nil
}

// walk goes through the records from a number on, up or down.
func (s *store) walk(from uint64, backwards bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for more := true; more; {
			records, next, err := s.read(from, backwards)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			from, more = next, next != 0
		}
	}
}

// DeleteSelected removes the records that the selection selects, but for the audit trail, and returns how many went.
func (l *Log) DeleteSelected(ctx context.Context, sel *Selection) (int, error) {
	return l.remove(ctx, sel, func(*Record) bool { return true })
}

// Prune removes the records that are not later than before, but for the audit trail, and returns how many went.
func (l *Log) Prune(ctx context.Context, before time.Time) (int, error) {
	return l.remove(ctx, nil, func(r *Record) bool { return !r.Time.After(before) })
}

func (l *Log) remove(ctx context.Context, sel *Selection, doomed func(*Record) bool) (int, error) {
	if err := l.Flush(ctx); err != nil { // what was appended before counts
		return 0, err
	}
	var ids []uint64
	for r, err := range l.Select(sel, time.Time{}) {
		if err != nil {
			return 0, err
		}
		if !auditCodes[r.Code] && doomed(&r) {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	done := make(chan error, 1)
	request := &removal{ids: ids, done: done}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return 0, ErrClosed
	}
	l.pending.removal = append(l.pending.removal, request)
	l.mu.Unlock()
	l.kick()
	if err := wait(ctx, done); err != nil {
		return 0, err
	}
	return request.removed, nil
}
