package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

func processCommands() []command {
	return []command{
		{name: "start", family: supervisorFamily, arguments: argProcess, check: upcheck, run: start,
			help: "start <name>\t\tStart a process\n" +
				"start <gname>:*\t\tStart all processes in a group\n" +
				"start <name> <name>\tStart multiple processes or groups\n" +
				"start all\t\tStart all processes"},
		{name: "stop", family: supervisorFamily, arguments: argProcess, check: upcheck, run: stop,
			help: "stop <name>\t\tStop a process\n" +
				"stop <gname>:*\t\tStop all processes in a group\n" +
				"stop <name> <name>\tStop multiple processes or groups\n" +
				"stop all\t\tStop all processes"},
		{name: "restart", family: supervisorFamily, arguments: argProcess, check: upcheck, run: restart,
			help: "restart <name>\t\tRestart a process\n" +
				"restart <gname>:*\tRestart all processes in a group\n" +
				"restart <name> <name>\tRestart multiple processes or groups\n" +
				"restart all\t\tRestart all processes\n" +
				"Note: restart does not reread config files. For that, see reread and update."},
		{name: "signal", family: supervisorFamily, arguments: argProcess, check: upcheck, run: signalProcesses,
			help: "signal <signal name> <name>\t\tSignal a process\n" +
				"signal <signal name> <gname>:*\t\tSignal all processes in a group\n" +
				"signal <signal name> <name> <name>\tSignal multiple processes or groups\n" +
				"signal <signal name> all\t\tSignal all processes"},
		{name: "clear", family: supervisorFamily, arguments: argProcess, check: upcheck, run: clearLogs,
			help: "clear <name>\t\tClear a process' log files.\n" +
				"clear <name> <name>\tClear multiple process' log files\n" +
				"clear all\t\tClear all process' log files"},
	}
}

// action is something done to processes by name, group or all together, and how its results are told.
type action struct {
	one, group, all string         // methods; group is "" when groups are not distinguished
	args            []any          // further arguments after the name
	done            string         // the word for success
	faults          map[int]string // the words for the faults that are expected
	failureText     bool           // FAILED is told in the server's words
	harmless        int            // fault that leaves the exit status alone
	noGroupStatus   int            // exit status when a group is unknown
}

var (
	startAction = action{one: "supervisor.startProcess", group: "supervisor.startProcessGroup", all: "supervisor.startAllProcesses",
		done: "started", harmless: rpc.AlreadyStarted, noGroupStatus: exitInvalidArgs,
		faults: map[int]string{rpc.BadName: "no such process", rpc.NoFile: "no such file", rpc.NotExecutable: "file is not executable",
			rpc.AlreadyStarted: "already started", rpc.SpawnError: "spawn error", rpc.AbnormalTermination: "abnormal termination"}}
	stopAction = action{one: "supervisor.stopProcess", group: "supervisor.stopProcessGroup", all: "supervisor.stopAllProcesses",
		done: "stopped", harmless: rpc.NotRunning, noGroupStatus: exitGeneric, failureText: true, faults: signalFaults}
	signalAction = action{one: "supervisor.signalProcess", group: "supervisor.signalProcessGroup", all: "supervisor.signalAllProcesses",
		done: "signalled", noGroupStatus: exitGeneric, failureText: true, faults: signalFaults}
	clearAction = action{one: "supervisor.clearProcessLogs", all: "supervisor.clearAllProcessLogs",
		done: "cleared", faults: map[int]string{rpc.BadName: "no such process", rpc.Failed: "failed"}}

	signalFaults = map[int]string{rpc.BadName: "no such process", rpc.BadSignal: "bad signal name", rpc.NotRunning: "not running"}
)

func start(ctx context.Context, c *control, names []string) error {
	if len(names) == 0 {
		return c.usage(exitInvalidArgs, "start", "Error: start requires a process name")
	}
	return c.act(ctx, startAction, names)
}

func stop(ctx context.Context, c *control, names []string) error {
	if len(names) == 0 {
		return c.usage(exitGeneric, "stop", "Error: stop requires a process name")
	}
	return c.act(ctx, stopAction, names)
}

func restart(ctx context.Context, c *control, names []string) error {
	if len(names) == 0 {
		return c.usage(exitGeneric, "restart", "Error: restart requires a process name")
	}
	if err := c.act(ctx, stopAction, names); err != nil {
		return err
	}
	return c.act(ctx, startAction, names)
}

func signalProcesses(ctx context.Context, c *control, names []string) error {
	if len(names) < 2 {
		return c.usage(exitGeneric, "signal", "Error: signal requires a signal name and a process name")
	}
	a := signalAction
	a.args = []any{names[0]}
	return c.act(ctx, a, names[1:])
}

func clearLogs(ctx context.Context, c *control, names []string) error {
	if len(names) == 0 {
		return c.usage(exitGeneric, "clear", "Error: clear requires a process name")
	}
	return c.act(ctx, clearAction, names)
}

// act carries out an action on each name and tells every result.
func (c *control) act(ctx context.Context, a action, names []string) error {
	if slices.Contains(names, "all") {
		return c.actOnMany(ctx, a, a.all, a.args...)
	}
	for _, name := range names {
		var err error
		if spec := process.ParseNamespec(name); spec.WholeGroup() && a.group != "" {
			err = c.actOnGroup(ctx, a, spec.Group)
		} else {
			err = c.actOnOne(ctx, a, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *control) actOnMany(ctx context.Context, a action, method string, args ...any) error {
	results, err := c.records(ctx, method, args...)
	if err != nil {
		return err
	}
	for _, r := range results {
		if err := c.tell(a, r.namespec(), r.number("status"), r.text("description")); err != nil {
			return err
		}
	}
	return nil
}

func (c *control) actOnGroup(ctx context.Context, a action, group string) error {
	err := c.actOnMany(ctx, a, a.group, append([]any{group}, a.args...)...)
	if isFault(err, rpc.BadName) {
		c.fail(a.noGroupStatus, "%s: ERROR (no such group)", group)
		return nil
	}
	return err
}

func (c *control) actOnOne(ctx context.Context, a action, name string) error {
	err := c.call(ctx, a.one, nil, append([]any{name}, a.args...)...)
	result := rpc.Fault{Code: rpc.Success}
	if fault, ok := asFault(err); ok {
		result = *fault
	} else if err != nil {
		return err
	}
	return c.tell(a, process.ParseNamespec(name).String(), result.Code, result.Text)
}

// tell prints the result of an action on one process and lets it decide the exit status.
func (c *control) tell(a action, name string, code int, text string) error {
	words, expected := a.faults[code]
	switch {
	case code == rpc.Success:
		c.printf("%s: %s", name, a.done)
	case expected:
		c.printf("%s: ERROR (%s)", name, words)
	case code == rpc.Failed && a.failureText:
		c.printf("%s", text)
	case code == rpc.Disabled:
		c.printf("%s: ERROR disabled", name)
	default:
		return pyError{"ValueError", fmt.Sprintf("Unknown result code %d for %s", code, name)}
	}
	switch code {
	case a.harmless, rpc.Success:
	case rpc.SpawnError, rpc.AbnormalTermination, rpc.NotRunning:
		c.exit = exitNotRunning
	default:
		c.exit = exitGeneric
	}
	return nil
}
