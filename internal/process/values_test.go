package process

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDescription(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	stop := epoch.Add(time.Minute)
	tests := []struct {
		info  Info
		after time.Duration // between Start and now
		want  string
	}{
		{Info{State: Running, PID: 12, Start: epoch}, 5 * time.Second, "pid 12, uptime 0:00:05"},
		{Info{State: Running, PID: 12, Start: epoch}, 5*time.Second + 999*time.Millisecond, "pid 12, uptime 0:00:05"},
		{Info{State: Running, PID: 12, Start: epoch.Add(900 * time.Millisecond)}, 5 * time.Second, "pid 12, uptime 0:00:05"},
		{Info{State: Running, PID: 12, Start: epoch}, 59*time.Minute + 59*time.Second, "pid 12, uptime 0:59:59"},
		{Info{State: Running, PID: 12, Start: epoch}, 23*time.Hour + time.Second, "pid 12, uptime 23:00:01"},
		{Info{State: Running, PID: 12, Start: epoch}, 24 * time.Hour, "pid 12, uptime 1 day, 0:00:00"},
		{Info{State: Running, PID: 12, Start: epoch}, 49*time.Hour + 61*time.Second, "pid 12, uptime 2 days, 1:01:01"},
		{Info{State: Running, PID: 12, Start: epoch}, -time.Hour, "pid 12, uptime 0:00:00"},
		{Info{State: Stopped}, 0, "Not started"},
		{Info{State: Stopped, Start: epoch, Stop: stop}, 0, "Nov 21 06:58 AM"},
		{Info{State: Exited, Start: epoch, Stop: stop.Add(12 * time.Hour)}, 0, "Nov 21 06:58 PM"},
		{Info{State: Exited, Start: epoch, Stop: time.Date(2026, 1, 2, 22, 4, 0, 0, time.UTC)}, 0, "Jan 03 12:04 AM"},
		{Info{State: Fatal, SpawnErr: "why"}, 0, "why"},
		{Info{State: Backoff, SpawnErr: "why"}, 0, "why"},
		{Info{State: Fatal, Name: "p"}, 0, `unknown error (try "tail p")`},
		{Info{State: Starting, PID: 12, Start: epoch}, 0, ""},
		{Info{State: Stopping, PID: 12, Start: epoch}, 0, ""},
		{Info{State: Unknown, Start: epoch}, 0, ""},
	}
	for _, tt := range tests {
		if got := tt.info.Description(epoch.Add(tt.after), zone); got != tt.want {
			t.Errorf("%s after %v: %q, want %q", tt.info.State, tt.after, got, tt.want)
		}
	}
}

func TestExitText(t *testing.T) {
	for _, tt := range []struct {
		status syscall.WaitStatus
		code   int
		text   string
	}{
		{0, 0, "exit status 0"},
		{3 << 8, 3, "exit status 3"},
		{255 << 8, 255, "exit status 255"},
		{9, -1, "terminated by SIGKILL"},
		{11 | 0x80, -1, "terminated by SIGSEGV (core dumped)"},
		{40, -1, "terminated by signal 40"},
		{0x137f, -1, "unknown termination cause 0x137f"}, // stopped, which wait4 never tells us
	} {
		if code, text := ExitText(tt.status); code != tt.code || text != tt.text {
			t.Errorf("%#x: %d %q, want %d %q", int(tt.status), code, text, tt.code, tt.text)
		}
	}
}

func TestSplitCommand(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"", `[]`},
		{" \t\r\n", `[]`},
		{"/bin/cat", `["/bin/cat"]`},
		{"  a  b\tc\n", `["a" "b" "c"]`},
		{`a "b c" 'd e'`, `["a" "b c" "d e"]`},
		{`a"b"'c'd`, `["abcd"]`},
		{`"" ''`, `["" ""]`},
		{`a '' b`, `["a" "" "b"]`},
		{`a\ b \"c\' \\`, `["a b" "\"c'" "\\"]`},
		{`"a\"b\\c\d\$e"`, `["a\"b\\c\\d\\$e"]`},
		{`'a\b"c'`, `["a\\b\"c"]`},
		{`a #b ; $c *`, `["a" "#b" ";" "$c" "*"]`},
		{"a\\\nb", `["a\nb"]`},
		{"é 日本", `["é" "日本"]`},
		{`a "b`, "No closing quotation"},
		{`a 'b`, "No closing quotation"},
		{`a 'b\'c'`, "No closing quotation"},
		{`a\`, "No escaped character"},
		{`"a\`, "No escaped character"},
	} {
		words, err := SplitCommand(tt.line)
		got := fmt.Sprintf("%q", words)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.line, got, tt.want)
		}
	}
}

