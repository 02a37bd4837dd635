package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// readyVariable tells a detached daemon the descriptor on which it reports how its start went.
const readyVariable = "SUPVISORS_READY_FD"

// up is what a daemon reports that has started; anything else is the reason why it has not.
const up = "up"

// readyPipe is the line between a detached daemon and the command that started it, which waits for one report. Afterwards, and as
// nil, it reaches nobody.
type readyPipe struct{ file *os.File }

// takeReadyPipe returns the pipe when this process was started by detach, else nil.
func takeReadyPipe() *readyPipe {
	fd, err := strconv.Atoi(os.Getenv(readyVariable))
	os.Unsetenv(readyVariable)
	if err != nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	return &readyPipe{os.NewFile(uintptr(fd), "ready")}
}

// started reports that the daemon is up.
func (r *readyPipe) started() { r.tell(up) }

// failed reports why the daemon is not up. It returns whether somebody has waited for that.
func (r *readyPipe) failed(err error) bool { return r.tell(err.Error()) }

func (r *readyPipe) tell(report string) bool {
	if r == nil || r.file == nil {
		return false
	}
	_, err := r.file.WriteString(report)
	r.file.Close()
	r.file = nil
	return err == nil
}

// detach starts this program again in a session of its own, without a terminal, and waits until it is up or has said why it is not.
// Go cannot fork: a new process image is what is left of daemonizing.
func detach(args []string) error {
	// a lock or a pipe of a script must not live as long as the daemon
	if err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe", args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Env = append(os.Environ(), readyVariable+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	report, err := io.ReadAll(r)
	if err == nil && string(report) == up {
		return nil
	}
	end := cmd.Wait() // nothing of it is left when the reason is told
	switch {
	case err != nil:
		return fmt.Errorf("detach: %w", err)
	case len(report) == 0:
		return fmt.Errorf("the daemon ended before it was up: %v", end)
	}
	return errors.New(string(report))
}
