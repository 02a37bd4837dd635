package child

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// Saved is a frozen actor. It can be written down as JSON and is taken up again by New in another image of the daemon, which
// was exec'ed in place and so has the same children and descriptors.
type Saved struct {
	Memory  process.Memory   `json:"memory"`
	Child   *SavedChild      `json:"child,omitempty"`
	Stdin   []byte           `json:"stdin,omitempty"` // not yet taken by the child
	Outputs [3]*SavedCapture `json:"outputs"`
}

// SavedCapture is the capture mode of a stream amid a captured text.
type SavedCapture struct {
	In   bool   `json:"in"`
	Held []byte `json:"held,omitempty"`
	Text []byte `json:"text,omitempty"`
}

// Freeze stops the actor for good, as Close does, but keeps the child and the pipes as they are and returns all there is to
// know about them. What happens to the child from now on waits for the actor that takes it up. The System must have ended
// before (Close, and Run has returned), or it would reap children for nobody. The way to another image of the daemon is:
// end the System, freeze all actors, KeepOpen, exec; there, or here when the exec fails, make a new System, make the actors
// with New, and only then call System.Run.
func (a *Actor) Freeze(ctx context.Context) (Saved, error) {
	var saved Saved
	err := a.ask(ctx, func() error {
		a.service() // what has been told already would be lost
		saved.Memory = a.machine.Save(time.Now())
		if s := a.session; s != nil && !(s.gone && s.done()) {
			s.save(&saved)
		}
		a.session = nil // shut must not close its pipes
		a.Close()
		return nil
	})
	return saved, err
}

func (s *session) save(saved *Saved) {
	child := s.child.Save()
	if s.gone {
		child.PID = 0
	}
	saved.Child, saved.Stdin = &child, s.stdin
	for stream, out := range s.outputs {
		if out != nil && out.capture != nil {
			saved.Outputs[stream] = &SavedCapture{out.capture.in, out.capture.held, out.capture.text}
		}
	}
}

// KeepOpen lets the pipes of frozen actors survive the exec of the next image. No child may be spawned between KeepOpen and
// the exec: it would inherit them.
func KeepOpen(all []Saved) error {
	var failed []error
	for _, saved := range all {
		if saved.Child == nil {
			continue
		}
		for _, fd := range saved.Child.FDs {
			if fd < 0 {
				continue
			}
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
				failed = append(failed, fmt.Errorf("keep descriptor %d of pid %d open: %w", fd, saved.Child.PID, err))
			}
		}
	}
	return errors.Join(failed...)
}

// takeUp continues a frozen actor, before Begin.
func (a *Actor) takeUp(saved *Saved) error {
	spec := a.cfg.Spec
	a.machine = process.Restore(spec, saved.Memory, time.Now())
	if saved.Child != nil {
		if err := a.openLogs(spec); err != nil {
			return fmt.Errorf("take up %s: %w", spec.Name, err)
		}
		s := newSession(a, spec, [3]bool{}) // what a former configuration wanted must be read, or the child would wait
		s.pid, s.gone, s.stdin = saved.Child.PID, saved.Child.PID == 0, saved.Stdin
		for stream, capture := range saved.Outputs {
			if out := s.outputs[stream]; capture != nil && out != nil && out.capture != nil {
				out.capture.in, out.capture.held, out.capture.text = capture.In, capture.Held, capture.Text
			}
		}
		child, err := a.cfg.Spawner.Adopt(*saved.Child, s)
		if err != nil {
			a.closeLogs()
			return fmt.Errorf("take up %s: %w", spec.Name, err)
		}
		s.child, a.session = child, s
	}
	for _, e := range a.machine.Resume() {
		a.perform(e)
	}
	return nil
}
