package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asDaemon makes the test binary the daemon.
const asDaemon = "SUPVISORS_TEST_AS_DAEMON"

// TestMain makes the test binary also the daemon that tests start, and the program that the daemon starts.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "play":
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	case os.Getenv(asDaemon) != "":
		go tellGoroutines()
		main()
	}
	os.Exit(m.Run())
}

// tellGoroutines has a daemon leave the stacks of its goroutines in a file on SIGUSR1.
func tellGoroutines() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for range asked {
		var b bytes.Buffer
		pprof.Lookup("goroutine").WriteTo(&b, 1)
		os.WriteFile("goroutines.new", b.Bytes(), 0o600)
		os.Rename("goroutines.new", "goroutines")
	}
}

// play is a program under the daemon: one role per test.
func play(role string, args []string) {
	switch role {
	case "idle":
		select {}
	case "env": // leaves what it sees in a file
		fds, _ := os.ReadDir("/proc/self/fd")
		var b bytes.Buffer
		for _, fd := range fds {
			to, _ := os.Readlink("/proc/self/fd/" + fd.Name())
			fmt.Fprintln(&b, "fd", fd.Name(), to)
		}
		b.WriteString(strings.Join(os.Environ(), "\n"))
		os.WriteFile(args[0]+".new", b.Bytes(), 0o600)
		os.Rename(args[0]+".new", args[0])
		select {}
	case "only": // must not run twice: holds a lock, and needs a moment to end
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		file, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		who := args[1]
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			fmt.Fprintln(file, "twice", who)
		}
		fmt.Fprintln(file, "start", who)
		<-stop
		<-time.After(300 * time.Millisecond)
		fmt.Fprintln(file, "stop", who)
	case "talk":
		for range time.Tick(20 * time.Millisecond) {
			fmt.Println("talk")
		}
	case "events": // an event listener that keeps serial numbers
		in := bufio.NewReader(os.Stdin)
		file, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		for err == nil {
			fmt.Print("READY\n")
			var header string
			if header, err = in.ReadString('\n'); err != nil {
				break
			}
			tokens := map[string]string{}
			for _, word := range strings.Fields(header) {
				key, value, _ := strings.Cut(word, ":")
				tokens[key] = value
			}
			length, _ := strconv.Atoi(tokens["len"])
			in.Discard(length)
			fmt.Fprintln(file, tokens["serial"], tokens["eventname"])
			fmt.Print("RESULT 2\nOK")
		}
	case "orphan": // leaves a child behind that ends when told to
		self, _ := os.Executable()
		cmd := exec.Command(self, "play", "idle")
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		os.WriteFile(args[0]+".new", fmt.Append(nil, cmd.Process.Pid), 0o600)
		os.Rename(args[0]+".new", args[0])
	}
}
