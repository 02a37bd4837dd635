package rpc

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// SyntaxError tells why a document cannot be read, and where.
type SyntaxError struct {
	Offset int // in bytes
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("xml-rpc document, byte %d: %s", e.Offset, e.Reason)
}

// tagKind tells the forms of a tag apart.
type tagKind int

const (
	openTag  tagKind = iota // <a>
	emptyTag                // <a/>
	closeTag                // </a>
)

// tag is one tag of the document. Its name is without namespace prefix and belongs to the document's bytes.
type tag struct {
	kind tagKind
	name []byte
}

// is tells whether the tag opens an element of that name, with or without content.
func (t tag) is(name string) bool { return t.kind != closeTag && string(t.name) == name }

// scanner walks through the bytes of one document: character data, then a tag, then character data and so on.
// It knows the parts of XML that XML-RPC needs and passes over comments, processing instructions and attributes.
type scanner struct {
	buf     []byte
	pos     int
	lenient bool   // control characters are kept instead of refused
	scratch []byte // text that could not be taken from buf as it is
	names   map[string]string
	last    Map // the last struct: the next one has probably as many members, of the same names
}

// textClass tells which bytes of character data need a look.
type textClass uint8

const (
	plainByte textClass = iota
	controlByte
	markupByte // < & and carriage return
)

var textClasses = func() (classes [256]textClass) {
	for c := range 0x20 {
		classes[c] = controlByte
	}
	classes['\t'], classes['\n'] = plainByte, plainByte
	classes['\r'], classes['<'], classes['&'] = markupByte, markupByte, markupByte
	return classes
}()

func (s *scanner) fail(reason string) error {
	return &SyntaxError{Offset: s.pos, Reason: reason}
}

func (s *scanner) has(prefix string) bool {
	return len(s.buf)-s.pos >= len(prefix) && string(s.buf[s.pos:s.pos+len(prefix)]) == prefix
}

// text returns the character data up to the next tag. The slice is valid until the next call.
func (s *scanner) text() ([]byte, error) {
	start := s.pos
	for s.pos < len(s.buf) && textClasses[s.buf[s.pos]] == plainByte {
		s.pos++
	}
	if s.pos+1 < len(s.buf) && s.buf[s.pos] == '<' && s.buf[s.pos+1] != '!' && s.buf[s.pos+1] != '?' {
		return s.buf[start:s.pos], nil
	}
	s.scratch = append(s.scratch[:0], s.buf[start:s.pos]...)
	for {
		if s.pos >= len(s.buf) {
			return nil, s.fail("unexpected end")
		}
		c := s.buf[s.pos]
		switch {
		case c == '<':
			inside, err := s.markup()
			if err != nil {
				return nil, err
			}
			if !inside {
				return s.scratch, nil
			}
		case c == '&':
			if err := s.reference(); err != nil {
				return nil, err
			}
		case c == '\r':
			s.pos++
			if !s.has("\n") {
				s.scratch = append(s.scratch, '\n')
			}
		case textClasses[c] == controlByte && !s.lenient:
			return nil, s.fail("control character")
		default:
			s.scratch = append(s.scratch, c)
			s.pos++
		}
	}
}

// markup handles what may stand at a '<' inside character data: it passes over a comment or processing instruction, takes
// the text of a CDATA section, and returns false, without moving, at a tag.
func (s *scanner) markup() (bool, error) {
	switch {
	case s.pos+1 < len(s.buf) && s.buf[s.pos+1] != '!' && s.buf[s.pos+1] != '?': // nearly always
		return false, nil
	case s.has("<!--"):
		_, err := s.until("<!--", "-->")
		return true, err
	case s.has("<![CDATA["):
		data, err := s.until("<![CDATA[", "]]>")
		if err != nil {
			return true, err
		}
		return true, s.takeRaw(data)
	case s.has("<?"):
		_, err := s.until("<?", "?>")
		return true, err
	case s.has("<!"):
		return true, s.fail("document type definitions are refused")
	}
	return false, nil
}

// takeRaw adds text that has no markup in it.
func (s *scanner) takeRaw(data []byte) error {
	for i, c := range data {
		switch {
		case c == '\r':
			if i+1 < len(data) && data[i+1] == '\n' {
				continue
			}
			c = '\n'
		case textClasses[c] == controlByte && !s.lenient:
			return s.fail("control character")
		}
		s.scratch = append(s.scratch, c)
	}
	return nil
}

// until passes over opening and everything up to closing, and returns what is between.
func (s *scanner) until(opening, closing string) ([]byte, error) {
	rest := s.buf[s.pos+len(opening):]
	n := bytes.Index(rest, []byte(closing))
	if n < 0 {
		return nil, s.fail("unclosed " + opening)
	}
	s.pos += len(opening) + n + len(closing)
	return rest[:n], nil
}

