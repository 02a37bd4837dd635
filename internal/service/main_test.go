package service

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) { supervisortest.Main(m, play) }

// play is the child: one role per test.
func play(role string, args []string) {
	switch role {
	case "cat":
		io.Copy(os.Stdout, os.Stdin)
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
