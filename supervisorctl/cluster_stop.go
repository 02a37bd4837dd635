package main

import (
	"context"

	"github.com/supvisors/supvisors/internal/process"
)

func clusterStopCommands() []command {
	return []command{
		{name: "stop_process", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, run: stopProcess,
			help: lines("stop_process <proc>\t\tStop the process named proc.",
				"stop_process <proc> <proc>\tStop multiple named processes.",
				"stop_process\t\t\tStop all named processes.")},
	}
}

func stopProcess(ctx context.Context, c *control, names []string) error {
	running := func(info record) bool { return process.State(info.number("statecode")).IsRunning() }
	names, err := c.namespecs(ctx, names, running)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.call(ctx, "supvisors.stop_process", nil, name); err != nil {
			if err := c.tellFault(name, err); err != nil {
				return err
			}
			continue
		}
		c.printf("%s stopped", name)
	}
	return nil
}
