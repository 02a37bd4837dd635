package ini

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Repr returns the text as Python's repr shows a string; Supervisor's messages are full of them.
func Repr(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\udc%02x`, s[0])
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		s = s[size:]
	}
	b.WriteRune(quote)
	return b.String()
}

// ReprList returns the texts as Python's repr shows a list of strings.
func ReprList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = Repr(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
