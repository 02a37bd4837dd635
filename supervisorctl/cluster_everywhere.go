package main

import (
	"context"
	"fmt"
	"strings"
)

// The states of a node in which it takes part in the cluster, as get_all_instances_info numbers them.
const (
	instanceChecked = 2
	instanceRunning = 3
)

func clusterEverywhereCommands() []command {
	return []command{
		{name: "all_start", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 1,
			wants: "requires a process name", run: allStart,
			help: "all_start <proc>\t\t\tStart the process named proc on all RUNNING Supvisors instances."},
		{name: "all_start_args", family: supvisorsFamily, arguments: argProcess, check: clusterCheck, least: 2,
			wants: "requires a process name and extra arguments", run: allStartArgs,
			help: "all_start_args <proc> <arg_list>\t\tStart the process named proc on all RUNNING Supvisors instances with " +
				"additional arguments arg_list."},
	}
}

func allStart(ctx context.Context, c *control, args []string) error {
	return c.everywhere(ctx, args[0], "supervisor.startProcess", args[0], false)
}

func allStartArgs(ctx context.Context, c *control, args []string) error {
	return c.everywhere(ctx, args[0], "supvisors.start_args", args[0], strings.Join(args[1:], " "), false)
}

// everywhere calls a method about a process on each running node, one after the other.
func (c *control) everywhere(ctx context.Context, name, method string, args ...any) error {
	infos, err := c.records(ctx, "supvisors.get_all_instances_info")
	if err := c.tellFault("", err); err != nil {
		return err
	}
	running := 0
	for _, info := range infos {
		if state := info.number("statecode"); state != instanceChecked && state != instanceRunning {
			continue
		}
		running++
		if err := c.callNode(ctx, info, name, method, args...); err != nil {
			return err
		}
	}
	if running == 0 {
		c.printf("ERROR: no running Supvisors instance")
	}
	return nil
}

// callNode calls a method on a node of the cluster, with the credentials and the scheme of the server.
func (c *control) callNode(ctx context.Context, node record, name, method string, args ...any) error {
	scheme := "http"
	if strings.HasPrefix(c.serverURL, "https:") {
		scheme = "https"
	}
	client, err := dial(fmt.Sprintf("%s://%s:%s", scheme, node.text("node_name"), node.text("port")), c.username, c.password)
	if err != nil {
		return err
	}
	var result any
	if err := client.Call(ctx, method, &result, args...); err != nil {
		return c.tellFault(name, err)
	}
	c.printf("%s started on %s: %s", name, node.text("identifier"), pyStr(result))
	return nil
}
