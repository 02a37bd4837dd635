package worker

import "slices"

// Status is where a worker stands in its life.
type Status uint8

// The statuses, with the names of the agent API.
const (
	Added                Status = iota // it is known
	Started                            // it has begun
	Initialized                        // it does its work
	InitializationFailed               // it cannot do its work yet, and goes on trying
	Terminating                        // it is to end
	Terminated                         // it has ended, or is switched off
)

// statuses has the text of each status, and what may come after it: anything else is late news of one that has moved on.
var statuses = [...]struct {
	text string
	next []Status
}{
	Added:                {"added", []Status{Started, Initialized, InitializationFailed, Terminating, Terminated}},
	Started:              {"started", []Status{Initialized, InitializationFailed, Terminating, Terminated}},
	Initialized:          {"initialized", []Status{Terminating, Terminated}},
	InitializationFailed: {"initialization failed", []Status{Initialized, Terminating, Terminated}},
	Terminating:          {"terminating", []Status{Terminated}},
	Terminated:           {"terminated", []Status{Added, Started}},
}

// String returns the text for clients.
func (s Status) String() string { return statuses[s].text }

// mayBecome tells whether another status may come after this one.
func (s Status) mayBecome(other Status) bool { return slices.Contains(statuses[s].next, other) }
