package stats

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
)

// hostSampler measures the host and integrates the measures over each period.
type hostSampler struct {
	proc    string
	nics    func() ([]net.Interface, error)
	usage   *diskUsage
	cores   atomic.Int32
	periods []*hostPeriod
	publish func(Sample)
}

// hostMeasure is what the kernel counts.
type hostMeasure struct {
	at    instant
	cpu   map[int64]cpuTimes // by number of the processor
	mem   Float              // percent
	net   map[string]transfer
	disk  map[string]transfer
	usage map[string]Float // percent
}

type cpuTimes struct{ work, idle float64 } // seconds

type transfer struct{ in, out uint64 } // bytes

func newHostSampler(cfg Config, failures *failures) *hostSampler {
	h := &hostSampler{proc: cfg.Proc, nics: net.Interfaces, usage: newDiskUsage(failures), publish: cfg.Publish}
	h.cores.Store(int32(countCores(cfg.Proc)))
	for _, period := range cfg.Periods {
		h.periods = append(h.periods, &hostPeriod{
			identifier: cfg.Identifier, period: period, samples: series[HostSample]{depth: cfg.Depth},
		})
	}
	return h
}

// countCores returns the number of processors that are online, of which this process may have only some.
func countCores(root string) int {
	if proc, err := procfs.NewFS(root); err == nil {
		if times, err := readCPU(proc); err == nil && len(times) > 0 {
			return len(times)
		}
	}
	return runtime.NumCPU()
}

func (h *hostSampler) sample(at instant) error {
	m, err := h.measure(at)
	if err != nil {
		return err
	}
	h.cores.Store(int32(len(m.cpu)))
	for _, p := range h.periods {
		if sample, over := p.push(m); over {
			h.publish(sample)
		}
	}
	return nil
}

func (h *hostSampler) history(period time.Duration) []HostSample {
	for _, p := range h.periods {
		if p.period == period {
			return p.samples.all()
		}
	}
	return nil
}

func (h *hostSampler) forget() {
	for _, p := range h.periods {
		p.last = nil
		p.samples.clear()
	}
}

func (h *hostSampler) measure(at instant) (*hostMeasure, error) {
	proc, err := procfs.NewFS(h.proc)
	if err != nil {
		return nil, err
	}
	m := &hostMeasure{at: at}
	if m.cpu, err = readCPU(proc); err != nil {
		return nil, fmt.Errorf("read processor times: %w", err)
	}
	if m.mem, err = readMemory(proc); err != nil {
		return nil, fmt.Errorf("read memory: %w", err)
	}
	if m.net, err = h.readNet(proc); err != nil {
		return nil, fmt.Errorf("read network interfaces: %w", err)
	}
	if m.disk, err = h.readDisks(); err != nil {
		return nil, fmt.Errorf("read block devices: %w", err)
	}
	mounts, err := partitions(proc, h.proc)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	m.usage = h.usage.measure(mounts)
	return m, nil
}

func readCPU(proc procfs.FS) (map[int64]cpuTimes, error) {
	stat, err := proc.Stat()
	if err != nil {
		return nil, err
	}
	times := make(map[int64]cpuTimes, len(stat.CPU))
	for number, s := range stat.CPU { // the kernel counts guests within user and nice
		times[number] = cpuTimes{work: s.User + s.Nice + s.System + s.IRQ + s.SoftIRQ + s.Steal, idle: s.Idle + s.Iowait}
	}
	return times, nil
}

// readMemory returns the share of the memory that no new program could get, which caches do not count for.
func readMemory(proc procfs.FS) (Float, error) {
	m, err := proc.Meminfo()
	if err != nil {
		return 0, err
	}
	value := func(p *uint64) float64 {
		if p == nil {
			return 0
		}
		return float64(*p)
	}
	total, available := value(m.MemTotalBytes), value(m.MemAvailableBytes)
	if m.MemAvailableBytes == nil { // before Linux 3.14
		available = value(m.MemFreeBytes) + value(m.BuffersBytes) + value(m.CachedBytes)
	}
	if available > total { // some containers show a total of their own
		available = value(m.MemFreeBytes)
	}
	return percent(max(0, total-available), total), nil
}

// readNet returns the counters of the interfaces that are running.
func (h *hostSampler) readNet(proc procfs.FS) (map[string]transfer, error) {
	counters, err := proc.NetDev()
	if err != nil {
		return nil, err
	}
	nics, err := h.nics()
	if err != nil {
		return nil, err
	}
	running := map[string]transfer{}
	for _, nic := range nics {
		if line, known := counters[nic.Name]; known && nic.Flags&net.FlagRunning != 0 {
			running[nic.Name] = transfer{in: line.RxBytes, out: line.TxBytes}
		}
	}
	return running, nil
}

// readDisks returns the counters of all block devices; a kernel without any has no such file.
func (h *hostSampler) readDisks() (map[string]transfer, error) {
	proc, err := blockdevice.NewFS(h.proc, h.proc) // of sys nothing is read
	if err != nil {
		return nil, err
	}
	stats, err := proc.ProcDiskstats()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	devices := make(map[string]transfer, len(stats))
	for _, s := range stats {
		devices[s.DeviceName] = transfer{in: s.ReadSectors * procfs.SectorSize, out: s.WriteSectors * procfs.SectorSize}
	}
	return devices, nil
}
