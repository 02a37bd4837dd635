package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) { supervisortest.Main(m, play) }

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

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRealLife(t *testing.T) {
	s := supervisortest.New(t, `[program:sleep]
command=/bin/sleep 1000
startsecs=0
priority=1
[program:sh]
command=/bin/sh -c "echo out; echo err >&2; exit 3"
startsecs=0
priority=2
autorestart=false
stdout_logfile=DIR/out
stderr_logfile=DIR/err
`, nil)
	sub := s.Bus.Subscribe(100, event.TypeEvent)
	s.Start()
	exited := next(t, sub, becomes("sh", process.Exited)).(event.StateChanged)
	if !strings.HasSuffix(exited.Payload(), fmt.Sprintf("from_state:RUNNING expected:0 pid:%d", exited.PID)) || exited.PID == 0 {
		t.Errorf("payload %q", exited.Payload())
	}
	for c, want := range map[event.Channel]string{event.Stdout: "out\n", event.Stderr: "err\n"} {
		if got, err := s.ReadLog(process.ParseNamespec("sh"), c, 0, 0); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", c, got, err)
		}
	}
	if err := s.StopProcess(t.Context(), process.ParseNamespec("sleep"), true); err != nil {
		t.Error(err)
	}
	log := read(t, s.Path("main.log"))
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
	s := supervisortest.New(t, `[eventlistener:ears]
command=PLAY listen DIR/heard DIR/died
events=REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE_RUNNING
startsecs=0
`, nil)
	sub := s.Bus.Subscribe(100, event.TypeEvent)
	s.Start()
	s.SendRemoteComm("kind", "data")
	next(t, sub, becomes("ears", process.Exited))
	next(t, sub, becomes("ears", process.Running))
	supervisortest.Until(t, "three events are heard", func() bool {
		data, _ := os.ReadFile(s.Path("heard"))
		return strings.Count(string(data), "ver:3.0") == 3
	})
	got := strings.Split(strings.TrimSpace(read(t, s.Path("heard"))), "\n")
	header := "ver:3.0 server:tester serial:0 pool:ears poolserial:0 eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0"
	if got[0] != header || got[2] != header || !strings.Contains(got[4], "poolserial:1 eventname:REMOTE_COMMUNICATION len:14") ||
		got[5]+got[6] != "type:kinddata" {
		t.Errorf("heard %q", got)
	}
}

func TestRealFastCGI(t *testing.T) {
	s := supervisortest.New(t, "[fcgi-program:f]\nsocket=unix://DIR/f.sock\ncommand=PLAY accept\nstartsecs=0\nautorestart=false\n", nil)
	s.Start()
	c, err := net.Dial("unix", s.Path("f.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}

// BenchmarkStartStop measures a life of 100 real children, side by side.
func BenchmarkStartStop(b *testing.B) {
	s := supervisortest.New(b, "[program:p]\ncommand=/bin/sleep 1000\nnumprocs=100\nprocess_name=%(program_name)s%(process_num)d\n"+
		"startsecs=0\nautostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n", nil)
	for b.Loop() {
		for _, f := range []func(context.Context, bool) ([]supervisor.Result, error){s.StartAll, s.StopAll} {
			if list, err := f(b.Context(), true); err != nil || len(list) != 100 {
				b.Fatal(len(list), err)
			}
		}
	}
}
