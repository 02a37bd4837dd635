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

// pattern is a regular expression in Python's dialect. Go's engine runs in linear time and is preferred; regexp2 steps in for
// what it lacks (look-around, back-references) and for names beyond ASCII, where \w and its like mean more in Python.
type pattern struct {
	ascii *regexp.Regexp // nil when Go cannot express the pattern
	full  *regexp2.Regexp
}

func compilePattern(source string) (*pattern, error) {
	text := fromPython(source)
	full, err := regexp2.Compile(text, regexp2.None)
	if err != nil {
		reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "error parsing regexp: "), " in `")
		return nil, errors.New(reason)
	}
	full.MatchTimeout = matchTimeout
	p := &pattern{full: full}
	p.ascii, _ = regexp.Compile(text)
	return p, nil
}

// find returns the number of characters of the leftmost match, as Python's re.search would find it.
func (p *pattern) find(name string) (length int, ok bool) {
	if p.ascii != nil && isASCII(name) {
		loc := p.ascii.FindStringIndex(name)
		if loc == nil {
			return 0, false
		}
		return loc[1] - loc[0], true
	}
	m, err := p.full.FindStringMatch(name)
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
