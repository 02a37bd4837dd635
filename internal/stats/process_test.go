package stats

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"testing"
	"time"
)

// fakePrograms is a process sampler over a fake proc and what it has published.
type fakePrograms struct {
	*fakeProc
	*processSampler
	up        []Target
	published []ProcessSample
}

const fakeDaemon = 1000 // pid

func newFakePrograms(t testing.TB, depth int, periods ...time.Duration) *fakePrograms {
	f := &fakePrograms{fakeProc: newFakeProc(t)}
	failures, _ := recorder()
	f.processSampler = newProcessSampler(Config{
		Identifier: "n1", Proc: f.dir, Self: fakeDaemon, Periods: periods, Depth: depth,
		Processes: func() []Target { return f.up },
		Publish:   func(s Sample) { f.published = append(f.published, s.(ProcessSample)) },
	}, failures)
	return f
}

// measureAt takes a measure and returns the samples that it has completed, without the daemon's.
func (f *fakePrograms) measureAt(seconds float64) []ProcessSample {
	f.t.Helper()
	f.published = nil
	if err := f.sample(at(seconds)); err != nil {
		f.t.Fatal(err)
	}
	var got []ProcessSample
	for _, s := range f.published {
		if s.Namespec != Supervisord {
			got = append(got, s)
		}
	}
	return got
}

func TestProcessSample(t *testing.T) {
	f := newFakePrograms(t, 10, 10*time.Second)
	pages := func(kib int) int { return kib * 1024 / os.Getpagesize() }
	f.up = []Target{{"app:one", 10}, {"app:two", 20}}
	f.process(fakeProcess{pid: 10, ppid: fakeDaemon, start: 5, utime: 100, stime: 50, rss: pages(10000)})
	f.process(fakeProcess{pid: 11, ppid: 10, start: 6, utime: 1000, rss: pages(40000)})
	f.process(fakeProcess{pid: 20, ppid: fakeDaemon, start: 5})
	if got := f.measureAt(3); got != nil {
		t.Fatalf("the first measure makes samples: %+v", got)
	}
	f.process(fakeProcess{pid: 10, ppid: fakeDaemon, start: 5, utime: 200, stime: 100, rss: pages(20000)})
	f.process(fakeProcess{pid: 11, ppid: 10, start: 6, utime: 1900, rss: pages(80000)})
	f.process(fakeProcess{pid: 12, ppid: 11, start: 7, utime: 450, stime: 500, rss: pages(4)}) // a new grandchild
	want := []ProcessSample{
		{"app:one", "n1", 10, 513, 10, [2]Float{0, 10}, 200, 10.0004},
		{"app:two", "n1", 20, 513, 10, [2]Float{0, 10}, 0, 0},
	}
	if got := f.measureAt(13); !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	history, known := f.history("app:one", 10*time.Second)
	if want := (ProcessHistory{PID: 10, Begin: 503, Points: []Point{{513, 200, 10.0004}}}); !known || !reflect.DeepEqual(history, want) {
		t.Errorf("history %+v, %v, want %+v", history, known, want)
	}
	for _, c := range []struct {
		namespec string
		period   time.Duration
	}{{"app:one", time.Second}, {"app:none", 10 * time.Second}} {
		if history, known := f.history(c.namespec, c.period); known {
			t.Errorf("history of %s over %v: %+v", c.namespec, c.period, history)
		}
	}
}

// What short-lived children have used stays with the program that has waited for them.
func TestProcessLoadWhileChildrenEnd(t *testing.T) {
	f := newFakePrograms(t, 10, 10*time.Second)
	f.up = []Target{{"app", 10}}
	f.process(fakeProcess{pid: 10, ppid: 1, utime: 100})
	f.process(fakeProcess{pid: 11, ppid: 10, utime: 400})
	f.measureAt(0)
	f.remove("11")
	f.process(fakeProcess{pid: 10, ppid: 1, utime: 100, cutime: 900})
	if got := f.measureAt(10); len(got) != 1 || got[0].CPU != 50 {
		t.Errorf("a child that was waited for: %+v, want 50", got)
	}
	f.process(fakeProcess{pid: 12, ppid: 10, utime: 700, cstime: 300})
	if got := f.measureAt(20); len(got) != 1 || got[0].CPU != 100 {
		t.Errorf("a new child with grandchildren that ended: %+v, want 100", got)
	}
	f.process(fakeProcess{pid: 12, ppid: 1, utime: 800, cstime: 300}) // its parent in between has ended
	if got := f.measureAt(30); len(got) != 1 || got[0].CPU != 0 {
		t.Errorf("a child that left the family: %+v, want 0", got)
	}
	f.process(fakeProcess{pid: 10, ppid: 1, utime: 300, cutime: 900})
	if got := f.measureAt(40); len(got) != 1 || got[0].CPU != 20 {
		t.Errorf("after that: %+v, want 20", got)
	}
}

