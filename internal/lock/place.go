package lock

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// attempts bounds how often a forced lock is tried that somebody takes again and again.
const attempts = 3

// place is where a lock may be: a name in an open directory, and the path for people.
type place struct {
	dir  int
	name string
	path string
}

type places []place

func (ps places) close() {
	for _, p := range ps {
		unix.Close(p.dir)
	}
}

func (p place) stat() (st unix.Stat_t, err error) {
	err = unix.Fstatat(p.dir, p.name, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// held reports whether somebody holds the lock. What cannot be seen counts as held.
func (p place) held(mode Mode) bool {
	st, err := p.stat()
	switch {
	case errors.Is(err, unix.ENOENT):
		return false
	case err != nil || mode == Exists || st.Mode&unix.S_IFMT != unix.S_IFREG:
		return true
	}
	return flocked(st)
}

// flocked asks the kernel who holds a flock. Trying to get it would show the file as opened and closed to all who watch it.
func flocked(st unix.Stat_t) bool {
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return true
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(table)) {
		words := strings.Fields(line)
		if len(words) > 5 && words[1] == "FLOCK" && words[5] == file {
			return true
		}
	}
	return false
}

// owner returns the daemon that wrote the lock file, false when none did.
func (p place) owner() (owner, bool) {
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return owner{}, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return owner{}, false
	}
	content := make([]byte, maxContent)
	n, err := unix.Read(fd, content)
	if err != nil || n == len(content) {
		return owner{}, false
	}
	return parseOwner(string(content[:n]))
}

func (p place) remove() error {
	if err := unix.Unlinkat(p.dir, p.name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove %s: %w", p.path, err)
	}
	return nil
}

// errHeld is why a lock is not taken.
var errHeld = errors.New("held")

// take takes the lock; with force it removes the one that is there. The error is errHeld or a failure.
func (p place) take(mode Mode, self owner, force bool) (taken, error) {
	try := p.create
	if mode == Flock {
		try = func(owner) (taken, error) { return p.flock() }
	}
	for range attempts {
		t, err := try(self)
		if !errors.Is(err, errHeld) || !force {
			return t, err
		}
		if err := p.remove(); err != nil {
			return taken{}, err
		}
	}
	return taken{}, errHeld
}

// create takes the lock of the mode Exists.
func (p place) create(self owner) (taken, error) {
	fd, err := unix.Openat(p.dir, p.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if errors.Is(err, unix.EEXIST) {
		return taken{}, errHeld
	}
	if err != nil {
		return taken{}, fmt.Errorf("make %s: %w", p.path, err)
	}
	defer unix.Close(fd)
	t := taken{path: p.path, fd: -1}
	if _, err = unix.Write(fd, []byte(self.String())); err == nil {
		err = unix.Fstat(fd, &t.file)
	}
	if err != nil {
		return taken{}, errors.Join(fmt.Errorf("write %s: %w", p.path, err), p.remove())
	}
	return t, nil
}

// flock takes the lock of the mode Flock. The file is made apart from its opening: in a directory that all may write to, the kernel lets
// nobody open what may have to be made and is another user's.
func (p place) flock() (taken, error) {
	const flags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Openat(p.dir, p.name, flags, 0)
	if errors.Is(err, unix.ENOENT) {
		fd, err = unix.Openat(p.dir, p.name, flags|unix.O_CREAT|unix.O_EXCL, 0o644)
	}
	switch {
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return taken{}, errHeld // somebody was faster, or it is not a file
	case err != nil:
		return taken{}, fmt.Errorf("open %s: %w", p.path, err)
	}
	t := taken{path: p.path, fd: fd}
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = unix.Fstat(fd, &t.file)
	}
	if err == nil && t.file.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.EWOULDBLOCK // whatever it is, it was put there to lock
	}
	if now, gone := p.stat(); err == nil && (gone != nil || now.Ino != t.file.Ino || now.Dev != t.file.Dev) {
		err = unix.EWOULDBLOCK // it was replaced meanwhile
	}
	if err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return taken{}, errHeld
		}
		return taken{}, fmt.Errorf("lock %s: %w", p.path, err)
	}
	return t, nil
}
