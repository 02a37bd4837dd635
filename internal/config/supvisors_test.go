package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rules"
)

// node is a configuration with a TCP server; the options of [rpcinterface:supvisors] begin at line 5.
const node = "[supervisord]\n[inet_http_server]\nport=*:60000\n[rpcinterface:supvisors]\n"

const alone = "synchro_options=TIMEOUT\n" // what a section without nodes needs so that nothing is dropped

func TestSupvisorsDefaults(t *testing.T) {
	c := mustLoad(t, node)
	want := &Supvisors{
		MulticastTTL: 1, InactivityTicks: 2, SynchroOptions: []rules.SyncOption{rules.SyncTimeout}, SynchroTimeout: 15 * time.Second,
		Starting: rules.Config, Conciliation: rules.ConciliationUser, StrictConsistency: true, HostStats: true, ProcessStats: true,
		CollectingPeriod: 5 * time.Second, StatsPeriods: []time.Duration{10 * time.Second}, StatsHisto: 200, TailLimit: 1024, TailfLimit: 1024,
		Log: SupvisorsLog{MaxBytes: 50 << 20, Backups: 10},
	}
	if !reflect.DeepEqual(c.Supvisors, want) {
		t.Errorf("got  %+v\nwant %+v", c.Supvisors, want)
	}
	if mustLoad(t, daemon).Supvisors != nil {
		t.Error("there is a cluster without its section")
	}
}

