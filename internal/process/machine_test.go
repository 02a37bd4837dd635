package process

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata")

// epoch is when the tests begin; a Date has no monotonic part, which the machine must not need.
var epoch = time.Date(2026, 11, 21, 4, 57, 0, 0, time.UTC)

// exit and death are wait statuses.
func exit(code int) ChildExited             { return ChildExited{syscall.WaitStatus(code << 8)} }
func death(sig syscall.Signal) ChildExited  { return ChildExited{syscall.WaitStatus(sig)} }
func dumped(sig syscall.Signal) ChildExited { return ChildExited{syscall.WaitStatus(sig) | 0x80} }

func testSpec() *Spec {
	return &Spec{
		Program: "prog", Group: "g", Name: "p", StartSecs: 1, StartRetries: 3, ExitCodes: []int{0},
		Autorestart: RestartUnexpected, StopSignal: syscall.SIGTERM, StopWaitSecs: 10,
	}
}

// stage is a machine in the hands of a test, with a clock.
type stage struct {
	t   *testing.T
	m   *Machine
	now time.Time
}

func newStage(t *testing.T, change func(*Spec)) *stage {
	spec := testSpec()
	if change != nil {
		change(spec)
	}
	return &stage{t, NewMachine(spec), epoch}
}

// step applies an event and returns what comes of it in one line, log lines in quotes if wanted.
func (s *stage) step(ev Event, logs bool) string {
	effects, err := s.m.Step(s.now, ev)
	var out []string
	for _, e := range effects {
		switch e := e.(type) {
		case Spawn:
			out = append(out, "spawn")
		case Kill:
			who := "kill "
			if e.Group {
				who = "kill group "
			}
			out = append(out, who+SignalName(e.Signal))
		case SetTimer:
			if e.At.IsZero() {
				out = append(out, "timer off")
			} else {
				out = append(out, fmt.Sprint("timer ", e.At.Sub(s.now)))
			}
		case Changed:
			out = append(out, "→"+e.Change.Info.State.String())
		case Log:
			if logs {
				out = append(out, fmt.Sprintf("%s %q", e.Level, e.Text))
			}
		}
	}
	if err != nil {
		out = append(out, "refused: "+err.Error())
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ", ")
}

// play applies events, each after its time; it returns what came of the last.
func (s *stage) play(events ...any) (last string) {
	for _, ev := range events {
		switch ev := ev.(type) {
		case time.Duration:
			s.now = s.now.Add(ev)
		case Event:
			last = s.step(ev, true)
		}
	}
	return last
}

// roads lead a new machine to each state; in BACKOFF, EXITED and STOPPING the timer is still to come.
var roads = []struct {
	state State
	road  []any
}{
	{Stopped, nil},
	{Starting, []any{DoStart{}, ChildSpawned{12}}},
	{Running, []any{DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}}},
	{Backoff, []any{DoStart{}, ChildNotSpawned{"no luck"}}},
	{Stopping, []any{DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}, DoStop{}}},
	{Exited, []any{DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}, time.Second, exit(0)}},
	{Fatal, []any{DoStart{}, ChildNotSpawned{"no luck"}, DoGiveUp{}}},
	{Unknown, []any{DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}, DoStop{}, SignalRefused{"EPERM"}}},
}

// columns are all events; TimerFired comes on time and too early.
var columns = []struct {
	name   string
	events []any
}{
	{"DoStart", []any{DoStart{}}},
	{"DoAutoStart", []any{DoAutoStart{}}},
	{"DoStop", []any{DoStop{}}},
	{"DoGiveUp", []any{DoGiveUp{}}},
	{"DoFail", []any{DoFail{"NO_FILE: x"}}},
	{"DoSignal", []any{DoSignal{syscall.SIGHUP}}},
	{"ChildSpawned", []any{ChildSpawned{13}}},
	{"ChildNotSpawned", []any{ChildNotSpawned{"reason"}}},
	{"ChildExited", []any{exit(3)}},
	{"ChildExited later", []any{time.Minute, exit(0)}},
	{"SignalRefused", []any{SignalRefused{"EPERM"}}},
	{"TimerFired early", []any{time.Millisecond, TimerFired{}}},
	{"TimerFired", []any{time.Minute, TimerFired{}}},
	{"SetDisabled", []any{SetDisabled{true}}},
	{"SetHeld", []any{SetHeld{true}}},
	{"SetExtraArgs", []any{SetExtraArgs{"-x"}}},
	{"SetSpec", []any{SetSpec{&Spec{Name: "p", StopWaitSecs: 1}}}},
}

