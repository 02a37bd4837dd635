package device

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/device"
)

const (
	// powerDelay is between the answer to a client and the end of the host.
	powerDelay = time.Second
	// powerLimit is how long the host may live on after that.
	powerLimit = 5 * time.Minute
)

// powerFile keeps what was last done to the host.
const powerFile = "power.json"

type savedPower struct {
	What string    `json:"what"`
	When time.Time `json:"when"`
}

// Reboot implements device.Device.
func (d *Device) Reboot(ctx context.Context, force bool) error {
	return d.end(ctx, ending{"reboot", Rebooted, d.options.RebootCommand}, force)
}

// Shutdown implements device.Device.
func (d *Device) Shutdown(ctx context.Context, force bool) error {
	return d.end(ctx, ending{"shutdown", ShutDown, d.options.ShutdownCommand}, force)
}

// ending is a way to end the host.
type ending struct {
	what    string // its word in allow
	code    string // of its notes
	command []string
}

// end stops all applications under their locks. The command runs a while after it has returned; if it fails, or if that was a dry run, the
// applications run again.
func (d *Device) end(ctx context.Context, e ending, force bool) error {
	if err := d.allowed(e.what); err != nil {
		return err
	}
	if len(e.command) == 0 {
		return &device.NotPossible{Text: fmt.Sprintf("no %s_command is configured", e.what)}
	}
	if _, err := exec.LookPath(e.command[0]); err != nil {
		return &device.NotPossible{Text: fmt.Sprintf("%s_command: %v", e.what, err)}
	}
	if err := d.system.CanEnd(); err != nil {
		return &device.NotPossible{Text: err.Error()}
	}
	_, err := detached(ctx, d, func(ctx context.Context) (struct{}, error) {
		release, err := d.hold(ctx, force, d.sup.Groups()...)
		if err != nil {
			return struct{}{}, err
		}
		before := only(d.processes(), running)
		if err := d.stopForEnd(ctx, e); err != nil {
			defer release()
			return struct{}{}, errors.Join(err, d.goOn(ctx, before))
		}
		if !d.inBackground(func(ctx context.Context) { d.finish(ctx, e, before, release) }) {
			release()
			return struct{}{}, errEnding
		}
		return struct{}{}, nil
	})
	return err
}

// stopForEnd takes leave of the cluster, so that what stops here is started elsewhere at once, stops all processes and writes down why.
func (d *Device) stopForEnd(ctx context.Context, e ending) error {
	if d.cfg.Leave != nil {
		if err := d.cfg.Leave(ctx); err != nil {
			d.log.Warn("the cluster was not left", "error", err) // it will find out
		}
	}
	if err := d.stopGroups(ctx); err != nil {
		return err
	}
	if err := d.folder.Save(powerFile, savedPower{e.what, time.Now()}); err != nil {
		d.log.Error("the end of the host is not written down", "error", err)
	}
	d.tell(Note{Code: e.code, Text: "all applications were stopped for the " + e.what + " of the host"})
	return nil
}

// stopGroups stops the groups in the reverse order of their start, those of one priority together.
func (d *Device) stopGroups(ctx context.Context) error {
	groups := d.sup.Groups()
	for len(groups) > 0 {
		last := groups[len(groups)-1].Priority
		var level []supervisor.Process
		for len(groups) > 0 && groups[len(groups)-1].Priority == last {
			level = append(groups[len(groups)-1].Processes, level...)
			groups = groups[:len(groups)-1]
		}
		if err := d.stopAll(ctx, level); err != nil {
			return err
		}
	}
	return nil
}

// goOn takes back what was done for the end of the host.
func (d *Device) goOn(ctx context.Context, before []supervisor.Process) error {
	if d.cfg.Rejoin != nil {
		if err := d.cfg.Rejoin(ctx); err != nil {
			d.log.Error("the cluster is not joined again", "error", err)
		}
	}
	return d.again(ctx, before)
}

// errAlive is why the applications are started again after a command that has told no error.
var errAlive = errors.New("the host lives on")

// finish ends the host. The locks are kept meanwhile: nobody may start or stop anything.
func (d *Device) finish(ctx context.Context, e ending, before []supervisor.Process, release func()) {
	defer release()
	if !pause(ctx, powerDelay) {
		return
	}
	err := d.system.Run(ctx, e.command)
	if err == nil && !d.options.DryRun {
		if !pause(ctx, powerLimit) {
			return // this is the end
		}
		err = errAlive
	}
	if err != nil {
		d.tell(Note{Code: e.code, Err: err, Text: "the " + e.what + " of the host came to nothing, the applications are started again"})
	}
	if err := d.goOn(ctx, before); err != nil {
		d.log.Error("applications are not started again", "error", err)
	}
}

// pause waits; false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
