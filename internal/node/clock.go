package node

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock turns times into the two numbers that Supvisors' wires carry. It follows the monotonic clock from the moment it was made.
type Clock struct {
	at   time.Time
	mono float64
}

// NewClock reads the clocks of the system.
func NewClock() Clock {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return Clock{at: time.Now()}
	}
	return Clock{at: time.Now(), mono: float64(ts.Sec) + float64(ts.Nsec)/1e9}
}

// Mono returns the seconds of the system's monotonic clock at t (CLOCK_MONOTONIC, Python's time.monotonic); 0 for the zero time.
func (c Clock) Mono(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return c.mono + t.Sub(c.at).Seconds()
}

// Wall returns the seconds since the Epoch; 0 for the zero time.
func Wall(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}
