package rules

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// lines joins the lines of a rules file. Problems are compared as text, with their line and column.
func lines(l ...string) []byte { return []byte(strings.Join(l, "\n")) }

func texts(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name string
		file []byte
		want []string
	}{
		{"empty", lines(""), []string{"r.xml:1:1: malformed XML: no root element"}},
		{"only a comment", lines("<!-- x -->", ""), []string{"r.xml:2:1: malformed XML: no root element"}},
		{"no XML", lines("root"), []string{"r.xml:1:1: malformed XML: text outside of the root element"}},
		{"never closed", lines("<root>", ` <application name="a">`), []string{"r.xml:2:24: malformed XML: unexpected EOF"}},
		{"wrongly closed", lines("<root>", "<model name='m'></root>"),
			[]string{"r.xml:2:24: malformed XML: element <model> closed by </root>"}},
		{"closed too often", lines("<root/>", "</root>"), []string{"r.xml:2:8: malformed XML: unexpected end element </root>"}},
		{"two roots", lines("<root/>", "<root/>"), []string{"r.xml:2:1: malformed XML: second root element <root>"}},
		{"text after the root", lines("<root/>", "x"), []string{"r.xml:1:8: malformed XML: text outside of the root element"}},
		{"late declaration", lines("", "<?xml version='1.0'?>", "<root/>"),
			[]string{"r.xml:2:1: malformed XML: the XML declaration is not at the start of the file"}},
		{"unknown entity", lines("<root>", "&x;</root>"), []string{"r.xml:2:4: malformed XML: invalid character entity &x;"}},
		{"encoding", lines("<?xml version='1.0' encoding='EBCDIC'?><root/>"),
			[]string{`r.xml:1:1: malformed XML: xml: opening charset "EBCDIC": encoding "EBCDIC" is not supported`}},
		{"root", lines("<rules/>"), []string{"r.xml:1:1: /rules: the root element is called root"}},
		{"namespace of the root", lines("<root xmlns='urn:x'/>"), []string{"r.xml:1:1: /root: the root element is called root"}},
		{"unknown element", lines("<root>", "", `  <program name="p"/>`, "</root>"),
			[]string{`r.xml:3:3: /root/program[@name="p"]: unknown element, expected alias, model or application`}},
		{"unknown element in a namespace", lines("<root>", "<x:alias xmlns:x='u' name='a'>n1</x:alias></root>"),
			[]string{`r.xml:2:1: /root/alias[@name="a"]: unknown element, expected alias, model or application`}},
		{"unknown rules", lines("<root>", "<application name='a'>", "<required>true</required>", "<colour/></application>",
			"<model name='m'>", "\t<distribution>ALL_INSTANCES</distribution></model></root>"),
			[]string{`r.xml:3:1: /root/application[@name="a"]/required: unknown element`,
				`r.xml:4:1: /root/application[@name="a"]/colour: unknown element`,
				`r.xml:6:2: /root/model[@name="m"]/distribution: unknown element`}},
		{"unknown element beside programs", lines("<root><application pattern='a'><programs>", "<model/></programs></application></root>"),
			[]string{`r.xml:2:1: /root/application[@pattern="a"]/programs/model: unknown element, expected program`}},
		{"attributes", lines("<root version='1'>", "<alias nam='x'>n1</alias>", "<application name='a' name='b'>", "<programs n='1'/>",
			"<identifiers xml:lang='en'>n1</identifiers></application></root>"),
			[]string{"r.xml:1:1: /root: unknown attribute version",
				"r.xml:2:1: /root/alias: unknown attribute nam",
				"r.xml:2:1: /root/alias: the attribute name is missing",
				`r.xml:3:1: /root/application[@name="a"]: the attribute name is given twice`,
				`r.xml:4:1: /root/application[@name="a"]/programs: unknown attribute n`,
				`r.xml:5:1: /root/application[@name="a"]/identifiers: unknown attribute lang`}},
		{"text", lines("<root>x", "<application name='a'>y", "<programs>z</programs></application></root>"),
			[]string{"r.xml:1:1: /root: text between the elements",
				`r.xml:2:1: /root/application[@name="a"]: text between the elements`,
				`r.xml:3:1: /root/application[@name="a"]/programs: text between the elements`}},
		{"elements in values", lines("<root><alias name='a'>", "<b/>n1</alias><model name='m'>", "<reference><x/></reference>",
			"<identifiers>n1<n2/></identifiers></model></root>"),
			[]string{`r.xml:2:1: /root/alias[@name="a"]/b: no element is allowed here`,
				`r.xml:3:12: /root/model[@name="m"]/reference/x: no element is allowed here`,
				`r.xml:4:16: /root/model[@name="m"]/identifiers/n2: no element is allowed here`}},
		{"twice", lines("<root><model name='m'><required>true</required>", "<required>true</required></model>",
			"<application name='a'><programs/>", "<programs/></application></root>"),
			[]string{`r.xml:2:1: /root/model[@name="m"]/required: the element is given twice`,
				`r.xml:4:1: /root/application[@name="a"]/programs: the element is given twice`}},
		{"pattern", lines("<root>", "<application pattern='('/></root>"),
			[]string{`r.xml:2:1: /root/application[@pattern="("]: the pattern is no regular expression: missing closing )`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, problems := Parse("r.xml", tt.file)
			if got := texts(problems); !slices.Equal(got, tt.want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if set != nil {
				t.Error("the file is used")
			}
		})
	}
}

