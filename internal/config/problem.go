package config

import (
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// Problem is one thing that is wrong in a configuration.
type Problem struct {
	Pos     ini.Position
	Section string // "" when it is not in a section
	Key     string // "" when it is not in an option
	Text    string // Supervisor's own text where it has one
}

// String returns "file:line: [section] key: text", without what is empty.
func (p Problem) String() string {
	where := ""
	if p.Pos.File != "" {
		where = p.Pos.String() + ": "
	}
	switch {
	case p.Key != "":
		where += "[" + p.Section + "] " + p.Key + ": "
	case p.Section != "":
		where += "[" + p.Section + "]: "
	}
	return where + p.Text
}

// Error is all that keeps a configuration from being used.
type Error struct {
	Problems []Problem // at least one, in the order in which Supervisor would meet them
	Warnings []Problem // as in Config
}

// Error lists all problems, one per line with its place.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Text returns the text of the first problem alone: what Supervisor says, on standard error after "Error: " and in the
// CANT_REREAD fault.
func (e *Error) Text() string { return e.Problems[0].Text }
