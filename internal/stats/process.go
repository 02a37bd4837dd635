package stats

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/procfs"
)

// processSampler measures the programs and integrates the measures over each period.
type processSampler struct {
	identifier string
	proc       string
	self       int
	targets    func() []Target
	periods    []time.Duration
	depth      int
	failures   *failures
	publish    func(Sample)
	programs   atomic.Pointer[map[string]*program] // by namespec; a map is never changed once it is shown
}

func newProcessSampler(cfg Config, failures *failures) *processSampler {
	s := &processSampler{
		identifier: cfg.Identifier, proc: cfg.Proc, self: cfg.Self, targets: cfg.Processes,
		periods: cfg.Periods, depth: cfg.Depth, failures: failures, publish: cfg.Publish,
	}
	s.forget()
	return s
}

func (s *processSampler) forget() { s.programs.Store(&map[string]*program{}) }

func (s *processSampler) sample(at instant) error {
	targets := s.targets()
	memory, err := physicalMemory(s.proc)
	if err != nil {
		return fmt.Errorf("read physical memory: %w", err)
	}
	all, err := readTree(s.proc, s.failures)
	if err != nil {
		return fmt.Errorf("read processes: %w", err)
	}
	// The next map has only what is up: what has ended is gone with the old one.
	before, after := *s.programs.Load(), make(map[string]*program, len(targets)+1)
	for _, target := range targets {
		if use, up := all.family(target.PID); up {
			after[target.Namespec] = s.take(before[target.Namespec], target, use, at, memory)
		}
	}
	if use, up := all.processes[s.self]; up {
		use.waited = 0 // its children are the programs
		after[Supervisord] = s.take(before[Supervisord], Target{Supervisord, s.self}, use, at, memory)
	}
	s.programs.Store(&after)
	return nil
}

// take adds a measure to what is known of a program, which begins anew when it is another process than before.
func (s *processSampler) take(known *program, target Target, use process, at instant, memory float64) *program {
	if known == nil || known.pid != target.PID || known.start != use.start {
		known = newProgram(target.PID, use, at, s.periods, s.depth)
	}
	mem := percent(use.resident, memory)
	for _, p := range known.periods {
		begin := p.last
		cpu, over := p.push(use.own+use.waited, mem, at)
		if !over {
			continue
		}
		s.publish(ProcessSample{
			Namespec:     target.Namespec,
			Identifier:   s.identifier,
			PID:          target.PID,
			NowMonotonic: at.mono,
			TargetPeriod: Float(p.period.Seconds()),
			Period:       [2]Float{Float(begin.span(known.begin)), Float(at.span(known.begin))},
			CPU:          cpu,
			Mem:          mem,
		})
	}
	return known
}

func (s *processSampler) history(namespec string, period time.Duration) (ProcessHistory, bool) {
	known := (*s.programs.Load())[namespec]
	if known == nil {
		return ProcessHistory{}, false
	}
	for _, p := range known.periods {
		if p.period == period {
			return ProcessHistory{PID: known.pid, Begin: known.begin.mono, Points: p.points.all()}, true
		}
	}
	return ProcessHistory{}, false
}

func physicalMemory(root string) (float64, error) {
	proc, err := procfs.NewFS(root)
	if err != nil {
		return 0, err
	}
	m, err := proc.Meminfo()
	if err != nil || m.MemTotalBytes == nil {
		return 0, err
	}
	return float64(*m.MemTotalBytes), nil
}

// program is one life of a program.
type program struct {
	pid     int
	start   uint64
	begin   instant // of the first measure
	periods []*programPeriod
}

// programPeriod integrates over one period, as hostPeriod does.
type programPeriod struct {
	period time.Duration
	last   instant // where the running integration began
	work   float64 // seconds of processor time until then
	points series[Point]
}

func newProgram(pid int, use process, at instant, periods []time.Duration, depth int) *program {
	p := &program{pid: pid, start: use.start, begin: at}
	for _, period := range periods {
		p.periods = append(p.periods, &programPeriod{
			period: period, last: at, work: use.own + use.waited, points: series[Point]{depth: depth},
		})
	}
	return p
}

// push takes a measure in and returns the processor load when a period is over. The work is less than before when children
// have left the family without being waited for: that period has no load that anybody knows.
func (p *programPeriod) push(work float64, mem Float, at instant) (cpu Float, over bool) {
	if at.time.Sub(p.last.time) < p.period {
		return 0, false
	}
	cpu = percent(max(0, work-p.work), at.span(p.last))
	p.last, p.work = at, work
	p.points.push(Point{NowMonotonic: at.mono, CPU: cpu, Mem: mem})
	return cpu, true
}
