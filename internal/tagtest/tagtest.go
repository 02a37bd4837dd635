// Package tagtest finds the processes that came of a test, by whatever way they did: a variable in their environment marks them.
package tagtest

import (
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each goes through the living processes that have the variable tag, "NAME=value", and tells the environment of each.
func Each(tag string) iter.Seq2[int, []string] {
	return func(yield func(int, []string) bool) {
		files, _ := filepath.Glob("/proc/[0-9]*/environ")
		for _, file := range files {
			data, err := os.ReadFile(file)
			env := strings.Split(string(data), "\x00")
			if err != nil || !slices.Contains(env, tag) {
				continue
			}
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if !yield(pid, env) {
				return
			}
		}
	}
}

// Find returns the pids of those processes.
func Find(tag string) (pids []int) {
	for pid := range Each(tag) {
		pids = append(pids, pid)
	}
	return pids
}

// Kill kills them until there are none. That some withstand it for so long fails the test.
func Kill(t testing.TB, tag string, patience time.Duration) {
	t.Helper()
	deadline := time.After(patience)
	for left := Find(tag); len(left) > 0; left = Find(tag) { // one of them may have started another meanwhile
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-deadline:
			t.Errorf("processes %v cannot be killed", left)
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
