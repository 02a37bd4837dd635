package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The buckets and the keys of the second one.
var (
	recordsBucket = []byte("records") // number, big-endian -> record
	stateBucket   = []byte("state")

	reservedKey = []byte("reserved") // numbers up to this one may have been given out
	closedKey   = []byte("closed")   // there while the log is closed
)

const (
	// lockTimeout is how long another process may hold the file while this one starts.
	lockTimeout = time.Second
	// growth is by how much the file grows at a time.
	growth = 1 << 20
	// chunk is how many records are read in one transaction: while one lasts, the pages that writers give up cannot be used again.
	chunk = 256
)

// errDamaged is what a store says once it has been found damaged.
var errDamaged = errors.New("the event log is damaged")

// store is one open file of the event log. bbolt maps the file into memory: what is wrong with the file shows as a panic or as a memory
// fault, and leaves its locks in any state. So all of it runs in guard, and after damage nothing touches the file any more.
type store struct {
	path string
	db   *bolt.DB
	file *os.File // of db, to give back the lock when db cannot be closed
	bad  atomic.Bool
}

// guard runs f, unless the store is damaged, and turns a panic or a memory fault in it into errDamaged.
func (s *store) guard(f func() error) (err error) {
	if s.bad.Load() {
		return errDamaged
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			s.bad.Store(true)
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

// contents is what was found in a file.
type contents struct {
	count      int
	last       uint64 // the highest number, 0 for none
	reserved   uint64
	closed     bool     // closed in order
	unreadable []uint64 // records to be dropped
}

// openStore opens the file, made if there is none, and checks all of it. An error that is errDamaged is about what is in the file, any
// other one about getting at it. The file is then closed.
func openStore(path string) (*store, contents, error) {
	s := &store{path: path}
	var found contents
	err := s.guard(func() (err error) {
		s.db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, NoStatistics: true,
			OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
				s.file, err = os.OpenFile(name, flag|syscall.O_NOFOLLOW, mode)
				return s.file, err
			},
		})
		if err != nil {
			return err
		}
		s.db.AllocSize = growth
		if err := s.check(); err != nil {
			return err
		}
		found, err = s.prepare()
		return err
	})
	if err != nil {
		s.abandon()
		return nil, contents{}, openError(path, err)
	}
	return s, found, nil
}

// openError sorts the errors of bbolt: those of the system are not about the content of the file.
func openError(path string, err error) error {
	var system syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("event log %s is in use by another process", path)
	case errors.As(err, &system):
		return fmt.Errorf("event log: %w", err)
	case errors.Is(err, errDamaged):
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// check walks through the whole file.
func (s *store) check() error {
	return s.db.View(func(tx *bolt.Tx) error {
		info, err := s.file.Stat()
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%d of %d bytes are there", info.Size(), tx.Size())
		}
		// The walk comes first, and reads every byte, since it runs under guard: bbolt's own check has a goroutine for itself
		// and would fault on a wild page.
		err = tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				crc32.Checksum(k, castagnoli)
				crc32.Checksum(v, castagnoli)
				return nil
			})
		})
		if err != nil {
			return err
		}
		for problem := range tx.Check() {
			if err == nil {
				err = problem
			}
		}
		return err
	})
}

// prepare makes what is missing, finds out what there is and takes away the mark of an orderly end.
func (s *store) prepare() (found contents, err error) {
	err = s.db.Update(func(tx *bolt.Tx) error {
		records, err := tx.CreateBucketIfNotExists(recordsBucket)
		if err != nil {
			return err
		}
		state, err := tx.CreateBucketIfNotExists(stateBucket)
		if err != nil {
			return err
		}
		found.closed = state.Get(closedKey) != nil
		if v := state.Get(reservedKey); len(v) == 8 {
			found.reserved = binary.BigEndian.Uint64(v)
		}
		c := records.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if len(k) != 8 {
				return fmt.Errorf("a key of %d bytes", len(k))
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
				return err
			}
		}
		return state.Delete(closedKey)
	})
	return found, err
}

// lastID returns the highest number in the file, 0 if there is no record.
func (s *store) lastID() (id uint64, err error) {
	err = s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			if k, _ := tx.Bucket(recordsBucket).Cursor().Last(); k != nil {
				id = binary.BigEndian.Uint64(k)
			}
			return nil
		})
	})
	return id, err
}

// read returns up to a chunk of records from the number on, and the number to go on with, 0 at the end. Backwards, it goes down from the
// number. What cannot be read is left out.
func (s *store) read(from uint64, backwards bool) (records []Record, next uint64, err error) {
	err = s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
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
	})
	return records, next, err
}

// close closes the file in order.
func (s *store) close() error {
	if s.bad.Load() {
		s.abandon()
		return nil
	}
	return s.db.Close()
}

// abandon gives back the file and its lock without touching the content. The memory stays mapped, since readers may be at it; that holds
// the lock beyond the closing of the file, so it is taken off first.
func (s *store) abandon() {
	s.bad.Store(true)
	if s.file != nil {
		syscall.Flock(int(s.file.Fd()), syscall.LOCK_UN)
		s.file.Close()
	}
}

func key(id uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 8), id) }
