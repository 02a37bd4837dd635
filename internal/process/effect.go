package process

import (
	"log/slog"
	"syscall"
	"time"
)

// LevelCritical is Supervisor's log level CRIT.
const LevelCritical = slog.Level(12)

// Effect is what the owner of a Machine has to do after a step, in order.
type Effect interface{ effect() }

type (
	// Spawn asks for a child. The answer, ChildSpawned or ChildNotSpawned, is the next event of the machine.
	Spawn struct{}
	// Kill sends a signal to the child, or to its process group.
	Kill struct {
		Signal syscall.Signal
		Group  bool
	}
	// SetTimer replaces the one timer: TimerFired is wanted at this moment, never when it is zero.
	SetTimer struct{ At time.Time }
	// Changed announces a new state.
	Changed struct{ Change Change }
	// Log is a line for the activity log, in Supervisor's words.
	Log struct {
		Level slog.Level
		Text  string
	}
)

func (Spawn) effect()    {}
func (Kill) effect()     {}
func (SetTimer) effect() {}
func (Changed) effect()  {}
func (Log) effect()      {}
