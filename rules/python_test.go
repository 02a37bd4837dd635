package rules

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// readData reads a file of testdata: the answers of Python 3.11 and Supvisors 0.19, whose verdicts those of this package are.
func readData(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// unlikePython are the patterns that another verdict is meant for, with the reason.
var unlikePython = map[string]string{
	`(?i)ab`:                   "global flags in the group around a pattern are an error since Python 3.11, and good before",
	`(?i)(?s)a`:                "likewise",
	`a(?i)b`:                   "likewise",
	`(?<=ab|c)x`:               "look-behind may have any width",
	`(?<=a+)b`:                 "likewise",
	`(?a:\w+)`:                 "the flag a is not known: refused with its place",
	`(?ai:a)`:                  "likewise",
	`a++`:                      "possessive repetitions came with Python 3.11",
	`a*+`:                      "likewise",
	`a?+`:                      "likewise",
	`a{1,2}+`:                  "likewise",
	`\N{LATIN SMALL LETTER A}`: "names of characters are not known: refused",
	`\10`:                      "an octal number when there is no such group",
	`(?P<x>a)(?P<x>b)`:         "two groups may share a name",
	`[\d-z]`:                   "a dash that makes no range is a dash",
	`\B`:                       "Python finds none in the empty text, which is no name",
	`(?i:ſ)`:                   "the long s has no other case here",
}

// TestPatternsAsPython has for each pattern what Python finds in each name: the length of the match.
func TestPatternsAsPython(t *testing.T) {
	var data struct {
		Names    []string
		Patterns []struct {
			Pattern string
			Error   string
			Matches map[string]int
		}
	}
	readData(t, "patterns.json", &data)
	for _, want := range data.Patterns {
		matches := map[string]int{}
		p, err := compileKey(want.Pattern)
		for _, name := range data.Names {
			if err != nil {
				break
			}
			if n, ok := p.find(name); ok {
				matches[name] = n
			}
		}
		same := (err != nil) == (want.Error != "") && maps.Equal(matches, want.Matches)
		if _, unlike := unlikePython[want.Pattern]; same == unlike {
			t.Errorf("%q, which may differ: %v\ngot    %v %v\npython %v %v", want.Pattern, unlike, matches, err, want.Matches, want.Error)
		}
	}
}

// TestSearcher checks that a pattern which backtracks without end takes the time of the limit and one search, not that of all.
func TestSearcher(t *testing.T) {
	const evil = `^(?=a)(a+)+$`
	p, err := CompilePattern(evil)
	if err != nil {
		t.Fatal(err)
	}
	if p.String() != evil {
		t.Errorf("shown as %s", p)
	}
	search := p.Searcher(time.Nanosecond)
	start := time.Now()
	for range 1000 {
		if search(strings.Repeat("a", 60) + "b") {
			t.Fatal("found")
		}
	}
	if took := time.Since(start); took > 50*matchTimeout {
		t.Errorf("took %v", took)
	}
	if search("aaa") {
		t.Error("finds something after the limit")
	}
	if search := p.Searcher(time.Minute); !search("aaa") || search("b") || !search("aa") {
		t.Error("does not search within the limit")
	}
	if !p.Search("aaa") {
		t.Error("the pattern itself has a limit")
	}
}
