// Command plant stands for the programs of the three scenarios: sensors, views and managers that just work until they are told to
// stop, the data buses between them, and the little helpers that hold a start back until something is there.
//
// What happens is written to the file that $JOURNAL names, one line each, so that the order in which the parts of an application
// came up can be read there.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = `usage: plant work [BUS...]      work until SIGTERM; each BUS must accept a connection first
       plant bus BUS [DELAY]   be a data bus, a unix socket that is operational after DELAY
       plant check BUS         exit as soon as the bus is operational
       plant wait PATH         exit as soon as PATH exists`

// pause is how long a helper rests between two looks.
const pause = 50 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	commands := map[string]func(context.Context, []string) error{"work": work, "bus": bus, "check": check, "wait": wait}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil || os.Args[1] != "work" && len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "plant:", err)
		os.Exit(1)
	}
}

// note adds a line to the journal: the name that Supervisor gave this process, and what happened to it.
func note(what string) error {
	path := os.Getenv("JOURNAL")
	if path == "" {
		return errors.New("JOURNAL is not set")
	}
	// short appends are not torn apart, so that all processes can share the file
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s:%s %s\n", os.Getenv("SUPERVISOR_GROUP_NAME"), os.Getenv("SUPERVISOR_PROCESS_NAME"), what)
	return errors.Join(err, f.Close())
}

func work(ctx context.Context, buses []string) error {
	for _, path := range buses {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return err
		}
		defer conn.Close()
	}
	if err := note("works"); err != nil {
		return err
	}
	<-ctx.Done()
	return note("stops")
}

func bus(ctx context.Context, args []string) error {
	var delay time.Duration
	if len(args) > 1 {
		var err error
		if delay, err = time.ParseDuration(args[1]); err != nil {
			return err
		}
	}
	if err := note("starts"); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(delay):
	}
	// the bus gets its name when the journal has it, so that no line of a client comes before; what a killed bus left behind goes
	unnamed := fmt.Sprintf("%s.%d", args[0], os.Getpid())
	ln, err := net.Listen("unix", unnamed)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { ln.Close() })
	if err := note("is operational"); err != nil {
		return err
	}
	if err := os.Rename(unnamed, args[0]); err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return note("stops")
		}
		if err != nil {
			return err
		}
		go func() {
			io.Copy(io.Discard, conn) // until its client has gone
			conn.Close()
		}()
	}
}

func check(ctx context.Context, args []string) error {
	err := until(ctx, func() bool {
		conn, err := net.Dial("unix", args[0])
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return note("found the bus")
}

func wait(ctx context.Context, args []string) error {
	return until(ctx, func() bool {
		_, err := os.Stat(args[0])
		return err == nil
	})
}

// until looks again and again.
func until(ctx context.Context, there func() bool) error {
	for !there() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}
