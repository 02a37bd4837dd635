package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

func statusCommands() []command {
	return []command{
		{name: "status", family: supervisorFamily, arguments: argProcess, check: statusCheck, run: status,
			help: "status <name>\t\tGet status for a single process\n" +
				"status <gname>:*\tGet status for all processes in a group\n" +
				"status <name> <name>\tGet status for multiple named processes\n" +
				"status\t\t\tGet all process status info"},
		{name: "pid", family: supervisorFamily, arguments: argProcess, check: upcheck, run: pid,
			help: "pid\t\t\tGet the PID of supervisord.\n" +
				"pid <name>\t\tGet the PID of a single child process by name.\n" +
				"pid all\t\t\tGet the PID of every child process, one per line."},
		{name: "version", family: supervisorFamily, noArgs: true, check: upcheck, run: version,
			help: "version\t\t\tShow the version of the remote supervisord process"},
		{name: "open", family: supervisorFamily, run: open,
			help: "open <url>\tConnect to a remote supervisord process.\n" +
				"\t\t(for UNIX domain socket, use unix:///socket/path)"},
	}
}

// statusCheck is upcheck with the exit status that LSB wants of "status".
func statusCheck(ctx context.Context, c *control) (bool, error) {
	ok, err := upcheck(ctx, c)
	if err == nil && !ok {
		c.exit = exitStatusUnknown
	}
	return ok, err
}

func status(ctx context.Context, c *control, names []string) error {
	all, err := c.allProcesses(ctx)
	if err != nil {
		return err
	}
	infos := all
	if len(names) > 0 && !slices.Contains(names, "all") {
		infos = c.selectProcesses(all, names)
	}
	c.showStatuses(infos)
	for _, info := range infos {
		if process.State(info.number("state")).IsStopped() {
			c.exit = exitStatusNotRunning
		}
	}
	return nil
}

func (c *control) allProcesses(ctx context.Context) ([]record, error) {
	return c.records(ctx, "supervisor.getAllProcessInfo")
}

// selectProcesses returns the processes that names stand for, in the order of names, and tells which names stand for none.
func (c *control) selectProcesses(all []record, names []string) []record {
	var chosen []record
	for _, name := range names {
		matching := matchProcesses(all, name)
		switch spec := process.ParseNamespec(name); {
		case len(matching) > 0:
			chosen = append(chosen, matching...)
		case spec.WholeGroup():
			c.fail(exitStatusUnknown, "%s: ERROR (no such group)", spec.Group)
		default:
			c.fail(exitStatusUnknown, "%s: ERROR (no such process)", name)
		}
	}
	return chosen
}

// matchProcesses returns the processes of Supervisor's interface that a namespec stands for.
func matchProcesses(all []record, name string) []record {
	spec := process.ParseNamespec(name)
	var matching []record
	for _, info := range all {
		if info.text("group") == spec.Group && (spec.WholeGroup() || info.text("name") == spec.Process) {
			matching = append(matching, info)
		}
	}
	return matching
}

func (c *control) showStatuses(infos []record) {
	width := 30
	for _, info := range infos {
		width = max(width, utf8.RuneCountInString(info.namespec()))
	}
	lines := make([]string, len(infos))
	for i, info := range infos {
		lines[i] = pad(info.namespec(), width+3) + pad(info.text("statename"), 10) + info.text("description")
	}
	if len(lines) > 0 { // in one go: there may be thousands
		c.printf("%s", strings.Join(lines, "\n"))
	}
}

func pid(ctx context.Context, c *control, names []string) error {
	switch {
	case len(names) == 0:
		var pid any
		if err := c.call(ctx, "supervisor.getPID", &pid); err != nil {
			return err
		}
		c.printf("%s", pyStr(pid))
		return nil
	case slices.Contains(names, "all"):
		infos, err := c.allProcesses(ctx)
		for _, info := range infos {
			c.printf("%s", info.text("pid"))
		}
		return err
	}
	for _, name := range names {
		if err := c.pidOf(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *control) pidOf(ctx context.Context, name string) error {
	info, err := c.record(ctx, "supervisor.getProcessInfo", name)
	switch {
	case isFault(err, rpc.BadName):
		c.fail(exitGeneric, "No such process %s", name)
		return nil
	case err != nil:
		return err
	}
	c.printf("%s", info.text("pid"))
	if info.number("pid") == 0 {
		c.exit = exitNotRunning
	}
	return nil
}

func version(ctx context.Context, c *control, _ []string) error {
	var text string
	if err := c.call(ctx, "supervisor.getSupervisorVersion", &text); err != nil {
		return err
	}
	c.printf("%s", text)
	return nil
}

// open makes another server the one that commands go to, and shows its processes without touching the exit status.
func open(ctx context.Context, c *control, args []string) error {
	url := strings.Join(args, " ")
	scheme, _, _ := strings.Cut(url, ":")
	if !slices.Contains([]string{"unix", "http", "https"}, strings.ToLower(scheme)) {
		c.fail(exitGeneric, "ERROR: url must be http:// or unix://")
		return nil
	}
	c.connect(url)
	exit := c.exit
	err := c.run(ctx, c.commands["status"], nil)
	if !errors.Is(err, context.Canceled) {
		c.exit = exit
	}
	return err
}
