package device

import (
	"context"
	"slices"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/lock"
)

// FollowLocks tells which applications hold their update lock themselves, and tells it again after each change, until ctx ends. tell must
// not wait. Locks of the daemon itself do not count: whoever takes one knows what is done to the application.
func (d *Device) FollowLocks(ctx context.Context, tell func(applications []string)) {
	groups := d.cfg.Bus.Subscribe(1, event.TypeProcessGroup)
	defer groups.Close()
	for ctx.Err() == nil {
		if !d.followLocks(ctx, groups.C, tell) {
			return
		}
	}
}

// followLocks does so for the groups of the moment, until there are others; false when the locks cannot be watched.
func (d *Device) followLocks(ctx context.Context, others <-chan event.Notice, tell func([]string)) bool {
	var apps []lock.App
	for _, g := range d.sup.Groups() {
		apps = append(apps, lockOf(g))
	}
	changes, err := d.locks.Watch(apps...)
	if err != nil {
		d.log.Error("device: update locks are not told to the cluster", "error", err)
		return false
	}
	defer changes.Close()
	for {
		held := []string{}
		for _, app := range apps {
			if h := d.locks.Held(app); h != nil && !h.Own {
				held = append(held, app.Name)
			}
		}
		slices.Sort(held)
		tell(held)
		select {
		case <-changes.C:
		case _, more := <-others:
			return more
		case <-ctx.Done():
			return true
		}
	}
}
