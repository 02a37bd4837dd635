package supervisor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
)

// managed is one process with what it is run by.
type managed struct {
	*child.Actor
	spec    *process.Spec // as configured
	running *process.Spec // as run: with the paths of log files called AUTO
	member  *member       // nil unless it is an event listener
}

func (m *managed) namespec() process.Namespec {
	return process.Namespec{Group: m.spec.Group, Process: m.spec.Name}
}

// group is one active group. It is immutable: a group whose processes change is replaced.
type group struct {
	config     config.Group
	procs      []*managed   // in order of the configuration
	byPriority []*managed   // equal ones in order of the configuration
	pool       *pool        // nil unless the group is an event listener pool
	socket     child.Socket // nil unless the group is one of FastCGI programs
}

// withProcs returns the group with other processes, given in order of the configuration.
func (g *group) withProcs(procs []*managed) *group {
	n := *g
	n.procs, n.byPriority = procs, slices.Clone(procs)
	slices.SortStableFunc(n.byPriority, func(a, b *managed) int { return cmp.Compare(a.spec.Priority, b.spec.Priority) })
	n.config.Specs = make([]*process.Spec, len(procs))
	for i, m := range procs {
		n.config.Specs[i] = m.spec
	}
	return &n
}

// groups is the immutable set of all active groups, with the orders in which Supervisor goes through them.
type groups struct {
	byName     map[string]*group
	added      []*group   // in the order in which they became active
	byPriority []*group   // equal ones in order of added
	lexical    []*managed // by group and name
}

func newGroups(added []*group) *groups {
	gs := &groups{byName: make(map[string]*group, len(added)), added: added, byPriority: slices.Clone(added)}
	slices.SortStableFunc(gs.byPriority, func(a, b *group) int { return cmp.Compare(a.config.Priority, b.config.Priority) })
	for _, g := range added {
		gs.byName[g.config.Name] = g
		gs.lexical = append(gs.lexical, g.procs...)
	}
	slices.SortFunc(gs.lexical, func(a, b *managed) int {
		return cmp.Or(strings.Compare(a.spec.Group, b.spec.Group), strings.Compare(a.spec.Name, b.spec.Name))
	})
	return gs
}

// with returns the set with other groups added.
func (gs *groups) with(more ...*group) *groups { return newGroups(slices.Concat(gs.added, more)) }

// replacing returns the set with g in place of the group of its name.
func (gs *groups) replacing(g *group) *groups {
	added := slices.Clone(gs.added)
	added[slices.Index(added, gs.byName[g.config.Name])] = g
	return newGroups(added)
}

// without returns the set without the group of that name.
func (gs *groups) without(name string) *groups {
	return newGroups(slices.DeleteFunc(slices.Clone(gs.added), func(g *group) bool { return g.config.Name == name }))
}

// all returns the processes by the priority of their group, then by their own.
func (gs *groups) all() []*managed {
	var all []*managed
	for _, g := range gs.byPriority {
		all = append(all, g.byPriority...)
	}
	return all
}

// group returns the group of that name, or ErrBadName.
func (gs *groups) group(name string) (*group, error) {
	if g := gs.byName[name]; g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("%s: %w", name, ErrBadName)
}

// find returns the process of that name, or ErrBadName.
func (gs *groups) find(ns process.Namespec) (*managed, error) {
	i, found := slices.BinarySearchFunc(gs.lexical, ns, func(m *managed, ns process.Namespec) int {
		return cmp.Or(strings.Compare(m.spec.Group, ns.Group), strings.Compare(m.spec.Name, ns.Process))
	})
	if !found {
		return nil, fmt.Errorf("%s: %w", ns, ErrBadName)
	}
	return gs.lexical[i], nil
}
