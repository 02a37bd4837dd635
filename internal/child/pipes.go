package child

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipes are both ends of the streams of a child; -1 stands for none.
type pipes struct{ parent, child [3]int }

// newPipes opens the pipes of a child. The daemon's ends never block, the child's do; none is inherited by exec.
func newPipes(cmd Command) (p pipes, err error) {
	p = pipes{parent: [3]int{-1, -1, -1}, child: [3]int{-1, -1, -1}}
	for stream, wanted := range [3]bool{cmd.Stdin == nil, !cmd.Discard[Stdout], !cmd.Discard[Stderr] && !cmd.MergeStderr} {
		if !wanted {
			continue
		}
		var ends [2]int
		if err = unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			break
		}
		p.child[stream], p.parent[stream] = ends[1], ends[0]
		if Stream(stream) == Stdin {
			p.child[stream], p.parent[stream] = ends[0], ends[1]
		}
		if err = unix.SetNonblock(p.parent[stream], true); err != nil {
			break
		}
	}
	if err != nil {
		closeEnds(p.parent)
		closeEnds(p.child)
		return p, os.NewSyscallError("pipe", err)
	}
	return p, nil
}

func (p *pipes) closeChild() { closeEnds(p.child) }

func closeEnds(fds [3]int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// files returns what the child gets as descriptors 0, 1 and 2.
func (p *pipes) files(cmd Command, null *os.File) []uintptr {
	fds := make([]uintptr, 3)
	for stream, fd := range p.child {
		if fds[stream] = uintptr(fd); fd < 0 {
			fds[stream] = null.Fd()
		}
	}
	if cmd.Stdin != nil {
		fds[Stdin] = cmd.Stdin.Fd()
	}
	if cmd.MergeStderr {
		fds[Stderr] = fds[Stdout]
	}
	return fds
}

// osChild is a real child. It implements Child.
type osChild struct {
	system *System
	sink   Sink
	pid    int
	fds    [3]int // the daemon's ends by Stream, -1 when closed
	polled [3]bool
}

func (c *osChild) PID() int { return c.pid }

func (c *osChild) Kill(sig syscall.Signal, group bool) error {
	return c.system.reaper.kill(c.pid, sig, group)
}

func (c *osChild) Save() SavedChild { return SavedChild{PID: c.pid, FDs: c.fds} }

// watch asks for Ready, once.
func (c *osChild) watch(stream Stream, events uint32) error {
	fd := c.fds[stream]
	if fd < 0 {
		return nil
	}
	if c.polled[stream] {
		return c.system.poller.arm(fd)
	}
	c.polled[stream] = true
	return c.system.poller.add(fd, events, func() { c.sink.Ready(stream) })
}

func (c *osChild) Read(stream Stream, budget int, f func([]byte)) (more bool, err error) {
	fd := c.fds[stream]
	if fd < 0 {
		return false, io.EOF
	}
	buf := c.system.buffers.Get().(*[]byte)
	defer c.system.buffers.Put(buf)
	for budget > 0 {
		n, err := unix.Read(fd, *buf)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return false, c.watch(stream, unix.EPOLLIN)
		case err != nil:
			return false, os.NewSyscallError("read", err)
		case n == 0:
			return false, io.EOF
		default:
			f((*buf)[:n])
			budget -= n
		}
	}
	return true, nil
}

func (c *osChild) Write(p []byte) (n int, err error) {
	fd := c.fds[Stdin]
	if fd < 0 {
		return 0, unix.EPIPE
	}
	// It is watched only once it was full: most children are never written to.
	for n < len(p) {
		m, err := unix.Write(fd, p[n:])
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return n, c.watch(Stdin, unix.EPOLLOUT)
		case err != nil:
			return n, os.NewSyscallError("write", err)
		default:
			n += m
		}
	}
	return n, nil
}

func (c *osChild) Close(stream Stream) {
	fd := c.fds[stream]
	if fd < 0 {
		return
	}
	if c.polled[stream] {
		c.system.poller.remove(fd)
	}
	c.fds[stream] = -1
	unix.Close(fd)
}

func (c *osChild) closeAll() {
	for _, stream := range []Stream{Stdin, Stdout, Stderr} {
		c.Close(stream)
	}
}
