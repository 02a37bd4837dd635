package child

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// step gives the machine an event and carries out what it answers, until there is nothing left to do.
func (a *Actor) step(ev process.Event) error {
	err := a.apply(ev)
	for len(a.follow) > 0 {
		ev, a.follow = a.follow[0], a.follow[1:]
		_ = a.apply(ev) // answers are never refused
	}
	a.follow = nil
	a.publish(a.info())
	return err
}

func (a *Actor) apply(ev process.Event) error {
	effects, err := a.machine.Step(time.Now(), ev)
	var infos []process.Info
	for _, e := range effects {
		a.perform(e)
		switch e := e.(type) {
		case process.Changed:
			infos = append(infos, withLogs(e.Change.Info, a.machine.Spec()))
		case process.Spawn:
			a.counted.spawning(ev)
		}
	}
	for _, info := range infos { // who waits for a state finds it told and logged
		a.publish(info)
	}
	return err
}

func (a *Actor) perform(e process.Effect) {
	switch e := e.(type) {
	case process.Spawn:
		a.follow = append(a.follow, a.spawn())
	case process.Kill:
		if a.killErr = a.kill(e); a.killErr != nil {
			a.follow = append(a.follow, process.SignalRefused{Reason: a.killErr.Error()})
		}
	case process.SetTimer:
		a.setTimer(e.At)
	case process.Changed:
		if a.cfg.Notify != nil {
			e.Change.Info = withLogs(e.Change.Info, a.machine.Spec())
			a.cfg.Notify(e.Change)
		}
	case process.Log:
		a.cfg.Logger.Log(context.Background(), e.Level, e.Text)
	}
}

// setTimer has the machine told when that time has come, in place of any time before; zero stands for never.
func (a *Actor) setTimer(at time.Time) {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	if at.IsZero() {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(at), func() {
		_ = a.ask(context.Background(), func() error {
			if a.timer != timer { // it went off when it was about to be stopped
				return nil
			}
			a.timer = nil
			return a.step(process.TimerFired{})
		})
	})
	a.timer = timer
}

// signalling applies a wish that may send a signal and returns the refusal, be it that of the machine or of the kernel.
func (a *Actor) signalling(ev process.Event) error {
	a.killErr = nil
	if err := a.step(ev); err != nil {
		return err
	}
	return a.killErr
}

func (a *Actor) kill(k process.Kill) error {
	pid := a.machine.PID()
	err := a.session.child.Kill(k.Signal, k.Group)
	if errors.Is(err, ErrGone) || errors.Is(err, unix.ESRCH) {
		a.cfg.Logger.Debug("unable to signal " + a.machine.Spec().Name + ", it probably just exited on its own")
		return nil
	}
	if err != nil {
		return &SignalError{pid, k.Signal, err}
	}
	return nil
}

func (a *Actor) info() process.Info { return withLogs(a.machine.Info(), a.machine.Spec()) }

// withLogs adds the paths of the log files, which the machine does not know.
func withLogs(info process.Info, spec *process.Spec) process.Info {
	info.StdoutLog, info.StderrLog = spec.Stdout.File, spec.Stderr.File
	if spec.RedirectStderr {
		info.StderrLog = ""
	}
	return info
}

// spawn tries to start a child and returns what became of it.
func (a *Actor) spawn() process.Event {
	spec := a.machine.Spec()
	a.session.close() // whoever still holds the pipes of the last child is not this process any more
	a.session = nil
	cmd, err := a.command()
	if err != nil {
		return process.ChildNotSpawned{Reason: err.Error()}
	}
	if err := a.openLogs(spec); err != nil {
		return process.ChildNotSpawned{Reason: spawnErrText(spec.Name, err)}
	}
	s := newSession(a, spec, cmd.Discard)
	if spec.FastCGI != "" && a.cfg.Socket != nil {
		if cmd.Stdin, err = a.cfg.Socket.Acquire(); err != nil {
			a.closeLogs()
			return process.ChildNotSpawned{Reason: spawnErrText(spec.Name, err)}
		}
		s.release = a.cfg.Socket.Release
	}
	if s.child, err = a.cfg.Spawner.Spawn(cmd, s); err != nil {
		s.close()
		a.closeLogs()
		return process.ChildNotSpawned{Reason: spawnErrText(spec.Name, err)}
	}
	a.session, s.pid = s, s.child.PID()
	return process.ChildSpawned{PID: s.pid}
}

// exited ends the life of the child: what it left in its pipes comes first.
func (a *Actor) exited(status syscall.WaitStatus) {
	a.session.ended()
	_ = a.step(process.ChildExited{Status: status})
	if a.session.done() {
		a.closeLogs()
	}
}

func (a *Actor) employ(f func()) { a.cfg.Spawner.Go(f) }

// shut lets go of everything.
func (a *Actor) shut() {
	a.setTimer(time.Time{})
	a.session.close()
	a.closeLogs()
}

// debugging reports whether the activity log wants the output of children.
func (a *Actor) debugging() bool {
	return a.cfg.Logger.Enabled(context.Background(), slog.LevelDebug)
}
