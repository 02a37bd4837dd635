package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestForeground(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+idle)
	d := p.start()
	d.logged("spawned: 'idle'", 1)
	pid := d.cmd.Process.Pid
	var daemon, child int
	var info struct {
		PID int `xmlrpc:"pid"`
	}
	if err := d.call(&daemon, "supervisor.getPID"); err != nil || daemon != pid {
		t.Errorf("getPID: %d, %v", daemon, err)
	}
	if err := d.callAt("http://127.0.0.1:"+p.port, &info, "supervisor.getProcessInfo", "idle"); err != nil {
		t.Error(err)
	}
	child = info.PID
	d.stop()
	inOrder(t, p.read("log"),
		" INFO Set uid to user 0 succeeded\n",
		" CRIT Server 'unix_http_server' running without any HTTP authentication checking\n",
		" CRIT Server 'inet_http_server' running without any HTTP authentication checking\n",
		" INFO RPC interface 'supervisor' initialized\n",
		fmt.Sprintf(" INFO supervisord started with pid %d\n", pid),
		fmt.Sprintf(" INFO spawned: 'idle' with pid %d\n", child),
		" WARN received SIGTERM indicating exit request\n",
		" INFO waiting for idle to die\n",
		" WARN stopped: idle (terminated by SIGTERM)\n")
	if p.read("stdout") != p.read("log") {
		t.Errorf("standard output differs from the log:\n%s", p.read("stdout"))
	}
	if d.errors.Len() > 0 {
		t.Errorf("standard error: %s", &d.errors)
	}
}

// inOrder checks that a text has these parts, in this order.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("%q is missing, or out of order:\n%s", part, text)
		}
		rest = after
	}
}

func TestSignalsThatEnd(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write("conf", base+idle)
			d := p.start("-s")
			d.logged("spawned: 'idle'", 1)
			d.cmd.Process.Signal(sig)
			if code := d.end(); code != 0 {
				t.Errorf("exit status %d", code)
			}
			d.clean()
			if out := p.read("stdout"); out != "" {
				t.Errorf("-s prints %q", out)
			}
		})
	}
}

// TestDetached checks that the command ends with 0 when the daemon is up, and not before.
func TestDetached(t *testing.T) {
	p := newPlace(t)
	if err := os.Mkdir(p.path("work"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write("conf", strings.Replace(base, "user=root", "user=root\ndirectory=@DIR@/work\numask=027", 1)+
		"[program:env]\ncommand=@SELF@ play env @DIR@/env\n")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := p.command(t.Context(), "-c", "conf")
	cmd.ExtraFiles = []*os.File{w, w} // of the script that starts it
	out, err := cmd.CombinedOutput()
	w.Close()
	if err != nil || len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	r.SetReadDeadline(time.Now().Add(patience))
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the daemon keeps a descriptor of its starter: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(p.read("pid")))
	if err != nil {
		t.Fatal(err)
	}
	var up int
	if err := p.call(&up, "supervisor.getPID"); err != nil || up != pid {
		t.Errorf("getPID: %d, %v", up, err)
	}
	if sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, uintptr(pid), 0, 0); int(sid) != pid {
		t.Errorf("session %d of daemon %d", sid, pid)
	}
	for fd, want := range map[string]string{"0": "/dev/null", "1": "/dev/null", "2": "/dev/null"} {
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd)); err != nil || to != want {
			t.Errorf("descriptor %s is %s, %v", fd, to, err)
		}
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err != nil || cwd != p.path("work") {
		t.Errorf("directory %s, %v", cwd, err)
	}
	p.until("the program has told what it sees", func() bool { return p.read("env") != "" })
	if seen := p.read("env"); strings.Contains(seen, readyVariable) || strings.Contains(seen, "fd 3 pipe") {
		t.Errorf("the program sees the line to the command:\n%s", seen)
	}

	syscall.Kill(pid, syscall.SIGHUP) // the path on the command line was relative to another directory
	p.logged("supervisord started with pid", 2)
	syscall.Kill(pid, syscall.SIGTERM)
	p.until("the daemon has ended", func() bool { return len(p.processes()) == 0 })
	p.clean()
	has(t, "log", p.read("log"), "set current directory: '"+p.path("work")+"'")
}

