package rules

import "fmt"

// Problem is something wrong in a rules file.
type Problem struct {
	File         string
	Line, Column int    // from 1, of the element; 0 when the file cannot be read
	Element      string // where it is, as an XPath; "" when the file is not XML
	Text         string
	// Warning marks what Supvisors only logs: the value is ignored and the file is used. Any other problem refuses all files.
	Warning bool
}

// String returns "file:line:column: warning: element: text", without the parts that are empty.
func (p Problem) String() string {
	s := p.File + ": "
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	}
	if p.Warning {
		s += "warning: "
	}
	if p.Element != "" {
		s += p.Element + ": "
	}
	return s + p.Text
}
