package child

import (
	"errors"
	"os"
	"syscall"

	"github.com/supvisors/supvisors/internal/process"
)

// Stream is one of the three standard streams of a child; its value is the descriptor in the child.
type Stream int

// The streams.
const (
	Stdin Stream = iota
	Stdout
	Stderr
)

// String returns "stdin", "stdout" or "stderr".
func (s Stream) String() string { return [...]string{"stdin", "stdout", "stderr"}[s] }

// Command is a child to be spawned.
type Command struct {
	Path string   // file to execute, absolute or relative to Dir
	Args []string // the whole argument vector
	Env  []string // the whole environment

	Dir    string // "" stays in the directory of the daemon
	UID    int    // user to become, -1 for none
	Umask  int    // -1 keeps the one of the daemon
	Limits []process.Limit

	Stdin       *os.File // given to the child as descriptor 0 in place of a pipe; it stays open
	MergeStderr bool     // stderr goes where stdout goes
	Discard     [3]bool  // by Stream: output that nobody wants goes to /dev/null, past the daemon
}

// ErrGone is the answer of Child.Kill when the child has already been reaped.
var ErrGone = errors.New("child has gone")

// Spawner starts children.
type Spawner interface {
	// Lookup returns the file that a program name stands for, searched in the directories of path when it has no slash. The
	// error is a *CommandError.
	Lookup(program string, path []string) (file string, err error)
	// Spawn starts a child. It tells the Sink what happens to it, possibly before Spawn returns. Trouble that is the child's
	// own (user, directory, exec) is no error: it says so on its stderr and exits with 127, as Supervisor's children do.
	// Errors are *os.SyscallError of "pipe" or "fork".
	Spawn(cmd Command, sink Sink) (Child, error)
	// Adopt takes over a child of a former image of this daemon process.
	Adopt(saved SavedChild, sink Sink) (Child, error)
	// Go has f run on another goroutine. It never waits.
	Go(f func())
}

// Sink is told what happens to a child. Its methods may be called from any goroutine and do not wait.
type Sink interface {
	// Ready tells that a stream can be read or written again, or has come to its end. It is called once for each time that
	// Read or Write found nothing to do.
	Ready(Stream)
	// Exited tells that the child was reaped. It is called once.
	Exited(syscall.WaitStatus)
}

// Child is a running child and the daemon's ends of its pipes. It belongs to one goroutine. No method waits.
type Child interface {
	PID() int
	// Kill sends a signal to the child or its process group; ErrGone when it is dead and reaped.
	Kill(sig syscall.Signal, group bool) error
	// Read hands what is there to read on a stream to f, in pieces that are valid during the call, until there is no more or
	// about budget bytes were read: then more is true. The error is io.EOF or that of the system; there will be no more data.
	Read(s Stream, budget int, f func([]byte)) (more bool, err error)
	// Write writes to stdin what it takes at the moment; n < len(p) without an error announces a Ready(Stdin).
	Write(p []byte) (n int, err error)
	// Close closes one stream; closing twice is harmless.
	Close(Stream)
	// Save returns what Adopt needs.
	Save() SavedChild
}

// SavedChild is a child as the next image of the daemon finds it: its pid, 0 when only its output is left, and the
// descriptors of the daemon's ends of the pipes, -1 for those that are closed.
type SavedChild struct {
	PID int    `json:"pid"`
	FDs [3]int `json:"fds"`
}
