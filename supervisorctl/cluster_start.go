package main

import (
	"context"
	"slices"
	"strings"
)

func clusterStartCommands() []command {
	return []command{
		{name: "start_args", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 2,
			wants: "requires a process name and extra arguments", run: startArgs,
			help: "start_args <proc> <arg_list>\t\t\tStart the local process named proc with additional arguments arg_list."},
		{name: "start_process", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 1,
			wants: "requires at least a strategy", run: startProcess,
			help: lines("start_process <strategy> <proc>\t\t\tStart the process named proc with strategy.",
				"start_process <strategy> <proc> <proc>\t\tStart multiple named processes with strategy.",
				"start_process <strategy>\t\t\tStart all processes with strategy.")},
		{name: "test_start_process", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 2, most: 2,
			wants: "requires one strategy and one namespec", run: testStartProcess,
			help: lines("test_start_process <strategy> <proc>\t\t\tStart the process named proc with strategy.",
				"test_start_process <strategy>\t\t\tStart all processes with strategy.")},
		{name: "start_any_process", family: supvisorsFamily, check: clusterCheck, least: 2,
			wants: "requires a strategy and at least a regular expression", run: startAnyProcess,
			help: lines("start_any_process <strategy> <regex>\t\t\t"+
				"Start a process whose namespec matches the regular expression and with a starting strategy.",
				"start_any_process <strategy> <regex> <regex>\t\t"+
					"Start multiple processes whose namespec matches the regular expressions and with a starting strategy.")},
		{name: "start_process_args", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 3,
			wants: "requires a strategy, a program namespec and extra arguments", run: startProcessArgs,
			help: "start_process <strategy> <proc> <arg_list>\tStart the process named proc with additional arguments arg_list."},
		{name: "start_any_process_args", family: supvisorsFamily, check: clusterCheck, least: 3,
			wants: "requires a strategy, a regular expression and extra arguments", run: startAnyProcessArgs,
			help: "start_any_process_args <strategy> <regex> <arg_list>\tStart a process whose namespec matches the regular " +
				"expression, using a starting strategy and additional arguments arg_list."},
		{name: "restart_process", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 1,
			wants: "requires a strategy and a program name", run: restartProcess,
			help: lines("restart_process <strategy> <proc>\t\tRestart the process named proc using strategy.",
				"restart_process <strategy> <proc> <proc>\tRestart multiple named processes using strategy.",
				"restart_process <strategy> \t\t\tRestart all processes using strategy.")},
	}
}

func startArgs(ctx context.Context, c *control, args []string) error {
	return c.request(ctx, args[0], args[0]+" started: ", "supvisors.start_args", args[0], strings.Join(args[1:], " "))
}

func startProcess(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "start_process", args[0])
	if !ok {
		return nil
	}
	return c.onProcesses(ctx, args[1:], " started: ", "supvisors.start_process", strategy)
}

func restartProcess(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "restart_process", args[0])
	if !ok {
		return nil
	}
	return c.onProcesses(ctx, args[1:], " restarted: ", "supvisors.restart_process", strategy)
}

// onProcesses calls a method with a strategy and each name, in the order of the names, or with every process.
func (c *control) onProcesses(ctx context.Context, names []string, done, method string, strategy int) error {
	names, err := c.namespecs(ctx, names, nil)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.request(ctx, name, name+done, method, strategy, name); err != nil {
			return err
		}
	}
	return nil
}

func testStartProcess(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "test_start_process", args[0])
	if !ok {
		return nil
	}
	return c.predict(ctx, args[1], "supvisors.test_start_process", strategy, args[1])
}

func startProcessArgs(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "start_process_args", args[0])
	if !ok {
		return nil
	}
	name := args[1]
	return c.request(ctx, name, name+" started: ", "supvisors.start_process", strategy, name, strings.Join(args[2:], " "))
}

func startAnyProcess(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "start_any_process", args[0])
	if !ok {
		return nil
	}
	for _, pattern := range slices.Sorted(slices.Values(args[1:])) {
		if err := c.startAny(ctx, pattern, strategy, pattern); err != nil {
			return err
		}
	}
	return nil
}

func startAnyProcessArgs(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "start_any_process_args", args[0])
	if !ok {
		return nil
	}
	return c.startAny(ctx, args[1], strategy, args[1], strings.Join(args[2:], " "))
}

// startAny starts one of the processes that match a pattern and tells which.
func (c *control) startAny(ctx context.Context, pattern string, args ...any) error {
	var started any
	if err := c.call(ctx, "supvisors.start_any_process", &started, args...); err != nil {
		return c.tellFault(`"`+pattern+`"`, err)
	}
	c.printf("%s started", pyStr(started))
	return nil
}
