package child

import "sync/atomic"

// crew keeps some goroutines for the work to come: turns are short and many, and a new goroutine would have to grow its stack in each.
type crew struct {
	work    chan func() // to those that rest
	resting atomic.Int32
	quit    <-chan struct{} // ends those that rest
}

// maxResting is how many goroutines are kept. How many are at work is not bounded.
const maxResting = 16

// do has f run soon. It never waits.
func (c *crew) do(f func()) {
	select {
	case c.work <- f:
	default:
		go c.run(f)
	}
}

func (c *crew) run(f func()) {
	for f != nil {
		f()
		f = c.rest()
	}
}

// rest returns the next work, nil when there are enough who wait for it, or none is to come.
func (c *crew) rest() (f func()) {
	defer c.resting.Add(-1)
	if c.resting.Add(1) > maxResting {
		return nil
	}
	select {
	case f = <-c.work:
	case <-c.quit:
	}
	return f
}
