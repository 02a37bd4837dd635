package dashboard

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
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
	case "fail": // says why it ends, with a code
		for i := range 30 {
			fmt.Fprintln(os.Stderr, "line", i)
		}
		fmt.Fprintln(os.Stderr, args[1])
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "say":
		fmt.Println(strings.Join(args, " "))
		select {}
	case "slow": // takes a moment to end
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		<-c
		<-time.After(200 * time.Millisecond)
	}
}
