package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// pythonToken finds the parts of a pattern that must not be torn apart (escapes, character classes) and those that Python
// spells in its own way or does not know.
var pythonToken = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)\\\d+|\\U[[:xdigit:]]{8}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?P=\w+\)|\(\?<[^=!]|\(\?'|\{,\d*\}`)
})

// classToken finds in a character class what pythonToken finds outside, and the brackets: plain characters for Python, for
// others the start of a POSIX class or of a subtraction.
var classToken = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)\\U[[:xdigit:]]{8}|\\.|\[`)
})

// pythonLetters are the letters that Python knows after a backslash.
const pythonLetters = "AbBdDsSwWZafnrtvxuUN"

// fromPython rewrites a pattern to the spelling that both engines know.
func fromPython(source string) (string, error) {
	var bad error
	escape := func(token string) string {
		text, err := escapeFromPython(token)
		if err != nil && bad == nil {
			bad = err
		}
		return text
	}
	text := pythonToken().ReplaceAllStringFunc(source, func(token string) string {
		switch {
		case token[0] == '\\':
			return escape(token)
		case token[0] == '[':
			return "[" + classToken().ReplaceAllStringFunc(token[1:], escape)
		case token[0] == '{':
			return "{0" + token[1:]
		case token == "(?P<":
			return "(?<"
		case strings.HasPrefix(token, "(?P="):
			return `\k<` + token[len("(?P="):len(token)-1] + ">"
		}
		if bad == nil {
			bad = fmt.Errorf("unknown extension %s", token[1:])
		}
		return token
	})
	return text, bad
}

// escapeFromPython rewrites an escape, or a bracket in a class.
func escapeFromPython(token string) (string, error) {
	switch c, size := utf8.DecodeRuneInString(token[1:]); {
	case token == "[":
		return `\[`, nil
	case token == `\Z`:
		return `\z`, nil
	case len(token) == len(`\U0001F600`):
		code, err := strconv.ParseUint(token[2:], 16, 32)
		if err != nil || code > utf8.MaxRune {
			return token, fmt.Errorf("bad escape %s", token)
		}
		return regexp.QuoteMeta(string(rune(code))), nil
	case c == '_' || c >= utf8.RuneSelf && size > 0:
		return token[1:], nil
	case ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') && !strings.ContainsRune(pythonLetters, c):
		return token, fmt.Errorf("bad escape %s", token)
	}
	return token, nil
}

// anyClass finds escapes and character classes.
var anyClass = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)\\.|\[\^?\]?(?:\\.|[^\]\\])*\]`)
})

var anyEscape = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?s)\\.`)
})

// negations are the escapes that stand for what is not in a class.
var negations = map[string]string{`\D`: `[^\d]`, `\S`: `[^\s]`, `\W`: `[^\w]`}

// negationsLast writes [^\W\d] as [^\d\W], and \W alone as [^\w]: within a class, and where it puts the classes together that a
// text may begin with, regexp2 looks at nothing that follows a negation.
func negationsLast(text string) string {
	return anyClass().ReplaceAllStringFunc(text, func(token string) string {
		if token[0] != '[' {
			return cmp.Or(negations[token], token)
		}
		var last strings.Builder
		rest := anyEscape().ReplaceAllStringFunc(token[:len(token)-1], func(escape string) string {
			if negations[escape] == "" {
				return escape
			}
			last.WriteString(escape)
			return ""
		})
		return rest + last.String() + "]"
	})
}
