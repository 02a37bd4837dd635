package main

import (
	"net"
	"os"
	"strings"
	"testing"
)

const clustered = base + `[rpcinterface:supvisors]
supvisors_list=127.0.0.1:@PORT@
synchro_options=LIST
rules_files=@DIR@/rules.xml
`

// TestWrongInput checks for everything that keeps the daemon from running: what it says, that it ends with 2, and that nothing is
// left behind.
func TestWrongInput(t *testing.T) {
	tests := []struct {
		name    string
		conf    string
		rules   string
		args    []string
		prepare func(t *testing.T, p *place)
		says    []string
		checks  []string // what check says of the same file; nil when it finds nothing
	}{
		{name: "bad value", conf: base + "[program:a]\ncommand=/bin/true\nstartsecs=soon\n",
			says:   []string{"Error: ", "@DIR@/conf:12: [program:a] startsecs: ", "soon"},
			checks: []string{"error: @DIR@/conf:12: [program:a] startsecs: "}},
		{name: "several bad values", conf: base + "[program:a]\ncommand=/bin/true\nstartsecs=soon\n[program:b]\ncommand=x\nautorestart=often\n",
			says:   []string{"conf:12: [program:a] startsecs: ", "conf:15: [program:b] autorestart: "},
			checks: []string{"conf:12: [program:a] startsecs: ", "conf:15: [program:b] autorestart: "}},
		{name: "no command", conf: base + "[program:a]\nstartsecs=1\n",
			says: []string{"Error: ", "[program:a]", "command"}, checks: []string{"error: ", "[program:a]"}},
		{name: "not an ini file", conf: "command=/bin/true\n", says: []string{"Error: ", "conf"}, checks: []string{"error: "}},
		{name: "port in use", conf: base, prepare: func(t *testing.T, p *place) { occupy(t, "tcp", "127.0.0.1:"+p.port) },
			says: []string{"Error: Another program is already listening on a port that one of our HTTP servers is configured to use", "127.0.0.1:@PORT@"}},
		{name: "socket in use", conf: base, prepare: func(t *testing.T, p *place) { occupy(t, "unix", p.path("sock")) },
			says: []string{"Error: Another program is already listening on a port", "@DIR@/sock"}},
		{name: "not in the list", conf: strings.Replace(clustered, "list=127.0.0.1:@PORT@", "list=127.0.0.1:1,192.0.2.1:@PORT@", 1), rules: "<root/>\n",
			says:   []string{"Error: could not find the Supvisors in supvisors_list: none of 127.0.0.1:1, 192.0.2.1:@PORT@ is this host with port @PORT@"},
			checks: []string{"error: @DIR@/conf:11: [rpcinterface:supvisors] supvisors_list: could not find the Supvisors in supvisors_list"}},
		{name: "twice in the list", conf: strings.Replace(clustered, "list=127.0.0.1:@PORT@", "list=<a>127.0.0.1:@PORT@,<b>localhost:@PORT@", 1), rules: "<root/>\n",
			says:   []string{"Error: multiple candidates for the Supvisors identifiers="},
			checks: []string{"error: @DIR@/conf:11: [rpcinterface:supvisors] supvisors_list: multiple candidates"}},
		{name: "cluster without a port", conf: strings.Replace(clustered, "[inet_http_server]\nport=127.0.0.1:@PORT@\n", "", 1), rules: "<root/>\n",
			says:   []string{"Error: Could not make supvisors rpc interface: Supervisor MUST be configured using inet_http_server", "conf:8: "},
			checks: []string{"error: @DIR@/conf:8: [rpcinterface:supvisors]: "}},
		{name: "damaged disabilities", conf: clustered + "disabilities_file=@DIR@/off.json\n", rules: "<root/>\n",
			prepare: func(t *testing.T, p *place) { p.write("off.json", "[") },
			says:    []string{"Error: disabilities of @DIR@/off.json"}},
		{name: "damaged term", conf: clustered, rules: "<root/>\n", prepare: func(t *testing.T, p *place) { p.write("pid.term", "many") },
			says: []string{"Error: read term of @DIR@/pid.term"}},
		{name: "no file", args: []string{"-c", "nowhere.conf"}, says: []string{"Error: could not find config file nowhere.conf"},
			checks: []string{"error: nowhere.conf: could not find config file nowhere.conf"}},
		{name: "no file at all", args: []string{"-n"}, says: []string{"Error: No config file found at default paths (", "use the -c option"},
			checks: []string{"Error: No config file found at default paths ("}},
		{name: "unknown flag", args: []string{"--frob"}, says: []string{"Error: option --frob not recognized"},
			checks: []string{"Error: option --frob not recognized"}},
		{name: "surplus argument", args: []string{"start"}, says: []string{"Error: positional arguments are not supported: ['start']"},
			checks: []string{"Error: positional arguments are not supported: ['start']"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			if test.name == "no file at all" && anyExists("/etc/supervisord.conf", "/etc/supervisor/supervisord.conf") {
				t.Skip("this host has a configuration file in /etc, which the daemon would find")
			}
			args := test.args
			if args == nil {
				p.write("conf", test.conf+idle)
				args = []string{"-c", p.path("conf")}
			}
			if test.rules != "" {
				p.write("rules.xml", test.rules)
			}
			if test.prepare != nil {
				test.prepare(t, p)
			}
			checked := p.run(append([]string{"check"}, args...)...)
			if len(test.checks) > 0 != (checked.code == 2) {
				t.Errorf("check: exit status %d", checked.code)
			}
			for _, text := range test.checks {
				has(t, "check", checked.stdout+checked.stderr, p.fill(text))
			}
			for _, mode := range [][]string{{"-n"}, nil} { // in the foreground, and detached
				got := p.run(append(mode, args...)...)
				if got.code != 2 {
					t.Errorf("%v: exit status %d", mode, got.code)
				}
				for _, text := range test.says {
					has(t, "standard error", got.stderr, p.fill(text))
				}
				has(t, "standard error", got.stderr, "\nFor help, use "+os.Args[0]+" -h\n")
				if n := strings.Count(got.stderr, "For help"); n != 1 {
					t.Errorf("help is offered %d times", n)
				}
				if pids := p.processes(); len(pids) > 0 {
					t.Errorf("%v: processes are left: %v", mode, pids)
				}
				if strings.Contains(p.read("log"), "spawned") {
					t.Errorf("%v: a program was started", mode)
				}
				if test.name != "port in use" && test.name != "socket in use" {
					p.clean()
				}
			}
		})
	}
}

