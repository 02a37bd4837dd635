package device

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/device"
)

// locked turns the refusal of a lock into that of the API.
func (d *Device) locked(err error) error {
	var held *lock.Held
	if !errors.As(err, &held) {
		return err
	}
	d.tell(Note{Code: UpdateLocked, App: held.App, Text: held.Error()})
	return &device.Locked{Text: held.Error()}
}

// StartApp implements device.Device. It takes no lock: nothing is stopped.
func (d *Device) StartApp(ctx context.Context, app string) (device.Containers, error) {
	g, err := d.group(app)
	if err != nil {
		return device.Containers{}, err
	}
	return detached(ctx, d, func(ctx context.Context) (device.Containers, error) {
		give, err := d.turns.take(ctx, []string{g.Name})
		if err != nil {
			return device.Containers{}, err
		}
		defer give()
		if g, err = d.sup.Group(g.Name); err != nil {
			return device.Containers{}, &device.UnknownApp{App: app}
		}
		list, elsewhere := d.here(g.Name, only(g.Processes, func(p supervisor.Process) bool { return !running(p) }))
		if len(elsewhere) == len(g.Processes) && len(elsewhere) > 0 {
			return device.Containers{}, &device.BadRequest{Text: g.Name + " runs on " + places(elsewhere)}
		}
		if err := d.start(ctx, list); err != nil {
			return device.Containers{}, err
		}
		return d.containers(g.Name, elsewhere), nil
	})
}

// places lists nodes, each once.
func places(elsewhere map[string]string) string {
	return strings.Join(slices.Compact(slices.Sorted(maps.Values(elsewhere))), ", ")
}

// StopApp implements device.Device.
func (d *Device) StopApp(ctx context.Context, app string, force bool) (device.Containers, error) {
	g, err := d.group(app)
	if err != nil {
		return device.Containers{}, err
	}
	return detached(ctx, d, func(ctx context.Context) (device.Containers, error) {
		release, err := d.hold(ctx, force, g)
		if err != nil {
			return device.Containers{}, err
		}
		defer release()
		if err := d.stopAll(ctx, g.Processes); err != nil {
			return device.Containers{}, err
		}
		return d.containers(g.Name, nil), nil
	})
}

// RestartApp implements device.Device. Of an application of which nothing runs, what starts by itself is started.
func (d *Device) RestartApp(ctx context.Context, app string, force bool) error {
	g, err := d.group(app)
	if err != nil {
		return err
	}
	_, err = detached(ctx, d, func(ctx context.Context) (struct{}, error) {
		release, err := d.hold(ctx, force, g)
		if err != nil {
			return struct{}{}, err
		}
		defer release()
		return struct{}{}, d.restart(ctx, g.Name)
	})
	return err
}

// restart does it, under the lock.
func (d *Device) restart(ctx context.Context, name string) error {
	g, err := d.sup.Group(name)
	if err != nil {
		return &device.UnknownApp{App: name}
	}
	before := only(g.Processes, running)
	if err := d.stopAll(ctx, before); err != nil {
		return errors.Join(err, d.again(ctx, before))
	}
	if len(before) > 0 {
		return d.again(ctx, before)
	}
	list, elsewhere := d.here(name, only(g.Processes, func(p supervisor.Process) bool { return p.Spec.Autostart }))
	if len(list) == 0 && len(elsewhere) > 0 {
		return &device.BadRequest{Text: name + " runs on " + places(elsewhere)}
	}
	return d.start(ctx, list)
}

// containers describes the processes of a group as they are now.
func (d *Device) containers(group string, elsewhere map[string]string) device.Containers {
	c := device.Containers{IDs: map[string]string{}, Elsewhere: elsewhere}
	g, err := d.sup.Group(group)
	if err != nil {
		return c // it was removed meanwhile
	}
	for i, p := range g.Processes {
		id := d.ContainerID(p.Info)
		if c.IDs[p.Spec.Name] = id; i == 0 {
			c.First = id
		}
	}
	return c
}
