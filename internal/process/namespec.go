package process

import "strings"

// Namespec names a process inside its group, or a whole group when Process is empty.
type Namespec struct{ Group, Process string }

// ParseNamespec reads "group:process", "group:*", "group:" and the short form "name", which stands for "name:name".
func ParseNamespec(s string) Namespec {
	group, proc, ok := strings.Cut(s, ":")
	if !ok {
		return Namespec{s, s}
	}
	if proc == "*" {
		proc = ""
	}
	return Namespec{group, proc}
}

// WholeGroup reports whether the namespec names all processes of its group.
func (n Namespec) WholeGroup() bool { return n.Process == "" }

// String returns the shortest form that names the same thing.
func (n Namespec) String() string {
	switch n.Process {
	case n.Group:
		return n.Group
	case "":
		return n.Group + ":*"
	}
	return n.Group + ":" + n.Process
}
