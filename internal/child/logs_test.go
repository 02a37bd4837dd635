package child

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/process"
)

func TestOutputIsKeptApart(t *testing.T) {
	b := newBench(t, nil, "say", "out", "err", "0")
	for range 2 { // and appended
		b.start()
		b.await(process.Exited)
	}
	if out, err := b.read("out"), b.read("err"); out != "outout" || err != "errerr" {
		t.Errorf("stdout %q, stderr %q", out, err)
	}
	info := b.Info()
	if info.StdoutLog != b.spec.Stdout.File || info.StderrLog != b.spec.Stderr.File {
		t.Errorf("paths %q, %q", info.StdoutLog, info.StderrLog)
	}
}

func TestRedirectStderr(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Spec.RedirectStderr = true }, "say", "out", "err", "0")
	b.start()
	b.await(process.Exited)
	if got := b.read("out"); got != "outerr" {
		t.Errorf("log %q", got)
	}
	if _, err := os.Stat(b.spec.Stderr.File); !errors.Is(err, os.ErrNotExist) || b.Info().StderrLog != "" {
		t.Errorf("stderr log: %v, %q", err, b.Info().StderrLog)
	}
}

// Everything a child wrote is in the log when its end is known, in whole chunks over the files of a rotation.
func TestBigOutput(t *testing.T) {
	const lines = 20000
	b := newBench(t, func(c *Config) {
		c.Spec.Stdout.MaxBytes, c.Spec.Stdout.Backups = 500_000, 9
	}, "lines", fmt.Sprint(lines))
	b.start()
	b.await(process.Exited)
	files, err := filepath.Glob(filepath.Join(b.dir, "out*"))
	if err != nil || len(files) < 3 {
		t.Fatalf("files %v, %v", files, err)
	}
	var all strings.Builder
	for i := len(files) - 1; i > 0; i-- {
		all.WriteString(b.read(fmt.Sprintf("out.%d", i)))
	}
	all.WriteString(b.read("out"))
	if all.Len() != lines*100 {
		t.Fatalf("%d bytes, want %d", all.Len(), lines*100)
	}
	for i, line := range strings.Fields(all.String()) {
		if want := fmt.Sprintf("%099d", i); line != want {
			t.Fatalf("line %d is %s", i, line)
		}
	}
}

// A grandchild that keeps stdout delays nothing, and is heard until it ends.
func TestGrandchildKeepsStdout(t *testing.T) {
	b := newBench(t, nil, "parent", "stubborn")
	b.start()
	var pid int
	eventually(t, "the grandchild", func() bool {
		_, err := fmt.Sscanf(b.read("out"), "grandchild %d", &pid)
		return err == nil
	})
	defer syscall.Kill(pid, syscall.SIGKILL)
	b.WriteStdin(t.Context(), []byte("\n"))
	b.await(process.Exited)
	eventually(t, "the grandchild's word", func() bool { return strings.Contains(b.read("out"), "up\n") })
	syscall.Kill(pid, syscall.SIGHUP)
	eventually(t, "the grandchild's other word", func() bool { return strings.Contains(b.read("out"), "hangup\n") })
	if got := b.states(); got != "STARTING RUNNING EXITED" {
		t.Errorf("states %s", got)
	}
}

