package scenario1

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/examples/internal/story"
)

// home is the node of each program, by its port.
var home = map[string]string{
	"scen1_hci": "61101", "scen1_config_manager": "61101", "scen1_data_processing": "61101", "scen1_external_interface": "61101",
	"scen1_data_recorder": "61101", "scen1_sensor_acquisition_1": "61102", "scen1_sensor_processing_1": "61102",
	"scen1_sensor_acquisition_2": "61103", "scen1_sensor_processing_2": "61103",
}

// atHome checks that all programs of the application run, each on its node, and that those that waited for the disk have ended as
// planned.
func atHome(t *testing.T, s *story.Story) {
	t.Helper()
	all := s.Processes(t, "61102", "scen1")
	if len(all) != len(home)+3 {
		t.Errorf("scen1 has the processes %v", slices.Sorted(maps.Keys(all)))
	}
	for name, p := range all {
		switch port, works := home[name]; {
		case works && (p.State != "RUNNING" || !slices.Equal(p.Identifiers, []string{"127.0.0.1:" + s.Port(port)})):
			t.Errorf("%s is %s on %q", name, p.State, p.Identifiers)
		case !works && (p.State != "EXITED" || !p.Expected):
			t.Errorf("%s is %s, as expected: %v", name, p.State, p.Expected)
		}
	}
}

// lives returns what the journal says of each program: once "works", or "works", "stops", "works" and so on.
func lives(journal string) map[string][]string {
	found := map[string][]string{}
	for line := range strings.Lines(journal) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		name = strings.TrimPrefix(name, "scen1:")
		found[name] = append(found[name], what)
	}
	return found
}

// lived waits until each program has lived such a life. The one that was killed could not tell its end.
func lived(t *testing.T, s *story.Story, journal, killed string, want ...string) {
	t.Helper()
	wanted := map[string][]string{}
	for name := range home {
		wanted[name] = want
	}
	if killed != "" {
		wanted[killed] = slices.Delete(slices.Clone(want), 1, 2)
	}
	s.Await(t, fmt.Sprintf("the journal tells of %v", wanted), func() bool {
		return maps.EqualFunc(lives(s.Read(journal)), wanted, slices.Equal)
	})
}

// TestReadme plays the scenario: the disk comes late, a program is lost, the application is restarted from two nodes, and a developer
// has it all on one node.
func TestReadme(t *testing.T) {
	s := story.Open(t)
	s.Play(t, "Start the three nodes")
	if j := s.Read("run/nfs/journal"); j != "" {
		t.Errorf("without the disk, %q has happened", j)
	}
	s.Play(t, "Mount the disk")
	s.Settled(t, "61103")
	atHome(t, s)
	lived(t, s, "run/nfs/journal", "", "works")

	s.Play(t, "Read the operational status")
	s.Play(t, "Try a wrong node")
	for name, port := range home {
		for _, other := range []string{"61101", "61102", "61103"} {
			if err := s.Call(t, other, "supervisor.startProcess", nil, "scen1:"+name); err == nil || other != port &&
				!strings.Contains(err.Error(), "BAD_NAME") {
				t.Errorf("start of %s on %s: %v", name, other, err)
			}
		}
	}
	s.Play(t, "Break something")
	s.Play(t, "Restart the application")
	s.Settled(t, "61103")
	atHome(t, s)
	life := []string{"works", "stops", "works"}
	// a program that was told to stop before it could say that it works would not be in the journal
	lived(t, s, "run/nfs/journal", "scen1_hci", life...)
	s.Play(t, "Restart it from a script")
	if story.Python() {
		life = append(life, "stops", "works")
	}
	lived(t, s, "run/nfs/journal", "scen1_hci", life...)

	s.Play(t, "Stop the nodes")
	s.Await(t, "the nodes have ended", s.Quiet)
	lived(t, s, "run/nfs/journal", "scen1_hci", append(life, "stops")...)

	s.Play(t, "Develop on one node")
	lived(t, s, "run/journal", "", "works")
	s.Play(t, "Restart and stop on one node")
	s.End(t)
}

// TestRulesByNode checks that the rules that name the nodes do what those do that leave it to the configuration.
func TestRulesByNode(t *testing.T) {
	s := story.Open(t)
	if err := os.Rename(s.Path("etc/rules_by_node.xml"), s.Path("etc/rules.xml")); err != nil {
		t.Fatal(err)
	}
	s.Play(t, "Start the three nodes")
	s.Play(t, "Mount the disk")
	s.Settled(t, "61101")
	atHome(t, s)
	lived(t, s, "run/nfs/journal", "", "works")
	if out, err := s.Run("bin/supervisorctl -s http://127.0.0.1:" + s.Port("61102") + " sshutdown"); err != nil {
		t.Fatalf("sshutdown: %v\n%s", err, out)
	}
	s.Await(t, "the nodes have ended", s.Quiet)
}
