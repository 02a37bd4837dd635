package main

import (
	"context"
	"strings"
)

// listWidth is the width of the lists that "help" prints.
const listWidth = 79

func shellCommands() []command {
	return []command{
		{name: "help", arguments: argAction, run: help,
			help: "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>"},
		{name: "EOF", run: quit},
		{name: "quit", family: supervisorFamily, run: quit, help: "quit\tExit the supervisor shell."},
		{name: "exit", family: supervisorFamily, run: quit, help: "exit\tExit the supervisor shell."},
	}
}

func quit(_ context.Context, c *control, _ []string) error {
	c.printf("")
	return errQuit
}

func help(ctx context.Context, c *control, args []string) error {
	if topic := strings.Join(args, " "); topic != "" {
		if text := c.commands[topic].help; text != "" {
			c.printf("%s", text)
		} else {
			c.printf("*** No help on %s", topic)
		}
		return nil
	}
	c.list("default", c.names(supervisorFamily))
	if c.hasSupvisors(ctx) {
		c.list("supvisors", c.names(supvisorsFamily))
	}
	return nil
}

// list prints the names of a family of commands as Python's cmd.Cmd does.
func (c *control) list(title string, names []string) {
	header := title + " commands (type help <topic>):"
	c.printf("\n%s\n%s", header, strings.Repeat("=", len(header)))
	for _, row := range columns(names, listWidth) {
		c.printf("%s", row)
	}
	c.printf("")
}

// columns lays out names in columns of their own width with two blanks between them, reading downwards, in the fewest rows that
// are not wider than width.
func columns(names []string, width int) []string {
	for rows := 1; rows < len(names); rows++ {
		widths := columnWidths(names, rows)
		total := -2
		for _, w := range widths {
			total += w + 2
		}
		if total <= width {
			return layOut(names, rows, widths)
		}
	}
	return names
}

func columnWidths(names []string, rows int) []int {
	widths := make([]int, (len(names)+rows-1)/rows)
	for i, name := range names {
		widths[i/rows] = max(widths[i/rows], len(name))
	}
	return widths
}

func layOut(names []string, rows int, widths []int) []string {
	lines := make([]string, rows)
	for row := range lines {
		var cells []string
		for i := row; i < len(names); i += rows {
			cells = append(cells, pad(names[i], widths[i/rows]))
		}
		lines[row] = strings.Join(cells, "  ")
	}
	return lines
}
