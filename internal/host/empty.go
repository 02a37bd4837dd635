package host

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Bounds of emptying: each level of directories holds a descriptor open.
const (
	maxDepth  = 100
	nameBlock = 16 << 10 // bytes of directory entries read at a time
)

// empty removes everything in a directory, which itself stays as it is. No symbolic link is followed, neither in the path nor below; what
// is mounted below is left alone and is an error. It goes on after an error, so that as much as possible is removed, and ends with ctx.
func empty(ctx context.Context, dir string) error {
	fd, err := openPath(dir)
	if err != nil {
		return fmt.Errorf("empty %s: %w", dir, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("empty %s: %w", dir, err)
	}
	return clean(ctx, fd, dir, st.Dev, 0)
}

// openPath opens a directory one name after the other, so that none of them is a link.
func openPath(dir string) (int, error) {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	for name := range strings.SplitSeq(strings.Trim(filepath.Clean(dir), "/"), "/") {
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		if err != nil {
			return -1, err
		}
		fd = next
	}
	return fd, nil
}

// clean removes what is in an open directory.
func clean(ctx context.Context, fd int, path string, device uint64, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("empty %s: too many levels of directories", path)
	}
	names, err := namesIn(fd)
	if err != nil {
		return fmt.Errorf("empty %s: %w", path, err)
	}
	var failed []error
	for _, name := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := unix.Unlinkat(fd, name, 0)
		if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
			err = removeDir(ctx, fd, name, filepath.Join(path, name), device, depth)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			failed = append(failed, fmt.Errorf("remove %s: %w", filepath.Join(path, name), err))
		}
		if len(failed) >= 10 {
			break // the rest fails as well
		}
	}
	return errors.Join(failed...)
}

// removeDir removes a directory with what is in it.
func removeDir(ctx context.Context, at int, name, path string, device uint64, depth int) error {
	fd, err := openBelow(at, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Dev != device {
		return unix.EXDEV
	}
	if err := clean(ctx, fd, path, device, depth+1); err != nil {
		return err
	}
	return unix.Unlinkat(at, name, unix.AT_REMOVEDIR)
}

// openBelow opens a directory that is neither a link nor mounted. A kernel without openat2 cannot tell what is mounted from the same
// device; the caller compares devices.
func openBelow(at int, name string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}
	fd, err := unix.Openat2(at, name, &how)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return unix.Openat(at, name, int(how.Flags), 0)
	}
	return fd, err
}

// namesIn reads the names in an open directory, all of them before the first is removed.
func namesIn(fd int) (names []string, err error) {
	buffer := make([]byte, nameBlock)
	for {
		n, err := unix.ReadDirent(fd, buffer)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names)
	}
}
