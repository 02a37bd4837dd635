package rules

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// stringStart is the start of a Python string without triple quotes: r and u are its only prefixes that make sense here.
var stringStart = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[rRuU]?["']`)
})

// literal reads a Python string at p.pos and returns its value.
func (p *formulaParser) literal() (string, error) {
	start := p.pos
	raw := p.text[p.pos] == 'r' || p.text[p.pos] == 'R'
	if c := p.text[p.pos]; c != '"' && c != '\'' {
		p.pos++
	}
	quote := p.text[p.pos]
	p.pos++
	var value strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == quote:
			return value.String(), nil
		case c != '\\' || p.pos == len(p.text):
			value.WriteByte(c)
		case raw:
			value.WriteByte(c)
			value.WriteByte(p.text[p.pos])
			p.pos++
		default:
			if err := p.escape(&value); err != nil {
				return "", err
			}
		}
	}
	return "", p.fail(start, "the string is never closed")
}

var simpleEscapes = map[byte]string{'\n': "", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n",
	'r': "\r", 't': "\t", 'v': "\v"}

var hexDigits = map[byte]int{'x': 2, 'u': 4, 'U': 8}

// escape reads what follows a backslash. As in Python, one that means nothing is kept with its backslash, so that "\d" is \d.
func (p *formulaParser) escape(value *strings.Builder) error {
	start, c := p.pos-1, p.text[p.pos]
	if text, ok := simpleEscapes[c]; ok {
		value.WriteString(text)
		p.pos++
		return nil
	}
	digits, base := p.text[p.pos:], 8
	n := 0
	if want, ok := hexDigits[c]; ok {
		p.pos++
		digits, base, n = digits[1:], 16, want
	} else {
		for n < min(3, len(digits)) && '0' <= digits[n] && digits[n] <= '7' {
			n++
		}
	}
	if n == 0 {
		value.WriteByte('\\')
		return nil
	}
	code, err := strconv.ParseUint(digits[:min(n, len(digits))], base, 32)
	if err != nil || n > len(digits) || code > utf8.MaxRune {
		return p.fail(start, "the escape \\%c is not complete", c)
	}
	p.pos += n
	value.WriteRune(rune(code))
	return nil
}
