package journal

import (
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"
)

// fill is how full a page gets: records are only ever added at the end.
const fill = 0.95

// change is what one transaction writes.
type change struct {
	add      []entry
	removal  []*removal
	prune    bool // apply the limits
	limits   Limits
	reserved uint64
	closed   bool
}

// entry is a record to be written.
type entry struct {
	id    uint64
	value []byte
}

// removal asks for records to be removed.
type removal struct {
	ids     []uint64
	removed int // set when done has got nil
	done    chan<- error
}

// write applies the change, all of it or nothing, to a file of that many records, and returns how many there are then. When it returns
// no error, the change is on disk.
func (s *store) write(count int, c change) (int, error) {
	err := s.Update(func(tx *bolt.Tx) error {
		records, state := tx.Bucket(recordsBucket), tx.Bucket(stateBucket)
		records.FillPercent = fill
		for _, e := range c.add {
			if err := records.Put(key(e.id), e.value); err != nil {
				return err
			}
		}
		count += len(c.add)
		for _, r := range c.removal {
			if err := remove(records, r); err != nil {
				return err
			}
			count -= r.removed
		}
		if c.prune {
			n, err := prune(records, count, c.limits)
			if err != nil {
				return err
			}
			count -= n
		}
		if c.closed {
			if err := state.Put(closedKey, []byte{1}); err != nil {
				return err
			}
		}
		return state.Put(reservedKey, key(c.reserved))
	})
	return count, err
}

func remove(records *bolt.Bucket, r *removal) error {
	r.removed = 0
	for _, id := range r.ids {
		if records.Get(key(id)) == nil {
			continue
		}
		if err := records.Delete(key(id)); err != nil {
			return err
		}
		r.removed++
	}
	return nil
}

// prune removes the oldest of that many records until the limits are kept, and returns how many went.
func prune(records *bolt.Bucket, count int, limits Limits) (int, error) {
	cutoff := time.Now().Add(-limits.Age)
	var gone [][]byte
	c := records.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		// A record that cannot be read any more goes as if it were old.
		r, err := decode(binary.BigEndian.Uint64(k), v)
		if err == nil && count-len(gone) <= limits.Count && r.Time.After(cutoff) {
			break
		}
		gone = append(gone, k)
	}
	for _, k := range gone { // not in the walk: a cursor may skip after a deletion
		if err := records.Delete(k); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}
