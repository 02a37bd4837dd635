package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/ini"
)

// readData reads a file of testdata: the answers of Supvisors 0.19 with Supervisor 4.3 and Python 3.11.
func readData(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// reading is what Supvisors makes of the options of [rpcinterface:supvisors].
type reading struct {
	Text   string
	Values map[string]any // in the first reading all, in the others what differs from it
	Log    []string       // what it warns of
	Error  string         // what keeps it from starting
}

// values are the options under the names that Supvisors has for them.
func values(t *testing.T, v *Supvisors, dir string) map[string]any {
	t.Helper()
	seconds := []float64{}
	for _, d := range v.StatsPeriods {
		seconds = append(seconds, d.Seconds())
	}
	logfile := any(v.Log.File)
	switch {
	case !v.Log.Own:
		logfile = "AUTO"
	case v.Log.File == "":
		logfile = nil
	}
	synchro := []string{}
	for _, o := range v.SynchroOptions {
		synchro = append(synchro, o.String())
	}
	var group any
	if host, port, ok := strings.Cut(v.MulticastGroup, ":"); ok {
		n, err := ini.Int(port)
		if err != nil {
			t.Fatal(err)
		}
		group = []any{host, n}
	}
	sorted := func(names []string) []string { return append([]string{}, slices.Sorted(slices.Values(names))...) }
	all := map[string]any{"software_name": v.SoftwareName, "software_icon": orNil(v.SoftwareIcon), "stereotypes": sorted(v.Stereotypes),
		"multicast_group": group, "multicast_interface": orNil(v.MulticastInterface), "multicast_ttl": v.MulticastTTL, "rules_files": v.RulesFiles,
		"css_files": v.CSSFiles, "event_link": v.EventLink.String(), "event_port": v.EventPort, "auto_fence": v.AutoFence, "synchro_options": synchro,
		"synchro_timeout": v.SynchroTimeout.Seconds(), "inactivity_ticks": v.InactivityTicks, "core_identifiers": sorted(v.CoreIdentifiers),
		"disabilities_file": orNil(v.DisabilitiesFile), "conciliation_strategy": v.Conciliation.String(), "starting_strategy": v.Starting.String(),
		"supvisors_failure_strategy": v.FailureStrategy.String(), "host_stats_enabled": v.HostStats, "process_stats_enabled": v.ProcessStats,
		"collecting_period": v.CollectingPeriod.Seconds(), "stats_periods": seconds, "stats_histo": v.StatsHisto, "stats_irix_mode": v.IrixMode,
		"tail_limit": v.TailLimit, "tailf_limit": v.TailfLimit, "logfile": logfile, "logfile_maxbytes": v.Log.MaxBytes,
		"logfile_backups": v.Log.Backups, "loglevel": pythonLevels[v.Log.Level]}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), dir, "@DIR@")), &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

// pythonLevels are the numbers of Supervisor's logger.
var pythonLevels = map[slog.Level]int{-12: 3, -8: 5, -4: 10, 0: 20, 4: 30, 8: 40, 12: 50}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// readOptions has this package read what Supvisors has read, in a folder with the same files.
func readOptions(t *testing.T, text string) reading {
	t.Helper()
	dir, err := filepath.EvalSymlinks(folder(t, map[string]string{"a.xml": "", "b.xml": "", "sub/c.xml": "", "icon.png": "", "icon2.png": "", "x.css": "",
		"dir.d/keep": "", conf: "[supervisord]\n[inet_http_server]\nport=*:60000\n[rpcinterface:supvisors]\nsupervisor.rpcinterface_factory=fake:factory\n" + text}))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("NAME", "world")
	clean := func(p Problem) string {
		return strings.TrimPrefix(strings.ReplaceAll(p.Text, dir, "@DIR@"), supvisorsFailure)
	}
	c, err := Load(filepath.Join(dir, conf), Flags{})
	r := reading{Text: text}
	if err != nil {
		bad, ok := err.(*Error)
		if !ok {
			t.Fatal(err)
		}
		r.Error = clean(bad.Problems[0])
		for _, p := range bad.Warnings {
			r.Log = append(r.Log, clean(p))
		}
		return r
	}
	for _, p := range c.Warnings {
		r.Log = append(r.Log, clean(p))
	}
	r.Values = values(t, c.Supvisors, dir)
	return r
}

