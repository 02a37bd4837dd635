package rpc

import (
	"errors"
	"fmt"
)

// The fault codes of Supervisor, from SupvisorsConfError on those that Supvisors adds, and one of our own.
const (
	UnknownMethod        = 1
	IncorrectParameters  = 2
	BadArguments         = 3
	SignatureUnsupported = 4
	ShutdownState        = 6
	BadName              = 10
	BadSignal            = 11
	NoFile               = 20
	NotExecutable        = 21
	Failed               = 30
	AbnormalTermination  = 40
	SpawnError           = 50
	AlreadyStarted       = 60
	NotRunning           = 70
	Success              = 80 // no fault: the status of a process in the results of group calls
	AlreadyAdded         = 90
	StillRunning         = 91
	CantReread           = 92

	SupvisorsConfError = 100
	BadSupvisorsState  = 101
	NotManaged         = 102
	Disabled           = 103
	NotApplicable      = 104
	NotInstalled       = 105

	Forbidden = 403 // ours: the caller may only look
)

var faultNames = map[int]string{
	UnknownMethod:        "UNKNOWN_METHOD",
	IncorrectParameters:  "INCORRECT_PARAMETERS",
	BadArguments:         "BAD_ARGUMENTS",
	SignatureUnsupported: "SIGNATURE_UNSUPPORTED",
	ShutdownState:        "SHUTDOWN_STATE",
	BadName:              "BAD_NAME",
	BadSignal:            "BAD_SIGNAL",
	NoFile:               "NO_FILE",
	NotExecutable:        "NOT_EXECUTABLE",
	Failed:               "FAILED",
	AbnormalTermination:  "ABNORMAL_TERMINATION",
	SpawnError:           "SPAWN_ERROR",
	AlreadyStarted:       "ALREADY_STARTED",
	NotRunning:           "NOT_RUNNING",
	Success:              "SUCCESS",
	AlreadyAdded:         "ALREADY_ADDED",
	StillRunning:         "STILL_RUNNING",
	CantReread:           "CANT_REREAD",
	SupvisorsConfError:   "SUPVISORS_CONF_ERROR",
	BadSupvisorsState:    "BAD_SUPVISORS_STATE",
	NotManaged:           "NOT_MANAGED",
	Disabled:             "DISABLED",
	NotApplicable:        "NOT_APPLICABLE",
	NotInstalled:         "NOT_INSTALLED",
	Forbidden:            "FORBIDDEN",
}

// FaultName returns Supervisor's name of a fault code, "UNKNOWN" for a code that has none.
func FaultName(code int) string {
	if name, ok := faultNames[code]; ok {
		return name
	}
	return "UNKNOWN"
}

// Fault is the error that a server answers instead of a value. Encoded as a value, it is the struct that stands for a
// failed call among the results of system.multicall.
type Fault struct {
	Code int    `xmlrpc:"faultCode"`
	Text string `xmlrpc:"faultString"`
}

// NewFault returns a fault with Supervisor's text: the name of the code, and ": detail" when a detail is given, even an
// empty one.
func NewFault(code int, detail ...string) *Fault {
	text := FaultName(code)
	for _, d := range detail {
		text += ": " + d
	}
	return &Fault{Code: code, Text: text}
}

// AsFault returns the fault in err's chain; any other error becomes a FAILED fault that tells it. It is what every door
// answers for the error of Table.Call.
func AsFault(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return NewFault(Failed, err.Error())
}

// Error implements error.
func (f *Fault) Error() string {
	return fmt.Sprintf("fault %d: %s", f.Code, f.Text)
}
