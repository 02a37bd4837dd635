package supervisor

import (
	"context"
	"fmt"
	"slices"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// SetNumprocs changes how many processes a program has, in all active groups that have it (Supvisors' update_numprocs). New
// processes are added, and started if they want it. Of those that are too many, the stopped ones are removed at once; the others
// are returned in obsolete: they are not started again, and removed when they have stopped. Errors are ErrBadName, ErrEnding and
// the *config.Error of a configuration that does not allow n processes.
func (s *Supervisor) SetNumprocs(ctx context.Context, program string, n int) (added, obsolete []process.Namespec, err error) {
	fresh, obsolete, err := s.setNumprocs(ctx, program, n)
	if err != nil {
		return nil, nil, fmt.Errorf("numprocs of %s: %w", program, err)
	}
	for _, m := range fresh {
		added = append(added, m.namespec())
	}
	if s.started.Load() {
		s.autostart(fresh)
	}
	return added, obsolete, nil
}

func (s *Supervisor) setNumprocs(ctx context.Context, program string, n int) (fresh []*managed, obsolete []process.Namespec, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() != Running {
		return nil, nil, ErrEnding
	}
	if !slices.Contains(s.Programs(), program) {
		return nil, nil, ErrBadName
	}
	cfg, err := s.loaded.Load().WithNumprocs(program, n)
	if err != nil {
		return nil, nil, err
	}
	s.loaded.Store(cfg)
	for _, g := range s.current.Load().byPriority {
		wanted, ok := cfg.Group(g.config.Name)
		if !ok {
			continue // no longer configured; it keeps what it has
		}
		new, err := s.grow(ctx, g, wanted, program)
		if err != nil {
			return nil, nil, err
		}
		fresh = append(fresh, new...)
		over, err := s.shrink(ctx, s.current.Load().byName[g.config.Name], wanted, program)
		if err != nil {
			return nil, nil, err
		}
		obsolete = append(obsolete, over...)
	}
	return fresh, obsolete, nil
}

// grow adds the processes of the program that the group does not have. One that was about to be removed stays.
func (s *Supervisor) grow(ctx context.Context, g *group, wanted config.Group, program string) ([]*managed, error) {
	var procs, fresh []*managed
	for _, spec := range wanted.Specs {
		m, _ := s.current.Load().find(process.Namespec{Group: spec.Group, Process: spec.Name}) // nil when there is none
		switch {
		case m == nil && spec.Program == program:
			var err error
			if m, err = s.manage(g, spec); err != nil {
				for _, made := range fresh {
					g.drop(made)
				}
				return nil, err
			}
			fresh = append(fresh, m)
		case m == nil:
			continue // of a program that was changed in the file; not this one's business
		case s.obsolete[m]:
			delete(s.obsolete, m)
			if err := m.Hold(ctx, false); err != nil {
				return nil, err
			}
		}
		procs = append(procs, m)
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	for _, m := range g.procs {
		if !slices.Contains(procs, m) {
			procs = append(procs, m)
		}
	}
	s.current.Store(s.current.Load().replacing(g.withProcs(procs)))
	for _, m := range fresh {
		s.publish(event.ProcessAdded{Info: m.Info()})
	}
	return fresh, nil
}

// shrink removes the processes of the program that the group should not have, and returns those that have to stop before.
func (s *Supervisor) shrink(ctx context.Context, g *group, wanted config.Group, program string) (obsolete []process.Namespec, err error) {
	for _, m := range g.procs {
		if m.spec.Program != program || slices.ContainsFunc(wanted.Specs, func(spec *process.Spec) bool { return spec.Name == m.spec.Name }) {
			continue
		}
		if err := m.Hold(ctx, true); err != nil {
			return nil, err
		}
		if !unstopped(m) {
			s.remove(m)
			continue
		}
		obsolete = append(obsolete, m.namespec())
		if !s.obsolete[m] {
			s.obsolete[m] = true
			s.background.Go(func() { s.removeStopped(m) })
		}
	}
	return obsolete, nil
}

// removeStopped removes an obsolete process once it has stopped, unless it was wanted again by then.
func (s *Supervisor) removeStopped(m *managed) {
	if err := waitStopped(s.work, []*managed{m}); err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.obsolete[m] && !unstopped(m) && s.work.Err() == nil {
		delete(s.obsolete, m)
		s.remove(m)
	}
}

// remove takes a stopped process out of its group. The caller holds mu.
func (s *Supervisor) remove(m *managed) {
	g := s.current.Load().byName[m.spec.Group]
	s.current.Store(s.current.Load().replacing(g.withProcs(slices.DeleteFunc(slices.Clone(g.procs), func(o *managed) bool { return o == m }))))
	g.drop(m)
	s.publish(event.ProcessRemoved{Info: m.Info()})
}
