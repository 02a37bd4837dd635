// Package faults does to real daemons what happens to real hosts: kills, freezes, cut networks, full disks, lack of descriptors and
// memory, garbage, other versions. After each fault the cluster must be what it was before, as its nodes see it and as the OS does.
//
// Its tests take minutes and want a machine of their own, so they only run when E2E is set, as make e2e does.
package faults

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// enabled is the variable of the environment that wants these tests.
const enabled = "E2E"

// daemonFile is the variable of the environment that holds the path of the daemon.
const daemonFile = "FAULTS_BINARY"

// TestMain makes the test binary also the program that the daemons start, and builds the daemon once.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "play" {
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(enabled) == "" {
		return m.Run() // every test skips
	}
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "supvisors")
	build := exec.Command("go", "build", "-o", file, "../../supvisors")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	os.Setenv(daemonFile, file)
	return m.Run()
}

// play is a program under the daemon: one role per kind of fault.
func play(role string, args []string) {
	switch role {
	case "work": // until it is told to stop, for which it takes its time; or until its daemon is dead
		go func() {
			io.Copy(io.Discard, os.Stdin) // the daemon holds the other end
			os.Exit(3)
		}()
		stop(args[0])
	case "stay": // does not care for its daemon
		stop(args[0])
	case "talk": // 64 KiB of output at each turn
		out := bufio.NewWriter(os.Stdout)
		for range time.Tick(50 * time.Millisecond) {
			for i := range 1024 {
				fmt.Fprintf(out, "%063d\n", i)
			}
			out.Flush()
		}
	case "eat": // memory, a MiB at a time, until there is no more
		var eaten [][]byte
		for len(eaten) < 4096 {
			piece := make([]byte, 1<<20)
			for i := range piece {
				piece[i] = 1
			}
			eaten = append(eaten, piece)
		}
	}
}

// stop waits for SIGTERM, and then for some milliseconds.
func stop(ms string) {
	n, err := strconv.Atoi(ms)
	if err != nil {
		panic(err)
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	if err := os.WriteFile(readyFile(os.Getpid()), nil, 0o600); err != nil {
		panic(err)
	}
	<-told
	<-time.After(time.Duration(n) * time.Millisecond)
}

// readyFile is what a program leaves in the directory of its node when it is ready to be told to stop.
func readyFile(pid int) string { return fmt.Sprintf("ready.%d", pid) }
