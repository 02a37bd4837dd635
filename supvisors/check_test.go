package main

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// checkPlace has a configuration and rules files that are read, and a group with two processes.
func checkPlace(t *testing.T, options, rules string) *place {
	p := newPlace(t)
	p.write("conf", strings.Replace(clustered, "list=127", "list=<one>127", 1)+options+`[group:app]
programs=prg,web
[program:prg]
command=/bin/true
process_name=prg_%(process_num)s
numprocs=2
[program:web]
command=/bin/true
`)
	p.write("rules.xml", rules)
	return p
}

// checked runs check and returns its exit status and lines, without the folder of the place.
func (p *place) checked(args ...string) (int, []string) {
	got := p.run(append([]string{"check", "-c", p.path("conf")}, args...)...)
	text := strings.TrimSuffix(strings.ReplaceAll(got.stdout+got.stderr, p.dir+"/", ""), "\n")
	if text == "" {
		return got.code, nil
	}
	return got.code, strings.Split(text, "\n")
}

func wantLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const goodRules = `<root>
<alias name="all">one,blue</alias>
<model name="m"><identifiers>all</identifiers>
<start_sequence>2</start_sequence></model>
<application name="app"><start_sequence>1</start_sequence><programs>
<program pattern="prg"><reference>m</reference>
<required>true</required></program>
<program name="web"/></programs></application></root>
`

func TestCheckOfGoodFile(t *testing.T) {
	p := checkPlace(t, "stereotypes=blue\ncore_identifiers=one,127.0.0.1:@PORT@,blue\n", goodRules)
	if code, lines := p.checked(); code != 0 || lines != nil {
		t.Errorf("%d, %q", code, lines)
	}
	p.clean()
}

// TestCheckOfNames has names that this node does not know: warnings, as other nodes may.
func TestCheckOfNames(t *testing.T) {
	p := checkPlace(t, "core_identifiers=one,two\n", strings.NewReplacer(`name="web"`, `name="wbe"`, "</root>",
		"<application name=\"shop\"><identifiers>three</identifiers></application></root>").Replace(goodRules))
	code, lines := p.checked()
	if code != 1 {
		t.Errorf("exit status %d", code)
	}
	const unknown = " is no alias, and no node or stereotype that is known here"
	wantLines(t, lines, []string{
		"warning: conf:14: [rpcinterface:supvisors] core_identifiers: two is no node or stereotype that is known here",
		`warning: rules.xml:2:1: /root/alias[@name="all"]: blue` + unknown,
		`warning: rules.xml:8:72: /root/application[@name="shop"]/identifiers: three` + unknown,
		`warning: rules.xml:8:1: /root/application[@name="app"]/programs/program[@name="wbe"]: no process of the group is called wbe here`,
		`warning: rules.xml:8:47: /root/application[@name="shop"]: no group is called shop here`})
}

// TestCheckBesideOthers has the same names where other nodes may know them: notes, and all is well.
func TestCheckBesideOthers(t *testing.T) {
	p := checkPlace(t, "join=192.0.2.1\n", strings.Replace(goodRules, `name="web"`, `name="wbe"`, 1))
	code, lines := p.checked()
	if code != 0 {
		t.Errorf("exit status %d", code)
	}
	wantLines(t, lines, []string{
		`note: rules.xml:2:1: /root/alias[@name="all"]: blue is no alias, and no node or stereotype that is known here`,
		`note: rules.xml:8:1: /root/application[@name="app"]/programs/program[@name="wbe"]: no process of the group is called wbe here`})
}

func TestCheckOfIdentifier(t *testing.T) {
	p := checkPlace(t, "stereotypes=blue\n", goodRules)
	code, lines := p.checked("-i", "two")
	if code != 1 {
		t.Errorf("exit status %d", code)
	}
	wantLines(t, lines, []string{`warning: conf:11: [rpcinterface:supvisors] supvisors_list: mismatch between Supervisor identifier "two" and local Supvisors identified in supvisors_list "one"`})
	if code, lines := p.checked("-i", "one"); code != 0 || lines != nil {
		t.Errorf("%d, %q", code, lines)
	}
}

