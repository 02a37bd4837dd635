// Package supervisortest gives to tests a real Supervisor with real children, in a directory of the test.
package supervisortest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// patience is how long a test waits for anything.
const patience = 20 * time.Second

// Supervisor is one that a test has made.
type Supervisor struct {
	*supervisor.Supervisor
	Bus     *event.Bus
	Log     *supervisor.ActivityLog
	Started *config.Config // what it was made with
	Dir     string         // of the test, a path without symbolic links

	tb testing.TB
}

// New makes a Supervisor of the programs of a configuration (see Configure), which nobody has started yet. It is shut down at the end of the
// test. change, which may be nil, adds to what it works with.
func New(tb testing.TB, programs string, change func(*Supervisor, *supervisor.Deps)) *Supervisor {
	tb.Helper()
	dir, err := filepath.EvalSymlinks(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	s := &Supervisor{Bus: event.NewBus(), Dir: dir, tb: tb}
	s.Write("logs/.keep", "")
	s.Configure(programs)
	if s.Started, err = s.Load(); err != nil {
		tb.Fatal(err)
	}
	if s.Log, err = supervisor.OpenActivityLog(s.Started.Supervisord, nil); err != nil {
		tb.Fatal(err)
	}
	deps := supervisor.Deps{Spawner: Children(tb), Log: s.Log, Bus: s.Bus, Env: os.Environ(), Reload: s.Load}
	if change != nil {
		change(s, &deps)
	}
	if s.Supervisor, err = supervisor.New(s.Started, deps); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.end)
	return s
}

func (s *Supervisor) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		s.tb.Errorf("shutdown: %v", err)
	}
	s.Bus.Close()
	s.Log.Close()
}

// Configure writes the configuration file. PLAY in it is the command line of the test's own child (see Main), DIR the directory of the test.
func (s *Supervisor) Configure(programs string) {
	s.tb.Helper()
	self, err := os.Executable()
	if err != nil {
		s.tb.Fatal(err)
	}
	text := "[supervisord]\nlogfile=DIR/main.log\nchildlogdir=DIR/logs\nidentifier=tester\n" + programs
	s.Write("supervisord.conf", strings.NewReplacer("PLAY", self+" play", "DIR", s.Dir).Replace(text))
}

// Load reads the configuration file.
func (s *Supervisor) Load() (*config.Config, error) {
	return config.Load(s.Path("supervisord.conf"), config.Flags{})
}

// Path returns that of a file of the test.
func (s *Supervisor) Path(name string) string { return filepath.Join(s.Dir, name) }

// Write writes a file of the test.
func (s *Supervisor) Write(name, text string) {
	s.tb.Helper()
	if err := os.MkdirAll(filepath.Dir(s.Path(name)), 0o755); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.WriteFile(s.Path(name), []byte(text), 0o644); err != nil {
		s.tb.Fatal(err)
	}
}

// Wait waits until a process is in a state.
func (s *Supervisor) Wait(name string, state process.State) process.Info {
	s.tb.Helper()
	var info process.Info
	Until(s.tb, name+" is "+state.String(), func() bool {
		p, err := s.Process(process.ParseNamespec(name))
		info = p.Info
		return err == nil && info.State == state
	})
	return info
}

// States returns "g:p RUNNING, …" of all processes.
func (s *Supervisor) States() string {
	var all []string
	for _, p := range s.Processes() {
		all = append(all, process.Namespec{Group: p.Spec.Group, Process: p.Spec.Name}.String()+" "+p.Info.State.String())
	}
	return strings.Join(all, ", ")
}

// Until waits for a condition that others make true.
func Until(tb testing.TB, what string, met func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("timeout: %s", what)
		}
	}
}
