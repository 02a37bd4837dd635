package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	peerDaemon  = "/usr/bin/supervisord"
	peerControl = "/usr/bin/supervisorctl"
)

const peerConfig = `[unix_http_server]
file=%[1]s/s.sock
[supervisord]
logfile=%[1]s/supervisord.log
pidfile=%[1]s/supervisord.pid
childlogdir=%[1]s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/s.sock
[program:cat]
command=/bin/cat
startsecs=0
stdout_logfile=%[1]s/cat.out
[program:gone]
command=/no/such/thing
autostart=false
[program:a_very_long_program_name_that_goes_past_thirty]
command=/bin/sleep 1000
startsecs=0
[program:pair]
command=/bin/sleep 1000
process_name=%%(program_name)s_%%(process_num)02d
numprocs=2
autostart=false
startsecs=0
`

// Against Supervisor's own daemon our command prints what Supervisor's prints. Each line leaves the daemon as the next one needs it, so
// the lines that change something come in pairs.
func TestAgainstSupervisor(t *testing.T) {
	if _, err := os.Stat(peerDaemon); err != nil {
		t.Skip("Supervisor's own daemon is not installed, so there is nothing to compare with:", err)
	}
	conf := startPeer(t)
	for _, line := range []string{
		"status", "status gone cat nope:*", "start gone", "start nope:*", "signal CONT cat nope", "tail gone x", "tail -f nope", "avail",
		"update nope", "add cat", "remove cat", "fg gone", "pid all", "< status cat|bogus|pid gone|",
	} {
		command, input, _ := strings.Cut(line, "<")
		args := append([]string{"-c", conf}, strings.Fields(command)...)
		input = strings.ReplaceAll(strings.TrimPrefix(input, " "), "|", "\n")
		peer := execute(t, exec.Command(peerControl, args...), input)
		ours := execute(t, exec.Command(os.Args[0], args...), input)
		if peer != ours {
			t.Errorf("%s:\npeer %+v\nours %+v", line, peer, ours)
		}
	}
	for _, step := range []struct{ line, want string }{
		{"start pair:*", "pair:pair_00: started\npair:pair_01: started\n"},
		{"stop pair:pair_01 cat", "pair:pair_01: stopped\ncat: stopped\n"},
		{"restart cat", "cat: ERROR (not running)\ncat: started\n"},
	} {
		r := execute(t, exec.Command(os.Args[0], append([]string{"-c", conf}, strings.Fields(step.line)...)...), "")
		if r != (result{step.want, "", 0}) {
			t.Errorf("%s: %+v", step.line, r)
		}
	}
}

// startPeer starts Supervisor's daemon and waits until its programs run.
func startPeer(t *testing.T) (conf string) {
	dir := t.TempDir()
	conf = filepath.Join(dir, "supervisord.conf")
	write(t, conf, fmt.Sprintf(peerConfig, dir))
	daemon := exec.Command(peerDaemon, "-n", "-c", conf)
	if err := daemon.Start(); err != nil {
		t.Fatal("Supervisor's own daemon does not start:", err)
	}
	t.Cleanup(func() {
		daemon.Process.Signal(syscall.SIGTERM)
		last := time.AfterFunc(patience, func() { daemon.Process.Kill() })
		defer last.Stop()
		daemon.Wait()
	})
	deadline := time.Now().Add(patience)
	for execute(t, exec.Command(os.Args[0], "-c", conf, "status", "cat", "a_very_long_program_name_that_goes_past_thirty"), "").exit != 0 {
		if time.Now().After(deadline) {
			t.Fatal("Supervisor's own daemon does not come up")
		}
		wait()
	}
	return conf
}

// volatile is what differs between two runs: times, and the place of an error in the peer's source.
var volatile = regexp.MustCompile(`uptime [0-9:]+|: file: .* line: \d+`)

func execute(t *testing.T, cmd *exec.Cmd, input string) result {
	t.Helper()
	var out, errOut strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errOut
	cmd.Env = append(os.Environ(), "SUPERVISORCTL_UNDER_TEST=1", "LC_ALL=C.UTF-8")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{volatile.ReplaceAllString(out.String(), ""), volatile.ReplaceAllString(errOut.String(), ""), cmd.ProcessState.ExitCode()}
}
