package story

import (
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	readme := strings.ReplaceAll(`# Title
'''ini
[not=ours]
'''
## Start
Some words.

'''sh
a
b
'''

'''text
one
two
'''
'''sh look
c
'''
## Words only
## Stop
'''sh
d
'''
`, "'''", "```")
	want := []section{
		{"Start", []step{{"a\nb", false, "one\ntwo"}, {"c", true, ""}}},
		{"Stop", []step{{"d", false, ""}}},
	}
	if got, err := parse(readme); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v, wanted %v", got, err, want)
	}
	for name, bad := range map[string]string{
		"nothing":        "# Title\n",
		"open":           "## A\n'''sh\na\n",
		"no commands":    "## A\n'''text\na\n'''\n",
		"other section":  "## A\n'''sh\na\n'''\n## B\n'''text\na\n'''\n",
		"second outputs": "## A\n'''sh\na\n'''\n'''text\na\n'''\n'''text\na\n'''\n",
	} {
		if got, err := parse(strings.ReplaceAll(bad, "'''", "```")); err == nil {
			t.Errorf("%s: read as %v", name, got)
		}
	}
}

func TestAlike(t *testing.T) {
	for _, c := range []struct {
		shown, printed string
		want           bool
	}{
		{"a\nb", "a\nb\n", true},
		{"a\nb", "a   \nb\n", true},
		{"a\nb", "a\n", false},
		{"a", "a\nb\n", false},
		{"a", "ba\n", false},
		{"a  b", "a b\n", false},
		{"a.c", "abc\n", false},
		{"x RUNNING   pid 1, uptime 0:00:01", "x RUNNING   pid 31478, uptime 1:23:45\n", true},
		{"x RUNNING   pid 1, uptime 0:00:01", "x STOPPED   Not started\n", false},
		{"x EXITED    Nov 21 06:33 AM", "x EXITED    Dec 01 11:00 PM\n", true},
		{"a\n…\nd", "a\nb\nc\nd\n", true},
		{"a\n…\nd", "a\nd\n", true},
		{"a\n…\nd", "a\nb\n", false},
	} {
		if got := alike(c.shown, c.printed); got != c.want {
			t.Errorf("%q shown, %q printed: %v", c.shown, c.printed, got)
		}
	}
}
