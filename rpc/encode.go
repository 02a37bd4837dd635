package rpc

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The documents have the line breaks of Python's xmlrpc.client.
const (
	header     = "<?xml version='1.0'?>\n"
	replyStart = header + "<methodResponse>\n"
	replyEnd   = "</methodResponse>\n"
	paramStart = "<param>\n"
	paramEnd   = "</param>\n"
	valueEnd   = "</value>\n"
)

// errNil is the error for a value that XML-RPC has no form for.
var errNil = errors.New("encode nil: it has no xml-rpc form")

// EncodeCall writes a request.
func EncodeCall(method string, args ...any) ([]byte, error) {
	b := append([]byte(nil), header+"<methodCall>\n<methodName>"...)
	b = appendText(b, method)
	b = append(b, "</methodName>\n<params>\n"...)
	for i, arg := range args {
		b = append(b, paramStart...)
		var err error
		if b, err = appendValue(b, arg, 0); err != nil {
			return nil, fmt.Errorf("parameter %d of %s: %w", i+1, method, err)
		}
		b = append(b, paramEnd...)
	}
	return append(b, "</params>\n</methodCall>\n"...), nil
}

// EncodeReply writes a response with a value.
func EncodeReply(value any) ([]byte, error) { return AppendReply(nil, value) }

// AppendReply appends a response with a value.
func AppendReply(b []byte, value any) ([]byte, error) {
	b = append(b, replyStart+"<params>\n"+paramStart...)
	b, err := appendValue(b, value, 0)
	if err != nil {
		return nil, err
	}
	return append(b, paramEnd+"</params>\n"+replyEnd...), nil
}

// EncodeFault writes a response with a fault.
func EncodeFault(f *Fault) []byte {
	b := append([]byte(nil), replyStart+"<fault>\n"...)
	b, _ = appendReflect(b, reflect.ValueOf(*f), 0) // an int and a string always have a form
	return append(b, "</fault>\n"+replyEnd...)
}

const (
	structStart = "<value><struct>\n"
	structEnd   = "</struct>" + valueEnd
	memberEnd   = "</member>\n"
	arrayStart  = "<value><array><data>\n"
	arrayEnd    = "</data></array>" + valueEnd
)

// appendValue writes one <value>. The common types need no reflection.
func appendValue(b []byte, value any, depth int) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return nil, errNil
	case string:
		return appendString(b, v), nil
	case int:
		return appendInt(b, int64(v)), nil
	case bool:
		return appendBool(b, v), nil
	case float64:
		return appendFloat(b, v), nil
	case []byte:
		return appendBase64(b, v), nil
	case time.Time:
		return appendTime(b, v)
	case Map:
		return appendMap(b, v, depth+1)
	case []any:
		return appendArray(b, len(v), depth+1, func(b []byte, i int) ([]byte, error) { return appendValue(b, v[i], depth+1) })
	case []string:
		return appendArray(b, len(v), depth+1, func(b []byte, i int) ([]byte, error) { return appendString(b, v[i]), nil })
	}
	return appendReflect(b, reflect.ValueOf(value), depth)
}

// appendReflect writes one <value> of any Go type.
func appendReflect(b []byte, v reflect.Value, depth int) ([]byte, error) {
	switch v.Kind() {
	case reflect.String:
		return appendString(b, v.String()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(b, v.Int()), nil
	case reflect.Bool:
		return appendBool(b, v.Bool()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("encode %d: beyond 64 bit", v.Uint())
		}
		return appendInt(b, int64(v.Uint())), nil
	case reflect.Float32, reflect.Float64:
		return appendFloat(b, v.Float()), nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, errNil
		}
		// a pointer is a level too: a ring of pointers must end
		if depth++; depth > 2*maxDepth {
			return nil, errDepth
		}
		return appendReflect(b, v.Elem(), depth)
	case reflect.Slice, reflect.Array:
		if v.Type() == mapType { // a slice by its form only
			return appendMap(b, v.Interface().(Map), depth+1)
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return appendBase64(b, bytesOf(v)), nil
		}
		return appendArray(b, v.Len(), depth+1, func(b []byte, i int) ([]byte, error) {
			return appendReflect(b, v.Index(i), depth+1)
		})
	case reflect.Map:
		return appendGoMap(b, v, depth+1)
	case reflect.Struct:
		if v.Type() == timeType {
			return appendTime(b, v.Interface().(time.Time))
		}
		return appendStruct(b, v, depth+1)
	}
	return nil, fmt.Errorf("encode %s: it has no xml-rpc form", v.Type())
}

// errDepth is the error for values nested deeper than a reader would take.
var errDepth = fmt.Errorf("encode: nested deeper than %d", maxDepth)

func bytesOf(v reflect.Value) []byte {
	if v.Kind() == reflect.Slice {
		return v.Bytes()
	}
	data := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(data), v)
	return data
}

// appendArray writes an array of n values.
func appendArray(b []byte, n, depth int, item func(b []byte, i int) ([]byte, error)) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	b = append(b, arrayStart...)
	for i := range n {
		var err error
		if b, err = item(b, i); err != nil {
			return nil, err
		}
	}
	return append(b, arrayEnd...), nil
}

