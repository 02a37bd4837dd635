package ini

import (
	"fmt"
	"strings"
)

// SyntaxError says which lines of a file are no configuration text. Its text is that of Python's configparser.
type SyntaxError struct {
	File     string
	NoHeader bool // the one line stands before any section, and reading stopped there
	Lines    []BadLine
}

// BadLine is a line that is neither a section nor an option, with its line end.
type BadLine struct {
	Line int
	Text string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.NoHeader {
		return fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s", Repr(e.File), e.Lines[0].Line, Repr(e.Lines[0].Text))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Source contains parsing errors: %s", Repr(e.File))
	for _, l := range e.Lines {
		fmt.Fprintf(&b, "\n\t[line %2d]: %s", l.Line, Repr(l.Text))
	}
	return b.String()
}
