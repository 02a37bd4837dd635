package rules

import (
	"errors"
	"regexp"
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
	text := fromPython(source)
	full, err := regexp2.Compile(text, regexp2.None)
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

// find returns the number of characters of the leftmost match.
func (p *Pattern) find(text string) (length int, ok bool) {
	if p.ascii != nil && isASCII(text) {
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

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// bracket is a bracket inside of a character class: a plain character for Python, for others the start of a POSIX class or
// of a subtraction.
var bracket = regexp.MustCompile(`(?s)\\.|\[`)

// pythonToken finds the parts of a pattern that must not be torn apart (escapes, character classes) and those that Python
// spells in its own way.
var pythonToken = regexp.MustCompile(`(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?P=\w+\)|\{,\d*\}`)

// fromPython rewrites a pattern to the spelling that both engines know.
func fromPython(source string) string {
	return pythonToken.ReplaceAllStringFunc(source, func(token string) string {
		switch {
		case token == "(?P<":
			return "(?<"
		case token == `\Z`:
			return `\z`
		case token[0] == '(':
			return `\k<` + token[len("(?P="):len(token)-1] + ">"
		case token[0] == '[':
			return "[" + bracket.ReplaceAllStringFunc(token[1:], func(c string) string {
				if c == "[" {
					return `\[`
				}
				return c
			})
		case token[0] == '{':
			return "{0" + token[1:]
		}
		return token
	})
}
