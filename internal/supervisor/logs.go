package supervisor

import (
	"context"
	"errors"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
)

// LogPath returns the file that a process logs a stream to. The error is ErrBadName, or a *NoFileError when there is none.
func (s *Supervisor) LogPath(ns process.Namespec, c event.Channel) (string, error) {
	m, err := s.current.Load().find(ns)
	if err != nil {
		return "", err
	}
	path := m.running.Stdout.File
	if c == event.Stderr {
		path = m.running.Stderr.File
	}
	return existing(path)
}

// ReadLog returns a window of a log of a process; see logfile.Read. Errors as of LogPath and logfile.Read.
func (s *Supervisor) ReadLog(ns process.Namespec, c event.Channel, offset, length int64) ([]byte, error) {
	path, err := s.LogPath(ns, c)
	if err != nil {
		return nil, err
	}
	return logfile.Read(path, offset, length)
}

// TailLog returns the end of a log of a process; see logfile.Tail. As in Supervisor, a log that does not exist is empty and the
// next offset is 0.
func (s *Supervisor) TailLog(ns process.Namespec, c event.Channel, offset, length int64) (data []byte, next int64, overflow bool, err error) {
	path, err := s.LogPath(ns, c)
	var none *NoFileError
	if errors.As(err, &none) {
		return nil, 0, false, nil
	}
	if err != nil {
		return nil, 0, false, err
	}
	data, next, overflow = logfile.Tail(path, offset, length)
	return data, next, overflow, nil
}

// ClearLogs empties both logs of a process.
func (s *Supervisor) ClearLogs(ctx context.Context, ns process.Namespec) error {
	return s.one(ctx, "clear logs of", ns, clearLogs, false)
}

// ClearAllLogs empties the logs of all processes.
func (s *Supervisor) ClearAllLogs(ctx context.Context) ([]Result, error) {
	return many(ctx, s.current.Load().all(), func(process.State) bool { return true }, clearLogs, false)
}

func clearLogs(ctx context.Context, m *managed) (rest, error) { return nil, m.ClearLogs(ctx) }

// ReadMainLog returns a window of the activity log; see ReadLog.
func (s *Supervisor) ReadMainLog(offset, length int64) ([]byte, error) {
	path, err := s.deps.Log.Path()
	if err != nil {
		return nil, err
	}
	return logfile.Read(path, offset, length)
}

// ClearMainLog starts the activity log anew. The error is a *NoFileError when there is no file.
func (s *Supervisor) ClearMainLog() error { return s.deps.Log.Clear() }

// ReopenLogs opens all log files again, as Supervisor does on SIGUSR2.
func (s *Supervisor) ReopenLogs(ctx context.Context) error {
	failed := []error{s.deps.Log.Reopen()}
	for _, m := range s.current.Load().all() {
		failed = append(failed, m.ReopenLogs(ctx))
	}
	return errors.Join(failed...)
}

// SendRemoteComm publishes a REMOTE_COMMUNICATION event.
func (s *Supervisor) SendRemoteComm(kind, data string) {
	s.publish(event.RemoteCommunication{Kind: kind, Data: data})
}
