package stats

import (
	"errors"
	"io/fs"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeHost is a host sampler over a fake proc with one period of 10 s and what it has published.
type fakeHost struct {
	*fakeProc
	*hostSampler
	nics      []net.Interface
	published []HostSample
	log       *strings.Builder
}

func newFakeHost(t testing.TB, periods ...time.Duration) *fakeHost {
	h := &fakeHost{fakeProc: newFakeProc(t)}
	failures, log := recorder()
	h.log = log
	h.running("lo", "eth0", "eth1", "vda")
	h.hostSampler = newHostSampler(Config{
		Identifier: "n1", Proc: h.dir, Periods: periods, Depth: 10,
		Publish: func(s Sample) { h.published = append(h.published, s.(HostSample)) },
	}, failures)
	h.hostSampler.nics = func() ([]net.Interface, error) { return h.nics, nil }
	h.usage.statfs = func(path string, s *unix.Statfs_t) error {
		*s = unix.Statfs_t{Blocks: 1000, Bfree: 600, Bavail: 400} // 400 used, 200 for root only
		return nil
	}
	return h
}

func (h *fakeHost) running(names ...string) {
	h.nics = nil
	for _, name := range names {
		h.nics = append(h.nics, net.Interface{Name: name, Flags: net.FlagUp | net.FlagRunning})
	}
}

// measureAt takes a measure and returns the sample that it has completed.
func (h *fakeHost) measureAt(seconds float64) *HostSample {
	h.t.Helper()
	h.published = nil
	if err := h.sample(at(seconds)); err != nil {
		h.t.Fatal(err)
	}
	if len(h.published) == 0 {
		return nil
	}
	return &h.published[0]
}

func TestHostSample(t *testing.T) {
	h := newFakeHost(t, 10*time.Second)
	h.write("stat", cpuLines(cpuLine(0, 100, 10, 50, 1000, 7, 1, 2, 3, 100), cpuLine(1)))
	h.net("lo 1000 2000", "eth0 10 20")
	h.disks("vda 100 200", "vda1 50 0")
	h.mounts("/dev/vda / ext4", "tmpfs /run tmpfs", `/dev/vdb /my\040data xfs`)
	if s := h.measureAt(3); s != nil {
		t.Fatalf("the first measure makes a sample: %+v", s)
	}
	// core 0: 1+2+3+4+5+6 s of work and 60+19 s idle; guest time is within user. Core 1: 10 of 40 s.
	h.write("stat", cpuLines(cpuLine(0, 200, 210, 350, 7000, 1907, 401, 502, 603, 200), cpuLine(1, 1000, 0, 0, 3000)))
	h.net("lo 1281000 2000", "eth0 10 1300")
	h.disks("vda 2660 200", "vda1 50 5")
	got := h.measureAt(13)
	if got == nil {
		t.Fatal("no sample after one period")
	}
	want := &HostSample{
		Identifier: "n1", NowMonotonic: 513, TargetPeriod: 10, Period: [2]Float{0, 10},
		CPU:       []Float{100 * 31. / 140, 21, 25},
		Mem:       40,
		NetIO:     map[string][2]Float{"lo": {1000, 0}, "eth0": {0, 1}},
		DiskIO:    map[string][2]Float{"vda": {1024, 0}, "vda1": {0, 2}},
		DiskUsage: map[string]Float{"/": 50, "/my data": 50},
	}
	for i := range want.CPU {
		if len(got.CPU) != len(want.CPU) || !near(got.CPU[i], want.CPU[i]) {
			t.Fatalf("cpu %v, want %v", got.CPU, want.CPU)
		}
	}
	if got.CPU = want.CPU; !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
	if n := h.cores.Load(); n != 2 {
		t.Errorf("%d cores, want 2", n)
	}
}

func TestHostPeriods(t *testing.T) {
	h := newFakeHost(t, 5*time.Second, 10*time.Second)
	var got [][3]Float
	for _, seconds := range []float64{0, 4.9, 5.1, 9, 10.2, 16} {
		h.measureAt(seconds)
		for _, s := range h.published {
			got = append(got, [3]Float{s.TargetPeriod, s.Period[0], s.Period[1]})
		}
	}
	want := [][3]Float{{5, 0, 5.1}, {5, 5.1, 10.2}, {10, 0, 10.2}, {5, 10.2, 16}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n, m := len(h.history(5*time.Second)), len(h.history(10*time.Second)); n != 3 || m != 1 {
		t.Errorf("histories of %d and %d samples, want 3 and 1", n, m)
	}
	if h.history(7*time.Second) != nil {
		t.Error("a period that is not configured has a history")
	}
	h.forget()
	if h.history(5*time.Second) != nil || h.measureAt(30) != nil {
		t.Error("something is left after forget")
	}
	if s := h.measureAt(35); s == nil || s.Period != [2]Float{0, 5} {
		t.Errorf("after forget: %+v, want a new beginning", s)
	}
}

func TestHostDevicesComeAndGo(t *testing.T) {
	h := newFakeHost(t, 10*time.Second)
	for i, step := range []struct {
		what    string
		net     []string
		running []string
		want    map[string][2]Float
	}{
		{"first", []string{"lo 0 0", "eth0 1280 0"}, []string{"lo", "eth0"}, nil},
		{"new one has no rate yet", []string{"lo 1280 0", "eth0 1280 0", "eth1 99999 0"}, []string{"lo", "eth0", "eth1"},
			map[string][2]Float{"lo": {1, 0}, "eth0": {0, 0}}},
		{"from then on it has", []string{"lo 1280 0", "eth0 1280 0", "eth1 99999 1280"}, []string{"lo", "eth0", "eth1"},
			map[string][2]Float{"lo": {0, 0}, "eth0": {0, 0}, "eth1": {0, 1}}},
		{"gone", []string{"lo 1280 0", "eth1 99999 1280"}, []string{"lo", "eth1"}, map[string][2]Float{"lo": {0, 0}, "eth1": {0, 0}}},
		{"down", []string{"lo 1280 0", "eth1 99999 2560"}, []string{"lo"}, map[string][2]Float{"lo": {0, 0}}},
		{"up again", []string{"lo 1280 0", "eth1 99999 2560"}, []string{"lo", "eth1"}, map[string][2]Float{"lo": {0, 0}}},
		{"received wraps", []string{"lo 0 1280", "eth1 99999 3840"}, []string{"lo", "eth1"}, map[string][2]Float{"eth1": {0, 1}}},
		{"sent wraps", []string{"lo 0 1279", "eth1 99999 3840"}, []string{"lo", "eth1"}, map[string][2]Float{"eth1": {0, 0}}},
		{"none", nil, nil, map[string][2]Float{}},
	} {
		h.net(step.net...)
		h.running(step.running...)
		s := h.measureAt(float64(10 * i))
		switch {
		case step.want == nil && s != nil:
			t.Errorf("%s: %v, want no sample", step.what, s.NetIO)
		case step.want != nil && (s == nil || !reflect.DeepEqual(s.NetIO, step.want)):
			t.Errorf("%s: %+v, want %v", step.what, s, step.want)
		}
	}
}

func TestHostProcessorsComeAndGo(t *testing.T) {
	h := newFakeHost(t, 10*time.Second)
	busy, half := func(n int) int { return n * 1000 }, func(n int) int { return n * 500 }
	for i, step := range []struct {
		what  string
		lines []string
		want  []Float
		cores int32
	}{
		{"two", []string{cpuLine(0, busy(1)), cpuLine(1)}, nil, 2},
		{"three, one of them new", []string{cpuLine(0, busy(2)), cpuLine(1, half(1), 0, 0, half(1)), cpuLine(2, 77)}, []Float{75, 100, 50}, 3},
		{"0 is off", []string{cpuLine(1, half(1), 0, 0, half(3)), cpuLine(2, 77, 0, 0, busy(1))}, []Float{0, 0, 0}, 2},
		{"no tick at all", []string{cpuLine(1, half(1), 0, 0, half(3)), cpuLine(2, 77, 0, 0, busy(1))}, []Float{0, 0, 0}, 2},
		{"idle goes back", []string{cpuLine(1, half(2), 0, 0, half(3)-5), cpuLine(2, 77, 0, 0, busy(2))}, []Float{100. / 3, 100, 0}, 2},
		{"none known", []string{cpuLine(7, 5)}, []Float{0}, 1},
	} {
		h.write("stat", cpuLines(step.lines...))
		s := h.measureAt(float64(10 * i))
		if (s == nil) != (step.want == nil) {
			t.Fatalf("%s: sample %v", step.what, s)
		}
		if s != nil {
			if len(s.CPU) != len(step.want) {
				t.Fatalf("%s: %v, want %v", step.what, s.CPU, step.want)
			}
			for j := range s.CPU {
				if !near(s.CPU[j], step.want[j]) {
					t.Errorf("%s: %v, want %v", step.what, s.CPU, step.want)
				}
			}
		}
		if h.cores.Load() != step.cores {
			t.Errorf("%s: %d cores, want %d", step.what, h.cores.Load(), step.cores)
		}
	}
}

func TestHostMemory(t *testing.T) {
	for _, c := range []struct {
		what, text string
		want       Float
	}{
		{"available", "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 750 kB\n", 25},
		{"old kernel", "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 150 kB\n", 70},
		{"more available than there is", "MemTotal: 1000 kB\nMemFree: 400 kB\nMemAvailable: 9000 kB\n", 60},
		{"more free than there is", "MemTotal: 1000 kB\nMemFree: 4000 kB\nMemAvailable: 9000 kB\n", 0},
		{"nothing", "MemFree: 1 kB\n", 0},
	} {
		h := newFakeHost(t, 10*time.Second)
		h.write("meminfo", c.text)
		h.measureAt(0)
		if s := h.measureAt(10); s == nil || s.Mem != c.want {
			t.Errorf("%s: %+v, want %v", c.what, s, c.want)
		}
	}
}

func TestHostWithoutBlockDevices(t *testing.T) {
	h := newFakeHost(t, 10*time.Second)
	h.remove("diskstats")
	h.measureAt(0)
	if s := h.measureAt(10); s == nil || s.DiskIO == nil || len(s.DiskIO) != 0 {
		t.Errorf("%+v, want a sample with an empty disk_io", s)
	}
}

func TestHostUnreadable(t *testing.T) {
	for _, name := range []string{"stat", "meminfo", "net/dev", "filesystems", "self/mountinfo", "."} {
		h := newFakeHost(t, 10*time.Second)
		h.remove(name)
		if err := h.sample(at(0)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	h := newFakeHost(t, 10*time.Second)
	h.hostSampler.nics = func() ([]net.Interface, error) { return nil, unix.EMFILE }
	if err := h.sample(at(0)); !errors.Is(err, unix.EMFILE) || !strings.HasPrefix(err.Error(), "read network interfaces: ") {
		t.Errorf("without interfaces: %v", err)
	}
}

// A measure that fails costs one sample: the next one covers the time.
func TestHostSkipsAMeasure(t *testing.T) {
	h := newFakeHost(t, 10*time.Second)
	h.measureAt(0)
	h.remove("meminfo")
	if err := h.sample(at(10)); err == nil {
		t.Fatal("no error without meminfo")
	}
	h.write("meminfo", "MemTotal: 1000 kB\nMemAvailable: 900 kB\n")
	if s := h.measureAt(20); s == nil || s.Period != [2]Float{0, 20} {
		t.Errorf("%+v, want a period of 20 s", s)
	}
}

func TestCoresBeforeTheFirstSample(t *testing.T) {
	proc := newFakeProc(t)
	proc.write("stat", cpuLines(cpuLine(0), cpuLine(1), cpuLine(2)))
	if n := New(Config{Proc: proc.dir}).Cores(); n != 3 {
		t.Errorf("%d cores, want 3", n)
	}
	if n := New(Config{Proc: "/nowhere"}).Cores(); n < 1 {
		t.Errorf("%d cores where there is no proc", n)
	}
}