// longestReference is enough for every reference to a character, with some leading zeros.
const longestReference = 16

// reference takes one character or entity reference.
func (s *scanner) reference() error {
	window := s.buf[s.pos+1 : min(len(s.buf), s.pos+longestReference)]
	n := bytes.IndexByte(window, ';')
	if n < 0 {
		return s.fail("unclosed reference")
	}
	name := string(window[:n])
	r, ok := entities[name]
	if !ok && len(name) > 1 && name[0] == '#' {
		r, ok = s.character(name[1:])
	}
	if !ok {
		return s.fail("unknown reference")
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	s.pos += n + 2
	return nil
}

var entities = map[string]rune{"lt": '<', "gt": '>', "amp": '&', "apos": '\'', "quot": '"'}

// character decodes the number of a character reference.
func (s *scanner) character(digits string) (rune, bool) {
	base := 10
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	if n < 0x20 && textClasses[n] == controlByte && !s.lenient {
		return 0, false
	}
	return rune(n), true
}

// tag returns the next tag. Only white space, comments and processing instructions may stand before it.
func (s *scanner) tag() (tag, error) {
	if err := s.blank(); err != nil {
		return tag{}, err
	}
	if s.pos >= len(s.buf) {
		return tag{}, s.fail("unexpected end")
	}
	rest := s.buf[s.pos+1:] // blank stops at '<' only
	kind := openTag
	if len(rest) > 0 && rest[0] == '/' {
		kind, rest = closeTag, rest[1:]
	}
	n := 0
	for n < len(rest) && nameBytes[rest[n]] {
		n++
	}
	name := rest[:n]
	s.pos = len(s.buf) - len(rest) + n
	if n == 0 {
		return tag{}, s.fail("tag without name")
	}
	if prefix := bytes.IndexByte(name, ':'); prefix >= 0 {
		name = name[prefix+1:]
	}
	if n < len(rest) && rest[n] == '>' { // nearly always
		s.pos++
		return tag{kind, name}, nil
	}
	return s.attributes(tag{kind, name})
}

// blank passes over what means nothing between tags and stops at the next tag or at the end.
func (s *scanner) blank() error {
	for s.space() {
		if s.buf[s.pos] != '<' || s.has("<![") {
			return s.fail("text where a tag should be")
		}
		if passed, err := s.markup(); err != nil || !passed {
			return err
		}
	}
	return nil
}

// space passes over white space, and returns whether anything is left.
func (s *scanner) space() bool {
	for s.pos < len(s.buf) && isSpace(s.buf[s.pos]) {
		s.pos++
	}
	return s.pos < len(s.buf)
}

// attributes passes over the rest of a tag behind its name.
func (s *scanner) attributes(t tag) (tag, error) {
	for {
		s.space()
		switch {
		case s.has(">"):
			s.pos++
			return t, nil
		case t.kind == openTag && s.has("/>"):
			s.pos += 2
			t.kind = emptyTag
			return t, nil
		case t.kind == closeTag:
			return t, s.fail("unclosed tag")
		}
		for s.pos < len(s.buf) && nameBytes[s.buf[s.pos]] && s.buf[s.pos] != '=' {
			s.pos++
		}
		if !s.has(`="`) && !s.has(`='`) {
			return t, s.fail("attribute without value")
		}
		n := bytes.IndexByte(s.buf[s.pos+2:], s.buf[s.pos+1])
		if n < 0 {
			return t, s.fail("unclosed attribute")
		}
		s.pos += n + 3
	}
}

// closing takes the closing tag of the named element.
func (s *scanner) closing(name string) error {
	s.space()
	if end := s.pos + len("</>") + len(name); end <= len(s.buf) && s.buf[end-1] == '>' && string(s.buf[s.pos+2:end-1]) == name && s.has("</") {
		s.pos = end // nearly always
		return nil
	}
	t, err := s.tag()
	if err != nil {
		return err
	}
	if t.kind != closeTag || string(t.name) != name {
		return s.fail("</" + name + "> expected")
	}
	return nil
}

// end checks that nothing but white space is left.
func (s *scanner) end() error {
	if err := s.blank(); err != nil {
		return err
	}
	if s.pos < len(s.buf) {
		return s.fail("text behind the document")
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// nameBytes tells which bytes a name may consist of: all but those that end it.
var nameBytes = func() (in [256]bool) {
	for c := ' ' + 1; c < 256; c++ {
		in[c] = c != '>' && c != '/' && c != '<'
	}
	return in
}()
