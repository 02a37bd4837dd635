package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/internal/tagtest"
	"github.com/supvisors/supvisors/rpc"
)

// patience bounds every wait of a test.
const patience = 20 * time.Second

// place is a private directory with the files of a daemon, and all processes that come of it.
type place struct {
	t    *testing.T
	dir  string
	port string
	tag  string // in the environment of every process
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir, err := os.MkdirTemp("", "sv") // short: the path of a socket has a limit
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, dir: dir, port: porttest.Free(t, 1)[0], tag: "SUPVISORS_TEST_PLACE=" + dir}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", dir, p.read("log"))
		}
		for _, pid := range p.processes() {
			t.Errorf("process %d was left behind", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
		os.RemoveAll(dir)
	})
	return p
}

// base is the configuration that most tests begin with.
const base = `[supervisord]
logfile=@DIR@/log
pidfile=@DIR@/pid
childlogdir=@DIR@
user=root
[unix_http_server]
file=@DIR@/sock
[inet_http_server]
port=127.0.0.1:@PORT@
`

const idle = `[program:idle]
command=@SELF@ play idle
`

// fill puts the facts of the place into a text.
func (p *place) fill(text string) string {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.NewReplacer("@DIR@", p.dir, "@PORT@", p.port, "@SELF@", self).Replace(text)
}

func (p *place) path(name string) string { return filepath.Join(p.dir, name) }

func (p *place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.path(name), []byte(p.fill(text)), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// read returns the text of a file, "" when it does not exist.
func (p *place) read(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(p.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.t.Fatal(err)
	}
	return string(data)
}

// command is the daemon's program with these arguments, in the directory of the place.
func (p *place) command(ctx context.Context, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), asDaemon+"=1", "GORACE=atexit_sleep_ms=1", p.tag)
	cmd.WaitDelay = time.Second // a program of the daemon may have kept the output
	return cmd
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run waits for a command.
func (p *place) run(args ...string) result {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := p.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		p.t.Fatalf("%v: %v\n%s%s", args, err, &out, &errs)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// running is a daemon in the foreground.
type running struct {
	*place
	cmd    *exec.Cmd
	errors bytes.Buffer // to be read after the end
	ended  chan error
}

// start starts a daemon and waits until it is up.
func (p *place) start(args ...string) *running {
	p.t.Helper()
	r := p.launch(p.command(context.Background(), append([]string{"-n", "-c", p.path("conf")}, args...)...))
	r.until("the daemon is up", func() bool { return r.read("pid") == fmt.Sprintf("%d\n", r.cmd.Process.Pid) })
	return r
}

// launch starts a daemon.
func (p *place) launch(cmd *exec.Cmd) *running {
	p.t.Helper()
	r := &running{place: p, cmd: cmd, ended: make(chan error, 1)}
	out, err := os.OpenFile(p.path("stdout"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close()
	r.cmd.Stdout, r.cmd.Stderr = out, &r.errors
	if err := r.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	p.t.Cleanup(func() { // when the test has failed
		if r.cmd.ProcessState == nil {
			r.cmd.Process.Kill()
		}
	})
	return r
}

// end waits for the end and returns the exit status.
func (r *running) end() int {
	r.t.Helper()
	select {
	case err := <-r.ended:
		r.ended <- err
		return r.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		r.t.Fatal("the daemon does not end")
		return 0
	}
}

// stop ends the daemon as it should be.
func (r *running) stop() {
	r.t.Helper()
	r.cmd.Process.Signal(syscall.SIGTERM)
	if code := r.end(); code != 0 {
		r.t.Fatalf("exit status %d: %s", code, &r.errors)
	}
	r.clean()
}

// until waits for a condition.
func (p *place) until(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	often := time.NewTicker(5 * time.Millisecond)
	defer often.Stop()
	for !holds() {
		select {
		case <-often.C:
		case <-deadline:
			p.t.Fatalf("in vain waited until %s", what)
		}
	}
}

// logged waits for a text in the log, n times.
func (p *place) logged(text string, n int) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q is logged %d times", text, n), func() bool { return strings.Count(p.read("log"), text) >= n })
}

// call calls a method through the socket.
func (p *place) call(out any, method string, args ...any) error {
	p.t.Helper()
	return p.callAt("unix://"+p.path("sock"), out, method, args...)
}

func (p *place) callAt(url string, out any, method string, args ...any) error {
	p.t.Helper()
	client, err := rpc.NewClient(rpc.ClientConfig{URL: url})
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	return client.Call(ctx, method, out, args...)
}

// processes are the living ones that came of this place.
func (p *place) processes() []int { return tagtest.Find(p.tag) }

// clean checks that nothing of a daemon is left but its log.
func (p *place) clean() {
	p.t.Helper()
	if pids := p.processes(); len(pids) > 0 {
		p.t.Errorf("processes are left: %v", pids)
	}
	left, _ := filepath.Glob(p.path("*sock"))
	hidden, _ := filepath.Glob(p.path(".*sock"))
	pid, _ := filepath.Glob(p.path("pid"))
	if left = append(append(left, hidden...), pid...); len(left) > 0 {
		p.t.Errorf("files are left: %v", left)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		p.t.Errorf("the port is not free: %v", err)
		return
	}
	ln.Close()
}

// has checks that a text contains others.
func has(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}
