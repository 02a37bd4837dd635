package host

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/process"
)

const (
	commandTimeout = 30 * time.Second // of a command
	killTimeout    = 5 * time.Second  // until a command that was killed is gone
	maxOutput      = 16 << 10         // bytes of its output that go to the log
)

// SearchPath returns PATH, or where commands are looked for without one (as Supervisor).
func SearchPath() string { return cmp.Or(os.Getenv("PATH"), "/bin:/usr/bin:/usr/local/bin") }

// command is a run of a program. It is started by the Spawner of the daemon, which alone may wait for children here.
type command struct {
	ready  chan struct{} // has a token when there is something to read
	exited chan syscall.WaitStatus
}

// Ready implements child.Sink.
func (c *command) Ready(child.Stream) {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Exited implements child.Sink.
func (c *command) Exited(status syscall.WaitStatus) { c.exited <- status } // has room for the one

// runCommand runs a program to its end, which is that of ctx at the latest.
func runCommand(ctx context.Context, spawner child.Spawner, argv []string, log *slog.Logger) error {
	if spawner == nil {
		return fmt.Errorf("run %s: commands are not run here", argv[0])
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	file, err := spawner.Lookup(argv[0], strings.Split(SearchPath(), ":"))
	if err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	c := &command{ready: make(chan struct{}, 1), exited: make(chan syscall.WaitStatus, 1)}
	p, err := spawner.Spawn(child.Command{Path: file, Args: argv, Env: os.Environ(), UID: -1, Umask: -1, MergeStderr: true}, c)
	if err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	p.Close(child.Stdin)
	defer p.Close(child.Stdout)
	var out bytes.Buffer
	err = c.follow(ctx, p, &out)
	for line := range strings.Lines(out.String()) {
		log.Info("device: " + argv[0] + ": " + strings.TrimRight(line, "\n"))
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	return nil
}

// follow reads what the program writes until it has ended.
func (c *command) follow(ctx context.Context, p child.Child, out *bytes.Buffer) error {
	read := func() {
		more, err := p.Read(child.Stdout, 1<<20, func(data []byte) {
			out.Write(data[:min(len(data), max(0, maxOutput-out.Len()))])
		})
		if err != nil {
			p.Close(child.Stdout)
		} else if more {
			c.Ready(child.Stdout)
		}
	}
	for {
		select {
		case <-c.ready:
			read()
		case status := <-c.exited:
			read()
			if _, text := process.ExitText(status); status != 0 {
				return errors.New(text)
			}
			return nil
		case <-ctx.Done():
			_ = p.Kill(syscall.SIGKILL, true) // if it has gone, it is told below
			select {
			case <-c.exited:
			case <-time.After(killTimeout):
			}
			return ctx.Err()
		}
	}
}
