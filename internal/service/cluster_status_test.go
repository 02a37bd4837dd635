package service

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// m makes a struct of names and values in turn.
func m(pairs ...any) rpc.Map {
	s := rpc.Map{}
	for i := 0; i < len(pairs); i += 2 {
		s = append(s, rpc.Member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return s
}

// without removes a member, which must be a float: a time.
func without(t *testing.T, v any, names ...string) rpc.Map {
	t.Helper()
	for _, name := range names {
		if _, ok := get(t, v, name).(float64); !ok {
			t.Errorf("%s is no float: %#v", name, get(t, v, name))
		}
	}
	return slices.DeleteFunc(slices.Clone(v.(rpc.Map)), func(member rpc.Member) bool { return slices.Contains(names, member.Name) })
}

// ask calls a method that must not fail.
func (d *daemon) ask(method string, args ...any) any {
	d.t.Helper()
	value, err := d.call(method, args...)
	if err != nil {
		d.t.Fatalf("%s%v: %v", method, args, err)
	}
	return value
}

// list calls a method that answers an array, and returns one member of each of its structs.
func (d *daemon) list(member, method string, args ...any) []any {
	d.t.Helper()
	all := []any{}
	for _, item := range d.ask(method, args...).([]any) {
		all = append(all, get(d.t, item, member))
	}
	return all
}

func TestSupvisorsState(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	states := rpc.Map{}
	for _, id := range identifiers("n1", "n2", "n3") {
		states = append(states, rpc.Member{Name: id.(string), Value: "RUNNING"})
	}
	head := []any{"identifier", "n1.test:60001", "nick_identifier", "n1", "fsm_statecode", 4, "fsm_statename", "OPERATION",
		"degraded_mode", false, "discovery_mode", false, "master_identifier", "n1.test:60001"}
	got := d.ask("supvisors.get_supvisors_state")
	if want := m(append(head, "starting_jobs", []any{}, "stopping_jobs", []any{}, "instance_states", states)...); !reflect.DeepEqual(without(t, got, "now_monotonic"), want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	modes := d.ask("supvisors.get_instance_state_modes", "n1").([]any)
	want := m(append(head, "starting_jobs", false, "stopping_jobs", false, "instance_states", states)...)
	if len(modes) != 1 || !reflect.DeepEqual(without(t, modes[0], "now_monotonic"), want) {
		t.Errorf("got  %v\nwant %v", modes, want)
	}
	names := strings.Join(members(t, got), " ")
	if !strings.HasPrefix(names, "identifier nick_identifier now_monotonic fsm_statecode") {
		t.Errorf("members: %s", names)
	}
	first, second := get(t, got, "now_monotonic").(float64), get(t, d.ask("supvisors.get_supvisors_state"), "now_monotonic").(float64)
	if first <= 0 || second <= first {
		t.Errorf("the clock goes from %v to %v", first, second)
	}
	d.want(m("identifier", "n1.test:60001", "nick_identifier", "n1"), "supvisors.get_master_identifier")
	for _, c := range []struct {
		name  string
		nicks []string
	}{{"n2", []string{"n2"}}, {"n2.test:60002", []string{"n2"}}, {"back", []string{"n2", "n3"}}, {"front", []string{"n1"}}} {
		for _, method := range []string{"get_instance_state_modes", "get_instance_info"} {
			if got := d.list("identifier", "supvisors."+method, c.name); !reflect.DeepEqual(got, identifiers(c.nicks...)) {
				t.Errorf("%s of %s: %v", method, c.name, got)
			}
		}
	}
	for _, method := range []string{"get_all_instances_state_modes", "get_all_instances_info"} {
		if got := d.list("nick_identifier", "supvisors."+method); !reflect.DeepEqual(got, []any{"n1", "n2", "n3"}) {
			t.Errorf("%s: %v", method, got)
		}
	}
}

func TestConfiguredOptions(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	d.want("0.19", "supvisors.get_api_version")
	d.want(m("auto-fencing", false, "starting", "CONFIG", "conciliation", "USER", "supvisors_failure", "CONTINUE"), "supvisors.get_strategies")
	d.want(identifiers("n1", "n2", "n3"), "supvisors.get_core_identifiers")
	d.want(m("host_stats", true, "process_stats", false, "collecting_period", 5.0), "supvisors.get_statistics_status")
	d.want([]any{}, "supvisors.get_conflicts")
	d.want("tester", "supervisor.getIdentification") // that of [supervisord], not the nick
}

func TestInstanceInfo(t *testing.T) {
	d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	f.set("n3", "single:mono1", process.Starting, process.Running)
	f.set("n3", "plain", process.Starting, process.Fatal)
	info := d.ask("supvisors.get_instance_info", "n3").([]any)[0]
	want := m("identifier", "n3.test:60003", "nick_identifier", "n3", "node_name", "n3.test", "port", 60003, "statecode", 3,
		"statename", "RUNNING", "loading", 5, "process_failure", true, "remote_sequence_counter", f.nodes[2].ticks,
		"remote_time", int(f.now.Unix()), "local_sequence_counter", f.nodes[0].ticks)
	// the tick of n3 came before that of n1 or after it, in the same moment
	got := without(t, info, "remote_mtime", "local_mtime")
	if delta := get(t, got, "local_time").(int) - int(f.now.Unix()); delta != 0 {
		t.Errorf("local_time is off by %d s", delta)
	}
	got = slices.DeleteFunc(got, func(member rpc.Member) bool { return member.Name == "local_time" })
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, name := range []string{"zz", ""} {
		text := "BAD_NAME: identifier=" + name + " is unknown to Supvisors"
		for _, method := range []string{"get_instance_info", "get_instance_state_modes", "get_network_info", "get_all_inner_process_info"} {
			d.wantFault(rpc.BadName, text, "supvisors."+method, name)
		}
	}
}

func TestNetworkInfo(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	d.want(m("identifier", "n2.test:60002", "nick_identifier", "n2", "host_id", "n2.test", "http_port", 60002, "stereotypes", []any{"back"},
		"network", m("machine_id", "01:02:03:04:05:02", "fqdn", "n2.test", "addresses", m("eth0",
			m("host_name", "n2", "aliases", []any{}, "ipv4_addresses", []any{"10.0.0.2"},
				"nic_info", m("nic_name", "eth0", "ipv4_address", "10.0.0.2", "netmask", "255.255.255.0"))))),
		"supvisors.get_network_info", "n2")
}

func TestApplications(t *testing.T) {
	d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	stopped := func(name string, managed bool) rpc.Map {
		broken := name == "single" // its formula wants processes to run
		return m("application_name", name, "managed", managed, "statecode", 0, "statename", "STOPPED", "major_failure", broken, "minor_failure", false)
	}
	var want []any
	for _, name := range []string{"app", "empty", "loose", "nums", "only2", "plain", "single"} {
		managed := !slices.Contains([]string{"loose", "only2", "plain"}, name)
		want = append(want, stopped(name, managed))
		if got := without(t, d.ask("supvisors.get_application_info", name), "now_monotonic"); !reflect.DeepEqual(got, stopped(name, managed)) {
			t.Errorf("got  %v\nwant %v", got, stopped(name, managed))
		}
	}
	var got []any
	for _, app := range d.ask("supvisors.get_all_applications_info").([]any) {
		got = append(got, without(t, app, "now_monotonic"))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	f.set("n1", "app:one", process.Starting, process.Fatal)
	f.set("n2", "app:two", process.Starting, process.Running)
	info := without(t, d.ask("supvisors.get_application_info", "app"), "now_monotonic")
	if want := m("application_name", "app", "managed", true, "statecode", 2, "statename", "RUNNING", "major_failure", true, "minor_failure", false); !reflect.DeepEqual(info, want) {
		t.Errorf("got  %v\nwant %v", info, want)
	}
	text := "BAD_NAME: application=zz unknown to Supvisors"
	d.wantFault(rpc.BadName, text, "supvisors.get_application_info", "zz")
	d.wantFault(rpc.BadName, text, "supvisors.get_application_rules", "zz")
}

func TestRules(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	application := func(name, distribution string, ids []any, stop int, strategy, starting, running, formula string) rpc.Map {
		return m("application_name", name, "managed", true, "distribution", distribution, "identifiers", ids, "start_sequence", 0,
			"stop_sequence", stop, "starting_strategy", strategy, "starting_failure_strategy", starting,
			"running_failure_strategy", running, "status_formula", formula)
	}
	d.want(application("app", "ALL_INSTANCES", []any{"*"}, 3, "CONFIG", "ABORT", "CONTINUE", ""), "supvisors.get_application_rules", "app")
	d.want(application("single", "SINGLE_INSTANCE", []any{"n3", "n2"}, 0, "LESS_LOADED", "CONTINUE", "STOP_APPLICATION", "all('mono.*')"),
		"supvisors.get_application_rules", "single")
	d.want(m("application_name", "loose", "managed", false), "supvisors.get_application_rules", "loose")

	program := func(group, name string, ids []any, start, stop int, required bool, load int) rpc.Map {
		return m("application_name", group, "process_name", name, "identifiers", ids, "start_sequence", start, "stop_sequence", stop,
			"required", required, "wait_exit", false, "expected_loading", load, "starting_failure_strategy", "ABORT",
			"running_failure_strategy", "CONTINUE")
	}
	d.want([]any{program("app", "one", []any{"*"}, 1, 1, true, 10), program("app", "three", []any{"n2", "n3"}, 0, 0, false, 5),
		program("app", "two", []any{"n2"}, 2, 1, false, 0)}, "supvisors.get_process_rules", "app:*")
	d.want([]any{program("app", "one", []any{"*"}, 1, 1, true, 10)}, "supvisors.get_process_rules", "app:one")
	d.want([]any{program("plain", "plain", []any{"*"}, 0, 0, false, 0)}, "supvisors.get_process_rules", "plain")
	d.want([]any{program("nums", "num_01", []any{}, 1, 1, false, 0)}, "supvisors.get_process_rules", "nums:num_01")
	d.want(true, "supvisors.start_application", "CONFIG", "nums") // which decides where each of them belongs
	d.want([]any{program("nums", "num_01", identifiers("n2"), 1, 1, false, 0)}, "supvisors.get_process_rules", "nums:num_01")
}

func TestClusterProcesses(t *testing.T) {
	d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	info := func(group, name string, code int, state string, ids []any, args string) rpc.Map {
		return m("application_name", group, "process_name", name, "statecode", code, "statename", state, "expected_exit", true,
			"identifiers", ids, "extra_args", args)
	}
	strip := func(v any) (all []any) {
		for _, item := range v.([]any) {
			all = append(all, without(t, item, "now_monotonic", "last_event_mtime"))
		}
		return all
	}
	if got, want := strip(d.ask("supvisors.get_process_info", "app:one")), []any{info("app", "one", 0, "STOPPED", []any{}, "")}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	f.nodes[1].procs[process.ParseNamespec("plain")].ExtraArgs = "-x 'y z'"
	f.set("n3", "plain", process.Starting, process.Running)
	f.set("n2", "plain", process.Starting, process.Running)
	for _, item := range d.ask("supvisors.get_all_process_info").([]any) {
		if heard := get(t, item, "last_event_mtime").(float64); heard == 0 {
			t.Errorf("never heard of %v", item)
		}
	}
	for _, name := range []string{"plain", "plain:plain", "plain:*", "plain:"} {
		got, want := strip(d.ask("supvisors.get_process_info", name)), []any{info("plain", "plain", 20, "RUNNING", identifiers("n2", "n3"), "-x 'y z'")}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %v\nwant %v", name, got, want)
		}
	}
	if got := d.list("process_name", "supvisors.get_process_info", "nums:*"); !reflect.DeepEqual(got, []any{"num_00", "num_01", "num_02"}) {
		t.Errorf("nums: %v", got)
	}
	if got := d.list("process_name", "supvisors.get_all_process_info"); len(got) != 13 || !slices.Contains(got, any("only2")) {
		t.Errorf("all: %v", got)
	}
	for namespec, text := range map[string]string{
		"app:zz": "process=zz unknown in application=app", "zz:one": "application=zz unknown to Supvisors",
		"one": "application=one unknown to Supvisors", "app": "process=app unknown in application=app",
		"zz:*": "application=zz unknown to Supvisors", "": "application= unknown to Supvisors",
	} {
		for _, method := range []string{"get_process_info", "get_process_rules", "start_args"} {
			args := []any{namespec, "-x"}[:1+strings.Count(method, "args")]
			d.wantFault(rpc.BadName, "BAD_NAME: "+text, "supvisors."+method, args...)
		}
	}
}

func TestConflicts(t *testing.T) {
	d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	for _, nick := range []string{"n1", "n2"} {
		f.set(nick, "app:one", process.Starting, process.Running)
		f.set(nick, "plain", process.Starting, process.Running) // not managed: no conflict
	}
	conflicts := d.ask("supvisors.get_conflicts").([]any)
	if len(conflicts) != 1 || !reflect.DeepEqual(pick(conflicts[0], "process_name", "identifiers"),
		m("process_name", "one", "identifiers", identifiers("n1", "n2"))) {
		t.Errorf("got %v", conflicts)
	}
	d.wantFault(rpc.BadSupvisorsState, "BAD_SUPVISORS_STATE: invalid Supvisors state=CONCILIATION - state expected in ['OPERATION']",
		"supvisors.start_application", "CONFIG", "single")
	d.want(false, "supvisors.conciliate", "USER")
	d.want(true, "supvisors.conciliate", "SENICIDE")
	if got := d.ask("supvisors.get_conflicts").([]any); len(got) != 0 {
		t.Errorf("they stay: %v", got)
	}
}

func TestLocalAndInnerProcesses(t *testing.T) {
	d, f := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	local := []any{"name", "num_02", "group", "nums", "state", 0, "statename", "STOPPED", "start", 0, "stop", 0, "now", 0, "pid", 0,
		"description", "Not started", "spawnerr", "", "expected", true, "extra_args", "", "startsecs", 0, "stopwaitsecs", 10,
		"process_index", 2, "program_name", "num", "disabled", false, "has_stdout", true, "has_stderr", true}
	times := []string{"start_monotonic", "stop_monotonic", "now_monotonic"}
	got := d.ask("supvisors.get_local_process_info", "nums:num_02")
	nowAt := slices.Index(local, any("now")) + 1
	local[nowAt] = get(t, got, "now").(int) // in whole seconds, as Supervisor's
	if age := time.Now().Unix() - int64(local[nowAt].(int)); age < 0 || age > 60 {
		t.Errorf("now is %d s ago", age)
	}
	if want := m(local...); !reflect.DeepEqual(without(t, got, times...), want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	inner := d.ask("supvisors.get_inner_process_info", "n2", "nums:num_02").([]any)
	local[nowAt] = get(t, inner[0], "now")
	want := m(append(local, "uptime", 0.0, "has_crashed", false)...)
	if len(inner) != 1 || !reflect.DeepEqual(without(t, inner[0], append(times, "local_mtime", "event_time")...), want) {
		t.Errorf("got  %v\nwant %v", inner, want)
	}

	f.set("n2", "app:two", process.Starting, process.Running)
	f.tick()
	f.tick()
	running := d.ask("supvisors.get_inner_process_info", "n2", "app:two").([]any)[0]
	if uptime := get(t, running, "uptime").(float64); uptime < 9.9 || uptime > 10.1 {
		t.Errorf("uptime after two ticks is %v", uptime)
	}
	if text := get(t, running, "description"); text != "pid 1000, uptime 0:00:10" {
		t.Errorf("description is %v", text)
	}
	if start := get(t, running, "start").(int); start != int(f.now.Add(-10*time.Second).Unix()) {
		t.Errorf("start is %d, now %d", start, f.now.Unix())
	}

	for _, c := range []struct {
		count  int
		method string
		args   []any
	}{
		{12, "get_all_local_process_info", nil}, {12, "get_all_inner_process_info", []any{"n1"}}, {13, "get_all_inner_process_info", []any{"n2"}},
		{25, "get_all_inner_process_info", []any{"back"}}, {3, "get_inner_process_info", []any{"n1", "app:*"}},
		{6, "get_inner_process_info", []any{"back", "app:*"}}, {1, "get_inner_process_info", []any{"back", "only2:*"}},
	} {
		if got := d.ask("supvisors."+c.method, c.args...).([]any); len(got) != c.count {
			t.Errorf("%s%v: %d of them, want %d", c.method, c.args, len(got), c.count)
		}
	}
	for _, name := range []string{"zz", "only2", "app:*", "app:zz"} {
		d.wantFault(rpc.BadName, "BAD_NAME: "+name, "supvisors.get_local_process_info", name)
	}
	d.wantFault(rpc.BadName, "BAD_NAME: identifier=zz is unknown to Supvisors", "supvisors.get_inner_process_info", "zz", "app:one")
	d.wantFault(rpc.BadName, "BAD_NAME: application=zz unknown to Supvisors", "supvisors.get_inner_process_info", "n1", "zz")
	d.wantFault(rpc.Failed, "FAILED: only2 unknown on n1", "supvisors.get_inner_process_info", "n1", "only2")
}

// Before applications are known most rows are refused, and those that look at instances answer.
func TestBeforeSynchronization(t *testing.T) {
	d, _ := newClusterDaemon(t, func(f *fakeCluster) {
		f.meet("n1", "n2")
		f.tick()
	})
	refused := "BAD_SUPVISORS_STATE: invalid Supvisors state=SYNCHRONIZATION - state expected in "
	for _, call := range []string{"get_all_applications_info", "get_application_info app", "get_application_rules app", "get_all_process_info",
		"get_process_info app:one", "get_process_rules app:one", "get_conflicts", "restart", "shutdown"} {
		d.wantRefused(refused+"['DISTRIBUTION', 'OPERATION', 'CONCILIATION', 'RESTARTING', 'SHUTTING_DOWN']", call)
	}
	for _, call := range []string{"start_application CONFIG app", "restart_application CONFIG app", "test_start_application CONFIG app",
		"start_process CONFIG app:one", "restart_process CONFIG app:one", "test_start_process CONFIG app:one", "start_any_process CONFIG p",
		"update_numprocs p 2", "enable p", "disable p", "restart_sequence", "start_application BAD app", "start_any_process CONFIG ("} {
		d.wantRefused(refused+"['OPERATION']", call)
	}
	for _, call := range []string{"stop_application app", "stop_process app:one"} {
		d.wantRefused(refused+"['OPERATION', 'CONCILIATION']", call)
	}
	d.wantRefused(refused+"['CONCILIATION']", "conciliate BAD")
	d.wantFault(rpc.NotApplicable, "NOT_APPLICABLE: USER expected in synchro_options", "supvisors.end_sync")
	d.want(rpc.Map{}, "supvisors.get_master_identifier")
	if got := d.list("statename", "supvisors.get_all_instances_info"); !reflect.DeepEqual(got, []any{"RUNNING", "RUNNING", "STOPPED"}) &&
		!reflect.DeepEqual(got, []any{"CHECKED", "CHECKED", "STOPPED"}) {
		t.Errorf("instances: %v", got)
	}
	if got := d.ask("supvisors.get_all_local_process_info").([]any); len(got) != 12 {
		t.Errorf("%d local processes", len(got))
	}
	state := d.ask("supvisors.get_supvisors_state")
	if got := fmt.Sprint(pick(state, "fsm_statecode", "master_identifier")); got != "[{fsm_statecode 1} {master_identifier }]" {
		t.Errorf("state: %s", got)
	}
}

// wantRefused calls a method given as a line of words, and compares its BAD_SUPVISORS_STATE fault.
func (d *daemon) wantRefused(text, line string) {
	d.t.Helper()
	words := strings.Fields(line)
	var args []any
	for _, word := range words[1:] {
		args = append(args, word)
	}
	d.wantFault(rpc.BadSupvisorsState, text, "supvisors."+words[0], args...)
}
