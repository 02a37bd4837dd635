package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
)

// shell runs the lines that the user types, after a first "status", until the end of the input, "quit" or Ctrl-C.
func (c *control) shell(ctx context.Context) {
	c.console.completer = c.complete
	if c.historyFile != "" {
		c.console.loadHistory(c.historyFile)
		defer c.console.saveHistory(c.historyFile)
	}
	line := "status"
	for {
		err := c.interruptible(ctx, line)
		if err == nil {
			line, err = c.nextLine(ctx)
		}
		switch {
		case errors.Is(err, errQuit):
			return
		case errors.Is(err, io.EOF):
			line = "EOF"
		case err != nil: // Ctrl-C, or a terminal that is gone
			c.printf("")
			return
		}
	}
}

// nextLine returns what the user types next.
func (c *control) nextLine(ctx context.Context) (string, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	line, err := c.console.readLine(ctx, c.prompt+"> ")
	c.console.remember(line)
	return line, err
}

// interruptible runs one line, which Ctrl-C ends.
func (c *control) interruptible(ctx context.Context, line string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return c.do(ctx, line)
}