func TestSupervisordIsMeasuredAlone(t *testing.T) {
	f := newFakePrograms(t, 10, 10*time.Second)
	f.process(fakeProcess{pid: fakeDaemon, ppid: 1, utime: 10, cutime: 5000})
	f.process(fakeProcess{pid: 10, ppid: fakeDaemon, utime: 10})
	f.measureAt(0)
	f.process(fakeProcess{pid: fakeDaemon, ppid: 1, utime: 20, stime: 40, cutime: 9000})
	f.process(fakeProcess{pid: 10, ppid: fakeDaemon, utime: 1000})
	f.measureAt(10)
	want := []ProcessSample{{Supervisord, "n1", fakeDaemon, 510, 10, [2]Float{0, 10}, 5, 0}}
	if !reflect.DeepEqual(f.published, want) {
		t.Errorf("%+v, want %+v", f.published, want)
	}
}

// The life of a program: every line is one measure, with what it publishes and what the history has then.
func TestProcessLife(t *testing.T) {
	f := newFakePrograms(t, 10, 10*time.Second)
	life := func(pid, start int) func() {
		return func() {
			f.up = []Target{{"app", pid}}
			f.process(fakeProcess{pid: pid, ppid: 1, start: start})
		}
	}
	for i, step := range []struct {
		what   string
		change func()
		period *[2]Float // of the sample
		pid    int       // of the history, 0 if there is none
		points int
	}{
		{"not started", func() {}, nil, 0, 0},
		{"started", life(10, 1), nil, 10, 0},
		{"runs", func() {}, &[2]Float{0, 10}, 10, 1},
		{"runs on", func() {}, &[2]Float{10, 20}, 10, 2},
		{"restarted", life(11, 2), nil, 11, 0},
		{"runs again", func() {}, &[2]Float{0, 10}, 11, 1},
		{"restarted with the same pid", life(11, 3), nil, 11, 0},
		{"runs again", func() {}, &[2]Float{0, 10}, 11, 1},
		{"died and nobody knows yet", func() { f.remove("11") }, nil, 0, 0},
		{"came back", life(11, 3), nil, 11, 0},
		{"stopped", func() { f.up = nil }, nil, 0, 0},
		{"still", func() {}, nil, 0, 0},
	} {
		step.change()
		got := f.measureAt(float64(10 * i))
		if (step.period == nil) != (len(got) == 0) || step.period != nil && (got[0].Period != *step.period || got[0].PID != step.pid) {
			t.Errorf("%d, %s: %+v, want %v of %d", i, step.what, got, step.period, step.pid)
		}
		history, known := f.history("app", 10*time.Second)
		if known != (step.pid != 0) || history.PID != step.pid || len(history.Points) != step.points {
			t.Errorf("%d, %s: history %+v, %v, want %d points of %d", i, step.what, history, known, step.points, step.pid)
		}
		if want := map[bool]int{true: 1}[step.pid != 0]; len(*f.programs.Load()) != want {
			t.Errorf("%d, %s: %d programs in memory, want %d", i, step.what, len(*f.programs.Load()), want)
		}
	}
}

func TestProcessPeriodsAndDepth(t *testing.T) {
	f := newFakePrograms(t, 3, 5*time.Second, 20*time.Second)
	f.up = []Target{{"app", 10}}
	got := map[Float][]Float{}
	for i := range 13 { // 5 s each; in the n-th the load is n percent
		f.process(fakeProcess{pid: 10, ppid: 1, utime: 5 * i * (i + 1) / 2})
		for _, s := range f.measureAt(float64(5 * i)) {
			got[s.TargetPeriod] = append(got[s.TargetPeriod], s.CPU)
		}
	}
	want := map[Float][]Float{5: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 20: {2.5, 6.5, 10.5}}
	for period, loads := range want {
		if len(got[period]) != len(loads) {
			t.Fatalf("period %v: %v, want %v", period, got[period], loads)
		}
		for i := range loads {
			if !near(got[period][i], loads[i]) {
				t.Errorf("period %v: %v, want %v", period, got[period], loads)
			}
		}
	}
	for period, want := range map[time.Duration][]Float{5 * time.Second: {550, 555, 560}, 20 * time.Second: {520, 540, 560}} {
		history, _ := f.history("app", period)
		var times []Float
		for _, p := range history.Points {
			times = append(times, p.NowMonotonic)
		}
		if !reflect.DeepEqual(times, want) {
			t.Errorf("history of %v at %v, want %v", period, times, want)
		}
	}
	f.forget()
	if _, known := f.history("app", 5*time.Second); known || f.measureAt(70) != nil {
		t.Error("something is left after forget")
	}
}

// A measure that fails costs one sample and no history.
func TestProcessesUnreadable(t *testing.T) {
	for _, name := range []string{"meminfo", "."} {
		f := newFakePrograms(t, 10, 10*time.Second)
		f.remove(name)
		if err := f.sample(at(0)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	f := newFakePrograms(t, 10, 10*time.Second)
	f.up = []Target{{"app", 10}}
	f.process(fakeProcess{pid: 10, ppid: 1})
	f.measureAt(0)
	f.write("30/stat/x", "")
	if err := f.sample(at(10)); err == nil {
		t.Fatal("no error with a tree that cannot be read")
	}
	if history, known := f.history("app", 10*time.Second); !known || history.PID != 10 {
		t.Errorf("history after the error: %+v, %v", history, known)
	}
	f.remove("30")
	if got := f.measureAt(20); len(got) != 1 || got[0].Period != [2]Float{0, 20} {
		t.Errorf("%+v, want a period of 20 s", got)
	}
}
