package ini

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"
)

// conversions are texts for each converter with the value, or with the error text.
var conversions = []struct {
	name  string
	parse func(string) (any, error)
	good  map[string]any
	bad   map[string]string
}{
	{"int", func(s string) (any, error) { return Int(s) },
		map[string]any{"0": 0, " 42\n": 42, "-3": -3, "+7": 7, "1_000": 1000, "007": 7},
		map[string]string{"abc": "invalid literal for int() with base 10: 'abc'", "": "invalid literal for int() with base 10: ''", "1.5": "invalid literal for int() with base 10: '1.5'",
			"1__0": "invalid literal for int() with base 10: '1__0'", "0x10": "invalid literal for int() with base 10: '0x10'",
			"99999999999999999999": "number out of range: '99999999999999999999'"}},
	{"bool", func(s string) (any, error) { return Bool(s) },
		map[string]any{"yes": true, "TrUe": true, "ON": true, "1": true, "no": false, "false": false, "Off": false, "0": false},
		map[string]string{"maybe": "not a valid boolean value: 'maybe'", "": "not a valid boolean value: ''", "t": "not a valid boolean value: 't'", "it's": `not a valid boolean value: "it's"`}},
	{"size", func(s string) (any, error) { return ByteSize(s) },
		map[string]any{"0": int64(0), "77": int64(77), "1KB": int64(1024), "2mb": int64(2 << 20), "1Gb": int64(1 << 30), "10 kb": int64(10240)},
		map[string]string{"10XB": "invalid literal for int() with base 10: '10xb'", "kb": "invalid literal for int() with base 10: ''", "1.5MB": "invalid literal for int() with base 10: '1.5'",
			"9999999999GB": "number out of range: '9999999999GB'"}},
	{"exit codes", func(s string) (any, error) { v, err := ExitCodes(s); return fmt.Sprint(v), err },
		map[string]any{"0": "[0]", "0,2, 3": "[0 2 3]", "": "[]", "255": "[255]"},
		map[string]string{"300": "not a valid list of exit codes: '300'", "-1": "not a valid list of exit codes: '-1'", "0,": "not a valid list of exit codes: '0,'", "a": "not a valid list of exit codes: 'a'"}},
	{"octal", func(s string) (any, error) { return Octal(s) },
		map[string]any{"022": 0o22, "0o700": 0o700, "7": 7, "777": 0o777},
		map[string]string{"9": "9 can not be converted to an octal type", "xyz": "xyz can not be converted to an octal type", "": " can not be converted to an octal type", "77777": "77777 can not be converted to an octal type"}},
	{"signal", func(s string) (any, error) { v, err := Signal(s); return int(v), err },
		map[string]any{"HUP": 1, "SIGINT": 2, "quit": 3, " term ": 15, "9": 9, "cld": 17, "34": 34, "RTMAX": 64},
		map[string]string{"FOO": "value 'FOO' is not a valid signal name", "99": "value '99' is not a valid signal number", "40": "value '40' is not a valid signal number", "-1": "value '-1' is not a valid signal number"}},
	{"level", func(s string) (any, error) { v, err := Level(s); return int(v), err },
		map[string]any{"critical": 12, "ERROR": 8, "Warn": 4, "info": 0, "debug": -4, "trace": -8, "blather": -12},
		map[string]string{"foo": "bad logging level name 'foo'", "warning": "bad logging level name 'warning'"}},
	{"list", func(s string) (any, error) { return strings.Join(List(s), "|"), nil },
		map[string]any{"": "", "a": "a", " a , b,,c ": "a|b||c", "a\nb": "a\nb", ",": "|"}, nil},
	{"uid", func(s string) (any, error) { return UID(s) },
		map[string]any{"root": 0, "0": 0},
		map[string]string{"nosuchuser": "Invalid user name nosuchuser", "4000000": "Invalid user id 4000000"}},
	{"gid", func(s string) (any, error) { return GID(s) },
		map[string]any{"root": 0, "0": 0},
		map[string]string{"nosuchgroup": "Invalid group name nosuchgroup", "4000000": "Invalid group id 4000000"}},
	{"owner", func(s string) (any, error) { u, g, err := Owner(s); return fmt.Sprint(u, " ", g), err },
		map[string]any{"root": "0 -1", "root:root": "0 0", "0:0": "0 0"},
		map[string]string{"nosuch:user": "Invalid user:group definition nosuch:user", "root:nosuch": "Invalid user:group definition root:nosuch", "": "Invalid user:group definition "}},
	{"directory", func(s string) (any, error) { return ExistingDirectory(s) },
		map[string]any{"/tmp": "/tmp", "/": "/"},
		map[string]string{"/nope": "/nope is not an existing directory", "/etc/passwd": "/etc/passwd is not an existing directory"}},
	{"path", func(s string) (any, error) { return ExistingDirPath(s) },
		map[string]any{"x.log": "x.log", "/tmp/x.log": "/tmp/x.log", "/x.log": "/x.log", "./x": "./x", "/dev/stdout": "/dev/stdout"},
		map[string]string{"/no/such/x.log": "The directory named as part of the path /no/such/x.log does not exist"}},
}

