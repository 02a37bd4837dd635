package config

import (
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

const (
	ctlSection   = "supervisorctl"
	ctlServerURL = "http://localhost:9001"
	ctlPrompt    = "supervisor"
)

// ctlPlugin is the section that brings the commands for a cluster.
const ctlPlugin = "ctlplugin:supvisors"

// Ctl is the [supervisorctl] section.
type Ctl struct {
	ServerURL          string
	Username, Password string // "" when not given
	Prompt             string
	HistoryFile        string // absolute; "" keeps no history
	Supvisors          bool   // there is a [ctlplugin:supvisors]; of LoadCtl alone
}

// LoadCtl reads what supervisorctl wants of a configuration file. Nothing but the [supervisorctl] section is looked at, and
// [include] is not followed, as in Supervisor. Without a path the result is the defaults. The error is an *Error.
func LoadCtl(path string) (*Ctl, error) {
	if path == "" {
		return &Ctl{ServerURL: ctlServerURL, Prompt: ctlPrompt}, nil
	}
	l, err := newLoader(path, Flags{})
	if err == nil {
		l.doc, err = ini.LoadOne(path, func(section string) bool { return section == ctlSection || section == ctlPlugin })
	}
	if err != nil {
		return nil, &Error{Problems: fileProblems(path, err)}
	}
	if !l.doc.Has(ctlSection) {
		l.fail(Problem{Pos: ini.Position{File: path}, Text: ".ini file does not include supervisorctl section"})
		return nil, &Error{Problems: l.problems}
	}
	c := l.readCtl()
	c.Supvisors = l.doc.Has(ctlPlugin)
	if l.problems != nil {
		return nil, &Error{Problems: l.problems}
	}
	return c, nil
}

func (l *loader) readCtl() *Ctl {
	s := l.section(ctlSection, ini.Vars{"host_node_name": l.host})
	return &Ctl{
		ServerURL:   get(s, "serverurl", ctlServerURL, normalizeURL),
		Username:    s.text("username", ""),
		Password:    s.text("password", ""),
		Prompt:      s.text("prompt", ctlPrompt),
		HistoryFile: get(s, "history_file", "", normalizeFile),
	}
}

// ctl reads the section for the daemon, which starts whatever is in it.
func (l *loader) ctl() *Ctl {
	if !l.doc.Has(ctlSection) {
		return nil
	}
	before := len(l.problems)
	c := l.readCtl()
	for _, p := range l.problems[before:] {
		l.warn(p)
		c = nil
	}
	l.problems = l.problems[:before]
	return c
}

// normalizeURL makes the path of a unix:// address absolute.
func normalizeURL(s string) (string, error) {
	path, ok := strings.CutPrefix(s, "unix://")
	if !ok {
		return s, nil
	}
	path, err := ini.Normalize(path)
	return "unix://" + path, err
}

func normalizeFile(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	return ini.Normalize(s)
}