func TestRestart(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+idle+events)
	d := p.start()
	starts := func(n int) {
		d.until(fmt.Sprintf("the listener has seen %d starts", n), func() bool {
			return strings.Count(p.read("serials"), "SUPERVISOR_STATE_CHANGE_RUNNING") == n
		})
	}
	starts(1)
	for i, name := range []string{"second", "third"} {
		p.write("conf", base+events+"[program:"+name+"]\ncommand=@SELF@ play idle\n")
		d.cmd.Process.Signal(syscall.SIGHUP)
		d.logged("spawned: '"+name+"'", 1)
		starts(i + 2)
	}
	var pid int
	if err := d.call(&pid, "supervisor.getPID"); err != nil || pid != d.cmd.Process.Pid {
		t.Errorf("getPID: %d, %v", pid, err)
	}
	d.stop()
	last := -1
	for line := range strings.Lines(p.read("serials")) {
		serial, err := strconv.Atoi(strings.Fields(line)[0])
		if err != nil || serial <= last {
			t.Errorf("serial %d, %v after %d", serial, err, last)
		}
		last = serial
	}
	if n := strings.Count(p.read("log"), "received SIGHUP indicating restart request"); n != 2 {
		t.Errorf("%d restarts are logged", n)
	}
	inOrder(t, p.read("log"), "spawned: 'idle'", "stopped: idle", "spawned: 'second'", "stopped: second", "spawned: 'third'", "stopped: third")
}

// events is a listener that writes serial number and name of each event of the daemon to a file.
const events = `[eventlistener:events]
events=SUPERVISOR_STATE_CHANGE
command=@SELF@ play events @DIR@/serials
startsecs=0
`

// TestRestartThatFails checks that a daemon which cannot start again says why, both on standard error and in its log.
func TestRestartThatFails(t *testing.T) {
	tests := []struct {
		name, conf, says string
	}{
		{"bad value", base + "[program:idle]\ncommand=x\nstartsecs=soon\n", "conf:12: [program:idle] startsecs: "},
		{"port in use", base + "[inet_http_server:second]\nport=127.0.0.1:@OTHER@\n", "Another program is already listening"},
		{"no file", "", "could not find config file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, other := newPlace(t), newPlace(t)
			occupy(t, "tcp", "127.0.0.1:"+other.port)
			p.write("conf", base+idle)
			d := p.start()
			d.logged("spawned: 'idle'", 1)
			if test.conf == "" {
				os.Remove(p.path("conf"))
			} else {
				p.write("conf", strings.ReplaceAll(test.conf, "@OTHER@", other.port))
			}
			d.cmd.Process.Signal(syscall.SIGHUP)
			if code := d.end(); code != 2 {
				t.Errorf("exit status %d", code)
			}
			d.clean()
			has(t, "standard error", d.errors.String(), "Error: ", test.says)
			has(t, "log", p.read("log"), "stopped: idle", " CRIT ", test.says)
		})
	}
}

// TestNothingLeaks checks that a daemon has as many goroutines and descriptors after its restarts as before.
func TestNothingLeaks(t *testing.T) {
	p := newPlace(t)
	p.write("conf", clustered+idle)
	p.write("rules.xml", "<root/>\n")
	d := p.start()
	d.logged("spawned: 'idle'", 1)
	profile := func() (total int, text string) {
		os.Remove(p.path("goroutines"))
		d.cmd.Process.Signal(syscall.SIGUSR1)
		d.until("the goroutines are told", func() bool { text = p.read("goroutines"); return text != "" })
		fmt.Sscanf(text, "goroutine profile: total %d", &total)
		return total, text
	}
	descriptors := func() int {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	goroutines, files := 0, 0
	d.until("the daemon has settled", func() bool {
		before := goroutines
		goroutines, _ = profile()
		files = descriptors()
		return before == goroutines && strings.Contains(p.read("log"), "state OPERATION")
	})
	const restarts = 5
	for i := range restarts {
		d.cmd.Process.Signal(syscall.SIGHUP)
		d.logged("spawned: 'idle'", i+2)
	}
	var now int
	var text string
	deadline := time.Now().Add(patience / 4)
	for now, text = profile(); now > goroutines+restarts/2 && time.Now().Before(deadline); {
		now, text = profile() // connections end on their own
	}
	if now > goroutines+restarts/2 {
		t.Errorf("%d goroutines at first, after %d restarts %s", goroutines, restarts, text)
	}
	if n := descriptors(); n > files+restarts/2 {
		t.Errorf("%d descriptors at first, %d after %d restarts", files, n, restarts)
	}
	d.stop()
}

// TestSignalsAtTheEnd checks that signals count while the daemon waits for its programs: a shutdown overrides a restart, and is
// not taken back.
func TestSignalsAtTheEnd(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+"[program:only]\ncommand=@SELF@ play only @DIR@/lock me\n")
	d := p.start()
	d.until("the program runs", func() bool { return strings.Contains(p.read("lock"), "start") })
	d.cmd.Process.Signal(syscall.SIGHUP)
	d.logged("received SIGHUP indicating restart request", 1)
	d.cmd.Process.Signal(syscall.SIGTERM)
	d.logged("received SIGTERM indicating exit request", 1)
	d.cmd.Process.Signal(syscall.SIGHUP)
	if code := d.end(); code != 0 {
		t.Errorf("exit status %d: %s", code, &d.errors)
	}
	d.clean()
	if got := p.read("lock"); got != "start me\nstop me\n" {
		t.Errorf("the program: %q", got)
	}
	has(t, "log", p.read("log"), "ignored SIGHUP indicating restart request (shutdown in progress)")
}

