package supervisor

import "errors"

// Errors of the Supervisor. Those of package child and the refusals of package process are returned as they are, all wrapped
// with the name of what they are about.
var (
	ErrBadName             = errors.New("no such process or group")
	ErrAlreadyAdded        = errors.New("group is already active")
	ErrStillRunning        = errors.New("group has processes that run")
	ErrAbnormalTermination = errors.New("process ended before it was running")
	ErrEnding              = errors.New("the daemon is shutting down")
)

// NoFileError says that there is no log file to read or to clear.
type NoFileError struct{ Path string } // "" when none is configured

// Error implements error.
func (e *NoFileError) Error() string {
	if e.Path == "" {
		return "no log file is configured"
	}
	return "no log file " + e.Path
}

// Result is what became of one process in an operation on many.
type Result struct {
	Group, Name string
	Err         error // nil when it was done
}
