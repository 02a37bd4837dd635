package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// Bounds of waiting for processes.
const (
	// patience is what a start or a stop may take beside what its program asks for.
	patience = time.Minute
	// eventQueue is how many changes of processes may wait to be looked at.
	eventQueue = 10000
)

func namespec(p supervisor.Process) process.Namespec {
	return process.Namespec{Group: p.Spec.Group, Process: p.Spec.Name}
}

func running(p supervisor.Process) bool { return p.Info.State.IsRunning() }

// lockOf returns the group as its lock knows it.
func lockOf(g supervisor.Group) lock.App {
	app := lock.App{Name: g.Name}
	for _, p := range g.Processes {
		app.Processes = append(app.Processes, p.Spec.Name)
	}
	return app
}

// only returns the processes for which keep is true.
func only(list []supervisor.Process, keep func(supervisor.Process) bool) []supervisor.Process {
	return slices.DeleteFunc(slices.Clone(list), func(p supervisor.Process) bool { return !keep(p) })
}

// processes returns the processes of all groups, by the priority of their group, then by their own.
func (d *Device) processes() (all []supervisor.Process) {
	for _, g := range d.sup.Groups() {
		all = append(all, g.Processes...)
	}
	return all
}

// limit returns how long it may take until the slowest of the processes has done what takes so many seconds.
func limit(list []supervisor.Process, seconds func(*process.Spec) int) time.Duration {
	slowest := 0
	for _, p := range list {
		slowest = max(slowest, seconds(p.Spec))
	}
	return time.Duration(slowest)*time.Second + patience
}

// start starts processes in this order and waits until each is RUNNING or has failed once. The error names those that failed.
func (d *Device) start(ctx context.Context, list []supervisor.Process) error {
	ctx, cancel := context.WithTimeout(ctx, limit(list, func(s *process.Spec) int { return s.StartSecs }))
	defer cancel()
	changes := d.cfg.Bus.Subscribe(eventQueue, event.TypeProcessState)
	defer changes.Close()
	var failed []error
	waiting := map[process.Namespec]bool{}
	for _, p := range list {
		ns := namespec(p)
		switch err := d.sup.StartProcess(ctx, ns, false); {
		case err == nil:
			waiting[ns] = true
		case !errors.Is(err, process.ErrAlreadyStarted):
			failed = append(failed, err)
		}
	}
	err := follow(ctx, changes, waiting, func(c process.Change) bool {
		if c.From != process.Starting {
			return false
		}
		if c.Info.State != process.Running {
			failed = append(failed, fmt.Errorf("start %s: %s", process.Namespec{Group: c.Info.Group, Process: c.Info.Name},
				cmp.Or(c.Info.SpawnErr, "it is "+c.Info.State.String())))
		}
		return true
	})
	return errors.Join(append(failed, err)...)
}

// stopAll stops processes, the first at last, and waits until all of them have stopped, also those that were about to.
func (d *Device) stopAll(ctx context.Context, list []supervisor.Process) error {
	ctx, cancel := context.WithTimeout(ctx, limit(list, func(s *process.Spec) int { return s.StopWaitSecs }))
	defer cancel()
	changes := d.cfg.Bus.Subscribe(eventQueue, event.TypeProcessState)
	defer changes.Close()
	waiting := map[process.Namespec]bool{}
	for _, p := range slices.Backward(list) {
		ns := namespec(p)
		err := d.sup.StopProcess(ctx, ns, false)
		// the actor has answered, so that what it shows is no older than the subscription
		now, gone := d.sup.Process(ns)
		switch {
		case gone != nil, now.Info.State.IsStopped():
		case now.Info.State == process.Stopping, err == nil:
			waiting[ns] = true
		default:
			return err
		}
	}
	stopped := slices.Collect(maps.Keys(waiting))
	if err := follow(ctx, changes, waiting, func(c process.Change) bool { return c.Info.State.IsStopped() }); err != nil {
		return err
	}
	for _, ns := range stopped { // an actor tells first and then shows: it answers when it has, and a signal to nobody is refused
		_ = d.sup.SignalProcess(ctx, ns, 0)
	}
	return nil
}

// follow waits until decided was true of a change of each process. The error names those of which it was not.
func follow(ctx context.Context, changes *event.Subscription, waiting map[process.Namespec]bool, decided func(process.Change) bool) error {
	for len(waiting) > 0 {
		select {
		case n, open := <-changes.C:
			if !open {
				return errEnding
			}
			c, ok := n.Event.(event.StateChanged)
			if !ok {
				continue
			}
			ns := process.Namespec{Group: c.Info.Group, Process: c.Info.Name}
			if waiting[ns] && decided(c.Change) {
				delete(waiting, ns)
			}
		case <-ctx.Done():
			var names []string
			for ns := range waiting {
				names = append(names, ns.String())
			}
			slices.Sort(names)
			return fmt.Errorf("wait for %s: %w", strings.Join(names, ", "), ctx.Err())
		}
	}
	return nil
}

// here divides processes into those that may be started on this node and those that run on another one, by name, when their application
// is managed: a second one would be a conflict.
func (d *Device) here(group string, list []supervisor.Process) (here []supervisor.Process, elsewhere map[string]string) {
	elsewhere = map[string]string{}
	if d.cluster == nil {
		return list, elsewhere
	}
	view := d.cluster.View()
	app := view.Application(group)
	if app == nil || !app.Rules.Managed {
		return list, elsewhere
	}
	for _, p := range list {
		other := ""
		if seen := app.Process(p.Spec.Name); seen != nil {
			for _, identifier := range seen.Running {
				if identifier != view.Self.Identifier {
					other = identifier
				}
			}
		}
		if other == "" {
			here = append(here, p)
		} else {
			elsewhere[p.Spec.Name] = other
		}
	}
	return here, elsewhere
}

// again starts what ran before and does not run now, with the arguments that it had.
func (d *Device) again(ctx context.Context, before []supervisor.Process) error {
	var list []supervisor.Process
	for _, group := range slices.Compact(groupsOf(before)) {
		mine, _ := d.here(group, only(before, func(p supervisor.Process) bool {
			now, err := d.sup.Process(namespec(p))
			return p.Spec.Group == group && err == nil && !running(now)
		}))
		list = append(list, mine...)
	}
	return d.start(ctx, list)
}

// groupsOf returns the group of each process.
func groupsOf(list []supervisor.Process) (names []string) {
	for _, p := range list {
		names = append(names, p.Spec.Group)
	}
	return names
}

// hold takes the turns and the update locks of groups: all of them, or none. release gives them back.
func (d *Device) hold(ctx context.Context, force bool, groups ...supervisor.Group) (release func(), err error) {
	var names []string
	var apps []lock.App
	for _, g := range groups {
		names, apps = append(names, g.Name), append(apps, lockOf(g))
	}
	give, err := d.turns.take(ctx, names)
	if err != nil {
		return nil, err
	}
	held, err := d.locks.Acquire(force || d.options.OverrideLock, apps...)
	if err != nil {
		give()
		return nil, d.locked(err)
	}
	return func() {
		if err := held.Release(); err != nil {
			d.log.Error("update lock is left behind", "error", err)
		}
		give()
	}, nil
}
