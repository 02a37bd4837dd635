package clients

import (
	"os/exec"
	"testing"

	"github.com/supvisors/supvisors/examples/internal/story"
)

// TestReadme plays the README with Python's own clients and curl.
func TestReadme(t *testing.T) {
	for _, needed := range [][]string{{"/usr/bin/python3", "-c", "import zmq, websockets"}, {"curl", "--version"}} {
		if err := exec.Command(needed[0], needed[1:]...).Run(); err != nil {
			t.Skipf("%q fails (%v): the clients cannot be run", needed, err)
		}
	}
	s := story.Open(t)
	for _, title := range []string{"Start the two nodes", "Call methods", "Follow the events", "Stop"} {
		s.Play(t, title)
	}
	s.End(t)
}
