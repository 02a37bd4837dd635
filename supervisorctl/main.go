package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	console := newConsole()
	status := run(context.Background(), os.Args, console, os.Stdout, os.Stderr)
	console.close()
	os.Exit(status)
}

// run does what the command line says and returns the exit status.
func run(ctx context.Context, args []string, in *console, out, errOut io.Writer) int {
	o, err := readOptions(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprintf(out, helpText, args[0])
		return exitSuccess
	case err != nil:
		printUsage(errOut, args[0], err)
		return exitInvalidArgs
	}
	c := newControl(o, in, out, errOut)
	if len(o.args) == 0 {
		c.shell(ctx)
		return exitSuccess // whatever happened in the shell
	}
	if errors.Is(c.interruptible(ctx, strings.Join(o.args, " ")), context.Canceled) {
		return exitInterrupted
	}
	return c.exit
}
