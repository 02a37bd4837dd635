package clustertest

import (
	"fmt"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
)

// show writes the cluster as its nodes see it: all of it, the nodes alone, or some applications.
func (s *story) show(args []string) (string, error) {
	var b strings.Builder
	if len(args) == 0 || args[0] == "nodes" {
		for _, n := range s.world.nodes {
			fmt.Fprintf(&b, "%s%s\n", indent, showNode(n))
		}
	}
	if len(args) == 1 && args[0] == "nodes" {
		return s.names.Replace(b.String()), nil
	}
	// nodes that see the same applications speak together
	var views []string
	seenBy := map[string][]string{}
	for _, n := range s.world.up() {
		v := showApplications(n.core.View(), args)
		if seenBy[v] == nil {
			views = append(views, v)
		}
		seenBy[v] = append(seenBy[v], n.id.Nick)
	}
	for _, v := range views {
		if len(views) > 1 {
			fmt.Fprintf(&b, "%sas seen by %s:\n", indent, strings.Join(seenBy[v], " "))
		}
		b.WriteString(v)
	}
	return s.names.Replace(b.String()), nil
}

func showNode(n *Node) string {
	switch {
	case n.core == nil:
		return n.id.Nick + " is down"
	case n.frozen:
		return n.id.Nick + " is frozen"
	}
	v := n.core.View()
	m := v.Self.Modes
	parts := []string{fmt.Sprintf("%s %s", n.id.Nick, m.State)}
	add := func(show bool, format string, args ...any) {
		if show {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(m.Master == "", "no Master")
	add(m.Master != "", "Master %s", m.Master)
	add(m.Degraded, "degraded")
	add(m.Starting, "starting")
	add(m.Stopping, "stopping")
	add(v.Self.Load > 0, "load %d", v.Self.Load)
	for _, other := range v.Instances {
		add(other.State != cluster.InstanceRunning, "sees %s %s", other.Nick, other.State)
		add(other.Standing != cluster.Serving, "sees %s %s", other.Nick, other.Standing)
	}
	return strings.Join(parts, ", ")
}

func showApplications(v *cluster.View, names []string) string {
	var b strings.Builder
	for _, app := range v.Applications {
		if len(names) > 0 && names[0] != app.Name {
			continue
		}
		fmt.Fprintf(&b, "%s%s %s", indent, app.Name, app.State)
		if app.Major {
			b.WriteString(" with a major failure")
		}
		if app.Minor {
			b.WriteString(" with a minor failure")
		}
		sep := ": "
		for _, p := range app.Processes {
			fmt.Fprintf(&b, "%s%s %s", sep, p.Namespec.Process, p.Shown)
			sep = ", "
			if len(p.Running) > 0 {
				fmt.Fprintf(&b, " on %s", strings.Join(p.Running, " and "))
			}
			if p.Reason != "" {
				fmt.Fprintf(&b, " (%s)", p.Reason)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
