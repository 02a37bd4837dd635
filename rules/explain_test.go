package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// sampleRules have their lines counted by the tests of this file.
var sampleRules = lines("<root>",
	`<alias name="both">n1,n9</alias>`,
	`<model name="base"><expected_loading>7</expected_loading>`,
	` <stop_sequence>-1</stop_sequence></model>`,
	`<model name="m"><reference>base</reference>`,
	` <start_sequence>2</start_sequence>`,
	` <expected_loading>8</expected_loading></model>`,
	`<application name="app"><start_sequence>1</start_sequence>`,
	` <running_failure_strategy>RESTART_PROCESS</running_failure_strategy>`,
	` <operational_status>any('p.*')</operational_status>`,
	` <programs>`,
	`  <program pattern="p_"><reference>m</reference>`,
	`   <identifiers>#,@,both</identifiers>`,
	`   <required>true</required></program>`,
	`  <program name="q"><required>true</required></program>`,
	`  <program pattern="p"/>`,
	`  <program pattern="z"/>`,
	` </programs></application>`,
	`<application pattern="x"><identifiers>#,n7</identifiers></application>`,
	`<application name="y"/>`,
	`</root>`)

func loadSample(t *testing.T) *Set {
	t.Helper()
	set, problems := Parse("r.xml", sampleRules)
	if set == nil {
		t.Fatal(texts(problems))
	}
	return set
}

// table prints an explanation, one line a fact.
func table(e Explanation) []string {
	decision := func(d Decision) string {
		place := ""
		if d.Source != (Source{}) {
			place = fmt.Sprintf(" at %s <%s>", d.Source, d.Source.Name)
		}
		return fmt.Sprintf("  %s=%s by %s%s", d.Rule, d.Value, d.By, place)
	}
	var all []string
	if e.Application != (Source{}) {
		all = append(all, fmt.Sprintf("%s %s", e.Application, e.Application.Name))
	}
	for _, d := range e.ApplicationRules {
		all = append(all, decision(d))
	}
	for _, s := range e.Program {
		all = append(all, fmt.Sprintf("%s %s", s, s.Name))
	}
	for _, d := range e.ProgramRules {
		all = append(all, decision(d))
	}
	return append(all, e.Notes...)
}

