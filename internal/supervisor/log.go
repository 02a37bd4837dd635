package supervisor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/logfile"
)

// ActivityLog is the daemon's own log: the logfile of [supervisord], and a console.
type ActivityLog struct {
	*slog.Logger
	Level   slog.LevelVar   // of the lines that are written
	file    *logfile.Writer // nil when there is no file
	closers []io.Closer     // in the order in which they are closed
}

// OpenActivityLog opens the log that the options of [supervisord] describe. Lines go to the console too, unless it is nil.
// Logging never waits for a console or a logfile that is a terminal or a pipe.
func OpenActivityLog(o config.Supervisord, console io.Writer) (*ActivityLog, error) {
	a := &ActivityLog{}
	var out []io.Writer
	if console != nil {
		out = append(out, a.unhindered(console, statOf(console)))
	}
	switch o.Logfile {
	case "":
	case "syslog":
		w, err := logfile.NewSyslog("supervisord", "")
		if err != nil {
			a.Close()
			return nil, fmt.Errorf("activity log: %w", err)
		}
		out = append(out, w)
		a.closers = append(a.closers, w)
	default:
		w, err := logfile.New(o.Logfile, o.LogMaxBytes, o.LogBackups)
		if err != nil {
			a.Close()
			return nil, fmt.Errorf("activity log: %w", err)
		}
		a.file = w
		info, _ := os.Stat(o.Logfile)
		out = append(out, a.unhindered(w, info))
		a.closers = append(a.closers, w)
	}
	a.Level.Set(o.LogLevel)
	a.Logger = slog.New(NewActivityHandler(&a.Level, out...))
	return a, nil
}

// statOf describes what a console is, nil when that can't be told.
func statOf(console io.Writer) fs.FileInfo {
	f, ok := console.(*os.File)
	if !ok {
		return nil
	}
	info, _ := f.Stat()
	return info
}

// unhindered returns what writes lines to w without waiting: w itself if it is a regular file, a queue before it if it may be anything else.
func (a *ActivityLog) unhindered(w io.Writer, info fs.FileInfo) io.Writer {
	if info != nil && info.Mode().IsRegular() {
		return w
	}
	q := newLineQueue(w, lineQueueSize)
	a.closers = append(a.closers, q)
	return q
}

// Path returns the file of the log. The error is a *NoFileError when there is none, or when it was removed.
func (a *ActivityLog) Path() (string, error) {
	if a.file == nil {
		return "", &NoFileError{}
	}
	return existing(a.file.Path())
}

// Clear starts the log file anew.
func (a *ActivityLog) Clear() error {
	if _, err := a.Path(); err != nil {
		return err
	}
	a.Info("reopening log file") // in the old file, as in Supervisor: the new one is empty
	return a.file.Clear()
}

// Reopen opens the log file again, so that one moved away is let go.
func (a *ActivityLog) Reopen() error {
	if a.file == nil {
		return nil
	}
	return a.file.Reopen()
}

// Close writes what is queued and closes the log. What is logged afterwards is lost.
func (a *ActivityLog) Close() error {
	var failed []error
	for _, c := range a.closers {
		failed = append(failed, c.Close())
	}
	return errors.Join(failed...)
}

// existing returns path if there is a file.
func existing(path string) (string, error) {
	if _, err := os.Stat(path); path == "" || errors.Is(err, fs.ErrNotExist) {
		return "", &NoFileError{Path: path}
	}
	return path, nil
}
