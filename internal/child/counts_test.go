package child

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// A restart is a start that nobody asked for.
func TestStartsAreCounted(t *testing.T) {
	for _, tt := range []struct {
		name             string
		spec             func(*process.Spec)
		story            func(*stage)
		starts, restarts uint64
	}{
		{"none", nil, func(*stage) {}, 0, 0},
		{"asked for", nil, (*stage).start, 1, 0},
		{"with the daemon", nil, func(s *stage) { _ = s.AutoStart(s.t.Context()) }, 1, 0},
		{"again", nil, func(s *stage) {
			s.start()
			s.sleep(2 * time.Second)
			_ = s.Stop(s.t.Context())
			s.sleep(time.Second) // the end of the child is heard of
			s.start()
		}, 2, 0},
		{"refused", nil, func(s *stage) {
			s.start()
			_ = s.Start(s.t.Context())
		}, 1, 0},
		{"autorestart", func(p *process.Spec) { p.Autorestart = process.RestartAlways }, func(s *stage) {
			s.start()
			for range 3 {
				s.sleep(2 * time.Second)
				s.fake.last().exit(0)
			}
		}, 4, 3},
		{"autorestart of a quick one", func(p *process.Spec) { p.Autorestart, p.StartSecs = process.RestartAlways, 0 }, func(s *stage) {
			s.start()
			s.fake.last().exit(0)
			s.sleep(2 * time.Second)
		}, 2, 1},
		{"retries", func(p *process.Spec) { p.StartRetries = 2 }, func(s *stage) {
			s.fake.script = func(_ int, c *fakeChild) error { c.exit(1); return nil }
			s.start()
			s.sleep(time.Minute)
		}, 3, 2},
		{"no spawn", func(p *process.Spec) { p.StartRetries = 1 }, func(s *stage) {
			s.fake.script = func(int, *fakeChild) error { return syscall.EAGAIN }
			_ = s.Start(s.t.Context())
			s.sleep(time.Minute)
		}, 2, 1},
	} {
		onStage(t, func(s *stage, _ *Config) {
			if tt.spec != nil {
				tt.spec(s.spec)
			}
		}, func(s *stage) {
			tt.story(s)
			s.sleep(time.Second)
			if c := s.Counts(); c.Starts != tt.starts || c.Restarts != tt.restarts {
				t.Errorf("%s: %d starts, %d restarts, want %d, %d", tt.name, c.Starts, c.Restarts, tt.starts, tt.restarts)
			}
		})
	}
}

// The counts go on from child to child, though each one has its logs opened anew.
func TestOutputIsCounted(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.Spec.Stdout.MaxBytes, c.Spec.Stdout.Backups = 4, 1
	}, "say", "four", "more", "0")
	for range 3 {
		b.start()
		b.await(process.Exited)
	}
	want := [3]Traffic{Stdout: {Bytes: 12, Rotations: 3}, Stderr: {Bytes: 12}}
	if got := b.Counts().Logs; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestLostOutputIsCounted(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Spec.Stdout.File = "/dev/full" }, "cat")
	b.start()
	for n := range uint64(3) {
		if err := b.WriteStdin(t.Context(), []byte(strings.Repeat("x", 10))); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a failure", func() bool {
			got := b.Counts().Logs[Stdout]
			return got.Failures == n+1 && got.Bytes == 10*(n+1)
		})
	}
	if got := b.Counts().Logs[Stderr]; got != (Traffic{}) {
		t.Errorf("stderr: %+v", got)
	}
}
