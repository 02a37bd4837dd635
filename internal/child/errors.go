package child

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Errors of the actor. The refusals of process.Machine (process.ErrAlreadyStarted, process.ErrNotRunning …) are returned as
// they are.
var (
	ErrClosed    = errors.New("process is no longer managed")
	ErrNoStdin   = errors.New("stdin is closed")     // the child has none, or has closed it
	ErrStdinFull = errors.New("stdin takes no more") // the child does not read what it was sent before
)

// Kinds of CommandError.
var (
	ErrBadCommand    = errors.New("bad command line")
	ErrNotFound      = errors.New("command not found")
	ErrNotExecutable = errors.New("command not executable")
)

// CommandError tells in Supervisor's words why a command line cannot be run. It unwraps to its kind.
type CommandError struct {
	Kind error // ErrBadCommand, ErrNotFound or ErrNotExecutable
	Text string
}

func (e *CommandError) Error() string { return e.Text }
func (e *CommandError) Unwrap() error { return e.Kind }

// Fault is the text of the fault that Supervisor's startProcess answers.
func (e *CommandError) Fault() string {
	if e.Kind == ErrNotFound {
		return "NO_FILE: " + e.Text
	}
	return "NOT_EXECUTABLE: " + e.Text
}

// SpawnError is a start that went wrong at once; Text is the spawnerr that clients see.
type SpawnError struct{ Text string }

func (e *SpawnError) Error() string { return e.Text }

// SignalError is a signal that the kernel refused to send.
type SignalError struct {
	PID    int
	Signal syscall.Signal
	Err    error
}

func (e *SignalError) Error() string {
	return fmt.Sprintf("signal %s to pid %d: %v", unix.SignalName(e.Signal), e.PID, e.Err)
}
func (e *SignalError) Unwrap() error { return e.Err }

// spawnErrText words the error of Spawner.Spawn, or of opening a log, as Supervisor's spawnerr.
func spawnErrText(name string, err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fmt.Sprintf("unknown error making dispatchers for '%s': %v", name, err)
	}
	var call *os.SyscallError
	if forked := errors.As(err, &call) && call.Syscall == "fork"; !forked {
		if errno == unix.EMFILE {
			return fmt.Sprintf("too many open files to spawn '%s'", name)
		}
		return fmt.Sprintf("unknown error making dispatchers for '%s': %s", name, unix.ErrnoName(errno))
	}
	if errno == unix.EAGAIN {
		return fmt.Sprintf("Too many processes in process table to spawn '%s'", name)
	}
	return fmt.Sprintf("unknown error during fork for '%s': %s", name, unix.ErrnoName(errno))
}
