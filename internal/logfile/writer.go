package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Writer appends chunks to a log file and rotates it. It is safe for concurrent use, and Close ends a Write that waits for
// the reader of a pipe. A Writer keeps nothing that a new one of the same path would not find again.
type Writer struct {
	path     string
	maxBytes int64
	backups  int

	mu     sync.Mutex
	file   *os.File
	stream bool  // not a regular file of its own name: written only, never rotated or removed
	size   int64 // bytes in a regular file, as far as this Writer knows
	limit  int64 // the size that triggers the next rotation; above maxBytes after a rotation that went wrong

	rotated func() // told of each rotation, under the lock; may be nil
}

// New opens path for appending and creates it if need be. After a write that brings the file to maxBytes or more it is
// renamed to path.1, path.1 to path.2 and so on, and backups old files are kept; with backups 0 it is truncated instead. With
// maxBytes 0 it is never rotated, and neither is anything but a regular file.
func New(path string, maxBytes int64, backups int) (*Writer, error) {
	w := &Writer{path: path, maxBytes: maxBytes, backups: backups}
	if err := w.open(); err != nil {
		return nil, err
	}
	return w, nil
}

// OnRotate has f called after each rotation. It must not wait, nor call the Writer. It is set before the first Write.
func (w *Writer) OnRotate(f func()) { w.rotated = f }

// Path returns the path given to New.
func (w *Writer) Path() string { return w.path }

// MayWait reports whether Write may have to wait for a reader: it writes to something else than a regular file of its own name.
func (w *Writer) MayWait() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stream
}

// Write appends one chunk, then rotates the file when it has grown to its limit. The error of a rotation is returned with
// n == len(p): the chunk is safe in the old file, which stays in use until as much again has been written. Writing to a pipe
// waits for its reader.
func (w *Writer) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	if w.stream {
		f := w.file
		w.mu.Unlock() // a full pipe must not keep others from Reopen and Close
		return f.Write(p)
	}
	defer w.mu.Unlock()
	n, err = w.file.Write(p)
	w.size += int64(n)
	if err == nil && w.maxBytes > 0 && w.size >= w.limit {
		err = w.rotate()
	}
	return n, err
}

// Reopen closes the file and opens its path again, so that a file moved away by others is let go (Supervisor's SIGUSR2).
// When the path cannot be opened the old file stays in use.
func (w *Writer) Reopen() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open()
}

// Clear removes the file at the path and starts an empty one, as Supervisor's clearProcessLogs does; old files stay. For
// anything but a regular file it does nothing.
func (w *Writer) Clear() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stream {
		return nil
	}
	if err := os.Remove(w.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clear log: %w", err)
	}
	return w.open()
}

// Close closes the file. Writing afterwards is an error, Reopen opens it again.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file.Close()
}

// open makes the file at the path the current one, or changes nothing.
func (w *Writer) open() error {
	// Without O_NONBLOCK the daemon would wait in open(2) for somebody to read a FIFO; regular files do not know it.
	f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NONBLOCK, 0o666)
	fd, inherited := descriptor(w.path)
	if err != nil && inherited {
		// A socket (journald) cannot be opened by name, nor can a pipe of another user: share the descriptor.
		f, err = duplicate(fd, w.path)
	}
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("open log: %w", err)
	}
	if w.file != nil {
		w.file.Close()
	}
	w.file, w.stream = f, inherited || !info.Mode().IsRegular()
	w.size, w.limit = info.Size(), w.maxBytes
	return nil
}

// descriptor returns the descriptor that a path like /dev/stdout stands for.
func descriptor(path string) (fd int, ok bool) {
	switch path {
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if number, found := strings.CutPrefix(path, dir); found {
			fd, err := strconv.Atoi(number)
			return fd, err == nil
		}
	}
	return 0, false
}

func duplicate(fd int, name string) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(n), name), nil
}
