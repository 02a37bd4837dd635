package stats

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeProc is a tree of files that looks like proc.
type fakeProc struct {
	t   testing.TB
	dir string
}

func newFakeProc(t testing.TB) *fakeProc {
	p := &fakeProc{t: t, dir: t.TempDir()}
	p.write("stat", cpuLines(cpuLine(0), cpuLine(1)))
	p.write("meminfo", "MemTotal: 1000000 kB\nMemFree: 100000 kB\nMemAvailable: 600000 kB\n")
	p.net("lo 0 0")
	p.disks("vda 0 0")
	p.write("filesystems", "nodev\tsysfs\nnodev\ttmpfs\n\text4\n\txfs\nnodev\tzfs\n")
	p.mounts("/dev/vda / ext4")
	return p
}

func (p *fakeProc) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *fakeProc) remove(name string) {
	p.t.Helper()
	if err := os.RemoveAll(filepath.Join(p.dir, name)); err != nil {
		p.t.Fatal(err)
	}
}

// cpuLine is a line of stat with its times in ticks: user nice system idle iowait irq softirq steal guest guest_nice.
func cpuLine(number int, ticks ...int) string {
	line := fmt.Sprintf("cpu%d", number)
	for i := range 10 {
		value := 0
		if i < len(ticks) {
			value = ticks[i]
		}
		line += fmt.Sprintf(" %d", value)
	}
	return line
}

func cpuLines(lines ...string) string {
	return "cpu 1 1 1 1 1 1 1 1 1 1\n" + strings.Join(lines, "\n") + "\nintr 7 0 1\nctxt 9\nbtime 1000\nprocesses 5\n"
}

// net writes interfaces given as "name received sent".
func (p *fakeProc) net(lines ...string) {
	text := "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n"
	for _, line := range lines {
		f := strings.Fields(line)
		text += fmt.Sprintf("%6s: %s 1 0 0 0 0 0 0 %s 1 0 0 0 0 0 0\n", f[0], f[1], f[2])
	}
	p.write("net/dev", text)
}

// disks writes devices given as "name sectors-read sectors-written".
func (p *fakeProc) disks(lines ...string) {
	text := ""
	for _, line := range lines {
		f := strings.Fields(line)
		text += fmt.Sprintf(" 254 0 %s 10 0 %s 5 10 0 %s 5 0 1 1 0 0 0 0 0 0\n", f[0], f[1], f[2])
	}
	p.write("diskstats", text)
}

// mounts writes mounts given as "source point type".
func (p *fakeProc) mounts(lines ...string) {
	text := ""
	for i, line := range lines {
		f := strings.Fields(line)
		text += fmt.Sprintf("%d 1 254:0 / %s rw,relatime shared:1 - %s %s rw\n", i+20, f[1], f[2], f[0])
	}
	p.write("self/mountinfo", text)
}

// fakeProcess is a process of which the test says only what matters. Times are ticks of 10 ms, rss is pages.
type fakeProcess struct {
	pid, ppid                    int
	utime, stime, cutime, cstime int
	start, rss                   int
	comm                         string
}

func (p *fakeProc) process(f fakeProcess) {
	if f.comm == "" {
		f.comm = "prog"
	}
	p.write(fmt.Sprintf("%d/stat", f.pid), fmt.Sprintf(
		"%d (%s) S %d 1 1 0 -1 4194304 100 0 0 0 %d %d %d %d 20 0 1 0 %d 1000000 %d 18446744073709551615 "+
			"1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		f.pid, f.comm, f.ppid, f.utime, f.stime, f.cutime, f.cstime, f.start, f.rss))
}

// at is an instant so many seconds after the beginning of a test.
func at(seconds float64) instant {
	return instant{time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second))), Float(500 + seconds)}
}

// recorder is a logger whose lines a test can count.
func recorder() (*failures, *strings.Builder) {
	text := &strings.Builder{}
	return &failures{logger: slog.New(slog.NewTextHandler(text, nil)), seen: map[failure]bool{}}, text
}

// near allows for the last bits of a float.
func near(a, b Float) bool { return a-b < 1e-9 && b-a < 1e-9 }

// countLogged is how many lines of a log report a failure of what.
func countLogged(log, what string) int { return strings.Count(log, " what="+what+" ") }
