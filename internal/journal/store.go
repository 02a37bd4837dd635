package journal

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The buckets and the keys of the second one.
var (
	recordsBucket = []byte("records") // number, big-endian -> record
	stateBucket   = []byte("state")

	reservedKey = []byte("reserved") // numbers up to this one may have been given out
	closedKey   = []byte("closed")   // there while the log is closed
)

// chunk is how many records are read in one transaction: while one lasts, the pages that writers give up cannot be used again.
const chunk = 256

// store is one open file of the event log.
type store struct{ *File }

// contents is what was found in a file.
type contents struct {
	count      int
	last       uint64 // the highest number, 0 for none
	reserved   uint64
	closed     bool     // closed in order
	unreadable []uint64 // records to be dropped
}

// openOrReplace opens the log. A damaged one is moved aside, and a new one made.
func openOrReplace(path string) (*store, contents, *Damage, error) {
	var found contents
	db, damage, err := OpenFile(path, func(tx *bolt.Tx) (err error) {
		found, err = prepare(tx)
		return err
	})
	if err != nil {
		return nil, contents{}, nil, fmt.Errorf("event log: %w", err)
	}
	return &store{db}, found, damage, nil
}

// prepare makes what is missing, finds out what there is and takes away the mark of an orderly end.
func prepare(tx *bolt.Tx) (found contents, err error) {
	records, err := tx.CreateBucketIfNotExists(recordsBucket)
	if err != nil {
		return found, err
	}
	state, err := tx.CreateBucketIfNotExists(stateBucket)
	if err != nil {
		return found, err
	}
	found.closed = state.Get(closedKey) != nil
	if v := state.Get(reservedKey); len(v) == 8 {
		found.reserved = binary.BigEndian.Uint64(v)
	}
	c := records.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(k) != 8 {
			return found, fmt.Errorf("a key of %d bytes", len(k))
		}
		id := binary.BigEndian.Uint64(k)
		found.last = id
		if _, err := decode(id, v); err != nil {
			found.unreadable = append(found.unreadable, id)
			continue
		}
		found.count++
	}
	for _, id := range found.unreadable {
		if err := records.Delete(key(id)); err != nil {
			return found, err
		}
	}
	return found, state.Delete(closedKey)
}

// lastID returns the highest number in the file, 0 if there is no record.
func (s *store) lastID() (id uint64, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		if k, _ := tx.Bucket(recordsBucket).Cursor().Last(); k != nil {
			id = binary.BigEndian.Uint64(k)
		}
		return nil
	})
	return id, err
}

// read returns up to a chunk of records from the number on, and the number to go on with, 0 at the end. Backwards, it goes down from the
// number. What cannot be read is left out.
func (s *store) read(from uint64, backwards bool) (records []Record, next uint64, err error) {
	err = s.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(recordsBucket).Cursor()
		k, v := c.Seek(key(from))
		move := c.Next
		if backwards {
			move = c.Prev
			if k == nil {
				k, v = c.Last()
			} else if binary.BigEndian.Uint64(k) > from {
				k, v = c.Prev()
			}
		}
		for n := 0; k != nil; k, v = move() {
			id := binary.BigEndian.Uint64(k)
			if n++; n > chunk {
				next = id
				break
			}
			if r, err := decode(id, v); err == nil {
				records = append(records, r)
			}
		}
		return nil
	})
	return records, next, err
}

func key(id uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 8), id) }
