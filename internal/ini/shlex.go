package ini

import (
	"errors"
	"fmt"
	"strings"
)

// The two errors of Python's shlex, which Supervisor shows when a command or an environment cannot be split.
var (
	ErrNoClosingQuotation = errors.New("No closing quotation")
	ErrNoEscapedCharacter = errors.New("No escaped character")
)

// Split cuts a command line into words as Python's shlex.split does: blanks separate, quotes group, a backslash escapes.
func Split(s string) ([]string, error) {
	l := shlex{rest: []rune(s), word: func(rune) bool { return true }}
	return l.all()
}

// Pair is one KEY=value of an environment option.
type Pair struct{ Key, Value string }

// Pairs reads KEY="a,b",B='c' as Supervisor reads the environment option. An option given twice keeps its first place and its
// last value. What follows a value up to the next comma is lost when it is one token, as in Supervisor.
func Pairs(s string) ([]Pair, error) {
	l := shlex{rest: []rune(s), word: envWord, comments: true}
	tokens, err := l.all()
	if err != nil {
		return nil, err
	}
	var pairs []Pair
	place := map[string]int{}
	for i := 0; i < len(tokens); i += 4 {
		if i+3 > len(tokens) || tokens[i+1] != "=" {
			return nil, fmt.Errorf("Unexpected end of key/value pairs in value '%s'", s)
		}
		key, value := tokens[i], tokens[i+2]
		if at, known := place[key]; known {
			pairs[at].Value = value
			continue
		}
		place[key] = len(pairs)
		pairs = append(pairs, Pair{key, value})
	}
	return pairs, nil
}

// envWord reports whether the character may stand in an unquoted word of an environment option; any other one is a token of
// its own. The letters are ASCII and Latin-1, whatever the language of the text.
func envWord(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	case 0xc0 <= r && r <= 0xff:
		return r != 0xd7 && r != 0xf7 // the signs of multiplication and division
	default:
		return strings.ContainsRune("_/.+-():", r)
	}
}

// shlex is Python's lexer of that name in its posix mode.
type shlex struct {
	rest     []rune
	word     func(rune) bool // may stand in a word
	comments bool            // '#' begins a comment up to the end of the line
}

func (l *shlex) all() ([]string, error) {
	var tokens []string
	for {
		token, ok, err := l.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return tokens, nil
		}
		tokens = append(tokens, token)
	}
}

// next returns the next token; ok is false at the end of the text.
func (l *shlex) next() (token string, ok bool, err error) {
	var b strings.Builder
	for len(l.rest) > 0 {
		c := l.rest[0]
		switch {
		case strings.ContainsRune(" \t\r\n", c):
			l.rest = l.rest[1:]
			if ok {
				return b.String(), true, nil
			}
		case l.comments && c == '#':
			l.skipLine()
			if ok {
				return b.String(), true, nil
			}
		case c == '\\':
			if len(l.rest) == 1 {
				return "", false, ErrNoEscapedCharacter
			}
			b.WriteRune(l.rest[1])
			l.rest, ok = l.rest[2:], true
		case c == '\'' || c == '"':
			l.rest, ok = l.rest[1:], true
			if err := l.quoted(c, &b); err != nil {
				return "", false, err
			}
		case l.word(c):
			b.WriteRune(c)
			l.rest, ok = l.rest[1:], true
		case ok:
			return b.String(), true, nil
		default:
			l.rest = l.rest[1:]
			return string(c), true, nil
		}
	}
	return b.String(), ok, nil
}

// quoted copies the text up to the closing quote. Only between double quotes a backslash escapes, and only itself and them.
func (l *shlex) quoted(quote rune, b *strings.Builder) error {
	for len(l.rest) > 0 {
		c := l.rest[0]
		l.rest = l.rest[1:]
		switch {
		case c == quote:
			return nil
		case c == '\\' && quote == '"':
			if len(l.rest) == 0 {
				return ErrNoEscapedCharacter
			}
			if l.rest[0] != '"' && l.rest[0] != '\\' {
				b.WriteRune(c)
			}
			b.WriteRune(l.rest[0])
			l.rest = l.rest[1:]
		default:
			b.WriteRune(c)
		}
	}
	return ErrNoClosingQuotation
}

func (l *shlex) skipLine() {
	for i, c := range l.rest {
		if c == '\n' {
			l.rest = l.rest[i+1:]
			return
		}
	}
	l.rest = nil
}
