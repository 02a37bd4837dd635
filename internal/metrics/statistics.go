package metrics

import (
	"strconv"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// kibibit is the unit of the transfer rates of Supvisors, in bytes.
const kibibit = 1024 / 8

// host shows the last sample of the host, if there is one.
func (s sink) host(c *stats.Collector, period time.Duration) {
	history := c.HostHistory(period)
	if len(history) == 0 {
		return
	}
	last := history[len(history)-1]
	for i, load := range last.CPU {
		if i == 0 {
			s.put(hostCPU, float64(load)/percent)
		} else {
			s.put(hostCore, float64(load)/percent, strconv.Itoa(i-1))
		}
	}
	s.put(hostMemory, float64(last.Mem)/percent)
	for name, io := range last.NetIO {
		s.put(hostReceived, float64(io[0])*kibibit, name)
		s.put(hostSent, float64(io[1])*kibibit, name)
	}
	for name, io := range last.DiskIO {
		s.put(hostRead, float64(io[0])*kibibit, name)
		s.put(hostWritten, float64(io[1])*kibibit, name)
	}
	for name, usage := range last.DiskUsage {
		s.put(hostFilesystem, float64(usage)/percent, name)
	}
}

// usage shows the last sample of each process that is up.
func (s sink) usage(c *stats.Collector, period time.Duration, list []supervisor.Counted) {
	for i := range list {
		info := &list[i].Info
		history, up := c.ProcessHistory(process.Namespec{Group: info.Group, Process: info.Name}.String(), period)
		if !up || history.PID != info.PID || len(history.Points) == 0 {
			continue
		}
		last := history.Points[len(history.Points)-1]
		s.put(processCPU, float64(last.CPU)/percent, info.Group, info.Name)
		s.put(processMemory, float64(last.Mem)/percent, info.Group, info.Name)
	}
}
