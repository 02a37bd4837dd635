package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// hear returns hooks that write down all they are told.
func hear() (hooks Hooks, heard func() string) {
	var mu sync.Mutex
	var lines []string
	add := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf(format, args...))
	}
	return Hooks{
			Raw:     func(s Stream, p []byte) { add("raw %s %q", s, p) },
			Log:     func(s Stream, pid int, p []byte) { add("log %s %d %q", s, pid, p) },
			Capture: func(s Stream, pid int, p []byte) { add("capture %s %d %q", s, pid, p) },
		}, func() string {
			mu.Lock()
			defer mu.Unlock()
			return strings.Join(lines, "; ")
		}
}

func TestHooks(t *testing.T) {
	hooks, heard := hear()
	onStage(t, func(s *stage, c *Config) {
		s.spec.Stdout.CaptureBytes, s.spec.Stderr.EventsEnabled = 100, true
		c.Hooks, c.StripANSI = hooks, true
	}, func(s *stage) {
		s.start()
		child := s.fake.last()
		child.say(Stdout, "a\x1b[0m<!--XSUPERVISOR:BEGIN-->\x1b[1mb<!--XSUPERVISOR:END-->")
		synctest.Wait()
		child.say(Stderr, "c")
		synctest.Wait()
		want := `raw stdout "a\x1b[0m<!--XSUPERVISOR:BEGIN-->\x1b[1mb<!--XSUPERVISOR:END-->"; log stdout 101 "a"; ` +
			`capture stdout 101 "\x1b[1mb"; raw stderr "c"; log stderr 101 "c"`
		if got := heard(); got != want {
			t.Errorf("heard %s\nwant  %s", got, want)
		}
	})
}

// Output goes past the daemon when nothing would become of it.
func TestUnwantedOutput(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*process.Spec, *Config)
		discard [3]bool
	}{
		"no logs":         {func(*process.Spec, *Config) {}, [3]bool{Stdout: true, Stderr: true}},
		"redirect_stderr": {func(s *process.Spec, _ *Config) { s.RedirectStderr = true }, [3]bool{Stdout: true}},
		"log of stderr":   {func(s *process.Spec, _ *Config) { s.Stderr.File = "/dev/full" }, [3]bool{Stdout: true}},
		"syslog":          {func(s *process.Spec, _ *Config) { s.Stdout.Syslog = true }, [3]bool{Stderr: true}},
		"events":          {func(s *process.Spec, _ *Config) { s.Stdout.EventsEnabled = true }, [3]bool{Stderr: true}},
		"capture":         {func(s *process.Spec, _ *Config) { s.Stderr.CaptureBytes = 10 }, [3]bool{Stdout: true}},
		"listener":        {func(s *process.Spec, _ *Config) { s.Listener = true }, [3]bool{Stderr: true}},
		"loglevel=debug": {func(_ *process.Spec, c *Config) {
			c.Logger = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}, [3]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, func(s *stage, cfg *Config) { c.change(s.spec, cfg) }, func(s *stage) {
				s.start()
				if got := s.fake.last().Discard; got != c.discard {
					t.Errorf("discarded streams %v, want %v", got, c.discard)
				}
			})
		})
	}
}

// An event listener's stdout is its protocol, never captured text.
func TestListenerIsNotCaptured(t *testing.T) {
	hooks, heard := hear()
	onStage(t, func(s *stage, c *Config) {
		s.spec.Listener, s.spec.Stdout.CaptureBytes = true, 100
		c.Hooks = hooks
	}, func(s *stage) {
		s.start()
		s.fake.last().say(Stdout, "READY\n<")
		synctest.Wait()
		if got, want := heard(), `raw stdout "READY\n<"; log stdout 101 "READY\n<"`; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	})
}

// The last words of a child come before the news of its end, the beginning of a token included.
func TestLastWordsBeforeTheEnd(t *testing.T) {
	var order []string
	onStage(t, func(s *stage, c *Config) {
		s.spec.Stdout.CaptureBytes, s.spec.Stderr.EventsEnabled = 100, true
		c.Hooks.Log = func(_ Stream, pid int, p []byte) { order = append(order, fmt.Sprintf("%d %q", pid, p)) }
		c.Notify = func(ch process.Change) { order = append(order, ch.Info.State.String()) }
	}, func(s *stage) {
		s.start()
		child := s.fake.last()
		child.mu.Lock()
		child.out[Stdout] = []byte("bye<!--")
		child.mu.Unlock()
		child.exit(1)
		synctest.Wait()
		if got, want := strings.Join(order, ", "), `STARTING, 101 "bye", 101 "<!--", BACKOFF`; got != want {
			t.Errorf("order %s, want %s", got, want)
		}
		if got := child.isClosed(); got != "[true true true]" {
			t.Errorf("closed streams %s", got)
		}
	})
}

