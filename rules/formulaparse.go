package rules

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNesting bounds parentheses, calls and negations within each other, so that no text can exhaust the stack.
const maxNesting = 200

// ParseFormula parses an operational_status expression. The error names the column, counted in characters from 1, with
// line breaks counted as characters. White space, comments and a backslash at the end of a line are those of Python within
// parentheses.
func ParseFormula(text string) (*Formula, error) {
	p := &formulaParser{text: text}
	p.next()
	root, err := p.disjunction()
	if err == nil && p.token.kind != end {
		err = p.unexpected("and, or or the end")
	}
	if err != nil {
		return nil, err
	}
	return &Formula{text: text, root: root}, nil
}

type tokenKind int

const (
	end tokenKind = iota
	word
	literal
	symbol
)

type token struct {
	kind tokenKind
	text string // as written; for a literal, its value
	at   int    // offset in the text
	err  error  // a literal that is wrong
}

// formulaParser is a recursive descent over one token of look-ahead.
type formulaParser struct {
	text  string
	pos   int // after token
	token token
	depth int
}

func (p *formulaParser) disjunction() (expr, error) { return p.junction("or", p.conjunction) }

func (p *formulaParser) conjunction() (expr, error) { return p.junction("and", p.negation) }

func (p *formulaParser) junction(operator string, operand func() (expr, error)) (expr, error) {
	first, err := operand()
	if err != nil || !p.isWord(operator) {
		return first, err
	}
	terms := []expr{first}
	for p.isWord(operator) {
		p.next()
		term, err := operand()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	return junction{and: operator == "and", terms: terms}, nil
}

func (p *formulaParser) negation() (expr, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.fail(p.token.at, "nested too deeply")
	}
	defer func() { p.depth-- }()
	if !p.isWord("not") {
		return p.primary()
	}
	p.next()
	term, err := p.negation()
	return negation{term}, err
}

func (p *formulaParser) primary() (expr, error) {
	switch t := p.token; {
	case t.kind == literal:
		return p.operand()
	case t.kind == symbol && t.text == "(":
		return p.parenthesis()
	case t.kind == word && (t.text == "any" || t.text == "all"):
		p.next()
		if p.token.text != "(" || p.token.kind != symbol {
			return nil, p.unexpected("( after " + t.text)
		}
		arg, err := p.parenthesis()
		return call{all: t.text == "all", arg: arg}, err
	}
	return nil, p.unexpected("a name between quotes, any, all, not or (")
}

// parenthesis reads an expression up to its closing parenthesis.
func (p *formulaParser) parenthesis() (expr, error) {
	opened := p.token.at
	p.next()
	inner, err := p.disjunction()
	if err != nil {
		return nil, err
	}
	if p.token.kind == end {
		return nil, p.fail(opened, "( is never closed")
	}
	if p.token.kind != symbol || p.token.text != ")" {
		return nil, p.unexpected(")")
	}
	p.next()
	return inner, nil
}

// operand reads one string; strings side by side are one, as in Python.
func (p *formulaParser) operand() (expr, error) {
	at := p.token.at
	var text strings.Builder
	for p.token.kind == literal {
		if p.token.err != nil {
			return nil, p.token.err
		}
		text.WriteString(p.token.text)
		p.next()
	}
	// Supvisors matches ^text$ from the start of the name without grouping, so that an alternative may be a mere prefix.
	pattern, err := CompilePattern(`\A(?:^` + text.String() + `$)`)
	if err != nil {
		return nil, p.fail(at, "%q is no regular expression: %w", text.String(), err)
	}
	return operand{text.String(), pattern}, nil
}

func (p *formulaParser) isWord(w string) bool { return p.token.kind == word && p.token.text == w }

func (p *formulaParser) unexpected(wanted string) error {
	switch t := p.token; t.kind {
	case end:
		return p.fail(t.at, "unexpected end, expected %s", wanted)
	case literal:
		return p.fail(t.at, "unexpected string, expected %s", wanted)
	default:
		return p.fail(t.at, "unexpected %q, expected %s", t.text, wanted)
	}
}

func (p *formulaParser) fail(at int, format string, args ...any) error {
	return fmt.Errorf("column %d: %w", utf8.RuneCountInString(p.text[:at])+1, fmt.Errorf(format, args...))
}

// next reads the next token.
func (p *formulaParser) next() {
	p.skipSpace()
	t := token{kind: symbol, at: p.pos}
	rest := p.text[p.pos:]
	switch letters := strings.IndexFunc(rest+" ", func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }); {
	case rest == "":
		t.kind = end
	case stringStart().MatchString(rest):
		t.kind = literal
		t.text, t.err = p.literal()
	case letters > 0:
		t.kind, t.text = word, rest[:letters]
		p.pos += letters
	default:
		_, size := utf8.DecodeRuneInString(rest)
		t.text = rest[:size]
		p.pos += size
	}
	p.token = t
}

func (p *formulaParser) skipSpace() {
	for {
		p.pos = len(p.text) - len(strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace))
		switch rest := p.text[p.pos:]; {
		case strings.HasPrefix(rest, "\\\n"):
			p.pos += len("\\\n")
		case strings.HasPrefix(rest, "#"):
			line, _, _ := strings.Cut(rest, "\n")
			p.pos += len(line)
		default:
			return
		}
	}
}
