package ini

import "strconv"

// Position is a place in a configuration file. Line counts from 1; 0 stands for the file as a whole.
type Position struct {
	File string
	Line int
}

// String returns "file:line", or the file alone when there is no line.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Value is the text of an option as it stands in the file, unexpanded, and where it stands.
type Value struct {
	Text string
	Pos  Position
}
