package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/supvisors/supvisors/rpc"
)

// apiVersion and supvisorsVersion are the versions of the XML-RPC interfaces that the commands are written for.
const (
	apiVersion       = "3.0"
	supvisorsVersion = "0.19"
)

// The exit statuses, after the LSB convention for init scripts.
const (
	exitSuccess       = 0
	exitGeneric       = 1
	exitInvalidArgs   = 2
	exitUnimplemented = 3
	exitPrivileges    = 4
	exitNotInstalled  = 5
	exitNotRunning    = 7

	exitStatusNotRunning = 3 // of "status" alone
	exitStatusUnknown    = 4 // of "status" alone

	exitInterrupted = 130 // Ctrl-C during a command
)

// errQuit ends the shell.
var errQuit = errors.New("quit")

// control runs commands against one server. One goroutine uses it.
type control struct {
	options
	out, errOut io.Writer
	console     *console
	commands    map[string]command
	client      *rpc.Client // nil until the first call
	exit        int         // exit status so far

	known     []record // processes for completion, asked once between two commands
	supvisors *bool    // whether the server has the supvisors namespace; nil when not asked yet
}

func newControl(o options, in *console, out, errOut io.Writer) *control {
	return &control{options: o, console: in, out: out, errOut: errOut, commands: commandTable()}
}

// printf writes one line.
func (c *control) printf(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }

// fail writes one line and sets the exit status.
func (c *control) fail(status int, format string, args ...any) {
	c.exit = status
	c.printf(format, args...)
}

// usage tells a wrong use of a command, then its help.
func (c *control) usage(status int, name, format string, args ...any) error {
	c.fail(status, format, args...)
	c.printf("%s", c.commands[name].help)
	return nil
}

// do runs one line and tells the user what goes wrong. It returns an error only when no further line shall be run: errQuit, or
// context.Canceled after Ctrl-C.
func (c *control) do(ctx context.Context, line string) error {
	name, args, whole := parseLine(line)
	if whole == "" {
		return nil
	}
	cmd, ok := c.commands[name]
	if !ok {
		c.fail(exitGeneric, "*** Unknown syntax: %s", whole)
		return nil
	}
	c.known = nil
	err := c.run(ctx, cmd, args)
	for isUnauthorized(err) {
		c.printf("Server requires authentication")
		if !c.interactive {
			break
		}
		if err = c.login(ctx); err == nil {
			err = c.run(ctx, cmd, args)
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errQuit), errors.Is(err, context.Canceled):
		return err
	}
	c.fail(exitGeneric, "error: %s", describe(err))
	return nil
}

func (c *control) run(ctx context.Context, cmd command, args []string) error {
	if cmd.noArgs && len(args) > 0 {
		return c.usage(exitGeneric, cmd.name, "Error: %s accepts no arguments", cmd.name)
	}
	if cmd.check != nil {
		if ok, err := cmd.check(ctx, c); err != nil || !ok {
			return err
		}
	}
	if len(args) < cmd.least || cmd.most > 0 && len(args) > cmd.most {
		return c.usage(exitInvalidArgs, cmd.name, "ERROR: %s %s", cmd.name, cmd.wants)
	}
	return cmd.run(ctx, c, args)
}

// login asks for the credentials that the server wants.
func (c *control) login(ctx context.Context) error {
	user, err := c.console.readLine(ctx, "Username:")
	if err != nil {
		return err
	}
	password, err := c.console.readPassword(ctx, "Password:")
	if err != nil {
		return err
	}
	c.printf("")
	c.username, c.password = user, password
	c.client = nil
	return nil
}

// connect makes another server the one that commands go to.
func (c *control) connect(url string) {
	c.serverURL = url
	c.client, c.supvisors = nil, nil
}

// call calls a method of the server and fills out, which may be nil.
func (c *control) call(ctx context.Context, method string, out any, args ...any) error {
	if c.client == nil {
		client, err := dial(c.serverURL, c.username, c.password)
		if err != nil {
			return err
		}
		c.client = client
	}
	return c.client.Call(ctx, method, out, args...)
}

// upcheck makes sure that a server with Supervisor's interface answers.
func upcheck(ctx context.Context, c *control) (bool, error) {
	var version string
	err := c.call(ctx, "supervisor.getVersion", &version)
	fault, isFault := asFault(err)
	switch {
	case isFault && fault.Code == rpc.UnknownMethod:
		c.fail(exitUnimplemented, "Sorry, supervisord responded but did not recognize the supervisor namespace commands that "+
			"supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the "+
			"configuration file (see sample.conf).")
	case errors.Is(err, syscall.ECONNREFUSED):
		c.fail(exitPrivileges, "%s refused connection", c.serverURL)
	case errors.Is(err, syscall.ENOENT):
		c.fail(exitNotRunning, "%s no such file", c.serverURL)
	case err != nil:
		return false, err
	case version != apiVersion:
		c.fail(exitNotInstalled, "Sorry, this version of supervisorctl expects to talk to a server with API version %s, but the "+
			"remote version is %s.", apiVersion, version)
	default:
		return true, nil
	}
	return false, nil
}
