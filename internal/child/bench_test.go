package child

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// benchActor starts an actor of a command; change, which may be nil, completes its configuration.
func benchActor(b *testing.B, command string, change func(*Config)) *Actor {
	b.Helper()
	spec := testSpec(b.TempDir())
	spec.Command, spec.Stderr.File = command, ""
	cfg := Config{Spec: spec, Spawner: realSystem(), Logger: slog.New(slog.DiscardHandler), Env: os.Environ()}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	a.Begin()
	b.Cleanup(a.Close)
	return a
}

func until(b *testing.B, steps *Watch, done func(process.Info) bool) process.Info {
	b.Helper()
	info, err := steps.Until(context.Background(), done)
	if err != nil {
		b.Fatal(err)
	}
	return info
}

// BenchmarkStartStop is a start, a stop and the news of the end.
func BenchmarkStartStop(b *testing.B) {
	a := benchActor(b, "/bin/sleep 1000", nil)
	for b.Loop() {
		steps := a.Watch()
		if err := a.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		until(b, steps, func(i process.Info) bool { return i.State == process.Running })
		a.Stop(b.Context())
		until(b, steps, func(i process.Info) bool { return i.State == process.Stopped })
	}
}

// BenchmarkRestart is the time from SIGKILL to the exec of the successor of a program that ran long enough.
func BenchmarkRestart(b *testing.B) {
	a := benchActor(b, "/bin/sleep 1000", func(c *Config) { c.Spec.Autorestart = process.RestartAlways })
	a.Start(b.Context())
	for b.Loop() {
		b.StopTimer()
		steps := a.Watch()
		<-time.After(300 * time.Millisecond) // or it would be held back
		pid := a.Info().PID
		b.StartTimer()
		syscall.Kill(pid, syscall.SIGKILL)
		until(b, steps, func(i process.Info) bool { return i.State == process.Running && i.PID != pid })
	}
	b.StopTimer()
	a.Stop(b.Context())
}

// BenchmarkLog is the way of a child's output into a rotating file.
func BenchmarkLog(b *testing.B) {
	const size = 256 << 20
	a := benchActor(b, fmt.Sprintf("/bin/sh -c 'head -c %d /dev/zero'", size), func(c *Config) {
		c.Spec.Stdout.MaxBytes, c.Spec.Stdout.Backups = 50<<20, 1
		c.Spec.Stdout.File = filepath.Join(b.TempDir(), "out")
	})
	b.SetBytes(size)
	for b.Loop() {
		if err := a.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		until(b, a.Watch(), func(i process.Info) bool { return i.State == process.Exited })
	}
}
