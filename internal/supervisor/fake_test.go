package supervisor

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/child"
)

// fakeSpawner starts children that live in memory. The command line says how a child behaves:
//
//	run            lives until a signal comes
//	linger 3       ends 3 s after SIGTERM
//	stubborn       ends on SIGKILL only
//	exit 1 2       exits with code 1 after 2 s
//	cat            writes to stdout what it reads, lives until a signal comes
//	listen         is an event listener that answers OK
//	mute           is an event listener that never gets ready
//	deaf           is an event listener whose stdin is closed
//
// It keeps a transcript of spawns and signals with their virtual time.
type fakeSpawner struct {
	begin time.Time

	mu         sync.Mutex
	transcript []string
	children   int
	heard      []string // what listeners read: "name: eventname payload"
}

func (f *fakeSpawner) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.transcript = append(f.transcript, fmt.Sprintf("%3.1f ", time.Since(f.begin).Seconds())+fmt.Sprintf(format, args...))
}

// take returns the transcript since the last call.
func (f *fakeSpawner) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.transcript
	f.transcript = nil
	return t
}

func (f *fakeSpawner) listened() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.heard
	f.heard = nil
	return h
}

func (f *fakeSpawner) Go(work func()) { go work() }

func (f *fakeSpawner) Lookup(program string, _ []string) (string, error) {
	if program == "missing" {
		return "", &child.CommandError{Kind: child.ErrNotFound, Text: "can't find command 'missing'"}
	}
	return "/bin/" + program, nil
}

func (f *fakeSpawner) Adopt(child.SavedChild, child.Sink) (child.Child, error) {
	return nil, syscall.ENOSYS
}

func (f *fakeSpawner) Spawn(cmd child.Command, sink child.Sink) (child.Child, error) {
	c := &fakeChild{spawner: f, sink: sink, behaviour: cmd.Args}
	for _, v := range cmd.Env {
		if name, ok := strings.CutPrefix(v, "SUPERVISOR_PROCESS_NAME="); ok {
			c.name = name
		}
	}
	f.mu.Lock()
	f.children++
	c.pid = 100 + f.children
	f.mu.Unlock()
	f.note("spawn %s", strings.Join(append([]string{c.name}, cmd.Args[1:]...), " "))
	switch cmd.Args[0] {
	case "exit":
		code, _ := strconv.Atoi(cmd.Args[1])
		time.AfterFunc(seconds(cmd.Args[2]), func() { c.end(syscall.WaitStatus(code << 8)) })
	case "listen", "deaf":
		c.say("READY\n")
	}
	return c, nil
}

func seconds(s string) time.Duration {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return time.Duration(n * float64(time.Second))
}

// fakeChild is a child whose pipes are buffers.
type fakeChild struct {
	spawner   *fakeSpawner
	sink      child.Sink
	behaviour []string
	name      string
	pid       int

	mu   sync.Mutex
	gone bool
	out  []byte
}

func (c *fakeChild) end(status syscall.WaitStatus) {
	c.mu.Lock()
	was := c.gone
	c.gone = true
	c.mu.Unlock()
	if !was {
		c.spawner.note("end %s", c.name)
		c.sink.Exited(status)
	}
}

func (c *fakeChild) say(text string) {
	c.mu.Lock()
	c.out = append(c.out, text...)
	c.mu.Unlock()
	c.sink.Ready(child.Stdout)
}

func (c *fakeChild) PID() int { return c.pid }

func (c *fakeChild) Kill(sig syscall.Signal, _ bool) error {
	c.mu.Lock()
	gone := c.gone
	c.mu.Unlock()
	if gone {
		return child.ErrGone
	}
	c.spawner.note("%s %s", unix.SignalName(sig), c.name)
	switch {
	case sig == syscall.SIGUSR1, c.behaviour[0] == "stubborn" && sig != syscall.SIGKILL:
	case c.behaviour[0] == "linger" && sig == syscall.SIGTERM:
		time.AfterFunc(seconds(c.behaviour[1]), func() { c.end(0) })
	default:
		c.end(syscall.WaitStatus(sig))
	}
	return nil
}

func (c *fakeChild) Read(s child.Stream, _ int, f func([]byte)) (bool, error) {
	c.mu.Lock()
	data, gone := c.out, c.gone
	if s == child.Stdout {
		c.out = nil
	}
	c.mu.Unlock()
	if s == child.Stdout && len(data) > 0 {
		f(data)
	}
	if gone {
		return false, io.EOF
	}
	return false, nil
}

func (c *fakeChild) Write(p []byte) (int, error) {
	switch c.behaviour[0] {
	case "deaf":
		return 0, syscall.EPIPE
	case "cat":
		go c.say(string(p))
	case "listen":
		header, payload, _ := strings.Cut(string(p), "\n")
		_, name, _ := strings.Cut(header, "eventname:")
		name, _, _ = strings.Cut(name, " ")
		c.spawner.mu.Lock()
		c.spawner.heard = append(c.spawner.heard, strings.TrimSpace(c.name+": "+name+" "+payload))
		c.spawner.mu.Unlock()
		go c.say("RESULT 2\nOKREADY\n")
	}
	return len(p), nil
}

func (c *fakeChild) Close(child.Stream)     {}
func (c *fakeChild) Save() child.SavedChild { return child.SavedChild{} }
