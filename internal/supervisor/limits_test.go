package supervisor

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// withFiles sets the soft limit of open files for the test.
func withFiles(t *testing.T, soft uint64) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: soft, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &old) })
}

func TestRaiseLimits(t *testing.T) {
	for _, c := range []struct {
		name  string
		soft  uint64
		min   uint64
		after uint64
		note  string
	}{
		{"raised", 300, 500, 500, "Increased RLIMIT_NOFILE limit to 500"},
		{"enough", 700, 500, 700, ""},
		{"exact", 1500, 1500, 1500, ""},
		{"hidden by the runtime", 3000, 1500, 1500, "Increased RLIMIT_NOFILE limit to 1500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFiles(t, c.soft)
			notes, err := RaiseLimits(c.min, 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(notes, "; "); got != c.note {
				t.Errorf("notes %q, want %q", got, c.note)
			}
			child := exec.Command("/bin/cat")
			stdin, err := child.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			var got unix.Rlimit
			if err := unix.Prlimit(child.Process.Pid, unix.RLIMIT_NOFILE, nil, &got); err != nil || got.Cur != c.after {
				t.Errorf("a child has %d files, %v; want %d", got.Cur, err, c.after)
			}
			stdin.Close()
			_ = child.Wait() // unless the System of another test has been quicker
		})
	}
}

func TestRaiseLimitsBeyondTheSystem(t *testing.T) {
	_, err := RaiseLimits(1<<40, 1)
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Option != "minfds" || limit.Min != 1<<40 {
		t.Fatalf("got %v", err)
	}
	const begin = `The minimum number of file descriptors required to run this process is 1099511627776 as per the "minfds" command-line argument`
	if !strings.HasPrefix(err.Error(), begin) {
		t.Errorf("text %q", err)
	}
}
