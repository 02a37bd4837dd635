package logfile

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// infoUser is the priority of Python's syslog.syslog: facility user, severity info.
const infoUser = 1<<3 | 6

// Syslog sends lines to the local syslog, each as one datagram to /dev/log. It never waits: what the syslog cannot take is
// lost, and it notices by itself when the syslog is restarted. It is safe for concurrent use.
type Syslog struct {
	tag, prefix string
	address     unix.SockaddrUnix

	mu sync.Mutex // keeps the descriptor from being closed, and reused, under a send
	fd int        // -1 when closed
}

// NewSyslog returns a Syslog whose messages carry the tag (Supervisor's is supervisord) and, before each line, the prefix
// (for a child, Supervisor's is the name of the process and a space).
func NewSyslog(tag, prefix string) (*Syslog, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open syslog: %w", err)
	}
	return &Syslog{tag: tag, prefix: prefix, address: unix.SockaddrUnix{Name: "/dev/log"}, fd: fd}, nil
}

// Write sends each line of p. The error is that of the first line that was lost; all lines are tried.
func (s *Syslog) Write(p []byte) (int, error) {
	var failed error
	header := fmt.Appendf(nil, "<%d>%s %s: %s", infoUser, time.Now().Format(time.Stamp), s.tag, s.prefix)
	for line := range bytes.SplitSeq(bytes.TrimRight(p, "\n"), []byte("\n")) {
		if err := s.send(append(header, line...)); err != nil && failed == nil {
			failed = fmt.Errorf("write syslog: %w", err)
		}
	}
	if failed != nil {
		return 0, failed
	}
	return len(p), nil
}

func (s *Syslog) send(message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return unix.Sendto(s.fd, message, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, &s.address)
}

// Close ends it; writing afterwards is an error.
func (s *Syslog) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fd := s.fd
	s.fd = -1
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close syslog: %w", err)
	}
	return nil
}
