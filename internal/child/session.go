package child

import (
	"sync/atomic"
	"syscall"

	"github.com/supvisors/supvisors/internal/process"
)

// Amounts of output that are read in one go before the actor looks at its other work, and after the end of the child. The
// latter is more than a pipe holds, so that only a grandchild that goes on writing has something left for later.
const (
	turnBudget  = 1 << 20
	drainBudget = 2 << 20
)

// session is one child from its spawn until its last descriptor is closed, which may be after its exit: a grandchild that
// holds its stdout is read on until it ends or the process is started again. It is the Sink of the child.
type session struct {
	actor   *Actor
	child   Child
	pid     int
	gone    bool   // the child has exited
	release func() // of the Socket, nil when there is none to release

	stdin   []byte
	outputs [3]*output // by Stream; nil for stdin and for streams that are closed

	news   atomic.Uint32 // bits 1<<Stream and exitBit: what the actor has to look at
	status syscall.WaitStatus
}

const exitBit = 1 << 3

// newSession prepares a session in which all streams are read but the discarded ones.
func newSession(a *Actor, spec *process.Spec, discard [3]bool) *session {
	s := &session{actor: a}
	for stream, to := range logSpecs(spec) {
		if !discard[stream] {
			s.outputs[stream] = newOutput(a, s, stream, to)
		}
	}
	return s
}

// Ready implements Sink.
func (s *session) Ready(stream Stream) { s.post(1 << stream) }

// Exited implements Sink.
func (s *session) Exited(status syscall.WaitStatus) {
	s.status = status
	s.post(exitBit)
}

func (s *session) post(bit uint32) {
	s.news.Or(bit)
	s.actor.turns.wake()
}

// service looks at everything that happened to the child since the last time, and lets it know what there is for it.
func (a *Actor) service() {
	s := a.session
	if s == nil {
		return
	}
	news := s.news.Swap(0)
	if news&(1<<Stdin) != 0 {
		s.flush()
	}
	for _, stream := range []Stream{Stdout, Stderr} {
		if out := s.outputs[stream]; news&(1<<stream) != 0 && out != nil && !out.log.busy() && s.read(stream, turnBudget) {
			s.post(1 << stream)
		}
	}
	if news&exitBit != 0 {
		a.exited(s.status)
	} else if s.gone && s.done() {
		a.closeLogs()
	}
}

// read takes what there is on a stream and reports whether there may be more.
func (s *session) read(stream Stream, budget int) (more bool) {
	out := s.outputs[stream]
	if out == nil {
		return false
	}
	more, err := s.child.Read(stream, budget, out.take)
	if err != nil {
		out.end()
		s.child.Close(stream)
		s.outputs[stream] = nil
	}
	return more
}

// ended is the exit of the child: its last words are read, its stdin is closed.
func (s *session) ended() {
	s.gone, s.stdin = true, nil
	s.child.Close(Stdin)
	for _, stream := range []Stream{Stdout, Stderr} {
		if s.read(stream, drainBudget) {
			s.post(1 << stream)
		}
		if out := s.outputs[stream]; out != nil {
			out.end() // whoever writes now is another
		}
	}
	if s.release != nil {
		s.release()
		s.release = nil
	}
}

// done reports whether nothing more can be read.
func (s *session) done() bool {
	return s == nil || s.outputs[Stdout] == nil && s.outputs[Stderr] == nil
}

// close gives up what is left of the session.
func (s *session) close() {
	if s == nil {
		return
	}
	if s.child != nil {
		for _, stream := range []Stream{Stdin, Stdout, Stderr} {
			s.child.Close(stream)
		}
	}
	if s.release != nil {
		s.release()
		s.release = nil
	}
}
