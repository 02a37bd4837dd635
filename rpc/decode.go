package rpc

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDepth is how deep arrays and structs may lie in each other, in both directions.
const maxDepth = 100

// DecodeCall reads a request. It is as strict as Supervisor's parser: an unreadable document and a missing or empty method
// name are errors (a *SyntaxError), missing <params> are no parameters.
func DecodeCall(body []byte) (method string, params []any, err error) {
	if !utf8.Valid(body) {
		return "", nil, &SyntaxError{Reason: "not UTF-8"}
	}
	s := newScanner(body)
	if err := s.root("methodCall"); err != nil {
		return "", nil, err
	}
	for {
		t, err := s.tag()
		switch {
		case err != nil:
			return "", nil, err
		case t.is("methodName") && method == "":
			text, err := s.scalar(t)
			if err != nil {
				return "", nil, err
			}
			method = string(bytes.TrimSpace(text))
		case t.is("params") && params == nil:
			if params, err = s.params(t); err != nil {
				return "", nil, err
			}
		case t.kind == closeTag && string(t.name) == "methodCall":
			if method == "" {
				return "", nil, s.fail("no method name")
			}
			if params == nil { // a call without <params> is one with none in it
				params = []any{}
			}
			return method, params, s.end()
		default:
			return "", nil, s.fail("unexpected <" + string(t.name) + ">")
		}
	}
}

// DecodeReply reads a response. A fault comes back as a *Fault error. Replies may hold what only a broken server sends,
// control characters and invalid UTF-8: the first are kept, the second becomes U+FFFD. A reply without value is nil.
func DecodeReply(body []byte) (any, error) {
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	s := newScanner(body)
	s.lenient = true
	if err := s.root("methodResponse"); err != nil {
		return nil, err
	}
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	var value any
	switch {
	case t.is("params"):
		params, err := s.params(t)
		if err != nil {
			return nil, err
		}
		if len(params) > 1 {
			return nil, s.fail("more than one value")
		}
		if len(params) == 1 {
			value = params[0]
		}
	case t.is("fault") && t.kind == openTag:
		if value, err = s.element("fault", 0); err != nil {
			return nil, err
		}
	default:
		return nil, s.fail("<params> or <fault> expected")
	}
	if err := s.closing("methodResponse"); err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	if t.is("fault") {
		return nil, s.fault(value)
	}
	return value, nil
}

// fault turns the value of a <fault> into the error that it stands for.
func (s *scanner) fault(value any) error {
	members, _ := value.(Map)
	code, _ := members.Get("faultCode")
	text, _ := members.Get("faultString")
	n, isInt := code.(int)
	str, isString := text.(string)
	if !isInt || !isString {
		return s.fail("fault without code or text")
	}
	return &Fault{Code: n, Text: str}
}

func newScanner(body []byte) *scanner {
	return &scanner{buf: bytes.TrimPrefix(body, []byte("\uFEFF")), names: map[string]string{}}
}

// root takes the opening tag of the document.
func (s *scanner) root(name string) error {
	t, err := s.tag()
	if err != nil {
		return err
	}
	if !t.is(name) || t.kind == emptyTag {
		return s.fail("<" + name + "> expected")
	}
	return nil
}

// params reads the values in <params>; the result is not nil.
func (s *scanner) params(t tag) ([]any, error) {
	params := []any{}
	if t.kind == emptyTag {
		return params, nil
	}
	for {
		t, err := s.tag()
		if err != nil {
			return nil, err
		}
		if t.kind == closeTag && string(t.name) == "params" {
			return params, nil
		}
		if !t.is("param") || t.kind == emptyTag {
			return nil, s.fail("<param> with a value expected")
		}
		value, err := s.element("param", 0)
		if err != nil {
			return nil, err
		}
		params = append(params, value)
	}
}

// element reads the one <value> in an element whose opening tag is taken, and its closing tag.
func (s *scanner) element(name string, depth int) (any, error) {
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	if !t.is("value") {
		return nil, s.fail("<value> expected")
	}
	value, err := s.value(t, depth)
	if err != nil {
		return nil, err
	}
	return value, s.closing(name)
}

