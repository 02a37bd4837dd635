package rpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendJSON writes a value that has an XML-RPC form as JSON, as Python would write what its client got: members in the same order
// under the same names, a float with a point or an exponent. What JSON has no form for is written as well as it can: bytes in base64,
// a time as in XML-RPC, a float that is no number as null.
func AppendJSON(b []byte, value any) ([]byte, error) { return appendJSON(b, reflect.ValueOf(value), 0) }

func appendJSON(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch v.Kind() {
	case reflect.Invalid:
		return append(b, "null"...), nil
	case reflect.String:
		return appendQuoted(b, v.String()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return appendNumber(b, f), nil
		}
		return append(b, "null"...), nil
	case reflect.Pointer, reflect.Interface:
		return appendJSON(b, v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		return appendJSONList(b, v, depth)
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return nil, fmt.Errorf("encode %s: its keys are no strings", v.Type())
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		return appendObject(b, len(keys), depth, func(i int) (string, reflect.Value) { return keys[i].String(), v.MapIndex(keys[i]) })
	case reflect.Struct:
		if v.Type() == timeType {
			return appendQuoted(b, v.Interface().(time.Time).Format(timeLayouts[0])), nil
		}
		return appendJSONStruct(b, v, depth)
	}
	return nil, fmt.Errorf("encode %s: it has no json form", v.Type())
}

func appendJSONList(b []byte, v reflect.Value, depth int) ([]byte, error) {
	switch {
	case v.Type() == mapType:
		m := v.Interface().(Map)
		return appendObject(b, len(m), depth, func(i int) (string, reflect.Value) { return m[i].Name, reflect.ValueOf(m[i].Value) })
	case v.Type().Elem().Kind() == reflect.Uint8:
		return appendQuoted(b, base64.StdEncoding.EncodeToString(bytesOf(v))), nil
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ", "...)
		}
		var err error
		if b, err = appendJSON(b, v.Index(i), depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendJSONStruct(b []byte, v reflect.Value, depth int) ([]byte, error) {
	var shown []*field
	fields := planOf(v.Type()).fields
	for i := range fields {
		if f := &fields[i]; !f.omitEmpty || !v.FieldByIndex(f.index).IsZero() {
			shown = append(shown, f)
		}
	}
	return appendObject(b, len(shown), depth, func(i int) (string, reflect.Value) { return shown[i].name, v.FieldByIndex(shown[i].index) })
}

// appendObject writes n members.
func appendObject(b []byte, n, depth int, member func(i int) (string, reflect.Value)) ([]byte, error) {
	b = append(b, '{')
	for i := range n {
		if i > 0 {
			b = append(b, ", "...)
		}
		name, value := member(i)
		b = append(appendQuoted(b, name), ": "...)
		var err error
		if b, err = appendJSON(b, value, depth+1); err != nil {
			return nil, fmt.Errorf("member %s: %w", name, err)
		}
	}
	return append(b, '}'), nil
}

// appendQuoted writes a string; bytes that are no UTF-8 become U+FFFD. Nothing is escaped for the sake of HTML: this is data.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		escape, size := "", 1
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
				escape = "\uFFFD"
			}
		case c == '"':
			escape = `\"`
		case c == '\\':
			escape = `\\`
		case c == '\n':
			escape = `\n`
		case c == '\r':
			escape = `\r`
		case c == '\t':
			escape = `\t`
		case c < ' ':
			escape = `\u00` + hexByte(c)
		}
		if escape != "" {
			b = append(b, s[start:i]...)
			b = append(b, escape...)
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func hexByte(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}
