package device

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/device"
)

// apply reads the configuration and applies it. A configuration that cannot be read touches nothing.
func (u *updater) apply(ctx context.Context, force bool) error {
	d := u.d
	fail := func(err error) error {
		d.tell(Note{Code: UpdateFailed, Err: err, Text: "update of the configuration"})
		return err
	}
	cfg, err := d.cfg.Load()
	if err != nil {
		return fail(err)
	}
	var names []string
	for _, g := range cfg.Groups {
		names = append(names, g.Name)
	}
	if err := d.numbers.check(names); err != nil {
		return fail(err)
	}
	changes, err := d.sup.Reread()
	if err != nil {
		return fail(err)
	}
	// what is not to come back does not, also when a group of that name is added one day
	maps.DeleteFunc(u.before, func(name string, _ []supervisor.Process) bool { return !slices.Contains(changes.Added, name) })
	u.daemonOptions(cfg)
	var failed []error
	if d.cfg.Rules != nil {
		if err := d.cfg.Rules(); err != nil {
			failed = append(failed, fail(fmt.Errorf("rules: %w", err)))
		}
	}
	u.limit(slices.Concat(changes.Changed, changes.Removed))
	for _, name := range changes.Added {
		failed = append(failed, u.group(ctx, name, force, func(ctx context.Context, _ supervisor.Group) error { return u.add(ctx, name) }))
	}
	for _, name := range changes.Changed {
		failed = append(failed, u.group(ctx, name, force, func(ctx context.Context, g supervisor.Group) error {
			return u.replace(ctx, g, config.Changes{Changed: []string{name}})
		}))
	}
	for _, name := range changes.Removed {
		failed = append(failed, u.group(ctx, name, force, func(ctx context.Context, g supervisor.Group) error {
			return u.replace(ctx, g, config.Changes{Removed: []string{name}})
		}))
	}
	return errors.Join(failed...)
}

// restarts starts the processes anew that hold an old key.
func (u *updater) restarts(ctx context.Context, force bool) error {
	u.mu.Lock()
	names := slices.Sorted(maps.Keys(u.old))
	u.mu.Unlock()
	var failed []error
	for _, name := range names {
		err := u.group(ctx, name, force, func(ctx context.Context, g supervisor.Group) error {
			if before := only(g.Processes, running); len(before) > 0 {
				return u.d.restart(ctx, name)
			}
			return nil
		})
		if !u.waits[name] { // what fails to start would fail again
			delete(u.waits, name)
			u.mu.Lock()
			delete(u.old, name)
			u.mu.Unlock()
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// errCancelled is why a group is left out of a run that was cancelled.
var errCancelled = errors.New("cancelled")

// group does something with one group, under its lock when it is active. A group that is locked, or fails, waits for the next run.
func (u *updater) group(ctx context.Context, name string, force bool, do func(context.Context, supervisor.Group) error) error {
	if u.cancelled() || ctx.Err() != nil {
		return errCancelled
	}
	d := u.d
	_, err := detached(ctx, d, func(ctx context.Context) (struct{}, error) {
		g, err := d.sup.Group(name)
		if err == nil {
			release, err := d.hold(ctx, force, g)
			if err != nil {
				return struct{}{}, err
			}
			defer release()
		}
		d.tell(Note{Code: UpdateStarted, App: name, Text: "update of " + name})
		return struct{}{}, do(ctx, g)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		d.tell(Note{Code: UpdateComplete, App: name, Text: name + " is updated"})
		return nil
	}
	var locked *device.Locked
	u.waits[name] = errors.As(err, &locked)
	if !u.waits[name] {
		d.tell(Note{Code: UpdateFailed, App: name, Err: err, Text: "update of " + name})
	}
	return err
}

// replace removes a group, or makes it anew, and then starts what ran of it before, beside what starts by itself. If it cannot be stopped
// in time it stays as it was.
func (u *updater) replace(ctx context.Context, g supervisor.Group, c config.Changes) error {
	u.before[g.Name] = only(g.Processes, running)
	stopping, cancel := context.WithTimeout(ctx, limit(g.Processes, func(s *process.Spec) int { return s.StopWaitSecs }))
	defer cancel()
	err := u.d.sup.Apply(stopping, c)
	if _, gone := u.d.sup.Group(g.Name); gone != nil {
		if err == nil {
			delete(u.before, g.Name)
		}
		return err // if it was to be made anew, the next run finds it among those to add
	}
	return errors.Join(err, u.back(ctx, g.Name))
}

// add makes a group active, and starts what ran of it if an earlier run could not bring it back.
func (u *updater) add(ctx context.Context, name string) error {
	if err := u.d.locks.Prepare(lock.App{Name: name}); err != nil { // its processes may want it at once
		return err
	}
	if err := u.d.sup.AddGroup(name); err != nil && !errors.Is(err, supervisor.ErrAlreadyAdded) {
		return err
	}
	return u.back(ctx, name)
}

// back starts what ran of a group before it was replaced, as it is configured now, and prepares its lock. It does not wait until the
// processes are RUNNING: what they make of their start is no matter of the update.
func (u *updater) back(ctx context.Context, name string) error {
	d := u.d
	g, err := d.sup.Group(name)
	if err != nil {
		return err
	}
	before := map[string]string{} // extra arguments by process
	for _, p := range u.before[name] {
		before[p.Spec.Name] = p.Info.ExtraArgs
	}
	delete(u.before, name)
	list, _ := d.here(name, only(g.Processes, func(p supervisor.Process) bool {
		_, ran := before[p.Spec.Name]
		return ran && !running(p)
	}))
	failed := []error{d.locks.Prepare(lockOf(g))}
	for _, p := range list {
		err := d.sup.StartProcessArgs(ctx, namespec(p), before[p.Spec.Name], false)
		if err != nil && !errors.Is(err, process.ErrAlreadyStarted) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// limit publishes how long the stops of a run may take.
func (u *updater) limit(groups []string) {
	seconds := 0
	for _, name := range groups {
		if g, err := u.d.sup.Group(name); err == nil {
			slowest := 0
			for _, p := range g.Processes {
				slowest = max(slowest, p.Spec.StopWaitSecs)
			}
			seconds += slowest
		}
	}
	s := u.status()
	s.limit = time.Duration(seconds) * time.Second
	u.shown.Store(&s)
}

// daemonOptions logs that options of the daemon itself have changed.
func (u *updater) daemonOptions(cfg *config.Config) {
	if !reflect.DeepEqual(ownOptions(u.d.cfg.Started), ownOptions(cfg)) {
		u.d.log.Warn("options of the daemon have changed; they count from its next restart on")
	}
}

// ownOptions returns what a configuration says of the daemon, wherever it stands in the files.
func ownOptions(cfg *config.Config) config.Config {
	own := config.Config{Supervisord: cfg.Supervisord, Inet: slices.Clone(cfg.Inet), Unix: slices.Clone(cfg.Unix), Supvisors: cfg.Supvisors,
		Rest: slices.Clone(cfg.Rest), Device: cfg.Device, Agent: cfg.Agent}
	own.Supervisord.Environment = nil // it is that of the programs
	for i := range own.Inet {
		own.Inet[i].Pos = ini.Position{}
	}
	for i := range own.Unix {
		own.Unix[i].Pos = ini.Position{}
	}
	for i := range own.Rest {
		own.Rest[i].Server.Pos = ini.Position{}
	}
	return own
}
