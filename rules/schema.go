package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// field is an element that sets one field of a rule.
type field[T any] struct {
	name string
	read func(text string) (func(*T), error) // turns its text into the setter
	show func(T) string                      // the value that a rule has
}

// errIgnored marks a value that the schema allows but that Supvisors does not use: a warning, and the default stays.
var errIgnored = errors.New("the value is ignored")

var applicationFields = []field[Application]{
	value("distribution", ParseDistribution, func(a *Application) *Distribution { return &a.Distribution }),
	value("identifiers", parseIdentifiers, func(a *Application) *Identifiers { return &a.Identifiers }),
	value("start_sequence", parseSequence, func(a *Application) *int { return &a.StartSequence }),
	value("stop_sequence", parseSequence, func(a *Application) *int { return &a.StopSequence }),
	value("starting_strategy", ParseStartingStrategy, func(a *Application) *StartingStrategy { return &a.StartingStrategy }),
	value("starting_failure_strategy", ParseStartingFailureStrategy,
		func(a *Application) *StartingFailureStrategy { return &a.StartingFailure }),
	value("running_failure_strategy", ParseRunningFailureStrategy,
		func(a *Application) *RunningFailureStrategy { return &a.RunningFailure }),
	value("operational_status", parseStatus, func(a *Application) **Formula { return &a.Formula }),
}

// programFields belong to programs and to models.
var programFields = []field[Program]{
	value("identifiers", parseIdentifiers, func(p *Program) *Identifiers { return &p.Identifiers }),
	value("start_sequence", parseSequence, func(p *Program) *int { return &p.StartSequence }),
	value("stop_sequence", parseSequence, func(p *Program) *int { return &p.StopSequence }),
	value("required", parseBoolean, func(p *Program) *bool { return &p.Required }),
	value("wait_exit", parseBoolean, func(p *Program) *bool { return &p.WaitExit }),
	value("expected_loading", parseLoading, func(p *Program) *int { return &p.ExpectedLoad }),
	value("starting_failure_strategy", ParseStartingFailureStrategy,
		func(p *Program) *StartingFailureStrategy { return &p.StartingFailure }),
	value("running_failure_strategy", ParseRunningFailureStrategy,
		func(p *Program) *RunningFailureStrategy { return &p.RunningFailure }),
}

// value makes a field out of a parser and the place of its result.
func value[T, V any](name string, parse func(string) (V, error), at func(*T) *V) field[T] {
	read := func(text string) (func(*T), error) {
		v, err := parse(text)
		if err != nil {
			return nil, err
		}
		return func(t *T) { *at(t) = v }, nil
	}
	return field[T]{name, read, func(t T) string { return fmt.Sprint(*at(&t)) }}
}

// xmlSpace is the white space that a schema strips from numbers and booleans.
const xmlSpace = " \t\r\n"

// parseSequence reads an xs:byte. Supvisors ignores a negative one.
func parseSequence(text string) (int, error) {
	n, err := strconv.ParseInt(strings.Trim(text, xmlSpace), 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q is not an integer from 0 to 127", text)
	}
	if n < 0 {
		return 0, fmt.Errorf("a sequence cannot be negative, %w: %d", errIgnored, n)
	}
	return int(n), nil
}

func parseLoading(text string) (int, error) {
	n, err := strconv.Atoi(strings.Trim(text, xmlSpace))
	if err != nil || n < 0 || n > 100 {
		return 0, fmt.Errorf("%q is not an integer from 0 to 100", text)
	}
	return n, nil
}

// parseBoolean reads an xs:boolean.
func parseBoolean(text string) (bool, error) {
	switch strings.Trim(text, xmlSpace) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is not a boolean, expected true, false, 1 or 0", text)
}

// parseIdentifiers keeps the names as written; aliases and signs are resolved when all files are read.
func parseIdentifiers(text string) (Identifiers, error) {
	if text == "" {
		return Identifiers{}, fmt.Errorf("an empty list stands for the default, %w", errIgnored)
	}
	return Identifiers{Names: splitNames(text)}, nil
}

func parseStatus(text string) (*Formula, error) {
	if text == "" {
		return nil, fmt.Errorf("an empty formula, %w", errIgnored)
	}
	f, err := ParseFormula(text)
	if err != nil {
		return nil, fmt.Errorf("%w, %w", err, errIgnored)
	}
	return f, nil
}

func splitNames(text string) []string {
	names := strings.Split(text, ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
	}
	return names
}
