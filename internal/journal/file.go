package journal

import (
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

const (
	// lockTimeout is how long another process may hold the file while this one starts.
	lockTimeout = time.Second
	// growth is by how much the file grows at a time.
	growth = 1 << 20
)

// ErrDamaged is what a File says once it has been found damaged.
var ErrDamaged = errors.New("the file is damaged")

// File is one open file of bbolt. bbolt maps the file into memory: what is wrong with the file shows as a panic or as a memory fault,
// and leaves its locks in any state. So all of it runs in guard, and after damage nothing touches the file any more.
type File struct {
	db   *bolt.DB
	file *os.File // of db, to give back the lock when db cannot be closed
	bad  atomic.Bool
}

// Damage is a file that was moved aside.
type Damage struct {
	Kept  string // its name now
	Cause error
}

// OpenFile opens the file, made if there is none, and checks all of it; prepare then looks at it, or changes it. A file that is damaged,
// which an error of prepare tells as well, is moved aside and a new one made, for which prepare is called anew. Any other error, which is
// about getting at the file, leaves it alone.
func OpenFile(path string, prepare func(*bolt.Tx) error) (*File, *Damage, error) {
	f, err := openFile(path, prepare)
	if !errors.Is(err, ErrDamaged) {
		return f, nil, err
	}
	damage := &Damage{Cause: err}
	if damage.Kept, err = moveAside(path); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", damage.Cause, err)
	}
	f, err = openFile(path, prepare)
	return f, damage, err
}

func openFile(path string, prepare func(*bolt.Tx) error) (*File, error) {
	f := &File{}
	err := f.guard(func() (err error) {
		f.db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, NoStatistics: true,
			OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
				f.file, err = os.OpenFile(name, flag|syscall.O_NOFOLLOW, mode)
				return f.file, err
			},
		})
		if err != nil {
			return err
		}
		f.db.AllocSize = growth
		if err := f.check(); err != nil {
			return err
		}
		return f.db.Update(prepare)
	})
	if err != nil {
		f.abandon()
		return nil, openError(path, err)
	}
	return f, nil
}

// openError sorts the errors of bbolt: those of the system are not about the content of the file.
func openError(path string, err error) error {
	var system syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%s is in use by another process", path)
	case errors.As(err, &system), errors.Is(err, ErrDamaged):
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// guard runs do, unless the file is damaged, and turns a panic or a memory fault in it into ErrDamaged.
func (f *File) guard(do func() error) (err error) {
	if f.bad.Load() {
		return ErrDamaged
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			f.bad.Store(true)
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return do()
}

// View reads in one transaction.
func (f *File) View(do func(*bolt.Tx) error) error {
	return f.guard(func() error { return f.db.View(do) })
}

// Update writes in one transaction: all of it or nothing. When it returns no error, the change is on disk.
func (f *File) Update(do func(*bolt.Tx) error) error {
	return f.guard(func() error { return f.db.Update(do) })
}

// check walks through the whole file.
func (f *File) check() error {
	return f.db.View(func(tx *bolt.Tx) error {
		info, err := f.file.Stat()
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
				crc32.Checksum(k, castagnoli())
				crc32.Checksum(v, castagnoli())
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

// Close closes the file in order.
func (f *File) Close() error {
	if f.bad.Load() {
		f.abandon()
		return nil
	}
	return f.db.Close()
}

// abandon gives back the file and its lock without touching the content. The memory stays mapped, since readers may be at it; that holds
// the lock beyond the closing of the file, so it is taken off first.
func (f *File) abandon() {
	f.bad.Store(true)
	if f.file != nil {
		syscall.Flock(int(f.file.Fd()), syscall.LOCK_UN)
		f.file.Close()
	}
}
