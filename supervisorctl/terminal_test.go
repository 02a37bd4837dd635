package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for something that comes at once.
const patience = 20 * time.Second

// session is the command as a process of its own, with its output collected.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.Writer
	out    outcome // what is not expected yet
	exited chan struct{}
}

// startSession starts the command with pipes.
func startSession(t *testing.T, args ...string) *session {
	s := &session{t: t, cmd: underTest(t, args), exited: make(chan struct{})}
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.cmd.Stdout, s.cmd.Stderr = stdin, &s.out, &s.out
	s.start()
	return s
}

// startTerminal starts the command on a terminal of that kind.
func startTerminal(t *testing.T, kind string, args ...string) *session {
	s := &session{t: t, cmd: underTest(t, args), exited: make(chan struct{})}
	s.cmd.Env = append(s.cmd.Env, "TERM="+kind)
	master, slave := openTerminal(t)
	s.in, s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = master, slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.start()
	slave.Close()
	go io.Copy(&s.out, master)
	return s
}

func underTest(t *testing.T, args []string) *exec.Cmd {
	conf := filepath.Join(t.TempDir(), "ctl.conf")
	write(t, conf, "[supervisorctl]\n")
	cmd := exec.Command(os.Args[0], append([]string{"-c", conf}, args...)...)
	cmd.Env = append(os.Environ(), "SUPERVISORCTL_UNDER_TEST=1")
	return cmd
}

func (s *session) start() {
	s.t.Helper()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	s.t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-s.exited
	})
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this host makes no pseudo terminals:", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal("pseudo terminal:", err)
	}
	return master, slave
}

// expect waits until the output since the last call holds a text, and returns what came before it.
func (s *session) expect(text string) (before string) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		s.out.mu.Lock()
		at := bytes.Index(s.out.b.Bytes(), []byte(text))
		if at >= 0 {
			before = string(s.out.b.Next(at + len(text))[:at])
		}
		s.out.mu.Unlock()
		if at >= 0 {
			return before
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no %q in %q", text, s.out.String())
		}
		wait()
	}
}

// wait gives way for a moment between two looks at a condition.
func wait() { <-time.After(2 * time.Millisecond) }

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.t.Fatal(err)
	}
}

// expectCall waits until the server has seen a call.
func expectCall(t *testing.T, server *fake, call string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !strings.Contains(strings.Join(server.takeCalls(), "\n"), call) {
		if time.Now().After(deadline) {
			t.Fatalf("no call of %s", call)
		}
		wait()
	}
}

func (s *session) expectExit(status int) {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatalf("still there, with %q", s.out.String())
	}
	if got := s.cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("exit status %d, want %d; output %q", got, status, s.out.String())
	}
}

// liveReplies are those of a server with one process that runs.
func liveReplies() map[string]any {
	cat := map[string]any{"group": "cat", "name": "cat", "state": 20, "statename": "RUNNING", "description": "pid 7", "pid": 7}
	return map[string]any{
		"supervisor.getVersion": "3.0", "supervisor.getPID": 4242, "supervisor.getProcessInfo": cat,
		"supervisor.getAllProcessInfo": []any{cat}, "supervisor.startProcess": map[string]any{"hang": true},
		"supervisor.sendProcessStdin": true, "GET /logtail/cat/stdout": "some lines\n...", "GET /logtail/cat/stderr": "and errors\n...",
	}
}

func TestInterrupts(t *testing.T) {
	server := newFake(t, liveReplies())
	t.Run("tail -f ends well", func(t *testing.T) {
		s := startSession(t, "-s", server.url, "tail", "-f", "cat")
		s.expect(followBanner + "\nsome lines\n")
		s.cmd.Process.Signal(os.Interrupt)
		s.expect("\n")
		s.expectExit(0)
	})
	t.Run("fg ends well", func(t *testing.T) {
		s := startSession(t, "-s", server.url, "fg", "cat")
		s.expect(followBanner + "\n")
		expectCall(t, server, "GET /logtail/cat/stderr")
		s.cmd.Process.Signal(os.Interrupt)
		s.expect("Exiting foreground\n")
		s.expectExit(0)
	})
	t.Run("a command is left", func(t *testing.T) {
		s := startSession(t, "-s", server.url, "start", "cat")
		expectCall(t, server, "supervisor.startProcess")
		s.cmd.Process.Signal(os.Interrupt)
		s.expectExit(130)
	})
	t.Run("the shell is left", func(t *testing.T) {
		s := startSession(t, "-s", server.url)
		s.expect("supervisor> ")
		s.send("start cat\n")
		expectCall(t, server, "supervisor.startProcess")
		s.cmd.Process.Signal(os.Interrupt)
		s.expect("\n")
		s.expectExit(0)
	})
	t.Run("tail -f in the shell is left alone", func(t *testing.T) {
		s := startSession(t, "-s", server.url)
		s.expect("supervisor> ")
		s.send("tail -f cat\n")
		s.expect("some lines\n")
		s.cmd.Process.Signal(os.Interrupt)
		s.expect("\nsupervisor> ")
		s.send("quit\n")
		s.expectExit(0)
	})
}

