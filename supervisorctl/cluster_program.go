package main

import (
	"context"

	"github.com/supvisors/supvisors/internal/ini"
)

func clusterProgramCommands() []command {
	const numprocsWants = "requires a program name and a numprocs values"
	return []command{
		{name: "update_numprocs", family: supvisorsFamily, check: clusterCheck, least: 2, wants: numprocsWants, run: updateNumprocs,
			help: "update_numprocs program_name numprocs\t\tUpdate the program numprocs."},
		{name: "lazy_update_numprocs", family: supvisorsFamily, check: clusterCheck, least: 2, wants: numprocsWants, run: lazyUpdateNumprocs,
			help: "lazy_update_numprocs program_name numprocs\t\tUpdate the program numprocs (lazy mode)."},
		{name: "enable", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires a program name", run: enable,
			help: "enable program_name\t\t\tEnable the program."},
		{name: "disable", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires a program name", run: disable,
			help: "disable program_name\t\t\tDisable the program."},
	}
}

func updateNumprocs(ctx context.Context, c *control, args []string) error {
	return c.setNumprocs(ctx, "update_numprocs", args)
}

// lazyUpdateNumprocs lets the processes that are too many run until they end by themselves.
func lazyUpdateNumprocs(ctx context.Context, c *control, args []string) error {
	return c.setNumprocs(ctx, "lazy_update_numprocs", args, true, true)
}

func (c *control) setNumprocs(ctx context.Context, command string, args []string, options ...any) error {
	n, err := ini.Int(args[1])
	if err != nil || n <= 0 {
		return c.usage(exitInvalidArgs, command, "ERROR: numprocs must be a strictly positive integer")
	}
	return c.request(ctx, "", args[0]+" numprocs updated: ", "supvisors.update_numprocs", append([]any{args[0], n}, options...)...)
}

func enable(ctx context.Context, c *control, args []string) error {
	return c.request(ctx, "", args[0]+" enabled: ", "supvisors.enable", args[0])
}

func disable(ctx context.Context, c *control, args []string) error {
	return c.request(ctx, "", args[0]+" disabled: ", "supvisors.disable", args[0])
}
