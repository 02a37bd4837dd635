package process

import "time"

// Info is one consistent snapshot of a process, taken at a single moment. It is immutable.
type Info struct {
	Group, Name string
	Program     string
	Index       int

	State      State
	PID        int // 0 when there is no child
	Start      time.Time
	Stop       time.Time
	ExitStatus int       // exit code; -1 when the child died of a signal
	How        string    // how the last child ended, as ExitText words it; "" when it did not
	Expected   bool      // whether the last exit was expected
	SpawnErr   string    // why the last start failed, in Supervisor's words
	Backoff    int       // failed starts in a row
	NextRetry  time.Time // when a process in BACKOFF is started again
	Killing    bool      // SIGKILL was sent after stopwaitsecs

	StdoutLog, StderrLog string // paths of the log files, "" when there are none
	ExtraArgs            string // arguments added by supvisors.start_args and the like
	Disabled             bool   // refused to start (Supvisors' disabilities)
}

// Change is one step of a process: what became of it and what it was before. Changes of one process are delivered in order.
type Change struct {
	From  State
	Info  Info // the process after the change; Info.State is the new state
	PID   int  // the child the change is about: for STOPPED and EXITED the one that has gone, 0 when there was none
	Tries int  // for STARTING and BACKOFF: retries so far, as the event payload carries it
}
