package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		line, name string
		args       []string
		whole      string
	}{
		{"", "", nil, ""},
		{" \t ", "", nil, ""},
		{"status", "status", nil, "status"},
		{"  start a  b:* \r\n", "start", []string{"a", "b:*"}, "start a  b:*"},
		{"status:cat", "status", []string{":cat"}, "status:cat"},
		{"tail -f cat", "tail", []string{"-f", "cat"}, "tail -f cat"},
		{"start_process_args2 x", "start_process_args2", []string{"x"}, "start_process_args2 x"},
		{"?", "help", nil, "help "},
		{"? start", "help", []string{"start"}, "help  start"},
		{"!ls", "", []string{"!ls"}, "!ls"},
		{"é x", "", []string{"é", "x"}, "é x"},
	} {
		name, args, whole := parseLine(c.line)
		if name != c.name || whole != c.whole || !slices.Equal(args, c.args) {
			t.Errorf("%q: %q %q %q", c.line, name, args, whole)
		}
	}
}

// Every command has a help text and a family, and what it says of its arguments holds together.
func TestCommandTable(t *testing.T) {
	c := newControl(options{}, nil, nil, nil)
	for name, cmd := range c.commands {
		switch {
		case cmd.name != name || cmd.run == nil:
			t.Errorf("%s: %+v", name, cmd)
		case name == "EOF" || name == "help":
			if cmd.family != shellFamily {
				t.Errorf("%s is in a list", name)
			}
		case cmd.family == shellFamily || !strings.HasPrefix(cmd.help, name[:2]):
			t.Errorf("%s: family %d, help %q", name, cmd.family, cmd.help)
		case cmd.family == supvisorsFamily && cmd.check == nil:
			t.Errorf("%s does not check the server", name)
		case (cmd.least > 0 || cmd.most > 0) != (cmd.wants != ""), cmd.noArgs && cmd.least > 0:
			t.Errorf("%s: %d to %d arguments, %q", name, cmd.least, cmd.most, cmd.wants)
		}
	}
	if got := len(c.names(supervisorFamily)); got != 21 {
		t.Errorf("%d commands of Supervisor", got)
	}
	if got := len(c.names(supvisorsFamily)); got != 39 {
		t.Errorf("%d commands of Supvisors", got)
	}
}

func TestColumns(t *testing.T) {
	for _, c := range []struct {
		names string
		width int
		want  []string
	}{
		{"a", 10, []string{"a"}},
		{"a b", 10, []string{"a  b"}},
		{"one three five", 14, []string{"one    five", "three"}},
		{"one three five", 16, []string{"one  three  five"}},
		{"one three five", 4, []string{"one", "three", "five"}},
		{"a b c d e", 7, []string{"a  c  e", "b  d"}},
	} {
		if got := columns(strings.Fields(c.names), c.width); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s in %d: %q", c.names, c.width, got)
		}
	}
}

func TestTable(t *testing.T) {
	var out outcome
	c := newControl(options{}, nil, &out, nil)
	c.table([]column{{title: "Name"}, {"State", 8}, {"Rest", ragged}}, []row{
		{cells: []string{"é", "x", "y z"}}, {cells: []string{"a longer one", "hidden", ""}, hidden: true}, {cells: []string{"b", "too wide for it", "r"}}})
	want := "Name          State   Rest\né             x       y z\nb             too wide for itr\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestCompletion(t *testing.T) {
	replies := loadReplies(t, "supervisor.json")
	server := newFake(t, replies)
	c := newControl(options{serverURL: server.url}, nil, nil, nil)
	for _, test := range []struct {
		line string // the cursor is at the |
		head string
		want string // the words, each with the blank that follows it
		tail string
	}{
		{"st|", "", "start status stop ", ""},
		{"|", "", "*", ""},
		{" sta|", " ", "start status ", ""},
		{"he|", "", "help ", ""},
		{"s|x", "", "shutdown signal start status stop ", "x"},
		{"help re|", "help ", "reload remove reread restart ", ""},
		{"start c|", "start ", "cat café ", ""},
		{"start cat:|", "start ", "cat:cat cat:* ", ""},
		{"start p|", "start ", "pair:pair_00 pair:* pair:pair_01 ", ""},
		{"stop cat pair:pair_0|", "stop cat ", "pair:pair_00 pair:pair_01 ", ""},
		{"update g|", "update ", "gone group_with_a_long_name ", ""},
		{"start nope|", "start ", "", ""},
		{"avail |", "avail ", "", ""},
		{"bogus |", "bogus ", "", ""},
		{"start caf|é x", "start ", "café ", "é x"},
		{"sstatus ca|", "sstatus ", "cat café ", ""},
	} {
		before, _, _ := strings.Cut(test.line, "|")
		head, words, tail := c.complete(strings.Replace(test.line, "|", "", 1), len([]rune(before)))
		got := strings.Join(words, "")
		if test.want == "*" {
			test.want = strings.Join(c.actions(t.Context()), " ") + " "
		}
		if head != test.head || got != test.want || tail != test.tail {
			t.Errorf("%s: %q %q %q", test.line, head, got, tail)
		}
	}
	asked := strings.Count(strings.Join(server.takeCalls(), "\n"), "getAllProcessInfo")
	if asked != 1 {
		t.Errorf("asked %d times for the processes", asked)
	}
	c.known = nil
	c.connect("unix:///no/such.sock")
	if _, words, _ := c.complete("start c", 7); len(words) != 0 {
		t.Errorf("without a server: %q", words)
	}
}

// The commands of Supvisors are listed and completed when the server has them or the configuration asks for them.
func TestSupvisorsCommandsShown(t *testing.T) {
	with := newFake(t, map[string]any{"supvisors.get_api_version": "0.19"})
	without := newFake(t, nil)
	for _, c := range []struct {
		options options
		want    bool
	}{
		{options{serverURL: with.url}, true},
		{options{serverURL: without.url}, false},
		{options{serverURL: "unix:///no/such.sock"}, false},
		{options{serverURL: without.url, supvisorsPlugin: true}, true},
	} {
		var out outcome
		ctl := newControl(c.options, nil, &out, nil)
		if err := ctl.do(t.Context(), "help"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "supvisors commands (type help <topic>):"); got != c.want {
			t.Errorf("%+v: listed %v", c.options, got)
		}
		if _, words, _ := ctl.complete("sst", 3); (len(words) == 2) != c.want {
			t.Errorf("%+v: completed to %q", c.options, words)
		}
	}
}

// A new server is asked anew.
func TestOpenForgetsTheFormerServer(t *testing.T) {
	with := newFake(t, map[string]any{"supvisors.get_api_version": "0.19"})
	without := newFake(t, map[string]any{"supervisor.getVersion": "3.0", "supervisor.getAllProcessInfo": []any{}, "supervisor.getPID": 5})
	var out outcome
	ctl := newControl(options{serverURL: with.url}, nil, &out, nil)
	for _, line := range []string{"help", "open " + without.url, "pid", "help"} {
		if err := ctl.do(t.Context(), line); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "supvisors commands"); n != 1 || !strings.Contains(out.String(), "\n5\n") {
		t.Errorf("listed %d times in\n%s", n, out.String())
	}
}
