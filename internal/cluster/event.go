package cluster

import (
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// Event is something that the Core must know. The types of this file are the only ones.
type Event interface{ event() }

// LocalTick is the 5 s tick of this node.
type LocalTick struct{ Tick Tick }

// Timer tells that the time of [Core.Deadline] has come.
type Timer struct{}

// PeerJoined tells that gossip sees a node. Run is its epoch where gossip knows it, "" otherwise.
type PeerJoined struct {
	Identity Identity
	Run      string
}

// PeerLeft tells that gossip lost a node.
type PeerLeft struct{ Identifier, Reason string }

// PeerReport brings the whole Report of a node, at the beginning of its stream or when the stream could not be resumed.
type PeerReport struct{ Report Report }

// PeerDelta brings the change number Seq of a node's Report.
type PeerDelta struct {
	Identifier string
	Epoch      string
	Seq        uint64
	Delta      Delta
}

// LocalProcess tells that a process of this node was added, changed, enabled or disabled.
type LocalProcess struct{ Info ProcessInfo }

// LocalLocks tells which applications hold an update lock on this node.
type LocalLocks struct{ Applications []string }

// LocalStanding tells what part this node takes in its cluster from now on. It is Serving before the first one. The Share of Withdrawn or Gone
// is the last thing that the peers hear.
type LocalStanding struct{ Standing Standing }

// LocalRules brings other rules than those of the Config; nil is for no rules files.
type LocalRules struct{ Rules *rules.Set }

// LocalRemoved tells that a process of this node is not configured any more.
type LocalRemoved struct{ Namespec process.Namespec }

// Ask is a request of a client. The Core answers it with exactly one Reply of the same ID, at once or when its job ends.
type Ask struct {
	ID      uint64
	Request Request
}

// Cancel tells that the client of a request is gone: no Reply is wanted any more. The job goes on.
type Cancel struct{ ID uint64 }

// OrderFailed tells that an order could not be delivered, or was refused.
type OrderFailed struct {
	Order  Order
	Reason string
	// Lost is set when the peer could not be reached, as opposed to a peer that said no.
	Lost bool
}

// OrderReceived is an order of another node to this one. The Core answers with an Execute effect, or with a Refuse effect when
// the order comes from the past.
type OrderReceived struct {
	ID    uint64
	Order Order
}

func (LocalTick) event()     {}
func (Timer) event()         {}
func (PeerJoined) event()    {}
func (PeerLeft) event()      {}
func (PeerReport) event()    {}
func (PeerDelta) event()     {}
func (LocalProcess) event()  {}
func (LocalRemoved) event()  {}
func (LocalLocks) event()    {}
func (LocalStanding) event() {}
func (LocalRules) event()    {}
func (Ask) event()           {}
func (Cancel) event()        {}
func (OrderFailed) event()   {}
func (OrderReceived) event() {}

// Effect is something that the shell must do. The types of this file are the only ones.
type Effect interface{ effect() }

// Share publishes a change of this node's Report; Seq is its number.
type Share struct {
	Seq   uint64
	Delta Delta
}

// Resync asks for a whole Report of a peer, because a delta is missing.
type Resync struct{ Identifier string }

// Send has an order carried out by a node, which may be this one. The outcome shows in the node's Report; only a failure to
// deliver comes back, as OrderFailed.
type Send struct{ Order Order }

// Execute carries out an order of another node on this one and confirms it.
type Execute struct {
	ID    uint64
	Order Order
}

// Refuse answers an order of another node with an error.
type Refuse struct {
	ID     uint64
	Reason string
}

// Reply answers the request ID. Err is nil or a *RequestError.
type Reply struct {
	ID     uint64
	Result any
	Err    error
}

// Forget tells that a node has gone for good: nobody is to look for it any more.
type Forget struct{ Identifier string }

// SaveTerm keeps the term on disk before anything that follows is done.
type SaveTerm struct{ Term uint64 }

// DisableAutorestart takes the restart of a process away from its node, because its running failure strategy concerns the whole
// application.
type DisableAutorestart struct{ Namespec process.Namespec }

// UseArgs has this node start a process with these extra arguments from now on: those that were used last anywhere are those of the
// process on all nodes (Supvisors' special functionalities).
type UseArgs struct {
	Namespec process.Namespec
	Args     string
}

// End restarts or shuts down this node.
type End struct{ Restart bool }

// Log is a line for the activity log of Supvisors.
type Log struct {
	Level   Level
	Message string
}

// Level says how much a Log line matters.
type Level int

// The levels, named as Supervisor names them.
const (
	Debug Level = iota
	Info
	Warn
	Critical
)

func (Share) effect()              {}
func (Resync) effect()             {}
func (Forget) effect()             {}
func (Send) effect()               {}
func (Execute) effect()            {}
func (Refuse) effect()             {}
func (Reply) effect()              {}
func (SaveTerm) effect()           {}
func (DisableAutorestart) effect() {}
func (UseArgs) effect()            {}
func (End) effect()                {}
func (Log) effect()                {}

// Action is what an Order wants.
type Action int

// The actions.
const (
	StartProcess Action = iota
	StopProcess
	RestartCluster  // the Master is asked to restart all nodes
	ShutdownCluster // the Master is asked to shut all nodes down
)

var actionNames = []string{"start_process", "stop_process", "restart", "shutdown"}

// String returns the name of the action.
func (a Action) String() string { return enumName(actionNames, int(a)) }

// Order is what one node wants another one to do. Term is the term of the sender: a node that knows of a later election refuses
// the order, so that a Master which was frozen cannot act on what it knew.
type Order struct {
	From      string           `json:"from"`
	To        string           `json:"to"`
	Term      uint64           `json:"term"`
	Action    Action           `json:"action"`
	Namespec  process.Namespec `json:"namespec"`
	ExtraArgs string           `json:"extra_args,omitempty"`
	// Cause and Strategy tell why, and how the node was chosen for a start. They are for the records of the node that carries it out.
	Cause    Cause                  `json:"cause"`
	Strategy rules.StartingStrategy `json:"strategy"`
}

// Cause is why a process is to be started or stopped.
type Cause int

// The causes.
const (
	ByRequest  Cause = iota // of a client
	BySequence              // of DISTRIBUTION, or of the end of the cluster
	ByFailure               // strategies for starting and running failures, and repair after the loss of a node
	ByConflict              // conciliation
	ByDrain                 // its node is being drained
)

var causeNames = []string{"request", "sequence", "failure", "conciliation", "drain"}

// String returns the name of the cause.
func (c Cause) String() string { return enumName(causeNames, int(c)) }

// ParseCause returns the cause of that name.
func ParseCause(name string) (Cause, error) { return parseEnum[Cause]("cause", causeNames, name) }

// Request is what a client asks of the cluster. The types of this file are the only ones.
type Request interface{ request() }

// Requests about applications and processes, named as the XML-RPC methods. Wait asks for the Reply when the job is done.
type (
	// StartApplication starts a managed application.
	StartApplication struct {
		Strategy rules.StartingStrategy
		Name     string
		Wait     bool
	}
	// StopApplication stops a managed application.
	StopApplication struct {
		Name string
		Wait bool
	}
	// RestartApplication stops, then starts a managed application.
	RestartApplication struct {
		Strategy rules.StartingStrategy
		Name     string
		Wait     bool
	}
	// StartProcesses starts a process or a whole group.
	StartProcesses struct {
		Strategy  rules.StartingStrategy
		Namespec  string
		ExtraArgs string
		Wait      bool
	}
	// StartAny starts one of the stopped processes that match; Namespecs are the candidates in order of preference.
	StartAny struct {
		Strategy  rules.StartingStrategy
		Regex     string
		Match     func(namespec string) bool
		ExtraArgs string
		Wait      bool
	}
	// StopProcesses stops a process or a whole group wherever it runs; On restricts it to some nodes.
	StopProcesses struct {
		Namespec string
		On       []string
		Wait     bool
	}
	// RestartProcesses stops, then starts a process or a whole group.
	RestartProcesses struct {
		Strategy  rules.StartingStrategy
		Namespec  string
		ExtraArgs string
		Wait      bool
	}
	// TestStartApplication predicts where StartApplication would start what. The result is a []Prediction.
	TestStartApplication struct {
		Strategy rules.StartingStrategy
		Name     string
	}
	// TestStartProcess predicts where StartProcesses would start what. The result is a []Prediction.
	TestStartProcess struct {
		Strategy rules.StartingStrategy
		Namespec string
	}
	// WhatIf predicts what a start would do from rest: of an application, or of a process alone, while some nodes are down. The result is a
	// []Prospect. Nothing is changed by it, and it may be asked in any state.
	WhatIf struct {
		Strategy    rules.StartingStrategy
		Application string // "" with Process
		Process     string // namespec, "" with Application
		Down        []string
	}
	// Conciliate applies a conciliation strategy to the conflicts.
	Conciliate struct{ Strategy rules.ConciliationStrategy }
	// RestartSequence goes through DISTRIBUTION again.
	RestartSequence struct{ Wait bool }
	// EndSync ends the synchronization, with a Master when one is named.
	EndSync struct{ Master string }
	// Restart restarts all nodes, Shutdown shuts them down, after the stop sequence.
	Restart  struct{}
	Shutdown struct{}
)

func (StartApplication) request()     {}
func (StopApplication) request()      {}
func (RestartApplication) request()   {}
func (StartProcesses) request()       {}
func (StartAny) request()             {}
func (StopProcesses) request()        {}
func (RestartProcesses) request()     {}
func (TestStartApplication) request() {}
func (TestStartProcess) request()     {}
func (WhatIf) request()               {}
func (Conciliate) request()           {}
func (RestartSequence) request()      {}
func (EndSync) request()              {}
func (Restart) request()              {}
func (Shutdown) request()             {}

// Prediction is one line of a test_start answer.
type Prediction struct {
	Namespec    process.Namespec
	State       process.State
	Reason      string
	Identifiers []string
}

// Prospect is what a WhatIf found out about one process, in the order of the starts.
type Prospect struct {
	Namespec process.Namespec
	Number   int           // in the start sequence
	State    process.State // RUNNING, EXITED or FATAL
	Node     string        // "" for none
	Reason   string        // of FATAL
	Choices  []Choice      // all nodes
}

// Choice is what speaks against a node for a start.
type Choice struct {
	Node   string
	Load   int    // of the node before the start, in percent
	Reason string // "" for nothing
}

// Reason classifies why a request was refused; the doors turn it into a fault.
type Reason int

// The reasons.
const (
	BadState Reason = iota
	BadName
	NotManaged
	AlreadyStarted
	NotRunning
	StillRunning
	AbnormalTermination
	Failed
	NotApplicable
	BadParameters
)

var reasonNames = []string{"BAD_SUPVISORS_STATE", "BAD_NAME", "NOT_MANAGED", "ALREADY_STARTED", "NOT_RUNNING", "STILL_RUNNING",
	"ABNORMAL_TERMINATION", "FAILED", "NOT_APPLICABLE", "INCORRECT_PARAMETERS"}

// String returns the name of the fault in Supervisor or Supvisors.
func (r Reason) String() string { return enumName(reasonNames, int(r)) }

// RequestError is the refusal or the failure of a request.
type RequestError struct {
	Reason Reason
	Text   string // as Supvisors puts it behind the name of the fault
}

// Error returns the text.
func (e *RequestError) Error() string { return e.Text }