func appendMap(b []byte, m Map, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	b = append(b, structStart...)
	for _, member := range m {
		b = appendMemberName(b, member.Name)
		var err error
		if b, err = appendValue(b, member.Value, depth); err != nil {
			return nil, fmt.Errorf("member %s: %w", member.Name, err)
		}
		b = append(b, memberEnd...)
	}
	return append(b, structEnd...), nil
}

// appendGoMap writes a map with string keys as a struct, sorted so that equal maps give equal documents.
func appendGoMap(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("encode %s: its keys are no strings", v.Type())
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	members := make(Map, len(keys))
	for i, key := range keys {
		members[i] = Member{key.String(), v.MapIndex(key).Interface()}
	}
	return appendMap(b, members, depth)
}

func appendStruct(b []byte, v reflect.Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	b = append(b, structStart...)
	fields := planOf(v.Type()).fields
	for i := range fields {
		f := &fields[i]
		value := v.FieldByIndex(f.index)
		if f.omitEmpty && value.IsZero() {
			continue
		}
		b = append(b, f.start...)
		var err error
		if b, err = appendReflect(b, value, depth); err != nil {
			return nil, fmt.Errorf("member %s: %w", f.name, err)
		}
		b = append(b, memberEnd...)
	}
	return append(b, structEnd...), nil
}

// appendMemberName opens a member of a struct and writes its name.
func appendMemberName(b []byte, name string) []byte {
	b = append(b, "<member>\n<name>"...)
	b = appendText(b, name)
	return append(b, "</name>\n"...)
}

func appendString(b []byte, s string) []byte {
	b = append(b, "<value><string>"...)
	b = appendText(b, s)
	return append(b, "</string>"+valueEnd...)
}

// appendInt writes integers beyond 32 bit as i8, which the readers of Python take too.
func appendInt(b []byte, n int64) []byte {
	if n < math.MinInt32 || n > math.MaxInt32 {
		b = append(b, "<value><i8>"...)
		b = strconv.AppendInt(b, n, 10)
		return append(b, "</i8>"+valueEnd...)
	}
	b = append(b, "<value><int>"...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, "</int>"+valueEnd...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "<value><boolean>1</boolean>"+valueEnd...)
	}
	return append(b, "<value><boolean>0</boolean>"+valueEnd...)
}

func appendFloat(b []byte, v float64) []byte {
	b = append(b, "<value><double>"...)
	b = appendNumber(b, v)
	return append(b, "</double>"+valueEnd...)
}

// appendNumber writes a number as Python's repr does: the shortest that reads back, with an exponent only when it is very
// large or very small.
func appendNumber(b []byte, v float64) []byte {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		b = append(b, "nan"...)
	case math.IsInf(v, 0):
		b = append(b, strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64)), "+")...)
	case size != 0 && (size < 1e-4 || size >= 1e16):
		b = strconv.AppendFloat(b, v, 'e', -1, 64)
	case v == math.Trunc(v):
		b = strconv.AppendFloat(b, v, 'f', 1, 64)
	default:
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	return b
}

// appendTime writes the time of day that t shows: the type has no room for a zone.
func appendTime(b []byte, t time.Time) ([]byte, error) {
	if t.Year() < 0 || t.Year() > 9999 {
		return nil, fmt.Errorf("encode %s: the year has no four digits", t)
	}
	b = append(b, "<value><dateTime.iso8601>"...)
	b = t.AppendFormat(b, timeLayouts[0])
	return append(b, "</dateTime.iso8601>"+valueEnd...), nil
}

// base64Line is how many bytes Python writes on one line of base64: 76 characters.
const base64Line = 57

func appendBase64(b, data []byte) []byte {
	b = append(b, "<value><base64>\n"...)
	for len(data) > 0 {
		n := min(len(data), base64Line)
		b = base64.StdEncoding.AppendEncode(b, data[:n])
		b = append(b, '\n')
		data = data[n:]
	}
	return append(b, "</base64>"+valueEnd...)
}

// marked are the bytes that are not just written, or may not be.
var marked = func() (bytes [256]bool) {
	for c := range bytes {
		bytes[c] = c >= utf8.RuneSelf || textClasses[c] != plainByte || c == '>'
	}
	return bytes
}()

// appendText writes character data. What XML cannot hold becomes U+FFFD; a carriage return is written as a reference, since
// readers turn a bare one into a line feed.
func appendText(b []byte, s string) []byte {
	start := 0
	for i := 0; ; {
		for i < len(s) && !marked[s[i]] {
			i++
		}
		if i == len(s) {
			return append(b, s[start:]...)
		}
		replacement, size := "", 1
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF {
				replacement = "\uFFFD"
			}
		case c == '&':
			replacement = "&amp;"
		case c == '<':
			replacement = "&lt;"
		case c == '>':
			replacement = "&gt;"
		case c == '\r':
			replacement = "&#13;"
		default: // a control character
			replacement = "\uFFFD"
		}
		if replacement != "" {
			b = append(b, s[start:i]...)
			b = append(b, replacement...)
			start = i + size
		}
		i += size
	}
}
