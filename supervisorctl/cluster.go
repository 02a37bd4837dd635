package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/rpc"
)

// helpTimeout is how long "help" waits for the server to say whether it knows Supvisors.
const helpTimeout = 2 * time.Second

// The strategies; the index of a name is its number in Supvisors' interface.
var (
	startingStrategies     = []string{"CONFIG", "LESS_LOADED", "MOST_LOADED", "LOCAL", "LESS_LOADED_NODE", "MOST_LOADED_NODE"}
	conciliationStrategies = []string{"SENICIDE", "INFANTICIDE", "USER", "STOP", "RESTART", "RUNNING_FAILURE"}
)

// clusterCheck makes sure that a server with Supvisors' interface answers.
func clusterCheck(ctx context.Context, c *control) (bool, error) {
	var version string
	err := c.call(ctx, "supvisors.get_api_version", &version)
	switch {
	case isFault(err, rpc.UnknownMethod):
		c.fail(exitUnimplemented, "ERROR: supervisord responded but did not recognize the supvisors namespace commands that "+
			"supervisorstl uses to control it. Please check that the [rpcinterface:supvisors] section is enabled in the "+
			"configuration file.")
	case errors.Is(err, syscall.ECONNREFUSED):
		c.fail(exitPrivileges, "ERROR: %s refused connection", c.serverURL)
	case errors.Is(err, syscall.ENOENT):
		c.fail(exitNotRunning, "ERROR: %s no such file", c.serverURL)
	case err != nil:
		return false, err
	case version != supvisorsVersion:
		c.fail(exitNotInstalled, "ERROR: this version of supvisorsctl expects to talk to a server with API version %s, but the "+
			"remote version is %s.", supvisorsVersion, version)
	default:
		return true, nil
	}
	return false, nil
}

// hasSupvisors reports whether the commands of Supvisors are worth showing: the configuration asks for them, or the server has them.
func (c *control) hasSupvisors(ctx context.Context) bool {
	if c.supvisorsPlugin {
		return true
	}
	if c.supvisors == nil {
		ctx, cancel := context.WithTimeout(ctx, helpTimeout)
		defer cancel()
		known := c.call(ctx, "supvisors.get_api_version", nil) == nil
		c.supvisors = &known
	}
	return *c.supvisors
}

// tellFault prints a fault of the server about something; any other error is given back.
func (c *control) tellFault(about string, err error) error {
	fault, ok := asFault(err)
	if !ok {
		return err
	}
	if about != "" {
		about += ": "
	}
	c.fail(exitGeneric, "%sERROR (%s)", about, fault.Text)
	return nil
}

// request calls a method and prints its result after a text. A fault is told about something.
func (c *control) request(ctx context.Context, about, text, method string, args ...any) error {
	var result any
	if err := c.call(ctx, method, &result, args...); err != nil {
		return c.tellFault(about, err)
	}
	c.printf("%s%s", text, pyStr(result))
	return nil
}

// strategy returns the number of a strategy; an unknown one is told with the help of the command.
func (c *control) strategy(names []string, command, word string) (int, bool) {
	i := slices.Index(names, word)
	if i < 0 {
		about := " for " + command + "." // the peer words it otherwise for one command
		if command == "restart_process" {
			about = "=" + word + "."
		}
		c.usage(exitInvalidArgs, command, "ERROR: unknown strategy%s use one of %s", about, ini.ReprList(names))
	}
	return i, i >= 0
}

// wantsAll reports whether names stand for everything.
func wantsAll(names []string) bool { return len(names) == 0 || slices.Contains(names, "all") }

// lines joins the lines of a help text.
func lines(texts ...string) string { return strings.Join(texts, "\n") }
