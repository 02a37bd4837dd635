package service

import (
	"math"
	"reflect"
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// running returns the nodes where a process is shown to run.
func (d *daemon) running(namespec string) any {
	d.t.Helper()
	return get(d.t, d.ask("supvisors.get_process_info", namespec).([]any)[0], "identifiers")
}

func (d *daemon) wantRunning(namespec string, nicks ...string) {
	d.t.Helper()
	if got := d.running(namespec); !reflect.DeepEqual(got, identifiers(nicks...)) {
		d.t.Errorf("%s runs on %v, want %v", namespec, got, nicks)
	}
}

func TestStartApplication(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	d.want(true, "supvisors.start_application", "CONFIG", "app")
	d.wantRunning("app:one", "n1")
	d.wantRunning("app:two", "n2")
	d.wantRunning("app:three")
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: app", "supvisors.start_application", "CONFIG", "app")
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: app", "supvisors.test_start_application", "CONFIG", "app")
	d.want(true, "supvisors.restart_application", 0, "app")
	d.wantRunning("app:one", "n1")
	d.want(true, "supvisors.stop_application", "app")
	d.wantRunning("app:one")
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: failed to stop app", "supvisors.stop_application", "app")
	d.wantFault(rpc.AbnormalTermination, "ABNORMAL_TERMINATION: failed to start empty", "supvisors.start_application", "CONFIG", "empty")
	d.wantFault(rpc.NotManaged, "NOT_MANAGED: loose", "supvisors.start_application", "CONFIG", "loose")
	d.wantFault(rpc.NotManaged, "NOT_MANAGED: loose", "supvisors.stop_application", "loose", false)
}

func TestStartClusterProcess(t *testing.T) {
	d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	d.want(true, "supvisors.start_process", "LOCAL", "plain", "-x 12")
	d.wantRunning("plain", "n1")
	if got := get(t, d.ask("supvisors.get_process_info", "plain").([]any)[0], "extra_args"); got != "-x 12" {
		t.Errorf("extra_args are %v", got)
	}
	d.wantFault(rpc.AlreadyStarted, "ALREADY_STARTED: plain", "supvisors.start_process", "LOCAL", "plain")
	d.want(true, "supvisors.restart_process", 3, "plain", "-again")
	if got := f.nodes[0].procs[process.ParseNamespec("plain")].ExtraArgs; got != "-again" {
		t.Errorf("extra arguments are %q", got)
	}
	d.want(true, "supvisors.stop_process", "plain")
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: plain already stopped", "supvisors.stop_process", "plain")
	d.want(true, "supvisors.start_process", "CONFIG", "loose:*", "", false)
	d.want(true, "supvisors.start_process", "CONFIG", "only2")
	d.wantRunning("only2", "n2")
	d.wantFault(rpc.AbnormalTermination, "ABNORMAL_TERMINATION: failed to start app:two", "supvisors.start_process", "LOCAL", "app:two")
	d.wantFault(rpc.BadName, "BAD_NAME: process=zz unknown in application=app", "supvisors.stop_process", "app:zz")
}

func TestStartAny(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	d.want("loose:lo2", "supvisors.start_any_process", "LOCAL", "lo2")
	d.want("loose:lo1", "supvisors.start_any_process", "LOCAL", "^loose:lo[0-9]$")
	d.want("plain", "supvisors.start_any_process", "LOCAL", "^plain", "-q", false)
	d.wantFault(rpc.Failed, `FAILED: no candidate process matching "^loose"`, "supvisors.start_any_process", "LOCAL", "^loose")
	d.wantFault(rpc.Failed, `FAILED: no candidate process matching "only2"`, "supvisors.start_any_process", "LOCAL", "only2")
	d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: invalid regex=( - missing closing )", "supvisors.start_any_process", "LOCAL", "(")
	d.wantFault(rpc.IncorrectParameters, `INCORRECT_PARAMETERS: invalid regex=\p{L} - bad escape \p`, "supvisors.start_any_process", "LOCAL", `\p{L}`)
	d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: invalid <enum 'StartingStrategies'> value=BAD - string expected in "+
		"['CONFIG', 'LESS_LOADED', 'MOST_LOADED', 'LOCAL', 'LESS_LOADED_NODE', 'MOST_LOADED_NODE']", "supvisors.start_any_process", "BAD", "x")
}

// The regular expressions are Python's.
func TestStartAnyInPython(t *testing.T) {
	for regex, want := range map[string]string{
		`(?<=app:)o`: "app:one", `lo(?![1o])`: "loose:lo2", `(.):l\1`: "", `(l)o\1?2`: "loose:lo2", `lo1\Z`: "loose:lo1", `(?i)^PLAIN`: "plain",
		`(?P<n>o)(?P=n)`: "loose:lo1", `a"b`: "", `\d{,2}$`: "app:one",
	} {
		d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
		if want == "" {
			d.wantFault(rpc.Failed, `FAILED: no candidate process matching "`+regex+`"`, "supvisors.start_any_process", "LOCAL", regex)
			continue
		}
		d.want(want, "supvisors.start_any_process", "LOCAL", regex)
	}
}

func TestPredictions(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	line := func(group, name, state, reason string, ids ...string) rpc.Map {
		return m("application_name", group, "process_name", name, "state", state, "forced_reason", reason, "running_identifiers", identifiers(ids...))
	}
	d.want([]any{line("app", "one", "RUNNING", "", "n1"), line("app", "two", "RUNNING", "", "n2")}, "supvisors.test_start_application", "CONFIG", "app")
	d.want([]any{}, "supvisors.test_start_application", "CONFIG", "empty")
	d.want([]any{line("single", "mono1", "RUNNING", "", "n3"), line("single", "mono2", "RUNNING", "", "n3")},
		"supvisors.test_start_application", "CONFIG", "single")
	d.want([]any{line("loose", "lo1", "RUNNING", "", "n1"), line("loose", "lo2", "RUNNING", "", "n1")}, "supvisors.test_start_process", "LOCAL", "loose:*")
	d.want([]any{line("only2", "only2", "FATAL", "No resource available")}, "supvisors.test_start_process", "LOCAL", "only2")
	d.wantRunning("app:one")
	d.wantFault(rpc.NotManaged, "NOT_MANAGED: loose", "supvisors.test_start_application", "CONFIG", "loose")
}

// The state of the cluster is judged first, then the strategy, then the name.
func TestStrategyFaults(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	names := "['CONFIG', 'LESS_LOADED', 'MOST_LOADED', 'LOCAL', 'LESS_LOADED_NODE', 'MOST_LOADED_NODE']"
	for _, method := range []string{"start_application", "restart_application", "test_start_application", "start_process", "restart_process",
		"test_start_process"} {
		for _, c := range []struct {
			value any
			text  string
		}{
			{"BAD", "value=BAD - string expected in " + names}, {"config", "value=config - string expected in " + names},
			{"", "value= - string expected in " + names}, {6, "value=6 - integer expected in [0, 1, 2, 3, 4, 5]"},
			{-1, "value=-1 - integer expected in [0, 1, 2, 3, 4, 5]"}, {1.5, "value=1.5 type=<class 'float'> - type string or integer expected"},
			{2.0, "value=2.0 type=<class 'float'> - type string or integer expected"},
			{true, "value=True type=<class 'bool'> - type string or integer expected"},
			{[]any{"CONFIG"}, "value=[...] type=<class 'list'> - type string or integer expected"},
			{m("CONFIG", 1), "value={...} type=<class 'dict'> - type string or integer expected"},
		} {
			d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: invalid <enum 'StartingStrategies'> "+c.text, "supvisors."+method, c.value, "zz")
		}
		d.wantFault(rpc.BadName, "BAD_NAME: application=zz unknown to Supvisors", "supvisors."+method, 5, "zz")
	}
	conflict, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	f.set("n1", "app:one", process.Starting, process.Running)
	f.set("n2", "app:one", process.Starting, process.Running)
	text := "INCORRECT_PARAMETERS: invalid <enum 'ConciliationStrategies'> "
	conflict.wantFault(rpc.IncorrectParameters, text+"value=BAD - string expected in ['SENICIDE', 'INFANTICIDE', 'USER', 'STOP', 'RESTART', 'RUNNING_FAILURE']",
		"supvisors.conciliate", "BAD")
	conflict.wantFault(rpc.IncorrectParameters, text+"value=6 - integer expected in [0, 1, 2, 3, 4, 5]", "supvisors.conciliate", 6)
}

func TestInPython(t *testing.T) {
	for _, c := range []struct {
		value       any
		text, class string
	}{
		{nil, "None", "NoneType"}, {false, "False", "bool"}, {-0.25, "-0.25", "float"}, {1e30, "1e+30", "float"}, {math.Inf(-1), "-Inf", "float"},
		{7, "7", "int"}, {[]any{}, "[...]", "list"}, {rpc.Map{}, "{...}", "dict"},
	} {
		if text, class := inPython(c.value); text != c.text || class != "<class '"+c.class+"'>" {
			t.Errorf("%#v: %s, %s", c.value, text, class)
		}
	}
}

func TestEndOfTheCluster(t *testing.T) {
	for method, restart := range map[string]bool{"restart": true, "shutdown": false} {
		d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
		d.want(true, "supvisors."+method)
		for range 20 {
			f.tick()
		}
		if !reflect.DeepEqual(f.ended, []bool{restart}) {
			t.Errorf("%s: ends %v", method, f.ended)
		}
	}
}

func TestEndSync(t *testing.T) {
	options := fakeOptions(t)
	options.Sync = cluster.SyncOptions{}
	options.Sync[rules.SyncUser] = true
	f := newFakeCluster(t, options, samplePrograms)
	f.meet("n1", "n2")
	f.tick()
	d := newDaemon(t, "", func(d *daemon) { d.deps.Cluster, d.deps.Options = f, options })
	d.wantFault(rpc.BadName, "BAD_NAME: unknown Supvisors identifier=zz", "supvisors.end_sync", "zz")
	d.wantFault(rpc.NotRunning, "NOT_RUNNING: Supvisors instance=n3.test:60003 is not RUNNING (STOPPED)", "supvisors.end_sync", "n3")
	d.wantFault(rpc.IncorrectParameters, "INCORRECT_PARAMETERS: multiple identifiers=['n2.test:60002', 'n3.test:60003'] found for Supvisors master=back",
		"supvisors.end_sync", "back")
	d.want(true, "supvisors.end_sync", "n2")
	d.want(m("identifier", "n2.test:60002", "nick_identifier", "n2"), "supvisors.get_master_identifier")
}
