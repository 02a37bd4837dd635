package child

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// poller tells when the daemon's ends of pipes become ready. It is one epoll instance with one goroutine, which itself
// waits in the poller of the Go runtime, so that a thousand pipes cost neither goroutines nor threads. Readiness is told
// once, and again when somebody who has found nothing to do arms the descriptor: who reads as fast as a child writes is not disturbed.
type poller struct {
	file   *os.File
	events [128]unix.EpollEvent // of run

	mu      sync.Mutex
	fd      int // the epoll descriptor, -1 when closed
	serial  int32
	watches map[int32]watch // by descriptor
}

type watch struct {
	events uint32
	serial int32 // tells events of an earlier file with the same descriptor
	ready  func()
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the runtime would not poll it
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &poller{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, watches: make(map[int32]watch)}, nil
}

// add watches a descriptor for events, armed; ready must not wait. A closed poller tells nothing.
func (p *poller) add(fd int, events uint32, ready func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return nil
	}
	p.serial++
	w := watch{events | unix.EPOLLONESHOT, p.serial, ready}
	err := p.control(unix.EPOLL_CTL_ADD, fd, w)
	if errors.Is(err, unix.EEXIST) { // taken up again after an exec that went wrong
		err = p.control(unix.EPOLL_CTL_MOD, fd, w)
	}
	if err == nil {
		p.watches[int32(fd)] = w
	}
	return err
}

// arm has the next readiness of a descriptor told, which may be there already.
func (p *poller) arm(fd int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := p.watches[int32(fd)]
	if p.fd < 0 || !ok {
		return nil
	}
	return p.control(unix.EPOLL_CTL_MOD, fd, w)
}

// control changes what epoll knows of a descriptor; mu is held.
func (p *poller) control(op, fd int, w watch) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: w.events, Fd: int32(fd), Pad: w.serial}))
}

// remove forgets a descriptor, before it is closed.
func (p *poller) remove(fd int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.watches[int32(fd)]; ok {
		delete(p.watches, int32(fd))
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// run tells readiness until close, which is an error to it.
func (p *poller) run() error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("poll pipes: %w", err)
	}
	var failed error
	err = conn.Read(func(fd uintptr) (end bool) {
		failed = p.collect(int(fd))
		return failed != nil
	})
	return errors.Join(failed, err)
}

// collect takes all events that there are.
func (p *poller) collect(fd int) error {
	for {
		n, err := unix.EpollWait(fd, p.events[:], 0)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("epoll_wait", err)
		}
		p.tell(p.events[:n])
		if n < len(p.events) {
			return nil
		}
	}
}

func (p *poller) tell(events []unix.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ev := range events {
		if w, ok := p.watches[ev.Fd]; ok && w.serial == ev.Pad {
			w.ready()
		}
	}
}

// close makes run return.
func (p *poller) close() error {
	p.mu.Lock()
	p.fd = -1
	p.mu.Unlock()
	return p.file.Close() // waits for run, which may be about to tell something
}
