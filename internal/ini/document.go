package ini

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gopkg.in/ini.v1"
)

// defaultSection is the section whose options show through in all others.
const defaultSection = "DEFAULT"

// Document is what one configuration file and those it includes say. Later files add to the sections of earlier ones and
// replace their options.
type Document struct {
	file     *ini.File // read with Key.Value() only: its other readers expand by themselves and can loop
	headers  map[string]Position
	places   map[place]Position
	only     func(section string) bool // what is kept; nil for everything
	Included []string                  // files read because of [include], in order
	Skipped  []Skipped                 // include patterns without a file, files that could not be read
}

type place struct{ section, key string }

// Skipped is something [include] names that was not read.
type Skipped struct {
	Path string   // the pattern or the file
	Pos  Position // of the files= option
	Err  error    // why the file could not be read; nil when the pattern matches no file
}

func newDocument() *Document {
	// No section name contains a NUL, so no section inherits from another one whose name is its prefix. addSection sees to it that
	// sections are unique; ini.v1 would compare each new name with all others.
	return &Document{
		file:    ini.Empty(ini.LoadOptions{ChildSectionDelimiter: "\x00", AllowNonUniqueSections: true}),
		headers: map[string]Position{},
		places:  map[place]Position{},
	}
}

// Parse reads one text; [include] is not followed. The name stands for the file in positions and errors. A text with bad lines
// gives a *SyntaxError.
func Parse(name, text string) (*Document, error) {
	d := newDocument()
	if err := d.add(name, text); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Document) add(name, text string) error {
	if at := invalid(text); at >= 0 {
		return fmt.Errorf("'utf-8' codec can't decode byte 0x%02x in position %d (file: %s, line: %d)",
			text[at], at, Repr(name), 1+strings.Count(text[:at], "\n"))
	}
	return lex(d, name, text)
}

// invalid returns where the text is not UTF-8, -1 when it is.
func invalid(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	at := 0
	for r, size := utf8.DecodeRuneInString(text); r != utf8.RuneError || size != 1; r, size = utf8.DecodeRuneInString(text[at:]) {
		at += size
	}
	return at
}

func (d *Document) addSection(name string, pos Position) {
	if _, known := d.headers[name]; known {
		return
	}
	d.headers[name] = pos
	if _, err := d.file.NewSection(name); err != nil {
		panic(err) // only for an empty name, which is no header
	}
}

// keeps reports whether a section is wanted. [DEFAULT] always is.
func (d *Document) keeps(section string) bool {
	return d.only == nil || section == defaultSection || d.only(section)
}

func (d *Document) set(section, key, text string, pos Position) {
	if _, err := d.file.Section(section).NewKey(key, text); err != nil {
		panic(err) // only for an empty key, which is a bad line
	}
	d.places[place{section, key}] = pos
}

// Sections returns the names of the sections in the order of their first headers, without [DEFAULT].
func (d *Document) Sections() []string {
	var names []string
	for _, name := range d.file.SectionStrings() {
		if name != defaultSection {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether there is a section of that name. [DEFAULT] is none.
func (d *Document) Has(section string) bool {
	_, ok := d.headers[section]
	return ok && section != defaultSection
}

// Header returns the position of the first header of the section.
func (d *Document) Header(section string) Position { return d.headers[section] }

// Keys returns the options of the section itself, in the order of the file, with those of [DEFAULT] left out.
func (d *Document) Keys(section string) []string {
	if _, ok := d.headers[section]; !ok {
		return nil
	}
	return d.file.Section(section).KeyStrings()
}

// Lookup returns the value of an option, which may come from [DEFAULT].
func (d *Document) Lookup(section, key string) (Value, bool) {
	for _, name := range []string{section, defaultSection} {
		if pos, ok := d.places[place{name, key}]; ok && d.Has(section) {
			return Value{d.file.Section(name).Key(key).Value(), pos}, true
		}
	}
	return Value{}, false
}

// Default returns the value of an option of [DEFAULT] itself.
func (d *Document) Default(key string) Value {
	pos, ok := d.places[place{defaultSection, key}]
	if !ok {
		return Value{}
	}
	return Value{d.file.Section(defaultSection).Key(key).Value(), pos}
}

// With returns a copy of the document in which one option of an existing section has another value.
func (d *Document) With(section, key, text string) *Document {
	clone := d.Pack().Unpack()
	clone.set(section, key, text, d.headers[section])
	return clone
}

// expandHere replaces %(here)s in all values that are known so far. Supervisor does it after each file it includes, with the
// directory of that file, and so gives %(here)s of a value the directory of its own file. An option of [DEFAULT] becomes one of
// each section in the course of it.
func (d *Document) expandHere(here string) {
	const format = "%(here)s"
	for _, section := range d.Sections() {
		for _, owner := range []string{defaultSection, section} {
			for _, key := range d.Keys(owner) {
				if v, ok := d.Lookup(section, key); ok && strings.Contains(v.Text, format) {
					d.set(section, key, strings.ReplaceAll(v.Text, format, here), v.Pos)
				}
			}
		}
	}
}
