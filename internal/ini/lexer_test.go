package ini

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// contents lists the sections of a document, each as its name and then its keys and values in turn; the options of [DEFAULT] come
// first.
func contents(d *Document) [][]string {
	sections := [][]string{}
	for _, name := range append([]string{defaultSection}, d.Sections()...) {
		if name == defaultSection && len(d.Keys(name)) == 0 {
			continue
		}
		section := []string{name}
		for _, key := range d.Keys(name) {
			value := d.Default(key)
			if name != defaultSection {
				value, _ = d.Lookup(name, key)
			}
			section = append(section, key, value.Text)
		}
		sections = append(sections, section)
	}
	return sections
}

// dump shows the contents of a document as "[section] key=value|" pieces.
func dump(d *Document) string {
	var b strings.Builder
	for _, section := range contents(d) {
		fmt.Fprintf(&b, "[%s]", section[0])
		for option := range slices.Chunk(section[1:], 2) {
			fmt.Fprintf(&b, " %s=%s|", option[0], option[1])
		}
	}
	return b.String()
}

// dialect are texts whose meaning is easily got wrong.
var dialect = []struct{ name, text, want string }{
	{"plain", "[a]\nx=1\ny: 2\n", "[a] x=1| y=2|"},
	{"blanks and case", "[a]\n  \nFoo Bar  =  1  \n", "[a] foo bar=1|"},
	{"inline comments", "[a] ; c\nx=1 ;c\ny=2 #c\nz=a;b#c\n", "[a] x=1| y=2| z=a;b#c|"},
	{"comment after tab", "[a]\nx=1\t;c\ny=1\t#c\n", "[a] x=1| y=1|"},
	{"comment signs in rounds", "[a]\nx=1; ; #\ny=a ;b #c\n", "[a] x=1; ;| y=a|"},
	{"empty values", "[a]\nx=\ny= ;c\nz= #c\n", "[a] x=| y=| z=|"},
	{"continuation", "[a]\nx=1\n  2 ;c\n\t3\ny=4\n", "[a] x=1\n2\n3| y=4|"},
	{"blank line in a value", "[a]\nx=1\n\n  2\n", "[a] x=1\n\n2|"},
	{"comment line in a value", "[a]\nx=1\n# c\n  2\n  ; c\n  3\n", "[a] x=1\n2\n3|"},
	{"blank lines after a value", "[a]\nx=1\n\n\n[b]\ny=2\n", "[a] x=1|[b] y=2|"},
	{"options indented alike", "[a]\n  x=1\n  y=2\n", "[a] x=1| y=2|"},
	{"indented header after an option", "[a]\nx=1\n [b]\ny=2\n", "[a] x=1\n[b]| y=2|"},
	{"indented header at the start", "  [a]\n  x=1\n", "[a] x=1|"},
	{"header with more behind", "[a]b]c\nx=1\n", "[a]b] x=1|"},
	{"sections again", "[a]\nx=1\ny=1\n[b]\n[a]\nx=2\n", "[a] x=2| y=1|[b]"},
	{"option again", "[a]\nx=1\ny=1\nx=3\n  4\n", "[a] x=3\n4| y=1|"},
	{"defaults", "[a]\nx=1\n[DEFAULT]\nd=2\n", "[DEFAULT] d=2|[a] x=1|"},
	{"quotes stay", "[a]\nx=\"\"\"v\"\"\"\n\"k\"=`v`\n-=1\n", "[a] x=\"\"\"v\"\"\"| \"k\"=`v`| -=1|"},
	{"line ends", "[a]\r\nx=1\r\ry=2\\\nz=3\n", "[a] x=1| y=2\\| z=3|"},
	{"percent stays", "[a]\nx=%(x)s\n", "[a] x=%(x)s|"},
	{"form feed indents", "[a]\nx=1\n\fy=2\n", "[a] x=1\ny=2|"},
	{"ASCII separators are blanks", "[a]\nx=\x1c1\x1f\n", "[a] x=1|"},
	{"no break space", "[a]\nx=1\u00a0;c\n\u00a0y\n", "[a] x=1\ny|"},
	{"no line end", "[a]\nx=1", "[a] x=1|"},
	{"long value", "[a]\nx=" + strings.Repeat("v\n  ", 3000) + "end\ny=1\n", "[a] x=" + strings.Repeat("v\n", 3000) + "end| y=1|"},
	{"dotted name inherits nothing", "[program:x]\na=1\n[program:x.y]\nb=2\n", "[program:x] a=1|[program:x.y] b=2|"},
	{"header of blanks", "[ ]\nx=1\n", "[ ] x=1|"},
	{"header of a bracket", "[]]\nx=1\n", "[]] x=1|"},
	{"nothing", "", ""},
	{"comments only", "; a\n# b\n\n", ""},
}

