package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// Load reads the configuration file and what it includes. The flags override the file. The error is an *Error with every
// problem.
func Load(path string, flags Flags) (*Config, error) { return LoadWith(path, flags, nil) }

// LoadWith is Load with another way to read configuration files, if one is given, such as one that refuses what nobody trusted has
// signed. Its *fs.PathError is treated as that of the system: an included file is left out with a warning. Any other error is a problem.
func LoadWith(path string, flags Flags, read func(path string) ([]byte, error)) (*Config, error) {
	l, err := newLoader(path, flags)
	if err == nil {
		l.doc, err = ini.LoadWith(path, l.global(), read)
	}
	if err != nil {
		return nil, &Error{Problems: fileProblems(path, err)}
	}
	return l.load()
}

func newLoader(path string, flags Flags) (*loader, error) {
	here, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("could not read config file %s: %w", path, err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find the name of the host: %w", err)
	}
	l := &loader{path: path, here: here, host: host, environ: ini.EnvVars(os.Environ()), flags: flags}
	l.begin()
	return l, nil
}

// load makes a Config of the document, section by section in the order in which Supervisor looks at them.
func (l *loader) load() (*Config, error) {
	c := &Config{Path: l.path, Here: l.here, Included: l.doc.Included, source: l.source()}
	l.skipped()
	if !l.doc.Has("supervisord") {
		l.fail(Problem{Pos: ini.Position{File: l.path}, Text: ".ini file does not include supervisord section"})
		return nil, &Error{Problems: l.problems, Warnings: l.warnings}
	}
	c.Supervisord = l.supervisord()
	c.Groups = l.groups(c.Supervisord.Environment)
	c.Inet, c.Unix = l.servers()
	l.applyFlags(&c.Supervisord)
	c.ServerURL = serverURL(c.Inet, c.Unix)
	resolveServerURL(c.Groups, c.ServerURL)
	c.Ctl = l.ctl()
	c.Supvisors = l.supvisors(c.Inet)
	c.Rest = l.rest(c.Inet)
	if serves(c.Rest, "device") {
		c.Device = l.device()
	}
	if serves(c.Rest, "agent") {
		c.Agent = l.agent()
	}
	l.unknown()
	if l.problems != nil {
		return nil, &Error{Problems: l.problems, Warnings: l.warnings}
	}
	c.Warnings = l.warnings
	return c, nil
}

// skipped warns of what [include] names in vain, in Supervisor's words.
func (l *loader) skipped() {
	for _, s := range l.doc.Skipped {
		text := fmt.Sprintf(`No file matches via include "%s"`, s.Path)
		if s.Err != nil {
			text = fmt.Sprintf(`Included file "%s" cannot be read: %v`, s.Path, s.Err)
		}
		l.warn(Problem{s.Pos, "include", "files", text})
	}
}

// fileProblems gives each file that could not be read, and each line that could not be understood, its problem. The first one
// has the text of Python's parser for the whole file.
func fileProblems(path string, err error) []Problem {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Problem
		for _, e := range joined.Unwrap() {
			all = append(all, fileProblems(path, e)...)
		}
		return all
	}
	var syntax *ini.SyntaxError
	if errors.As(err, &syntax) {
		var all []Problem
		for i, bad := range syntax.Lines {
			text := "not a section and not an option: " + ini.Repr(strings.TrimRight(bad.Text, "\n"))
			if i == 0 {
				text = syntax.Error()
			}
			all = append(all, Problem{Pos: ini.Position{File: syntax.File, Line: bad.Line}, Text: text})
		}
		return all
	}
	var include *ini.IncludeError
	if errors.As(err, &include) {
		return []Problem{{Pos: include.Pos, Section: "include", Text: include.Error()}}
	}
	return []Problem{{Pos: ini.Position{File: path}, Text: err.Error()}}
}

// ProgramSection returns where the section of a program is; the zero value when there is none.
func (c *Config) ProgramSection(program string) ini.Position {
	if c.source == nil { // it was not read
		return ini.Position{}
	}
	for _, kind := range kindNames {
		if pos := c.source.packed.Header(kind + ":" + program); pos != (ini.Position{}) {
			return pos
		}
	}
	return ini.Position{}
}

// WithNumprocs returns the configuration as it is when the program's section says numprocs=n.
func (c *Config) WithNumprocs(program string, n int) (*Config, error) {
	l := c.source.again()
	for _, kind := range kindNames {
		if section := kind + ":" + program; l.doc.Has(section) {
			l.doc = l.doc.With(section, "numprocs", fmt.Sprint(n))
			return l.load()
		}
	}
	return nil, fmt.Errorf("set numprocs of %s: no such program", program)
}
