package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

// stage is an actor with fake children inside a synctest bubble, where time stands still until everything waits.
type stage struct {
	*Actor
	t       *testing.T
	fake    *fakeSpawner
	spec    *process.Spec
	begin   time.Time
	log     syncBuffer
	mu      sync.Mutex
	history []string // "1s STARTING"
}

// onStage runs a story in a bubble. change, which may be nil, completes the configuration before the actor runs.
func onStage(t *testing.T, change func(*stage, *Config), story func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, fake: &fakeSpawner{}, begin: time.Now()}
		s.spec = &process.Spec{
			Program: "p", Group: "g", Name: "p", Command: "p", UID: -1, Umask: -1, StartSecs: 1, StartRetries: 3,
			ExitCodes: []int{0}, StopSignal: syscall.SIGTERM, StopWaitSecs: 10,
		}
		cfg := Config{
			Spec: s.spec, Spawner: s.fake, Notify: s.notify,
			Logger: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{ReplaceAttr: onlyText, Level: slog.LevelInfo})),
		}
		if change != nil {
			change(s, &cfg)
		}
		actor, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.Actor = actor
		actor.Begin()
		story(s)
		actor.Close()
		<-actor.Done()
	})
}

// onlyText leaves level and message of a log record.
func onlyText(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func (s *stage) notify(c process.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = append(s.history, fmt.Sprintf("%v %s", time.Since(s.begin), c.Info.State))
}

// expect waits until nothing moves and compares the history so far, with its times.
func (s *stage) expect(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.history, want) {
		s.t.Errorf("history\n  %s\nwant\n  %s", strings.Join(s.history, "\n  "), strings.Join(want, "\n  "))
	}
}

// start starts the process; sleep lets time pass and everything happen that is due.
func (s *stage) start() {
	s.t.Helper()
	if err := s.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestRunningAfterStartsecs(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.StartSecs = 2 }, func(s *stage) {
		s.start()
		s.expect("0s STARTING")
		s.sleep(time.Hour)
		s.expect("0s STARTING", "2s RUNNING")
		if info := s.Info(); info.PID != 101 || !info.Start.Equal(s.begin) {
			t.Errorf("info %+v", info)
		}
	})
}

func TestRunningAtOnceWithoutStartsecs(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.StartSecs = 0 }, func(s *stage) {
		s.start()
		if s.Info().State != process.Running {
			t.Errorf("after Start: %s", s.Info().State)
		}
		s.expect("0s STARTING", "0s RUNNING")
	})
}

func TestBackoffGrowsUntilFatal(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) {
		s.spec.StartRetries = 2
		s.fake.script = func(_ int, c *fakeChild) error { c.exit(1); return nil }
	}, func(s *stage) {
		s.start()
		s.sleep(time.Minute)
		s.expect("0s STARTING", "0s BACKOFF", "1s STARTING", "1s BACKOFF", "3s STARTING", "3s BACKOFF", "3s FATAL")
		info := s.Info()
		if info.SpawnErr != "Exited too quickly (process log may have details)" || info.ExitStatus != 0 || info.PID != 0 {
			t.Errorf("info %+v", info)
		}
		if !strings.Contains(s.log.String(), "gave up: p entered FATAL state, too many start retries too quickly") {
			t.Errorf("log\n%s", s.log.String())
		}
	})
}

// The delay counts from the failure, not from the start.
func TestBackoffOfSlowFailure(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.StartSecs, s.spec.StartRetries = 10, 1 }, func(s *stage) {
		s.start()
		s.sleep(4 * time.Second)
		s.fake.last().exit(1)
		s.sleep(time.Second)
		s.expect("0s STARTING", "4s BACKOFF", "5s STARTING")
		s.sleep(10 * time.Second)
		s.expect("0s STARTING", "4s BACKOFF", "5s STARTING", "15s RUNNING")
	})
}

func TestSpawnErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		text string
	}{
		{os.NewSyscallError("fork", unix.EAGAIN), "Too many processes in process table to spawn 'p'"},
		{os.NewSyscallError("fork", unix.ENOMEM), "unknown error during fork for 'p': ENOMEM"},
		{os.NewSyscallError("pipe", unix.EMFILE), "too many open files to spawn 'p'"},
		{os.NewSyscallError("pipe", unix.ENFILE), "unknown error making dispatchers for 'p': ENFILE"},
	} {
		onStage(t, func(s *stage, _ *Config) {
			s.spec.StartRetries = 0
			s.fake.script = func(int, *fakeChild) error { return tt.err }
		}, func(s *stage) {
			var failed *SpawnError
			if err := s.Start(s.t.Context()); !errors.As(err, &failed) || failed.Text != tt.text {
				t.Errorf("start: %v, want %s", err, tt.text)
			}
			s.expect("0s STARTING", "0s BACKOFF", "0s FATAL")
			if got := s.Info().SpawnErr; got != tt.text {
				t.Errorf("spawnerr %q", got)
			}
		})
	}
}

func TestBadCommands(t *testing.T) {
	for _, tt := range []struct {
		command string
		lookup  error
		kind    error
		text    string
	}{
		{"", nil, ErrBadCommand, "command is empty"},
		{"  ", nil, ErrBadCommand, "command is empty"},
		{"a 'b", nil, ErrBadCommand, `can't parse command "a 'b": No closing quotation`},
		{"a", &CommandError{ErrNotFound, "can't find command 'a'"}, ErrNotFound, "can't find command 'a'"},
	} {
		onStage(t, func(s *stage, _ *Config) {
			s.spec.Command, s.spec.StartRetries, s.fake.lookupErr = tt.command, 0, tt.lookup
		}, func(s *stage) {
			if err := s.Start(s.t.Context()); !errors.Is(err, tt.kind) || err.Error() != tt.text {
				t.Errorf("start %q: %v", tt.command, err)
			}
			s.expect() // a user is told, the process stays as it is
			if err := s.AutoStart(s.t.Context()); err != nil {
				t.Errorf("autostart: %v", err)
			}
			s.expect("0s STARTING", "0s BACKOFF", "0s FATAL") // the daemon tries
			if got := s.Info().SpawnErr; got != tt.text {
				t.Errorf("spawnerr %q", got)
			}
		})
	}
}

func TestStopWaitsThenKills(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.StopWaitSecs, s.spec.KillAsGroup = 3, true }, func(s *stage) {
		s.start()
		s.sleep(5 * time.Second)
		child := s.fake.last()
		child.obeys = func(sig syscall.Signal) bool { return sig == syscall.SIGKILL }
		if err := s.Stop(s.t.Context()); err != nil {
			t.Fatal(err)
		}
		s.expect("0s STARTING", "1s RUNNING", "5s STOPPING")
		s.sleep(time.Minute)
		s.expect("0s STARTING", "1s RUNNING", "5s STOPPING", "8s STOPPED")
		if got := child.got(); got != "[SIGTERM group SIGKILL]" {
			t.Errorf("signals %s", got)
		}
		rest := s.log.String()
		for _, line := range []string{
			"spawned: 'p' with pid 101",
			"success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)",
			"waiting for p to stop", "waiting for p to stop", "killing 'p' (101) with SIGKILL",
			"stopped: p (terminated by SIGKILL)",
		} {
			var ok bool
			if _, rest, ok = strings.Cut(rest, line); !ok {
				t.Fatalf("no %q at its place in\n%s", line, s.log.String())
			}
		}
	})
}

// A child in the kernel's hands is killed again and again, at most once per second.
func TestKillIsRepeated(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.StopWaitSecs = 0 }, func(s *stage) {
		s.start()
		child := s.fake.last()
		child.obeys = func(syscall.Signal) bool { return false }
		s.Stop(s.t.Context())
		s.sleep(2500 * time.Millisecond)
		if got := child.got(); got != "[SIGTERM SIGKILL SIGKILL SIGKILL]" {
			t.Errorf("signals %s", got)
		}
		child.die(syscall.SIGKILL)
		s.expect("0s STARTING", "0s STOPPING", "2.5s STOPPED")
	})
}

