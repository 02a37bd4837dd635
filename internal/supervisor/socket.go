package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/config"
)

// sharedSocket is the listening socket of a [fcgi-program:x]. It exists as long as a child has it; as in Supervisor, the file
// of a Unix socket stays behind and is replaced by the next one.
type sharedSocket struct {
	config config.Socket
	log    *slog.Logger

	mu    sync.Mutex
	file  *os.File
	users int
}

// Acquire implements child.Socket.
func (s *sharedSocket) Acquire() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		s.log.Info("Creating socket " + s.config.URL)
		f, err := s.open()
		if err != nil {
			return nil, fmt.Errorf("create socket %s: %w", s.config.URL, err)
		}
		s.file = f
	}
	s.users++
	return s.file, nil
}

// Release implements child.Socket.
func (s *sharedSocket) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.log.Info("Closing socket " + s.config.URL)
		s.file.Close()
		s.file = nil
	}
}

// probe opens and closes the socket, so that trouble with it is found before a child needs it.
func (s *sharedSocket) probe() error {
	_, err := s.Acquire()
	if err == nil {
		s.Release()
	}
	return err
}

func (s *sharedSocket) open() (*os.File, error) {
	if s.config.Network == "unix" {
		if err := os.Remove(s.config.Address); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	ln, err := net.Listen(s.config.Network, s.config.Address)
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	f, err := ln.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil, err
	}
	if err := s.prepare(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// prepare gives the socket the owner, mode and backlog of the configuration. Children expect accept to wait.
func (s *sharedSocket) prepare(f *os.File) error {
	if s.config.Network == "unix" {
		if err := os.Chown(s.config.Address, s.config.UID, s.config.GID); err != nil {
			return err
		}
		if err := os.Chmod(s.config.Address, fs.FileMode(s.config.Mode)); err != nil {
			return err
		}
	}
	fd := int(f.Fd())
	if s.config.Backlog > 0 {
		if err := unix.Listen(fd, s.config.Backlog); err != nil {
			return os.NewSyscallError("listen", err)
		}
	}
	return os.NewSyscallError("fcntl", unix.SetNonblock(fd, false))
}
