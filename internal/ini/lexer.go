package ini

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexer turns the text of one file into sections and options of a Document. Its rules are those of RawConfigParser with the
// inline comment prefixes ';' and '#', duplicate sections and options allowed, and empty lines allowed inside values.
type lexer struct {
	doc     *Document
	file    string
	section string // "" before the first header
	kept    bool   // the section is wanted
	passed  option // the last one of a section that is not
	current *option
	indent  int // of the line that began the current option or section
	options []*option
	bad     []BadLine
}

// option is an option whose value may still grow by continuation lines.
type option struct {
	section, key string
	lines        []string
	pos          Position
}

// lex adds the text to the document. When a line cannot be understood the document keeps what was good and the error is a
// *SyntaxError with all bad lines.
func lex(doc *Document, file, text string) error {
	l := &lexer{doc: doc, file: file}
	line := 0
	for text := range strings.Lines(universalNewlines(text)) {
		line++
		if !l.line(text, line) {
			return &SyntaxError{File: file, NoHeader: true, Lines: []BadLine{{line, text}}}
		}
	}
	for _, o := range l.options {
		doc.set(o.section, o.key, strings.TrimRightFunc(strings.Join(o.lines, "\n"), isSpace), o.pos)
	}
	if l.bad != nil {
		return &SyntaxError{File: file, Lines: l.bad}
	}
	return nil
}

// line takes the next line and reports whether reading can go on: it cannot after text outside any section.
func (l *lexer) line(line string, number int) bool {
	comment := commentStart(line)
	body := line
	if comment >= 0 {
		body = line[:comment]
	}
	text := strip(body)
	if text == "" {
		// An empty line belongs to the value before it; a line that only has a comment does not.
		if comment < 0 && l.current != nil {
			l.current.lines = append(l.current.lines, "")
		}
		return true
	}
	indent := indentation(line)
	if l.current != nil && indent > l.indent {
		l.current.lines = append(l.current.lines, text)
		return true
	}
	l.indent = indent
	pos := Position{l.file, number}
	if name, ok := header(text); ok {
		l.section, l.current, l.kept = name, nil, l.doc.keeps(name)
		if l.kept {
			l.doc.addSection(name, pos)
		}
		return true
	}
	if l.section == "" {
		return false
	}
	at := strings.IndexAny(text, "=:")
	key := ""
	if at >= 0 {
		key = strings.ToLower(strip(text[:at]))
	}
	if key == "" {
		l.bad = append(l.bad, BadLine{number, line})
		if at >= 0 {
			l.current = nil // Python takes it as an option without a name, which no line continues
		}
		return true
	}
	if !l.kept { // it only matters what continues it
		l.passed.lines = l.passed.lines[:0]
		l.current = &l.passed
		return true
	}
	l.current = &option{l.section, key, []string{strip(text[at+1:])}, pos}
	l.options = append(l.options, l.current)
	return true
}

// header returns the name in a section header: all up to the last bracket. What follows that bracket is ignored.
func header(text string) (string, bool) {
	end := strings.LastIndexByte(text, ']')
	if text[0] != '[' || end < 2 {
		return "", false
	}
	return text[1:end], true
}

// commentStart returns where a comment begins in the line, -1 for none. Python looks for the next ';' and the next '#' in
// rounds and stops at the first round in which one of them follows a blank, so the first comment sign does not always win.
func commentStart(line string) int {
	if strings.IndexByte(line, ';') < 0 && strings.IndexByte(line, '#') < 0 { // nearly always
		return -1
	}
	if first := strings.TrimLeftFunc(line, isSpace); first != "" && (first[0] == ';' || first[0] == '#') {
		return 0
	}
	signs := [...]struct {
		char byte
		next int // where the search goes on, beyond the end when there is none left
	}{{';', 0}, {'#', 0}}
	for {
		start, found := -1, false
		for i := range signs {
			s := &signs[i]
			if s.next > len(line) {
				continue
			}
			offset := strings.IndexByte(line[s.next:], s.char)
			if offset < 0 {
				s.next = len(line) + 1
				continue
			}
			at := s.next + offset
			s.next, found = at+1, true
			if afterBlank(line, at) && (start < 0 || at < start) {
				start = at
			}
		}
		if start >= 0 || !found {
			return start
		}
	}
}

func afterBlank(line string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:at])
	return at == 0 || isSpace(before)
}

// indentation counts the characters before the first one that is not blank.
func indentation(line string) int {
	blank := len(line) - len(strings.TrimLeftFunc(line, isSpace))
	return utf8.RuneCountInString(line[:blank])
}

func universalNewlines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// isSpace is Python's str.isspace: Unicode white space and the four separators of ASCII.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

func strip(s string) string { return strings.TrimFunc(s, isSpace) }
