package supervisor

import (
	"context"
	"time"

	"github.com/supvisors/supvisors/internal/event"
)

// tickPeriods are the ticks in the order in which they are published when several fall together.
var tickPeriods = [...]event.TickPeriod{event.Every5, event.Every60, event.Every3600}

// ticks publishes a TICK event whenever a period of the wall clock begins, until ctx ends. As in Supervisor, the period in
// which it starts gives no event, and a clock that jumps over several periods gives one.
func ticks(ctx context.Context, publish func(event.Event)) {
	last := [len(tickPeriods)]time.Time{}
	now := time.Now()
	for i, p := range tickPeriods {
		last[i] = periodBegin(p, now)
	}
	timer := time.NewTimer(untilNextTick(now))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now = time.Now()
		for i, p := range tickPeriods {
			if begin := periodBegin(p, now); !begin.Equal(last[i]) {
				last[i] = begin
				publish(event.Tick{Period: p, When: begin})
			}
		}
		timer.Reset(untilNextTick(now))
	}
}

// periodBegin returns the begin of the period that now lies in, counted from the epoch.
func periodBegin(p event.TickPeriod, now time.Time) time.Time {
	s := now.Unix()
	return time.Unix(s-s%int64(p), 0)
}

// untilNextTick returns how long the shortest period still lasts.
func untilNextTick(now time.Time) time.Duration {
	return periodBegin(event.Every5, now).Add(time.Duration(event.Every5) * time.Second).Sub(now)
}