// occupy is another program that listens.
func occupy(t *testing.T, network, address string) {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
}

func anyExists(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// TestUnknownNames checks that what is not understood is told with its place and keeps nothing from running.
func TestUnknownNames(t *testing.T) {
	p := newPlace(t)
	p.write("conf", clustered+"color=blue\n[program:a]\ncommand=@SELF@ play idle\nstartsces=3\n[progam:b]\ncommand=x\n")
	p.write("rules.xml", "<root>\n<application name=\"app\">\n<programs><program name=\"p\">\n<reference>none</reference>\n"+
		"</program></programs></application></root>\n")
	places := []string{"conf:14: [rpcinterface:supvisors] color: ", "conf:17: [program:a] startsces: ", "conf:18: [progam:b]: ", "rules.xml:3:11: "}

	checked := p.run("check", "-c", p.path("conf"))
	if checked.code != 1 {
		t.Errorf("check: exit status %d", checked.code)
	}
	d := p.start()
	d.logged("spawned: 'a'", 1)
	d.stop()
	for _, place := range places {
		has(t, "check", checked.stdout, "warning: "+p.path(place))
		has(t, "log", p.read("log"), " WARN "+p.path(place))
	}
}

// TestWrongRules: as in Supvisors, the node runs without rules; the log and check tell the place of what is wrong.
func TestWrongRules(t *testing.T) {
	tests := []struct {
		name  string
		rules string // "" makes a directory of the file
		says  []string
	}{
		{"unreadable", "", []string{"rules.xml: ", "is a directory"}},
		{"unknown element", "<root>\n<application name=\"a\">\n<start_order>1</start_order>\n</application>\n</root>\n",
			[]string{"rules.xml:3:1: ", "start_order"}},
		{"malformed", "<root>\n<application name=\"a\">\n</root>\n", []string{"rules.xml:3"}},
		{"against the schema", "<root>\n<application name=\"a\">\n<start_sequence>first</start_sequence>\n<stop_sequence>x</stop_sequence>\n</application>\n</root>\n",
			[]string{"rules.xml:3", "rules.xml:4"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write("conf", clustered+idle)
			if test.rules != "" {
				p.write("rules.xml", test.rules)
			} else if err := os.Mkdir(p.path("rules.xml"), 0o700); err != nil {
				t.Fatal(err)
			}
			checked := p.run("check", "-c", p.path("conf"))
			if checked.code != 2 {
				t.Errorf("check: exit status %d", checked.code)
			}
			d := p.start()
			d.logged("the rules files are not applied", 1)
			d.stop()
			for _, text := range test.says {
				has(t, "check", checked.stdout, text)
				has(t, "log", p.read("log"), text)
			}
		})
	}
}