// value reads what stands in <value>: one typed element, or text that is a string as it stands.
func (s *scanner) value(t tag, depth int) (any, error) {
	if t.kind == emptyTag {
		return "", nil
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.has("</") {
		str := string(text)
		return str, s.closing("value")
	}
	if len(bytes.TrimSpace(text)) > 0 {
		return nil, s.fail("text beside a typed value")
	}
	if t, err = s.tag(); err != nil {
		return nil, err
	}
	value, err := s.typed(t, depth)
	if err != nil {
		return nil, err
	}
	return value, s.closing("value")
}

// typed reads one typed element whose opening tag is t.
func (s *scanner) typed(t tag, depth int) (any, error) {
	switch string(t.name) {
	case "array":
		return s.array(t, depth+1)
	case "struct":
		return s.members(t, depth+1)
	}
	text, err := s.scalar(t)
	if err != nil {
		return nil, err
	}
	if string(t.name) == "string" {
		return string(text), nil
	}
	value, err := convert(string(t.name), string(text))
	if err != nil {
		return nil, s.fail(err.Error())
	}
	return value, nil
}

// scalar reads the text of an element without children. It is valid until the next text.
func (s *scanner) scalar(t tag) ([]byte, error) {
	if t.kind == emptyTag {
		return nil, nil
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	return text, s.closing(string(t.name))
}

// array reads <array>: its one <data> may be missing.
func (s *scanner) array(t tag, depth int) (any, error) {
	values := []any{}
	if depth > maxDepth {
		return nil, s.fail("nested too deep")
	}
	if t.kind == emptyTag {
		return values, nil
	}
	t, err := s.tag()
	if err != nil {
		return nil, err
	}
	if t.kind == closeTag && string(t.name) == "array" {
		return values, nil
	}
	if !t.is("data") {
		return nil, s.fail("<data> expected")
	}
	for t.kind == openTag { // an empty <data/> has no values
		v, err := s.tag()
		if err != nil {
			return nil, err
		}
		if v.kind == closeTag && string(v.name) == "data" {
			break
		}
		if !v.is("value") {
			return nil, s.fail("<value> expected")
		}
		value, err := s.value(v, depth)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, s.closing("array")
}

// members reads <struct>.
func (s *scanner) members(t tag, depth int) (any, error) {
	members := make(Map, 0, min(len(s.last), maxWidth))
	if depth > maxDepth {
		return nil, s.fail("nested too deep")
	}
	if t.kind == emptyTag {
		return members, nil
	}
	for {
		t, err := s.tag()
		if err != nil {
			return nil, err
		}
		if t.kind == closeTag && string(t.name) == "struct" {
			s.last = members
			return members, nil
		}
		if !t.is("member") || t.kind == emptyTag {
			return nil, s.fail("<member> expected")
		}
		if t, err = s.tag(); err != nil {
			return nil, err
		}
		if !t.is("name") {
			return nil, s.fail("<name> expected")
		}
		text, err := s.scalar(t)
		if err != nil {
			return nil, err
		}
		name := s.intern(text, len(members))
		value, err := s.element("member", depth)
		if err != nil {
			return nil, err
		}
		members = append(members, Member{name, value})
	}
}

// maxWidth limits the room that is made for members before they are there: whoever writes one large struct must not get it many times.
const maxWidth = 64

// maxNames limits what is remembered of the member names of a document.
const maxNames = 256

// intern returns the name of the member at an index as a string, one string for all members of the same name.
func (s *scanner) intern(text []byte, at int) string {
	if at < len(s.last) && s.last[at].Name == string(text) { // nearly always
		return s.last[at].Name
	}
	if name, ok := s.names[string(text)]; ok {
		return name
	}
	name := string(text)
	if len(s.names) < maxNames {
		s.names[name] = name
	}
	return name
}

// conversionError tells that a text is not of its type.
type conversionError struct{ typeName string }

func (e conversionError) Error() string { return "bad <" + e.typeName + ">" }

// convert makes the value of a scalar element other than a string from its text. Integers are as large as an int, white space around numbers
// means nothing.
func convert(typeName, text string) (any, error) {
	var value any
	var err error
	switch typeName {
	case "int", "i4", "i8", "i1", "i2", "biginteger":
		value, err = strconv.Atoi(strings.TrimSpace(text))
	case "boolean":
		value, err = parseBool(strings.TrimSpace(text))
	case "double", "float":
		value, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
	case "base64":
		value, err = base64.StdEncoding.DecodeString(strings.Map(dropSpace, text))
	case "dateTime.iso8601":
		value, err = parseTime(strings.TrimSpace(text))
	case "nil":
		if text != "" {
			err = conversionError{typeName}
		}
	default:
		return nil, conversionError{typeName}
	}
	if err != nil {
		return nil, conversionError{typeName}
	}
	return value, nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, conversionError{"boolean"}
}

func dropSpace(r rune) rune {
	if r < utf8.RuneSelf && isSpace(byte(r)) {
		return -1
	}
	return r
}

// timeLayouts are the forms of a dateTime.iso8601. The first is the one of the XML-RPC specification and the one written here.
var timeLayouts = []string{
	"20060102T15:04:05", "20060102T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "20060102T150405",
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, conversionError{"dateTime.iso8601"}
}
