package rpc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// bind checks the actual parameters against the formal ones and fills in what is left out. The faults are Supervisor's:
// INCORRECT_PARAMETERS, with the name of the parameter when a value is of no use for it.
func (m *Method) bind(params []any) (Args, error) {
	if len(params) > len(m.Params) {
		return nil, NewFault(IncorrectParameters)
	}
	args := make(Args, len(m.Params))
	for i := range m.Params {
		p := &m.Params[i]
		var value any
		switch {
		case i < len(params):
			value = params[i]
		case !p.Optional:
			return nil, NewFault(IncorrectParameters)
		}
		if value == nil && p.Optional {
			args[i] = p.Default // NewTable has made it a value of the kind
			continue
		}
		var ok bool
		if args[i], ok = p.Kind.coerce(value); !ok {
			return nil, NewFault(IncorrectParameters, fmt.Sprintf("%s is not of type %s", p.Name, p.TypeWord()))
		}
	}
	return args, nil
}

// coerce makes value one of the kind, as far as Python would use it without a word: numbers and booleans stand for each
// other, base64 is text. A boolean may also be written as a word or digit.
func (k Kind) coerce(value any) (any, bool) {
	if data, ok := value.([]byte); ok {
		value = string(data)
	}
	ok := true
	switch k {
	case Boolean:
		return toBool(value)
	case Int:
		return toInt(value)
	case Double:
		return toFloat(value)
	case String:
		_, ok = value.(string)
	case Array:
		_, ok = value.([]any)
	case Struct:
		_, ok = value.(Map)
	}
	return value, ok
}

func toBool(value any) (any, bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case int:
		return v != 0, true
	case float64:
		return v != 0, true
	case string:
		b, err := parseBool(v)
		return b, err == nil
	}
	return nil, false
}

func toInt(value any) (any, bool) {
	switch v := value.(type) {
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		// a JSON client has no other numbers; 2^53 is where they stop being exact
		return int(v), v == math.Trunc(v) && math.Abs(v) <= 1<<53
	case string:
		// Supervisor's rows call int() on what they get
		n, err := strconv.Atoi(strings.TrimSpace(v))
		return n, err == nil
	}
	return nil, false
}

func toFloat(value any) (any, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return nil, false
}

// zero is the value of an optional parameter without default.
func (k Kind) zero() any {
	switch k {
	case Boolean:
		return false
	case Int:
		return 0
	case Double:
		return 0.0
	case String:
		return ""
	case Array:
		return []any{}
	case Struct:
		return Map{}
	}
	return nil
}
