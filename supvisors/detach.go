package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// readyVariable tells a detached daemon the descriptor on which it reports how its start went.
const readyVariable = "SUPVISORS_READY_FD"

// readyPipe is the line between a detached daemon and the command that started it. A nil readyPipe tells nobody anything.
type readyPipe struct{ file *os.File }

// takeReadyPipe returns the pipe when this process was started by detach.
func takeReadyPipe() (*readyPipe, bool) {
	fd, err := strconv.Atoi(os.Getenv(readyVariable))
	os.Unsetenv(readyVariable)
	if err != nil {
		return nil, false
	}
	syscall.CloseOnExec(fd)
	return &readyPipe{os.NewFile(uintptr(fd), "ready")}, true
}

// tell reports the start once: nil for a daemon that is up. It returns whether somebody is listening.
func (r *readyPipe) tell(err error) bool {
	if r == nil || r.file == nil {
		return false
	}
	defer func() { r.file.Close(); r.file = nil }()
	if err != nil {
		fmt.Fprint(r.file, err)
	}
	return true
}

// detach starts this program again in a session of its own, without a terminal, and waits until it is up or has said why it is not.
// Go cannot fork: a new process image is what is left of daemonizing.
func detach(stderr io.Writer) int {
	fail := func(text any) int {
		fmt.Fprintf(stderr, "Error: %v\nFor help, use %s -h\n", text, os.Args[0])
		return 2
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), readyVariable+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	w.Close()
	said, err := io.ReadAll(r)
	if err != nil {
		return fail(err)
	}
	if text := bytes.TrimSpace(said); len(text) > 0 {
		return fail(string(text))
	}
	return 0
}