// unlikeSupvisors are options that another reading is meant for, with the reason.
var unlikeSupvisors = map[string]string{
	"software_icon=%%(here)s/icon.png\n":    "%(here)s has no special way of its own",
	"software_icon=%(host_node_name)s\n":    "%(host_node_name)s works without doubling the %",
	"disabilities_file=/proc/nope/d.json\n": "the directory is made when the file is written",
	"disabilities_file=d.json\n":            "paths are absolute",
	"disabilities_file=sub\n":               "likewise",
	"disabilities_file=%(ENV_NAME)s.json\n": "likewise",
	"logfile=automatic\n":                   "likewise",
	"logfile=\n":                            "no log: Supvisors fails when it opens the file without a name",
	"stats_collecting_period=nan\n":         "no number of seconds",
	"stats_periods=nan\n":                   "likewise",
	"supvisors_list=a\n  b,\n  c\n":         "told with the options: Supvisors fails later, see TestInstancesAsSupvisors",
	"supvisors_list=\"a\",\"b\"\n":          "likewise",
	"supvisors_list=a;b\n":                  "likewise",
	"supvisors_list=*\n":                    "likewise",
	"address_list=a,b\n":                    "warned of: Supvisors passes over names of former versions and spelling mistakes",
	"rules_file=a.xml\n":                    "likewise",
	"internal_port=65001\n":                 "likewise",
	"force_synchro_if=a\n":                  "likewise",
	"stereotype=x\n":                        "likewise",
	"host_stats_enabled=false\n":            "likewise",
	"process_stats_enabled=false\n":         "likewise",
	"software-name=x\n":                     "likewise",
	"core=a\n":                              "likewise",
	"stats_collecting_periods=5\n":          "likewise",
}

// comparable takes out of a reading what is the same in other words.
func (r reading) comparable(defaults map[string]any) reading {
	if r.Error == "" {
		all := map[string]any{}
		maps.Copy(all, defaults)
		maps.Copy(all, r.Values)
		r.Values = all
		delete(all, "supvisors_list") // see TestInstancesAsSupvisors
		for _, list := range []string{"rules_files", "css_files"} {
			if all[list] == nil {
				all[list] = []any{}
			}
		}
	}
	text := func(s string) string {
		s, _, _ = strings.Cut(s, ". Available names")
		return strings.Replace(s, "'USER'])", "'USER']", 1) // Supvisors' text has one more parenthesis
	}
	if r.Values["disabilities_file"] == "" {
		r.Values["disabilities_file"] = nil
	}
	r.Error = text(r.Error)
	var log []string
	for _, line := range r.Log {
		log = append(log, text(line))
	}
	if slices.Sort(log); r.Error == "" {
		r.Log = log
	} else {
		r.Log, r.Values = nil, nil
	}
	return r
}

// TestOptionsAsSupvisors has for each text what Supvisors makes of it: values, warnings, and the error that keeps it from starting.
func TestOptionsAsSupvisors(t *testing.T) {
	var data []reading
	readData(t, "supvisors.json", &data)
	for i, want := range data {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			got, want := readOptions(t, want.Text).comparable(nil), want.comparable(data[0].Values)
			_, unlike := unlikeSupvisors[want.Text]
			if reflect.DeepEqual(got, want) == unlike {
				t.Errorf("%swhich may differ: %v\ngot       %v\nsupvisors %v", want.Text, unlike, got, want)
			}
		})
	}
}

// wider are elements of supvisors_list that mean something here alone, with the reason.
var wider = map[string]string{
	"host:80":             "ports may have any number of digits",
	"<n>host:60001:60002": "the event port of a node, as in former versions and in the examples of Supvisors' documentation",
	"host:60001:60002":    "likewise",
	"host:65536":          "refused: no such port",
	"host:99999":          "likewise",
	"host\n":              "an end of line is no part of a host",
}

// TestInstancesAsSupvisors has for each element of supvisors_list what Supvisors makes of it when its own port is 60000.
func TestInstancesAsSupvisors(t *testing.T) {
	var data []struct {
		Item      string
		EventPort int `json:"event_port"`
		Instances [][]any
		Error     string
	}
	readData(t, "instances.json", &data)
	for _, want := range data {
		i, err := ParseInstance(want.Item, 60000, want.EventPort)
		got := fmt.Sprint([][]any{{i.Nick, i.Identifier(), i.Host, i.Port, i.EventPort, i.String()}})
		if err != nil {
			got = err.Error()
		}
		wanted := fmt.Sprint(want.Instances)
		if want.Error != "" {
			wanted = want.Error
		}
		if _, unlike := wider[want.Item]; (got == wanted) == unlike {
			t.Errorf("%q, which may differ: %v\ngot       %s\nsupvisors %s", want.Item, unlike, got, wanted)
		}
	}
}
