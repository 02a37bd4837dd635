package stats

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is its own child: a parent that starts a burner, or a burner, which keeps one core busy until it is killed.
const roleVariable = "STATS_TEST_ROLE"

// burnt keeps the burner from being nothing at all.
var burnt atomic.Uint64

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "parent":
		burner := exec.Command("/proc/self/exe")
		burner.Env = append(os.Environ(), roleVariable+"=burner")
		burner.Stdin = os.Stdin // its end is the end of both
		if err := burner.Start(); err != nil {
			os.Exit(1)
		}
		fmt.Println(burner.Process.Pid)
		burner.Wait()
	case "burner":
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		for n := uint64(0); ; n++ {
			burnt.Store(n)
		}
	default:
		os.Exit(m.Run())
	}
}

// startBurner returns the pid of a child and that of its child, which burns, and what ends both.
func startBurner(t *testing.T) (parent, burner int, end func()) {
	t.Helper()
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), roleVariable+"=parent")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() { in.Close(); child.Wait() }
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	burner, err = strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return child.Process.Pid, burner, end
}

// processorClock is what the kernel's own clock says that a process has used: the judge over the figures from proc.
func processorClock(pid int) float64 {
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &used); err != nil {
		return 0 // it has ended
	}
	return time.Duration(used.Nano()).Seconds()
}

func TestLiveBurner(t *testing.T) {
	parent, burner, end := startBurner(t)
	var before, now struct{ mono, used float64 } // of the goroutine of Run, on which the callbacks are
	judged := make(chan Float, 100)
	samples := make(chan Sample, 100)
	c := New(Config{
		Identifier: "n1", Host: true, Process: true, Period: time.Second, Periods: []time.Duration{time.Second}, Depth: 10,
		Processes: func() []Target {
			before = now
			now.mono, now.used = monotonic(), processorClock(burner)
			return []Target{{"app:burner", parent}}
		},
		Publish: func(s Sample) {
			if p, ok := s.(ProcessSample); ok && p.PID == parent {
				judged <- Float(100 * (now.used - before.used) / (now.mono - before.mono))
			}
			samples <- s
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	ended := make(chan struct{})
	go func() { defer close(ended); c.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	next := func() Sample {
		select {
		case s := <-samples:
			return s
		case <-ctx.Done():
			t.Fatal("no sample in 30 s")
			return nil
		}
	}

	for seen := map[string]bool{}; len(seen) < 3; {
		switch s := next().(type) {
		case HostSample:
			seen["host"] = true
			checkHost(t, s, c.Cores())
		case ProcessSample:
			seen[s.Namespec] = true
			switch s.Namespec {
			case Supervisord:
				if s.PID != os.Getpid() || s.CPU < 0 || s.CPU > 60 || s.Mem <= 0 {
					t.Errorf("the daemon itself, which does nothing: %+v", s)
				}
			case "app:burner":
				want := <-judged
				t.Logf("a burner: %.1f %%, by its own clock %.1f %%, memory %.3f %%", s.CPU, want, s.Mem)
				if s.PID != parent || s.CPU < want-5 || s.CPU > want+5 || want < 5 || s.Mem <= 0 || s.Mem > 50 {
					t.Errorf("%+v, want pid %d and %.1f %%", s, parent, want)
				}
			}
		}
	}
	if h, known := c.ProcessHistory("app:burner", time.Second); !known || h.PID != parent {
		t.Errorf("history %+v, %v", h, known)
	}
	end()
	for {
		if h, known := c.ProcessHistory("app:burner", time.Second); !known {
			return
		} else if p, ok := next().(ProcessSample); ok && p.Namespec == "app:burner" {
			t.Logf("a last sample, begun before the end: %+v, %d points", p, len(h.Points))
		}
	}
}

func checkHost(t *testing.T, s HostSample, cores int) {
	t.Helper()
	t.Logf("the host: %+v", s)
	if len(s.CPU) != cores+1 || s.CPU[0] <= 0 {
		t.Errorf("processors %v with %d cores of which one is busy", s.CPU, cores)
	}
	for _, value := range append([]Float{s.Mem}, s.CPU...) {
		if value < 0 || value > 100 {
			t.Errorf("not a share: %v in %+v", value, s)
		}
	}
	if s.Mem == 0 || s.Period[0] != 0 || s.Period[1] < 1 || s.Period[1] > 10 {
		t.Errorf("%+v", s)
	}
	for point, usage := range s.DiskUsage {
		if usage < 0 || usage > 100 {
			t.Errorf("usage of %s: %v", point, usage)
		}
	}
}
