package process

import (
	"errors"
	"strings"
)

// SplitCommand splits a command line into words the way Supervisor does (Python's shlex.split): blanks separate, quotes
// group, a backslash keeps the next character, inside double quotes only before a quote or a backslash. There are no
// variables, wildcards or comments.
func SplitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	started := false // '' is a word, nothing is not
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\r', '\n':
			if started {
				words = append(words, word.String())
				word.Reset()
				started = false
			}
			continue
		case '\\':
			if i++; i == len(line) {
				return nil, errors.New("No escaped character") //nolint:staticcheck // Python's words, shown to users
			}
			word.WriteByte(line[i])
		case '\'', '"':
			n, err := quoted(line[i+1:], c, &word)
			if err != nil {
				return nil, err
			}
			i += n
		default:
			word.WriteByte(c)
		}
		started = true
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}

// quoted appends the text up to the closing quote to word and returns how many bytes it took, the quote included.
func quoted(s string, quote byte, word *strings.Builder) (int, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return i + 1, nil
		case c == '\\' && quote == '"':
			if i++; i == len(s) {
				return 0, errors.New("No escaped character") //nolint:staticcheck // Python's words, shown to users
			}
			if s[i] != '"' && s[i] != '\\' {
				word.WriteByte('\\')
			}
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, errors.New("No closing quotation") //nolint:staticcheck // Python's words, shown to users
}
