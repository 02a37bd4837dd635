package rules

import (
	"testing"
	"time"
)

// What Python's re.search finds, with the number of characters matched; -1 for no match.
func TestPatternFind(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          int
	}{
		{"prg_", "prg_00", 4},
		{"prg_", "dummy_prg_2", 4},
		{"prg_", "prg", -1},
		{`prg_\d+`, "prg_0012", 8},
		{`^prg`, "my_prg", -1},
		{`server$`, "movie_server", 6},
		{"", "anything", 0},
		{".*", "é€", 2},
		{"a|ab", "ab", 1},
		{"(ab|a)", "ab", 2},
		{`\Aprg\Z`, "prg", 3},
		{`x{,2}$`, "xxx", 2},
		{`(?P<n>a)b(?P=n)`, "aba", 3},
		{`(?<!my_)prg`, "prg", 3},
		{`(?<!my_)prg`, "my_prg", -1},
		{`prg(?=_1)`, "prg_1", 3},
		{`(.)\1`, "book", 2},
		{`[[:alpha:]]`, "a]", 2},
		{`[[:alpha:]]`, "z", -1},
		{`\w+`, "hé", 2},
		{`\d`, "٣", 1},
		{`[]x]+`, "a]x", 2},
		{`[(?P<]`, "P", 1},
		{`[\Z]`, "Z", -2}, // Python refuses the escape, and so does regexp2
		{`\(?P<`, "P<", 2},
		{`\\Z`, `\Z`, 2},
		{`a{,b`, "a{,b", 4},
	}
	for _, tt := range tests {
		p, err := CompilePattern(tt.pattern)
		if err != nil {
			if tt.want != -2 {
				t.Errorf("%s: %v", tt.pattern, err)
			}
			continue
		}
		n, ok := p.find(tt.name)
		if !ok {
			n = -1
		}
		if n != tt.want {
			t.Errorf("%s in %q: %d, want %d", tt.pattern, tt.name, n, tt.want)
		}
	}
}

func TestPatternRefused(t *testing.T) {
	for _, text := range []string{"(", ")", "[a", "*a", "a**", `\`, "(?P<n", `(?P=n)`, "a{2,1}", "(?z)"} {
		if _, err := CompilePattern(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// A pattern that would backtrack for ever is given up; the bound is generous because the machine may be busy.
func TestPatternTimeout(t *testing.T) {
	p, err := CompilePattern(`^(?=a)(a+)+$`)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, ok := p.find("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"); ok {
		t.Error("matches")
	}
	if spent := time.Since(start); spent > 5*time.Second {
		t.Errorf("took %v", spent)
	}
}
