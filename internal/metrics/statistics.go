package metrics

import (
	"strconv"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
)

// kibibit is the unit of the transfer rates of Supvisors, in bytes.
const kibibit = 1024 / 8

func (s sink) host(h *stats.HostSample) {
	for i, load := range h.CPU {
		if i == 0 {
			s.put(hostCPU, float64(load)/percent)
		} else {
			s.put(hostCore, float64(load)/percent, strconv.Itoa(i-1))
		}
	}
	s.put(hostMemory, float64(h.Mem)/percent)
	for name, io := range h.NetIO {
		s.put(hostReceived, float64(io[0])*kibibit, name)
		s.put(hostSent, float64(io[1])*kibibit, name)
	}
	for name, io := range h.DiskIO {
		s.put(hostRead, float64(io[0])*kibibit, name)
		s.put(hostWritten, float64(io[1])*kibibit, name)
	}
	for name, usage := range h.DiskUsage {
		s.put(hostFilesystem, float64(usage)/percent, name)
	}
}

func (s sink) usage(points map[process.Namespec]stats.Point) {
	for ns, p := range points {
		s.put(processCPU, float64(p.CPU)/percent, ns.Group, ns.Process)
		s.put(processMemory, float64(p.Mem)/percent, ns.Group, ns.Process)
	}
}
