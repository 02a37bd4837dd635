package rpc

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func TestAssign(t *testing.T) {
	at := time.Unix(5, 0).UTC()
	for _, c := range []struct {
		value  any
		target any // pointer to the variable, filled with something that must vanish
		want   any
	}{
		{"x", new(string), "x"},
		{[]byte("x"), new(string), "x"},
		{"x", new(state2), state2("x")},
		{5, new(int), 5},
		{5, new(state), state(5)},
		{255, new(uint8), uint8(255)},
		{5, new(float64), 5.0},
		{1.5, new(float32), float32(1.5)},
		{true, new(bool), true},
		{at, new(time.Time), at},
		{[]byte("x"), new([]byte), []byte("x")},
		{"x", new([]byte), []byte("x")},
		{[]any{1, 2}, &[]int{7, 8, 9}, []int{1, 2}},
		{[]any{}, &[]string{"x"}, []string{}},
		{[]any{1, "x"}, new([]any), []any{1, "x"}},
		{[]any{[]any{"a"}, []any{}}, new([][]string), [][]string{{"a"}, {}}},
		{Map{{"a", 1}}, new(Map), Map{{"a", 1}}},
		{Map{{"a", 1}, {"a", 2}}, &map[string]int{"z": 1}, map[string]int{"a": 2}},
		{Map{{"a", 1}}, new(map[state2]any), map[state2]any{"a": 1}},
		{Map{{"faultCode", 1}, {"new", 2}, {"faultString", "x"}}, new(Fault), Fault{1, "x"}},
		{Map{{"faultCode", 1}}, &Fault{2, "stays"}, Fault{1, "stays"}},
		{Map{{"name", "n"}, {"group", "g"}, {"shadowed", "o"}}, new(everything), everything{base: base{Name: "n"}, Shared: Shared{"g"}, Outer: "o"}},
		{nil, &[]string{"x"}, []string(nil)},
		{Map{{"a", nil}}, new(map[string]int), map[string]int{"a": 0}},
		{"x", new(any), "x"},
		{nil, new(any), nil},
	} {
		if err := Assign(c.target, c.value); err != nil {
			t.Errorf("%#v to %T: %v", c.value, c.target, err)
			continue
		}
		if got := reflect.ValueOf(c.target).Elem().Interface(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%#v to %T: got %#v, want %#v", c.value, c.target, got, c.want)
		}
	}
	var p *base
	if err := Assign(&p, Map{{"name", "n"}}); err != nil || p == nil || p.Name != "n" {
		t.Errorf("pointer: %v, %v", p, err)
	}
}

func TestAssignRefuses(t *testing.T) {
	var none *int
	for _, c := range []struct {
		value, target any
		want          string
	}{
		{1, nil, errTarget.Error()},
		{1, 5, errTarget.Error()},
		{1, none, errTarget.Error()},
		{1, new(string), "decode: a value of type int does not fit string"},
		{"1", new(int), "decode: a value of type string does not fit int"},
		{1.0, new(int), "decode: a value of type float64 does not fit int"},
		{true, new(int), "decode: a value of type bool does not fit int"},
		{300, new(int8), "decode: a value of type int does not fit int8"},
		{-1, new(uint), "decode: a value of type int does not fit uint"},
		{256, new(uint8), "decode: a value of type int does not fit uint8"},
		{1, new(bool), "decode: a value of type int does not fit bool"},
		{"1", new(float64), "decode: a value of type string does not fit float64"},
		{"1", new(time.Time), "decode: a value of type string does not fit time.Time"},
		{1, new(chan int), "decode: a value of type int does not fit chan int"},
		{"a", new([]string), "decode: a value of type string does not fit []string"},
		{[]any{"a", 1}, new([]string), "item 1: decode: a value of type int does not fit string"},
		{[]any{}, new(Map), "decode: a value of type []interface {} does not fit rpc.Map"},
		{Map{{"a", "x"}}, new(map[string]int), "member a: decode: a value of type string does not fit int"},
		{Map{}, new(map[int]int), "decode: a value of type rpc.Map does not fit map[int]int"},
		{[]any{Map{{"faultCode", "x"}}}, new([]Fault), "item 0: member faultCode: decode: a value of type string does not fit int"},
		{1, new(Fault), "decode: a value of type int does not fit rpc.Fault"},
	} {
		err := Assign(c.target, c.value)
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("%#v to %T: got %s, want %s", c.value, c.target, got, c.want)
		}
	}
}

// Structs that came from a service's own types read back into the same types.
func TestStructsComeBack(t *testing.T) {
	infos := processInfos(3)
	doc, err := EncodeReply(infos)
	if err != nil {
		t.Fatal(err)
	}
	var back []processInfo
	if err := decodeInto(&back, doc); err != nil || !reflect.DeepEqual(back, infos) {
		t.Errorf("got %+v, %v", back, err)
	}
}
