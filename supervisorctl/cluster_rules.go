package main

import (
	"context"
	"slices"
)

func clusterRulesCommands() []command {
	return []command{
		{name: "application_rules", family: supvisorsFamily, arguments: argGroup, check: clusterCheck, run: applicationRules,
			help: lines("application_rules <appli>\t\t\tGet the rules of the application named appli.",
				"application_rules <appli> <appli>\t\tGet the rules for multiple named applications",
				"application_rules\t\t\t\tGet the rules of all applications.")},
		{name: "process_rules", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, run: processRules,
			help: lines("process_rules <proc>\t\t\tGet the rules of the process named proc.",
				"process_rules <appli>:*\t\t\tGet the rules of all processes in the application named appli.",
				"process_rules <proc> <proc>\t\tGet the rules for multiple named processes",
				"process_rules\t\t\t\tGet the rules of all processes.")},
		{name: "strategies", family: supvisorsFamily, check: clusterCheck, run: strategies,
			help: "strategies\t\t\tGet the Supvisors strategies."},
	}
}

func applicationRules(ctx context.Context, c *control, names []string) error {
	if wantsAll(names) {
		infos, err := c.records(ctx, "supvisors.get_all_applications_info")
		if err := c.tellFault("", err); err != nil {
			return err
		}
		names = nil
		for _, info := range infos {
			names = append(names, info.text("application_name"))
		}
	}
	var rows []row
	for _, name := range names {
		rules, err := c.record(ctx, "supvisors.get_application_rules", name)
		switch {
		case err == nil:
			rows = append(rows, applicationRulesRow(rules))
		default:
			if err := c.tellFault(name, err); err != nil {
				return err
			}
		}
	}
	if len(rows) > 0 {
		c.table([]column{{title: "Application"}, {"Managed", 9}, {"Distribution", 17}, {title: "Supervisor"}, {"Start", 7}, {"Stop", 7},
			{"Starting", 18}, {"Starting_Failure", 18}, {"Running_Failure", ragged}}, rows)
	}
	return nil
}

// applicationRulesRow shows the rules of an application; one that is not managed has none.
func applicationRulesRow(rules record) row {
	managed := rules.truth("managed")
	cells := []string{rules.text("application_name"), pyStr(managed)}
	for _, key := range []string{"distribution", "identifiers", "start_sequence", "stop_sequence", "starting_strategy",
		"starting_failure_strategy", "running_failure_strategy"} {
		text := "n/a"
		if managed && rules.value(key) != nil {
			text = rules.text(key)
		}
		cells = append(cells, text)
	}
	return row{cells: cells}
}

func processRules(ctx context.Context, c *control, names []string) error {
	names, err := c.namespecs(ctx, names, nil)
	if err != nil {
		return err
	}
	all, err := c.collect(ctx, names, "supvisors.get_process_rules")
	if err != nil || len(all) == 0 {
		return err
	}
	var rows []row
	for _, r := range all {
		rows = append(rows, row{cells: []string{r.text("application_name"), r.text("process_name"), r.text("start_sequence"),
			r.text("stop_sequence"), r.text("required"), r.text("wait_exit"), r.text("expected_loading") + "%",
			r.text("running_failure_strategy"), r.text("identifiers")}})
	}
	c.table([]column{{title: "Application"}, {title: "Process"}, {"Start", 7}, {"Stop", 7}, {"Required", 12}, {"WaitExit", 12},
		{"Loading", 12}, {"Strategy", 22}, {"Supervisor", ragged}}, rows)
	return nil
}

// namespecs returns the names sorted; when they stand for everything, those of all processes that filter accepts. A fault is told and
// leaves no name.
func (c *control) namespecs(ctx context.Context, names []string, filter func(record) bool) ([]string, error) {
	if !wantsAll(names) {
		return slices.Sorted(slices.Values(names)), nil
	}
	infos, err := c.records(ctx, "supvisors.get_all_process_info")
	if err != nil {
		return nil, c.tellFault("", err)
	}
	var all []string
	for _, info := range infos {
		if filter == nil || filter(info) {
			all = append(all, shortName(info.text("application_name"), info.text("process_name")))
		}
	}
	slices.Sort(all)
	return all, nil
}

func strategies(ctx context.Context, c *control, _ []string) error {
	s, err := c.record(ctx, "supvisors.get_strategies")
	if err != nil {
		return c.tellFault("", err)
	}
	c.printf("Auto-fencing: %s", s.text("auto-fencing"))
	c.printf("Failure:      %s", s.text("supvisors_failure"))
	c.printf("Conciliation: %s", s.text("conciliation"))
	c.printf("Starting:     %s", s.text("starting"))
	return nil
}
