package journal

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Selection is a parsed selection string of the agent API: conditions on attributes that a record has to satisfy, all of them.
// A nil Selection selects everything. It is immutable but for Limit.
type Selection struct {
	// Limit is how many of the selected records are wanted, the newest ones; 0 for all.
	Limit int

	conditions map[string][]condition
	after      uint64 // records up to this number cannot match
}

// limitName is no attribute but sets Limit.
const limitName = "limit"

// ParseSelection reads query parameters as the Horizon agent does, and the extensions of this system: "a=!v" and "a!=v" (not
// equal), "a=!~v" and "a!=~v" (does not contain), and "limit=N". Only a limit can be wrong.
func ParseSelection(query url.Values) (*Selection, error) {
	s := &Selection{conditions: make(map[string][]condition, len(query))}
	for name, values := range query {
		if name == limitName {
			n, err := strconv.Atoi(strings.Join(values, " and "))
			if err != nil || n < 1 {
				return nil, fmt.Errorf("limit takes one whole number from 1 on, not %q", values)
			}
			s.Limit = n
			continue
		}
		attribute, negated := strings.CutSuffix(name, "!")
		for _, value := range values {
			var c condition
			switch rest, marked := strings.CutPrefix(value, "!"); {
			case negated:
				c = negation(value)
			case marked && rest != "":
				c = negation(rest)
			default:
				c = parseCondition(value)
			}
			s.conditions[attribute] = append(s.conditions[attribute], c)
			if attribute == "record_id" && c.op == greater && c.numeric && c.number >= 0 && c.number < math.MaxUint64 {
				s.after = max(s.after, uint64(c.number))
			}
		}
	}
	return s, nil
}

// Match reports whether the record satisfies all conditions at this moment, which time_since counts from. An attribute that the
// record does not have satisfies nothing. The limit plays no part.
func (s *Selection) Match(r *Record, now time.Time) bool {
	if s == nil {
		return true
	}
	for name, conditions := range s.conditions {
		if text, ok := r.attribute(name, now); ok {
			if !satisfies(text, conditions) {
				return false
			}
			continue
		}
		values, ok := r.Source.attribute(name)
		if !ok || !anySatisfies(values, conditions) {
			return false
		}
	}
	return true
}

// attribute returns the attributes that all records have, as text.
func (r *Record) attribute(name string, now time.Time) (string, bool) {
	switch name {
	case "source_type":
		return r.Source.Type(), true
	case "severity":
		return r.Severity.String(), true
	case "message":
		return r.Message, true
	case "event_code":
		return r.Code, true
	case "record_id":
		return strconv.FormatUint(r.ID, 10), true
	case "timestamp":
		return strconv.FormatInt(r.Time.Unix(), 10), true
	case "time_since": // whole hours
		return strconv.FormatInt(max(0, now.Unix()-r.Time.Unix())/3600, 10), true
	}
	return "", false
}

func anySatisfies(values []string, conditions []condition) bool {
	for _, v := range values {
		if satisfies(v, conditions) {
			return true
		}
	}
	return false
}

func satisfies(value string, conditions []condition) bool {
	for _, c := range conditions {
		if c.matches(value) == c.negated {
			return false
		}
	}
	return true
}

// operator compares an attribute with the value of a condition.
type operator byte

const (
	equal    operator = '='
	contains operator = '~'
	greater  operator = '>'
	less     operator = '<'
)

// condition is one value of a selection.
type condition struct {
	op      operator
	negated bool
	text    string
	numeric bool // compare number, not text
	number  float64
	never   bool // a boolean: no attribute is one
}

// parseCondition reads a value as the Horizon agent does. The first of several characters may be an operator. What reads as
// a number is compared as one; the words true and false are booleans, which no attribute is.
func parseCondition(value string) condition {
	c := condition{op: equal, text: value}
	if len(value) > 1 {
		switch op := operator(value[0]); op {
		case contains:
			return condition{op: op, text: value[1:]}
		case greater, less:
			c = condition{op: op, text: value[1:]}
		}
	}
	if c.op == equal && (value == "true" || value == "TRUE" || value == "false" || value == "FALSE") {
		c.never = true
		return c
	}
	if n, err := strconv.ParseFloat(c.text, 64); err == nil {
		c.numeric, c.number = true, n
	}
	return c
}

// negation reads what follows a "!": text that is not to be contained after a "~", else a value that is not to be equalled.
func negation(value string) condition {
	c := condition{op: equal, text: value}
	if rest, ok := strings.CutPrefix(value, "~"); ok && rest != "" {
		c = condition{op: contains, text: rest}
	} else if n, err := strconv.ParseFloat(value, 64); err == nil {
		c.numeric, c.number = true, n
	}
	c.negated = true
	return c
}

// matches compares, before any negation. NaN, on either side, is neither equal nor greater nor less.
func (c condition) matches(value string) bool {
	if c.never {
		return false
	}
	if c.numeric {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return false
		}
		switch c.op {
		case greater:
			return n > c.number
		case less:
			return n < c.number
		}
		return n == c.number
	}
	switch c.op {
	case contains:
		return strings.Contains(value, c.text)
	case greater:
		return value > c.text
	case less:
		return value < c.text
	}
	return value == c.text
}
