package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/supvisors/supvisors/rpc"
)

func configCommands() []command {
	return []command{
		{name: "avail", family: supervisorFamily, noArgs: true, run: avail, help: "avail\t\t\tDisplay all configured processes"},
		{name: "reread", family: supervisorFamily, noArgs: true, run: reread,
			help: "reread \t\t\tReload the daemon's configuration files without add/remove"},
		{name: "add", family: supervisorFamily, arguments: argGroup, run: add,
			help: "add <name> [...]\tActivates any updates in config for process/group"},
		{name: "remove", family: supervisorFamily, arguments: argGroup, run: remove,
			help: "remove <name> [...]\tRemoves process/group from active config"},
		{name: "update", family: supervisorFamily, arguments: argGroup, run: update,
			help: "update\t\t\tReload config and add/remove as necessary, and will restart affected programs\n" +
				"update all\t\tReload config and add/remove as necessary, and will restart affected programs\n" +
				"update <gname> [...]\tUpdate specific groups"},
	}
}

func avail(ctx context.Context, c *control, _ []string) error {
	infos, err := c.records(ctx, "supervisor.getAllConfigInfo")
	if isFault(err, rpc.ShutdownState) {
		c.fail(exitGeneric, "ERROR: supervisor shutting down")
		return nil
	}
	for _, info := range infos {
		use, start := "avail", "manual"
		if info.truth("inuse") {
			use = "in use"
		}
		if info.truth("autostart") {
			start = "auto"
		}
		c.printf("%s %s %s %s:%s", pad(info.namespec(), 32), pad(use, 9), pad(start, 9), info.text("group_prio"), info.text("process_prio"))
	}
	return err
}

// changes are the names of the groups that a new reading of the configuration brings, alters and drops.
type changes struct{ added, changed, removed []string }

// reloadConfig makes the server read its configuration again, without applying it.
func (c *control) reloadConfig(ctx context.Context) (changes, error) {
	var result [][][]string
	if err := c.call(ctx, "supervisor.reloadConfig", &result); err != nil {
		return changes{}, err
	}
	if len(result) != 1 || len(result[0]) != 3 {
		return changes{}, fmt.Errorf("unexpected result of supervisor.reloadConfig: %v", result)
	}
	return changes{result[0][0], result[0][1], result[0][2]}, nil
}

func reread(ctx context.Context, c *control, _ []string) error {
	found, err := c.reloadConfig(ctx)
	fault, ok := asFault(err)
	switch {
	case ok && fault.Code == rpc.ShutdownState:
		c.fail(exitGeneric, "ERROR: supervisor shutting down")
		return nil
	case ok && fault.Code == rpc.CantReread:
		c.fail(exitGeneric, "ERROR: %s", fault.Text)
		return nil
	case err != nil:
		return err
	}
	type line struct{ name, what string }
	var lines []line
	for _, part := range []struct {
		names []string
		what  string
	}{{found.added, "available"}, {found.changed, "changed"}, {found.removed, "disappeared"}} {
		for _, name := range part.names {
			lines = append(lines, line{name, part.what})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.name, b.name) })
	for _, l := range lines {
		c.printf("%s: %s", l.name, l.what)
	}
	if len(lines) == 0 {
		c.printf("No config updates to processes")
	}
	return nil
}

func add(ctx context.Context, c *control, names []string) error {
	for _, name := range names {
		err := c.call(ctx, "supervisor.addProcessGroup", nil, name)
		switch {
		case isFault(err, rpc.ShutdownState):
			c.fail(exitGeneric, "ERROR: shutting down")
		case isFault(err, rpc.AlreadyAdded):
			c.printf("ERROR: process group already active")
		case isFault(err, rpc.BadName):
			c.fail(exitGeneric, "ERROR: no such process/group: %s", name)
		case err != nil:
			return err
		default:
			c.printf("%s: added process group", name)
		}
	}
	return nil
}

func remove(ctx context.Context, c *control, names []string) error {
	for _, name := range names {
		err := c.call(ctx, "supervisor.removeProcessGroup", nil, name)
		switch {
		case isFault(err, rpc.StillRunning):
			c.fail(exitGeneric, "ERROR: process/group still running: %s", name)
		case isFault(err, rpc.BadName):
			c.fail(exitGeneric, "ERROR: no such process/group: %s", name)
		case err != nil:
			return err
		default:
			c.printf("%s: removed process group", name)
		}
	}
	return nil
}

func update(ctx context.Context, c *control, names []string) error {
	found, err := c.reloadConfig(ctx)
	switch {
	case isFault(err, rpc.ShutdownState):
		c.fail(exitGeneric, "ERROR: already shutting down")
		return nil
	case err != nil:
		return err
	}
	if len(names) > 0 && !slices.Contains(names, "all") {
		if err := c.checkGroups(ctx, names, found.added); err != nil {
			return err
		}
		other := func(name string) bool { return !slices.Contains(names, name) }
		found.added = slices.DeleteFunc(found.added, other)
		found.changed = slices.DeleteFunc(found.changed, other)
		found.removed = slices.DeleteFunc(found.removed, other)
	}
	return c.apply(ctx, found)
}

// checkGroups tells which names are neither active groups nor new ones.
func (c *control) checkGroups(ctx context.Context, names, added []string) error {
	infos, err := c.allProcesses(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		active := slices.ContainsFunc(infos, func(info record) bool { return info.text("group") == name })
		if !active && !slices.Contains(added, name) {
			c.fail(exitGeneric, "ERROR: no such group: %s", name)
		}
	}
	return nil
}

// apply makes the active groups those of the configuration that was read last.
func (c *control) apply(ctx context.Context, found changes) error {
	for _, name := range found.removed {
		if err := c.retire(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range found.changed {
		if err := c.renew(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range found.added {
		if err := c.call(ctx, "supervisor.addProcessGroup", nil, name); err != nil {
			return err
		}
		c.printf("%s: added process group", name)
	}
	return nil
}

// retire stops and removes a group that is no longer configured, unless a process refuses to stop.
func (c *control) retire(ctx context.Context, name string) error {
	results, err := c.records(ctx, "supervisor.stopProcessGroup", name)
	if err != nil {
		return err
	}
	c.printf("%s: stopped", name)
	if slices.ContainsFunc(results, func(r record) bool { return r.number("status") == rpc.Failed }) {
		c.fail(exitGeneric, "%s: has problems; not removing", name)
		return nil
	}
	if err := c.call(ctx, "supervisor.removeProcessGroup", nil, name); err != nil {
		return err
	}
	c.printf("%s: removed process group", name)
	return nil
}

// renew stops a group and starts it with its new configuration.
func (c *control) renew(ctx context.Context, name string) error {
	if err := c.call(ctx, "supervisor.stopProcessGroup", nil, name); err != nil {
		return err
	}
	c.printf("%s: stopped", name)
	if err := c.call(ctx, "supervisor.removeProcessGroup", nil, name); err != nil {
		return err
	}
	if err := c.call(ctx, "supervisor.addProcessGroup", nil, name); err != nil {
		return err
	}
	c.printf("%s: updated process group", name)
	return nil
}
