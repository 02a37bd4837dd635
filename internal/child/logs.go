package child

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"sync/atomic"

	"github.com/supvisors/supvisors/internal/logfile"
	"github.com/supvisors/supvisors/internal/process"
)

// log is where one stream goes; each part may be missing.
type log struct {
	file    *logfile.Writer
	slow    *slow // writes to file in place of the actor; nil for a regular file
	syslog  io.Writer
	name    string // of the process, begins each line to syslog
	logger  *slog.Logger
	failing atomic.Bool // the last write went wrong, which is said once
	counted *traffic
}

// openLogs opens the logs of a process. They are open while there is a stream that can be written to them.
func (a *Actor) openLogs(spec *process.Spec) error {
	a.closeLogs()
	for stream, to := range logSpecs(spec) {
		l := &log{name: spec.Name, logger: a.cfg.Logger, counted: &a.counted.logs[stream]}
		if to.Syslog {
			l.syslog = a.cfg.Syslog
		}
		if to.File != "" {
			file, err := logfile.New(to.File, to.MaxBytes, to.Backups)
			if err != nil {
				a.closeLogs()
				return err
			}
			l.file = file
			file.OnRotate(func() { l.counted.rotations.Add(1) })
			if file.MayWait() {
				l.slow = &slow{file: file, said: l.said}
			}
		}
		a.logs[stream] = l
	}
	return nil
}

func (a *Actor) closeLogs() {
	for stream, l := range a.logs {
		if l != nil && l.file != nil {
			l.settle()
			l.file.Close()
		}
		a.logs[stream] = nil
	}
}

func (a *Actor) reopenLogs() error {
	var failed []error
	for _, l := range a.logs {
		if l != nil && l.file != nil {
			l.settle()
			failed = append(failed, l.file.Reopen())
		}
	}
	return errors.Join(failed...)
}

func (a *Actor) clearLogs() error {
	var failed []error
	for stream, to := range logSpecs(a.machine.Spec()) {
		if to.File == "" {
			continue
		}
		if l := a.logs[stream]; l != nil && l.file != nil {
			failed = append(failed, l.file.Clear())
			continue
		}
		file, err := logfile.New(to.File, to.MaxBytes, to.Backups)
		if err == nil {
			err = errors.Join(file.Clear(), file.Close())
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// logSpecs returns what the configuration says about each stream that is read on its own.
func logSpecs(spec *process.Spec) iter.Seq2[Stream, *process.LogSpec] {
	return func(yield func(Stream, *process.LogSpec) bool) {
		if yield(Stdout, &spec.Stdout) && !spec.RedirectStderr {
			yield(Stderr, &spec.Stderr)
		}
	}
}

// unwanted tells the streams of which nothing would become: not even the log of a daemon that logs all there is.
func (a *Actor) unwanted(spec *process.Spec) (streams [3]bool) {
	if a.cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		return streams
	}
	for stream, to := range logSpecs(spec) {
		protocol := spec.Listener && stream == Stdout
		streams[stream] = to.File == "" && !to.Syslog && !to.EventsEnabled && to.CaptureBytes == 0 && !protocol
	}
	return streams
}

// write appends a piece of output. A log that cannot be written loses it; the child is not disturbed.
func (l *log) write(data []byte) {
	l.counted.bytes.Add(uint64(len(data)))
	var err error
	switch {
	case l.slow != nil:
		l.slow.write(data)
	case l.file != nil:
		_, err = l.file.Write(data)
	}
	if l.syslog != nil {
		_, serr := l.syslog.Write(l.named(data))
		err = errors.Join(err, serr)
	}
	if l.slow == nil || err != nil {
		l.said(err)
	}
}

// said takes note of how a write went.
func (l *log) said(err error) {
	if err != nil {
		l.counted.failures.Add(1)
	}
	if failed := err != nil; l.failing.Swap(failed) != failed && failed {
		l.logger.Error("output of '" + l.name + "' is lost: " + err.Error())
	}
}

// busy reports whether the log cannot take more at the moment.
func (l *log) busy() bool { return l.slow != nil && l.slow.busy() }

// settle waits a moment until all has been written that is on its way.
func (l *log) settle() {
	if l.slow != nil {
		l.slow.settle()
	}
}

// named returns data with the name of the process before each line.
func (l *log) named(data []byte) []byte {
	var text []byte
	for line := range bytes.Lines(data) {
		text = append(append(append(text, l.name...), ' '), line...)
	}
	return text
}