func TestStdinOfARealChild(t *testing.T) {
	b := newBench(t, nil, "cat")
	b.start()
	var want strings.Builder
	for i := range 100 {
		line := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", 5000)) // more than a pipe holds
		want.WriteString(line)
		if err := b.WriteStdin(t.Context(), []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all that was sent", func() bool { return len(b.read("out")) == want.Len() })
	if b.read("out") != want.String() {
		t.Error("what was sent arrives in another order")
	}
}

// A hook answers the child: it must not wait, and is told what went wrong.
func TestSend(t *testing.T) {
	var b *bench
	failed := make(chan error, 2)
	b = newBench(t, func(c *Config) {
		c.Hooks.Raw = func(_ Stream, data []byte) {
			if n := bytes.Count(data, []byte("\n")); n > 0 && len(data) < 1000 { // doubled by each turn
				b.Send(bytes.Repeat(data, 2), func(err error) { failed <- err })
			}
		}
	}, "cat")
	b.Send([]byte("x"), func(err error) { failed <- err })
	if err := <-failed; !errors.Is(err, process.ErrNotRunning) {
		t.Errorf("to nobody: %v", err)
	}
	b.start()
	b.Send([]byte("0123456789abcdef\n"), func(err error) { failed <- err })
	eventually(t, "the last answer", func() bool { return len(b.read("out")) >= 17*63 })
	if text := b.read("out"); strings.ReplaceAll(text, "0123456789abcdef\n", "") != "" {
		t.Errorf("the child was sent %q", text)
	}
	if len(failed) > 0 {
		t.Error(<-failed)
	}
}

func TestStdinClosedByTheChild(t *testing.T) {
	b := newBench(t, nil, "deaf")
	b.start()
	eventually(t, "up", func() bool { return b.read("out") == "up\n" })
	if err := b.WriteStdin(t.Context(), []byte("x")); !errors.Is(err, ErrNoStdin) {
		t.Errorf("write: %v", err)
	}
	if got := b.Info().State; got != process.Running {
		t.Errorf("state %s", got)
	}
}

func TestStdinOfAChildThatDoesNotRead(t *testing.T) {
	b := newBench(t, nil, "idle")
	b.start()
	var err error
	for range 100 {
		if err = b.WriteStdin(t.Context(), make([]byte, 100_000)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrStdinFull) {
		t.Errorf("last write: %v", err)
	}
	if err := b.Stop(t.Context()); err != nil { // it is still listening to us
		t.Error(err)
	}
	b.await(process.Stopped)
}

func TestClearAndReopen(t *testing.T) {
	b := newBench(t, nil, "cat")
	say := func(text string) {
		t.Helper()
		if err := b.WriteStdin(t.Context(), []byte(text)); err != nil {
			t.Fatal(err)
		}
		eventually(t, text, func() bool { return strings.HasSuffix(b.read("out"), text) })
	}
	b.start()
	say("one\n")
	if err := b.ClearLogs(t.Context()); err != nil || b.read("out") != "" {
		t.Errorf("cleared: %v, %q", err, b.read("out"))
	}
	say("two\n")
	if got := b.read("out"); got != "two\n" {
		t.Errorf("after clear %q", got)
	}
	os.Rename(b.spec.Stdout.File, filepath.Join(b.dir, "moved"))
	if err := b.ReopenLogs(t.Context()); err != nil {
		t.Error(err)
	}
	say("three\n")
	if moved, out := b.read("moved"), b.read("out"); moved != "two\n" || out != "three\n" {
		t.Errorf("moved %q, new %q", moved, out)
	}
	b.Stop(t.Context())
	b.await(process.Stopped)
	if err := b.ClearLogs(t.Context()); err != nil || b.read("out") != "" {
		t.Errorf("cleared while stopped: %v, %q", err, b.read("out"))
	}
	if err := b.ReopenLogs(t.Context()); err != nil {
		t.Errorf("reopened while stopped: %v", err)
	}
}

// A log that cannot be written is said once and does not harm the child.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this host has no /dev/full, which stands for a full disk here:", err)
	}
	b := newBench(t, func(c *Config) { c.Spec.Stdout.File = "/dev/full" }, "cat")
	b.start()
	for range 3 {
		b.WriteStdin(t.Context(), []byte("x"))
	}
	eventually(t, "a complaint", func() bool { return strings.Contains(b.logged(), "output of 'p' is lost: ") })
	b.Stop(t.Context())
	b.await(process.Stopped)
	if got := strings.Count(b.logged(), "is lost"); got != 1 {
		t.Errorf("said %d times", got)
	}
}

// A log whose reader stands still holds up the child that writes to it, and nothing else: its actor still stops it, and when the
// reader goes on it gets everything from the beginning.
func TestLogThatNobodyReads(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	const lines = 50000
	b := newBench(t, func(c *Config) { c.Spec.Stdout.File = fifo }, "lines", fmt.Sprint(lines))
	full := func() bool {
		n, err := unix.IoctlGetInt(int(reader.Fd()), unix.TIOCINQ)
		return err == nil && n > 40000 && b.blocked()
	}
	b.start()
	eventually(t, "a log that is full", full)
	if got := b.Info().State; got != process.Running {
		t.Fatalf("state %s: nothing held the child up", got)
	}
	got := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(io.LimitReader(reader, lines*100))
		got <- string(text)
	}()
	b.await(process.Exited)
	text := <-got
	for i, line := range strings.Fields(text) {
		if want := fmt.Sprintf("%099d", i); line != want {
			t.Fatalf("line %d is %s", i, line)
		}
	}
	if len(text) != lines*100 {
		t.Errorf("%d bytes, want %d", len(text), lines*100)
	}

	b.start() // and now nobody reads to the end
	eventually(t, "a log that is full", full)
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await(process.Stopped)
	b.start() // gives the old log up, whose writer is told so
	eventually(t, "a complaint", func() bool { return strings.Contains(b.logged(), "output of 'p' is lost") })
}

// blocked reports whether the log of stdout cannot take more.
func (b *bench) blocked() (blocked bool) {
	_ = b.ask(b.t.Context(), func() error {
		blocked = b.logs[Stdout] != nil && b.logs[Stdout].busy()
		return nil
	})
	return blocked
}
