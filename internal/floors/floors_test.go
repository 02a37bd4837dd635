// Package floors holds the test of the house: which package may import which.
package floors

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/supvisors/supvisors/"

// edges lists, for each package, those of ours that it may import. A package that is not listed may not exist.
var edges = map[string][]string{
	// floor 0
	"rpc":              nil,
	"rules":            nil,
	"internal/ini":     nil,
	"internal/logfile": nil,
	"internal/process": nil,
	"internal/lock":    nil,
	"internal/key":     nil,
	"internal/worker":  nil,
	"internal/stats":   {"internal/worker"},
	"internal/trust":   nil,
	// floor 1
	"internal/config":              {"internal/ini", "internal/process", "rules"},
	"internal/event":               {"internal/process"},
	"internal/child":               {"internal/ini", "internal/process", "internal/logfile"},
	"internal/cluster":             {"internal/process", "rules"},
	"internal/cluster/clustertest": {"internal/cluster", "internal/process", "rules"},
	"internal/listener":            nil,
	// floor 2
	"internal/supervisor": {"internal/config", "internal/event", "internal/child", "internal/process", "internal/logfile",
		"internal/worker"},
	"internal/supervisor/supervisortest": {"internal/supervisor", "internal/config", "internal/event", "internal/child",
		"internal/process"}, // tests only
	"internal/gossip":  {"internal/cluster", "rpc", "internal/listener"},
	"internal/journal": {"internal/event", "internal/process"},
	"internal/host":    {"internal/child", "internal/process"},
	// floor 3
	"internal/node": {"rules", "internal/cluster", "internal/gossip", "internal/supervisor", "internal/event", "internal/process", "rpc"},
	// floor 4
	"internal/service": {"internal/node", "internal/supervisor", "rpc", "internal/event", "internal/cluster", "internal/process",
		"internal/config", "internal/child", "internal/ini", "internal/logfile", "internal/stats", "rules"},
	"internal/device": {"internal/node", "internal/supervisor", "internal/config", "internal/process", "internal/event", "internal/cluster",
		"internal/stats", "internal/host", "internal/ini", "internal/lock", "internal/key", "internal/worker", "rest/device"},
	"internal/ledger": {"internal/node", "internal/supervisor", "internal/cluster", "internal/event", "internal/process", "internal/journal",
		"rules", "rest/agent"},
	"internal/agent": {"internal/node", "internal/supervisor", "internal/cluster", "internal/config", "internal/event", "internal/process",
		"internal/journal", "rules", "rest/agent"},
	// floor 5
	"internal/web": {"internal/config", "internal/node", "internal/supervisor", "internal/event", "internal/cluster", "internal/process", "rpc"},
	"internal/dashboard": {"internal/node", "internal/supervisor", "internal/cluster", "internal/event", "internal/process", "internal/logfile",
		"internal/stats", "rpc", "rules"},
	"internal/metrics": {"internal/node", "internal/supervisor", "internal/child", "internal/cluster", "internal/gossip",
		"internal/process", "internal/stats"},
	"rest":               {"rpc", "rest/internal/door"},
	"rest/device":        {"rpc", "rest/internal/door"},
	"rest/agent":         {"rpc", "rest/internal/door"},
	"rest/internal/door": nil,
	"internal/publish":   nil, // it carries headers and bodies and need not understand them
	// floor 6
	"supervisorctl": {"rpc", "internal/ini", "internal/config", "internal/process"},
	"supvisors": {"rpc", "rules", "internal/ini", "internal/logfile", "internal/process", "internal/config", "internal/event",
		"internal/child", "internal/cluster", "internal/listener", "internal/supervisor", "internal/gossip", "internal/node",
		"internal/service", "internal/web", "internal/dashboard", "internal/publish", "internal/metrics", "internal/stats", "rest",
		"internal/device", "internal/host", "internal/agent", "internal/ledger", "internal/journal", "internal/key", "internal/lock",
		"internal/trust", "internal/worker", "rest/device", "rest/agent"},
	"internal/floors":          nil,
	"internal/porttest":        nil,                                             // tests only
	"internal/tagtest":         nil,                                             // likewise
	"internal/peer":            nil,                                             // tests only
	"internal/doortest":        nil,                                             // likewise
	"internal/faults":          {"rpc", "internal/gossip", "internal/listener"}, // likewise
	"bench":                    nil,                                             // likewise
	"examples":                 {"internal/config", "rules"},
	"examples/shop":            nil,
	"examples/quickstart":      nil, // its test is the story of the README
	"examples/quickstart/demo": {"rpc"},
	"examples/internal/story":  {"rpc", "internal/porttest", "internal/tagtest"}, // tests only
	"examples/plant":           nil,
	"examples/clients":         nil,
	"examples/scenario_1":      nil, // their tests are the stories of their READMEs
	"examples/scenario_2":      nil,
	"examples/scenario_3":      nil,
	"examples/observability":   nil,
}

// TestFloors reads what every package imports, its tests left out, and refuses each edge that is not in the table.
func TestFloors(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		may, known := edges[name]
		if !known {
			t.Errorf("package %s has no place in the house", name)
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(may, ours) {
				t.Errorf("%s must not import %s", name, ours)
			}
		}
		seen++
	}
	if seen < 5 {
		t.Fatalf("only %d packages were found", seen)
	}
}
