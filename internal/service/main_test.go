package service

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/child"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is the child: one role per test.
func play(role string, args []string) {
	switch role {
	case "idle":
		select {}
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "say":
		fmt.Fprint(os.Stdout, args[0])
		fmt.Fprint(os.Stderr, args[1])
		select {}
	case "deaf": // closes its stdin
		os.Stdin.Close()
		fmt.Println("up")
		select {}
	case "signals": // names what it gets, ends on SIGTERM
		c := make(chan os.Signal, 8)
		signal.Notify(c, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGTERM)
		fmt.Println("up")
		for sig := range c {
			fmt.Println(sig.(syscall.Signal))
			if sig == syscall.SIGTERM {
				return
			}
		}
	case "slow": // takes a second to end
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("up")
		<-c
		<-time.After(time.Second)
	}
}

// system is the one reaper of the test process.
var system = sync.OnceValues(func() (*child.System, error) {
	s, err := child.NewSystem(slog.New(slog.DiscardHandler))
	if err == nil {
		go s.Run()
	}
	return s, err
})
