package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/supvisors/supvisors/internal/ini"
	"github.com/supvisors/supvisors/rpc"
)

// pyStr returns str(v) as Python prints a value that came through XML-RPC.
func pyStr(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return pyRepr(v)
}

// pyRepr returns repr(v) as Python prints a value that came through XML-RPC.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return ini.Repr(v)
	case float64:
		return pyFloat(v)
	case []any:
		return "[" + pyJoin(v) + "]"
	case rpc.Map:
		members := make([]string, len(v))
		for i, m := range v {
			members[i] = ini.Repr(m.Name) + ": " + pyRepr(m.Value)
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return fmt.Sprint(v) // an int; no server sends dates or base64 in answer to these commands
}

func pyJoin(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = pyRepr(v)
	}
	return strings.Join(texts, ", ")
}

// pyFloat returns repr() of a float: the shortest digits that read back as f, with an exponent below 1e-4 and from 1e16 on.
func pyFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
