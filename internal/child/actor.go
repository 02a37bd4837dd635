package child

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// Config is what an Actor is made of. Spec, Spawner and Logger are needed, the rest may be left out.
type Config struct {
	Spec    *process.Spec // never changed, see SetSpec; the log file AUTO was replaced by a path
	Spawner Spawner
	Logger  *slog.Logger // the activity log; records are whole lines in Supervisor's words

	// Notify is told every change of state, in order.
	Notify func(process.Change)
	Hooks  Hooks
	// Socket is what a process with Spec.FastCGI gets in place of a stdin pipe.
	Socket Socket

	Env []string // environment before that of the program: the daemon's and [supervisord] environment, "NAME=value"
	// Inject returns what is added to the environment of a child when it is started, after all else; nil adds nothing.
	Inject    func() []string
	StripANSI bool      // [supervisord] strip_ansi
	Syslog    io.Writer // gets the output of programs that log to syslog, one call for each piece

	// Saved makes the actor go on where another one was frozen.
	Saved *Saved
}

// Hooks are told what a child writes. They are called in a turn of the actor, must not wait for it or for anything
// else, and may not keep the data after they return.
type Hooks struct {
	// Raw gets everything as it was read. An event listener's stdout carries its protocol.
	Raw func(s Stream, data []byte)
	// Log gets what is written to the log of the stream, or would be if there were one (PROCESS_LOG events).
	Log func(s Stream, pid int, data []byte)
	// Capture gets what was written between the capture tokens (PROCESS_COMMUNICATION events).
	Capture func(s Stream, pid int, data []byte)
}

// Socket is a listening socket that several processes share.
type Socket interface {
	// Acquire returns the socket before a spawn; the file is not closed by the actor.
	Acquire() (*os.File, error)
	// Release follows each Acquire once the child has gone, or when there was none.
	Release()
}

// Actor manages one process. All methods may be called from any goroutine but, unless they say that they never wait, not
// from Notify and the Hooks.
type Actor struct {
	cfg     Config
	machine *process.Machine
	timer   *time.Timer     // of the machine, nil when none is set
	logs    [3]*log         // by Stream, open while something can be written to them
	session *session        // the last child and what is left of it, nil before the first
	follow  []process.Event // answers to effects, applied before anything else
	killErr error           // of the last signal, for who asked for it
	counted counters

	turns  turns
	latest atomic.Pointer[snapshot]
}

// New returns the actor of one process, for Begin. The error is that of taking up a saved child.
func New(cfg Config) (*Actor, error) {
	a := &Actor{cfg: cfg, machine: process.NewMachine(cfg.Spec)}
	a.turns = turns{owner: a, quit: make(chan struct{}), done: make(chan struct{}), busy: true}
	if cfg.Saved != nil {
		if err := a.takeUp(cfg.Saved); err != nil {
			return nil, err
		}
	}
	a.latest.Store(newSnapshot(a.info()))
	return a, nil
}

// Begin lets the actor work. It is called once, when all is ready for Notify and the Hooks.
func (a *Actor) Begin() { a.turns.leave() }

// Close ends the actor. A child that still lives is left to itself, without the daemon's ends of its pipes. It never waits.
func (a *Actor) Close() { a.turns.close() }

// Done returns a channel that is closed when an actor that has begun and was closed has ended.
func (a *Actor) Done() <-chan struct{} { return a.turns.done }

// ask runs f in a turn of the actor and returns its error.
func (a *Actor) ask(ctx context.Context, f func() error) error { return a.turns.do(ctx, f) }

func (a *Actor) tell(ctx context.Context, ev process.Event) error {
	return a.ask(ctx, func() error { return a.step(ev) })
}

// Start starts the process and returns when that has been tried: nil means that there is (or was) a child. A command line
// that cannot be run is a *CommandError and changes nothing, any other trouble with the spawn is a *SpawnError.
func (a *Actor) Start(ctx context.Context) error {
	return a.ask(ctx, func() error {
		if _, err := a.command(); err != nil {
			return err
		}
		if err := a.step(process.DoStart{}); err != nil {
			return err
		}
		if text := a.machine.Info().SpawnErr; text != "" {
			return &SpawnError{text}
		}
		return nil
	})
}

// AutoStart starts a process that was never started, as the start of the daemon does. It returns when that has been tried;
// if it goes wrong the process is in BACKOFF, which is not an error here.
func (a *Actor) AutoStart(ctx context.Context) error { return a.tell(ctx, process.DoAutoStart{}) }

// Stop sends the stop signal, and SIGKILL after stopwaitsecs; it returns when the first was sent. In BACKOFF it ends the
// attempts to start.
func (a *Actor) Stop(ctx context.Context) error {
	return a.ask(ctx, func() error { return a.signalling(process.DoStop{}) })
}

// Signal sends the child a signal that is not meant to stop it.
func (a *Actor) Signal(ctx context.Context, sig syscall.Signal) error {
	return a.ask(ctx, func() error { return a.signalling(process.DoSignal{Signal: sig}) })
}

// GiveUp turns BACKOFF into FATAL, when the daemon shuts down. In any other state it does nothing.
func (a *Actor) GiveUp(ctx context.Context) error { return a.tell(ctx, process.DoGiveUp{}) }

// Fail makes a process that is down FATAL, for a reason that keeps a start from being tried. In any other state it does nothing.
func (a *Actor) Fail(ctx context.Context, reason string) error {
	return a.tell(ctx, process.DoFail{Reason: reason})
}

// Hold forbids all starts, or allows them again, while the daemon shuts down.
func (a *Actor) Hold(ctx context.Context, on bool) error { return a.tell(ctx, process.SetHeld{On: on}) }

// SetDisabled forbids starts, or allows them again. A running child goes on.
func (a *Actor) SetDisabled(ctx context.Context, on bool) error {
	return a.tell(ctx, process.SetDisabled{On: on})
}

// SetExtraArgs sets what is added to the command line from the next start on, "" for nothing.
func (a *Actor) SetExtraArgs(ctx context.Context, args string) error {
	return a.tell(ctx, process.SetExtraArgs{Args: args})
}

// SetSpec replaces the configuration of the process, which must keep its group and name. What concerns the child and its logs
// is used from the next spawn on.
func (a *Actor) SetSpec(ctx context.Context, spec *process.Spec) error {
	return a.tell(ctx, process.SetSpec{Spec: spec})
}

// WriteStdin sends data to the child; what its pipe does not take at once is kept and follows in order. ErrNoStdin,
// ErrStdinFull or process.ErrNotRunning tell that nothing was sent.
func (a *Actor) WriteStdin(ctx context.Context, data []byte) error {
	return a.ask(ctx, func() error { return a.writeStdin(data) })
}

// Send is WriteStdin for those who must not wait, such as Hooks. An error is told to failed, in a turn of the actor.
func (a *Actor) Send(data []byte, failed func(error)) {
	a.turns.post(func() error {
		if err := a.writeStdin(data); err != nil {
			failed(err)
		}
		return nil
	})
}

// ReopenLogs opens the log files anew, so that files moved away are let go.
func (a *Actor) ReopenLogs(ctx context.Context) error { return a.ask(ctx, a.reopenLogs) }

// ClearLogs empties the log files, also those of a process that does not run.
func (a *Actor) ClearLogs(ctx context.Context) error {
	return a.ask(ctx, a.clearLogs)
}