func TestExplain(t *testing.T) {
	set := loadSample(t)
	application := []string{
		`r.xml:8:1 application "app"`,
		"  distribution=ALL_INSTANCES by default",
		"  identifiers=* by default",
		`  start_sequence=1 by application "app" at r.xml:8:25 <start_sequence>`,
		"  stop_sequence=1 by as start_sequence",
		"  starting_strategy=LOCAL by the configuration",
		"  starting_failure_strategy=ABORT by default",
		`  running_failure_strategy=RESTART_PROCESS by application "app" at r.xml:9:2 <running_failure_strategy>`,
		`  operational_status=any('p.*') by application "app" at r.xml:10:2 <operational_status>`}
	failure := []string{
		"  starting_failure_strategy=ABORT by default",
		`  running_failure_strategy=RESTART_PROCESS by application "app" at r.xml:9:2 <running_failure_strategy>`}
	tests := []struct {
		process string
		want    []string
	}{
		{"p_1", append([]string{
			`r.xml:12:3 program pattern "p_"`, `r.xml:5:1 model "m"`, `r.xml:3:1 model "base"`,
			`  identifiers=@,n1,n9 by program pattern "p_" at r.xml:13:4 <identifiers>`,
			`  start_sequence=2 by model "m" at r.xml:6:2 <start_sequence>`,
			"  stop_sequence=2 by as start_sequence",
			`  required=true by program pattern "p_" at r.xml:14:4 <required>`,
			"  wait_exit=false by default",
			`  expected_loading=8 by model "m" at r.xml:7:2 <expected_loading>`},
			append(failure, "# and @ exclude each other: # is ignored")...)},
		{"q", append([]string{
			`r.xml:15:3 program "q"`,
			"  identifiers=* by default",
			"  start_sequence=0 by default",
			"  stop_sequence=0 by as start_sequence",
			`  required=false by program "q" at r.xml:15:21 <required>`,
			"  wait_exit=false by default",
			"  expected_loading=0 by default"},
			append(failure, "required needs a start_sequence: required is ignored")...)},
		{"other", append([]string{
			"  identifiers=* by default", "  start_sequence=0 by default", "  stop_sequence=0 by as start_sequence",
			"  required=false by default", "  wait_exit=false by default", "  expected_loading=0 by default"}, failure...)},
	}
	for _, tt := range tests {
		want := append(slices.Clone(application), tt.want...)
		if got := table(set.Explain("app", tt.process, Local)); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.process, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Explain shows what Application and Program return, for what is managed and what is not.
func TestExplainAgrees(t *testing.T) {
	for _, set := range []*Set{nil, loadSample(t)} {
		for _, name := range []string{"app", "x_1", "x", "y", "nobody"} {
			e := set.Explain(name, "p_1", Local)
			a, p := set.Application(name, Local), set.Program(name, "p_1")
			if a.Managed != (e.Application != Source{}) {
				t.Errorf("%s: managed %v, explained by %v", name, a.Managed, e.Application)
			}
			if got, want := decisionOf(e.ProgramRules, "identifiers").Value, p.Identifiers.String(); got != want {
				t.Errorf("%s: identifiers %s, explained as %s", name, want, got)
			}
			if got, want := decisionOf(e.ApplicationRules, "identifiers").Value, a.Identifiers.String(); got != want {
				t.Errorf("%s: identifiers %s, explained as %s", name, want, got)
			}
			if a.Warning != "" && !slices.Contains(e.Notes, a.Warning) {
				t.Errorf("%s: the notes %q lack %q", name, e.Notes, a.Warning)
			}
		}
	}
}

func TestUnused(t *testing.T) {
	set := loadSample(t)
	const (
		z = `r.xml:17:3: warning: /root/application[@name="app"]/programs/program[@pattern="z"]: the pattern matches no process of the group here`
		q = `r.xml:15:3: warning: /root/application[@name="app"]/programs/program[@name="q"]: no process of the group is called q here`
		p = `r.xml:16:3: warning: /root/application[@name="app"]/programs/program[@pattern="p"]: other elements apply to all that the pattern matches here`
		x = `r.xml:19:1: warning: /root/application[@pattern="x"]: the pattern matches no group here`
		y = `r.xml:20:1: warning: /root/application[@name="y"]: no group is called y here`
		a = `r.xml:8:1: warning: /root/application[@name="app"]: no group is called app here`
	)
	tests := []struct {
		processes map[string][]string
		want      []string
	}{
		{map[string][]string{"app": {"p_1", "p1", "q", "z"}, "x_1": nil, "y": {"y"}}, nil},
		{map[string][]string{"app": {"p_1", "p_2"}, "x_1": {"p"}}, []string{q, p, z, y}},
		{map[string][]string{"other": {"q"}}, []string{a, x, y}},
		{nil, []string{a, x, y}},
	}
	for _, tt := range tests {
		if got := texts(set.Unused(tt.processes)); !slices.Equal(got, tt.want) {
			t.Errorf("%v: got\n%s\nwant\n%s", tt.processes, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	if got := (*Set)(nil).Unused(nil); got != nil {
		t.Errorf("%v", got)
	}
}

// An element that another one replaces is told of when it is read, and not again.
func TestUnusedIsNotReplaced(t *testing.T) {
	set := parse(t, `<application pattern="a"/>`, `<application name="b"><programs><program name="p"/><program name="p"/>`,
		`<program pattern="q"/><program pattern="q"/></programs></application>`, `<application name="b"/>`, `<application pattern="a"/>`)
	if got := texts(set.Unused(map[string][]string{"xa": nil, "b": {"p", "q"}})); got != nil {
		t.Errorf("%q", got)
	}
}

func TestUnknownNames(t *testing.T) {
	set := loadSample(t)
	known := func(names ...string) func(string) bool {
		return func(name string) bool { return slices.Contains(names, name) }
	}
	const (
		n9 = `r.xml:2:1: warning: /root/alias[@name="both"]: n9 is no alias, and no node or stereotype that is known here`
		n7 = `r.xml:19:26: warning: /root/application[@pattern="x"]/identifiers: n7 is no alias, and no node or stereotype that is known here`
	)
	if got := texts(set.UnknownNames(known("n1", "n7", "n9"))); got != nil {
		t.Errorf("%q", got)
	}
	if got, want := texts(set.UnknownNames(known("n1"))), []string{n9, n7}; !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	twice := parse(t, `<model name="m"><identifiers>n1,n2,n1</identifiers></model>`,
		`<application name="a"><programs><program name="p"><identifiers> n3 ,*,#</identifiers></program></programs></application>`)
	if got := twice.UnknownNames(known()); len(got) != 3 {
		t.Errorf("%q, want n1, n2 and n3 once each", texts(got))
	}
	if got := (*Set)(nil).UnknownNames(known()); got != nil {
		t.Errorf("%v", got)
	}
}

func TestIdentifiersString(t *testing.T) {
	for want, ids := range map[string]Identifiers{"": {}, "*": {All: true}, "#": {All: true, Hash: true}, "@,n1": {At: true, Names: []string{"n1"}},
		"@,#,n1,n2": {At: true, Hash: true, Names: []string{"n1", "n2"}}} {
		if got := ids.String(); got != want {
			t.Errorf("%+v gives %q, want %q", []any{ids}, got, want)
		}
	}
}
