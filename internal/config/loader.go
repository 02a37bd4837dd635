package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// loader is one reading of a configuration. It collects problems instead of stopping at the first one.
type loader struct {
	doc   *ini.Document
	path  string
	here  string
	host  string // host_node_name
	flags Flags

	environ ini.Vars // ENV_x of the daemon
	env     ini.Vars // and of [supervisord] environment once that is read

	problems []Problem
	warnings []Problem
	reported map[Problem]bool           // by place; several sections may look at one option
	used     map[string]map[string]bool // options of sections that somebody asked for, of those that there are
}

// source is what a configuration was read from.
type source struct {
	loader loader // without its document and without what it found
	packed *ini.Packed
}

// source returns what again needs.
func (l *loader) source() *source {
	return &source{loader{path: l.path, here: l.here, host: l.host, flags: l.flags, environ: l.environ}, l.doc.Pack()}
}

// again returns a loader that has not found anything yet.
func (s *source) again() *loader {
	l := s.loader
	l.doc = s.packed.Unpack()
	l.begin()
	return &l
}

// begin forgets what a former reading found.
func (l *loader) begin() {
	l.env = maps.Clone(l.environ)
	l.problems, l.warnings = nil, nil
	l.reported = map[Problem]bool{}
	l.used = map[string]map[string]bool{}
}

// global returns the expansions of [include] and of environments.
func (l *loader) global() ini.Vars {
	vars := ini.Vars{"here": l.here, "host_node_name": l.host}
	maps.Copy(vars, l.env)
	return vars
}

func (l *loader) fail(p Problem) {
	place := p
	if p.Key != "" {
		place.Text = "" // one problem per option is enough
	}
	if !l.reported[place] {
		l.reported[place] = true
		l.problems = append(l.problems, p)
	}
}

func (l *loader) warn(p Problem) {
	if !slices.Contains(l.warnings, p) {
		l.warnings = append(l.warnings, p)
	}
}

// section returns a reader of one section. vars are the expansions that hold there beside the environment and %(here)s.
func (l *loader) section(name string, vars ini.Vars) *section {
	s := &section{loader: l, name: name, vars: ini.Vars{"here": l.here}}
	maps.Copy(s.vars, vars)
	if l.used[name] == nil {
		l.used[name] = map[string]bool{}
	}
	return s
}

// named returns the sections whose names begin with the prefix, in the order of the file.
func (l *loader) named(prefix string) []string {
	return slices.DeleteFunc(l.doc.Sections(), func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

// section reads the options of one section. An option that is wrong becomes a problem and counts as not given.
type section struct {
	*loader
	name  string
	vars  ini.Vars // beside env
	tells bool     // each text about this section names it and its file, as Supervisor's do for programs
}

func (s *section) pos() ini.Position { return s.doc.Header(s.name) }

// lookup returns the text of an option, unexpanded.
func (s *section) lookup(key string) (ini.Value, bool) {
	v, ok := s.doc.Lookup(s.name, key)
	if ok {
		s.used[s.name][key] = true
	}
	return v, ok
}

// expand replaces the expansions in the text of an option.
func (s *section) expand(text, option string) (string, error) {
	return ini.Expand(text, option, s.vars, s.env)
}

// expanded returns the text of an option, expanded; ok is false when it is not given or wrong.
func (s *section) expanded(key string) (v ini.Value, ok bool) {
	if v, ok = s.lookup(key); !ok {
		return v, false
	}
	text, err := s.expand(v.Text, s.name+"."+key)
	if err != nil {
		s.failAt(v.Pos, key, err.Error())
		return v, false
	}
	v.Text = text
	return v, true
}

func (s *section) failAt(pos ini.Position, key, text string) {
	if s.tells {
		text += fmt.Sprintf(" in section %s (file: %s)", ini.Repr(s.name), ini.Repr(s.pos().File))
	}
	s.loader.fail(Problem{pos, s.name, key, text})
}

// fail reports what is wrong with the section as a whole.
func (s *section) fail(text string) { s.failAt(s.pos(), "", text) }

// text returns an option, or the default value.
func (s *section) text(key, value string) string { return get(s, key, value, plain) }

func plain(s string) (string, error) { return s, nil }

// get reads an option. When it is not given or wrong the result is the default value.
func get[T any](s *section, key string, value T, parse func(string) (T, error)) T {
	v, ok := s.expanded(key)
	if !ok {
		return value
	}
	parsed, err := parse(v.Text)
	if err != nil {
		s.failAt(v.Pos, key, err.Error())
		return value
	}
	return parsed
}

// try reads an option whose bad values Supvisors only logs: they become warnings and the default value holds.
func try[T any](s *section, key string, value T, parse func(string) (T, error)) T {
	v, ok := s.expanded(key)
	if !ok {
		return value
	}
	parsed, err := parse(v.Text)
	if err != nil {
		s.warn(Problem{v.Pos, s.name, key, err.Error()})
		return value
	}
	return parsed
}
