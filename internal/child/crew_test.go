package child

import (
	"sync"
	"testing"
	"testing/synctest"
)

// All work that comes at once is done at once; afterwards some goroutines rest, do what comes next, and end with the system.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quit := make(chan struct{})
		c := &crew{work: make(chan func()), quit: quit}
		rest := func(when string, want int32) {
			t.Helper()
			synctest.Wait()
			if n := c.resting.Load(); n != want {
				t.Errorf("%s: %d goroutines rest, wanted %d", when, n, want)
			}
		}
		const many = 3 * maxResting
		var met sync.WaitGroup
		met.Add(many)
		for range many {
			c.do(func() { met.Done(); met.Wait() })
		}
		rest("after much work at once", maxResting)
		gate := make(chan struct{})
		c.do(func() { <-gate })
		rest("while one works", maxResting-1)
		close(gate)
		rest("after that", maxResting)
		close(quit)
		rest("at the end", 0)
		done := false
		c.do(func() { done = true })
		rest("after the end", 0)
		if !done {
			t.Error("work is left undone")
		}
	})
}