func TestSupvisorsOptions(t *testing.T) {
	dir := folder(t, map[string]string{
		conf: node + `supervisor.rpcinterface_factory = supvisors.plugin:make_supvisors_rpcinterface
software_name = My Software
software_icon = icons/*.png
supvisors_list = <n1>127.0.0.1:60001, n2 , <n3>n3.org:60003:60009, 10.0.0.1:60004,, <supervisor>n5:60005
stereotypes = a,b , a
multicast_group = 239.0.0.1:1234
multicast_interface = 192.168.1.1
multicast_ttl = 2
rules_files = r*.xml %(here)s/sub/*.xml
css_files = @DIR@/x.css
auto_fence = true
event_link = ws
event_port = 60100
synchro_options = list,CORE,USER,LIST
synchro_timeout = 1200
inactivity_ticks = 720
core_identifiers = n1,n2,n1
supvisors_failure_strategy = resync
starting_strategy = less_loaded_node
conciliation_strategy = RUNNING_FAILURE
disabilities_file = @DIR@/new/disabilities.json
stats_enabled = host
stats_collecting_period = 2.5
stats_periods = 60,5,1.5
stats_histo = 1500
stats_irix_mode = yes
tail_limit = 2KB
tailf_limit = 1MB
logfile = %(here)s/sv.log
logfile_maxbytes = 1KB
logfile_backups = 0
loglevel = debug
join = seed1, seed2:60000
cluster_secret_file = secret
strict_consistency = false
wait_exit_limit = 90
`, "r1.xml": "", "r2.xml": "", "sub/a.xml": "", "icons/a.png": "", "x.css": "", "secret": " s3cret\n"})
	c, err := Load(filepath.Join(dir, conf), Flags{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Supvisors{
		SoftwareName: "My Software", SoftwareIcon: dir + "/icons/a.png",
		Instances: []Instance{{"n1", "127.0.0.1", 60001, 60100}, {"n2", "n2", 60000, 60100}, {"n3", "n3.org", 60003, 60009},
			{"10.0.0.1:60004", "10.0.0.1", 60004, 60100}, {"n5:60005", "n5", 60005, 60100}},
		Join: []string{"seed1", "seed2:60000"}, MulticastGroup: "239.0.0.1:1234", MulticastInterface: "192.168.1.1", MulticastTTL: 2,
		Stereotypes: []string{"a", "b"}, RulesFiles: []string{dir + "/r1.xml", dir + "/r2.xml", dir + "/sub/a.xml"}, CSSFiles: []string{dir + "/x.css"},
		AutoFence: true, InactivityTicks: 720, EventLink: WebSocket, EventPort: 60100,
		SynchroOptions: []rules.SyncOption{rules.SyncList, rules.SyncCore, rules.SyncUser}, SynchroTimeout: 20 * time.Minute, CoreIdentifiers: []string{"n1", "n2"},
		FailureStrategy: rules.FailureResync, Starting: rules.LessLoadedNode, Conciliation: rules.ConciliationRunningFailure, WaitExitLimit: 90 * time.Second,
		ClusterSecret: "s3cret", DisabilitiesFile: dir + "/new/disabilities.json", HostStats: true,
		CollectingPeriod: 2500 * time.Millisecond, StatsPeriods: []time.Duration{1500 * time.Millisecond, 5 * time.Second, time.Minute},
		StatsHisto: 1500, IrixMode: true, TailLimit: 2048, TailfLimit: 1 << 20,
		Log: SupvisorsLog{Own: true, File: dir + "/sv.log", MaxBytes: 1024, Level: -4},
	}
	if !reflect.DeepEqual(c.Supvisors, want) {
		t.Errorf("got  %+v\nwant %+v", c.Supvisors, want)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings are %v", c.Warnings)
	}
}

// TestSupvisorsWarnings has the values that Supvisors only logs, after which the default holds.
func TestSupvisorsWarnings(t *testing.T) {
	defaults := mustLoad(t, node+alone).Supvisors
	for _, c := range []struct{ option, want string }{
		{"multicast_group=239.0.0.1", `multicast_group: invalid value for multicast_group: "239.0.0.1". "ip_address:port" expected`},
		{"multicast_group=1.2.3.4:5", `multicast_group: invalid value for multicast address: "1.2.3.4". IP address expected from 224.0.0.0 to 239.255.255.255`},
		{"multicast_group=239.0.0.0:5", `multicast_group: reserved multicast address: "239.0.0.0". reserved addresses are ['224.0.0.0', '232.0.0.0', '233.0.0.0', '239.0.0.0']`},
		{"multicast_group=239.0.0.1:0", `multicast_group: invalid value for port: "0". integer expected in (1, 65535)`},
		{"multicast_interface=1.2.3", `multicast_interface: invalid value for IP address: "1.2.3"`},
		{"multicast_interface=1.2.3.256", `multicast_interface: invalid value for IP address: "1.2.3.256"`},
		{"multicast_ttl=256", `multicast_ttl: invalid value for multicast_ttl: "256". integer expected in (0, 255)`},
		{"event_link=tcp", `event_link: invalid value for event_link: "tcp". expected in ['NONE', 'ZMQ', 'WS']`},
		{"event_port=0", `event_port: invalid value for port: "0". integer expected in (1, 65535)`},
		{"auto_fence=maybe", "auto_fence: not a valid boolean value: 'maybe'"},
		{"synchro_timeout=14", `synchro_timeout: invalid value for synchro_timeout: "14". integer expected in [15;1200] (seconds)`},
		{"inactivity_ticks=721", `inactivity_ticks: invalid value for inactivity_ticks: "721". integer expected in [2;720]`},
		{"supvisors_failure_strategy=x", `supvisors_failure_strategy: invalid value for supvisors_failure_strategy: "x". expected in ['CONTINUE', 'RESYNC', 'SHUTDOWN']`},
		{"supvisors_failure_strategy=SHUTDOWN", "supvisors_failure_strategy: force supvisors_failure_strategy=CONTINUE because it is incompatible with synchro_options=TIMEOUT"},
		{"starting_strategy=x", `starting_strategy: invalid value for starting_strategy: "x". expected in ['CONFIG', 'LESS_LOADED', 'MOST_LOADED', 'LOCAL', 'LESS_LOADED_NODE', 'MOST_LOADED_NODE']`},
		{"conciliation_strategy=x", `conciliation_strategy: invalid value for conciliation_strategy: "x". expected in ['SENICIDE', 'INFANTICIDE', 'USER', 'STOP', 'RESTART', 'RUNNING_FAILURE']`},
		{"stats_enabled=", "stats_enabled: invalid value for stats_enabled: <empty>"},
		{"stats_enabled=most", `stats_enabled: invalid value for stats_enabled: "most". expected in ['OFF', 'HOST', 'PROCESS', 'ALL']`},
		{"stats_collecting_period=0.9", `stats_collecting_period: invalid value for stats_collecting_period: "0.9". float expected in [1.0;3600.0] (seconds)`},
		{"stats_periods=", "stats_periods: unexpected number of stats_periods: 0. minimum is 1"},
		{"stats_periods=1,2,3,4", "stats_periods: unexpected number of stats_periods: 4. maximum is 3"},
		{"stats_periods=1,nan", `stats_periods: invalid value for stats_periods: "nan". float expected in [1.0;3600.0] (seconds)`},
		{"stats_histo=9", `stats_histo: invalid value for stats_histo: "9". integer expected in [10;1500] (seconds)`},
		{"tail_limit=big", "tail_limit: invalid literal for int() with base 10: 'big'"},
		{"rules_files=none*.xml", "rules_files: no file found matching none*.xml"},
		{"software_icon=none.png", "software_icon: no file found matching none.png"},
		{"nonsense=1", "nonsense: unknown option"},
		{"core_identifiers=", ""},
	} {
		text := node + alone + c.option + "\n"
		wrong, warnings := problems(t, text)
		same(t, "problems of "+c.option, wrong, nil)
		var want []string
		if c.want != "" {
			want = []string{"6: [rpcinterface:supvisors] " + c.want}
		}
		same(t, "warnings of "+c.option, warnings, want)
		if got := mustLoad(t, text).Supvisors; !reflect.DeepEqual(got, defaults) {
			t.Errorf("%s leaves %+v", c.option, got)
		}
	}
}

func TestSynchronizationThatCannotWork(t *testing.T) {
	for _, c := range []struct {
		options string
		left    []rules.SyncOption
		want    []string
	}{
		{"supvisors_list=a,b\ncore_identifiers=a\n", []rules.SyncOption{rules.SyncStrict, rules.SyncTimeout, rules.SyncCore}, nil},
		{"supvisors_list=a\nsynchro_options=STRICT,CORE\n", []rules.SyncOption{rules.SyncStrict},
			[]string{"6: [rpcinterface:supvisors] synchro_options: cancellation of synchro_options CORE with no core_identifiers"}},
		{"", []rules.SyncOption{rules.SyncTimeout}, []string{
			"4: [rpcinterface:supvisors] synchro_options: cancellation of synchro_options CORE with no core_identifiers",
			"4: [rpcinterface:supvisors] synchro_options: cancellation of synchro_options STRICT with no supvisors_list"}},
		{"synchro_options=USER\nsupvisors_failure_strategy=RESYNC\n", []rules.SyncOption{rules.SyncUser}, nil},
		{"synchro_options=FOO\nsupvisors_list=a\ncore_identifiers=a\n", []rules.SyncOption{rules.SyncStrict, rules.SyncTimeout, rules.SyncCore},
			[]string{`5: [rpcinterface:supvisors] synchro_options: invalid value for synchro_options: "FOO". expected in ['STRICT', 'LIST', 'TIMEOUT', 'CORE', 'USER']`}},
	} {
		wrong, warnings := problems(t, node+c.options)
		same(t, "problems of "+c.options, wrong, nil)
		same(t, "warnings of "+c.options, warnings, c.want)
		if got := mustLoad(t, node+c.options).Supvisors.SynchroOptions; !reflect.DeepEqual(got, c.left) {
			t.Errorf("%s leaves %v", c.options, got)
		}
	}
}

// TestSupvisorsProblems has what keeps Supvisors, and with it the daemon, from starting.
func TestSupvisorsProblems(t *testing.T) {
	const begin = "Could not make supvisors rpc interface: "
	for _, c := range []struct{ text, want string }{
		{daemon + "[rpcinterface:supvisors]\n", "2: [rpcinterface:supvisors]: " + begin + "Supervisor MUST be configured using inet_http_server: @DIR@/supervisord.conf"},
		{node + alone + "supvisors_list=a,b c,<x>d\n", "6: [rpcinterface:supvisors]: " + begin + `could not define a Supvisors identification from "b c"`},
		{node + "synchro_options=CORE\n", "5: [rpcinterface:supvisors] synchro_options: " + begin + "synchro_options shall not be empty"},
		{node + alone + "loglevel=loud\n", "6: [rpcinterface:supvisors] loglevel: " + begin + "bad logging level name 'loud'"},
		{node + alone + "logfile=/no/such/x\n", "6: [rpcinterface:supvisors] logfile: " + begin + "The directory named as part of the path /no/such/x does not exist"},
		{node + alone + "strict_consistency=x\n", "6: [rpcinterface:supvisors] strict_consistency: not a valid boolean value: 'x'"},
		{node + alone + "wait_exit_limit=-1\n", `6: [rpcinterface:supvisors] wait_exit_limit: invalid value for seconds: "-1". integer expected in (0, 31536000)`},
		{node + alone + "join=a:0\n", `6: [rpcinterface:supvisors] join: invalid value for join: "a:0". host or host:port expected`},
		{node + alone + "cluster_secret=\n", "6: [rpcinterface:supvisors] cluster_secret: the secret is empty"},
		{node + alone + "cluster_secret_file=none\n", "6: [rpcinterface:supvisors] cluster_secret_file: read the secret: stat @DIR@/none: no such file or directory"},
		{node + alone + "cluster_secret_file=/dev/zero\n", "6: [rpcinterface:supvisors] cluster_secret_file: read the secret: /dev/zero is no file of at most 65536 bytes"},
		{node + alone + "cluster_secret=a\ncluster_secret_file=b\n", "7: [rpcinterface:supvisors] cluster_secret_file: cluster_secret is given too, and only one of them can hold"},
		{node + alone + "software_name=100%\n", "6: [rpcinterface:supvisors] software_name: Format string '100%' for 'rpcinterface:supvisors.software_name' is badly formatted: incomplete format"},
	} {
		wrong, _ := problems(t, c.text)
		same(t, c.text, wrong, []string{c.want})
	}
}

func TestSameNodeTwice(t *testing.T) {
	_, warnings := problems(t, node+alone+"supvisors_list=<a>h:1,<a>h:2,<b>h:1,c\n")
	same(t, "warnings", warnings, []string{
		"6: [rpcinterface:supvisors] supvisors_list: <a>h:2 names the same node as <a>h:1 and is ignored",
		"6: [rpcinterface:supvisors] supvisors_list: <b>h:1 names the same node as <a>h:1 and is ignored"})
}

func TestParseInstance(t *testing.T) {
	for item, want := range map[string]Instance{
		"host":                 {"host", "host", 9001, 9002},
		"host:80":              {"host:80", "host", 80, 81},
		"<n>host":              {"n", "host", 9001, 9002},
		"<n:1.x-y>10.0.0.1:5":  {"n:1.x-y", "10.0.0.1", 5, 6},
		"<supervisor>host:8":   {"host:8", "host", 8, 9},
		"<supervisor>host":     {"host", "host", 9001, 9002},
		"host:60000:60005":     {"host:60000", "host", 60000, 60005},
		"<nœud>été.fr:65535:1": {"nœud", "été.fr", 65535, 1},
	} {
		if got, err := ParseInstance(item, 9001, 0); err != nil || got != want {
			t.Errorf("%s gives %+v, %v; want %+v", item, got, err, want)
		}
	}
	for _, item := range []string{"", "<n>", "host:", "host:0", "host:65536", "host:1:0", "<>host", "<a b>host", "ho st", "host:1:2:3", "[::1]:5", "host\n"} {
		_, err := ParseInstance(item, 9001, 0)
		if want := `could not define a Supvisors identification from "` + item + `"`; err == nil || err.Error() != want {
			t.Errorf("%q gives %v", item, err)
		}
	}
	if got, _ := ParseInstance("<n>h:5", 1, 77); got.EventPort != 77 || got.String() != "<n>h:5" {
		t.Errorf("got %+v, shown as %s", got, got)
	}
	if got, _ := ParseInstance("h:5", 1, 0); got.String() != "h:5" || got.Identifier() != "h:5" {
		t.Errorf("got %+v, shown as %s", got, got)
	}
}

func FuzzParseInstance(f *testing.F) {
	for _, item := range []string{"host", "<n>host:1:2", "<a:b>h-1.x:65535"} {
		f.Add(item)
	}
	f.Fuzz(func(t *testing.T, item string) {
		i, err := ParseInstance(item, 9001, 0)
		if err != nil {
			return
		}
		again, err := ParseInstance(i.String(), 1, 0)
		if err != nil || again.Host != i.Host || again.Port != i.Port || again.Nick != i.Nick && i.Nick != i.Host {
			t.Errorf("%q is %+v, and %s is %+v, %v", item, i, i, again, err)
		}
	})
}

func TestStatistics(t *testing.T) {
	for text, want := range map[string]statistics{"ALL": {true, true}, "off": {}, "host,process": {true, true}, "Process": {false, true}, "true": {true, true}, "no": {}, "off,host": {true, false}} {
		if got, err := parseStatistics(text); err != nil || got != want {
			t.Errorf("%s gives %+v, %v", text, got, err)
		}
	}
}

func TestSupvisorsLogs(t *testing.T) {
	for option, want := range map[string]SupvisorsLog{
		"":                    {MaxBytes: 50 << 20, Backups: 10},
		"logfile=AUTO\n":      {MaxBytes: 50 << 20, Backups: 10},
		"logfile=NONE\n":      {Own: true, MaxBytes: 50 << 20, Backups: 10},
		"logfile=syslog\n":    {Own: true, File: "syslog", MaxBytes: 50 << 20, Backups: 10},
		"logfile=/tmp/../x\n": {Own: true, File: "/x", MaxBytes: 50 << 20, Backups: 10},
	} {
		if got := mustLoad(t, node+alone+option).Supvisors.Log; got != want {
			t.Errorf("%q gives %+v, want %+v", option, got, want)
		}
	}
}

// TestFilesInTheWorkingDirectory is about relative patterns, which Supvisors takes from there.
func TestFilesInTheWorkingDirectory(t *testing.T) {
	cwd := folder(t, map[string]string{"r.xml": "", "both.xml": ""})
	dir := folder(t, map[string]string{conf: node + alone + "rules_files=r.xml both.xml\n", "both.xml": ""})
	t.Chdir(cwd)
	c, err := Load(filepath.Join(dir, conf), Flags{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{cwd + "/r.xml", dir + "/both.xml"} {
		if got := c.Supvisors.RulesFiles; len(got) != 2 || !strings.Contains(strings.Join(got, " "), want) {
			t.Errorf("got %q, which lacks %s", got, want)
		}
	}
}

func TestEnums(t *testing.T) {
	for i, name := range eventLinks {
		if l, err := ParseEventLink(strings.ToLower(name)); err != nil || int(l) != i || l.String() != name {
			t.Errorf("%s gives %v, %v", name, l, err)
		}
	}
	if got := EventLink(9).String(); got != "config.EventLink(9)" {
		t.Errorf("got %s", got)
	}
	for k, name := range map[Kind]string{Programs: "program", EventListener: "eventlistener", FastCGI: "fcgi-program"} {
		if k.String() != name {
			t.Errorf("got %s", k)
		}
	}
}

func TestUnknownCoreIdentifiers(t *testing.T) {
	c := mustLoad(t, node+"supvisors_list=a,b\ncore_identifiers=a,x,b,y\n")
	var got []string
	for _, p := range c.UnknownCoreIdentifiers(func(name string) bool { return name == "a" || name == "b" }) {
		got = append(got, strings.TrimPrefix(p.String(), c.Path+":"))
	}
	same(t, "unknown", got, []string{"6: [rpcinterface:supvisors] core_identifiers: x is no node or stereotype that is known here",
		"6: [rpcinterface:supvisors] core_identifiers: y is no node or stereotype that is known here"})
	if p := c.SupvisorsProblem("join", "text"); strings.TrimPrefix(p.String(), c.Path+":") != "4: [rpcinterface:supvisors] join: text" {
		t.Errorf("an option that is not given is placed at %s", p)
	}
}
