package rules

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Load reads rules files in the given order. The Set is nil when a Problem that is more than a warning was found in any
// of them: as in Supvisors, no file is applied then. Of applications with the same name, and programs with the same name in an
// application, the first is used; of patterns, models and aliases the last.
func Load(paths []string) (*Set, []Problem) { return LoadWith(paths, nil) }

// LoadWith is Load with another way to read files, if one is given, such as one that refuses what nobody trusted has signed.
func LoadWith(paths []string, read func(path string) ([]byte, error)) (*Set, []Problem) {
	if read == nil {
		read = os.ReadFile
	}
	l := newLoader()
	for _, path := range paths {
		data, err := read(path)
		if err != nil {
			l.problems = append(l.problems, Problem{File: path, Text: err.Error()})
			continue
		}
		l.read(path, data)
	}
	return l.finish()
}

// Parse reads one rules file from memory; name stands for it in Problems. The results are those of Load.
func Parse(name string, data []byte) (*Set, []Problem) {
	l := newLoader()
	l.read(name, data)
	return l.finish()
}

// loader fills a Set file by file.
type loader struct {
	set      *Set
	problems []Problem
}

func newLoader() *loader {
	return &loader{set: &Set{applications: map[string]*application{}, models: map[string]*program{}}}
}

func (l *loader) read(file string, data []byte) {
	root, problem := parseTree(file, data)
	if problem != nil {
		l.problems = append(l.problems, *problem)
		return
	}
	if root.name != "root" || root.space != "" {
		l.wrong(root, "the root element is called root")
		return
	}
	l.checkAttributes(root)
	l.checkNoText(root)
	for _, e := range root.children {
		switch {
		case e.space == "" && e.name == "alias":
			l.readAlias(e)
		case e.space == "" && e.name == "model":
			l.readModel(e)
		case e.space == "" && e.name == "application":
			l.readApplication(e)
		default:
			l.wrong(e, "unknown element, expected alias, model or application")
		}
	}
}

func (l *loader) readAlias(e *element) {
	l.checkAttributes(e, "name")
	l.checkNoChildren(e)
	name, ok := e.attr("name")
	if !ok {
		l.wrong(e, "the attribute name is missing")
		return
	}
	text := e.text.String()
	if text == "" {
		l.warn(e, "an empty alias is ignored")
		return
	}
	a := alias{element: e, name: name, names: splitNames(text)}
	for i, old := range l.set.aliases {
		if old.name == name {
			l.warn(e, "replaces the alias at %s", old.element.place())
			l.set.aliases[i] = a
			return
		}
	}
	l.set.aliases = append(l.set.aliases, a)
}

func (l *loader) readModel(e *element) {
	m := l.readProgram(e)
	if m.match != nil {
		l.warn(e, "the pattern of a model is ignored")
	}
	if m.name == "" {
		l.warn(e, "a model without a name is never used")
		return
	}
	l.set.modelled = append(l.set.modelled, m)
	if old := l.set.models[m.name]; old != nil {
		l.warn(e, "replaces the model at %s", old.element.place())
	}
	l.set.models[m.name] = m
}

func (l *loader) readApplication(e *element) {
	a := &application{key: l.readKey(e), programs: map[string]*program{}}
	var seen []string
	for _, child := range e.children {
		seen = l.checkOnce(child, seen)
		if child.space == "" && child.name == "programs" {
			l.readPrograms(child, a)
		} else {
			a.set = readField(l, child, applicationFields, a.set)
		}
	}
	l.set.all = append(l.set.all, a)
	if a.unreachable() {
		l.warn(e, "an application without a name or a pattern is never used")
	}
	if a.name != "" {
		addNamed(l, l.set.applications, &a.key, a)
	}
	if a.match != nil {
		l.set.patterns = addPattern(l, l.set.patterns, a)
	}
}

func (l *loader) readPrograms(e *element, a *application) {
	l.checkAttributes(e)
	l.checkNoText(e)
	for _, child := range e.children {
		if child.space != "" || child.name != "program" {
			l.wrong(child, "unknown element, expected program")
			continue
		}
		p := l.readProgram(child)
		a.all = append(a.all, p)
		if p.unreachable() {
			l.warn(child, "a program without a name or a pattern is never used")
		}
		if p.name != "" {
			addNamed(l, a.programs, &p.key, p)
		}
		if p.match != nil {
			a.patterns = addPattern(l, a.patterns, p)
		}
	}
}

