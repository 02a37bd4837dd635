package rules

import (
	"fmt"
	"slices"
)

// Source is an element of a rules file that decides something. The zero value is none.
type Source struct {
	File         string
	Line, Column int    // from 1
	Name         string // what it is: `application "a"`, `program pattern "p"`, `model "m"` or the name of the rule
}

// String returns "file:line:column".
func (s Source) String() string { return fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Column) }

// Decision is the value of one rule, and what has decided it.
type Decision struct {
	Rule   string // the name of the element: start_sequence
	Value  string
	Source Source // the element with the value; zero when there is none
	By     string // what the element belongs to, or why the value holds without one
}

// Explanation says where the rules of a process come from.
type Explanation struct {
	Application      Source // the element that applies; zero when the application is not managed
	ApplicationRules []Decision
	Program          []Source // the element that applies and the models that it refers to; empty for none
	ProgramRules     []Decision
	Notes            []string // what was changed to make the rules consistent
}

// byDefault is what decides a rule that no element sets.
const byDefault = "default"

// Explain says which elements decide the rules of a process; starting is the strategy that Application is asked with. The values
// are those of Application and Program.
func (s *Set) Explain(applicationName, processName string, starting StartingStrategy) Explanation {
	var e Explanation
	app := s.Application(applicationName, starting)
	var set []setting[Application]
	if elt := s.findApplication(applicationName); elt != nil {
		e.Application, set = elt.source(), elt.set
	}
	for _, f := range applicationFields {
		d := Decision{Rule: f.name, Value: f.show(app), By: byDefault}
		if last := lastSetting(set, f.name); last != nil {
			d.Source, d.By = last.source(f.name), e.Application.Name
		} else if f.name == "starting_strategy" {
			d.By = "the configuration"
		} else if f.name == "stop_sequence" {
			d.By = "as start_sequence"
		}
		e.ApplicationRules = append(e.ApplicationRules, d)
	}
	if app.Warning != "" {
		e.Notes = append(e.Notes, app.Warning)
	}
	s.explainProgram(&e, applicationName, processName, app)
	return e
}

func (s *Set) explainProgram(e *Explanation, applicationName, processName string, app Application) {
	elt, byPattern := s.findProgram(applicationName, processName)
	p, changed := s.program(app, elt, byPattern)
	e.Notes = append(e.Notes, changed...)
	chain := s.chain(elt)
	for _, link := range chain {
		e.Program = append(e.Program, link.source())
	}
	for _, f := range programFields {
		d := Decision{Rule: f.name, Value: f.show(p), By: byDefault}
		if i := slices.IndexFunc(chain, func(p *program) bool { return lastSetting(p.set, f.name) != nil }); i >= 0 {
			d.Source, d.By = lastSetting(chain[i].set, f.name).source(f.name), e.Program[i].Name
		} else if f.name == "stop_sequence" {
			d.By = "as start_sequence"
		} else if of := decisionOf(e.ApplicationRules, f.name); inherited[f.name] && of.By != byDefault {
			d.Source, d.By = of.Source, of.By
		}
		e.ProgramRules = append(e.ProgramRules, d)
	}
}

// inherited are the rules that a program has of its application.
var inherited = map[string]bool{"starting_failure_strategy": true, "running_failure_strategy": true}

func decisionOf(decisions []Decision, rule string) Decision {
	i := slices.IndexFunc(decisions, func(d Decision) bool { return d.Rule == rule })
	if i < 0 {
		return Decision{}
	}
	return decisions[i]
}

// lastSetting returns the element that sets a field, nil for none.
func lastSetting[T any](set []setting[T], name string) *element {
	for _, s := range slices.Backward(set) {
		if s.element.name == name {
			return s.element
		}
	}
	return nil
}

func (e *element) source(name string) Source { return Source{e.file, e.line, e.column, name} }

// source says what the element is and how it is found.
func (k *key) source() Source {
	name := k.element.name
	if k.name != "" {
		name += fmt.Sprintf(" %q", k.name)
	}
	if k.match != nil {
		name += fmt.Sprintf(" pattern %q", k.pattern)
	}
	return k.element.source(name)
}
