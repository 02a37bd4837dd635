package rules

import (
	"fmt"
	"maps"
	"slices"
)

// Unused returns a warning for each element that applies to none of the processes, given by application. Other nodes may have
// processes that it applies to.
func (s *Set) Unused(processes map[string][]string) []Problem {
	if s == nil {
		return nil
	}
	applications := map[*application][]string{} // the names that an element applies to
	for _, name := range slices.Sorted(maps.Keys(processes)) {
		if a := s.findApplication(name); a != nil {
			applications[a] = append(applications[a], name)
		}
	}
	var found []Problem
	for _, a := range s.all {
		names := applications[a]
		switch {
		case !s.reachable(a):
		case len(names) == 0:
			matched := a.match != nil && slices.ContainsFunc(slices.Collect(maps.Keys(processes)), a.match.Search)
			found = append(found, a.unused("group", matched))
		default:
			var all []string
			for _, name := range names {
				all = append(all, processes[name]...)
			}
			found = append(found, a.unusedPrograms(all)...)
		}
	}
	return found
}

// reachable reports whether look-ups can find the element: another one may have its name or its pattern.
func (s *Set) reachable(a *application) bool {
	return a.name != "" && s.applications[a.name] == a || slices.Contains(s.patterns, a)
}

// unusedPrograms is Unused for the programs of an element.
func (a *application) unusedPrograms(processes []string) []Problem {
	used := map[*program]bool{}
	for _, name := range processes {
		if p, _ := a.findProgram(name); p != nil {
			used[p] = true
		}
	}
	var found []Problem
	for _, p := range a.all {
		reachable := p.name != "" && a.programs[p.name] == p || slices.Contains(a.patterns, p)
		if reachable && !used[p] {
			matched := p.match != nil && slices.ContainsFunc(processes, p.match.Search)
			found = append(found, p.unused("process of the group", matched))
		}
	}
	return found
}

// unused is the warning for an element that applies to nothing; matched says that its pattern would.
func (k *key) unused(what string, matched bool) Problem {
	text := fmt.Sprintf("no %s is called %s here", what, k.name)
	switch {
	case matched:
		text = "other elements apply to all that the pattern matches here"
	case k.name == "":
		text = fmt.Sprintf("the pattern matches no %s here", what)
	}
	return k.element.problem(text)
}

// UnknownNames returns a warning for each place where identifiers or an alias have a name that is no alias and that is not known,
// as a node or a stereotype.
func (s *Set) UnknownNames(known func(name string) bool) []Problem {
	if s == nil {
		return nil
	}
	ok := func(name string) bool {
		return name == "" || name == "*" || name == "#" || name == "@" || known(name) ||
			slices.ContainsFunc(s.aliases, func(a alias) bool { return a.name == name })
	}
	var found []Problem
	check := func(e *element, names []string) {
		var seen []string
		for _, name := range names {
			if !ok(name) && !slices.Contains(seen, name) {
				seen = append(seen, name)
				found = append(found, e.problem(fmt.Sprintf("%s is no alias, and no node or stereotype that is known here", name)))
			}
		}
	}
	for _, a := range s.aliases {
		check(a.element, a.names)
	}
	for _, m := range s.modelled {
		checkIdentifiers(m.set, check)
	}
	for _, a := range s.all {
		checkIdentifiers(a.set, check)
		for _, p := range a.all {
			checkIdentifiers(p.set, check)
		}
	}
	return found
}

func checkIdentifiers[T any](set []setting[T], check func(e *element, names []string)) {
	if e := lastSetting(set, "identifiers"); e != nil {
		check(e, splitNames(e.text.String()))
	}
}

// problem is a warning about the element.
func (e *element) problem(text string) Problem {
	return Problem{File: e.file, Line: e.line, Column: e.column, Element: e.path(), Text: text, Warning: true}
}
