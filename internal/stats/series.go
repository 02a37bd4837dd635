package stats

import "sync/atomic"

// series keeps the last depth values for one writer and any number of readers. A value that was shown to readers is never
// written again: the writer fills a buffer a little longer than the depth, shows the end of it and moves to a new buffer when
// it is full. So readers hold plain slices and nobody waits.
type series[T any] struct {
	depth  int
	buffer []T // the writer's
	shown  atomic.Pointer[[]T]
}

func (s *series[T]) push(value T) {
	if len(s.buffer) == cap(s.buffer) {
		kept := s.buffer[max(0, len(s.buffer)-s.depth+1):]
		s.buffer = append(make([]T, 0, s.depth+s.depth/4+1), kept...)
	}
	s.buffer = append(s.buffer, value)
	last := s.buffer[max(0, len(s.buffer)-s.depth):len(s.buffer):len(s.buffer)]
	s.shown.Store(&last)
}

// all returns the values, oldest first. They are shared: nobody may change them.
func (s *series[T]) all() []T {
	if shown := s.shown.Load(); shown != nil {
		return *shown
	}
	return nil
}

func (s *series[T]) clear() {
	s.buffer = nil
	s.shown.Store(nil)
}
