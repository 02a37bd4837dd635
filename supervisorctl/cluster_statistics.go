package main

import (
	"context"
	"strconv"
	"strings"
)

func clusterStatisticsCommands() []command {
	return []command{
		{name: "stats_status", family: supvisorsFamily, check: clusterCheck, run: statsStatus,
			help: "stats_status\t\t\tGet the Supvisors statistics collection status."},
		{name: "enable_stats", family: supvisorsFamily, check: clusterCheck, run: enableStats,
			help: lines("enable_stats\t\t\tEnable host and process statistics collection",
				"enable_stats all\t\tEnable host and process statistics collection",
				"enable_stats host\t\tEnable host statistics collection",
				"enable_stats process\t\tEnable process statistics collection",
				"enable_stats host process\tEnable host and process statistics collection")},
		{name: "disable_stats", family: supvisorsFamily, check: clusterCheck, run: disableStats,
			help: lines("disable_stats\t\t\tDisable host and process statistics collection",
				"disable_stats all\t\tDisable host and process statistics collection",
				"disable_stats host\t\tDisable host statistics collection",
				"disable_stats process\t\tDisable process statistics collection",
				"disable_stats host process\tDisable host and process statistics collection")},
		{name: "stats_period", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires a period", run: statsPeriod,
			help: "stats_period period\t\tUpdate the host and process statistics collection period"},
	}
}

func statsStatus(ctx context.Context, c *control, _ []string) error {
	s, err := c.record(ctx, "supvisors.get_statistics_status")
	if err != nil {
		return c.tellFault("", err)
	}
	c.printf("Collecting Host statistics:    %s", s.text("host_stats"))
	c.printf("Collecting Process statistics: %s", s.text("process_stats"))
	c.printf("Collecting statistics period:  %s", s.text("collecting_period"))
	return nil
}

func enableStats(ctx context.Context, c *control, args []string) error {
	return c.switchStats(ctx, "enable_stats", "enabled", args, true)
}

func disableStats(ctx context.Context, c *control, args []string) error {
	return c.switchStats(ctx, "disable_stats", "disabled", args, false)
}

// switchStats switches the statistics named by types, or all, on or off.
func (c *control) switchStats(ctx context.Context, command, done string, types []string, on bool) error {
	host, processes, wrong := len(types) == 0, len(types) == 0, false
	for _, word := range types {
		switch word = strings.ToLower(word); word {
		case "host":
			host = true
		case "process":
			processes = true
		case "all":
			host, processes = true, true
		default:
			c.printf("ERROR: invalid statistics type %s", word)
			wrong = true
		}
	}
	if wrong {
		c.exit = exitInvalidArgs
		c.printf("%s", c.commands[command].help)
		return nil
	}
	if host {
		if err := c.request(ctx, "", "Host statistics "+done+": ", "supvisors.enable_host_statistics", on); err != nil {
			return err
		}
	}
	if processes {
		return c.request(ctx, "", "Process statistics "+done+": ", "supvisors.enable_process_statistics", on)
	}
	return nil
}

func statsPeriod(ctx context.Context, c *control, args []string) error {
	period, err := strconv.ParseFloat(args[0], 64)
	if err != nil || !(period > 0) {
		return c.usage(exitInvalidArgs, "stats_period", "ERROR: stats_period requires a strictly positive period")
	}
	return c.request(ctx, "", "Statistics period updated: ", "supvisors.update_collecting_period", period)
}
