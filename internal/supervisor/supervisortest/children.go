package supervisortest

import (
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/supvisors/supvisors/internal/child"
)

// Main runs the tests of a package. It makes the test binary also the child that they start: as "play ROLE ARGUMENT…" it plays the role
// and ends. There are idle, until its Supervisor has gone, and exit with a code; play, which may be nil, knows more.
func Main(m *testing.M, play func(role string, args []string)) {
	if len(os.Args) < 3 || os.Args[1] != "play" {
		os.Exit(m.Run())
	}
	switch role, args := os.Args[2], os.Args[3:]; role {
	case "idle":
		io.Copy(io.Discard, os.Stdin)
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	default:
		play(role, args)
	}
	os.Exit(0)
}

var children = sync.OnceValues(func() (*child.System, error) {
	s, err := child.NewSystem(slog.New(slog.DiscardHandler))
	if err == nil {
		go s.Run()
	}
	return s, err
})

// Children returns what starts the children of the test process and waits for them, which can be only one.
func Children(tb testing.TB) *child.System {
	tb.Helper()
	s, err := children()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Text is a log in memory.
type Text struct {
	mu  sync.Mutex
	all strings.Builder
}

// Write implements io.Writer.
func (t *Text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.Write(p)
}

// String returns what was written so far.
func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.String()
}

// Count returns how often a text was written.
func (t *Text) Count(text string) int { return strings.Count(t.String(), text) }
