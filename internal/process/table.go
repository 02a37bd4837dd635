package process

import (
	"fmt"
	"log/slog"
	"syscall"
	"time"
)

// action is the cell of the table: what an event does in a state.
type action func(*step, Event) error

// table decides every event in every state. The rules are those of Supervisor's documentation (subprocess); where it polls,
// a timer is set. A child is asked for and answered within one turn of the owner, so STARTING without a pid lasts no longer.
var table = map[State][kinds]action{
	Stopped: {
		onStart: begin, onAutoStart: beginFirst, onStop: notRunning, onGiveUp: nothing, onFail: failAtOnce, onSignal: notRunning,
		onSpawned: stray, onNotSpawned: stray, onExited: stray, onRefused: nothing, onTimer: nothing, onSetting: set,
	},
	Starting: {
		onStart: alreadyStarted, onAutoStart: nothing, onStop: stop, onGiveUp: nothing, onFail: nothing, onSignal: send,
		onSpawned: spawned, onNotSpawned: notSpawned, onExited: exitedEarly, onRefused: refused, onTimer: stayedUp, onSetting: set,
	},
	Running: {
		onStart: alreadyStarted, onAutoStart: nothing, onStop: stop, onGiveUp: nothing, onFail: nothing, onSignal: send,
		onSpawned: stray, onNotSpawned: stray, onExited: exited, onRefused: refused, onTimer: nothing, onSetting: set,
	},
	Backoff: {
		onStart: alreadyStarted, onAutoStart: nothing, onStop: stopRetrying, onGiveUp: fail, onFail: nothing, onSignal: notRunning,
		onSpawned: stray, onNotSpawned: stray, onExited: stray, onRefused: nothing, onTimer: retry, onSetting: set,
	},
	Stopping: {
		onStart: stillStopping, onAutoStart: nothing, onStop: notRunning, onGiveUp: nothing, onFail: nothing, onSignal: send,
		onSpawned: stray, onNotSpawned: stray, onExited: stopped, onRefused: lost, onTimer: insist, onSetting: set,
	},
	Exited: {
		onStart: begin, onAutoStart: nothing, onStop: stayDown, onGiveUp: nothing, onFail: failAtOnce, onSignal: notRunning,
		onSpawned: stray, onNotSpawned: stray, onExited: stray, onRefused: nothing, onTimer: restart, onSetting: set,
	},
	Fatal: {
		onStart: begin, onAutoStart: nothing, onStop: notRunning, onGiveUp: nothing, onFail: failAtOnce, onSignal: notRunning,
		onSpawned: stray, onNotSpawned: stray, onExited: stray, onRefused: nothing, onTimer: nothing, onSetting: set,
	},
	Unknown: {
		onStart: unknown, onAutoStart: nothing, onStop: notRunning, onGiveUp: nothing, onFail: nothing, onSignal: notRunning,
		onSpawned: stray, onNotSpawned: stray, onExited: exitedUnknown, onRefused: nothing, onTimer: nothing, onSetting: set,
	},
}

func nothing(*step, Event) error        { return nil }
func alreadyStarted(*step, Event) error { return ErrAlreadyStarted }
func notRunning(*step, Event) error     { return ErrNotRunning }
func unknown(*step, Event) error        { return ErrUnknownState }

// stray is the cell of news about a child that cannot be. The owner has broken the contract; the process is left alone.
func stray(s *step, ev Event) error {
	s.log(LevelCritical, "stray event %#v for '%s' in state %s", ev, s.spec.Name, s.m.State)
	return nil
}

func stillStopping(s *step, _ Event) error {
	s.log(slog.LevelWarn, "process '%s' already running", s.spec.Name)
	return ErrStopping
}

// begin starts the process, unless starts are forbidden.
func begin(s *step, _ Event) error {
	switch {
	case s.m.Disabled:
		return ErrDisabled
	case s.m.Held:
		return ErrHeld
	}
	s.m.Start = s.now
	s.m.SpawnErr, s.m.How, s.m.ExitStatus, s.m.Expected, s.m.Killing = "", "", 0, false, false
	s.change(Starting, 0)
	s.do(Spawn{})
	return nil
}

func beginFirst(s *step, ev Event) error {
	if s.m.Start.IsZero() {
		_ = begin(s, ev) // a daemon that starts has nobody to refuse it to
	}
	return nil
}

