package child

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

// TestMain makes the test binary also the child that tests start, and the shim that starts it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case ShimCommand:
			ExecShim(os.Args[2:])
		case "play":
			play(os.Args[2], os.Args[3:])
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// facts is what a child sees of its world.
type facts struct {
	Args   []string
	Env    []string
	Dir    string
	Umask  int
	PGID   int
	PID    int
	UID    int
	GID    int
	Groups []int
}

// play is the child: one role per test.
func play(role string, args []string) {
	switch role {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "say": // to stdout, to stderr, exit code
		fmt.Fprint(os.Stdout, args[0])
		fmt.Fprint(os.Stderr, args[1])
		code, _ := strconv.Atoi(args[2])
		os.Exit(code)
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
	case "idle":
		select {}
	case "facts":
		report(args)
		select {}
	case "stubborn": // names what it gets, ends on nothing
		c := make(chan os.Signal, 16)
		signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
		fmt.Println("up")
		for sig := range c {
			fmt.Println(sig.(syscall.Signal))
		}
	case "parent": // starts a child of its own that keeps stdout, says its pid and ends when told to
		startGrandchild(args)
	case "lines": // n numbered lines of 100 bytes
		n, _ := strconv.Atoi(args[0])
		w := bufio.NewWriterSize(os.Stdout, 10000)
		for i := range n {
			fmt.Fprintf(w, "%099d\n", i)
		}
		w.Flush()
	case "upgrade", "upgraded":
		upgrade(role, args[0])
	case "deaf": // closes its stdin
		os.Stdin.Close()
		fmt.Println("up")
		select {}
	}
}

func report(args []string) {
	var f facts
	f.Args, f.Env = args, os.Environ()
	f.Dir, _ = os.Getwd()
	f.Umask = syscall.Umask(0)
	f.PGID, f.PID, f.UID, f.GID = syscall.Getpgrp(), os.Getpid(), os.Getuid(), os.Getgid()
	f.Groups, _ = os.Getgroups()
	json.NewEncoder(os.Stdout).Encode(f)
}

func startGrandchild(args []string) {
	self, _ := os.Executable()
	p, err := os.StartProcess(self, append([]string{self, "play"}, args...), &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("grandchild", p.Pid)
	bufio.NewReader(os.Stdin).ReadString('\n')
}