func TestDialect(t *testing.T) {
	for _, c := range dialect {
		t.Run(c.name, func(t *testing.T) {
			d, err := Parse("f", c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := dump(d); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// broken are texts that are refused, with the text and the lines of the error.
var broken = []struct {
	name, text, message string
	lines               []int
}{
	{"not ini", "[supervisord]\nthis is not ini\n", "Source contains parsing errors: 'f'\n\t[line  2]: 'this is not ini\\n'", []int{2}},
	{"all bad lines", "[a]\nx\ny=1\n=2\n: 3", "Source contains parsing errors: 'f'\n\t[line  2]: 'x\\n'\n\t[line  4]: '=2\\n'\n\t[line  5]: ': 3'", []int{2, 4, 5}},
	{"no header", "\na=b\n[c]\n", "File contains no section headers.\nfile: 'f', line: 2\n'a=b\\n'", []int{2}},
	{"byte order mark", "\ufeff[a]\n", "File contains no section headers.\nfile: 'f', line: 1\n'\\ufeff[a]\\n'", []int{1}},
	{"unclosed header", "[a\nx=1\n", "File contains no section headers.\nfile: 'f', line: 1\n'[a\\n'", []int{1}},
	{"empty header", "[]\n", "File contains no section headers.\nfile: 'f', line: 1\n'[]\\n'", []int{1}},
	{"key without value", "[a]\nx=1\ny\n z\n", "Source contains parsing errors: 'f'\n\t[line  3]: 'y\\n'", []int{3}},
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f", c.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v", err)
			}
			if err.Error() != c.message {
				t.Errorf("got  %q\nwant %q", err, c.message)
			}
			var lines []int
			for _, l := range syntax.Lines {
				lines = append(lines, l.Line)
			}
			if fmt.Sprint(lines) != fmt.Sprint(c.lines) {
				t.Errorf("lines %v, want %v", lines, c.lines)
			}
		})
	}
}

func TestBytesThatAreNoText(t *testing.T) {
	_, err := Parse("f", "[a]\nx=\xff\n")
	want := "'utf-8' codec can't decode byte 0xff in position 6 (file: 'f', line: 2)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Parse("f", "[a]\nx=\ufffd\n"); err != nil {
		t.Errorf("a replacement character is text: %v", err)
	}
}

func TestPositions(t *testing.T) {
	d, err := Parse("f", "# c\n[a]\nx=1\n\n  2\n[b]\ny=1\n[a]\nx=3\nz=1\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		section, key string
		want         string
	}{{"a", "x", "f:9"}, {"b", "y", "f:7"}, {"a", "z", "f:10"}} {
		if v, ok := d.Lookup(c.section, c.key); !ok || v.Pos.String() != c.want {
			t.Errorf("%s.%s is at %v, want %s", c.section, c.key, v.Pos, c.want)
		}
	}
	if got := d.Header("a").String(); got != "f:2" {
		t.Errorf("section a begins at %s", got)
	}
	if got := (Position{File: "f"}).String(); got != "f" {
		t.Errorf("a file is shown as %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range dialect {
		f.Add(c.text)
	}
	for _, c := range broken {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse("f", text)
		if err != nil {
			return
		}
		lines := strings.Count(universalNewlines(text), "\n") + 1
		for _, section := range d.Sections() {
			for _, key := range d.Keys(section) {
				v, ok := d.Lookup(section, key)
				if !ok || v.Pos.Line < 1 || v.Pos.Line > lines || v.Text != strings.TrimRightFunc(v.Text, isSpace) {
					t.Errorf("[%s] %s is %+v, %v", section, key, v, ok)
				}
			}
			if same := d.With(section, "numprocs", "2"); len(same.Sections()) != len(d.Sections()) {
				t.Errorf("a copy has %v instead of %v", same.Sections(), d.Sections())
			}
		}
	})
}
