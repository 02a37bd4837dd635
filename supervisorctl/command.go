package main

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// family says whose command it is; each family has its own list in "help".
type family int

const (
	shellFamily      family = iota // belongs to the shell and is in no list
	supervisorFamily               // Supervisor's
	supvisorsFamily                // Supvisors' plugin
)

// argument says what the arguments of a command name, for completion.
type argument int

const (
	argNone argument = iota
	argAction
	argGroup
	argProcess
)

// command is one row of the command table.
type command struct {
	name      string
	help      string // what "help <name>" prints, without the last newline; "" when there is none
	family    family
	arguments argument
	noArgs    bool   // arguments are an error
	least     int    // how many arguments there must be
	most      int    // how many there may be; 0 is any number
	wants     string // the arguments in words, for the error when they are too few or too many
	// check looks at the server before run. It reports false when it has told the user why the command cannot run.
	check func(ctx context.Context, c *control) (bool, error)
	// run does the work with the words after the name. Its error is what the peer would raise.
	run func(ctx context.Context, c *control, args []string) error
}

// commandTable returns every command by its name.
func commandTable() map[string]command {
	table := map[string]command{}
	for _, rows := range [][]command{
		shellCommands(), statusCommands(), processCommands(), logCommands(), configCommands(), daemonCommands(), foregroundCommands(),
		clusterStatusCommands(), clusterRulesCommands(), clusterApplicationCommands(), clusterStartCommands(),
		clusterStopCommands(), clusterEverywhereCommands(), clusterProgramCommands(), clusterControlCommands(), clusterStatisticsCommands(),
	} {
		for _, row := range rows {
			table[row.name] = row
		}
	}
	return table
}

// names returns the names of the commands of a family, sorted.
func (c *control) names(f family) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.commands)) {
		if c.commands[name].family == f {
			names = append(names, name)
		}
	}
	return names
}

// parseLine splits a line as Python's cmd.Cmd does: the command is the leading letters, digits and underscores, the words of the
// rest are its arguments, and "?x" stands for "help x". whole is the line as it is told back to the user.
func parseLine(line string) (name string, args []string, whole string) {
	whole = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(whole, "?"); ok {
		whole = "help " + rest
	}
	end := strings.IndexFunc(whole, func(r rune) bool { return !isIdent(r) })
	if end < 0 {
		end = len(whole)
	}
	return whole[:end], strings.Fields(whole[end:]), whole
}

func isIdent(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