func TestReopenLogs(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+"[program:talk]\ncommand=@SELF@ play talk\nstdout_logfile=@DIR@/talk.log\n")
	d := p.start()
	d.until("the program talks", func() bool { return p.read("talk.log") != "" })
	for _, name := range []string{"log", "talk.log"} {
		if err := os.Rename(p.path(name), p.path(name+".old")); err != nil {
			t.Fatal(err)
		}
	}
	d.cmd.Process.Signal(syscall.SIGUSR2)
	d.until("the program's new log is written", func() bool { return p.read("talk.log") != "" })
	d.until("the new log exists", func() bool { _, err := os.Stat(p.path("log")); return err == nil })
	d.stop()
	has(t, "old log", p.read("log.old"), "received SIGUSR2 indicating log reopen request")
	has(t, "new log", p.read("log"), "received SIGTERM indicating exit request")
}

// TestReaderGoesAway checks that a reader of the standard output that ends takes nothing along.
func TestReaderGoesAway(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+idle)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := p.command(t.Context(), "-n", "-c", p.path("conf"))
	cmd.Stdout, cmd.Stderr = w, w
	d := &running{place: p, cmd: cmd, ended: make(chan error, 1)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.ended <- cmd.Wait() }()
	w.Close()
	d.logged("spawned: 'idle'", 1)
	r.Close()
	var ok bool
	if err := d.call(&ok, "supervisor.stopProcess", "idle"); err != nil {
		t.Error(err)
	}
	d.logged("stopped: idle", 1)
	d.stop()
}

func TestUnderOldName(t *testing.T) {
	p := newPlace(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := p.path("supervisord")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) result {
		var out, errs strings.Builder
		cmd := p.command(t.Context(), args...)
		cmd.Path, cmd.Args[0] = name, name
		cmd.Stdout, cmd.Stderr = &out, &errs
		cmd.Run()
		return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	}
	if got := run("-h"); got.code != 0 || !strings.HasPrefix(got.stdout, name+" -- run a set of applications as daemons.\n\nUsage: "+name+" [options]\n") {
		t.Errorf("-h: %+v", got)
	}
	if got, want := run("-v"), (result{stdout: supervisorVersion + "\n"}); got != want {
		t.Errorf("-v: %+v", got)
	}
	if got, want := run("version"), (result{stdout: "supvisors " + version + "\n"}); got != want {
		t.Errorf("version: %+v", got)
	}
	if got := run("-x"); got.code != 2 || !strings.HasSuffix(got.stderr, "For help, use "+name+" -h\n") {
		t.Errorf("-x: %+v", got)
	}
	// it finds etc/supervisord.conf beside the directory it is in
	if err := os.Mkdir(p.path("etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.write(filepath.Join("etc", "supervisord.conf"), base+idle)
	if got := run(); got != (result{}) {
		t.Fatalf("detached: %+v", got)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(p.read("pid")))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil || string(line) != name+"\x00" {
		t.Errorf("command line %q, %v", line, err)
	}
	syscall.Kill(pid, syscall.SIGTERM)
	p.until("the daemon has ended", func() bool { return len(p.processes()) == 0 })
	p.clean()
}

// TestEndDuringTheStart checks that a signal which comes before the daemon is up counts, and leaves nothing behind.
func TestEndDuringTheStart(t *testing.T) {
	p := newPlace(t)
	p.write("conf", clustered+idle)
	p.write("rules.xml", "<root/>\n")
	for range 10 {
		os.Remove(p.path("log"))
		d := p.launch(p.command(t.Context(), "-n", "-c", p.path("conf")))
		p.until("the log is open", func() bool { _, err := os.Stat(p.path("log")); return err == nil })
		d.stop()
	}
}
