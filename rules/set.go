package rules

import (
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// maxReferences is how many rules a program is made of: its own, those of its model and those of the model's model.
const maxReferences = 3

// Set is the content of all rules files. A nil Set has no rules. A Set is immutable and may be shared.
type Set struct {
	applications map[string]*application
	patterns     []*application // those with a pattern, in the order in which the patterns first appear
	models       map[string]*program
	aliases      []alias // in the order in which the names first appear

	all      []*application // every application element, also one that another replaces
	modelled []*program     // every model element with a name
}

// key is how an application, program or model element is found.
type key struct {
	element *element
	name    string   // "" for none
	pattern string   // as written
	match   *Pattern // nil for none
}

// unreachable reports whether the element can never be found.
func (k *key) unreachable() bool {
	_, ok := k.element.attr("pattern")
	return k.name == "" && !ok
}

// setting is what an element says about one field of a rule.
type setting[T any] struct {
	element *element
	apply   func(*T)
}

type application struct {
	key
	set      []setting[Application]
	programs map[string]*program
	patterns []*program // as those of Set
	all      []*program // every program element, also one that another replaces
}

// program is a program element or a model.
type program struct {
	key
	set       []setting[Program]
	reference string
}

type alias struct {
	element *element
	name    string
	names   []string
}

// Application returns the rules of an application: those of the element with its name, else of the pattern with the longest match.
// The starting strategy is the one of the configuration ([rpcinterface:supvisors]) unless a rule says otherwise.
func (s *Set) Application(name string, starting StartingStrategy) Application {
	a := Application{Identifiers: Identifiers{Names: []string{"*"}}, StopSequence: -1, StartingStrategy: starting}
	if elt := s.findApplication(name); elt != nil {
		a.Managed = true
		for _, set := range elt.set {
			set.apply(&a)
		}
	}
	a.Identifiers = s.resolve(a.Identifiers)
	a.settle(name)
	return a
}

// Program returns the rules of a process of an application: the failure strategies of the application, then the models that
// its program element refers to, then the element itself; each supersedes what is set before. The element is the one
// with the name of the process, else the one whose pattern has the longest match.
func (s *Set) Program(applicationName, processName string) Program {
	elt, byPattern := s.findProgram(applicationName, processName)
	app := s.Application(applicationName, Config)
	p, _ := s.program(app, elt, byPattern)
	return p
}

// program returns the rules of an element and what contradicted in them.
func (s *Set) program(app Application, elt *program, byPattern bool) (Program, []string) {
	p := Program{Identifiers: Identifiers{Names: []string{"*"}}, StopSequence: -1,
		StartingFailure: app.StartingFailure, RunningFailure: app.RunningFailure}
	for _, e := range slices.Backward(s.chain(elt)) {
		for _, set := range e.set {
			set.apply(&p)
		}
	}
	p.Identifiers = s.resolve(p.Identifiers)
	return p, p.settle(byPattern)
}

// chain returns an element and the models it refers to, directly and indirectly, as far as they are read.
func (s *Set) chain(elt *program) []*program {
	var chain []*program
	for elt != nil && len(chain) < maxReferences {
		chain = append(chain, elt)
		elt = s.models[elt.reference]
	}
	return chain
}

// settle makes the rules of a program consistent, as Supvisors does after reading them, and says what it changed:
// signs need a program pattern, "@" wins over "#", a program out of the start sequence is not required, and without
// a stop_sequence the start_sequence is used for it.
func (p *Program) settle(byPattern bool) (changed []string) {
	if (p.Identifiers.Hash || p.Identifiers.At) && !byPattern {
		p.Identifiers = Identifiers{All: true}
		changed = append(changed, "# and @ need a program pattern: all identifiers are allowed")
	}
	if p.Identifiers.Hash && p.Identifiers.At {
		p.Identifiers.Hash = false
		changed = append(changed, "# and @ exclude each other: # is ignored")
	}
	if p.Required && p.StartSequence == 0 {
		p.Required = false
		changed = append(changed, "required needs a start_sequence: required is ignored")
	}
	if p.StopSequence < 0 {
		p.StopSequence = p.StartSequence
	}
	return changed
}

// numbered is the convention for applications that share out nodes with "#".
var numbered = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[-_](\d+)$`)
})

// settle makes the rules of an application consistent, as Supvisors does after reading them: without a stop_sequence the
// start_sequence is used for it, "#" needs a name that ends with a number above 0, and "@" is for programs alone. An
// application with a wrong sign can be placed nowhere; with a wrong number it is not started automatically either.
func (a *Application) settle(name string) {
	if a.StopSequence < 0 {
		a.StopSequence = a.StartSequence
	}
	at := a.Identifiers.At
	a.Identifiers.At = false
	switch {
	case a.Identifiers.Hash:
		if m := numbered().FindStringSubmatch(name); m != nil {
			a.Number, _ = strconv.Atoi(m[1])
		}
		if a.Number < 1 {
			a.Number, a.StartSequence, a.Identifiers = 0, 0, Identifiers{}
			a.Warning = "# needs an application name that ends with - or _ and a number above 0: no identifier is allowed"
		}
	case at:
		a.Identifiers = Identifiers{}
		a.Warning = "@ is for programs, not for applications: no identifier is allowed"
	}
}

// resolve replaces aliases and takes the signs out of a list as written. Aliases are replaced in the order of their definition,
// so one may name those defined after it.
func (s *Set) resolve(written Identifiers) Identifiers {
	names := slices.Clone(written.Names)
	if s != nil {
		for _, a := range s.aliases {
			if i := slices.Index(names, a.name); i >= 0 {
				names = slices.Replace(names, i, i+1, a.names...)
			}
		}
	}
	ids := Identifiers{Hash: slices.Contains(names, "#"), At: slices.Contains(names, "@"), All: slices.Contains(names, "*")}
	for _, name := range names {
		if name != "" && name != "#" && name != "@" && !ids.All && !slices.Contains(ids.Names, name) {
			ids.Names = append(ids.Names, name)
		}
	}
	if ids.Names == nil && (ids.Hash || ids.At) {
		ids.All = true
	}
	return ids
}

func (s *Set) findApplication(name string) *application {
	if s == nil {
		return nil
	}
	if a := s.applications[name]; a != nil {
		return a
	}
	return longestMatch(s.patterns, name)
}

func (s *Set) findProgram(applicationName, processName string) (elt *program, byPattern bool) {
	a := s.findApplication(applicationName)
	if a == nil {
		return nil, false
	}
	return a.findProgram(processName)
}

func (a *application) findProgram(processName string) (elt *program, byPattern bool) {
	if p := a.programs[processName]; p != nil {
		return p, false
	}
	return longestMatch(a.patterns, processName), true
}

// finder is an element that may carry a pattern.
type finder interface {
	comparable
	find(name string) (length int, ok bool)
}

func (k *key) find(name string) (length int, ok bool) { return k.match.find(name) }

// longestMatch returns the element whose pattern covers the most characters, the first of several that cover as many.
func longestMatch[E finder](elements []E, name string) E {
	var best E
	longest := -1
	for _, e := range elements {
		if n, ok := e.find(name); ok && n > longest {
			best, longest = e, n
		}
	}
	return best
}
