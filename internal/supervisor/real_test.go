package supervisor

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is the life of a child.
func play(role string, args []string) {
	switch role {
	case "listen": // answers OK and writes the headers and payloads to a file; dies at the first event if DIED does not exist yet
		file, died := args[0], args[1]
		in := bufio.NewReader(os.Stdin)
		for {
			fmt.Print("READY\n")
			header, err := in.ReadString('\n')
			if err != nil {
				return
			}
			_, length, _ := strings.Cut(strings.TrimSpace(header), "len:")
			n, _ := strconv.Atoi(length)
			body := make([]byte, n)
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			out, _ := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			fmt.Fprintf(out, "%s%s\n", header, body)
			out.Close()
			if _, err := os.Stat(died); err != nil {
				os.WriteFile(died, nil, 0o600)
				os.Exit(3)
			}
			fmt.Print("RESULT 2\nOK")
		}
	case "accept": // answers one connection on descriptor 0, and says so
		ln, err := net.FileListener(os.Stdin)
		if err != nil {
			fmt.Println("no listener:", err)
			return
		}
		c, err := ln.Accept()
		fmt.Println("accepted", err)
		c.Write([]byte("hello"))
		c.Close()
	}
}

// played returns the command line of a child that plays a role.
func played(role string, args ...string) string {
	return strings.Join(append([]string{os.Args[0], "play", role}, args...), " ")
}

// inReality runs f with a Supervisor of real children, which logs to dir/d.log, and shuts it down afterwards.
func inReality(tb testing.TB, dir string, groups []config.Group, f func(*Supervisor, *event.Bus)) {
	tb.Helper()
	log, err := OpenActivityLog(config.Supervisord{Logfile: filepath.Join(dir, "d.log"), LogLevel: slog.LevelInfo}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	system, err := child.NewSystem(log.Logger)
	if err != nil {
		tb.Fatal(err)
	}
	ran := make(chan error)
	go func() { ran <- system.Run() }()
	defer func() {
		system.Close()
		if err := <-ran; err != nil {
			tb.Error(err)
		}
	}()
	bus := event.NewBus()
	defer bus.Close()
	cfg := &config.Config{Groups: groups, Supervisord: config.Supervisord{Identifier: "test"}}
	s, err := New(cfg, Deps{Spawner: system, Log: log, Bus: bus, Env: os.Environ()})
	if err != nil {
		tb.Fatal(err)
	}
	f(s, bus)
	if err := s.Shutdown(tb.Context()); err != nil {
		tb.Error(err)
	}
}

// next returns the first event of the type, waiting for it.
func next(t *testing.T, sub *event.Subscription, accept func(event.Event) bool) event.Event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case n := <-sub.C:
			if accept(n.Event) {
				return n.Event
			}
		case <-deadline:
			t.Fatal("the event does not come")
		}
	}
}

func becomes(name string, state process.State) func(event.Event) bool {
	return func(ev event.Event) bool {
		c, ok := ev.(event.StateChanged)
		return ok && c.Info.Name == name && c.Info.State == state
	}
}

func TestRealLife(t *testing.T) {
	dir := t.TempDir()
	groups := []config.Group{
		groupOf("first", 1, member1("sleep", "/bin/sleep 1000", startSecs(0))),
		groupOf("second", 2, member1("sh", `/bin/sh -c "echo out; echo err >&2; exit 3"`, startSecs(0), func(s *process.Spec) {
			s.Autorestart, s.Stdout.File, s.Stderr.File = process.RestartNever, filepath.Join(dir, "out"), filepath.Join(dir, "err")
		})),
	}
	inReality(t, dir, groups, func(s *Supervisor, bus *event.Bus) {
		sub := bus.Subscribe(100, event.TypeEvent)
		s.Start()
		exited := next(t, sub, becomes("sh", process.Exited)).(event.StateChanged)
		if !strings.HasSuffix(exited.Payload(), fmt.Sprintf("from_state:RUNNING expected:0 pid:%d", exited.PID)) || exited.PID == 0 {
			t.Errorf("payload %q", exited.Payload())
		}
		for c, want := range map[event.Channel]string{event.Stdout: "out\n", event.Stderr: "err\n"} {
			if got, err := s.ReadLog(ns("second:sh"), c, 0, 0); err != nil || string(got) != want {
				t.Errorf("%s is %q, %v", c, got, err)
			}
		}
		if err := s.StopProcess(t.Context(), ns("first:sleep"), true); err != nil {
			t.Error(err)
		}
	})
	log := readFile(t, filepath.Join(dir, "d.log"))
	for _, line := range []string{
		" INFO spawned: 'sleep' with pid ", " INFO success: sleep entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)\n",
		" WARN stopped: sleep (terminated by SIGTERM)\n", " WARN exited: sh (exit status 3; not expected)\n",
	} {
		if !strings.Contains(log, line) {
			t.Errorf("log has no %q:\n%s", line, log)
		}
	}
}

func TestRealListenerThatDies(t *testing.T) {
	dir := t.TempDir()
	heard := filepath.Join(dir, "heard")
	g := listeners("ears", 10, []string{"REMOTE_COMMUNICATION", "SUPERVISOR_STATE_CHANGE_RUNNING"},
		played("listen", heard, filepath.Join(dir, "died")))
	inReality(t, dir, []config.Group{g}, func(s *Supervisor, bus *event.Bus) {
		sub := bus.Subscribe(100, event.TypeEvent)
		s.Start()
		s.SendRemoteComm("kind", "data")
		next(t, sub, becomes("ears0", process.Exited))
		next(t, sub, becomes("ears0", process.Running))
		eventually(t, "three events are heard", func() bool {
			data, _ := os.ReadFile(heard)
			return strings.Count(string(data), "ver:3.0") == 3
		})
		got := strings.Split(strings.TrimSpace(readFile(t, heard)), "\n")
		header := "ver:3.0 server:test serial:0 pool:ears poolserial:0 eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0"
		if got[0] != header || got[2] != header || !strings.Contains(got[4], "poolserial:1 eventname:REMOTE_COMMUNICATION len:14") ||
			got[5]+got[6] != "type:kinddata" {
			t.Errorf("heard %q", got)
		}
	})
}

// eventually waits until other processes have made the condition true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestRealFastCGI(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f.sock")
	g := program("f", played("accept"), startSecs(0), func(s *process.Spec) {
		s.FastCGI, s.Autorestart = "unix://"+path, process.RestartNever
	})
	g.Kind, g.Socket = config.FastCGI, &config.Socket{URL: "unix://" + path, Network: "unix", Address: path, Mode: 0o700, UID: -1, GID: -1}
	inReality(t, dir, []config.Group{g}, func(s *Supervisor, bus *event.Bus) {
		s.Start()
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// BenchmarkStartStop measures a life of 100 real children, side by side.
func BenchmarkStartStop(b *testing.B) {
	var specs []process.Spec
	for i := range 100 {
		specs = append(specs, member1(fmt.Sprint("p", i), "/bin/sleep 1000", startSecs(0), manual))
	}
	inReality(b, b.TempDir(), []config.Group{groupOf("g", 1, specs...)}, func(s *Supervisor, _ *event.Bus) {
		for b.Loop() {
			for _, f := range []func() ([]Result, error){
				func() ([]Result, error) { return s.StartAll(b.Context(), true) },
				func() ([]Result, error) { return s.StopAll(b.Context(), true) },
			} {
				if list, err := f(); err != nil || len(list) != len(specs) {
					b.Fatal(len(list), err)
				}
			}
		}
	})
}
