package supervisor

import (
	"cmp"
	"slices"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/process"
)

// Process is one managed process.
type Process struct {
	Info process.Info
	Spec *process.Spec // as configured
}

// Group is one active group.
type Group struct {
	Name      string
	Kind      config.Kind
	Priority  int
	Processes []Process // by priority
}

// State returns the state of the daemon.
func (s *Supervisor) State() State { return State(s.state.Load()) }

// Identifier returns the identifier option of the daemon.
func (s *Supervisor) Identifier() string { return s.daemon.Identifier }

// Processes returns all processes by group and name, the order of Supervisor's getAllProcessInfo.
func (s *Supervisor) Processes() []Process { return processes(s.current.Load().lexical) }

// Infos returns what f makes of each process, in the order of Processes, without a list of them in between.
func Infos[T any](s *Supervisor, f func(process.Info) T) []T {
	list := s.current.Load().lexical
	all := make([]T, len(list))
	for i, m := range list {
		all[i] = f(m.Info())
	}
	return all
}

// Counted is a process with what was counted of it since it became active.
type Counted struct {
	Process
	Counts child.Counts
}

// Counted returns all processes by group and name, with what was counted of them.
func (s *Supervisor) Counted() []Counted {
	list := s.current.Load().lexical
	all := make([]Counted, len(list))
	for i, m := range list {
		all[i] = Counted{m.process(), m.Counts()}
	}
	return all
}

// Process returns one process; ErrBadName if there is none of that name, or if it names a whole group.
func (s *Supervisor) Process(ns process.Namespec) (Process, error) {
	m, err := s.current.Load().find(ns)
	if err != nil {
		return Process{}, err
	}
	return m.process(), nil
}

// Group returns the active group of that name, or ErrBadName.
func (s *Supervisor) Group(name string) (Group, error) {
	g, err := s.current.Load().group(name)
	if err != nil {
		return Group{}, err
	}
	return g.describe(), nil
}

// Groups returns the active groups by priority.
func (s *Supervisor) Groups() []Group {
	var all []Group
	for _, g := range s.current.Load().byPriority {
		all = append(all, g.describe())
	}
	return all
}

// Pool is the state of an event listener pool.
type Pool struct {
	Name    string
	Queued  int    // events that wait for a listener
	Size    int    // how many may wait, buffer_size
	Dropped uint64 // events that gave way to newer ones, since the pool became active
}

// Pools returns the active event listener pools by name.
func (s *Supervisor) Pools() []Pool {
	var all []Pool
	for _, g := range s.current.Load().added {
		if g.pool != nil {
			all = append(all, g.pool.describe(g.config.Name))
		}
	}
	slices.SortFunc(all, func(a, b Pool) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Configured is a group of the configuration that was read last.
type Configured struct {
	config.Group
	InUse bool // a group of that name is active
}

// Configured returns the groups of the configuration that was read last, the source of getAllConfigInfo.
func (s *Supervisor) Configured() []Configured {
	active := s.current.Load().byName
	var all []Configured
	for _, g := range s.loaded.Load().Groups {
		all = append(all, Configured{g, active[g.Name] != nil})
	}
	return all
}

// Section returns where the configuration that was read last has the program of a process, as file:line; "" when it has not.
func (s *Supervisor) Section(ns process.Namespec) string {
	m, err := s.current.Load().find(ns)
	if err != nil {
		return ""
	}
	return s.loaded.Load().ProgramSection(m.spec.Program).String()
}

func (m *managed) process() Process { return Process{m.Info(), m.spec} }

func (g *group) describe() Group {
	return Group{g.config.Name, g.config.Kind, g.config.Priority, processes(g.byPriority)}
}

func processes(list []*managed) []Process {
	all := make([]Process, len(list))
	for i, m := range list {
		all[i] = m.process()
	}
	return all
}
