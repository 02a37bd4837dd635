package rules

import (
	"slices"
	"strings"
	"testing"
)

// Processes in capital letters are down.
var formulaProcesses = []string{"web", "db", "LOG", "movie_1", "movie_2", "MOVIE_3", "disk_1", "disk_2", "OFF_1", "OFF_2", "a+"}

func evalFormula(t *testing.T, text string) (bool, error) {
	t.Helper()
	f, err := ParseFormula(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f.Eval(formulaProcesses, func(name string) bool { return strings.ToUpper(name) != name })
}

func TestFormulaEval(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{`'web'`, true},
		{`"LOG"`, false},
		{`not 'LOG'`, true},
		{`not not 'LOG'`, false},
		{`'web' and 'db'`, true},
		{`'web' and 'LOG'`, false},
		{`'LOG' or 'db'`, true},
		{`'LOG' or 'LOG' and 'web' or 'web'`, true},
		{`('web' or 'LOG') and 'LOG'`, false},
		{`'web' or 'LOG' and 'LOG'`, true},
		{`not 'LOG' and 'web'`, true},
		{`not ('LOG' or 'web')`, false},
		{`'web' and not 'LOG'`, true},
		{`any('movie_.*')`, true},
		{`all('movie_.*')`, true},
		{`all('(?i:movie)_.*')`, false},
		{`any('(?i:movie)_.*')`, true},
		{`any("OFF_\d")`, false},
		{`all('.*')`, false},
		{`all("disk.*") and any('.*_2')`, true},
		{`any('web')`, true},
		{`all('LOG')`, false},
		{`all('web' and 'db')`, true},
		{`any(any('movie.*'))`, true},
		{`not all('OFF_.')`, true},
		{`'w.b'`, true},
		{`'a+'`, true}, // the name itself, although as a pattern it would not match
		{`'we' 'b'`, true},
		{`any(r'disk_\d')`, true},
		{`any(u"disk_\x31")`, true},
		{`all('disk_\061|disk_[2]')`, true},
		{"all(\n  'disk.*' # the disks\n)\tand\n'web'", true},
		{"  'web'  ", true},
		{`'''web'''`, true},
	}
	for _, tt := range tests {
		got, err := evalFormula(t, tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%s: %v, error %v; want %v", tt.text, got, err, tt.want)
		}
	}
}

func TestFormulaEvalErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{`'nobody'`, `"nobody" matches no process`},
		{`'web' or 'nobody'`, `"nobody" matches no process`},
		{`'we'`, `"we" matches no process`},
		{`any('nobody.*')`, `"nobody.*" matches no process`},
		{`'disk_.'`, "the formula matches 2 processes, any() or all() is missing"},
		{`not 'movie_.'`, "the operand of not matches 2 processes, any() or all() is missing"},
		{`'LOG' and '.*'`, "an operand of and, or matches 11 processes, any() or all() is missing"},
	}
	for _, tt := range tests {
		got, err := evalFormula(t, tt.text)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, error %v; want %s", tt.text, got, err, tt.want)
		}
	}
}

// The anchors belong to the first and the last alternative alone, as in Supvisors.
func TestFormulaAlternative(t *testing.T) {
	f, err := ParseFormula("any('web|.*_1')")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	if _, err := f.Eval([]string{"web", "website", "myweb", "x_1", "x_10"}, func(name string) bool {
		asked = append(asked, name)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"web", "website", "x_1"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

func TestParseFormulaErrors(t *testing.T) {
	const operand = "expected a name between quotes, any, all, not or ("
	tests := []struct{ text, want string }{
		{"", "column 1: unexpected end, " + operand},
		{"   ", "column 4: unexpected end, " + operand},
		{"any('web(')", `column 5: "web(" is no regular expression: missing closing )`},
		{"any(", "column 5: unexpected end, " + operand},
		{"any('x'", "column 4: ( is never closed"},
		{"any 'x'", "column 5: unexpected string, expected ( after any"},
		{"any", "column 4: unexpected end, expected ( after any"},
		{"any()", `column 5: unexpected ")", ` + operand},
		{"any('x', 'y')", `column 8: unexpected ",", expected )`},
		{"none('x')", `column 1: unexpected "none", ` + operand},
		{"web", `column 1: unexpected "web", ` + operand},
		{"'x' 'y' z", `column 9: unexpected "z", expected and, or or the end`},
		{"'x' and", "column 8: unexpected end, " + operand},
		{"'x' and or 'y'", `column 9: unexpected "or", ` + operand},
		{"not", "column 4: unexpected end, " + operand},
		{"'x')", `column 4: unexpected ")", expected and, or or the end`},
		{"('x'", "column 1: ( is never closed"},
		{"('x' 5)", `column 6: unexpected "5", expected )`},
		{"'é' + 'y'", `column 5: unexpected "+", expected and, or or the end`},
		{"'x", "column 1: the string is never closed"},
		{"'web' or \"x", "column 10: the string is never closed"},
		{`'a\x4'`, `column 3: the escape \x is not complete`},
		{`'a\uzzzz'`, `column 3: the escape \u is not complete`},
		{`'\U00110000'`, `column 2: the escape \U is not complete`},
		{`b'x'`, `column 1: unexpected "b", ` + operand},
		{"1", `column 1: unexpected "1", ` + operand},
		{"'x' == 'y'", `column 5: unexpected "=", expected and, or or the end`},
		{"'x' # and 'y'\n 'z' 1", `column 20: unexpected "1", expected and, or or the end`},
	}
	for _, tt := range tests {
		_, err := ParseFormula(tt.text)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: error %v; want %s", tt.text, err, tt.want)
		}
	}
}

func TestParseFormulaNesting(t *testing.T) {
	text := func(n int) string { return strings.Repeat("(", n) + "'web'" + strings.Repeat(")", n) }
	if got, err := evalFormula(t, text(maxNesting-1)); err != nil || !got {
		t.Errorf("%v, error %v", got, err)
	}
	for _, open := range []string{"(", "not ", "any("} {
		if _, err := ParseFormula(strings.Repeat(open, 1_000_000)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("%s without end: %v", open, err)
		}
	}
}

func TestFormulaString(t *testing.T) {
	const text = " any( 'x' )\n" // as get_application_rules of Supvisors returns it
	f, err := ParseFormula(text)
	if err != nil || f.String() != text {
		t.Errorf("%q, error %v", f, err)
	}
}

// FuzzParseFormula checks that no text crashes the parser or an evaluation, and that a formula survives being printed.
func FuzzParseFormula(f *testing.F) {
	for _, seed := range []string{"any('x') and not \"y\"", "all(('.*'))", `'\x41' r"\d" or 'b'`, "'a'#c\n", "not not (", "'[a'", "'\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formula, err := ParseFormula(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "column ") {
				t.Errorf("%q: the error has no column: %v", text, err)
			}
			return
		}
		up := func(name string) bool { return name == "x" }
		got, gotErr := formula.Eval([]string{"x", "y"}, up)
		again, err := ParseFormula(formula.String())
		if err != nil {
			t.Fatalf("%q: printed as %q: %v", text, formula, err)
		}
		if got2, gotErr2 := again.Eval([]string{"x", "y"}, up); got2 != got || (gotErr2 == nil) != (gotErr == nil) {
			t.Errorf("%q: %v, printed %v", text, got, got2)
		}
	})
}
