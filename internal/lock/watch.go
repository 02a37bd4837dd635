package lock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// settle is how long after the kernel has told of a close the flock of the file is looked at once more: it goes a moment later.
const settle = 50 * time.Millisecond

// Watch tells when locks appear or go.
type Watch struct {
	// C gets a value after any of the applications got locked or unlocked. Several changes may give one value.
	C <-chan struct{}

	c     chan struct{}
	locks *Locks
	apps  []App
	queue *os.File // of inotify
	last  []bool   // which applications were locked; of run
	ended chan struct{}
}

// Watch begins to watch the locks of the applications. In the mode Flock a lock that goes is noticed when its file is closed. The error
// is that of the system, whose watches are limited.
func (l *Locks) Watch(apps ...App) (*Watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch locks: %w", err)
	}
	c := make(chan struct{}, 1)
	w := &Watch{C: c, c: c, locks: l, apps: apps, queue: os.NewFile(uintptr(fd), "inotify"), last: make([]bool, len(apps)),
		ended: make(chan struct{})}
	if err := w.look(); err != nil {
		w.queue.Close()
		return nil, fmt.Errorf("watch locks: %w", err)
	}
	w.compare() // what was before is no change
	go w.run()
	return w, nil
}

// Close ends it.
func (w *Watch) Close() {
	w.queue.Close()
	<-w.ended
}

func (w *Watch) run() {
	defer close(w.ended)
	buffer := make([]byte, 4096)
	for {
		_, err := w.queue.Read(buffer)
		again := errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !again {
			return
		}
		var until time.Time
		if !again && w.locks.cfg.Mode == Flock {
			until = time.Now().Add(settle)
		}
		// without a way to look once more there is still the next event
		_ = w.queue.SetReadDeadline(until)
		_ = w.look() // a new directory that cannot be watched is no reason to stop watching the others
		if w.compare() {
			select {
			case w.c <- struct{}{}:
			default:
			}
		}
	}
}

// compare takes note of which applications are locked, and reports whether that is news.
func (w *Watch) compare() (news bool) {
	for i, app := range w.apps {
		held := w.locks.Held(app) != nil
		news = news || held != w.last[i]
		w.last[i] = held
	}
	return news
}

// look watches every directory where a lock may be or may come to be. To watch one again is nothing new.
func (w *Watch) look() error {
	dirs := []string{w.locks.cfg.Dir}
	for _, app := range w.apps {
		if checkName(app.Name) != nil {
			continue
		}
		dir := filepath.Join(w.locks.cfg.Dir, app.Name)
		dirs = append(dirs, dir)
		for _, name := range app.Processes {
			if checkName(name) == nil {
				dirs = append(dirs, filepath.Join(dir, name))
			}
		}
	}
	for _, path := range w.locks.cfg.Legacy {
		dirs = append(dirs, nearest(filepath.Dir(path)))
	}
	const changes = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_CLOSE
	var mask uint32 = changes | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW
	if w.locks.cfg.Mode == Exists {
		mask &^= unix.IN_CLOSE
	}
	conn, err := w.queue.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for _, dir := range dirs {
			_, err := unix.InotifyAddWatch(int(fd), dir, mask)
			if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) {
				failed = errors.Join(failed, err)
			}
		}
	})
	return errors.Join(err, failed)
}

// nearest returns the directory, or the nearest one above it that exists.
func nearest(dir string) string {
	for {
		if _, err := os.Lstat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
