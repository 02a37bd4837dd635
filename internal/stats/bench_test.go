package stats

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// The bar: 1,000 programs cost less than 1 % of one core at a collecting period of 10 s, which is 100 ms a sample.
const benchPeriod = 10 * time.Second

// benchmarkSample takes process samples of the targets, each of them complete: read, integrated, published.
func benchmarkSample(b *testing.B, proc string, targets []Target) {
	published := 0
	s := newProcessSampler(Config{
		Proc: proc, Self: 1, Periods: []time.Duration{benchPeriod}, Depth: 200,
		Processes: func() []Target { return targets }, Publish: func(Sample) { published++ },
	}, &failures{})
	b.ReportAllocs()
	before, samples := processorTime(), 0
	for b.Loop() {
		if err := s.sample(at(float64(samples * 10))); err != nil {
			b.Fatal(err)
		}
		samples++
	}
	b.ReportMetric(100*(processorTime()-before).Seconds()/float64(samples)/benchPeriod.Seconds(), "%core")
	if samples > 1 && published < (samples-1)*len(targets) {
		b.Errorf("%d of %d samples published", published, (samples-1)*len(targets))
	}
}

// processorTime is what this process has used, its garbage collector included.
func processorTime() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkSample1000 takes one sample of 1,000 processes of a made-up /proc.
func BenchmarkSample1000(b *testing.B) {
	p := newFakeProc(b)
	p.process(fakeProcess{pid: 1})
	var targets []Target
	for pid := 1000; pid < 2000; pid++ {
		p.process(fakeProcess{pid: pid, ppid: 1, utime: 5, rss: 100})
		targets = append(targets, Target{fmt.Sprint("app:", pid), pid})
	}
	benchmarkSample(b, p.dir, targets)
}

// BenchmarkSample1000Children takes one sample of 1,000 real processes.
func BenchmarkSample1000Children(b *testing.B) {
	var targets []Target
	for i := range 1000 {
		child := exec.Command("sleep", "600")
		if err := child.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { child.Process.Kill(); child.Wait() })
		targets = append(targets, Target{fmt.Sprint("app:", i), child.Process.Pid})
	}
	benchmarkSample(b, "/proc", targets)
}

// BenchmarkHost takes one sample of the host.
func BenchmarkHost(b *testing.B) {
	h := newHostSampler(Config{Proc: "/proc", Depth: 200, Periods: []time.Duration{benchPeriod}, Publish: func(Sample) {}}, &failures{})
	samples := 0
	for b.Loop() {
		if err := h.sample(at(float64(samples * 10))); err != nil {
			b.Fatal(err)
		}
		samples++
	}
}
