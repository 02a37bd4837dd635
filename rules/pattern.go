package rules

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// matchTimeout ends a backtracking match that would take for ever; the pattern then counts as not matching.
const matchTimeout = 100 * time.Millisecond

// Pattern is a regular expression in Python's dialect. Go's engine runs in linear time and is preferred; regexp2 steps in for
// what it lacks (look-around, back-references) and for names beyond ASCII, where \w and its like mean more in Python. A search
// takes 100 ms at most. A Pattern is immutable and may be shared.
type Pattern struct {
	source string
	ascii  *regexp.Regexp // nil when Go cannot express the pattern
	full   *regexp2.Regexp
}

// CompilePattern makes a Pattern of what Python's re.compile takes. The error says what is wrong with the text, without
// repeating it.
func CompilePattern(source string) (*Pattern, error) {
	text, err := fromPython(source)
	if err != nil {
		return nil, err
	}
	full, err := regexp2.Compile(negationsLast(text), regexp2.None)
	if err != nil {
		reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "error parsing regexp: "), " in `")
		return nil, errors.New(reason)
	}
	full.MatchTimeout = matchTimeout
	p := &Pattern{source: source, full: full}
	p.ascii, _ = regexp.Compile(text)
	return p, nil
}

// String returns the pattern as written.
func (p *Pattern) String() string { return p.source }

// Search reports whether the pattern is found anywhere in the text, as Python's re.search. A search that takes too long finds
// nothing.
func (p *Pattern) Search(text string) bool {
	_, ok := p.find(text)
	return ok
}

// Searcher returns a Search for a pattern that a client has sent: all its calls together take no longer than limit and one search,
// after which it finds nothing. It is for one goroutine.
func (p *Pattern) Searcher(limit time.Duration) func(text string) bool {
	return func(text string) bool {
		if limit <= 0 {
			return false
		}
		start := time.Now()
		defer func() { limit -= time.Since(start) }()
		return p.Search(text)
	}
}

// find returns the number of characters of the leftmost match.
func (p *Pattern) find(text string) (length int, ok bool) {
	if p.ascii != nil && plainASCII(text) {
		loc := p.ascii.FindStringIndex(text)
		if loc == nil {
			return 0, false
		}
		return loc[1] - loc[0], true
	}
	m, err := p.full.FindStringMatch(text)
	if err != nil || m == nil {
		return 0, false
	}
	return m.Length, true
}

// plainASCII reports whether both engines agree on the text: Go's does not see a $ before a line feed at the end.
func plainASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf || s[i] == '\n' {
			return false
		}
	}
	return true
}

// compileKey compiles the pattern of an element. Supvisors puts it in a group of its own, so that references to groups count
// from 2.
func compileKey(source string) (*Pattern, error) {
	if slices.Contains(pythonToken().FindAllString(source, -1), `\1`) {
		return nil, errors.New(`\1 is the whole pattern, the first group is \2`)
	}
	return CompilePattern("(" + source + ")")
}
