package child

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// System is the Spawner of real children. A daemon has one.
type System struct {
	reaper  *reaper
	poller  *poller
	null    *os.File
	buffers sync.Pool // of *[]byte, taken only while there is something to read
	crew    crew
	quit    chan struct{}
	running sync.WaitGroup
}

// readSize is the size of a read buffer: what a pipe holds.
const readSize = 64 << 10

// NewSystem returns a System for Run. Descriptors that this process was started with are kept from its children from now on.
func NewSystem(logger *slog.Logger) (*System, error) {
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("keep inherited descriptors from children: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open what children get for output that nobody wants: %w", err)
	}
	poller, err := newPoller()
	if err != nil {
		null.Close()
		return nil, err
	}
	quit := make(chan struct{})
	return &System{
		reaper: newReaper(logger), poller: poller, null: null, crew: crew{work: make(chan func()), quit: quit}, quit: quit,
		buffers: sync.Pool{New: func() any { b := make([]byte, readSize); return &b }},
	}, nil
}

// Subreaper makes this process the parent of all descendants that lose theirs, as pid 1 is anyway. They are reaped, with a
// line in the log.
func (s *System) Subreaper() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
}

// Run watches children until Close. Children of a former image of the daemon must have been adopted before.
func (s *System) Run() error {
	s.running.Go(func() { s.reaper.run(s.quit) })
	err := s.poller.run()
	select {
	case <-s.quit:
		err = nil
	default:
	}
	s.running.Wait()
	return err
}

// Close makes Run return. The children live on.
func (s *System) Close() error {
	close(s.quit)
	return errors.Join(s.poller.close(), s.null.Close())
}

// Lookup implements Spawner.
func (s *System) Lookup(program string, path []string) (string, error) { return lookup(program, path) }

// Spawn implements Spawner.
func (s *System) Spawn(cmd Command, sink Sink) (Child, error) {
	p, err := newPipes(cmd)
	if err != nil {
		return nil, err
	}
	defer p.closeChild()
	c := &osChild{system: s, sink: sink, fds: p.parent}
	for _, stream := range []Stream{Stdout, Stderr} {
		if err := c.watch(stream, unix.EPOLLIN); err != nil {
			c.closeAll()
			return nil, err
		}
	}
	c.pid, err = s.reaper.fork(prepare(cmd, p.files(cmd, s.null)), sink.Exited)
	if err != nil {
		c.closeAll()
		return nil, os.NewSyscallError("fork", err)
	}
	return c, nil
}

// Go implements Spawner.
func (s *System) Go(f func()) { s.crew.do(f) }

// Adopt implements Spawner.
func (s *System) Adopt(saved SavedChild, sink Sink) (Child, error) {
	c := &osChild{system: s, sink: sink, pid: saved.PID, fds: saved.FDs}
	for stream, fd := range c.fds {
		if fd < 0 {
			continue
		}
		unix.CloseOnExec(fd)
		events := uint32(unix.EPOLLIN)
		if Stream(stream) == Stdin {
			events = unix.EPOLLOUT
		}
		if err := c.watch(Stream(stream), events); err != nil {
			return nil, err
		}
	}
	if c.pid != 0 {
		s.reaper.adopt(c.pid, sink.Exited)
	}
	return c, nil
}
