package main

import (
	"context"
	"slices"
)

func clusterApplicationCommands() []command {
	return []command{
		{name: "start_application", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires at least a strategy",
			run: startApplication,
			help: lines("start_application <strategy> <appli>\t\tStart the managed application named appli with strategy.",
				"start_application <strategy> <appli> <appli>\tStart multiple managed named applications with strategy",
				"start_application <strategy>\t\t\tStart all managed applications with strategy.")},
		{name: "restart_application", family: supvisorsFamily, check: clusterCheck, least: 1, wants: "requires at least a strategy",
			run: restartApplication,
			help: lines("restart_application <strategy> <appli>\t\tRestart the managed application named appli with strategy.",
				"restart_application <strategy> <appli> <appli>\tRestart multiple managed named applications with strategy",
				"restart_application <strategy> \t\t\tRestart all managed applications with strategy.")},
		{name: "stop_application", family: supvisorsFamily, arguments: argGroup, check: clusterCheck, run: stopApplication,
			help: lines("stop_application <appli>\t\t\tStop the managed application named appli.",
				"stop_application <appli> <appli>\t\tStop multiple managed named applications.",
				"stop_application\t\t\t\tStop all managed applications.")},
		{name: "test_start_application", family: supvisorsFamily, check: clusterCheck, least: 2, most: 2,
			wants: "requires one strategy and one application name", run: testStartApplication,
			help: lines("test_start_application <strategy> <appli>\t\t"+
				"Test the starting of the managed application named appli with strategy.",
				"test_start_application <strategy>\t\t\tTest the starting of all managed applications with strategy.")},
	}
}

func startApplication(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "start_application", args[0])
	if !ok {
		return nil
	}
	return c.onApplications(ctx, args[1:], "start", " started: ", func(name string) []any { return []any{strategy, name} })
}

func restartApplication(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "restart_application", args[0])
	if !ok {
		return nil
	}
	return c.onApplications(ctx, args[1:], "restart", " restarted: ", func(name string) []any { return []any{strategy, name} })
}

func stopApplication(ctx context.Context, c *control, args []string) error {
	return c.onApplications(ctx, args, "stop", " stopped: ", func(name string) []any { return []any{name} })
}

// onApplications calls supvisors.<verb>_application for the managed applications among names, or for all of them.
func (c *control) onApplications(ctx context.Context, names []string, verb, done string, args func(name string) []any) error {
	infos, err := c.records(ctx, "supvisors.get_all_applications_info")
	if err != nil {
		return c.tellFault("", err)
	}
	for _, name := range c.managed(infos, names, verb) {
		if err := c.request(ctx, name, name+done, "supvisors."+verb+"_application", args(name)...); err != nil {
			return err
		}
	}
	return nil
}

// managed returns the managed applications among names, or all of them sorted, and tells which names are of no use.
func (c *control) managed(infos []record, names []string, verb string) []string {
	managed := map[string]bool{}
	for _, info := range infos {
		managed[info.text("application_name")] = info.truth("managed")
	}
	var chosen []string
	if wantsAll(names) {
		for name, ok := range managed {
			if ok {
				chosen = append(chosen, name)
			}
		}
		slices.Sort(chosen)
		return chosen
	}
	for _, name := range names {
		switch isManaged, known := managed[name]; {
		case isManaged:
			chosen = append(chosen, name)
		case known:
			c.printf("%s: IGNORED (unmanaged. use %s %s:*)", name, verb, name)
		default:
			c.fail(exitInvalidArgs, "%s: ERROR (no such application)", name)
		}
	}
	return chosen
}

func testStartApplication(ctx context.Context, c *control, args []string) error {
	strategy, ok := c.strategy(startingStrategies, "test_start_application", args[0])
	if !ok {
		return nil
	}
	name := args[1]
	info, err := c.record(ctx, "supvisors.get_application_info", name)
	if _, unknown := asFault(err); unknown {
		c.fail(exitInvalidArgs, "ERROR: unknown application \"%s\"", name)
		return nil
	}
	if err != nil {
		return err
	}
	if !info.truth("managed") {
		return c.usage(c.exit, "test_start_application", "ERROR: %s unmanaged", name)
	}
	return c.predict(ctx, name, "supvisors.test_start_application", strategy, name)
}

// predict shows where the processes would be started.
func (c *control) predict(ctx context.Context, about, method string, args ...any) error {
	results, err := c.records(ctx, method, args...)
	if err != nil {
		return c.tellFault(about, err)
	}
	var rows []row
	for _, r := range results {
		rows = append(rows, row{cells: []string{r.text("application_name"), r.text("process_name"), r.text("state"),
			r.text("running_identifiers"), r.text("forced_reason")}})
	}
	c.table([]column{{title: "Application"}, {title: "Process"}, {"State", 12}, {title: "Supervisor"}, {"Reason", ragged}}, rows)
	return nil
}
