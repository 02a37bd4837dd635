package main

import (
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// A start is over when it is quiet, or after a minute when it never is; the collector works as usual then.
func TestSettler(t *testing.T) {
	usual := debug.SetGCPercent(100)
	defer debug.SetGCPercent(usual)
	synctest.Test(t, func(t *testing.T) {
		is := func(s *settler, over bool, percent int) {
			t.Helper()
			now := debug.SetGCPercent(percent)
			if s.over.Load() != over || now != percent {
				t.Errorf("over: %v, GOGC %d; wanted %v, %d", s.over.Load(), now, over, percent)
			}
		}
		quiet := newSettler()
		for range 5 {
			time.Sleep(quietTime - time.Millisecond)
			quiet.heard()
		}
		is(quiet, false, startGC)
		time.Sleep(quietTime)
		synctest.Wait()
		is(quiet, true, 100)
		quiet.heard()
		quiet.stop()
		is(quiet, true, 100)

		restless := newSettler()
		for begin := time.Now(); time.Since(begin) < startLimit-quietTime/2; {
			time.Sleep(quietTime / 2)
			restless.heard()
		}
		is(restless, false, startGC)
		time.Sleep(quietTime)
		synctest.Wait()
		is(restless, true, 100)

		stopped := newSettler()
		stopped.stop()
		time.Sleep(quietTime)
		is(stopped, false, 100)
	})
}
