package child

import (
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/logfile"
)

// flushTime is how long the reader of a pipe may take for what is still to be written when the log is closed.
const flushTime = time.Second

// slow writes to a log that may make its writer wait: a pipe or a terminal. It does so on a goroutine of its own while there is
// something to write. The actor reads nothing more of the child until then, so that the child waits for the reader of its log, and the
// actor never does.
type slow struct {
	file *logfile.Writer
	room func()      // told when all has been written
	said func(error) // told of each write how it went; one call at a time

	mu      sync.Mutex
	pending []byte
	idle    chan struct{} // closed when all has been written; nil when nothing is to be written
}

func (s *slow) write(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, data...)
	if s.idle == nil {
		s.idle = make(chan struct{})
		go s.run()
	}
}

func (s *slow) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle != nil
}

func (s *slow) run() {
	var data []byte
	for {
		s.mu.Lock()
		data, s.pending = s.pending, data[:0]
		if len(data) == 0 {
			close(s.idle)
			s.idle, s.pending = nil, nil
			s.mu.Unlock()
			s.room()
			return
		}
		s.mu.Unlock()
		_, err := s.file.Write(data)
		s.said(err)
	}
}

// settle waits a moment until all has been written.
func (s *slow) settle() {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-time.After(flushTime):
	}
}
