package main

import (
	"context"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// logLevel is a level of the log by its name and its number in Supervisor.
type logLevel struct {
	name   string
	number int
}

var logLevels = []logLevel{{"critical", 50}, {"error", 40}, {"warn", 30}, {"info", 20}, {"debug", 10}, {"trace", 5}, {"blather", 3}}

func clusterControlCommands() []command {
	return []command{
		{name: "conciliate", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires a strategy", run: conciliate,
			help: "conciliate <strategy>\t\t\tConciliate process conflicts using strategy"},
		{name: "restart_sequence", family: supvisorsFamily, check: clusterCheck, run: restartSequence,
			help: "restart_sequence\t\t\t\t\tTrigger the whole start sequence"},
		{name: "sreload", family: supvisorsFamily, check: clusterCheck, run: sreload,
			help: "sreload\t\t\t\t\tRestart Supvisors on all instances"},
		{name: "sshutdown", family: supvisorsFamily, check: clusterCheck, run: sshutdown,
			help: "sshutdown\t\t\t\tShutdown Supvisors on all instances"},
		{name: "end_sync", family: supvisorsFamily, check: clusterCheck, most: 1,
			wants: "optionally takes one single Supvisors identifier", run: endSync,
			help: lines("end_sync\t\t\t\tEnd the Supvisors synchronization phase",
				"end_sync master_identifier\t\tEnd the Supvisors synchronization phase and select this identifier as "+
					"Supvisors Master instance ")},
		{name: "loglevel", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires a level", run: loglevel,
			help: lines("loglevel lvl\t\t\t\tChange the level of local Supvisors' logger to lvl.",
				"\t\t\t\t\tApplicable values are: dict_values("+ini.ReprList(logLevelNames())+").")},
	}
}

func logLevelNames() []string {
	var names []string
	for _, level := range logLevels {
		names = append(names, level.name)
	}
	return names
}

func conciliate(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(conciliationStrategies, "conciliate", args[0])
	if !ok {
		return nil
	}
	return c.request(ctx, "", "Conciliated: ", "supvisors.conciliate", strategy)
}

func restartSequence(ctx context.Context, c *control, _ []string) error {
	return c.request(ctx, "", "Start sequence completed: ", "supvisors.restart_sequence")
}

func sreload(ctx context.Context, c *control, _ []string) error {
	return c.request(ctx, "", "Restarted: ", "supvisors.restart")
}

func sshutdown(ctx context.Context, c *control, _ []string) error {
	return c.request(ctx, "", "Shut down: ", "supvisors.shutdown")
}

func endSync(ctx context.Context, c *control, args []string) error {
	return c.request(ctx, "", "End of Synchronization phase requested: ", "supvisors.end_sync", strings.Join(args, ""))
}

func loglevel(ctx context.Context, c *control, args []string) error {
	for _, level := range logLevels {
		if level.name == args[0] {
			return c.request(ctx, "", "Logger level changed: ", "supvisors.change_log_level", level.number)
		}
	}
	return c.usage(exitInvalidArgs, "loglevel", "ERROR: unknown level for Logger")
}
