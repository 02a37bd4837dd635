package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// Reread reads the configuration again and returns how its groups differ from the active ones. Nothing is applied: the new
// configuration is what AddGroup and Configured use from now on. If it cannot be read, a *config.Error tells why and all stays
// as it was.
func (s *Supervisor) Reread() (config.Changes, error) {
	cfg, err := s.deps.Reload()
	if err != nil {
		return config.Changes{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded.Store(cfg)
	active := &config.Config{}
	for _, g := range s.current.Load().byPriority {
		active.Groups = append(active.Groups, g.config)
	}
	return config.Diff(active, cfg), nil
}

// Apply carries out what Reread found, as supervisorctl update does: groups that were removed or changed are stopped, all at
// once, and removed; those that were added or changed become active. Trouble with one group does not keep the others from it.
func (s *Supervisor) Apply(ctx context.Context, c config.Changes) error {
	gone := slices.Concat(c.Removed, c.Changed)
	var procs []*managed
	for _, name := range gone {
		if g := s.current.Load().byName[name]; g != nil {
			procs = append(procs, g.byPriority...)
		}
	}
	if _, err := many(ctx, procs, process.State.IsRunning, stop, false); err != nil {
		return fmt.Errorf("stop groups: %w", err)
	}
	if err := waitStopped(ctx, procs); err != nil {
		return fmt.Errorf("stop groups: %w", err)
	}
	var failed []error
	for _, name := range gone {
		failed = append(failed, s.RemoveGroup(ctx, name))
	}
	for _, name := range slices.Concat(c.Changed, c.Added) {
		failed = append(failed, s.AddGroup(name))
	}
	return errors.Join(failed...)
}

// AddGroup makes a group of the configuration active and starts its processes that want it. Errors: ErrBadName,
// ErrAlreadyAdded, ErrEnding, and what keeps its log files or its socket from being made.
func (s *Supervisor) AddGroup(name string) error {
	g, err := s.addGroup(name)
	if err == nil && g != nil {
		s.autostart(g.byPriority)
	}
	return err
}

// addGroup returns the group when it is to be started.
func (s *Supervisor) addGroup(name string) (*group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cfg, ok := s.loaded.Load().Group(name)
	switch {
	case s.State() != Running:
		return nil, fmt.Errorf("add group %s: %w", name, ErrEnding)
	case !ok:
		return nil, fmt.Errorf("add group %s: %w", name, ErrBadName)
	case s.current.Load().byName[name] != nil:
		return nil, fmt.Errorf("add group %s: %w", name, ErrAlreadyAdded)
	}
	if err := s.add(cfg); err != nil {
		return nil, err
	}
	if !s.started.Load() {
		return nil, nil
	}
	return s.current.Load().byName[name], nil
}

// RemoveGroup makes a group inactive. Errors: ErrBadName, ErrStillRunning, ErrEnding.
func (s *Supervisor) RemoveGroup(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() != Running {
		return fmt.Errorf("remove group %s: %w", name, ErrEnding)
	}
	g, err := s.current.Load().group(name)
	if err != nil {
		return fmt.Errorf("remove group %w", err)
	}
	// Nobody can start a process that is held, so those that have stopped then stay stopped.
	if err := retire(ctx, g.procs); err != nil {
		return fmt.Errorf("remove group %s: %w", name, err)
	}
	s.current.Store(s.current.Load().without(name))
	for _, m := range g.procs {
		delete(s.obsolete, m)
	}
	g.close()
	s.publish(event.GroupRemoved{Group: name})
	return nil
}

// retire holds stopped processes for good; if one has not stopped it releases all and returns ErrStillRunning.
func retire(ctx context.Context, list []*managed) error {
	if i := slices.IndexFunc(list, unstopped); i >= 0 {
		return ErrStillRunning
	}
	for i, m := range list {
		err := m.Hold(ctx, true)
		if err == nil && unstopped(m) {
			err = ErrStillRunning
		}
		if err != nil {
			for _, held := range list[:i+1] {
				_ = held.Hold(ctx, false)
			}
			return err
		}
	}
	return nil
}

func unstopped(m *managed) bool { return !m.Info().State.IsStopped() }

// SetDisabled forbids the starts of a program's processes, or allows them again and then starts those with autostart that are
// stopped (Supvisors' disable and enable). Running children go on. It holds for groups that become active later too. The error is
// ErrBadName when no active group has processes of the program.
func (s *Supervisor) SetDisabled(ctx context.Context, program string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var procs []*managed
	for _, m := range s.current.Load().all() {
		if m.spec.Program == program {
			procs = append(procs, m)
		}
	}
	if len(procs) == 0 {
		return fmt.Errorf("program %s: %w", program, ErrBadName)
	}
	s.disabled[program] = on
	for _, m := range procs {
		if err := m.SetDisabled(ctx, on); err != nil {
			return fmt.Errorf("program %s: %w", program, err)
		}
		if on {
			s.publish(event.ProcessDisabled{Info: m.Info()})
			continue
		}
		s.publish(event.ProcessEnabled{Info: m.Info()})
		if m.spec.Autostart && m.Info().State == process.Stopped {
			_ = m.Actor.Start(ctx) // trouble is told by the state
		}
	}
	return nil
}
