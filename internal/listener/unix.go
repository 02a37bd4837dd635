package listener

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxUnixPath is the longest path that the kernel takes for a socket, in bytes.
const maxUnixPath = 107

// staleTries bounds how often a stale socket is replaced when other programs put it back meanwhile.
const staleTries = 5

// probeTimeout bounds the wait for a program that is behind an existing socket.
const probeTimeout = 2 * time.Second

// Unix is a Unix domain socket as [unix_http_server] describes it.
type Unix struct {
	Path     string
	Mode     fs.FileMode // permission bits (chmod)
	UID, GID int         // owner (chown); -1 leaves it as it is
}

// Listen opens the socket. It is made under a temporary name in the same directory and linked to Path when it is complete. When
// Path exists and a connection to it works, the error is EADDRINUSE; when nothing answers, the file is a stale socket and replaced.
// A failure is an [*OpenError], but for a chown that is not permitted, which has Supervisor's own text.
//
// Closing the listener removes Path, unless another program has replaced it meanwhile.
func (u Unix) Listen(ctx context.Context, logger *slog.Logger) (net.Listener, error) {
	ln, err := u.listen(ctx, logger)
	if err == nil {
		return ln, nil
	}
	var denied *chownError
	if errors.As(err, &denied) {
		return nil, err
	}
	return nil, &OpenError{Address: u.Path, Err: err}
}

func (u Unix) listen(ctx context.Context, logger *slog.Logger) (net.Listener, error) {
	temp := filepath.Join(filepath.Dir(u.Path), "."+strconv.Itoa(os.Getpid())+".sock")
	if n := max(len(temp), len(u.Path)); n > maxUnixPath {
		return nil, fmt.Errorf("the path needs %d bytes and the system takes %d", n, maxUnixPath)
	}
	ln, err := u.create(ctx, temp)
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	for range staleTries {
		if err = os.Link(temp, u.Path); err == nil {
			return u.adopt(ln)
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		if err = u.removeStale(ctx, logger); err != nil {
			break
		}
	}
	ln.Close()
	return nil, err
}

// create makes the complete socket at the path temp. The mode is set before the file exists, so that there is no moment in which
// others may connect.
func (u Unix) create(ctx context.Context, temp string) (*net.UnixListener, error) {
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), uint32(u.Mode.Perm())) }); cerr != nil {
			return cerr
		}
		return err
	}}
	l, err := lc.Listen(ctx, "unix", temp)
	if err != nil {
		return nil, err
	}
	ln := l.(*net.UnixListener)
	ln.SetUnlinkOnClose(false)
	if err = os.Chmod(temp, u.Mode.Perm()); err == nil && (u.UID >= 0 || u.GID >= 0) {
		if err = os.Lchown(temp, u.UID, u.GID); errors.Is(err, fs.ErrPermission) {
			err = &chownError{u}
		}
	}
	if err != nil {
		ln.Close()
		os.Remove(temp)
		return nil, err
	}
	return ln, nil
}

// removeStale removes what is at the path when it is a socket that nobody serves.
func (u Unix) removeStale(ctx context.Context, logger *slog.Logger) error {
	info, err := os.Lstat(u.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("the file exists and is not a socket")
	}
	d := net.Dialer{Timeout: probeTimeout}
	conn, err := d.DialContext(ctx, "unix", u.Path)
	if err == nil {
		conn.Close()
		return syscall.EADDRINUSE
	}
	if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
		// a full backlog, say: somebody is there, though not well
		return fmt.Errorf("%w: %w", syscall.EADDRINUSE, err)
	}
	logger.Warn("unlinking stale socket", "path", u.Path)
	if err = os.Remove(u.Path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (u Unix) adopt(ln *net.UnixListener) (net.Listener, error) {
	info, err := os.Lstat(u.Path)
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &unixListener{UnixListener: ln, path: u.Path, made: info}, nil
}

// unixListener removes its socket on Close, if the file is still the one it made.
type unixListener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
}

func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.made) {
		os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

// Addr returns the path, not the temporary name under which the socket was bound.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// chownError is Supervisor's answer to a sockchown that the current user may not do.
type chownError struct{ u Unix }

func (e *chownError) Error() string {
	name := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return fmt.Sprintf(`Not permitted to chown %s to uid/gid (%d, %d); adjust "sockchown" value in config file or on command line `+
		`to values that the current user (%s) can successfully chown`, e.u.Path, e.u.UID, e.u.GID, name)
}

func (e *chownError) Unwrap() error { return fs.ErrPermission }
