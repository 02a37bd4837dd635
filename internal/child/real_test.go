package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// bench is an actor with a real child and everything that a test wants to see of it.
type bench struct {
	*Actor
	t    *testing.T
	dir  string
	spec *process.Spec

	mu      sync.Mutex
	changes []process.Change
	log     syncBuffer
}

// realSystem is the one System of the test process: there can be no two reapers.
var realSystem = sync.OnceValue(func() *System {
	system, err := NewSystem(slog.New(slog.NewTextHandler(&systemLog, nil)))
	if err != nil {
		panic(err)
	}
	go func() {
		if err := system.Run(); err != nil {
			panic(err)
		}
	}()
	return system
})

// systemLog is what the System logs.
var systemLog syncBuffer

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// testSpec is a process that plays a role of the test binary.
func testSpec(dir string, play ...string) *process.Spec {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return &process.Spec{
		Program: "p", Group: "g", Name: "p", Command: strings.Join(append([]string{self, "play"}, play...), " "),
		UID: -1, Umask: -1, StartRetries: 3, ExitCodes: []int{0}, StopSignal: syscall.SIGTERM, StopWaitSecs: 10,
		Stdout: process.LogSpec{File: filepath.Join(dir, "out")},
		Stderr: process.LogSpec{File: filepath.Join(dir, "err")},
	}
}

// newBench starts an actor; change, which may be nil, completes its configuration.
func newBench(t *testing.T, change func(*Config), play ...string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	b.spec = testSpec(b.dir, play...)
	cfg := Config{Spec: b.spec, Env: os.Environ(), Logger: slog.New(slog.NewTextHandler(&b.log, nil)), Notify: b.notify}
	if change != nil {
		change(&cfg)
	}
	if cfg.Spawner == nil {
		cfg.Spawner = realSystem()
	}
	b.run(cfg)
	return b
}

func (b *bench) run(cfg Config) {
	b.t.Helper()
	actor, err := New(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Actor = actor
	actor.Begin()
	b.t.Cleanup(func() {
		if pid := actor.Info().PID; pid != 0 {
			syscall.Kill(-pid, syscall.SIGKILL)
		}
		actor.Close()
		<-actor.Done()
	})
}

func (b *bench) notify(c process.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes = append(b.changes, c)
}

func (b *bench) logged() string { return b.log.String() }

func (b *bench) states() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return states(b.changes)
}

// states writes a sequence of changes as "STARTING RUNNING".
func states(changes []process.Change) string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Info.State.String())
	}
	return strings.Join(names, " ")
}

func (b *bench) start() process.Info {
	b.t.Helper()
	if err := b.Start(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return b.Info()
}

// await waits for a state, for ten seconds at most.
func (b *bench) await(want process.State) process.Info {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	info, err := b.Wait(ctx, func(i process.Info) bool { return i.State == want })
	if err != nil {
		b.t.Fatalf("waiting for %s in %s (%s): %v", want, info.State, b.states(), err)
	}
	return info
}

// eventually waits for a condition that no event announces.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never came: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

func (b *bench) read(name string) string {
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	return string(data)
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		code     int
		expected []int
		ok       bool
		spawnErr string
		log      string
	}{
		{0, []int{0}, true, "", "exited: p (exit status 0; expected)"},
		{3, []int{0}, false, "Bad exit code 3", "exited: p (exit status 3; not expected)"},
		{3, []int{0, 3}, true, "", "exited: p (exit status 3; expected)"},
		{0, []int{2}, false, "Bad exit code 0", "exited: p (exit status 0; not expected)"},
	} {
		b := newBench(t, func(c *Config) { c.Spec.ExitCodes = tt.expected }, "exit", fmt.Sprint(tt.code))
		b.start()
		info := b.await(process.Exited)
		if info.ExitStatus != tt.code || info.Expected != tt.ok || info.SpawnErr != tt.spawnErr || info.PID != 0 {
			t.Errorf("exit %d: %+v", tt.code, info)
		}
		if b.states() != "STARTING RUNNING EXITED" || !strings.Contains(b.logged(), tt.log) {
			t.Errorf("exit %d: %s, log\n%s", tt.code, b.states(), b.logged())
		}
	}
}

func TestStop(t *testing.T) {
	b := newBench(t, nil, "idle")
	pid := b.start().PID
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	info := b.await(process.Stopped)
	if info.PID != 0 || info.ExitStatus != -1 || syscall.Kill(pid, 0) == nil {
		t.Errorf("after stop: %+v", info)
	}
	if got, want := b.states(), "STARTING RUNNING STOPPING STOPPED"; got != want {
		t.Errorf("states %s, want %s", got, want)
	}
	if !strings.Contains(b.logged(), "stopped: p (terminated by SIGTERM)") {
		t.Errorf("log\n%s", b.logged())
	}
	if err := b.Stop(t.Context()); !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("second stop: %v", err)
	}
}
