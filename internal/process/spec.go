package process

import (
	"reflect"
	"slices"
	"syscall"
)

// Autorestart says when an exited process is started again (Supervisor's autorestart option).
type Autorestart int

// The values of Autorestart.
const (
	RestartNever      Autorestart = iota // autorestart=false
	RestartUnexpected                    // autorestart=unexpected: when the exit code is not in ExitCodes
	RestartAlways                        // autorestart=true
)

// LogSpec is what a program section says about one of its two output streams.
type LogSpec struct {
	File          string // path; "" for none (NONE), "AUTO" for a file in childlogdir
	Syslog        bool   // also or only to syslog
	MaxBytes      int64  // size that triggers a rotation, 0 never
	Backups       int    // old files kept
	CaptureBytes  int64  // stdout_capture_maxbytes, 0 switches capture mode off
	EventsEnabled bool   // PROCESS_LOG events
}

// EnvVar is one environment variable. A slice of them keeps the order of the configuration.
type EnvVar struct{ Name, Value string }

// Limit is one resource limit of a child, as setrlimit(2) takes it.
type Limit struct {
	Resource   int // RLIMIT_…
	Soft, Hard uint64
}

// Spec is everything the configuration says about one process: options of the program section after expansion,
// one Spec for each of its numprocs. It is a value; two Specs are compared with Equal to find changed programs.
type Spec struct {
	Program string // name of the [program:x] section
	Group   string // group the process lives in
	Name    string // expanded process_name
	Index   int    // process_num - numprocs_start

	Command      string  // expanded, split by shlex only when the process is spawned
	Directory    string  // "" keeps the directory of the daemon
	User         string  // as written; "" keeps the user of the daemon
	UID          int     // resolved user, -1 when User is ""
	Umask        int     // -1 keeps the umask of the daemon
	Limits       []Limit // resource limits of the child; none keeps those of the daemon
	Priority     int
	Autostart    bool
	Autorestart  Autorestart
	StartSecs    int // seconds
	StartRetries int
	ExitCodes    []int
	StopSignal   syscall.Signal
	StopWaitSecs int // seconds between the stop signal and SIGKILL
	StopAsGroup  bool
	KillAsGroup  bool

	RedirectStderr bool
	Stdout, Stderr LogSpec
	Environment    []EnvVar // of [supervisord], then of the section; each name once
	ServerURL      string   // value of SUPERVISOR_SERVER_URL, "" when AUTO found no server
	AutoServerURL  bool     // ServerURL was found by AUTO; getAllConfigInfo then shows "none"

	// Listener marks a process of an [eventlistener:x]: its stdin and stdout carry the listener protocol.
	Listener bool
	// FastCGI is the socket of a [fcgi-program:x] that is handed to the child as descriptor 0, "" otherwise.
	FastCGI string
}

// Expects reports whether an exit with this code is an expected one. Death by a signal has the code -1.
func (s *Spec) Expects(code int) bool { return slices.Contains(s.ExitCodes, code) }

// Restarts reports whether autorestart wants the process back after it exited from RUNNING with this code.
func (s *Spec) Restarts(code int) bool {
	return s.Autorestart == RestartAlways || s.Autorestart == RestartUnexpected && !s.Expects(code)
}

// Equal reports whether two Specs configure the same process the same way.
func (s Spec) Equal(o Spec) bool {
	same := slices.Equal(s.ExitCodes, o.ExitCodes) && slices.Equal(s.Environment, o.Environment) &&
		slices.Equal(s.Limits, o.Limits)
	s.ExitCodes, s.Environment, s.Limits = o.ExitCodes, o.Environment, o.Limits // nil and empty are the same
	return same && reflect.DeepEqual(s, o)
}
