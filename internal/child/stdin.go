package child

import "github.com/supvisors/supvisors/internal/process"

// maxPending is how much is kept for a child that does not read its stdin, in bytes.
const maxPending = 4 << 20

func (a *Actor) writeStdin(data []byte) error {
	if a.machine.PID() == 0 || a.machine.State() == process.Stopping {
		return process.ErrNotRunning
	}
	s := a.session
	if len(s.stdin) > 0 {
		if len(s.stdin)+len(data) > maxPending {
			return ErrStdinFull
		}
		s.stdin = append(s.stdin, data...)
		return nil
	}
	n, err := s.child.Write(data)
	if err != nil {
		s.child.Close(Stdin)
		return ErrNoStdin
	}
	s.stdin = append(s.stdin, data[n:]...)
	return nil
}

// flush goes on with what the child has not taken yet. What cannot be delivered any more is dropped: the call that sent it
// has long been answered.
func (s *session) flush() {
	if len(s.stdin) == 0 {
		return
	}
	n, err := s.child.Write(s.stdin)
	if err != nil {
		s.child.Close(Stdin)
		n = len(s.stdin)
	}
	if s.stdin = s.stdin[n:]; len(s.stdin) == 0 {
		s.stdin = nil
	}
}