// A grandchild that keeps the pipe is heard until the next start.
func TestGrandchildIsHeard(t *testing.T) {
	hooks, heard := hear()
	hooks.Raw = nil
	onStage(t, func(s *stage, c *Config) {
		s.spec.StartSecs, s.spec.RedirectStderr, s.spec.Stdout.EventsEnabled = 0, true, true
		c.Hooks = hooks
	}, func(s *stage) {
		s.start()
		old := s.fake.last()
		old.sink.Exited(0) // without an end of file
		synctest.Wait()
		old.say(Stdout, "still here")
		synctest.Wait()
		if got, want := heard(), `log stdout 101 "still here"`; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
		s.expect("0s STARTING", "0s RUNNING", "0s EXITED")
		s.start()
		if got := old.isClosed(); got != "[true true true]" {
			t.Errorf("after the next start the old pipes are closed: %s", got)
		}
		old.say(Stdout, "late")
		s.fake.last().say(Stdout, "new")
		synctest.Wait()
		if got, want := heard(), `log stdout 101 "still here"; log stdout 102 "new"`; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	})
}

func TestStdin(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		write := func(text string) error { return s.WriteStdin(s.t.Context(), []byte(text)) }
		if err := write("x"); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("stdin of a stopped process: %v", err)
		}
		s.start()
		child := s.fake.last()
		child.room = 5
		for _, text := range []string{"one ", "two ", "three "} { // is full after five bytes
			if err := write(text); err != nil {
				t.Errorf("write %q: %v", text, err)
			}
		}
		if got := child.input(); got != "one t" {
			t.Errorf("stdin %q", got)
		}
		child.swallow(4)
		synctest.Wait()
		if got := child.input(); got != "one two t" {
			t.Errorf("stdin %q", got)
		}
		child.swallow(100)
		synctest.Wait()
		if got := child.input(); got != "one two three " {
			t.Errorf("stdin %q", got)
		}
	})
}

func TestStdinThatNobodyReads(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.start()
		child := s.fake.last()
		child.room = 0
		half := make([]byte, maxPending/2)
		for i, want := range []error{nil, nil, ErrStdinFull} {
			if err := s.WriteStdin(s.t.Context(), half); !errors.Is(err, want) {
				t.Errorf("write %d: %v, want %v", i, err, want)
			}
		}
		child.obeys = func(syscall.Signal) bool { return false }
		s.Stop(s.t.Context())
		if err := s.WriteStdin(s.t.Context(), half); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("write to a stopping process: %v", err)
		}
	})
}

func TestClosedStdin(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.start()
		child := s.fake.last()
		child.mu.Lock()
		child.eof[Stdin] = true
		child.mu.Unlock()
		for range 2 {
			if err := s.WriteStdin(s.t.Context(), []byte("x")); !errors.Is(err, ErrNoStdin) {
				t.Errorf("write: %v", err)
			}
		}
		s.expect("0s STARTING") // the process is none the worse
	})
}

func TestDebugLevelCopiesOutput(t *testing.T) {
	var log syncBuffer
	onStage(t, func(s *stage, c *Config) {
		s.spec.Stdout.CaptureBytes = 100
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: onlyText}))
	}, func(s *stage) {
		s.start()
		s.fake.last().say(Stdout, "marker<!--XSUPERVISOR:BEGIN-->x<!--XSUPERVISOR:END-->")
		synctest.Wait()
		s.fake.last().say(Stderr, "\xff")
		synctest.Wait()
		for _, want := range []string{
			`level=DEBUG msg="'p' stdout output:\nmarker"`, `level=DEBUG msg="'p' stdout emitted a comm event"`,
			`level=DEBUG msg="'p' stderr output:\nUndecodable: '�'"`,
		} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("no %s in\n%s", want, log.String())
			}
		}
	})
}

func TestSyslog(t *testing.T) {
	var syslog syncBuffer
	onStage(t, func(s *stage, c *Config) {
		s.spec.Stderr.Syslog = true
		c.Syslog = &syslog
	}, func(s *stage) {
		s.start()
		s.fake.last().say(Stdout, "no")
		s.fake.last().say(Stderr, "yes\nand no")
		synctest.Wait()
		if got := syslog.String(); got != "p yes\np and no" {
			t.Errorf("syslog %q", got)
		}
	})
}

