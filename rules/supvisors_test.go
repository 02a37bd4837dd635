package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// verdict is what Supvisors makes of rules files, with the starting strategy LOCAL and the nodes n1, n2, n3.
type verdict struct {
	Files        []string
	Refused      string                    // the error that keeps the files from being used
	Fails        string                    // the error of a lookup, for which Supvisors has no answer
	Plain        bool                      // another verdict without lxml, and so without the schema
	Applications map[string]map[string]any // what is not the default
	Programs     map[string]map[string]any
	Log          []string // warnings and errors
}

var applicationDefaults = map[string]any{"distribution": "ALL_INSTANCES", "identifiers": []string{"*"}, "start_sequence": 0, "stop_sequence": 0,
	"starting_strategy": "LOCAL", "starting_failure_strategy": "ABORT", "running_failure_strategy": "CONTINUE", "status_formula": ""}

var programDefaults = map[string]any{"identifiers": []string{"*"}, "start_sequence": 0, "stop_sequence": 0, "required": false,
	"wait_exit": false, "expected_loading": 0, "starting_failure_strategy": "ABORT", "running_failure_strategy": "CONTINUE"}

// changed takes the defaults out and gives the values the types of JSON.
func changed(t *testing.T, values, defaults map[string]any) map[string]any {
	t.Helper()
	maps.DeleteFunc(values, func(k string, v any) bool { return reflect.DeepEqual(v, defaults[k]) })
	text, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

// names is a list as Supvisors keeps it.
func names(ids Identifiers) []string {
	if ids.All {
		return []string{"*"}
	}
	return append([]string{}, ids.Names...)
}

func applicationAsSupvisors(t *testing.T, a Application) map[string]any {
	if !a.Managed {
		return map[string]any{}
	}
	ids := names(a.Identifiers)
	if a.Identifiers.Hash {
		nodes := a.Identifiers.Names
		if a.Identifiers.All {
			nodes = []string{"n1", "n2", "n3"}
		}
		ids = []string{nodes[(a.Number-1)%len(nodes)]}
	}
	formula := ""
	if a.Formula != nil {
		formula = a.Formula.String()
	}
	return changed(t, map[string]any{"managed": true, "distribution": a.Distribution.String(), "identifiers": ids,
		"start_sequence": a.StartSequence, "stop_sequence": a.StopSequence, "starting_strategy": a.StartingStrategy.String(),
		"starting_failure_strategy": a.StartingFailure.String(), "running_failure_strategy": a.RunningFailure.String(),
		"status_formula": formula}, applicationDefaults)
}

func programAsSupvisors(t *testing.T, p Program) map[string]any {
	values := map[string]any{"identifiers": names(p.Identifiers), "start_sequence": p.StartSequence, "stop_sequence": p.StopSequence,
		"required": p.Required, "wait_exit": p.WaitExit, "expected_loading": p.ExpectedLoad,
		"starting_failure_strategy": p.StartingFailure.String(), "running_failure_strategy": p.RunningFailure.String()}
	if p.Identifiers.At {
		values["at"], values["identifiers"] = values["identifiers"], []string{}
	}
	if p.Identifiers.Hash {
		values["hash"], values["identifiers"] = values["identifiers"], []string{}
	}
	return changed(t, values, programDefaults)
}

// verdictOf is what this package makes of the files of a verdict.
func verdictOf(t *testing.T, want verdict) verdict {
	l := newLoader()
	for i, text := range want.Files {
		data := []byte(text)
		if strings.Contains(text, "ISO-8859-1") {
			data = nil
			for _, r := range text {
				data = append(data, byte(r))
			}
		}
		l.read(fmt.Sprintf("%d.xml", i), data)
	}
	set, problems := l.finish()
	got := verdict{Files: want.Files, Refused: want.Refused, Fails: want.Fails, Plain: want.Plain}
	if refused := set == nil; refused != (want.Refused != "" || want.Fails != "") {
		got.Refused = "here: " + strings.Join(texts(problems), "; ")
	}
	if want.Applications != nil {
		got.Applications, got.Programs = map[string]map[string]any{}, map[string]map[string]any{}
	}
	for a := range want.Applications {
		got.Applications[a] = applicationAsSupvisors(t, set.Application(a, Local))
	}
	for p := range want.Programs {
		application, process, ok := strings.Cut(p, ":")
		if !ok {
			process = application
		}
		got.Programs[p] = programAsSupvisors(t, set.Program(application, process))
	}
	if got.Log = want.Log; want.Log != nil && !slices.ContainsFunc(problems, func(p Problem) bool { return p.Warning }) {
		got.Log = nil // Supvisors says something here, and this package does not
	}
	return got
}

// unlikeSupvisors are parts of files that another verdict is meant for, with the reason.
var unlikeSupvisors = []struct{ part, reason string }{
	{"> 5 <", "white space around a number does not count, as XML Schema says and libxml2 does not"},
	{">\n7\n<", "likewise"},
	{"> 20 <", "likewise"},
	{"> true <", "nor around a boolean: the schema takes it, and Supvisors then ignores the value"},
	{">\ttrue\n<", "likewise"},
	{"<reference> top <", "nor around the name of a model"},
	{"<reference>\ntop\n<", "likewise"},
	{"1<!-- c -->2", "a comment takes nothing away from a text: Supvisors with lxml reads no further, without lxml it does"},
	{"tr<!-- c -->ue", "likewise"},
	{"<identifiers><!-- c -->n1", "likewise"},
	{"n1<!-- c -->,n2</identifiers>", "likewise"},
	{"<identifiers>comment<", "likewise"},
	{"<reference><!-- c -->top", "likewise"},
	{"<application name=\"a\"><operational_status>x<", "a formula that can never be evaluated is ignored: Supvisors takes it, and the application is in major failure for ever"},
	{"'p' &amp; 'q'", "likewise"},
	{"none('p')", "likewise"},
	{"'p' == 'q'", "likewise"},
	{"any('p', 'q')", "likewise, but for the second argument that Supvisors passes over"},
	{"all('(')", "likewise; Supvisors fails when it evaluates the formula"},
	{">  'p'<", "white space in a formula does not count: Supvisors takes it for Python's indentation"},
	{"'p' or\n'q'</", "likewise"},
	{"<reference>sign</reference><identifiers>n3<", "identifiers replace those of the model whole: in Supvisors a sign of the model stays behind"},
	{"<reference>atsign</reference><identifiers>", "likewise"},
	{`<model name="">`, "a model without a name is not referred to by an empty reference"},
	{`version="1.1"`, "XML 1.1 is refused"},
}

// TestAsSupvisors has for each set of files what Supvisors makes of it, with lxml and the schema.
func TestAsSupvisors(t *testing.T) {
	var data []verdict
	readData(t, "documents.json", &data)
	for _, want := range data {
		all := strings.Join(want.Files, "\n")
		unlike := false
		for _, u := range unlikeSupvisors {
			unlike = unlike || strings.Contains(all, u.part)
		}
		if got := verdictOf(t, want); reflect.DeepEqual(got, want) == unlike {
			t.Errorf("%s\nwhich may differ: %v\ngot       %+v\nsupvisors %+v", all, unlike, got, want)
		}
	}
}