func retry(s *step, ev Event) error {
	if s.due(s.m.RetryAt) {
		_ = begin(s, ev)
	}
	return nil
}

func restart(s *step, ev Event) error {
	if s.due(s.m.RestartAt) {
		_ = begin(s, ev)
	}
	return nil
}

func spawned(s *step, ev Event) error {
	if s.m.PID != 0 {
		return stray(s, ev)
	}
	s.m.PID = ev.(ChildSpawned).PID
	s.log(slog.LevelInfo, "spawned: '%s' with pid %d", s.spec.Name, s.m.PID)
	return stayedUp(s, ev)
}

// stayedUp makes a process RUNNING that has lived for startsecs.
func stayedUp(s *step, _ Event) error {
	if s.m.PID == 0 || s.now.Sub(s.m.Start) < seconds(s.spec.StartSecs) {
		return nil
	}
	s.m.Backoff = 0
	s.change(Running, s.m.PID)
	s.log(slog.LevelInfo, "success: %s entered RUNNING state, process has stayed up for > than %d seconds (startsecs)",
		s.spec.Name, s.spec.StartSecs)
	return nil
}

func notSpawned(s *step, ev Event) error {
	if s.m.PID != 0 {
		return stray(s, ev)
	}
	s.m.SpawnErr = ev.(ChildNotSpawned).Reason
	s.log(slog.LevelInfo, "spawnerr: %s", s.m.SpawnErr)
	backOff(s)
	giveUp(s)
	return nil
}

// backOff counts a start that went wrong; each one makes the wait for the next a second longer.
func backOff(s *step) {
	s.m.Backoff++
	s.m.RetryAt = s.now.Add(seconds(s.m.Backoff))
	s.change(Backoff, 0)
}

// giveUp ends the attempts when startretries of them went wrong.
func giveUp(s *step) {
	if s.m.Backoff <= s.spec.StartRetries {
		return
	}
	_ = fail(s, nil)
	s.log(slog.LevelInfo, "gave up: %s entered FATAL state, too many start retries too quickly", s.spec.Name)
}

func fail(s *step, _ Event) error {
	s.m.Backoff = 0
	s.change(Fatal, 0)
	return nil
}

// failAtOnce shows a start that could not even be tried. For event listeners it comes from BACKOFF, as with Supvisors.
func failAtOnce(s *step, ev Event) error {
	s.m.SpawnErr, s.m.RestartAt = ev.(DoFail).Reason, time.Time{}
	s.m.State = Backoff
	return fail(s, ev)
}

// leave notes that the child is gone and returns its pid and how it ended.
func leave(s *step, ev Event) (pid int, how string) {
	pid = s.m.PID
	s.m.PID, s.m.Stop = 0, s.now
	s.m.ExitStatus, how = ExitText(ev.(ChildExited).Status)
	s.m.Expected, s.m.How = s.spec.Expects(s.m.ExitStatus), how
	return pid, how
}

func exitedEarly(s *step, ev Event) error {
	if s.m.PID == 0 {
		return stray(s, ev)
	}
	_ = stayedUp(s, ev)
	if s.m.State == Running {
		return exited(s, ev)
	}
	_, how := leave(s, ev)
	s.m.ExitStatus, s.m.Expected = 0, false // Supervisor tells no exit status of a start that went wrong
	s.m.SpawnErr = "Exited too quickly (process log may have details)"
	backOff(s)
	s.log(slog.LevelWarn, "exited: %s (%s; not expected)", s.spec.Name, how)
	giveUp(s)
	return nil
}

func exited(s *step, ev Event) error {
	ended(s, ev)
	if !s.spec.Restarts(s.m.ExitStatus) {
		return nil
	}
	s.m.RestartAt = s.now
	if s.now.Sub(s.m.Start) < quickRun {
		s.m.RestartAt = s.m.Start.Add(restartPause)
	}
	return restart(s, ev)
}

// exitedUnknown ends the life of a child whose stop went wrong; it is not started again.
func exitedUnknown(s *step, ev Event) error {
	ended(s, ev)
	return nil
}

func ended(s *step, ev Event) {
	pid, how := leave(s, ev)
	s.m.RestartAt = time.Time{}
	s.m.Backoff, s.m.Killing = 0, false
	level, verdict := slog.LevelInfo, "expected"
	if !s.m.Expected {
		s.m.SpawnErr = fmt.Sprintf("Bad exit code %d", s.m.ExitStatus)
		level, verdict = slog.LevelWarn, "not expected"
	}
	s.change(Exited, pid)
	s.log(level, "exited: %s (%s; %s)", s.spec.Name, how, verdict)
}

