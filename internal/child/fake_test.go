package child

import (
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// fakeSpawner starts children that live in memory. Its script says what becomes of each attempt.
type fakeSpawner struct {
	lookupErr error
	script    func(n int, c *fakeChild) error // called with the number of the attempt, from 1

	mu       sync.Mutex
	children []*fakeChild
}

// fakeChild is a child whose pipes are buffers.
type fakeChild struct {
	Command
	sink Sink
	pid  int

	mu      sync.Mutex
	signals []string // "SIGTERM", "group SIGKILL"
	obeys   func(syscall.Signal) bool
	killErr error
	gone    bool
	room    int // how much stdin takes
	stdin   []byte
	out     [3][]byte
	eof     [3]bool
	closed  [3]bool
}

func (f *fakeSpawner) Go(work func()) { go work() }

func (f *fakeSpawner) Lookup(program string, _ []string) (string, error) {
	return "/bin/" + program, f.lookupErr
}

func (f *fakeSpawner) Spawn(cmd Command, sink Sink) (Child, error) {
	f.mu.Lock()
	c := &fakeChild{Command: cmd, sink: sink, room: 1 << 30}
	f.children = append(f.children, c)
	c.pid = 100 + len(f.children)
	n := len(f.children)
	f.mu.Unlock()
	if f.script != nil {
		if err := f.script(n, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (f *fakeSpawner) Adopt(saved SavedChild, sink Sink) (Child, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &fakeChild{sink: sink, pid: saved.PID, room: 1 << 30}
	f.children = append(f.children, c)
	return c, nil
}

// last returns the youngest child.
func (f *fakeSpawner) last() *fakeChild {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.children[len(f.children)-1]
}

func (f *fakeSpawner) attempts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.children)
}

// exit ends the child with an exit code; kill ends it by a signal.
func (c *fakeChild) exit(code int)          { c.end(syscall.WaitStatus(code << 8)) }
func (c *fakeChild) die(sig syscall.Signal) { c.end(syscall.WaitStatus(sig)) }
func (c *fakeChild) end(s syscall.WaitStatus) {
	c.mu.Lock()
	c.gone = true
	c.eof = [3]bool{true, true, true}
	c.mu.Unlock()
	c.sink.Exited(s)
}

// say writes to a stream of the child.
func (c *fakeChild) say(s Stream, text string) {
	c.mu.Lock()
	c.out[s] = append(c.out[s], text...)
	c.mu.Unlock()
	c.sink.Ready(s)
}

func (c *fakeChild) PID() int { return c.pid }

func (c *fakeChild) Kill(sig syscall.Signal, group bool) error {
	c.mu.Lock()
	name := unix.SignalName(sig)
	if group {
		name = "group " + name
	}
	c.signals = append(c.signals, name)
	gone, err, obeys := c.gone, c.killErr, c.obeys
	c.mu.Unlock()
	switch {
	case gone:
		return ErrGone
	case err != nil:
		return err
	case obeys == nil || obeys(sig):
		c.die(sig)
	}
	return nil
}

func (c *fakeChild) got() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.signals)
}

func (c *fakeChild) Read(s Stream, _ int, f func([]byte)) (bool, error) {
	c.mu.Lock()
	data, eof := c.out[s], c.eof[s]
	c.out[s] = nil
	c.mu.Unlock()
	if len(data) > 0 {
		f(data)
	}
	if eof || c.MergeStderr && s == Stderr {
		return false, io.EOF
	}
	return false, nil
}

func (c *fakeChild) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed[Stdin] || c.eof[Stdin] {
		return 0, os.NewSyscallError("write", unix.EPIPE)
	}
	n := min(len(p), c.room)
	c.stdin = append(c.stdin, p[:n]...)
	c.room -= n
	return n, nil
}

// swallow makes room for more stdin.
func (c *fakeChild) swallow(n int) {
	c.mu.Lock()
	c.room += n
	c.mu.Unlock()
	c.sink.Ready(Stdin)
}

func (c *fakeChild) input() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.stdin)
}

func (c *fakeChild) Close(s Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed[s] = true
}

func (c *fakeChild) isClosed() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprint(c.closed)
}

func (c *fakeChild) Save() SavedChild { return SavedChild{PID: c.pid, FDs: [3]int{10, 11, 12}} }
