package rules

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

// element is an XML element with its place in the file.
type element struct {
	file         string
	line, column int
	parent       *element // nil for the root
	space, name  string
	attrs        []xml.Attr
	text         strings.Builder // of the element itself, comments left out
	children     []*element
}

// path returns the XPath of the element.
func (e *element) path() string {
	step := "/" + e.name
	for _, a := range e.attrs {
		if a.Name.Local == "name" || a.Name.Local == "pattern" {
			step += fmt.Sprintf("[@%s=%q]", a.Name.Local, a.Value)
			break
		}
	}
	if e.parent == nil {
		return step
	}
	return e.parent.path() + step
}

// attr returns the value of an attribute and whether it is there.
func (e *element) attr(name string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

func (e *element) place() string { return fmt.Sprintf("%s:%d:%d", e.file, e.line, e.column) }

// parseTree reads a whole XML document. The Problem is nil when it is well-formed.
func parseTree(file string, data []byte) (*element, *Problem) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	decoder := xml.NewDecoder(bytes.NewReader(data))
	decoder.CharsetReader = charsetReader
	var root, current *element
	for {
		line, column := decoder.InputPos()
		tok, err := decoder.Token()
		if err == nil {
			switch tok := tok.(type) {
			case xml.StartElement:
				e := &element{file: file, line: line, column: column, parent: current, space: tok.Name.Space,
					name: tok.Name.Local, attrs: tok.Copy().Attr}
				switch {
				case current != nil:
					current.children = append(current.children, e)
				case root == nil:
					root = e
				default:
					err = fmt.Errorf("second root element <%s>", e.name)
				}
				current = e
			case xml.EndElement:
				current = current.parent
			case xml.CharData:
				switch {
				case current != nil:
					current.text.Write(tok)
				case len(bytes.TrimSpace(tok)) > 0:
					err = errors.New("text outside of the root element")
				}
			case xml.Directive:
				decoder.Entity = entities(tok)
			case xml.ProcInst:
				if tok.Target == "xml" && (line != 1 || column != 1) {
					err = errors.New("the XML declaration is not at the start of the file")
				}
			}
		}
		if err == io.EOF && root != nil {
			return root, nil
		}
		if err != nil {
			return nil, malformed(file, line, column, decoder, err)
		}
	}
}

// entityText finds the entities of a document type that stand for plain text.
var entityText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`<!ENTITY\s+([\pL_][\pL\pN_.-]*)\s+(?:"([^"&%<]*)"|'([^'&%<]*)')\s*>`)
})

// entities returns the entities that a document type declares. One for anything but plain text stays unknown.
func entities(doctype []byte) map[string]string {
	known := map[string]string{}
	for _, m := range entityText().FindAllSubmatch(doctype, -1) {
		if _, first := known[string(m[1])]; !first {
			known[string(m[1])] = string(m[2]) + string(m[3])
		}
	}
	return known
}

// malformed describes a file that is not XML; line and column are where the last token began.
func malformed(file string, line, column int, decoder *xml.Decoder, err error) *Problem {
	var syntax *xml.SyntaxError
	switch {
	case err == io.EOF:
		err = errors.New("no root element")
	case errors.As(err, &syntax):
		line, column = decoder.InputPos()
		column = max(column, 1) // it is below 1 when the decoder has put a line feed back
		err = errors.New(syntax.Msg)
	}
	return &Problem{File: file, Line: line, Column: column, Text: "malformed XML: " + err.Error()}
}

// charsetReader knows the encodings beside UTF-8 that old rules files are found in.
func charsetReader(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "us-ascii", "ascii":
		return input, nil
	case "iso-8859-1", "latin1", "latin-1":
		data, err := io.ReadAll(input)
		var text strings.Builder
		for _, b := range data {
			text.WriteRune(rune(b))
		}
		return strings.NewReader(text.String()), err
	}
	return nil, fmt.Errorf("encoding %q is not supported", charset)
}
