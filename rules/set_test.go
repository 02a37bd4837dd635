package rules

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// parse reads the content of a rules file that must not be refused.
func parse(t testing.TB, content ...string) *Set {
	t.Helper()
	set, problems := Parse("r.xml", []byte("<root>"+strings.Join(content, "\n")+"</root>"))
	if set == nil {
		t.Fatal(strings.Join(texts(problems), "\n"))
	}
	return set
}

func TestEveryRule(t *testing.T) {
	set := parse(t, `
		<application name="full">
			<distribution>SINGLE_NODE</distribution> <identifiers>n2,n1</identifiers>
			<start_sequence>3</start_sequence> <stop_sequence>6</stop_sequence>
			<starting_strategy>MOST_LOADED_NODE</starting_strategy>
			<starting_failure_strategy>STOP</starting_failure_strategy>
			<running_failure_strategy>RESTART_PROCESS</running_failure_strategy>
			<operational_status>any('full') or 'other'</operational_status>
			<programs>
				<program name="full">
					<identifiers>n1,n3</identifiers> <start_sequence>2</start_sequence> <stop_sequence>5</stop_sequence>
					<required>true</required> <wait_exit>true</wait_exit> <expected_loading>33</expected_loading>
					<starting_failure_strategy>CONTINUE</starting_failure_strategy>
					<running_failure_strategy>RESTART_APPLICATION</running_failure_strategy>
				</program>
			</programs>
		</application>`)
	app := set.Application("full", LessLoaded)
	formula := app.Formula
	app.Formula = nil
	if want := (Application{Managed: true, Distribution: SingleNode, Identifiers: Identifiers{Names: []string{"n2", "n1"}},
		StartSequence: 3, StopSequence: 6, StartingStrategy: MostLoadedNode, StartingFailure: StartingFailureStop,
		RunningFailure: RunningFailureRestartProcess}); !reflect.DeepEqual(app, want) {
		t.Errorf("got  %+v\nwant %+v", app, want)
	}
	if formula == nil || formula.String() != "any('full') or 'other'" {
		t.Errorf("formula %v", formula)
	}
	if got, want := set.Program("full", "full"), (Program{Identifiers: Identifiers{Names: []string{"n1", "n3"}}, StartSequence: 2,
		StopSequence: 5, Required: true, WaitExit: true, ExpectedLoad: 33, StartingFailure: StartingFailureContinue,
		RunningFailure: RunningFailureRestartApplication}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// a program without rules takes the strategies of its application
	if got, want := set.Program("full", "other"), (Program{Identifiers: Identifiers{All: true},
		StartingFailure: StartingFailureStop, RunningFailure: RunningFailureRestartProcess}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	for name, set := range map[string]*Set{"no file": nil, "empty file": parse(t)} {
		want := Application{Identifiers: Identifiers{All: true}, StartingStrategy: LessLoaded}
		if got := set.Application("a", LessLoaded); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		if got, want := set.Program("a", "p"), (Program{Identifiers: Identifiers{All: true}}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	managed := parse(t, "<application name='a'/>").Application("a", Local)
	if want := (Application{Managed: true, Identifiers: Identifiers{All: true}, StartingStrategy: Local}); !reflect.DeepEqual(managed, want) {
		t.Errorf("got %+v, want %+v", managed, want)
	}
}

func TestLookup(t *testing.T) {
	set := parse(t,
		`<application name="pat"><programs>`,
		`<program pattern="prg"><expected_loading>1</expected_loading></program>`,
		`<program pattern="prg_"><expected_loading>2</expected_loading></program>`,
		`<program pattern="_00$"><expected_loading>3</expected_loading></program>`,
		`<program name="prg_1"><expected_loading>4</expected_loading></program>`,
		`<program pattern="grp_|_grp"><expected_loading>5</expected_loading></program>`,
		`</programs></application>`,
		`<application pattern="user_\d+"><stop_sequence>2</stop_sequence><programs>`,
		`<program name="x"><expected_loading>6</expected_loading></program></programs></application>`,
		`<application name="user_7"><stop_sequence>3</stop_sequence></application>`,
		`<application name="both" pattern="^either"><stop_sequence>4</stop_sequence></application>`)
	programs := []struct {
		application, process string
		load                 int
	}{
		{"pat", "prg", 1},
		{"pat", "prg_2", 2},
		{"pat", "dummy_prg_2", 2},
		{"pat", "prg_1", 4},     // a name goes before a pattern
		{"pat", "a_00", 3},      // three characters
		{"pat", "prg_00", 2},    // four characters of prg_ against three of _00
		{"pat", "prg00_00", 1},  // three against three: the first
		{"pat", "my_grp_ok", 5}, // the leftmost match counts, not the longest of the pattern
		{"pat", "other", 0},
		{"user_1", "x", 6},
		{"user_7", "x", 0}, // the element of the name, not the pattern, which has the program
		{"nobody", "prg", 0},
	}
	for _, tt := range programs {
		if got := set.Program(tt.application, tt.process).ExpectedLoad; got != tt.load {
			t.Errorf("%s:%s: load %d, want %d", tt.application, tt.process, got, tt.load)
		}
	}
	for name, stop := range map[string]int{"user_1": 2, "my_user_12x": 2, "user_7": 3, "user_x": -1, "both": 4, "either_one": 4, "neither": -1} {
		a := set.Application(name, Config)
		if a.Managed != (stop >= 0) || a.StopSequence != max(stop, 0) {
			t.Errorf("%s: managed %v, stop_sequence %d, want %d", name, a.Managed, a.StopSequence, stop)
		}
	}
}

func TestModels(t *testing.T) {
	set := parse(t,
		`<application name="a"><programs>`,
		`<program name="p1"><reference>top</reference></program>`,
		`<program name="p2"><start_sequence>1</start_sequence><reference> mid </reference></program>`,
		`<program name="p3"><reference>low</reference></program>`,
		`<program name="p4"><reference>gone</reference><expected_loading>4</expected_loading></program>`,
		`<program name="p5"><reference>loop</reference></program>`,
		`</programs></application>`,
		`<model name="low"><reference>mid</reference><wait_exit>true</wait_exit></model>`,
		`<model name="mid"><reference>top</reference><expected_loading>8</expected_loading>`,
		`<running_failure_strategy>RESTART_PROCESS</running_failure_strategy></model>`,
		`<model name="top"><identifiers>n2</identifiers><start_sequence>4</start_sequence>`,
		`<expected_loading>7</expected_loading><required>true</required></model>`,
		`<model name="loop"><reference>loop</reference><expected_loading>5</expected_loading></model>`)
	n2, all := Identifiers{Names: []string{"n2"}}, Identifiers{All: true}
	tests := map[string]Program{
		"p1": {Identifiers: n2, StartSequence: 4, StopSequence: 4, ExpectedLoad: 7, Required: true},
		"p2": {Identifiers: n2, StartSequence: 1, StopSequence: 1, ExpectedLoad: 8, Required: true, RunningFailure: RunningFailureRestartProcess},
		"p3": {Identifiers: all, ExpectedLoad: 8, WaitExit: true, RunningFailure: RunningFailureRestartProcess}, // top is too far
		"p4": {Identifiers: all, ExpectedLoad: 4},
		"p5": {Identifiers: all, ExpectedLoad: 5},
	}
	for name, want := range tests {
		if got := set.Program("a", name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestIdentifiers(t *testing.T) {
	names := func(n ...string) Identifiers { return Identifiers{Names: n} }
	tests := []struct {
		text       string
		byPattern  Identifiers
		bySameName Identifiers
	}{
		{"*", Identifiers{All: true}, Identifiers{All: true}},
		{"n2,*,n1", Identifiers{All: true}, Identifiers{All: true}},
		{" n1 ,, n2,n1", names("n1", "n2"), names("n1", "n2")},
		{",", names(), names()},
		{"blue", names("blue"), names("blue")},
		{"n2:60000,10.0.0.1", names("n2:60000", "10.0.0.1"), names("n2:60000", "10.0.0.1")},
		{"outer", names("n3", "n1"), names("n3", "n1")},
		{"n1,outer", names("n1", "n3"), names("n1", "n3")},
		{"late,n2,n2", names("outer", "n2"), names("outer", "n2")},
		{"signed", Identifiers{Hash: true, Names: []string{"n5", "n4"}}, Identifiers{All: true}},
		{"#", Identifiers{Hash: true, All: true}, Identifiers{All: true}},
		{"#,n3,n2", Identifiers{Hash: true, Names: []string{"n3", "n2"}}, Identifiers{All: true}},
		{"n3,#,*", Identifiers{Hash: true, All: true}, Identifiers{All: true}},
		{"@", Identifiers{At: true, All: true}, Identifiers{All: true}},
		{"@,n3", Identifiers{At: true, Names: []string{"n3"}}, Identifiers{All: true}},
		{"@,#,n3", Identifiers{At: true, Names: []string{"n3"}}, Identifiers{All: true}},
	}
	for _, tt := range tests {
		set := parse(t, `<alias name="outer">inner,n1</alias>`, `<alias name="inner">n3</alias>`, `<alias name="late">outer</alias>`,
			`<alias name="signed">#,n5,n4</alias>`, `<application name="a"><programs>`,
			`<program name="same"><identifiers>`+tt.text+`</identifiers></program>`,
			`<program pattern="pat"><identifiers>`+tt.text+`</identifiers></program></programs></application>`)
		if got := set.Program("a", "pat_1").Identifiers; !reflect.DeepEqual(got, tt.byPattern) {
			t.Errorf("%s: got %+v, want %+v", tt.text, got, tt.byPattern)
		}
		if got := set.Program("a", "same").Identifiers; !reflect.DeepEqual(got, tt.bySameName) {
			t.Errorf("%s without a pattern: got %+v, want %+v", tt.text, got, tt.bySameName)
		}
	}
}

// Identifiers of a program supersede those of its model altogether, signs included.
func TestIdentifiersSupersedeThoseOfTheModel(t *testing.T) {
	set := parse(t, `<model name="m"><identifiers>#</identifiers></model>`, `<application name="a"><programs>`,
		`<program pattern="p"><reference>m</reference><identifiers>n1</identifiers></program>`,
		`<program pattern="q"><reference>m</reference></program></programs></application>`)
	if got := set.Program("a", "p").Identifiers; !reflect.DeepEqual(got, Identifiers{Names: []string{"n1"}}) {
		t.Errorf("%+v", got)
	}
	if got := set.Program("a", "q").Identifiers; !reflect.DeepEqual(got, Identifiers{Hash: true, All: true}) {
		t.Errorf("%+v", got)
	}
}

func TestNumberedApplications(t *testing.T) {
	const hash = "# needs an application name that ends with - or _ and a number above 0: no identifier is allowed"
	const at = "@ is for programs, not for applications: no identifier is allowed"
	tests := []struct {
		name, identifiers string
		want              Application
	}{
		{"user_01", "#", Application{Number: 1, StartSequence: 5, Identifiers: Identifiers{Hash: true, All: true}}},
		{"user-12", "#,n2,n3", Application{Number: 12, StartSequence: 5, Identifiers: Identifiers{Hash: true, Names: []string{"n2", "n3"}}}},
		{"user_2-3", "#,@", Application{Number: 3, StartSequence: 5, Identifiers: Identifiers{Hash: true, All: true}}},
		{"user_0", "#", Application{Warning: hash}},
		{"user1", "#", Application{Warning: hash}},
		{"user_", "#", Application{Warning: hash}},
		{"user_1x", "#", Application{Warning: hash}},
		{"user_99999999999999999999", "#", Application{Number: 1<<63 - 1, StartSequence: 5, Identifiers: Identifiers{Hash: true, All: true}}},
		{"user_1", "@", Application{StartSequence: 5, Warning: at}},
		{"user_1", "n1", Application{StartSequence: 5, Identifiers: Identifiers{Names: []string{"n1"}}}},
	}
	for _, tt := range tests {
		set := parse(t, `<application pattern="user"><identifiers>`+tt.identifiers+`</identifiers>`,
			`<start_sequence>5</start_sequence></application>`)
		tt.want.Managed, tt.want.StopSequence = true, 5
		if got := set.Application(tt.name, Config); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s: got %+v, want %+v", tt.name, tt.identifiers, got, tt.want)
		}
	}
}

func TestConsistency(t *testing.T) {
	tests := []struct {
		rules string
		want  Program
	}{
		{`<required>1</required>`, Program{}},
		{`<required>1</required><start_sequence>1</start_sequence>`, Program{Required: true, StartSequence: 1, StopSequence: 1}},
		{`<required>1</required><start_sequence>0</start_sequence>`, Program{}},
		{`<start_sequence>3</start_sequence><stop_sequence>0</stop_sequence>`, Program{StartSequence: 3}},
		{`<start_sequence>3</start_sequence><stop_sequence>-5</stop_sequence>`, Program{StartSequence: 3, StopSequence: 3}},
		{`<start_sequence>-3</start_sequence><stop_sequence>2</stop_sequence>`, Program{StopSequence: 2}},
	}
	for _, tt := range tests {
		set := parse(t, `<application name="a"><programs><program name="p">`+tt.rules+`</program></programs></application>`)
		tt.want.Identifiers.All = true
		if got := set.Program("a", "p"); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v, want %+v", tt.rules, got, tt.want)
		}
	}
}

// What a Set hands out is the caller's: changing it changes no later answer.
func TestSetIsImmutable(t *testing.T) {
	set := parse(t, `<application name="a"><identifiers>n1,n2</identifiers></application>`)
	set.Application("a", Config).Identifiers.Names[0] = "changed"
	if got := set.Application("a", Config).Identifiers.Names; !slices.Equal(got, []string{"n1", "n2"}) {
		t.Errorf("%q", got)
	}
}

// A pattern that backtracks without end counts as not matching and the next one is found.
func TestLookupWithEvilPattern(t *testing.T) {
	set := parse(t, `<application pattern="^(?=a)(a+)+$"/><application pattern="a"><stop_sequence>2</stop_sequence></application>`)
	if got := set.Application(strings.Repeat("a", 60)+"b", Config).StopSequence; got != 2 {
		t.Errorf("stop_sequence %d", got)
	}
}

// BenchmarkProgram finds the rules of one program among 26 patterns.
func BenchmarkProgram(b *testing.B) {
	var content strings.Builder
	content.WriteString(`<application name="a"><programs>`)
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		content.WriteString(`<program pattern="` + string(c) + `_\d+"><start_sequence>1</start_sequence></program>`)
	}
	set := parse(b, content.String(), `</programs></application>`)
	b.ReportAllocs()
	for b.Loop() {
		set.Program("a", "m_12")
	}
}

// FuzzParse checks that no file crashes the reader or a lookup, and that every problem has its place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`<root><alias name="a">n1,b</alias><alias name="b">#,a</alias><model name="m"><reference>m</reference></model></root>`,
		`<root><application pattern="x_\d"><identifiers>#</identifiers><operational_status>all('.*')</operational_status><programs>` +
			`<program pattern="p"><identifiers>@,n1</identifiers><required>1</required><start_sequence>-1</start_sequence></program>` +
			`</programs></application></root>`,
		`<root><application name="x_1"><expected_loading>150</expected_loading></application></root>`,
		"<root>", "&x\n", "<root/><!--", "<root/>&", `<root a="1" a="2"/>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, problems := Parse("r.xml", data)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" || p.File != "r.xml" {
				t.Errorf("problem without a place: %+v", p)
			}
		}
		if refused := slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning }); refused != (set == nil) {
			t.Errorf("set %v with problems %q", set, texts(problems))
		}
		app, prg := set.Application("x_1", Config), set.Program("x_1", "p_1")
		if app.StartSequence < 0 || app.StopSequence < 0 || prg.StartSequence < 0 || prg.StopSequence < 0 || prg.ExpectedLoad > 100 {
			t.Errorf("out of range: %+v %+v", app, prg)
		}
		if app.Identifiers.At || prg.Identifiers.At && prg.Identifiers.Hash {
			t.Errorf("signs: %+v %+v", app.Identifiers, prg.Identifiers)
		}
	})
}