// Values of elements: what the schema refuses, and what it allows but Supvisors ignores.
func TestParseValues(t *testing.T) {
	tests := []struct{ element, value, want string }{
		{"start_sequence", "x", `"x" is not an integer from 0 to 127`},
		{"start_sequence", "", `"" is not an integer from 0 to 127`},
		{"start_sequence", "1.5", `"1.5" is not an integer from 0 to 127`},
		{"stop_sequence", "128", `"128" is not an integer from 0 to 127`},
		{"stop_sequence", "-129", `"-129" is not an integer from 0 to 127`},
		{"stop_sequence", "99999999999999999999", `"99999999999999999999" is not an integer from 0 to 127`},
		{"start_sequence", "-1", "warning: a sequence cannot be negative, the value is ignored: -1"},
		{"start_sequence", " 127\n", ""},
		{"start_sequence", "+1", ""},
		{"required", "yes", `"yes" is not a boolean, expected true, false, 1 or 0`},
		{"required", "True", `"True" is not a boolean, expected true, false, 1 or 0`},
		{"required", " 0 ", ""},
		{"wait_exit", "", `"" is not a boolean, expected true, false, 1 or 0`},
		{"wait_exit", "1", ""},
		{"expected_loading", "101", `"101" is not an integer from 0 to 100`},
		{"expected_loading", "-1", `"-1" is not an integer from 0 to 100`},
		{"expected_loading", "much", `"much" is not an integer from 0 to 100`},
		{"expected_loading", "100", ""},
		{"starting_failure_strategy", "RESYNC", `unknown starting failure strategy "RESYNC", expected one of ABORT, STOP, CONTINUE`},
		{"starting_failure_strategy", "STOP", ""},
		{"running_failure_strategy", "ABORT", `unknown running failure strategy "ABORT", expected one of ` +
			"CONTINUE, RESTART_PROCESS, STOP_APPLICATION, RESTART_APPLICATION, SHUTDOWN, RESTART"},
		{"running_failure_strategy", " RESTART", `unknown running failure strategy " RESTART", expected one of ` +
			"CONTINUE, RESTART_PROCESS, STOP_APPLICATION, RESTART_APPLICATION, SHUTDOWN, RESTART"},
		{"running_failure_strategy", "SHUTDOWN", ""},
		{"identifiers", "", "warning: an empty list stands for the default, the value is ignored"},
		{"identifiers", "n1,n2", ""},
		{"reference", "nothing", ""}, // a warning of its own, see TestWarnings
	}
	for _, tt := range tests {
		file := lines("<root>", "<model name='m'>", "  <"+tt.element+">"+tt.value+"</"+tt.element+">", "</model></root>")
		set, problems := Parse("r.xml", file)
		if tt.element == "reference" {
			problems = nil
		}
		var want []string
		if text, warning := strings.CutPrefix(tt.want, "warning: "); tt.want != "" {
			want = []string{Problem{"r.xml", 3, 3, `/root/model[@name="m"]/` + tt.element, text, warning}.String()}
		}
		if got := texts(problems); !slices.Equal(got, want) {
			t.Errorf("%s %q: got %q, want %q", tt.element, tt.value, got, want)
		}
		if used := tt.want == "" || strings.HasPrefix(tt.want, "warning"); used != (set != nil) {
			t.Errorf("%s %q: used %v, want %v", tt.element, tt.value, set != nil, used)
		}
	}
}

