package process

import "fmt"

// State is a process state of Supervisor; the number is the statecode clients see.
type State int

// The process states, as in Supervisor's documentation (subprocess).
const (
	Stopped  State = 0
	Starting State = 10
	Running  State = 20
	Backoff  State = 30
	Stopping State = 40
	Exited   State = 100
	Fatal    State = 200
	Unknown  State = 1000
)

var stateNames = map[State]string{
	Stopped: "STOPPED", Starting: "STARTING", Running: "RUNNING", Backoff: "BACKOFF",
	Stopping: "STOPPING", Exited: "EXITED", Fatal: "FATAL", Unknown: "UNKNOWN",
}

// String returns Supervisor's name of the state.
func (s State) String() string {
	if name, ok := stateNames[s]; ok {
		return name
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// ParseState returns the state of that name; an unknown name is an error.
func ParseState(name string) (State, error) {
	for s, n := range stateNames {
		if n == name {
			return s, nil
		}
	}
	return Unknown, fmt.Errorf("unknown process state %q", name)
}

// IsStopped reports whether s is one of Supervisor's STOPPED_STATES: STOPPED, EXITED, FATAL, UNKNOWN.
func (s State) IsStopped() bool {
	return s == Stopped || s == Exited || s == Fatal || s == Unknown
}

// IsRunning reports whether s is one of Supervisor's RUNNING_STATES: RUNNING, BACKOFF, STARTING.
func (s State) IsRunning() bool {
	return s == Running || s == Backoff || s == Starting
}

// IsSignallable reports whether s is one of Supervisor's SIGNALLABLE_STATES: RUNNING, STARTING, STOPPING.
func (s State) IsSignallable() bool {
	return s == Running || s == Starting || s == Stopping
}
