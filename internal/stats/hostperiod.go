package stats

import (
	"maps"
	"slices"
	"time"
)

// hostPeriod integrates over one period: from the first measure on, from each measure to the first one that is at least a
// period later.
type hostPeriod struct {
	identifier string
	period     time.Duration
	begin      instant      // of the first measure
	last       *hostMeasure // where the running integration began
	samples    series[HostSample]
}

// push takes a measure in and returns the sample that it completes.
func (p *hostPeriod) push(m *hostMeasure) (HostSample, bool) {
	if p.last == nil {
		p.begin, p.last = m.at, m
		return HostSample{}, false
	}
	if m.at.time.Sub(p.last.at.time) < p.period {
		return HostSample{}, false
	}
	seconds := m.at.span(p.last.at)
	sample := HostSample{
		Identifier:   p.identifier,
		NowMonotonic: m.at.mono,
		TargetPeriod: Float(p.period.Seconds()),
		Period:       [2]Float{Float(p.last.at.span(p.begin)), Float(m.at.span(p.begin))},
		CPU:          loads(p.last.cpu, m.cpu),
		Mem:          m.mem,
		NetIO:        rates(p.last.net, m.net, seconds),
		DiskIO:       rates(p.last.disk, m.disk, seconds),
		DiskUsage:    m.usage,
	}
	p.last = m
	p.samples.push(sample)
	return sample, true
}

// loads returns the average and then the load of each processor that was there at both measures. The kernel's idle times may go
// back a little.
func loads(before, after map[int64]cpuTimes) []Float {
	list := []Float{0}
	var work, total float64
	for _, number := range slices.Sorted(maps.Keys(after)) {
		b, known := before[number]
		if !known {
			continue
		}
		a := after[number]
		w := max(0, a.work-b.work)
		t := w + max(0, a.idle-b.idle)
		list = append(list, percent(w, t))
		work, total = work+w, total+t
	}
	list[0] = percent(work, total)
	return list
}

// rates returns Kibit/s of each device that was there at both measures. A device whose counters fell is left out once: it has
// wrapped or begun anew, and nobody knows what it did.
func rates(before, after map[string]transfer, seconds float64) map[string][2]Float {
	list := make(map[string][2]Float, len(after))
	for name, a := range after {
		if b, known := before[name]; known && a.in >= b.in && a.out >= b.out {
			list[name] = [2]Float{Float(float64(a.in-b.in) / seconds / 128), Float(float64(a.out-b.out) / seconds / 128)}
		}
	}
	return list
}
