package tagtest

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// A process is found by its own mark or that of its parent, not by one that begins like it.
func TestKill(t *testing.T) {
	const tag = "TAGTEST=one"
	sleep := func(tag string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & wait")
		cmd.Env = append(os.Environ(), tag)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	mine, other := sleep(tag), sleep(tag+"more")
	defer Kill(t, tag+"more", 10*time.Second)
	if found := Find(tag); !slices.Contains(found, mine.Process.Pid) || slices.Contains(found, other.Process.Pid) {
		t.Errorf("found %v, not %d alone", found, mine.Process.Pid)
	}
	go mine.Wait() // a zombie has no environment any more
	Kill(t, tag, 10*time.Second)
	if left := Find(tag); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
}