func TestParseApplicationValues(t *testing.T) {
	tests := []struct{ element, value, want string }{
		{"distribution", "NOPE", `unknown distribution "NOPE", expected one of ALL_INSTANCES, SINGLE_INSTANCE, SINGLE_NODE`},
		{"starting_strategy", "", `unknown starting strategy "", expected one of ` +
			"CONFIG, LESS_LOADED, MOST_LOADED, LOCAL, LESS_LOADED_NODE, MOST_LOADED_NODE"},
		{"operational_status", "any(", "warning: column 5: unexpected end, expected a name between quotes, any, all, not or (" +
			", the value is ignored"},
		{"operational_status", "", "warning: an empty formula, the value is ignored"},
		{"operational_status", "any('x')", ""},
	}
	for _, tt := range tests {
		file := lines("<root>", `<application name="a"><`+tt.element+">"+tt.value+"</"+tt.element+"></application>", "</root>")
		_, problems := Parse("r.xml", file)
		var want []string
		if text, warning := strings.CutPrefix(tt.want, "warning: "); tt.want != "" {
			want = []string{Problem{"r.xml", 2, 23, `/root/application[@name="a"]/` + tt.element, text, warning}.String()}
		}
		if got := texts(problems); !slices.Equal(got, want) {
			t.Errorf("%s %q: got %q, want %q", tt.element, tt.value, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	set, problems := Parse("r.xml", lines("<root>",
		"<alias name='late'>early,n1</alias><alias name='early'>late</alias>",
		"<alias name='none'/>",
		"<alias name='late'>n2</alias>",
		"<model/>",
		"<model name='m1' pattern='x'><reference>m2</reference></model>",
		"<model name='m2'><reference>m3</reference></model>",
		"<model name='m3'><reference>gone</reference></model>",
		"<model name='m3'/>",
		"<application/>",
		"<application name='a'><programs>",
		"  <program><required>1</required></program>",
		"  <program name='p'><reference>m1</reference></program>",
		"  <program name='p' pattern='p'/>",
		"  <program name='q' pattern='p'><identifiers>#,n1</identifiers><required>1</required></program>",
		"  <program pattern='r'><identifiers>@,#</identifiers></program>",
		"</programs></application>",
		"<application name='a' pattern='b'/>",
		"<application name='a'/>",
		"<application pattern='b'><identifiers>@</identifiers></application>",
		"<application name='c'><identifiers>#</identifiers></application>",
		"</root>"))
	want := []string{
		`r.xml:3:1: warning: /root/alias[@name="none"]: an empty alias is ignored`,
		`r.xml:4:1: warning: /root/alias[@name="late"]: replaces the alias at r.xml:2:1`,
		`r.xml:5:1: warning: /root/model: a model without a name is never used`,
		`r.xml:6:1: warning: /root/model[@name="m1"]: the pattern of a model is ignored`,
		`r.xml:9:1: warning: /root/model[@name="m3"]: replaces the model at r.xml:8:1`,
		`r.xml:10:1: warning: /root/application: an application without a name or a pattern is never used`,
		`r.xml:12:3: warning: /root/application[@name="a"]/programs/program: a program without a name or a pattern is never used`,
		`r.xml:14:3: warning: /root/application[@name="a"]/programs/program[@name="p"]: the name is already used before: the first element is used`,
		`r.xml:15:3: warning: /root/application[@name="a"]/programs/program[@name="q"]: replaces the same pattern at r.xml:14:3`,
		`r.xml:18:1: warning: /root/application[@name="a"]: the name is already used before: the first element is used`,
		`r.xml:19:1: warning: /root/application[@name="a"]: the name is already used before: the first element is used`,
		`r.xml:20:1: warning: /root/application[@pattern="b"]: replaces the same pattern at r.xml:18:1`,
		`r.xml:2:36: warning: /root/alias[@name="early"]: the alias late has to be defined after this one to be replaced here`,
		`r.xml:8:1: warning: /root/model[@name="m3"]: the model gone does not exist`,
		`r.xml:13:3: warning: /root/application[@name="a"]/programs/program[@name="p"]: the model m3 is not read: references end after 2 models`,
		`r.xml:15:3: warning: /root/application[@name="a"]/programs/program[@name="q"]: # and @ need a program pattern: all identifiers are allowed`,
		`r.xml:15:3: warning: /root/application[@name="a"]/programs/program[@name="q"]: required needs a start_sequence: required is ignored`,
		`r.xml:16:3: warning: /root/application[@name="a"]/programs/program[@pattern="r"]: # and @ exclude each other: # is ignored`,
		`r.xml:21:1: warning: /root/application[@name="c"]: # needs an application name that ends with - or _ and a number above 0: no identifier is allowed`,
	}
	if got := texts(problems); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if set == nil {
		t.Fatal("warnings refuse the file")
	}
}

func TestParseAccepts(t *testing.T) {
	for _, text := range []string{
		"<root/>",
		"\ufeff<?xml version='1.0' encoding='UTF-8' standalone='no'?>\n<!DOCTYPE root>\n<!-- x --><root></root>\n",
		"<root xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:noNamespaceSchemaLocation='rules.xsd'/>",
		"<?xml version='1.0' encoding='ISO-8859-1'?><root><application name='\xe9'/></root>",
		"<root><application name='&#233;'><programs/></application></root>",
		"<root><application name='\u00e9'><programs><!-- none --></programs></application></root>",
	} {
		set, problems := Parse("r.xml", []byte(text))
		if set == nil || problems != nil {
			t.Errorf("%s: %v", text, texts(problems))
		} else if strings.Contains(text, "application") && !set.Application("é", Config).Managed {
			t.Errorf("%s: the application é is not found", text)
		}
	}
}

func TestLoadFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := file("1.xml", `<root><alias name="all">n1,later</alias><model name="m"><start_sequence>1</start_sequence></model>
		<application name="a"><stop_sequence>1</stop_sequence><programs><program name="p"><reference>m</reference></program></programs>
		</application><application pattern="x_"><stop_sequence>1</stop_sequence></application></root>`)
	second := file("2.xml", `<root><alias name="later">n3</alias><model name="m"><start_sequence>2</start_sequence></model>
		<application name="a"><stop_sequence>2</stop_sequence></application>
		<application name="b"><programs><program name="p"><identifiers>all</identifiers></program></programs></application>
		<application pattern="x_"><stop_sequence>2</stop_sequence></application></root>`)
	wrong := file("3.xml", "<root><model/>")
	gone := filepath.Join(dir, "4.xml")

	set, problems := Load([]string{first, second})
	if set == nil || len(problems) != 3 {
		t.Fatal(texts(problems))
	}
	if want := second + `:1:37: warning: /root/model[@name="m"]: replaces the model at ` + first + ":1:41"; problems[0].String() != want {
		t.Errorf("%s, want %s", problems[0], want)
	}
	if got := set.Application("a", Config).StopSequence; got != 1 {
		t.Errorf("application a is the one with stop_sequence %d, want the first", got)
	}
	if got := set.Application("x_1", Config).StopSequence; got != 2 {
		t.Errorf("the pattern x_ is the one with stop_sequence %d, want the last", got)
	}
	if got := set.Program("a", "p").StartSequence; got != 2 {
		t.Errorf("model m is the one with start_sequence %d, want the last", got)
	}
	if got := set.Program("b", "p").Identifiers.Names; !slices.Equal(got, []string{"n1", "n3"}) {
		t.Errorf("aliases over files: %q", got)
	}

	set, problems = Load([]string{wrong, first, gone})
	want := []string{wrong + ":1:15: malformed XML: unexpected EOF", gone + ": open " + gone + ": no such file or directory"}
	if got := texts(problems); set != nil || !slices.Equal(got, want) {
		t.Errorf("set %v, problems %q, want %q", set, got, want)
	}
	if set, problems = Load(nil); set == nil || problems != nil || set.Application("a", Local).Managed {
		t.Errorf("no file: %v, %v", set, problems)
	}
}

// TestOtherReader has a reader that refuses a file.
func TestOtherReader(t *testing.T) {
	var seen []string
	read := func(path string) ([]byte, error) {
		seen = append(seen, path)
		if path == "b" {
			return nil, errors.New("b: not signed")
		}
		return []byte(`<root><application name="shop"/></root>`), nil
	}
	if set, problems := LoadWith([]string{"a"}, read); len(problems) > 0 || !set.Application("shop", Config).Managed {
		t.Errorf("got %q", texts(problems))
	}
	set, problems := LoadWith([]string{"b", "c"}, read)
	if set != nil || !slices.Equal(texts(problems), []string{"b: b: not signed"}) || !slices.Equal(seen, []string{"a", "b", "c"}) {
		t.Errorf("got %q of %q", texts(problems), seen)
	}
}
