package ini

import (
	"strings"
	"testing"
)

var expandVars = Vars{"a": "x y", "here": "/etc", "n": 7, "ENV_P": "100%(n)s", "p(q)": "par", "": "empty"}

func TestExpand(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"plain", "plain"},
		{"%(here)s/log", "/etc/log"},
		{"%(n)02d-%(n)d-%(n)s-%(n)i-%(n)u", "07-7-7-7-7"},
		{"100%%", "100%"},
		{"%(ENV_P)s", "100%(n)s"}, // what comes out is not expanded again
		{"%(a)5s|%(a)-5s|%(a).1s", "  x y|x y  |x"},
		{"%(n)x %(n)#o %(n)+d %(n)3d", "7 0o7 +7   7"},
		{"%(p(q))s", "par"},
		{"%()s", "empty"},
		{"%(a)r", "'x y'"},
		{"%(n)ld", "7"},
		{"é%(a)sé", "éx yé"},
	} {
		got, err := Expand(c.text, "o", expandVars)
		if err != nil || got != c.want {
			t.Errorf("%q gives %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestExpandErrors(t *testing.T) {
	const names = "Available names: , ENV_P, a, here, n, p(q)"
	for _, c := range []struct{ text, want string }{
		{"/bin/echo %(nope)s", "Format string '/bin/echo %(nope)s' for 'program:p.command' contains names ('nope') which cannot be expanded. " + names},
		{"%(a)s %(it's)s", `Format string "%(a)s %(it's)s" for 'program:p.command' contains names ("it's") which cannot be expanded. ` + names},
		{"100%", "Format string '100%' for 'program:p.command' is badly formatted: incomplete format"},
		{"%(a", "Format string '%(a' for 'program:p.command' is badly formatted: incomplete format key"},
		{"50% of", "Format string '50% of' for 'program:p.command' is badly formatted: %o without a name in parentheses"},
		{"é%(a)y", "Format string 'é%(a)y' for 'program:p.command' is badly formatted: unsupported format character 'y' (0x79) at index 5"},
		{"%(a)d", "Format string '%(a)d' for 'program:p.command' is badly formatted: %d format: a real number is required, not str"},
		{"%(a)x", "Format string '%(a)x' for 'program:p.command' is badly formatted: %x format: an integer is required, not str"},
		{"%(n)99999999999d", "Format string '%(n)99999999999d' for 'program:p.command' is badly formatted: width too big"},
		{"%(n).5000d", "Format string '%(n).5000d' for 'program:p.command' is badly formatted: width too big"},
		{"date +%s", "Format string 'date +%s' for 'program:p.command' is badly formatted: %s without a name in parentheses"},
	} {
		got, err := Expand(c.text, "program:p.command", expandVars)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q gives %q\n got %v\nwant %s", c.text, got, err, c.want)
		}
	}
}

func TestEnvVars(t *testing.T) {
	vars := EnvVars([]string{"A=1", "B=x=y", "C=", "=D", "noequals"})
	want := Vars{"ENV_A": "1", "ENV_B": "x=y", "ENV_C": ""}
	if len(vars) != len(want) {
		t.Errorf("got %v", vars)
	}
	for name, value := range want {
		if vars[name] != value {
			t.Errorf("%s is %v, want %v", name, vars[name], value)
		}
	}
}

const percent = `
import json, sys
data = json.load(sys.stdin)
def expand(s):
    try:
        return s % data['vars']
    except KeyError as e:
        return 'error: missing %s' % e
    except Exception as e:
        return 'error: %s' % e
json.dump([expand(s) for s in data['texts']], sys.stdout)
`

func TestExpandIsPythons(t *testing.T) {
	texts := randomTexts(2, 4000, 9, []string{"%(a)", "%(n)", "%(here)s", "%(nope)s", "%%", "%(", ")", "s", "d", "i", "x", "o", "X", "r",
		"0", "2", "3", ".", "-", "+", " ", "#", "l", "y", "é", "f", "g", "%(a)s", "%(n)02d"})
	var want []string
	python(t, percent, map[string]any{"texts": texts, "vars": expandVars}, &want)
	for i, text := range texts {
		got, err := Expand(text, "o", expandVars)
		switch {
		case nameless(text, want[i]):
			continue
		case err != nil:
			got = "error: " + err.Error()
			if strings.HasPrefix(want[i], "error: missing ") && strings.Contains(got, "("+strings.TrimPrefix(want[i], "error: missing ")+")") {
				continue
			}
			got = "error: " + strings.TrimPrefix(got, "error: Format string "+Repr(text)+" for 'o' is badly formatted: ")
		}
		if got != want[i] {
			t.Errorf("%q gives %q, in Python %q", text, got, want[i])
		}
	}
}

// nameless reports whether Python took the whole dictionary as the argument of a conversion, which is of no use to anybody, or
// padded a number in a way that only Python does.
func nameless(text, result string) bool {
	return strings.Contains(result, "not dict") || strings.Contains(result, "{'") || strings.Contains(result, "not enough arguments") ||
		strings.Contains(text, ".") && !strings.Contains(text, ").")
}

func FuzzExpand(f *testing.F) {
	for _, text := range []string{"%(a)s", "%(n)02d", "%%", "%(x", "%(n)#x", "%(n)-+ #09.3ld", "%"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Expand(text, "o", expandVars)
		if err != nil {
			return
		}
		if !strings.Contains(text, "%") && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if len(got) > len(text)*(2*maxWidth+16) {
			t.Errorf("%q became %d bytes long", text, len(got))
		}
	})
}
