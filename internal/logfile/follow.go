package logfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Truncated is what Follow emits in the place of lost bytes when the file has become shorter, the text that Supervisor documents.
const Truncated = "==> File truncated <==\n"

// Follow emits the last back bytes of a log and then everything that is added to it, until the context ends or emit returns an
// error, which it returns. The bytes are emit's only until it returns. When the file is rotated or removed, what is left in the
// old file comes first and then the new file from its start, as soon as there is one; files rotated away while emit was
// waiting for a slow reader are skipped. Each Follow uses one inotify instance, of which the system has a limited number.
func Follow(ctx context.Context, path string, back int64, emit func([]byte) error) error {
	f := &follower{path: path, emit: emit, buffer: make([]byte, 32<<10)}
	defer f.close()
	if err := f.start(back); err != nil {
		return fmt.Errorf("follow log: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { f.events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		if err := f.catchUp(ctx); err != nil {
			return err
		}
		if replaced, err := f.replace(ctx); err != nil {
			return err
		} else if replaced {
			continue
		}
		// What happened is found by looking at the file: the events only say when.
		if _, err := f.events.Read(f.buffer); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("follow log: %w", err)
		}
	}
	return ctx.Err()
}

type follower struct {
	path   string
	emit   func([]byte) error
	buffer []byte
	events *os.File // of inotify
	file   *os.File
	info   os.FileInfo // tells which file it is
	watch  int         // of the file
	pos    int64       // next byte to read
}

// start opens the file and sets the watches before anything is read, so that no change is missed.
func (f *follower) start(back int64) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("inotify: %w", err)
	}
	f.events = os.NewFile(uintptr(fd), "inotify")
	if err := f.watchFolders(); err != nil {
		return err
	}
	file, size, err := openRegular(f.path)
	if err != nil {
		return err
	}
	f.pos = max(size-max(back, 0), 0)
	return f.use(file)
}

// watchFolders makes a new file at the path, or at what it links to, an event.
func (f *follower) watchFolders() error {
	target, err := filepath.EvalSymlinks(f.path)
	if err != nil {
		return err
	}
	for _, path := range []string{f.path, target} {
		folder := filepath.Dir(path)
		if err := f.control(func(fd int) error {
			_, err := unix.InotifyAddWatch(fd, folder, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
			return err
		}); err != nil {
			return fmt.Errorf("watch %s: %w", folder, err)
		}
	}
	return nil
}

// use makes a file the one that is followed. It is watched through its descriptor: its name may mean another file by now.
func (f *follower) use(file *os.File) error {
	if f.file != nil {
		f.file.Close()
	}
	f.file = file
	var err error
	if f.info, err = file.Stat(); err != nil {
		return err
	}
	name := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	return f.control(func(fd int) error {
		if f.watch != 0 {
			unix.InotifyRmWatch(fd, uint32(f.watch)) // fails when the file is gone for good, and the watch with it
		}
		f.watch, err = unix.InotifyAddWatch(fd, name, unix.IN_MODIFY|unix.IN_ATTRIB|unix.IN_MOVE_SELF)
		return err
	})
}

// control calls a function with the descriptor of inotify; File.Fd would make it blocking.
func (f *follower) control(call func(fd int) error) error {
	raw, err := f.events.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = call(int(fd)) }); err != nil {
		return err
	}
	return result
}

// catchUp emits what the file holds after pos.
func (f *follower) catchUp(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := f.file.ReadAt(f.buffer, f.pos)
		if n > 0 {
			f.pos += int64(n)
			if err := f.emit(f.buffer[:n]); err != nil {
				return err
			}
			continue
		}
		if err != io.EOF {
			return fmt.Errorf("follow log: %w", err)
		}
		info, err := f.file.Stat()
		if err != nil {
			return fmt.Errorf("follow log: %w", err)
		}
		if info.Size() >= f.pos {
			return nil
		}
		f.pos = 0
		if err := f.emit([]byte(Truncated)); err != nil {
			return err
		}
	}
	return nil
}

// replace turns to the file that has taken the path, if another one has.
func (f *follower) replace(ctx context.Context) (bool, error) {
	named, err := os.Stat(f.path)
	if err != nil || os.SameFile(named, f.info) {
		return false, nil
	}
	file, _, err := openRegular(f.path)
	if err != nil {
		return false, nil // gone again
	}
	// The old file was written until the new one appeared.
	if err := f.catchUp(ctx); err != nil {
		file.Close()
		return false, err
	}
	f.pos = 0
	if err := f.use(file); err != nil {
		return false, fmt.Errorf("follow log: %w", err)
	}
	return true, nil
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
	}
	if f.events != nil {
		f.events.Close()
	}
}