func TestForeground(t *testing.T) {
	server := newFake(t, liveReplies())
	s := startSession(t, "-s", server.url, "fg", "cat")
	s.expect(followBanner + "\n")
	s.send("hello\n")
	expectCall(t, server, `supervisor.sendProcessStdin ["cat", "hello\n"]`)
	s.send("last without end")
	s.in.(io.Closer).Close()
	expectCall(t, server, `supervisor.sendProcessStdin ["cat", "last without end\n"]`)
	s.expect("Exiting foreground\n")
	s.expectExit(0)
}

// What ends fg from the other side.
func TestForegroundEnds(t *testing.T) {
	fault := func(code int, text string) map[string]any { return map[string]any{"fault": []any{code, text}} }
	for _, c := range []struct {
		sent any
		want string
	}{
		{fault(70, "NOT_RUNNING"), "Process got killed\nExiting foreground\n"},
		{fault(6, "SHUTDOWN_STATE"), "ERROR: <Fault 6: 'SHUTDOWN_STATE'>\nExiting foreground\n"},
		{map[string]any{"http": 500}, "error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: " +
			"500 Internal Server Error>\n"},
	} {
		replies := liveReplies()
		replies["supervisor.sendProcessStdin"] = c.sent
		delete(replies, "GET /logtail/cat/stdout")
		delete(replies, "GET /logtail/cat/stderr")
		server := newFake(t, replies)
		r := runWith(t, "x\ny\n", "-s", server.url, "fg", "cat")
		if r.out != followBanner+"\n"+c.want {
			t.Errorf("%v: %+v", c.sent, r)
		}
	}
}

// The shell on a terminal completes, remembers and leaves the terminal as it was.
func TestTerminal(t *testing.T) {
	server := newFake(t, liveReplies())
	history := filepath.Join(t.TempDir(), "history")
	s := startTerminal(t, "xterm", "-s", server.url, "-r", history)
	s.expect("cat                              RUNNING   pid 7")
	s.expect("supervisor> ")
	s.send("pi\tca\t\r") // pid cat
	s.expect("pid cat")
	s.expect("7\r\n")
	s.expect("supervisor> ")
	s.send("pid\r")
	s.expect("4242\r\n")
	s.expect("supervisor> ")
	s.send("\x1b[A\x1b[A\r") // the line before the last
	s.expect("pid cat")
	s.expect("\r\n7\r\n")
	s.expect("supervisor> ")
	s.send("shutdown\r")
	s.expect("Really shut the remote supervisord process down y/N? ")
	s.send("n\r")
	s.expect("supervisor> ")
	s.send("tail -f cat\r")
	s.expect("some lines\r\n")
	s.send("\x03")
	s.expect("supervisor> ")
	s.send("\x04")
	s.expectExit(0)
	text, err := os.ReadFile(history)
	if err != nil || string(text) != "pid cat \npid\npid cat \nshutdown\ntail -f cat\n" {
		t.Errorf("history %q, %v", text, err)
	}

	again := startTerminal(t, "xterm", "-s", server.url, "-r", history)
	again.expect("supervisor> ")
	again.send("\x1b[A\x1b[A\x1b[A\x1b[A\r")
	again.expect("\r\n4242\r\n")
	again.expect("supervisor> ")
	again.send("\x03")
	again.expectExit(0)
}

// On a terminal a password is not shown.
func TestTerminalLogin(t *testing.T) {
	server := newFake(t, map[string]any{"supervisor.getVersion": "3.0", "supervisor.getPID": 4242, "supervisor.getAllProcessInfo": []any{}})
	server.login = "me:secret"
	s := startTerminal(t, "xterm", "-s", server.url)
	s.expect("Server requires authentication\r\n")
	s.expect("Username:")
	s.send("me\r")
	s.expect("Password:")
	s.send("secret\r")
	if shown := s.expect("supervisor> "); strings.Contains(shown, "secret") {
		t.Errorf("the password is shown: %q", shown)
	}
	s.send("pid\r")
	s.expect("4242\r\n")
	s.send("quit\r")
	s.expectExit(0)
}

// On a terminal fg sends what is typed.
func TestTerminalForeground(t *testing.T) {
	server := newFake(t, liveReplies())
	s := startTerminal(t, "xterm", "-s", server.url, "fg", "cat")
	s.expect(followBanner)
	s.expect("some lines")
	s.send("typed\r")
	expectCall(t, server, `supervisor.sendProcessStdin ["cat", "typed\n"]`)
	s.send("\x03")
	s.expect("Exiting foreground\r\n")
	s.expectExit(0)
}

// A terminal without an editor still hides passwords.
func TestDumbTerminalLogin(t *testing.T) {
	server := newFake(t, map[string]any{"supervisor.getVersion": "3.0", "supervisor.getPID": 4242, "supervisor.getAllProcessInfo": []any{}})
	server.login = "me:secret"
	s := startTerminal(t, "dumb", "-s", server.url, "-i", "pid")
	s.expect("Username:")
	s.send("me\n")
	s.expect("Password:")
	s.send("secret\n")
	if shown := s.expect("4242\r\n"); strings.Contains(shown, "secret") {
		t.Errorf("the password is shown: %q", shown)
	}
	s.expectExit(0)
}