func TestStopInBackoff(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) {
		s.fake.script = func(_ int, c *fakeChild) error { c.exit(1); return nil }
	}, func(s *stage) {
		s.start()
		s.sleep(1500 * time.Millisecond)
		if err := s.Stop(s.t.Context()); err != nil {
			t.Fatal(err)
		}
		s.sleep(time.Hour)
		s.expect("0s STARTING", "0s BACKOFF", "1s STARTING", "1s BACKOFF", "1.5s STOPPED")
	})
}

func TestGiveUp(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) {
		s.fake.script = func(_ int, c *fakeChild) error { c.exit(1); return nil }
	}, func(s *stage) {
		s.start()
		synctest.Wait()
		s.GiveUp(s.t.Context())
		s.sleep(time.Hour)
		s.expect("0s STARTING", "0s BACKOFF", "0s FATAL")
	})
}

func TestHoldKeepsEverythingDown(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.Autorestart = process.RestartAlways }, func(s *stage) {
		s.start()
		s.sleep(2 * time.Second)
		s.Hold(s.t.Context(), true)
		s.fake.last().exit(0)
		s.sleep(time.Hour)
		s.expect("0s STARTING", "1s RUNNING", "2s EXITED")
		if err := s.Start(s.t.Context()); !errors.Is(err, process.ErrHeld) {
			t.Errorf("start while held: %v", err)
		}
		s.Hold(s.t.Context(), false)
		s.expect("0s STARTING", "1s RUNNING", "2s EXITED", "1h0m2s STARTING")
	})
}

func TestAutorestart(t *testing.T) {
	for _, tt := range []struct {
		when     process.Autorestart
		code     int
		restarts bool
	}{
		{process.RestartAlways, 0, true}, {process.RestartAlways, 1, true},
		{process.RestartUnexpected, 0, false}, {process.RestartUnexpected, 1, true},
		{process.RestartNever, 0, false}, {process.RestartNever, 1, false},
	} {
		onStage(t, func(s *stage, _ *Config) { s.spec.Autorestart = tt.when }, func(s *stage) {
			s.start()
			s.sleep(1500 * time.Millisecond)
			s.fake.last().exit(tt.code)
			want := []string{"0s STARTING", "1s RUNNING", "1.5s EXITED"}
			if tt.restarts {
				want = append(want, "1.5s STARTING") // at once
			}
			s.expect(want...)
		})
	}
}

// A program without startsecs that ends at once is started once per second, one that ran a while at once.
func TestRestartIsNoForkStorm(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) {
		s.spec.StartSecs, s.spec.Autorestart = 0, process.RestartAlways
		s.fake.script = func(n int, c *fakeChild) error {
			if n < 3 {
				c.exit(0)
			}
			return nil
		}
	}, func(s *stage) {
		s.start()
		s.sleep(3 * time.Second)
		s.expect("0s STARTING", "0s RUNNING", "0s EXITED", "1s STARTING", "1s RUNNING", "1s EXITED", "2s STARTING", "2s RUNNING")
		s.fake.last().die(syscall.SIGKILL)
		synctest.Wait()
		if got := s.fake.attempts(); got != 4 {
			t.Errorf("%d attempts after the kill", got)
		}
	})
}

// Stop of a process that is about to be restarted keeps it down, though there is nothing to stop.
func TestStopCancelsRestart(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) {
		s.spec.StartSecs, s.spec.Autorestart = 0, process.RestartAlways
		s.fake.script = func(_ int, c *fakeChild) error { c.exit(0); return nil }
	}, func(s *stage) {
		s.start()
		s.sleep(500 * time.Millisecond)
		if err := s.Stop(s.t.Context()); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("stop: %v", err)
		}
		s.sleep(time.Hour)
		s.expect("0s STARTING", "0s RUNNING", "0s EXITED")
	})
}

func TestDisabled(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.SetDisabled(s.t.Context(), true)
		if err := s.Start(s.t.Context()); !errors.Is(err, process.ErrDisabled) || !s.Info().Disabled {
			t.Errorf("start: %v, info %+v", err, s.Info())
		}
		s.SetDisabled(s.t.Context(), false)
		s.start()
		s.expect("0s STARTING")
	})
}

