package child

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// reaper collects the exits of all children of the daemon. It does so between forks and between signals: an exit is never seen
// before its child is known, and no signal goes to a pid that has been reaped and may be somebody else's by now. Forks do not wait for
// each other, which would double the time of a thousand.
type reaper struct {
	logger *slog.Logger
	news   chan os.Signal

	forks    sync.RWMutex // held for reading by each fork until its child is known, for writing by reap
	mu       sync.Mutex   // taken after forks
	children map[int]func(syscall.WaitStatus)
}

func newReaper(logger *slog.Logger) *reaper {
	return &reaper{
		logger: logger, news: make(chan os.Signal, 1), children: make(map[int]func(syscall.WaitStatus)),
	}
}

// run reaps until stop is closed. Children that have died before are reaped at once.
func (r *reaper) run(stop <-chan struct{}) {
	signal.Notify(r.news, syscall.SIGCHLD)
	defer signal.Stop(r.news)
	for {
		r.reap()
		select {
		case <-r.news:
		case <-stop:
			return
		}
	}
}

func (r *reaper) reap() {
	r.forks.Lock()
	defer r.forks.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		exited, ok := r.children[pid]
		if !ok {
			_, how := process.ExitText(status)
			r.logger.Info(fmt.Sprintf("reaped unknown pid %d (%s)", pid, how))
			continue
		}
		delete(r.children, pid)
		exited(status)
	}
}

// fork starts a child; exited is called once with its status and must not wait.
func (r *reaper) fork(start func() (pid int, err error), exited func(syscall.WaitStatus)) (int, error) {
	r.forks.RLock()
	defer r.forks.RUnlock()
	pid, err := start()
	if err == nil {
		r.adopt(pid, exited)
	}
	return pid, err
}

// adopt takes over a child that exists already.
func (r *reaper) adopt(pid int, exited func(syscall.WaitStatus)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.children[pid] = exited
}

func (r *reaper) kill(pid int, sig syscall.Signal, group bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.children[pid]; !ok {
		return ErrGone
	}
	if group {
		pid = -pid
	}
	return unix.Kill(pid, sig)
}
