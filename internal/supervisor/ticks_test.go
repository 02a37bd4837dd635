package supervisor

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/event"
)

func TestTicksComeAtTheBoundariesOfTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2*time.Second + 300*time.Millisecond) // the bubble starts at a full day
		bus := event.NewBus()
		sub := bus.Subscribe(2000, event.TypeTick)
		ctx, cancel := context.WithCancel(t.Context())
		go ticks(ctx, bus.Publish)
		begin := time.Now()
		time.Sleep(time.Hour + time.Minute)
		cancel()
		synctest.Wait()
		bus.Close()

		counts := map[event.TickPeriod]int{}
		previous := event.Tick{When: begin}
		for n := range sub.C {
			tick := n.Event.(event.Tick)
			counts[tick.Period]++
			if tick.When.Unix()%int64(tick.Period) != 0 {
				t.Fatalf("%v at %v is not at a boundary", tick.Type(), tick.When)
			}
			if tick.Period == event.Every5 && previous.Period != 0 && tick.When.Sub(previous.When) != 5*time.Second {
				t.Fatalf("%v comes %v after %v", tick.Type(), tick.When.Sub(previous.When), previous.Type())
			}
			if tick.Period != event.Every5 && (tick.When != previous.When || tick.Period < previous.Period) {
				t.Fatalf("%v does not follow the shorter tick of its time", tick.Type())
			}
			previous = tick
		}
		// 3660 s from second 2.3 on: the boundaries 5 … 3660, 60 … 3660 and 3600.
		if counts[event.Every5] != 732 || counts[event.Every60] != 61 || counts[event.Every3600] != 1 {
			t.Errorf("counts %v", counts)
		}
	})
}

func TestNoTickForThePeriodOfTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := event.NewBus()
		sub := bus.Subscribe(10, event.TypeTick)
		ctx, cancel := context.WithCancel(t.Context())
		go ticks(ctx, bus.Publish) // exactly at the begin of an hour
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		if len(sub.C) != 0 {
			t.Errorf("a tick came before the first boundary: %+v", <-sub.C)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if len(sub.C) != 1 {
			t.Errorf("%d ticks at the first boundary, want one", len(sub.C))
		}
		cancel()
		synctest.Wait()
	})
}
