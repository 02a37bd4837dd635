package cluster

import (
	"fmt"
	"slices"
)

// State is the state of Supvisors as one node sees it (fsm_statecode on the wires).
type State int

// The states, in the order of Supvisors' codes.
const (
	Off State = iota
	Synchronization
	Election
	Distribution
	Operation
	Conciliation
	Restarting
	ShuttingDown
	Final
)

var stateNames = []string{"OFF", "SYNCHRONIZATION", "ELECTION", "DISTRIBUTION", "OPERATION", "CONCILIATION",
	"RESTARTING", "SHUTTING_DOWN", "FINAL"}

// String returns Supvisors' name of the state.
func (s State) String() string { return enumName(stateNames, int(s)) }

// ParseState returns the state of that name.
func ParseState(name string) (State, error) { return parseEnum[State]("state", stateNames, name) }

// allowed lists the hops of the state machine, as in Supvisors 0.19.
var allowed = [...][]State{
	Off:             {Synchronization},
	Synchronization: {Off, Election},
	Election:        {Off, Synchronization, Distribution, ShuttingDown},
	Distribution:    {Off, Election, Operation, Restarting, ShuttingDown},
	Operation:       {Off, Synchronization, Election, Conciliation, Restarting, ShuttingDown},
	Conciliation:    {Off, Synchronization, Operation, Restarting, ShuttingDown},
	Restarting:      {Final},
	ShuttingDown:    {Final},
	Final:           nil,
}

// Allowed reports whether the state machine may hop from one state directly to the other.
func Allowed(from, to State) bool { return slices.Contains(allowed[from], to) }

// detours names, for the pairs of working states that no hop connects, the state to take first.
var detours = map[[2]State]State{
	{Operation, Distribution}:       Election,
	{Distribution, Conciliation}:    Operation,
	{Distribution, Synchronization}: Election,
	{Conciliation, Election}:        Operation,
	{Conciliation, Distribution}:    Operation,
	{Election, Operation}:           Distribution,
	{Election, Conciliation}:        Distribution,
	{Election, Restarting}:          Distribution,
}

// hop returns the next state on the way to the wanted one, and false when no way leads there.
func hop(from, to State) (State, bool) {
	if from == to || Allowed(from, to) {
		return to, true
	}
	via, ok := detours[[2]State{from, to}]
	return via, ok
}

// working reports whether a Master drives the cluster in this state (Supvisors' WORKING_STATES).
func (s State) working() bool {
	return s == Election || s == Distribution || s == Operation || s == Conciliation
}

// closing reports whether the cluster is on its way to restart or shut down.
func (s State) closing() bool { return s == Restarting || s == ShuttingDown || s == Final }

// Standing is what part a node takes in its cluster, as it says itself.
type Standing int

// The standings.
const (
	Serving   Standing = iota // it takes what is placed on it
	Reserved                  // a member that is not chosen for any start
	Draining                  // likewise, and what it runs of managed applications is moved elsewhere
	Withdrawn                 // no member: it does its own work, in state OFF
	Gone                      // likewise, for good: the others may forget it
)

var standingNames = []string{"SERVING", "RESERVED", "DRAINING", "WITHDRAWN", "GONE"}

// String returns the name of the standing.
func (s Standing) String() string { return enumName(standingNames, int(s)) }

// ParseStanding returns the standing of that name.
func ParseStanding(name string) (Standing, error) {
	return parseEnum[Standing]("standing", standingNames, name)
}

// member reports whether a node takes part in the cluster.
func (s Standing) member() bool { return s < Withdrawn }

// InstanceState is the state of a node as another node sees it.
type InstanceState int

// The instance states, in the order of Supvisors' codes.
const (
	InstanceStopped InstanceState = iota
	InstanceChecking
	InstanceChecked
	InstanceRunning
	InstanceFailed
	InstanceIsolated
)

var instanceStateNames = []string{"STOPPED", "CHECKING", "CHECKED", "RUNNING", "FAILED", "ISOLATED"}

// String returns Supvisors' name of the state.
func (s InstanceState) String() string { return enumName(instanceStateNames, int(s)) }

// ParseInstanceState returns the instance state of that name.
func ParseInstanceState(name string) (InstanceState, error) {
	return parseEnum[InstanceState]("instance state", instanceStateNames, name)
}

// MarshalText writes the name, so that maps and messages between nodes stay readable.
func (s InstanceState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name.
func (s *InstanceState) UnmarshalText(text []byte) (err error) {
	*s, err = ParseInstanceState(string(text))
	return err
}

// stable reports whether the state says something definite about the node.
func (s InstanceState) stable() bool {
	return s == InstanceStopped || s == InstanceRunning || s == InstanceIsolated
}

// active reports whether the node is in touch, or was until a moment ago.
func (s InstanceState) active() bool {
	return s == InstanceChecking || s == InstanceChecked || s == InstanceRunning || s == InstanceFailed
}

// ApplicationState is the synthetic state of an application.
type ApplicationState int

// The application states, in the order of Supvisors' codes.
const (
	ApplicationStopped ApplicationState = iota
	ApplicationStarting
	ApplicationRunning
	ApplicationStopping
	ApplicationDeleted
)

var applicationStateNames = []string{"STOPPED", "STARTING", "RUNNING", "STOPPING", "DELETED"}

// String returns Supvisors' name of the state.
func (s ApplicationState) String() string { return enumName(applicationStateNames, int(s)) }

func enumName(names []string, i int) string {
	if i >= 0 && i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func parseEnum[T ~int](what string, names []string, name string) (T, error) {
	if i := slices.Index(names, name); i >= 0 {
		return T(i), nil
	}
	return 0, fmt.Errorf("unknown %s %q", what, name)
}
