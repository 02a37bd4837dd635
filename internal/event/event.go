package event

import (
	"fmt"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// Event is one of the types of this file. Events are values and are never changed once published.
type Event interface {
	// Type returns the concrete type, a leaf of the tree.
	Type() Type
	// Payload returns the body of the event in Supervisor's words.
	Payload() string

	sealed()
}

// Channel is one of the two output streams of a process.
type Channel int

// The output channels.
const (
	Stdout Channel = iota
	Stderr
)

// String returns "stdout" or "stderr".
func (c Channel) String() string {
	if c == Stderr {
		return "stderr"
	}
	return "stdout"
}

// Source names the process that an event came from.
type Source struct {
	Group, Process string
	PID            int
}

func (s Source) tokens() string {
	return fmt.Sprintf("processname:%s groupname:%s pid:%d", s.Process, s.Group, s.PID)
}

// StateChanged says that a process went from one state to another.
type StateChanged struct{ process.Change }

// ProcessLog carries what a process wrote, when its events_enabled option is set.
type ProcessLog struct {
	Source
	Channel Channel
	Data    []byte
}

// ProcessCommunication carries what a process wrote between the tags of capture mode.
type ProcessCommunication struct {
	Source
	Channel Channel
	Data    []byte
}

// RemoteCommunication carries the arguments of sendRemoteCommEvent.
type RemoteCommunication struct{ Kind, Data string }

// SupervisorRunning says that the daemon has started.
type SupervisorRunning struct{}

// SupervisorStopping says that the daemon begins to stop or to restart.
type SupervisorStopping struct{}

// Tick says that a period of the wall clock has begun.
type Tick struct {
	Period TickPeriod
	When   time.Time // begin of the period
}

// TickPeriod is the distance of two ticks of one type, in seconds.
type TickPeriod int

// The periods there are ticks for.
const (
	Every5    TickPeriod = 5
	Every60   TickPeriod = 60
	Every3600 TickPeriod = 3600
)

// GroupAdded says that a process group became active.
type GroupAdded struct{ Group string }

// GroupRemoved says that a process group is no longer active.
type GroupRemoved struct{ Group string }

// ProcessAdded says that a group got a process at run time (Supvisors' update_numprocs).
type ProcessAdded struct{ Info process.Info }

// ProcessRemoved says that a group lost a process at run time.
type ProcessRemoved struct{ Info process.Info }

// ProcessEnabled says that a process may be started again (Supvisors' enable).
type ProcessEnabled struct{ Info process.Info }

// ProcessDisabled says that a process refuses to be started (Supvisors' disable).
type ProcessDisabled struct{ Info process.Info }

func (StateChanged) sealed()         {}
func (ProcessLog) sealed()           {}
func (ProcessCommunication) sealed() {}
func (RemoteCommunication) sealed()  {}
func (SupervisorRunning) sealed()    {}
func (SupervisorStopping) sealed()   {}
func (Tick) sealed()                 {}
func (GroupAdded) sealed()           {}
func (GroupRemoved) sealed()         {}
func (ProcessAdded) sealed()         {}
func (ProcessRemoved) sealed()       {}
func (ProcessEnabled) sealed()       {}
func (ProcessDisabled) sealed()      {}

// stateTypes gives the event type of each new state.
var stateTypes = map[process.State]Type{
	process.Stopped:  TypeProcessStateStopped,
	process.Exited:   TypeProcessStateExited,
	process.Starting: TypeProcessStateStarting,
	process.Stopping: TypeProcessStateStopping,
	process.Backoff:  TypeProcessStateBackoff,
	process.Fatal:    TypeProcessStateFatal,
	process.Running:  TypeProcessStateRunning,
}

// Type implements Event. A state that is none of Supervisor's counts as UNKNOWN.
func (e StateChanged) Type() Type {
	if t, ok := stateTypes[e.Info.State]; ok {
		return t
	}
	return TypeProcessStateUnknown
}

// Type implements Event.
func (e ProcessLog) Type() Type { return TypeProcessLogStdout + Type(e.Channel) }

// Type implements Event.
func (e ProcessCommunication) Type() Type { return TypeProcessCommunicationStdout + Type(e.Channel) }

// Type implements Event.
func (RemoteCommunication) Type() Type { return TypeRemoteCommunication }

// Type implements Event.
func (SupervisorRunning) Type() Type { return TypeSupervisorStateChangeRunning }

// Type implements Event.
func (SupervisorStopping) Type() Type { return TypeSupervisorStateChangeStopping }

// Type implements Event.
func (e Tick) Type() Type {
	switch e.Period {
	case Every60:
		return TypeTick60
	case Every3600:
		return TypeTick3600
	}
	return TypeTick5
}

// Type implements Event.
func (GroupAdded) Type() Type { return TypeProcessGroupAdded }

// Type implements Event.
func (GroupRemoved) Type() Type { return TypeProcessGroupRemoved }

// Type implements Event.
func (ProcessAdded) Type() Type { return TypeProcessAdded }

// Type implements Event.
func (ProcessRemoved) Type() Type { return TypeProcessRemoved }

// Type implements Event.
func (ProcessEnabled) Type() Type { return TypeProcessEnabled }

// Type implements Event.
func (ProcessDisabled) Type() Type { return TypeProcessDisabled }