func TestCheckExplainsRules(t *testing.T) {
	p := checkPlace(t, "stereotypes=blue\nstarting_strategy=LOCAL\n", goodRules)
	application := []string{
		`application app: rules.xml:5:1: application "app"`,
		`  distribution               ALL_INSTANCES         default`,
		`  identifiers                *                     default`,
		`  start_sequence             1                     application "app" at rules.xml:5:25`,
		`  stop_sequence              1                     as start_sequence`,
		`  starting_strategy          LOCAL                 the configuration`,
		`  starting_failure_strategy  ABORT                 default`,
		`  running_failure_strategy   CONTINUE              default`,
		`  operational_status         -                     default`}
	plain := []string{
		`  identifiers                *                     default`,
		`  start_sequence             0                     default`,
		`  stop_sequence              0                     as start_sequence`,
		`  required                   false                 default`,
		`  wait_exit                  false                 default`,
		`  expected_loading           0                     default`,
		`  starting_failure_strategy  ABORT                 default`,
		`  running_failure_strategy   CONTINUE              default`}
	tests := []struct {
		args []string
		want []string
	}{
		{[]string{"--rule", "app:prg_1"}, slices.Concat([]string{"app:prg_1"}, application, []string{
			`process prg_1: rules.xml:6:1: program pattern "prg"`,
			`referring to: rules.xml:3:1: model "m"`,
			`  identifiers                one,blue              model "m" at rules.xml:3:17`,
			`  start_sequence             2                     model "m" at rules.xml:4:1`,
			`  stop_sequence              2                     as start_sequence`,
			`  required                   true                  program pattern "prg" at rules.xml:7:1`}, plain[4:])},
		{[]string{"--rule=app:web"}, slices.Concat([]string{"app:web"}, application, []string{`process web: rules.xml:8:1: program "web"`}, plain)},
		{[]string{"--rule=app:gone", "-n"}, slices.Concat([]string{"app:gone", "  is not defined by this configuration"}, application,
			[]string{`process gone: no element applies`}, plain)},
		{[]string{"--rule", "other"}, slices.Concat([]string{"other:other", "  is not defined by this configuration",
			"application other: no element applies, it is not managed", "process other: no element applies"}, plain)},
	}
	for _, test := range tests {
		code, lines := p.checked(test.args...)
		if code != 0 {
			t.Errorf("%v: exit status %d", test.args, code)
		}
		wantLines(t, lines, test.want)
	}
}

// TestCheckWithoutCluster explains rules where there are none.
func TestCheckWithoutCluster(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+idle)
	code, lines := p.checked("--rule", "idle")
	if code != 0 || len(lines) == 0 || lines[1] != "application idle: no element applies, it is not managed" {
		t.Errorf("%d, %q", code, lines)
	}
}

func TestCheckUsage(t *testing.T) {
	p := checkPlace(t, "", "<root>")
	for _, flag := range []string{"-h", "--help"} {
		code, lines := p.checked(flag)
		if code != 0 || strings.Join(lines, "\n")+"\n" != checkUsage {
			t.Errorf("%s: %d, %q", flag, code, lines)
		}
	}
	for _, args := range [][]string{{"--rule"}, {"--rule="}, {"--rule", "app:*"}, {"--rule=app:"}, {"--rule", ":web"}} {
		code, lines := p.checked(args...)
		if want := []string{"Error: --rule wants a process, as group:process"}; code != 2 || !slices.Equal(lines, want) {
			t.Errorf("%q: %d, %q", args, code, lines)
		}
	}
	code, lines := p.checked("--rule", "app:web") // the rules are wrong: nothing is explained
	if code != 2 || len(lines) != 2 || !strings.HasPrefix(lines[0], "error: rules.xml:1:7: malformed XML") {
		t.Errorf("%d, %q", code, lines)
	}
}

// TestCheckFindsSelf has the ways to name the node itself in supvisors_list.
func TestCheckFindsSelf(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{host, strings.ToUpper(host), "localhost", "127.0.0.1", "127.0.0.2"}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			hosts = append(hosts, network.IP.String())
		}
	}
	p := newPlace(t)
	for _, host := range hosts {
		for form, found := range map[string]bool{"%s": true, "%s:@PORT@": true, "<me>%s": true, "<me>%s:@PORT@": true, "%s:1": false, "<me>%s:1": false} {
			item := strings.Replace(form, "%s", host, 1)
			p.write("conf", base+"[rpcinterface:supvisors]\nsupvisors_list=198.51.100.1,"+item+",<other>198.51.100.2:@PORT@\nsynchro_options=LIST\n"+idle)
			code, lines := p.checked()
			told := strings.HasPrefix(strings.Join(lines, "\n"), "error: conf:11: [rpcinterface:supvisors] supvisors_list: could not find the Supvisors in supvisors_list: none of 198.51.100.1:")
			if found != (code == 0) || found == told {
				t.Errorf("%s: %d, %q", item, code, lines)
			}
		}
	}
}
