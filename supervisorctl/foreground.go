package main

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

func foregroundCommands() []command {
	return []command{{name: "fg", family: supervisorFamily, arguments: argProcess, check: upcheck, run: foreground,
		help: "fg <process>\tConnect to a process in foreground mode\n\t\tCtrl-C to exit"}}
}

func foreground(ctx context.Context, c *control, names []string) error {
	switch {
	case len(names) == 0:
		return c.usage(exitGeneric, "fg", "ERROR: no process name supplied")
	case len(names) > 1:
		c.fail(exitGeneric, "ERROR: too many process names supplied")
		return nil
	}
	running, err := c.isRunning(ctx, names[0])
	fault, ok := asFault(err)
	switch {
	case isFault(err, rpc.BadName):
		c.fail(exitGeneric, "ERROR: bad process name supplied")
	case ok:
		c.printf("ERROR: %s", faultText(fault))
	case err != nil:
		return err
	case !running:
		c.fail(exitGeneric, "ERROR: process not running")
	default:
		return c.attach(ctx, names[0])
	}
	return nil
}

func (c *control) isRunning(ctx context.Context, name string) (bool, error) {
	info, err := c.record(ctx, "supervisor.getProcessInfo", name)
	return process.State(info.number("state")) == process.Running, err
}

// attach shows what a process writes and sends it what the user types, until Ctrl-C, the end of the input or of the process.
func (c *control) attach(ctx context.Context, name string) error {
	c.printf("%s", followBanner)
	var streams sync.WaitGroup
	defer streams.Wait()
	following, stop := context.WithCancel(ctx)
	defer stop()
	for _, channel := range []string{"stdout", "stderr"} {
		streams.Go(func() { c.follow(following, "/logtail/"+name+"/"+channel) })
	}
	err := c.typeTo(ctx, name)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		c.printf("Exiting foreground")
		return nil
	}
	return err
}

// typeTo sends the user's lines to a process. It returns nil when the process is no more.
func (c *control) typeTo(ctx context.Context, name string) error {
	for {
		line, err := c.console.readLine(ctx, "")
		if err != nil {
			return err
		}
		err = c.call(ctx, "supervisor.sendProcessStdin", nil, name, line+"\n")
		if fault, ok := asFault(err); ok && fault.Code != rpc.NotRunning {
			c.printf("ERROR: %s", faultText(fault))
			return nil
		}
		running := false
		if err == nil {
			running, err = c.isRunning(ctx, name)
		}
		switch {
		case err != nil && !isFault(err, rpc.NotRunning):
			return err
		case !running:
			c.printf("Process got killed")
			return nil
		}
	}
}
