package supervisor

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

func openLog(t *testing.T, o config.Supervisord) (*ActivityLog, *syncBuffer) {
	t.Helper()
	console := &syncBuffer{}
	a, err := OpenActivityLog(o, console)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, console
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A console that is a file gets its lines at once, as nothing can hold us there.
func TestConsoleThatIsAFile(t *testing.T) {
	console, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	a, err := OpenActivityLog(config.Supervisord{}, console)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if len(a.closers) > 0 {
		t.Error("there is a queue before it")
	}
	a.Error("this")
	if got := readFile(t, console.Name()); !strings.HasSuffix(got, " ERRO this\n") {
		t.Errorf("the console has %q", got)
	}
}

func TestActivityLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.log")
	a, console := openLog(t, config.Supervisord{Logfile: path, LogMaxBytes: 150, LogBackups: 1, LogLevel: slog.LevelInfo})
	a.Debug("not this")
	a.Info("first")
	if got, err := a.Path(); err != nil || got != path {
		t.Errorf("Path: %s, %v", got, err)
	}
	if got := readFile(t, path); !strings.HasSuffix(got, " INFO first\n") || strings.Contains(got, "not this") {
		t.Errorf("file holds %q", got)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	var none *NoFileError
	if _, err := a.Path(); !errors.As(err, &none) || none.Path != path {
		t.Errorf("Path of a log that was moved away: %v", err)
	}
	if err := a.Clear(); !errors.As(err, &none) {
		t.Errorf("Clear of a log that was moved away: %v", err)
	}
	if err := a.Reopen(); err != nil {
		t.Fatal(err)
	}
	a.Info("second")
	if got := readFile(t, path); strings.Contains(got, "first") || !strings.Contains(got, "second") {
		t.Errorf("the new file holds %q", got)
	}
	if err := a.Clear(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, path); got != "" {
		t.Errorf("the cleared file holds %q", got)
	}
	for range 10 {
		a.Info(strings.Repeat("x", 80))
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Errorf("no rotation: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	expect(t, "console", console.take("")[:3], []string{"INFO first", "INFO second", "INFO reopening log file"})
}

func TestActivityLogToAPipeThatNobodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0) // so that there is somebody
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	a, err := OpenActivityLog(config.Supervisord{Logfile: path, LogLevel: slog.LevelInfo}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 10000 { // more than the pipe and the queue hold
		a.Info("a line that is not short")
	}
	go io.Copy(io.Discard, reader)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestActivityLogWithoutFile(t *testing.T) {
	a, console := openLog(t, config.Supervisord{LogLevel: slog.LevelWarn})
	a.Info("not this")
	a.Warn("this")
	a.Close()
	expect(t, "console", console.take(""), []string{"WARN this"})
	var none *NoFileError
	if _, err := a.Path(); !errors.As(err, &none) || none.Path != "" {
		t.Errorf("Path: %v", err)
	}
	if err := a.Reopen(); err != nil {
		t.Errorf("Reopen: %v", err)
	}
	if err := a.Clear(); !errors.As(err, &none) {
		t.Errorf("Clear: %v", err)
	}
}

func TestActivityLogThatCannotBeOpened(t *testing.T) {
	if _, err := OpenActivityLog(config.Supervisord{Logfile: filepath.Join(t.TempDir(), "none", "d.log")}, nil); err == nil {
		t.Error("no error")
	}
}

// TestProcessLogs writes through fake children to real files.
func TestProcessLogs(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	cfg := &config.Config{Groups: []config.Group{
		program("cat", "cat", startSecs(0), prio(2), func(s *process.Spec) { s.Stdout.File = out }),
		program("auto", "cat", startSecs(0), prio(1), func(s *process.Spec) { s.Stdout.File = "AUTO" }),
		program("none", "cat", startSecs(0)),
	}}
	cfg.Supervisord.ChildLogDir, cfg.Supervisord.Identifier = dir, "id"
	inWorldOf(t, cfg, nil, func(t *testing.T, w *world) {
		w.Start()
		ctx := t.Context()
		for _, name := range []string{"cat", "auto"} {
			if err := w.WriteStdin(ctx, ns(name), []byte("0123456789")); err != nil {
				t.Fatal(err)
			}
		}
		w.events()
		for _, c := range []struct {
			name           string
			offset, length int64
			want           string
		}{{"cat", 0, 0, "0123456789"}, {"cat", 2, 3, "234"}, {"cat", -4, 0, "6789"}, {"auto", 0, 0, "0123456789"}} {
			if got, err := w.ReadLog(ns(c.name), event.Stdout, c.offset, c.length); err != nil || string(got) != c.want {
				t.Errorf("ReadLog(%s, %d, %d) = %q, %v", c.name, c.offset, c.length, got, err)
			}
		}
		data, next, overflow, err := w.TailLog(ns("cat"), event.Stdout, 0, 4)
		if string(data) != "6789" || next != 10 || !overflow || err != nil {
			t.Errorf("TailLog = %q, %d, %v, %v", data, next, overflow, err)
		}
		path, err := w.LogPath(ns("auto"), event.Stdout)
		if ok, _ := filepath.Match(filepath.Join(dir, "auto-stdout---id-*.log"), path); !ok || err != nil {
			t.Errorf("LogPath of AUTO = %s, %v", path, err)
		}
		if p, _ := w.Process(ns("auto")); p.Info.StdoutLog != path || p.Spec.Stdout.File != "AUTO" {
			t.Errorf("auto is %+v", p)
		}

		var none *NoFileError
		if _, err := w.ReadLog(ns("none"), event.Stdout, 0, 0); !errors.As(err, &none) || none.Path != "" {
			t.Errorf("ReadLog without a file: %v", err)
		}
		if _, err := w.ReadLog(ns("cat"), event.Stderr, 0, 0); !errors.As(err, &none) {
			t.Errorf("ReadLog of stderr without a file: %v", err)
		}
		if data, next, overflow, err := w.TailLog(ns("none"), event.Stdout, 5, 10); len(data)+int(next) != 0 || overflow || err != nil {
			t.Errorf("TailLog without a file = %q, %d, %v, %v", data, next, overflow, err)
		}
		if _, _, _, err := w.TailLog(ns("who"), event.Stdout, 0, 0); !errors.Is(err, ErrBadName) {
			t.Errorf("TailLog of nobody: %v", err)
		}

		if err := os.Rename(out, out+".old"); err != nil {
			t.Fatal(err)
		}
		if err := w.ReopenLogs(ctx); err != nil {
			t.Error(err)
		}
		if err := w.WriteStdin(ctx, ns("cat"), []byte("new")); err != nil {
			t.Fatal(err)
		}
		w.events()
		if old, now := readFile(t, out+".old"), readFile(t, out); old != "0123456789" || now != "new" {
			t.Errorf("after ReopenLogs: old %q, new %q", old, now)
		}
		list, err := w.ClearAllLogs(ctx)
		if err != nil || results(list) != "cat:cat, auto:auto, none:none" {
			t.Errorf("ClearAllLogs = %s, %v", results(list), err)
		}
		if now := readFile(t, out) + readFile(t, path); now != "" {
			t.Errorf("after ClearAllLogs: %q", now)
		}
		if err := w.ClearLogs(ctx, ns("cat")); err != nil {
			t.Errorf("ClearLogs: %v", err)
		}
	})
}

func TestProgramThatLogsToSyslog(t *testing.T) {
	p := program("p", "cat", startSecs(0), func(s *process.Spec) { s.Stdout.Syslog = true })
	syslog := &syncBuffer{}
	inWorldOf(t, &config.Config{Groups: []config.Group{p}}, func(d *Deps) { d.Syslog = syslog }, func(t *testing.T, w *world) {
		w.Start()
		if err := w.WriteStdin(t.Context(), ns("p"), []byte("hello\n")); err != nil {
			t.Fatal(err)
		}
		w.events()
		if got := syslog.buf.String(); got != "p hello\n" {
			t.Errorf("syslog got %q", got)
		}
	})
}

func TestMainLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.log")
	a, _ := openLog(t, config.Supervisord{Logfile: path, LogLevel: slog.LevelInfo})
	s, err := New(&config.Config{}, Deps{Log: a, Bus: event.NewBus()})
	if err != nil {
		t.Fatal(err)
	}
	a.Info("hello")
	if got, err := s.ReadMainLog(-6, 0); err != nil || string(got) != "hello\n" {
		t.Errorf("ReadMainLog = %q, %v", got, err)
	}
	if err := s.ClearMainLog(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	var none *NoFileError
	if _, err := s.ReadMainLog(0, 0); !errors.As(err, &none) || none.Error() != "no log file "+path {
		t.Errorf("ReadMainLog without the file: %v", err)
	}
	if err := s.ClearMainLog(); !errors.As(err, &none) {
		t.Errorf("ClearMainLog without the file: %v", err)
	}
}