func TestExtraArgsStay(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.Command = "p -a"; s.spec.StartSecs = 0 }, func(s *stage) {
		s.SetExtraArgs(s.t.Context(), "-x 'y z'")
		for range 2 {
			s.start()
			if got := fmt.Sprintf("%q", s.fake.last().Args); got != `["p" "-a" "-x" "y z"]` {
				t.Errorf("args %s", got)
			}
			s.Stop(s.t.Context())
			synctest.Wait()
		}
		if s.Info().ExtraArgs != "-x 'y z'" {
			t.Errorf("info %+v", s.Info())
		}
		s.SetExtraArgs(s.t.Context(), "")
		s.start()
		if got := fmt.Sprint(s.fake.last().Args); got != "[p -a]" {
			t.Errorf("args %s", got)
		}
	})
}

func TestSetSpec(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) { s.spec.Autorestart = process.RestartAlways }, func(s *stage) {
		s.start()
		s.sleep(2 * time.Second)
		changed := *s.spec
		changed.Autorestart, changed.Command = process.RestartNever, "q"
		s.SetSpec(s.t.Context(), &changed)
		s.fake.last().exit(1)
		s.sleep(time.Hour)
		s.expect("0s STARTING", "1s RUNNING", "2s EXITED")
		s.start()
		if got := s.fake.last().Path; got != "/bin/q" {
			t.Errorf("path %s", got)
		}
	})
}

func TestSignals(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		if err := s.Signal(s.t.Context(), syscall.SIGHUP); !errors.Is(err, process.ErrNotRunning) {
			t.Errorf("signal of a stopped process: %v", err)
		}
		s.start()
		child := s.fake.last()
		child.obeys = func(syscall.Signal) bool { return false }
		if err := s.Signal(s.t.Context(), syscall.SIGHUP); err != nil {
			t.Errorf("signal: %v", err)
		}
		child.killErr = unix.EPERM
		var refused *SignalError
		if err := s.Signal(s.t.Context(), syscall.SIGUSR1); !errors.As(err, &refused) || !errors.Is(err, unix.EPERM) {
			t.Errorf("refused signal: %v", err)
		}
		s.expect("0s STARTING") // unharmed
		if err := s.Stop(s.t.Context()); !errors.Is(err, unix.EPERM) {
			t.Errorf("refused stop: %v", err)
		}
		s.expect("0s STARTING", "0s STOPPING", "0s UNKNOWN")
		child.exit(0)
		s.expect("0s STARTING", "0s STOPPING", "0s UNKNOWN", "0s EXITED")
	})
}

// A signal to a child that has just died is no error: the news of its end is on the way.
func TestSignalToTheDead(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.start()
		s.fake.last().killErr = ErrGone
		if err := s.Stop(s.t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		s.fake.last().exit(0)
		s.expect("0s STARTING", "0s STOPPING", "0s STOPPED")
	})
}

func TestWatchMissesNothing(t *testing.T) {
	onStage(t, func(s *stage, _ *Config) {
		s.spec.StartSecs = 0
		s.fake.script = func(_ int, c *fakeChild) error { c.exit(0); return nil }
	}, func(s *stage) {
		w := s.Watch()
		s.start()
		synctest.Wait() // all is over before the watcher looks
		var seen []string
		for range 3 {
			info, err := w.Next(s.t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, fmt.Sprintf("%s %d", info.State, info.PID))
		}
		if got, want := strings.Join(seen, ", "), "STARTING 0, RUNNING 101, EXITED 0"; got != want {
			t.Errorf("steps %s, want %s", got, want)
		}
	})
}

func TestWaitEnds(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Second)
		defer cancel()
		never := func(process.Info) bool { return false }
		if _, err := s.Wait(ctx, never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait: %v", err)
		}
		s.Close()
		if _, err := s.Wait(s.t.Context(), never); !errors.Is(err, ErrClosed) {
			t.Errorf("wait on a closed actor: %v", err)
		}
		if err := s.Start(s.t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("start of a closed actor: %v", err)
		}
	})
}