func stayDown(s *step, _ Event) error {
	s.m.RestartAt = time.Time{}
	return ErrNotRunning
}

func stop(s *step, _ Event) error {
	if s.m.PID == 0 {
		return ErrNotRunning
	}
	s.m.KillAt = s.now.Add(seconds(s.spec.StopWaitSecs))
	s.m.ReportAt = s.now.Add(reportPeriod)
	s.logKill(s.spec.StopSignal, s.spec.StopAsGroup)
	s.change(Stopping, s.m.PID)
	s.do(Kill{s.spec.StopSignal, s.spec.StopAsGroup})
	s.log(slog.LevelInfo, "waiting for %s to stop", s.spec.Name)
	return nil
}

func (s *step) logKill(sig syscall.Signal, group bool) {
	as := ""
	if group {
		as = "process group "
	}
	s.log(slog.LevelDebug, "killing %s (pid %d) %swith signal %s", s.spec.Name, s.m.PID, as, SignalName(sig))
}

// insist sends SIGKILL to a child that takes longer than stopwaitsecs, again and again, and says what is waited for.
func insist(s *step, _ Event) error {
	if s.due(s.m.KillAt) {
		s.m.Killing = true
		s.m.KillAt = s.now.Add(max(seconds(s.spec.StopWaitSecs), forcedPause))
		s.log(slog.LevelWarn, "killing '%s' (%d) with SIGKILL", s.spec.Name, s.m.PID)
		s.logKill(syscall.SIGKILL, s.spec.KillAsGroup)
		s.do(Kill{syscall.SIGKILL, s.spec.KillAsGroup})
	}
	if s.due(s.m.ReportAt) {
		s.m.ReportAt = s.now.Add(reportPeriod)
		s.log(slog.LevelInfo, "waiting for %s to stop", s.spec.Name)
	}
	return nil
}

func stopped(s *step, ev Event) error {
	pid, how := leave(s, ev)
	s.m.Backoff, s.m.Killing = 0, false
	s.change(Stopped, pid)
	level := slog.LevelInfo
	if !s.m.Expected {
		level = slog.LevelWarn
	}
	s.log(level, "stopped: %s (%s)", s.spec.Name, how)
	return nil
}

// stopRetrying ends the attempts to start. The next start begins with all its retries again, where Supervisor keeps counting.
func stopRetrying(s *step, _ Event) error {
	s.log(slog.LevelDebug, "Attempted to kill %s, which is in BACKOFF state.", s.spec.Name)
	if s.m.Stop.Before(s.m.Start) {
		s.m.Stop = s.now // there was no child, so this is when it ended
	}
	s.m.Backoff = 0
	s.change(Stopped, 0)
	return nil
}

func send(s *step, ev Event) error {
	if s.m.PID == 0 {
		return ErrNotRunning
	}
	sig := ev.(DoSignal).Signal
	s.log(slog.LevelDebug, "sending %s (pid %d) sig %s", s.spec.Name, s.m.PID, SignalName(sig))
	s.do(Kill{sig, false})
	return nil
}

// refused leaves a running process alone whose child may not be signalled; Supervisor loses it from sight (UNKNOWN).
func refused(s *step, ev Event) error {
	s.log(LevelCritical, "unknown problem sending a signal to %s (%d): %s", s.spec.Name, s.m.PID, ev.(SignalRefused).Reason)
	return nil
}

func lost(s *step, ev Event) error {
	s.log(LevelCritical, "unknown problem killing %s (%d): %s", s.spec.Name, s.m.PID, ev.(SignalRefused).Reason)
	s.change(Unknown, s.m.PID)
	return nil
}

func set(s *step, ev Event) error {
	switch ev := ev.(type) {
	case SetDisabled:
		s.m.Disabled = ev.On
	case SetHeld:
		s.m.Held = ev.On
	case SetExtraArgs:
		s.m.ExtraArgs = ev.Args
	case SetSpec:
		s.spec = ev.Spec
		if s.m.State == Exited && !s.spec.Restarts(s.m.ExitStatus) {
			_ = stayDown(s, ev)
		}
	}
	return nil
}
