package main

import (
	"math"
	"testing"

	"github.com/supvisors/supvisors/rpc"
)

// The texts are what Python's str() and repr() give.
func TestPyText(t *testing.T) {
	for _, c := range []struct {
		value     any
		str, repr string
	}{
		{nil, "None", "None"},
		{true, "True", "True"},
		{false, "False", "False"},
		{0, "0", "0"},
		{-42, "-42", "-42"},
		{"", "", "''"},
		{"it's", "it's", `"it's"`},
		{10.0, "10.0", "10.0"},
		{-0.5, "-0.5", "-0.5"},
		{0.0, "0.0", "0.0"},
		{0.30000000000000004, "0.30000000000000004", "0.30000000000000004"},
		{1e15, "1000000000000000.0", "1000000000000000.0"},
		{1e16, "1e+16", "1e+16"},
		{1.5e-5, "1.5e-05", "1.5e-05"},
		{0.0001, "0.0001", "0.0001"},
		{math.Inf(1), "inf", "inf"},
		{math.Inf(-1), "-inf", "-inf"},
		{math.NaN(), "nan", "nan"},
		{[]any{}, "[]", "[]"},
		{[]any{"a", 1, true, []any{2.5}}, "['a', 1, True, [2.5]]", "['a', 1, True, [2.5]]"},
		{rpc.Map{}, "{}", "{}"},
		{rpc.Map{{Name: "b", Value: "x"}, {Name: "a", Value: nil}}, "{'b': 'x', 'a': None}", "{'b': 'x', 'a': None}"},
	} {
		if got := pyStr(c.value); got != c.str {
			t.Errorf("str(%#v) = %s, want %s", c.value, got, c.str)
		}
		if got := pyRepr(c.value); got != c.repr {
			t.Errorf("repr(%#v) = %s, want %s", c.value, got, c.repr)
		}
	}
}
