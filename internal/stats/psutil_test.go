package stats

import (
	"encoding/json"
	"math"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// psutilScript prints what psutil, from which Supvisors has its figures, says of this host and of one process.
const psutilScript = `
import json, sys, psutil
process = psutil.Process(int(sys.argv[1]))
family = [process] + process.children(recursive=True)
up = [n for n, s in psutil.net_if_stats().items() if s.isup]
print(json.dumps({
    'cores': psutil.cpu_count(),
    'cpu': [[sum(c) - c.idle - c.iowait - c.guest - c.guest_nice, c.idle + c.iowait] for c in psutil.cpu_times(percpu=True)],
    'mem': psutil.virtual_memory().percent,
    'net': {n: [c.bytes_recv, c.bytes_sent] for n, c in psutil.net_io_counters(pernic=True).items() if n in up},
    'disk': {n: [c.read_bytes, c.write_bytes] for n, c in psutil.disk_io_counters(perdisk=True).items()},
    'usage': {p.mountpoint: psutil.disk_usage(p.mountpoint).percent for p in psutil.disk_partitions()},
    'family': sorted(p.pid for p in family),
    'work': sum(sum(p.cpu_times()[:2]) for p in family),
    'resident': sum(p.memory_percent() for p in family)}))
`

type psutilFigures struct {
	Cores          int
	CPU            [][2]float64
	Mem            float64
	Net, Disk      map[string][2]float64
	Usage          map[string]float64
	Family         []int
	Work, Resident float64
}

// TestAgainstPsutil compares the measures with those of psutil, taken a moment later: counters may have grown a little.
func TestAgainstPsutil(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import psutil").Run(); err != nil {
		t.Skip("python3-psutil is not installed: the figures are not compared with those that Supvisors would have")
	}
	parent, burner, _ := startBurner(t)
	failures, log := recorder()
	h := newHostSampler(Config{Proc: "/proc", Depth: 1}, failures)
	host, err := h.measure(instant{time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	all, err := readTree("/proc", failures)
	if err != nil {
		t.Fatal(err)
	}
	family, _ := all.family(parent)
	memory, err := physicalMemory("/proc")
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(python, "-c", psutilScript, strconv.Itoa(parent)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want psutilFigures
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("%v in %s", err, text)
	}

	compare := func(what string, got, want, tolerance float64) {
		t.Helper()
		t.Logf("%-20s %16.3f  psutil %16.3f", what, got, want)
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s: %v, psutil has %v", what, got, want)
		}
	}
	compare("cores", float64(len(host.cpu)), float64(want.Cores), 0)
	for i, times := range want.CPU { // up to 10 s later on a busy machine
		compare("cpu work", host.cpu[int64(i)].work, times[0], 10)
		compare("cpu idle", host.cpu[int64(i)].idle, times[1], 10)
	}
	compare("mem", float64(host.mem), want.Mem, 3)
	compareCounters(t, "net", host.net, want.Net)
	compareCounters(t, "disk", host.disk, want.Disk)
	compare("partitions", float64(len(host.usage)), float64(len(want.Usage)), 0)
	for point, usage := range want.Usage {
		compare("usage of "+point, float64(host.usage[point]), usage, 1)
	}
	if len(want.Family) != 2 || want.Family[0] != min(parent, burner) || want.Family[1] != max(parent, burner) {
		t.Errorf("psutil sees the family %v, want %d and %d", want.Family, parent, burner)
	}
	compare("process work", family.own, want.Work, 10)
	compare("process memory", float64(percent(family.resident, memory)), want.Resident, 0.5)
	if log.Len() > 0 {
		t.Errorf("failures:\n%s", log)
	}
}

func compareCounters(t *testing.T, what string, got map[string]transfer, want map[string][2]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, psutil has %v", what, got, want)
	}
	for name, w := range want {
		g, known := got[name]
		t.Logf("%-20s %v  psutil %.0f", what+" "+name, g, w)
		if !known || float64(g.in) > w[0] || float64(g.out) > w[1] || w[0]-float64(g.in) > 1<<30 || w[1]-float64(g.out) > 1<<30 {
			t.Errorf("%s %s: %v, psutil has %.0f a moment later", what, name, g, w)
		}
	}
}
