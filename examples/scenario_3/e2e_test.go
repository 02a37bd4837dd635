package scenario3

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/examples/internal/story"
)

// staged checks the start sequences: the services wait until the bus of each server is operational, their interface for the common
// bus, and the windows for all services.
func staged(t *testing.T, s *story.Story) {
	t.Helper()
	for i := range 3 {
		found := fmt.Sprintf("scen3_srv:scen3_check_%%s_data_bus_%d found the bus", i+1)
		for _, service := range []string{"scen3_item_manager", "scen3_track_manager", "scen3_system_health"} {
			s.InOrder(t, "run/journal", 0, fmt.Sprintf(found, "internal"), "scen3_srv:"+service+" works")
		}
		s.InOrder(t, "run/journal", 0, fmt.Sprintf(found, "common"), "scen3_srv:scen3_common_bus_interface works")
		windows := fmt.Sprintf("scen3_hci_%02d:", i+1)
		for _, window := range []string{"scen3_item_control", "scen3_chart_view"} {
			s.InOrder(t, "run/journal", 0, windows+"scen3_check_internal_data_bus found the bus", windows+window+" works")
		}
	}
	running := s.When(t, "server_1", "success: scen3_common_bus_interface entered RUNNING")
	if core := s.When(t, "server_3", "success: scen3_track_manager entered RUNNING"); core > s.When(t, "server_1",
		"spawned: 'scen3_check_common_data_bus_1'") {
		t.Errorf("the common bus was of interest before the services were up, at %s", core)
	}
	for _, console := range []string{"console_1", "console_2", "console_3"} {
		if windows := s.When(t, console, "spawned: 'scen3_check_internal_data_bus'"); windows < running {
			t.Errorf("%s has opened windows at %s, before the services were up, at %s", console, windows, running)
		}
	}
}

// TestReadme plays the scenario: a start that goes on although something fails, a Master, a server and a console that are lost.
func TestReadme(t *testing.T) {
	s := story.Open(t)
	s.Play(t, "Start servers and consoles")
	s.Settled(t, "61301")
	staged(t, s)
	if journal := s.Read("run/journal"); strings.Contains(journal, "stops") {
		t.Errorf("something has ended:\n%s", journal)
	}
	for i, port := range []string{"61304", "61305", "61306"} {
		for _, other := range []string{"61301", "61302", "61303", "61304", "61305", "61306"} {
			name := fmt.Sprintf("scen3_hci_%02d", i+1)
			if err := s.Call(t, other, "supvisors.start_application", nil, "LESS_LOADED", name); err == nil ||
				!strings.Contains(err.Error(), "ALREADY_STARTED") {
				t.Errorf("second start of %s by %s: %v", name, other, err)
			}
			if other == port {
				continue
			}
			if err := s.Call(t, other, "supervisor.startProcessGroup", nil, name); err == nil || !strings.Contains(err.Error(), "BAD_NAME") {
				t.Errorf("start of %s on %s: %v", name, other, err)
			}
		}
	}
	s.Play(t, "Read the operational status")
	s.Play(t, "Start although something fails")

	before := windows(s)
	s.Play(t, "Lose servers")
	s.Settled(t, "61301")
	if after := windows(s); !slices.Equal(after, before) {
		t.Errorf("a lost server has touched the windows: %q, before %q", after, before)
	}

	s.Play(t, "Lose a console")
	s.Settled(t, "61301")
	for i, port := range []string{"61304", "61305", "61306"} {
		if where := s.Where(t, "61301", fmt.Sprintf("scen3_hci_%02d", i+1)); !slices.Equal(where, []string{port}) {
			t.Errorf("the windows of console_%d are on %q", i+1, where)
		}
	}
	s.Play(t, "Stop the nodes")
	s.Await(t, "the nodes have ended", s.Quiet)

	s.Play(t, "Do without a list")
	s.End(t)
}

// windows returns what has happened to the windows.
func windows(s *story.Story) []string {
	return slices.DeleteFunc(strings.Split(s.Read("run/journal"), "\n"), func(line string) bool {
		return !strings.HasPrefix(line, "scen3_hci_")
	})
}
