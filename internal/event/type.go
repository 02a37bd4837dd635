package event

import "fmt"

// Type is a node in the tree of event types. Subscribing to a type includes everything below it.
type Type int

// The event types of Supervisor (docs/events), and those that Supvisors adds below TypeProcess.
const (
	TypeEvent Type = iota // the root; abstract
	TypeProcessState
	TypeProcessStateStopped
	TypeProcessStateExited
	TypeProcessStateStarting
	TypeProcessStateStopping
	TypeProcessStateBackoff
	TypeProcessStateFatal
	TypeProcessStateRunning
	TypeProcessStateUnknown
	TypeProcessCommunication
	TypeProcessCommunicationStdout
	TypeProcessCommunicationStderr
	TypeProcessLog
	TypeProcessLogStdout
	TypeProcessLogStderr
	TypeRemoteCommunication
	TypeSupervisorStateChange
	TypeSupervisorStateChangeRunning
	TypeSupervisorStateChangeStopping
	TypeTick
	TypeTick5
	TypeTick60
	TypeTick3600
	TypeProcessGroup
	TypeProcessGroupAdded
	TypeProcessGroupRemoved
	TypeProcess
	TypeProcessAdded
	TypeProcessRemoved
	TypeProcessEnabled
	TypeProcessDisabled
)

// types is the tree: each row names a type and its parent. The root is its own parent.
var types = [...]struct {
	name   string
	parent Type
}{
	TypeEvent:                         {"EVENT", TypeEvent},
	TypeProcessState:                  {"PROCESS_STATE", TypeEvent},
	TypeProcessStateStopped:           {"PROCESS_STATE_STOPPED", TypeProcessState},
	TypeProcessStateExited:            {"PROCESS_STATE_EXITED", TypeProcessState},
	TypeProcessStateStarting:          {"PROCESS_STATE_STARTING", TypeProcessState},
	TypeProcessStateStopping:          {"PROCESS_STATE_STOPPING", TypeProcessState},
	TypeProcessStateBackoff:           {"PROCESS_STATE_BACKOFF", TypeProcessState},
	TypeProcessStateFatal:             {"PROCESS_STATE_FATAL", TypeProcessState},
	TypeProcessStateRunning:           {"PROCESS_STATE_RUNNING", TypeProcessState},
	TypeProcessStateUnknown:           {"PROCESS_STATE_UNKNOWN", TypeProcessState},
	TypeProcessCommunication:          {"PROCESS_COMMUNICATION", TypeEvent},
	TypeProcessCommunicationStdout:    {"PROCESS_COMMUNICATION_STDOUT", TypeProcessCommunication},
	TypeProcessCommunicationStderr:    {"PROCESS_COMMUNICATION_STDERR", TypeProcessCommunication},
	TypeProcessLog:                    {"PROCESS_LOG", TypeEvent},
	TypeProcessLogStdout:              {"PROCESS_LOG_STDOUT", TypeProcessLog},
	TypeProcessLogStderr:              {"PROCESS_LOG_STDERR", TypeProcessLog},
	TypeRemoteCommunication:           {"REMOTE_COMMUNICATION", TypeEvent},
	TypeSupervisorStateChange:         {"SUPERVISOR_STATE_CHANGE", TypeEvent},
	TypeSupervisorStateChangeRunning:  {"SUPERVISOR_STATE_CHANGE_RUNNING", TypeSupervisorStateChange},
	TypeSupervisorStateChangeStopping: {"SUPERVISOR_STATE_CHANGE_STOPPING", TypeSupervisorStateChange},
	TypeTick:                          {"TICK", TypeEvent},
	TypeTick5:                         {"TICK_5", TypeTick},
	TypeTick60:                        {"TICK_60", TypeTick},
	TypeTick3600:                      {"TICK_3600", TypeTick},
	TypeProcessGroup:                  {"PROCESS_GROUP", TypeEvent},
	TypeProcessGroupAdded:             {"PROCESS_GROUP_ADDED", TypeProcessGroup},
	TypeProcessGroupRemoved:           {"PROCESS_GROUP_REMOVED", TypeProcessGroup},
	TypeProcess:                       {"PROCESS", TypeEvent},
	TypeProcessAdded:                  {"PROCESS_ADDED", TypeProcess},
	TypeProcessRemoved:                {"PROCESS_REMOVED", TypeProcess},
	TypeProcessEnabled:                {"PROCESS_ENABLED", TypeProcess},
	TypeProcessDisabled:               {"PROCESS_DISABLED", TypeProcess},
}

// String returns the name that configurations and header lines use.
func (t Type) String() string {
	if t < 0 || int(t) >= len(types) {
		return fmt.Sprintf("Type(%d)", int(t))
	}
	return types[t].name
}

// ParseType returns the type of that name; an unknown name is an error.
func ParseType(name string) (Type, error) {
	for t, row := range types {
		if row.name == name {
			return Type(t), nil
		}
	}
	return TypeEvent, fmt.Errorf("unknown event type %q", name)
}

// Is reports whether t is ancestor or lies below it in the tree.
func (t Type) Is(ancestor Type) bool {
	for t != ancestor {
		if t == TypeEvent {
			return false
		}
		t = types[t].parent
	}
	return true
}

// Types returns all event types, ancestors before their descendants.
func Types() []Type {
	all := make([]Type, len(types))
	for t := range all {
		all[t] = Type(t)
	}
	return all
}

// set holds types as bits; the tree has fewer than 64.
type set uint64

// setOf returns the given types with all their descendants.
func setOf(wanted []Type) set {
	var s set
	for t := range types {
		for _, w := range wanted {
			if Type(t).Is(w) {
				s |= 1 << t
			}
		}
	}
	return s
}

func (s set) has(t Type) bool { return s&(1<<t) != 0 }
