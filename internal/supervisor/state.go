package supervisor

import "fmt"

// State is the state of the daemon; the number is the statecode that getState returns.
type State int

// The states of the daemon, as in Supervisor's documentation (getState).
const (
	Fatal      State = 2
	Running    State = 1
	Restarting State = 0
	Shutdown   State = -1
)

var stateNames = map[State]string{Fatal: "FATAL", Running: "RUNNING", Restarting: "RESTARTING", Shutdown: "SHUTDOWN"}

// String returns Supervisor's name of the state.
func (s State) String() string {
	if name, ok := stateNames[s]; ok {
		return name
	}
	return fmt.Sprintf("State(%d)", int(s))
}
