package rules

import (
	"errors"
	"fmt"
	"slices"
)

// Formula is an operational_status expression: process names and patterns between quotes, and, or, not, any(), all() and
// parentheses. It is immutable.
type Formula struct {
	text string
	root expr
}

// String returns the formula as written in the file, "" for nil.
func (f *Formula) String() string {
	if f == nil {
		return ""
	}
	return f.text
}

// Eval evaluates the formula for the processes of an application: names are all of them, up says whether one is in order.
// The operand of a formula is a process of that name or else a pattern that has to match at least one whole name. Only any()
// and all() take a pattern that matches several. Everything is evaluated, so an error never hides behind a result.
func (f *Formula) Eval(names []string, up func(name string) bool) (bool, error) {
	values, err := f.root.eval(names, up)
	if err != nil {
		return false, err
	}
	return single(values, "the formula")
}

// expr is a node of the formula. eval returns one value, or several for a pattern that matches several processes.
type expr interface {
	eval(names []string, up func(string) bool) ([]bool, error)
}

type operand struct {
	text    string
	pattern *Pattern // text, anchored at both ends
}

type call struct {
	all bool // all(), else any()
	arg expr
}

type junction struct {
	and   bool // and, else or
	terms []expr
}

type negation struct{ term expr }

var errNoMatch = errors.New("matches no process")

func (o operand) eval(names []string, up func(string) bool) ([]bool, error) {
	if slices.Contains(names, o.text) {
		return []bool{up(o.text)}, nil
	}
	var values []bool
	for _, name := range names {
		if _, ok := o.pattern.find(name); ok {
			values = append(values, up(name))
		}
	}
	if values == nil {
		return nil, fmt.Errorf("%q %w", o.text, errNoMatch)
	}
	return values, nil
}

func (c call) eval(names []string, up func(string) bool) ([]bool, error) {
	values, err := c.arg.eval(names, up)
	if err != nil {
		return nil, err
	}
	if c.all {
		return []bool{!slices.Contains(values, false)}, nil
	}
	return []bool{slices.Contains(values, true)}, nil
}

func (j junction) eval(names []string, up func(string) bool) ([]bool, error) {
	result := j.and
	for _, term := range j.terms {
		values, err := term.eval(names, up)
		if err != nil {
			return nil, err
		}
		value, err := single(values, "an operand of and, or")
		if err != nil {
			return nil, err
		}
		if j.and {
			result = result && value
		} else {
			result = result || value
		}
	}
	return []bool{result}, nil
}

func (n negation) eval(names []string, up func(string) bool) ([]bool, error) {
	values, err := n.term.eval(names, up)
	if err != nil {
		return nil, err
	}
	value, err := single(values, "the operand of not")
	if err != nil {
		return nil, err
	}
	return []bool{!value}, nil
}

func single(values []bool, what string) (bool, error) {
	if len(values) != 1 {
		return false, fmt.Errorf("%s matches %d processes, any() or all() is missing", what, len(values))
	}
	return values[0], nil
}
