package child

import (
	"sync/atomic"

	"github.com/supvisors/supvisors/internal/process"
)

// Counts is what an Actor has counted since it was made. Nothing of it outlives the actor.
type Counts struct {
	Starts   uint64     // attempts to spawn a child
	Restarts uint64     // those that nobody asked for: after an exit, by autorestart, and after a start that went wrong
	Logs     [3]Traffic // by Stream; nothing for Stdin, nor for Stderr when it goes where Stdout goes
}

// Traffic is what became of one stream on its way to its log.
type Traffic struct {
	Bytes     uint64 // written to its log, lost ones included
	Rotations uint64 // of the log file
	Failures  uint64 // writes that went wrong: their bytes are lost, or the file could not be rotated
}

// counters are the Counts as they grow. Only the actor and what writes its logs add to them, and everybody may read.
type counters struct {
	starts, restarts atomic.Uint64
	logs             [3]traffic
}

type traffic struct{ bytes, rotations, failures atomic.Uint64 }

// Counts returns what was counted so far. It never waits.
func (a *Actor) Counts() Counts {
	c := Counts{Starts: a.counted.starts.Load(), Restarts: a.counted.restarts.Load()}
	for stream := range c.Logs {
		t := &a.counted.logs[stream]
		c.Logs[stream] = Traffic{t.bytes.Load(), t.rotations.Load(), t.failures.Load()}
	}
	return c
}

// spawning counts an attempt to spawn that ev has led to.
func (c *counters) spawning(ev process.Event) {
	c.starts.Add(1)
	switch ev.(type) {
	case process.DoStart, process.DoAutoStart:
	default:
		c.restarts.Add(1)
	}
}
