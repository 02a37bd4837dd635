package rules

import (
	"strings"
	"testing"
)

// formulaVerdict is what Supvisors makes of a formula: it refuses it when the files are read, or it fails each time when it
// is evaluated, or it has a value.
type formulaVerdict struct{ Formula, Refused, Fails, Value string }

// otherFormulas are those that another verdict is meant for, with the reason.
var otherFormulas = map[string]string{
	`'\N{LATIN SMALL LETTER W}eb'`:    "names of characters are not known: refused",
	"any('web',)":                     "one argument alone: refused with its column",
	"any('web', 'LOG')":               "likewise; Supvisors passes over the second one",
	"'web';":                          "an expression alone: refused with its column",
	"x = 'web'":                       "likewise",
	"return 'web'":                    "likewise",
	"(any)('web')":                    "likewise",
	"  'web'":                         "white space does not count: for Supvisors it is indentation",
	"\t'web'":                         "likewise",
	"\n  'web'\n":                     "likewise",
	"\u00a0'web'":                     "likewise",
	"'web'\u00a0or 'db'":              "likewise",
	"'web' or\u2003'db'":              "likewise",
	"'web' or\n'db'":                  "nor do ends of lines",
	"any(\n  'web' # c\n)\tand\n'db'": "likewise",
	"'web'\n'db'":                     "likewise: strings side by side are one",
}

// ours is what this package makes of a formula, in the words of a verdict.
func ours(text string, names []string) formulaVerdict {
	v := formulaVerdict{Formula: text}
	f, err := ParseFormula(text)
	if err != nil {
		v.Refused = err.Error()
		return v
	}
	value, err := f.Eval(names, func(name string) bool { return strings.ToUpper(name) != name })
	if err != nil {
		v.Fails = err.Error()
		return v
	}
	v.Value = map[bool]string{true: "true", false: "false"}[value]
	return v
}

// TestFormulasAsSupvisors has for each formula its value in Supvisors, or none. One that Supvisors takes and can never evaluate may
// be refused.
func TestFormulasAsSupvisors(t *testing.T) {
	var data struct {
		Names    []string
		Formulas []struct {
			Formula, Refused, Fails string
			Value                   *bool
		}
	}
	readData(t, "formulas.json", &data)
	for _, want := range data.Formulas {
		got := ours(want.Formula, data.Names)
		wanted := ""
		if want.Value != nil {
			wanted = map[bool]string{true: "true", false: "false"}[*want.Value]
		}
		same := got.Value == wanted && (want.Refused == "" || got.Refused != "")
		if _, other := otherFormulas[want.Formula]; same == other {
			t.Errorf("%q, which may differ: %v\ngot       %+v\nsupvisors %q %q %s", want.Formula, other, got, want.Refused, want.Fails, wanted)
		}
	}
}