// readProgram reads a program element or a model, which have the same content.
func (l *loader) readProgram(e *element) *program {
	p := &program{key: l.readKey(e)}
	var seen []string
	for _, child := range e.children {
		seen = l.checkOnce(child, seen)
		if child.space == "" && child.name == "reference" {
			l.checkAttributes(child)
			l.checkNoChildren(child)
			p.reference = strings.TrimSpace(child.text.String())
		} else {
			p.set = readField(l, child, programFields, p.set)
		}
	}
	return p
}

// readKey reads the attributes of an element that is found by name or by pattern.
func (l *loader) readKey(e *element) key {
	l.checkAttributes(e, "name", "pattern")
	l.checkNoText(e)
	k := key{element: e}
	k.name, _ = e.attr("name")
	text, ok := e.attr("pattern")
	if !ok {
		return k
	}
	match, err := compileKey(text)
	if err != nil {
		l.wrong(e, "the pattern is no regular expression: %v", err)
	}
	k.pattern, k.match = text, match
	return k
}

// readField appends the setter of an element to those of its rule.
func readField[T any](l *loader, e *element, fields []field[T], set []setting[T]) []setting[T] {
	i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == e.name && e.space == "" })
	if i < 0 {
		l.wrong(e, "unknown element")
		return set
	}
	l.checkAttributes(e)
	l.checkNoChildren(e)
	setter, err := fields[i].read(e.text.String())
	switch {
	case errors.Is(err, errIgnored):
		l.warn(e, "%v", err)
	case err != nil:
		l.wrong(e, "%v", err)
	default:
		set = append(set, setting[T]{e, setter})
	}
	return set
}

func addNamed[E any](l *loader, named map[string]E, k *key, e E) {
	if _, taken := named[k.name]; taken {
		l.warn(k.element, "the name is already used before: the first element is used")
		return
	}
	named[k.name] = e
}

// addPattern puts an element in the place of the one with the same pattern, if there is one.
func addPattern[E interface{ self() *key }](l *loader, list []E, e E) []E {
	for i, old := range list {
		if old.self().pattern == e.self().pattern {
			l.warn(e.self().element, "replaces the same pattern at %s", old.self().element.place())
			list[i] = e
			return list
		}
	}
	return append(list, e)
}

func (k *key) self() *key { return k }

// schemaHints are the attributes of every element that tell editors where the schema is.
var schemaHints = []xml.Name{
	{Space: "http://www.w3.org/2001/XMLSchema-instance", Local: "noNamespaceSchemaLocation"},
	{Space: "http://www.w3.org/2001/XMLSchema-instance", Local: "schemaLocation"},
}

func (l *loader) checkAttributes(e *element, allowed ...string) {
	var seen []xml.Name
	for _, a := range e.attrs {
		declaration := a.Name.Space == "xmlns" || a.Name == xml.Name{Local: "xmlns"}
		switch {
		case slices.Contains(seen, a.Name):
			l.wrong(e, "the attribute %s is given twice", a.Name.Local)
		case declaration || slices.Contains(schemaHints, a.Name) || a.Name.Space == "" && slices.Contains(allowed, a.Name.Local):
		default:
			l.wrong(e, "unknown attribute %s", a.Name.Local)
		}
		seen = append(seen, a.Name)
	}
}

func (l *loader) checkNoText(e *element) {
	if strings.TrimSpace(e.text.String()) != "" {
		l.wrong(e, "text between the elements")
	}
}

func (l *loader) checkNoChildren(e *element) {
	for _, child := range e.children {
		l.wrong(child, "no element is allowed here")
	}
}

func (l *loader) checkOnce(e *element, seen []string) []string {
	if slices.Contains(seen, e.name) {
		l.wrong(e, "the element is given twice")
	}
	return append(seen, e.name)
}

func (l *loader) wrong(e *element, format string, args ...any) { l.add(e, false, format, args...) }

func (l *loader) warn(e *element, format string, args ...any) { l.add(e, true, format, args...) }

func (l *loader) add(e *element, warning bool, format string, args ...any) {
	l.problems = append(l.problems, Problem{File: e.file, Line: e.line, Column: e.column, Element: e.path(),
		Text: fmt.Sprintf(format, args...), Warning: warning})
}
