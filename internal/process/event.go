package process

import "syscall"

// Event is something that happens to a process: a wish of somebody, news of its child, the timer, or a changed setting.
type Event interface{ kind() kind }

type (
	// DoStart is the wish of a user or of the cluster to start the process.
	DoStart struct{}
	// DoAutoStart is the start of the daemon: it starts a process that was never started and is not held back.
	DoAutoStart struct{}
	// DoStop is the wish to stop the process.
	DoStop struct{}
	// DoGiveUp ends the attempts to start a process in BACKOFF, when the daemon shuts down.
	DoGiveUp struct{}
	// DoFail tells that a start was asked for which cannot even be tried, for this reason: a process that is down becomes FATAL
	// (Supvisors' start_args of a program that is not there).
	DoFail struct{ Reason string }
	// DoSignal is the wish to send the child a signal that is not meant to stop it.
	DoSignal struct{ Signal syscall.Signal }

	// ChildSpawned answers the effect Spawn: the child runs.
	ChildSpawned struct{ PID int }
	// ChildNotSpawned answers the effect Spawn: there is no child, for this reason (in Supervisor's words).
	ChildNotSpawned struct{ Reason string }
	// ChildExited tells that the child was reaped.
	ChildExited struct{ Status syscall.WaitStatus }
	// SignalRefused tells that the kernel refused the signal of the effect Kill, for another reason than that the child has
	// just gone.
	SignalRefused struct{ Reason string }

	// TimerFired tells that the time of the last SetTimer has come. One that comes too early, or late, is harmless.
	TimerFired struct{}

	// SetDisabled forbids or allows starts (Supvisors' disable and enable).
	SetDisabled struct{ On bool }
	// SetHeld forbids or allows starts while the daemon shuts down.
	SetHeld struct{ On bool }
	// SetExtraArgs replaces the arguments that are added to the command line (Supvisors' start_args).
	SetExtraArgs struct{ Args string }
	// SetSpec replaces the configuration; what is under way goes on with the new values.
	SetSpec struct{ Spec *Spec }
)

// kind is the column of an event in the table.
type kind int

const (
	onStart kind = iota
	onAutoStart
	onStop
	onGiveUp
	onFail
	onSignal
	onSpawned
	onNotSpawned
	onExited
	onRefused
	onTimer
	onSetting
	kinds // how many there are
)

func (DoStart) kind() kind         { return onStart }
func (DoAutoStart) kind() kind     { return onAutoStart }
func (DoStop) kind() kind          { return onStop }
func (DoGiveUp) kind() kind        { return onGiveUp }
func (DoFail) kind() kind          { return onFail }
func (DoSignal) kind() kind        { return onSignal }
func (ChildSpawned) kind() kind    { return onSpawned }
func (ChildNotSpawned) kind() kind { return onNotSpawned }
func (ChildExited) kind() kind     { return onExited }
func (SignalRefused) kind() kind   { return onRefused }
func (TimerFired) kind() kind      { return onTimer }
func (SetDisabled) kind() kind     { return onSetting }
func (SetHeld) kind() kind         { return onSetting }
func (SetExtraArgs) kind() kind    { return onSetting }
func (SetSpec) kind() kind         { return onSetting }
