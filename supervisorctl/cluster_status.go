package main

import (
	"context"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

func clusterStatusCommands() []command {
	return []command{
		{name: "sversion", family: supvisorsFamily, check: clusterCheck, run: sversion,
			help: "sversion\t\t\tGet the API version of Supvisors."},
		{name: "sstate", family: supvisorsFamily, check: clusterCheck, run: sstate,
			help: lines("sstate\t\t\t\tGet the Supvisors state and modes.",
				"sstate <identifier>\t\t\tGet the Supvisors instance state and modes.",
				"sstate <identifier> <identifier>\tGet the state and modes for multiple Supvisors instances",
				"sstate all\t\t\tGet the state and modes for all Supvisors instances")},
		{name: "master", family: supvisorsFamily, check: clusterCheck, run: master,
			help: "master\t\t\t\tGet the Supvisors Master identification."},
		{name: "instance_status", family: supvisorsFamily, check: clusterCheck, run: instanceStatus,
			help: lines("instance_status <identifier>\t\t\tGet the status of the Supvisors instance.",
				"instance_status <identifier> <identifier>\tGet the status for multiple Supvisors instances",
				"instance_status\t\t\t\t\tGet the status of all Supvisors instances.")},
		{name: "application_info", family: supvisorsFamily, arguments: argGroup, check: clusterCheck, run: applicationInfo,
			help: lines("application_info <appli>\t\tGet the status of application named appli.",
				"application_info <appli> <appli>\tGet the status for multiple named application",
				"application_info\t\t\tGet the status of all applications.")},
		{name: "sstatus", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, run: sstatus,
			help: lines("sstatus <proc>\t\t\t\tGet the status of the process named proc.",
				"sstatus <appli>:*\t\t\tGet the process status of application named appli.",
				"sstatus <proc> <proc>\t\t\tGet the status for multiple named processes",
				"sstatus\t\t\t\t\tGet the status of all processes.")},
		{name: "local_status", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, run: localStatus,
			help: lines("local_status <proc>\t\t\tGet the local status of the process named proc.",
				"local_status <appli>:*\t\t\tGet the local status of all processes in the application named appli.",
				"local_status <proc> <proc>\t\tGet the local status for multiple named processes",
				"local_status\t\t\t\tGet the local status of all processes.")},
		{name: "conflicts", family: supvisorsFamily, check: clusterCheck, run: conflicts,
			help: "conflicts\t\t\t\tGet the Supvisors conflicts."},
	}
}

func sversion(ctx context.Context, c *control, _ []string) error {
	return c.request(ctx, "", "", "supvisors.get_api_version")
}

func sstate(ctx context.Context, c *control, identifiers []string) error {
	states, err := c.stateModes(ctx, identifiers)
	if err != nil || len(states) == 0 {
		return c.tellFault("", err)
	}
	var rows []row
	for _, s := range states {
		rows = append(rows, row{hidden: !isChosen(s, identifiers), cells: []string{s.text("nick_identifier"), s.text("identifier"),
			s.text("fsm_statename"), s.text("degraded_mode"), s.text("discovery_mode"), s.text("master_identifier"),
			s.text("starting_jobs"), s.text("stopping_jobs")}})
	}
	c.table([]column{{title: "Nickname"}, {title: "Supvisors identifier"}, {"State", 16}, {"Degraded", 10}, {"Discovery", 11},
		{title: "Master"}, {title: "Starting"}, {title: "Stopping"}}, rows)
	return nil
}

// stateModes returns the state of the cluster or, when identifiers are given, of every node.
func (c *control) stateModes(ctx context.Context, identifiers []string) ([]record, error) {
	if len(identifiers) > 0 {
		return c.records(ctx, "supvisors.get_all_instances_state_modes")
	}
	state, err := c.record(ctx, "supvisors.get_supvisors_state")
	return []record{state}, err
}

// isChosen reports whether a node is one of those named by identifier or nick.
func isChosen(node record, identifiers []string) bool {
	return wantsAll(identifiers) || slices.Contains(identifiers, node.text("identifier")) ||
		slices.Contains(identifiers, node.text("nick_identifier"))
}

func master(ctx context.Context, c *control, _ []string) error {
	node, err := c.record(ctx, "supvisors.get_master_identifier")
	switch {
	case err != nil:
		return c.tellFault("", err)
	case len(node) == 0:
		c.printf("No Supvisors Master")
	default:
		c.printf("Nick identifier: %s", node.text("nick_identifier"))
		c.printf("Identifier:      %s", node.text("identifier"))
	}
	return nil
}

func instanceStatus(ctx context.Context, c *control, identifiers []string) error {
	infos, err := c.records(ctx, "supvisors.get_all_instances_info")
	if err != nil {
		return c.tellFault("", err)
	}
	var rows []row
	for _, info := range infos {
		health := "ok"
		if info.truth("process_failure") {
			health = "error"
		}
		rows = append(rows, row{hidden: !isChosen(info, identifiers), cells: []string{info.text("nick_identifier"),
			info.text("identifier"), info.text("node_name"), info.text("port"), info.text("statename"), info.text("loading") + "%",
			clock(info.seconds("local_time")), info.text("remote_sequence_counter"), health}})
	}
	c.table([]column{{title: "Nickname"}, {title: "Supvisors identifier"}, {title: "Host"}, {"Port", 7}, {"State", 11}, {"Load", 6},
		{"Time", 10}, {"Counter", 9}, {"Processes", 11}}, rows)
	return nil
}

// clock returns the local time of day of a moment in seconds since the epoch.
func clock(seconds float64) string { return time.Unix(int64(seconds), 0).Format(time.TimeOnly) }

func applicationInfo(ctx context.Context, c *control, names []string) error {
	infos, err := c.records(ctx, "supvisors.get_all_applications_info")
	if err != nil {
		return c.tellFault("", err)
	}
	var rows []row
	for _, info := range infos {
		name := info.text("application_name")
		rows = append(rows, row{hidden: !wantsAll(names) && !slices.Contains(names, name),
			cells: []string{name, info.text("statename"), info.text("major_failure"), info.text("minor_failure")}})
	}
	c.table([]column{{title: "Application"}, {"State", 10}, {"Major", 7}, {"Minor", 7}}, rows)
	return nil
}

func sstatus(ctx context.Context, c *control, names []string) error {
	infos, err := c.clusterProcesses(ctx, names)
	if err != nil || len(infos) == 0 {
		return err
	}
	var rows []row
	for _, info := range infos {
		expected := "n/a"
		if process.State(info.number("statecode")) == process.Exited {
			expected = info.text("expected_exit")
		}
		rows = append(rows, row{cells: []string{info.text("application_name"), info.text("process_name"), info.text("statename"),
			expected, info.text("identifiers")}})
	}
	c.table([]column{{title: "Application"}, {title: "Process"}, {"State", 12}, {"Expected", 10}, {"Supervisor", ragged}}, rows)
	return nil
}

// clusterProcesses returns the processes that names stand for; faults are told.
func (c *control) clusterProcesses(ctx context.Context, names []string) ([]record, error) {
	if wantsAll(names) {
		infos, err := c.records(ctx, "supvisors.get_all_process_info")
		return infos, c.tellFault("", err)
	}
	return c.collect(ctx, names, "supvisors.get_process_info")
}

// collect calls a method that returns several structs with each name and returns them all; faults are told about the name.
func (c *control) collect(ctx context.Context, names []string, method string) ([]record, error) {
	var all []record
	for _, name := range names {
		found, err := c.records(ctx, method, name)
		if err := c.tellFault(name, err); err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func localStatus(ctx context.Context, c *control, names []string) error {
	all, err := c.records(ctx, "supvisors.get_all_local_process_info")
	if err != nil {
		return c.tellFault("", err)
	}
	infos := all
	if !wantsAll(names) {
		infos = nil
		for _, name := range names {
			infos = append(infos, matchProcesses(all, name)...)
		}
	}
	if len(infos) == 0 {
		return nil
	}
	var rows []row
	for _, info := range infos {
		rows = append(rows, row{cells: []string{info.text("group"), info.text("name"), info.text("disabled"),
			process.State(info.number("state")).String(), clockOrZero(info.seconds("start")), clockOrZero(info.seconds("now")),
			info.text("pid"), info.text("extra_args")}})
	}
	c.table([]column{{title: "Application"}, {title: "Process"}, {"Disabled", 10}, {"State", 12}, {"Start", 12}, {"Now", 12}, {"PID", 8},
		{"Extra args", ragged}}, rows)
	return nil
}

func clockOrZero(seconds float64) string {
	if seconds == 0 {
		return "0"
	}
	return clock(seconds)
}

func conflicts(ctx context.Context, c *control, _ []string) error {
	infos, err := c.records(ctx, "supvisors.get_conflicts")
	if err != nil || len(infos) == 0 {
		return c.tellFault("", err)
	}
	var rows []row
	for _, info := range infos {
		rows = append(rows, row{cells: []string{info.text("application_name"), info.text("process_name"), info.text("statename"),
			info.text("identifiers")}})
	}
	c.table([]column{{title: "Application"}, {title: "Process"}, {"State", 12}, {"Supervisor", ragged}}, rows)
	return nil
}
