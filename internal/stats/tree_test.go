package stats

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// family sums up a process in the tree, in ticks and pages.
func familyOf(t *testing.T, p *fakeProc, pid int) (work, waited, pages int, found bool) {
	t.Helper()
	failures, _ := recorder()
	all, err := readTree(p.dir, failures)
	if err != nil {
		t.Fatal(err)
	}
	f, found := all.family(pid)
	return int(f.own*userHZ + 0.5), int(f.waited*userHZ + 0.5), int(f.resident) / os.Getpagesize(), found
}

func TestFamily(t *testing.T) {
	p := newFakeProc(t)
	for _, f := range []fakeProcess{
		{pid: 1, ppid: 0, start: 1, utime: 5000, rss: 5000, comm: "init"},
		{pid: 10, ppid: 1, start: 10, utime: 1, stime: 2, cutime: 40, cstime: 2, rss: 100, comm: "a (b) c) d"},
		{pid: 11, ppid: 10, start: 11, utime: 4, rss: 20},
		{pid: 12, ppid: 10, start: 10, stime: 8, rss: 3},
		{pid: 13, ppid: 12, start: 12, utime: 16, cutime: 7, rss: 400},
		{pid: 14, ppid: 13, start: 15, utime: 32, rss: 5000},
		{pid: 20, ppid: 1, start: 10, utime: 999, rss: 999},
	} {
		p.process(f)
	}
	for _, c := range []struct{ pid, work, waited, pages int }{
		{10, 63, 49, 5523}, {11, 4, 0, 20}, {12, 56, 7, 5403}, {14, 32, 0, 5000}, {20, 999, 0, 999}, {1, 6062, 49, 11522},
	} {
		if work, waited, pages, found := familyOf(t, p, c.pid); !found || work != c.work || waited != c.waited || pages != c.pages {
			t.Errorf("family of %d: %d, %d, %d, %v, want %d, %d, %d", c.pid, work, waited, pages, found, c.work, c.waited, c.pages)
		}
	}
	if _, _, _, found := familyOf(t, p, 99); found {
		t.Error("a pid that is not there has a family")
	}
}

// A walk over proc takes a while, in which pids can be given away again.
func TestFamilyOfPidsUsedAgain(t *testing.T) {
	p := newFakeProc(t)
	p.process(fakeProcess{pid: 10, ppid: 12, start: 50, utime: 1})
	p.process(fakeProcess{pid: 11, ppid: 10, start: 40, utime: 2}) // older than its parent: the child of an earlier 10
	p.process(fakeProcess{pid: 12, ppid: 10, start: 50, utime: 4}) // a circle
	p.process(fakeProcess{pid: 13, ppid: 11, start: 60, utime: 8})
	if work, _, _, _ := familyOf(t, p, 10); work != 5 {
		t.Errorf("%d ticks, want 5", work)
	}
}

func TestTreeLeavesOutWhatEnds(t *testing.T) {
	p := newFakeProc(t)
	p.process(fakeProcess{pid: 10, ppid: 1, start: 50, utime: 1})
	p.process(fakeProcess{pid: 11, ppid: 10, start: 50, utime: 2})
	p.remove("11/stat") // the directory is there, the process is not
	if work, _, _, found := familyOf(t, p, 10); !found || work != 1 {
		t.Errorf("%d ticks, %v, want 1", work, found)
	}
}

func TestTreeThatCannotBeRead(t *testing.T) {
	p := newFakeProc(t)
	p.process(fakeProcess{pid: 10, ppid: 1})
	p.remove("10/stat")
	p.write("10/stat/x", "") // EISDIR stands for all errors that do not concern one process
	failures, _ := recorder()
	if all, err := readTree(p.dir, failures); err == nil || !strings.HasPrefix(err.Error(), "process 10: ") {
		t.Errorf("%v, %v, want an error about process 10", all, err)
	}
	if _, err := readTree(filepath.Join(p.dir, "nowhere"), failures); err == nil {
		t.Error("no error where there is no proc")
	}
}

func TestTreeWithSecrets(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything: what an unprivileged daemon does when proc refuses is not tested here")
	}
	p := newFakeProc(t)
	p.process(fakeProcess{pid: 10, ppid: 1, utime: 1})
	p.process(fakeProcess{pid: 11, ppid: 10, utime: 2})
	if err := os.Chmod(filepath.Join(p.dir, "11/stat"), fs.FileMode(0)); err != nil {
		t.Fatal(err)
	}
	failures, log := recorder()
	for range 2 {
		all, err := readTree(p.dir, failures)
		if err != nil || len(all.processes) != 1 {
			t.Errorf("%v, %v, want process 10 alone", all, err)
		}
	}
	if n := strings.Count(log.String(), "permission denied"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, log)
	}
}
