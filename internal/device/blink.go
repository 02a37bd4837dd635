package device

import (
	"context"
	"time"
)

// The light of a blinking device: how long it shows, and how long it is on and off.
const (
	blinkTime = 15 * time.Second
	blinkHalf = 250 * time.Millisecond
)

// Blink implements device.Device. A device that blinks already goes on, and none without a light is wrong.
func (d *Device) Blink() {
	if d.cfg.Identify != nil {
		d.cfg.Identify()
	}
	if len(d.options.BlinkCommand) == 0 && d.options.LEDPath == "" || !d.blinks.CompareAndSwap(false, true) {
		return
	}
	started := d.inBackground(func(ctx context.Context) {
		defer d.blinks.Store(false)
		if len(d.options.BlinkCommand) > 0 {
			if err := d.system.Run(ctx, d.options.BlinkCommand); err != nil {
				d.log.Warn("device does not blink", "error", err)
			}
		}
		if d.options.LEDPath != "" {
			d.light(ctx)
		}
	})
	if !started {
		d.blinks.Store(false)
	}
}

// light switches the LED on and off and leaves it as it was.
func (d *Device) light(ctx context.Context) {
	before := ""
	for i := range int(blinkTime / blinkHalf) {
		was, err := d.system.Light(d.options.LEDPath, []string{"1", "0"}[i%2])
		if err != nil {
			d.log.Warn("device does not blink", "error", err)
			return
		}
		if i == 0 {
			before = was
		}
		select {
		case <-time.After(blinkHalf):
			continue
		case <-ctx.Done():
		}
		break
	}
	if _, err := d.system.Light(d.options.LEDPath, before); err != nil {
		d.log.Warn("the LED is not as it was", "error", err)
	}
}
