package main

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"github.com/supvisors/supvisors/rpc"
)

func daemonCommands() []command {
	return []command{
		{name: "shutdown", family: supervisorFamily, noArgs: true, run: shutdown, help: "shutdown \tShut the remote supervisord down."},
		{name: "reload", family: supervisorFamily, noArgs: true, run: reload, help: "reload \t\tRestart the remote supervisord."},
	}
}

func shutdown(ctx context.Context, c *control, _ []string) error {
	really, err := c.confirm(ctx, "Really shut the remote supervisord process down y/N? ")
	if err != nil || !really {
		return err
	}
	err = c.call(ctx, "supervisor.shutdown", nil)
	switch {
	case isFault(err, rpc.ShutdownState):
		c.printf("ERROR: already shutting down")
	case errors.Is(err, syscall.ECONNREFUSED):
		c.fail(exitGeneric, "ERROR: %s refused connection (already shut down?)", c.serverURL)
	case errors.Is(err, syscall.ENOENT):
		c.fail(exitGeneric, "ERROR: %s no such file (already shut down?)", c.serverURL)
	case err != nil:
		return err
	default:
		c.printf("Shut down")
	}
	return nil
}

func reload(ctx context.Context, c *control, _ []string) error {
	really, err := c.confirm(ctx, "Really restart the remote supervisord process y/N? ")
	if err != nil || !really {
		return err
	}
	err = c.call(ctx, "supervisor.restart", nil)
	switch {
	case isFault(err, rpc.ShutdownState):
		c.fail(exitGeneric, "ERROR: already shutting down")
	case err != nil:
		return err
	default:
		c.printf("Restarted supervisord")
	}
	return nil
}

// confirm asks before something that cannot be undone; nobody is asked outside the shell.
func (c *control) confirm(ctx context.Context, question string) (bool, error) {
	if !c.interactive {
		return true, nil
	}
	answer, err := c.console.readLine(ctx, question)
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}
