package ledger

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/rest/agent"
)

// The buckets of the file: number, big-endian -> JSON. Numbers grow and are never used for anything else.
const (
	agreementsBucket = "agreements"
	instancesBucket  = "instances"
)

const (
	writeDelay = 100 * time.Millisecond // how long changes wait for others
	retryDelay = time.Second            // after a failure
)

// kept is a place in the file.
type kept struct {
	bucket string
	key    uint64
}

// store is the file, written by a goroutine of its own. What waits for the disk is only what it is to hold in the end, so that a slow one
// costs no memory.
type store struct {
	path string
	file *journal.File // of run
	log  *journal.Log
	tell *slog.Logger

	everything func() map[kept]any // what it is to hold
	kicks      chan struct{}
	done       chan struct{} // closed when run has ended
	timer      *time.Timer   // kicks when changes have waited
	failing    bool          // of run: the last write went wrong
	closeErr   error

	mu      sync.Mutex
	pending map[kept]any // nil is to be removed
	closing bool
}

// contents is what was found in the file.
type contents struct {
	agreements []entry[agent.Agreement]
	instances  []entry[agent.Instance]
	last       uint64 // the highest number
	unreadable int
}

func openStore(cfg Config) (*store, contents, error) {
	var found contents
	file, damage, err := journal.OpenFile(cfg.Path, func(tx *bolt.Tx) (err error) {
		found = contents{}
		if found.agreements, err = load[agent.Agreement](tx, agreementsBucket, &found); err == nil {
			found.instances, err = load[agent.Instance](tx, instancesBucket, &found)
		}
		return err
	})
	if err != nil {
		return nil, contents{}, err
	}
	s := &store{path: cfg.Path, file: file, log: cfg.Log, tell: cfg.Logger, kicks: make(chan struct{}, 1), done: make(chan struct{}),
		pending: map[kept]any{}}
	s.timer = time.AfterFunc(time.Hour, s.kick)
	s.timer.Stop()
	s.report(damage)
	if found.unreadable > 0 {
		s.tell.Warn("ledger: entries that cannot be read were dropped", "count", found.unreadable)
	}
	return s, found, nil
}

// load returns the entries of a bucket, made if there is none, in the order of their numbers, and drops those that cannot be read.
func load[T any](tx *bolt.Tx, bucket string, found *contents) (list []entry[T], err error) {
	b, err := tx.CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return nil, err
	}
	var bad [][]byte
	err = b.ForEach(func(k, v []byte) error {
		value := new(T)
		if len(k) != 8 {
			return fmt.Errorf("a key of %d bytes", len(k))
		}
		if json.Unmarshal(v, value) != nil {
			bad = append(bad, k)
			return nil
		}
		e := entry[T]{binary.BigEndian.Uint64(k), value}
		found.last = max(found.last, e.key)
		list = append(list, e)
		return nil
	})
	for _, k := range bad {
		err = errors.Join(err, b.Delete(k))
	}
	found.unreadable += len(bad)
	return list, err
}

// report tells about a damaged file.
func (s *store) report(d *journal.Damage) {
	if d == nil {
		return
	}
	s.tell.Error("ledger was damaged: a new one is begun", "kept", d.Kept, "error", d.Cause)
	s.log.Append(journal.Record{Severity: journal.Error, Code: journal.CodeDatabaseError, Source: journal.Database{},
		Message: fmt.Sprintf("the history of agreements was damaged, its file was moved to %s", d.Kept)})
}

// put has a value written, or removed when it is nil. The value is not changed any more.
func (s *store) put(at kept, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		s.timer.Reset(writeDelay)
	}
	s.pending[at] = value
}

func (s *store) kick() {
	select {
	case s.kicks <- struct{}{}:
	default:
	}
}

// run is the one writer.
func (s *store) run() {
	defer close(s.done)
	for range s.kicks {
		s.mu.Lock()
		pending, closing := s.pending, s.closing
		s.pending = map[kept]any{}
		s.mu.Unlock()
		err := s.write(pending)
		if errors.Is(err, journal.ErrDamaged) {
			err = s.replace(pending)
		}
		s.account(err, pending)
		if closing {
			s.timer.Stop()
			s.closeErr = errors.Join(err, s.file.Close())
			return
		}
	}
}

// account tells about failures, once when they begin and once when they end, and has what could not be written tried again.
func (s *store) account(err error, failed map[kept]any) {
	if s.failing != (err != nil) {
		if s.failing = err != nil; s.failing {
			s.tell.Error("ledger cannot be written", "error", err)
		} else {
			s.tell.Warn("ledger is written again")
		}
	}
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, value := range failed {
		if _, newer := s.pending[at]; !newer {
			s.pending[at] = value
		}
	}
	s.timer.Reset(retryDelay)
}

// write brings changes to disk, all of them or none.
func (s *store) write(changes map[kept]any) error {
	if len(changes) == 0 {
		return nil
	}
	return s.file.Update(func(tx *bolt.Tx) error {
		for at, value := range changes {
			b, key := tx.Bucket([]byte(at.bucket)), binary.BigEndian.AppendUint64(nil, at.key)
			if value == nil {
				if err := b.Delete(key); err != nil {
					return err
				}
				continue
			}
			data, err := json.Marshal(value)
			if err == nil {
				err = b.Put(key, data)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// replace opens the file anew after damage, or another one in its place, and writes all that it is to hold.
func (s *store) replace(changes map[kept]any) error {
	s.file.Close()
	file, damage, err := journal.OpenFile(s.path, func(tx *bolt.Tx) error {
		for _, bucket := range []string{agreementsBucket, instancesBucket} {
			if _, err := tx.CreateBucketIfNotExists([]byte(bucket)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.file = file
	s.report(damage)
	all := s.everything()
	maps.Copy(all, changes) // some of them are newer
	return s.write(all)
}

// close writes what is pending and closes the file. It may be called more than once.
func (s *store) close() error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.kick()
	<-s.done
	return s.closeErr
}
