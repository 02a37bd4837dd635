package main

import (
	"context"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/rpc"
)

// tailBytes is how much of a log is shown when the user does not say.
const tailBytes = 1600

const followBanner = "==> Press Ctrl-C to exit <=="

func logCommands() []command {
	return []command{
		{name: "tail", family: supervisorFamily, arguments: argProcess, check: upcheck, run: tail,
			help: "tail [-f] <name> [stdout|stderr] (default stdout)\n" +
				"Ex:\n" +
				"tail -f <name>\t\tContinuous tail of named process stdout\n" +
				"\t\t\tCtrl-C to exit.\n" +
				"tail -100 <name>\tlast 100 *bytes* of process stdout\n" +
				"tail <name> stderr\tlast 1600 *bytes* of process stderr"},
		{name: "maintail", family: supervisorFamily, check: upcheck, run: maintail,
			help: "maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)\n" +
				"maintail -100\tlast 100 *bytes* of supervisord main log file\n" +
				"maintail\tlast 1600 *bytes* of supervisor main log file\n"},
	}
}

func tail(ctx context.Context, c *control, args []string) error {
	switch {
	case len(args) == 0:
		return c.usage(exitGeneric, "tail", "Error: too few arguments")
	case len(args) > 3:
		return c.usage(exitGeneric, "tail", "Error: too many arguments")
	}
	modifier := ""
	if strings.HasPrefix(args[0], "-") {
		modifier, args = args[0], args[1:]
	}
	if len(args) == 0 {
		c.fail(exitGeneric, "Error: tail requires process name")
		return nil
	}
	name, channel := args[0], "stdout"
	if len(args) > 1 {
		channel = strings.ToLower(args[len(args)-1])
	}
	if channel != "stdout" && channel != "stderr" {
		c.fail(exitGeneric, "Error: bad channel %s", ini.Repr(channel))
		return nil
	}
	method := "supervisor.readProcessStdoutLog"
	if channel == "stderr" {
		method = "supervisor.readProcessStderrLog"
	}
	return c.tailLog(ctx, modifier, "/logtail/"+name+"/"+channel, name, method, name)
}

func maintail(ctx context.Context, c *control, args []string) error {
	modifier := ""
	switch {
	case len(args) > 1:
		return c.usage(exitGeneric, "maintail", "Error: too many arguments")
	case len(args) == 1 && !strings.HasPrefix(args[0], "-"):
		c.fail(exitGeneric, "Error: bad argument %s", args[0])
		return nil
	case len(args) == 1:
		modifier = args[0]
	}
	return c.tailLog(ctx, modifier, "/mainlogtail", "supervisord", "supervisor.readLog")
}

// tailLog shows the end of a log: with "-f" as a stream of path, with "-N" its last N bytes, read by method.
func (c *control) tailLog(ctx context.Context, modifier, path, owner, method string, args ...any) error {
	size := tailBytes
	switch {
	case modifier == "-f":
		return c.tailFollow(ctx, path)
	case modifier != "":
		n, err := ini.Int(modifier[1:])
		if err != nil {
			c.fail(exitGeneric, "Error: bad argument %s", modifier)
			return nil
		}
		size = n
	}
	var text string
	err := c.call(ctx, method, &text, append(args, -size, 0)...)
	switch {
	case isFault(err, rpc.NoFile):
		c.fail(exitGeneric, "%s: ERROR (no log file)", owner)
	case isFault(err, rpc.Failed):
		c.fail(exitGeneric, "%s: ERROR (unknown error reading log)", owner)
	case isFault(err, rpc.BadName):
		c.fail(exitGeneric, "%s: ERROR (no such process name)", owner)
	case err != nil:
		return err
	default:
		c.printf("%s", text)
	}
	return nil
}

// tailFollow copies a log as it grows until Ctrl-C, or until the server ends it.
func (c *control) tailFollow(ctx context.Context, path string) error {
	c.printf("%s", followBanner)
	c.follow(ctx, path)
	if ctx.Err() != nil {
		c.printf("")
	}
	return nil
}
