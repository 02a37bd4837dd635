package scenario2

import (
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/examples/internal/story"
)

// alone checks that an application runs on one node, the one on this port.
func alone(t *testing.T, s *story.Story, application, port string) {
	t.Helper()
	if where := s.Where(t, "61201", application); !slices.Equal(where, []string{port}) {
		t.Errorf("%s runs on %q, wanted %s", application, where, port)
	}
}

// staged checks the start sequence of an application that has started since the journal had that length: nothing works before the bus
// was found.
func staged(t *testing.T, s *story.Story, since int, application string, programs ...string) {
	t.Helper()
	for _, program := range programs {
		s.InOrder(t, "run/journal", since, application+":scen2_internal_data_bus starts",
			application+":scen2_internal_data_bus is operational",
			application+":scen2_check_internal_data_bus found the bus",
			application+":"+program+" works")
	}
}

// services checks the start sequence of the services, which ends with the common data bus.
func services(t *testing.T, s *story.Story, since int, application string) {
	t.Helper()
	staged(t, s, since, application, "scen2_config_manager", "scen2_data_processing", "scen2_sensor_acquisition")
	s.InOrder(t, "run/journal", since, application+":scen2_check_common_data_bus found the bus",
		application+":scen2_common_bus_interface works")
}

// sequence is what a server does, one after the other, when it starts the services.
var sequence = []string{
	"spawned: 'scen2_internal_data_bus'", "spawned: 'scen2_check_internal_data_bus'", "exited: scen2_check_internal_data_bus",
	"spawned: 'scen2_config_manager'", "success: scen2_config_manager", "spawned: 'scen2_check_common_data_bus'",
	"exited: scen2_check_common_data_bus", "spawned: 'scen2_common_bus_interface'",
}

// TestReadme plays the scenario: windows that open and do not, conflicts, crashes, lost servers and consoles.
func TestReadme(t *testing.T) {
	s := story.Open(t)
	length := func() int { return len(s.Read("run/journal")) }

	s.Play(t, "Start servers and consoles")
	s.Settled(t, "61201")
	for application, port := range map[string]string{"scen2_srv_01": "61201", "scen2_srv_02": "61202", "scen2_srv_03": "61203"} {
		alone(t, s, application, port)
		services(t, s, 0, application)
	}
	for _, server := range []string{"server_1", "server_2", "server_3"} {
		s.InOrder(t, "run/"+server+".log", 0, sequence...)
	}
	s.InOrder(t, "run/journal", 0, "common_data_bus:common_data_bus is operational",
		"scen2_srv_01:scen2_check_common_data_bus found the bus")
	if strings.Contains(s.Read("run/journal"), "scen2_hci") {
		t.Errorf("windows have opened without a request:\n%s", s.Read("run/journal"))
	}

	s.Play(t, "Read the operational status")
	s.Play(t, "Open windows")
	alone(t, s, "scen2_hci_02", "61206")
	staged(t, s, 0, "scen2_hci_02", "scen2_sensor_control", "scen2_sensor_view", "scen2_chart_view")
	if strings.Contains(s.Read("run/journal"), "scen2_hci_03") {
		t.Errorf("windows have opened on a server:\n%s", s.Read("run/journal"))
	}
	for _, port := range []string{"61204", "61205", "61206"} {
		for _, name := range []string{"scen2_srv_01", "scen2_hci_02"} {
			if err := s.Call(t, port, "supvisors.start_application", nil, "LESS_LOADED", name); err == nil ||
				!strings.Contains(err.Error(), "ALREADY_STARTED") {
				t.Errorf("second start of %s: %v", name, err)
			}
		}
	}

	s.Play(t, "Run out of resources")
	s.Play(t, "Go behind its back")
	alone(t, s, "scen2_hci_02", "61206")

	since := length()
	s.Play(t, "Crash a bus")
	s.Settled(t, "61201")
	alone(t, s, "scen2_srv_01", "61201")
	services(t, s, since, "scen2_srv_01")

	since = length()
	s.Play(t, "Start services without their configuration")
	s.Settled(t, "61201")
	s.InOrder(t, "run/journal", since, "scen2_srv_03:scen2_internal_data_bus is operational",
		"scen2_srv_03:scen2_internal_data_bus stops", "scen2_srv_03:scen2_config_manager works")
	alone(t, s, "scen2_srv_03", "61203")
	services(t, s, since, "scen2_srv_03")

	since = length()
	s.Play(t, "Lose servers")
	s.Settled(t, "61201")
	alone(t, s, "scen2_srv_01", "61201")
	alone(t, s, "scen2_srv_02", "61203")
	alone(t, s, "scen2_srv_03", "61201")
	services(t, s, since, "scen2_srv_02")
	// what was shut down in good order ended before it started elsewhere
	s.InOrder(t, "run/journal", since, "scen2_srv_03:scen2_common_bus_interface stops",
		"scen2_srv_03:scen2_internal_data_bus starts")

	s.Play(t, "Lose a console")
	s.Play(t, "Stop the nodes")
	s.Await(t, "the nodes have ended", s.Quiet)

	s.Play(t, "Do without a list")
	s.End(t)
}