func TestConversions(t *testing.T) {
	for _, c := range conversions {
		t.Run(c.name, func(t *testing.T) {
			for text, want := range c.good {
				if got, err := c.parse(text); err != nil || got != want {
					t.Errorf("%q gives %v, %v; want %v", text, got, err, want)
				}
			}
			for text, want := range c.bad {
				if got, err := c.parse(text); err == nil || err.Error() != want {
					t.Errorf("%q gives %v, %v; want %s", text, got, err, want)
				}
			}
		})
	}
}

func TestGIDOf(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := GIDOf(os.Getuid()); err != nil || strconv.Itoa(got) != me.Gid {
		t.Errorf("got %d, %v; want %s", got, err, me.Gid)
	}
	if _, err := GIDOf(4000000); err == nil {
		t.Error("a user that does not exist has a group")
	}
}

func TestExpandUser(t *testing.T) {
	t.Setenv("HOME", "/home/me/")
	for path, want := range map[string]string{
		"":                  "",
		"/a/~":              "/a/~",
		"~":                 "/home/me",
		"~/x":               "/home/me/x",
		"~root/x":           "/root/x",
		"~nosuchuser/x":     "~nosuchuser/x",
		"relative/~/x":      "relative/~/x",
		"~nosuchuser":       "~nosuchuser",
		"~/a/../b":          "/home/me/a/../b",
		"/~root":            "/~root",
		"~root":             "/root",
		"~/":                "/home/me/",
		"~ root/not a name": "~ root/not a name",
	} {
		if got := ExpandUser(path); got != want {
			t.Errorf("%q gives %q, want %q", path, got, want)
		}
	}
	t.Setenv("HOME", "/")
	if got := ExpandUser("~"); got != "/" {
		t.Errorf("the root as home gives %q", got)
	}
}

func TestNormalize(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := t.TempDir()
	t.Chdir(dir)
	for path, want := range map[string]string{"x.log": dir + "/x.log", "/a//b/../c": "/a/c", "~/x": "/home/me/x"} {
		if got, err := Normalize(path); err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", path, got, err, want)
		}
	}
}

func TestReprIsPythons(t *testing.T) {
	texts := randomTexts(4, 1000, 8, []string{"a", "'", "\"", "\\", "\n", "\r", "\t", "\x00", "\x7f", "\u0085", "é", "日", "\u00a0", "\u200b", "\u2028", "😀", "\U000e0001"})
	var want []string
	python(t, "import json, sys\njson.dump([repr(s) for s in json.load(sys.stdin)], sys.stdout)", texts, &want)
	for i, text := range texts {
		if got := Repr(text); got != want[i] {
			t.Errorf("%q is shown as %s, in Python as %s", text, got, want[i])
		}
	}
	if got := ReprList([]string{"a", "b'c"}); got != `['a', "b'c"]` {
		t.Errorf("got %s", got)
	}
	if got := Repr("\xff"); got != `'\udcff'` {
		t.Errorf("got %s", got)
	}
}

const numbers = `
import json, sys
def size(v):
    v = v.lower()
    for s, m in (('kb', 1024), ('mb', 1024**2), ('gb', 1024**3)):
        if v[-2:] == s:
            return int(v[:-2]) * m
    return int(v)
def attempt(f, s):
    try:
        return str(f(s))
    except ValueError as e:
        return str(e)
json.dump([[attempt(int, s), attempt(size, s)] for s in json.load(sys.stdin)], sys.stdout)
`

func TestNumbersArePythons(t *testing.T) {
	texts := randomTexts(5, 2000, 6, []string{"1", "0", "23", "_", "+", "-", " ", "\n", "k", "KB", "mB", "gb", ".", "x", "\u00a0"})
	var want [][2]string
	python(t, numbers, texts, &want)
	show := func(n any, err error) string {
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(n)
	}
	for i, text := range texts {
		n, err := Int(text)
		if got := show(n, err); got != want[i][0] {
			t.Errorf("Int(%q) is %s, in Python %s", text, got, want[i][0])
		}
		size, err := ByteSize(text)
		if got := show(size, err); got != want[i][1] {
			t.Errorf("ByteSize(%q) is %s, in Python %s", text, got, want[i][1])
		}
	}
}

func TestRepr(t *testing.T) {
	for in, want := range map[string]string{
		"a b": `'a b'`, "it's": `"it's"`, `"x"`: `'"x"'`, `it's "x"`: `'it\'s "x"'`, "a\nb\t\x01": `'a\nb\t\x01'`, `a\b`: `'a\\b'`, "é": `'é'`,
	} {
		if got := Repr(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