// A log that cannot be opened is a start that went wrong.
func TestLogThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	onStage(t, func(s *stage, _ *Config) {
		s.spec.Stdout.File = filepath.Join(dir, "none", "out")
		s.spec.StartRetries = 0
	}, func(s *stage) {
		want := "unknown error making dispatchers for 'p': ENOENT"
		if err := s.Start(s.t.Context()); err == nil || err.Error() != want {
			t.Errorf("start: %v, want %s", err, want)
		}
		if got := s.fake.attempts(); got != 0 {
			t.Errorf("%d children", got)
		}
		s.expect("0s STARTING", "0s BACKOFF", "0s FATAL")
	})
}

type fakeSocket struct {
	err  error
	held int
}

func (f *fakeSocket) Acquire() (*os.File, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.held++
	return os.Stdin, nil
}

func (f *fakeSocket) Release() { f.held-- }

func TestSocket(t *testing.T) {
	socket := &fakeSocket{}
	onStage(t, func(s *stage, c *Config) {
		s.spec.FastCGI, s.spec.StartSecs, s.spec.StartRetries, c.Socket = "unix:///x", 0, 0, socket
		s.fake.script = func(n int, _ *fakeChild) error {
			if n == 2 {
				return os.NewSyscallError("fork", errors.ErrUnsupported)
			}
			return nil
		}
	}, func(s *stage) {
		s.start()
		child := s.fake.last()
		if child.Stdin != os.Stdin || socket.held != 1 {
			t.Errorf("stdin %v, held %d", child.Stdin, socket.held)
		}
		child.exit(0)
		synctest.Wait()
		if socket.held != 0 {
			t.Errorf("held %d after the exit", socket.held)
		}
		s.Start(s.t.Context()) // cannot be spawned
		if socket.held != 0 {
			t.Errorf("held %d after a failure", socket.held)
		}
		socket.err = errors.New("address in use")
		var failed *SpawnError
		if err := s.Start(s.t.Context()); !errors.As(err, &failed) || s.fake.attempts() != 2 {
			t.Errorf("start without the socket: %v, %d attempts", err, s.fake.attempts())
		}
	})
}

// A frozen actor goes on elsewhere: same pid, same deadlines, the rest of stdin, half a captured text.
func TestFreeze(t *testing.T) {
	hooks, heard := hear()
	hooks.Raw = nil
	onStage(t, func(s *stage, _ *Config) { s.spec.StartSecs, s.spec.Stdout.CaptureBytes = 10, 100 }, func(s *stage) {
		s.start()
		child := s.fake.last()
		child.room = 1
		s.WriteStdin(s.t.Context(), []byte("input"))
		child.say(Stdout, "<!--XSUPERVISOR:BEGIN-->half<!--XSUPER")
		s.sleep(4 * time.Second)

		frozen, err := s.Freeze(s.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := child.isClosed(); got != "[false false false]" {
			t.Errorf("freezing closed %s", got)
		}
		if err := s.Stop(s.t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("stop of a frozen actor: %v", err)
		}
		text, err := json.Marshal(frozen)
		if err != nil {
			t.Fatal(err)
		}
		var saved Saved
		if err := json.Unmarshal(text, &saved); err != nil {
			t.Fatal(err)
		}

		next, err := New(Config{
			Spec: s.spec, Spawner: s.fake, Logger: slog.New(slog.DiscardHandler), Notify: s.notify, Hooks: hooks, Saved: &saved,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := next.Info(); got.PID != 101 || got.State != process.Starting {
			t.Errorf("taken up as %+v", got)
		}
		next.Begin()
		defer next.Close()
		adopted := s.fake.last()
		if adopted == child || adopted.pid != 101 {
			t.Fatalf("adopted %+v", adopted)
		}
		adopted.say(Stdout, "VISOR:END-->rest")
		adopted.swallow(100)
		s.sleep(10 * time.Second)
		if got := adopted.input(); got != "nput" {
			t.Errorf("rest of stdin %q", got)
		}
		if got, want := heard(), `capture stdout 101 "half"; log stdout 101 "rest"`; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
		s.expect("0s STARTING", "10s RUNNING")
		adopted.exit(0)
		s.expect("0s STARTING", "10s RUNNING", "14s EXITED")
	})
}

func TestFreezeWithoutChild(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		saved, err := s.Freeze(s.t.Context())
		if err != nil || saved.Child != nil || saved.Memory.State != process.Stopped {
			t.Errorf("saved %+v, %v", saved, err)
		}
		if err := KeepOpen([]Saved{saved}); err != nil {
			t.Error(err)
		}
	})
}
