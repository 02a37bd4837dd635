package rpc

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestAppendJSON(t *testing.T) {
	type inner struct {
		N int `xmlrpc:"n"`
	}
	type outer struct {
		inner
		Z    float64        `xmlrpc:"z"`
		A    []string       `xmlrpc:"a"`
		Gone string         `xmlrpc:"gone,omitempty"`
		P    *inner         `xmlrpc:"p"`
		M    map[string]any `xmlrpc:"m"`
	}
	ring := []any{nil}
	ring[0] = ring
	for _, tt := range []struct {
		value any
		want  string
	}{
		{outer{inner{3}, 2, []string{"x", "y"}, "", &inner{4}, map[string]any{"b": true, "a": nil}},
			`{"n": 3, "z": 2.0, "a": ["x", "y"], "p": {"n": 4}, "m": {"a": null, "b": true}}`},
		{Map{{"z", 1}, {"a", []any{}}, {"n", nil}}, `{"z": 1, "a": [], "n": null}`},
		{[]float64{0, 0.1, 1e16, -1.5, 1e-7, math.NaN(), math.Inf(-1)}, `[0.0, 0.1, 1e+16, -1.5, 1e-07, null, null]`},
		{uint64(math.MaxUint64), `18446744073709551615`},
		{"a\"b\\\n\r\t\x1f\xff é<&>", `"a\"b\\\n\r\t\u001f` + "\uFFFD" + ` é<&>"`},
		{[]byte("bytes"), `"Ynl0ZXM="`},
		{time.Date(2026, 11, 21, 8, 9, 10, 0, time.UTC), `"20261121T08:09:10"`},
		{(*inner)(nil), `null`},
		{ring, ""},
		{make(chan int), ""},
		{map[int]string{1: "a"}, ""},
		{Map{{"c", func() {}}}, ""},
	} {
		got, err := AppendJSON(nil, tt.value)
		if string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("got %s, %v; want %s", got, err, tt.want)
		}
		if err == nil && !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
}

// Any string comes back as encoding/json would bring it back.
func FuzzAppendJSONString(f *testing.F) {
	f.Add("plain")
	f.Add("\u2028<&>\x7f")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := AppendJSON(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(s)
		var a, b string
		if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil || a != b || bytes.ContainsAny(got, "\n\x00") {
			t.Errorf("%q became %s", s, got)
		}
	})
}
