package config

import (
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
)

// silent are sections that belong to Supervisor's plugins: their options are not ours to judge.
var silent = []string{"ctlplugin:", "rpcinterface:supervisor"}

// unknown warns of sections and options that nobody asked for. Supervisor ignores them without a word, spelling mistakes too.
func (l *loader) unknown() {
	if l.doc.Has("include") {
		l.section("include", nil).lookup("files")
	}
	for _, name := range l.doc.Sections() {
		if slices.ContainsFunc(silent, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		used, known := l.used[name]
		switch {
		case strings.HasPrefix(name, "rpcinterface:") && !known:
			l.warn(Problem{Pos: l.doc.Header(name), Section: name, Text: "this extension is not known and ignored"})
			continue
		case (name == "device" || name == "agent") && !known:
			l.warn(Problem{Pos: l.doc.Header(name), Section: name, Text: "no [rest] section has " + name + " in its apis: the section has no effect"})
			continue
		case !known:
			l.warn(Problem{Pos: l.doc.Header(name), Section: name, Text: "unknown section"})
			continue
		}
		for _, key := range l.doc.Keys(name) {
			v, _ := l.doc.Lookup(name, key)
			if !used[key] && !l.fromDefault(key, v.Pos) {
				l.warn(Problem{v.Pos, name, key, "unknown option"})
			}
		}
	}
}

// fromDefault reports whether the option came into a section from [DEFAULT].
func (l *loader) fromDefault(key string, pos ini.Position) bool {
	return slices.Contains(l.doc.Keys("DEFAULT"), key) && l.doc.Default(key).Pos == pos
}