// What is quoted comes back as it was.
func FuzzSplitCommand(f *testing.F) {
	f.Add(`a "b c" 'd e' \f`)
	f.Add(`it's`)
	f.Fuzz(func(t *testing.T, s string) {
		SplitCommand(s)
		quoted := `'` + strings.ReplaceAll(s, `'`, `'\''`) + `'`
		words, err := SplitCommand("x " + quoted + " y")
		if err != nil || !slices.Equal(words, []string{"x", s, "y"}) {
			t.Errorf("%q became %q, %v", s, words, err)
		}
	})
}

func TestSpecEqual(t *testing.T) {
	full := func() Spec {
		s := *testSpec()
		s.Environment = []EnvVar{{"A", "1"}}
		s.Limits = []Limit{{7, 10, 20}}
		return s
	}
	changes := map[string]func(*Spec){
		"command":     func(s *Spec) { s.Command = "x" },
		"exitcodes":   func(s *Spec) { s.ExitCodes = []int{1} },
		"environment": func(s *Spec) { s.Environment[0].Value = "2" },
		"limits":      func(s *Spec) { s.Limits = nil },
		"stdout":      func(s *Spec) { s.Stdout.File = "x" },
	}
	for name, change := range changes {
		a, b := full(), full()
		if !a.Equal(b) {
			t.Fatal("equal specs differ")
		}
		if change(&b); a.Equal(b) || b.Equal(a) {
			t.Errorf("%s makes no difference", name)
		}
	}
	a, b := full(), full()
	a.Environment, b.Environment = nil, []EnvVar{}
	if !a.Equal(b) {
		t.Error("nil and empty differ")
	}
}

func TestSpecRestarts(t *testing.T) {
	for _, tt := range []struct {
		when Autorestart
		code int
		want bool
	}{
		{RestartNever, 1, false}, {RestartAlways, 0, true}, {RestartUnexpected, 0, false}, {RestartUnexpected, 2, false},
		{RestartUnexpected, 1, true}, {RestartUnexpected, -1, true},
	} {
		s := &Spec{Autorestart: tt.when, ExitCodes: []int{0, 2}}
		if got := s.Restarts(tt.code); got != tt.want {
			t.Errorf("autorestart %d, exit code %d: %v", tt.when, tt.code, got)
		}
	}
}

func TestStates(t *testing.T) {
	var stopped, running, signallable []string
	for _, s := range []State{Stopped, Starting, Running, Backoff, Stopping, Exited, Fatal, Unknown} {
		back, err := ParseState(s.String())
		if back != s || err != nil {
			t.Errorf("%s is read back as %s, %v", s, back, err)
		}
		for _, c := range []struct {
			is   bool
			list *[]string
		}{{s.IsStopped(), &stopped}, {s.IsRunning(), &running}, {s.IsSignallable(), &signallable}} {
			if c.is {
				*c.list = append(*c.list, s.String())
			}
		}
	}
	got := fmt.Sprint(stopped, running, signallable)
	if want := "[STOPPED EXITED FATAL UNKNOWN] [STARTING RUNNING BACKOFF] [STARTING RUNNING STOPPING]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := ParseState("running"); err == nil {
		t.Error("running in small letters is no state")
	}
	if got := State(7).String(); got != "State(7)" {
		t.Errorf("unknown state is %q", got)
	}
}

func TestNamespec(t *testing.T) {
	for _, tt := range []struct {
		in, group, process, out string
		whole                   bool
	}{
		{"a", "a", "a", "a", false},
		{"g:p", "g", "p", "g:p", false},
		{"g:*", "g", "", "g:*", true},
		{"g:", "g", "", "g:*", true},
		{"g:p:q", "g", "p:q", "g:p:q", false},
		{"", "", "", "", true},
	} {
		n := ParseNamespec(tt.in)
		if n.Group != tt.group || n.Process != tt.process || n.String() != tt.out || n.WholeGroup() != tt.whole {
			t.Errorf("%q is %+v, written %q, whole group %v", tt.in, n, n, n.WholeGroup())
		}
	}
}