// TestEveryCell plays every event in every state and compares with testdata/table.txt.
func TestEveryCell(t *testing.T) {
	covered := make(map[kind]bool)
	var got strings.Builder
	for _, r := range roads {
		fmt.Fprintf(&got, "%s\n", r.state)
		for _, c := range columns {
			s := newStage(t, nil)
			s.play(r.road...)
			if s.m.State() != r.state {
				t.Fatalf("the road to %s leads to %s", r.state, s.m.State())
			}
			fmt.Fprintf(&got, "  %-18s %s\n", c.name, s.play(c.events...))
			covered[c.events[len(c.events)-1].(Event).kind()] = true
		}
	}
	if len(roads) != len(stateNames) || len(covered) != int(kinds) {
		t.Errorf("%d of %d states and %d of %d events are played", len(roads), len(stateNames), len(covered), kinds)
	}
	const golden = "testdata/table.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestTableIsFull(t *testing.T) {
	for state := range stateNames {
		for k, cell := range table[state] {
			if cell == nil {
				t.Errorf("%s × event %d is not decided", state, k)
			}
		}
	}
}

// TestStories follows whole lives; each line is an event, after a time, and what comes of it.
func TestStories(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Spec)
		events []any
		state  State
		last   string
	}{
		{"startsecs 0 is RUNNING at once", func(s *Spec) { s.StartSecs = 0 }, []any{DoStart{}, ChildSpawned{12}}, Running,
			`INFO "spawned: 'p' with pid 12", →RUNNING, INFO "success: p entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)"`},
		{"the timer of startsecs counts from the start", nil, []any{DoStart{}, 300 * time.Millisecond, ChildSpawned{12}}, Starting,
			`INFO "spawned: 'p' with pid 12", timer 700ms`},
		{"an exit on the dot of startsecs is a success", nil, []any{DoStart{}, ChildSpawned{12}, time.Second, exit(0)}, Exited,
			`→RUNNING, INFO "success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)", →EXITED, INFO "exited: p (exit status 0; expected)", timer off`},
		{"an exit just before is not", nil, []any{DoStart{}, ChildSpawned{12}, time.Second - 1, exit(0)}, Backoff,
			`→BACKOFF, WARN "exited: p (exit status 0; not expected)", timer 1s`},
		{"no retries", func(s *Spec) { s.StartRetries = 0 }, []any{DoStart{}, ChildSpawned{12}, exit(1)}, Fatal,
			`→BACKOFF, WARN "exited: p (exit status 1; not expected)", →FATAL, INFO "gave up: p entered FATAL state, too many start retries too quickly", timer off`},
		{"the second wait is longer", nil,
			[]any{DoStart{}, ChildNotSpawned{"a"}, time.Second, TimerFired{}, ChildNotSpawned{"b"}}, Backoff,
			`INFO "spawnerr: b", →BACKOFF, timer 2s`},
		{"a success forgets the failures", nil,
			[]any{DoStart{}, ChildNotSpawned{"a"}, time.Second, TimerFired{}, ChildSpawned{12}, time.Second, TimerFired{},
				time.Second, exit(0), DoStart{}, ChildNotSpawned{"b"}}, Backoff,
			`INFO "spawnerr: b", →BACKOFF, timer 1s`},
		{"a stop forgets the failures", nil,
			[]any{DoStart{}, ChildNotSpawned{"a"}, DoStop{}, DoStart{}, ChildNotSpawned{"b"}}, Backoff,
			`INFO "spawnerr: b", →BACKOFF, timer 1s`},
		{"an unexpected exit restarts at once", nil,
			[]any{DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}, time.Minute, exit(3)}, Starting,
			`→EXITED, WARN "exited: p (exit status 3; not expected)", →STARTING, spawn`},
		{"death by signal is unexpected", func(s *Spec) { s.Autorestart = RestartNever },
			[]any{DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}, dumped(syscall.SIGSEGV)}, Exited,
			`→EXITED, WARN "exited: p (terminated by SIGSEGV (core dumped); not expected)"`},
		{"a quick end without startsecs waits for its second", func(s *Spec) { s.StartSecs = 0 },
			[]any{DoStart{}, ChildSpawned{12}, 200 * time.Millisecond, exit(1)}, Exited,
			`→EXITED, WARN "exited: p (exit status 1; not expected)", timer 800ms`},
		{"DoStart does not wait for it", func(s *Spec) { s.StartSecs = 0 },
			[]any{DoStart{}, ChildSpawned{12}, 200 * time.Millisecond, exit(1), DoStart{}}, Starting,
			`→STARTING, spawn, timer off`},
		{"DoStop cancels it", func(s *Spec) { s.StartSecs = 0 },
			[]any{DoStart{}, ChildSpawned{12}, 200 * time.Millisecond, exit(1), DoStop{}}, Exited,
			`timer off, refused: not running`},
		{"SetSpec may cancel it", func(s *Spec) { s.StartSecs = 0 },
			[]any{DoStart{}, ChildSpawned{12}, exit(1), SetSpec{&Spec{Name: "p"}}}, Exited, `timer off`},
		{"disabling stops the retries", nil, []any{DoStart{}, ChildNotSpawned{"a"}, SetDisabled{true}, time.Hour, TimerFired{}}, Backoff, `-`},
		{"enabling resumes them", nil,
			[]any{DoStart{}, ChildNotSpawned{"a"}, SetDisabled{true}, time.Hour, SetDisabled{false}}, Backoff, `timer -59m59s`},
		{"holding stops restarts", nil,
			[]any{SetHeld{false}, DoStart{}, ChildSpawned{12}, time.Second, TimerFired{}, SetHeld{true}, exit(1)}, Exited,
			`→EXITED, WARN "exited: p (exit status 1; not expected)"`},
		{"no start while disabled", nil, []any{SetDisabled{true}, DoStart{}}, Stopped, `refused: disabled`},
		{"no start while held", nil, []any{SetHeld{true}, DoStart{}}, Stopped, `refused: starts are held back`},
		{"autostart only once", nil, []any{DoAutoStart{}, ChildSpawned{12}, DoStop{}, exit(0), DoAutoStart{}}, Stopped, `-`},
		{"stopasgroup", func(s *Spec) { s.StopAsGroup = true }, []any{DoStart{}, ChildSpawned{12}, DoStop{}}, Stopping,
			`DEBUG "killing p (pid 12) process group with signal SIGTERM", →STOPPING, kill group SIGTERM, INFO "waiting for p to stop", timer 2s`},
		{"killasgroup", func(s *Spec) { s.KillAsGroup, s.StopWaitSecs = true, 1 },
			[]any{DoStart{}, ChildSpawned{12}, DoStop{}, time.Second, TimerFired{}}, Stopping,
			`WARN "killing 'p' (12) with SIGKILL", DEBUG "killing p (pid 12) process group with signal SIGKILL", kill group SIGKILL, timer 1s`},
		{"the wait is reported every two seconds", nil,
			[]any{DoStart{}, ChildSpawned{12}, DoStop{}, 2 * time.Second, TimerFired{}}, Stopping, `INFO "waiting for p to stop", timer 2s`},
		{"a stop with an expected code is no warning", nil, []any{DoStart{}, ChildSpawned{12}, DoStop{}, exit(0)}, Stopped,
			`→STOPPED, INFO "stopped: p (exit status 0)", timer off`},
		{"a stop by signal is one", nil, []any{DoStart{}, ChildSpawned{12}, DoStop{}, death(syscall.SIGTERM)}, Stopped,
			`→STOPPED, WARN "stopped: p (terminated by SIGTERM)", timer off`},
		{"no stop before there is a child", nil, []any{DoStart{}, DoStop{}}, Starting, `refused: not running`},
		{"no signal before there is a child", nil, []any{DoStart{}, DoSignal{syscall.SIGHUP}}, Starting, `refused: not running`},
		{"no exit before there is a child", nil, []any{DoStart{}, exit(0)}, Starting,
			`ERROR+4 "stray event process.ChildExited{Status:0x0} for 'p' in state STARTING"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, tt.change)
			last := s.play(tt.events...)
			if s.m.State() != tt.state || last != tt.last {
				t.Errorf("in %s\n got %s\nwant %s (in %s)", s.m.State(), last, tt.last, tt.state)
			}
		})
	}
}

// TestChanges compares what listeners get to know: the pid of a child that has gone, and the retries so far.
func TestChanges(t *testing.T) {
	s := newStage(t, func(s *Spec) { s.StartRetries = 1 })
	var got []string
	for _, ev := range []Event{
		DoStart{}, ChildSpawned{7}, exit(1), TimerFired{}, ChildSpawned{8}, TimerFired{}, exit(2), ChildSpawned{9}, TimerFired{},
		DoStop{}, exit(0), DoStart{}, ChildNotSpawned{"x"}, TimerFired{}, ChildNotSpawned{"y"},
	} {
		if _, timer := ev.(TimerFired); timer {
			s.now = s.now.Add(time.Second)
		}
		effects, _ := s.m.Step(s.now, ev)
		for _, e := range effects {
			if c, ok := e.(Changed); ok {
				c := c.Change
				got = append(got, fmt.Sprintf("%s→%s pid:%d tries:%d expected:%v now:%d", c.From, c.Info.State, c.PID, c.Tries, c.Info.Expected, c.Info.PID))
			}
		}
	}
	want := []string{
		"STOPPED→STARTING pid:0 tries:0 expected:false now:0",
		"STARTING→BACKOFF pid:0 tries:1 expected:false now:0",
		"BACKOFF→STARTING pid:0 tries:1 expected:false now:0",
		"STARTING→RUNNING pid:8 tries:0 expected:false now:8",
		"RUNNING→EXITED pid:8 tries:0 expected:false now:0",
		"EXITED→STARTING pid:0 tries:0 expected:false now:0",
		"STARTING→RUNNING pid:9 tries:0 expected:false now:9",
		"RUNNING→STOPPING pid:9 tries:0 expected:false now:9",
		"STOPPING→STOPPED pid:9 tries:0 expected:true now:0",
		"STOPPED→STARTING pid:0 tries:0 expected:false now:0",
		"STARTING→BACKOFF pid:0 tries:1 expected:false now:0",
		"BACKOFF→STARTING pid:0 tries:1 expected:false now:0",
		"STARTING→BACKOFF pid:0 tries:2 expected:false now:0",
		"BACKOFF→FATAL pid:0 tries:0 expected:false now:0",
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestInfo(t *testing.T) {
	s := newStage(t, nil)
	s.play(SetExtraArgs{"-x"}, DoStart{}, ChildNotSpawned{"why"})
	want := Info{
		Group: "g", Name: "p", Program: "prog", State: Backoff, Start: epoch, SpawnErr: "why", Backoff: 1,
		NextRetry: epoch.Add(time.Second), ExtraArgs: "-x",
	}
	if got := s.m.Info(); got != want {
		t.Errorf("in BACKOFF\n got %+v\nwant %+v", got, want)
	}
	s.play(time.Second, TimerFired{}, ChildSpawned{5}, time.Second, TimerFired{}, time.Second, DoStop{}, 10*time.Second, TimerFired{})
	want = Info{
		Group: "g", Name: "p", Program: "prog", State: Stopping, PID: 5, Start: epoch.Add(time.Second), Killing: true, ExtraArgs: "-x",
	}
	if got := s.m.Info(); got != want {
		t.Errorf("in STOPPING\n got %+v\nwant %+v", got, want)
	}
	s.play(death(syscall.SIGKILL))
	want.State, want.PID, want.Killing, want.ExitStatus, want.How, want.Stop = Stopped, 0, false, -1, "terminated by SIGKILL", s.now
	if got := s.m.Info(); got != want {
		t.Errorf("in STOPPED\n got %+v\nwant %+v", got, want)
	}
}

func TestRefusalsCanBeToldApart(t *testing.T) {
	s := newStage(t, nil)
	s.play(DoStart{}, ChildSpawned{12})
	if _, err := s.m.Step(s.now, DoStart{}); !errors.Is(err, ErrAlreadyStarted) {
		t.Errorf("start of a starting process: %v", err)
	}
	s.play(DoStop{})
	if _, err := s.m.Step(s.now, DoStart{}); !errors.Is(err, ErrStopping) {
		t.Errorf("start of a stopping process: %v", err)
	}
	s.play(SignalRefused{"EPERM"})
	if _, err := s.m.Step(s.now, DoStart{}); !errors.Is(err, ErrUnknownState) {
		t.Errorf("start of an unknown process: %v", err)
	}
}
