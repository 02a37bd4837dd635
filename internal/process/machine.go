package process

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Reasons why a machine refuses a wish. A refused wish changes nothing, but that DoStop in EXITED cancels a pending restart.
var (
	ErrAlreadyStarted = errors.New("already started")
	ErrNotRunning     = errors.New("not running")
	ErrStopping       = errors.New("still stopping")
	ErrUnknownState   = errors.New("in an unknown process state")
	ErrDisabled       = errors.New("disabled")
	ErrHeld           = errors.New("starts are held back")
)

// A program that ran shorter than quickRun is started again at the earliest restartPause after its last start. Only programs
// with startsecs=0 are affected. Supervisor, which looks once per second, behaves alike; without this a program that ends at
// once would be forked as fast as the machine can.
const (
	quickRun     = 250 * time.Millisecond
	restartPause = time.Second
)

// reportPeriod separates the lines "waiting for p to stop"; forcedPause is the least time between two SIGKILLs.
const (
	reportPeriod = 2 * time.Second
	forcedPause  = time.Second
)

// Memory is all that a Machine remembers. It can be written down as JSON and given to Restore in another daemon process.
type Memory struct {
	State      State     `json:"state"`
	PID        int       `json:"pid,omitempty"`
	Start      time.Time `json:"start,omitzero"`
	Stop       time.Time `json:"stop,omitzero"`
	ExitStatus int       `json:"exit_status,omitempty"`
	Expected   bool      `json:"expected,omitempty"`
	How        string    `json:"how,omitempty"`
	SpawnErr   string    `json:"spawn_err,omitempty"`
	Backoff    int       `json:"backoff,omitempty"`
	Killing    bool      `json:"killing,omitempty"`

	RetryAt   time.Time `json:"retry_at,omitzero"`   // BACKOFF: the next attempt
	RestartAt time.Time `json:"restart_at,omitzero"` // EXITED: the automatic restart, zero for none
	KillAt    time.Time `json:"kill_at,omitzero"`    // STOPPING: the (next) SIGKILL
	ReportAt  time.Time `json:"report_at,omitzero"`  // STOPPING: the next line in the log

	Disabled  bool   `json:"disabled,omitempty"`
	Held      bool   `json:"held,omitempty"`
	ExtraArgs string `json:"extra_args,omitempty"`
}

// Machine is the life of one process by Supervisor's rules. It belongs to one goroutine.
type Machine struct {
	spec  *Spec
	m     Memory
	timer time.Time // of the last SetTimer
}

// NewMachine returns the machine of a process that was never started.
func NewMachine(spec *Spec) *Machine { return &Machine{spec: spec} }

// Restore returns a machine that goes on where another one was saved. Its timer has to be set with Resume.
func Restore(spec *Spec, saved Memory, now time.Time) *Machine {
	for _, t := range saved.times() {
		if !t.IsZero() {
			*t = now.Add(t.Sub(now)) // gives it the monotonic reading of this process
		}
	}
	return &Machine{spec: spec, m: saved}
}

// Save returns what the machine remembers, with times that another process understands.
func (m *Machine) Save(now time.Time) Memory {
	saved := m.m
	for _, t := range saved.times() {
		if !t.IsZero() {
			*t = now.Round(0).Add(t.Sub(now)) // the wall clock may have been set since
		}
	}
	return saved
}

func (m *Memory) times() []*time.Time {
	return []*time.Time{&m.Start, &m.Stop, &m.RetryAt, &m.RestartAt, &m.KillAt, &m.ReportAt}
}

// Resume returns the effect that sets the timer of a restored machine.
func (m *Machine) Resume() []Effect {
	m.timer = m.deadline()
	return []Effect{SetTimer{m.timer}}
}

// State returns the current state.
func (m *Machine) State() State { return m.m.State }

// PID returns the pid of the child, 0 when there is none.
func (m *Machine) PID() int { return m.m.PID }

// Spec returns the configuration in force.
func (m *Machine) Spec() *Spec { return m.spec }

// Info returns the process as clients see it. The paths of the log files are not known here.
func (m *Machine) Info() Info {
	info := Info{
		Group: m.spec.Group, Name: m.spec.Name, Program: m.spec.Program, Index: m.spec.Index,
		State: m.m.State, PID: m.m.PID, Start: m.m.Start, Stop: m.m.Stop,
		ExitStatus: m.m.ExitStatus, Expected: m.m.Expected, SpawnErr: m.m.SpawnErr, How: m.m.How,
		Backoff: m.m.Backoff, Killing: m.m.Killing,
		ExtraArgs: m.m.ExtraArgs, Disabled: m.m.Disabled,
	}
	if info.State == Backoff {
		info.NextRetry = m.m.RetryAt
	}
	return info
}

// Step applies one event at the moment now and returns what has to be done. The error, one of the Err… above, tells why a
// wish was refused. Time must never go backwards from step to step (a time.Time with its monotonic part does not).
func (m *Machine) Step(now time.Time, ev Event) ([]Effect, error) {
	s := &step{Machine: m, now: now}
	if ev.kind() == onTimer {
		m.timer = time.Time{} // it has fired: if it was too early it is set again
	}
	err := table[m.m.State][ev.kind()](s, ev)
	if at := m.deadline(); !at.Equal(m.timer) {
		m.timer = at
		s.do(SetTimer{at})
	}
	return s.effects, err
}

// deadline returns the moment at which TimerFired has something to do, zero when only other events can.
func (m *Machine) deadline() time.Time {
	idle := m.m.Disabled || m.m.Held
	switch m.m.State {
	case Starting:
		if m.m.PID != 0 {
			return m.m.Start.Add(seconds(m.spec.StartSecs))
		}
	case Backoff:
		if !idle {
			return m.m.RetryAt
		}
	case Exited:
		if !idle {
			return m.m.RestartAt
		}
	case Stopping:
		if m.m.KillAt.Before(m.m.ReportAt) {
			return m.m.KillAt
		}
		return m.m.ReportAt
	}
	return time.Time{}
}

// step is one event being applied.
type step struct {
	*Machine
	now     time.Time
	effects []Effect
}

func (s *step) do(e Effect) { s.effects = append(s.effects, e) }

func (s *step) log(level slog.Level, format string, args ...any) {
	s.do(Log{level, fmt.Sprintf(format, args...)})
}

// change enters a state; pid is the child the change is about.
func (s *step) change(to State, pid int) {
	from := s.m.State
	s.m.State = to
	s.do(Changed{Change{From: from, Info: s.Info(), Tries: s.m.Backoff, PID: pid}})
}

// due reports whether a moment was set and has come.
func (s *step) due(t time.Time) bool { return !t.IsZero() && !s.now.Before(t) }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
