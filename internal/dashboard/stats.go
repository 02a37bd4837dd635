package dashboard

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
)

// gauges gather the messages of the statistics into one sample for each node.
type gauges struct {
	changed chan struct{} // holds a token when there are samples to be told
	wanted  atomic.Bool   // some page shows statistics
	change  chan struct{} // holds a token when wanted has changed
	irix    bool

	mu      sync.Mutex
	pending map[string]*Stats
	hosts   map[string]stats.HostSample // the latest of each node
}

func newGauges(irix bool) *gauges {
	return &gauges{irix: irix, changed: make(chan struct{}, 1), change: make(chan struct{}, 1), pending: map[string]*Stats{}, hosts: map[string]stats.HostSample{}}
}

// Wants reports whether a page shows statistics.
func (d *Dashboard) Wants(header string) bool {
	return (header == "hstats" || header == "pstats") && d.stats.wanted.Load()
}

// Demand returns the channel that receives a value after the answer of Wants has changed. It is for one receiver.
func (d *Dashboard) Demand() <-chan struct{} { return d.stats.change }

// demand finds out whether any page wants statistics.
func (g *gauges) demand(s *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := false
	for _, c := range s.all {
		wanted = wanted || c.wantsAny()
	}
	if g.wanted.Swap(wanted) != wanted {
		token(g.change)
	}
}

// token puts a value into a channel of one, unless there is one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Publish takes a message of the statistics; what is none is left alone. The body is only good during the call.
func (d *Dashboard) Publish(header string, body []byte) {
	if !d.Wants(header) {
		return
	}
	g := d.stats
	switch header {
	case "hstats":
		var h stats.HostSample
		if json.Unmarshal(body, &h) == nil {
			g.host(h)
		}
	case "pstats":
		var p stats.ProcessSample
		if json.Unmarshal(body, &p) == nil {
			g.process(p)
		}
	}
	token(g.changed)
}

// of returns the sample of a node that is being gathered; g.mu is held.
func (g *gauges) of(node string) *Stats {
	s := g.pending[node]
	if s == nil {
		s = newStats(node, float64(time.Now().UnixMilli())/1e3)
		g.pending[node] = s
	}
	return s
}

func newStats(node string, at float64) *Stats {
	return &Stats{Node: node, Time: at, CPU: []float64{}, Processes: map[string][2]Cell{}, Network: map[string][2]Cell{},
		Disk: map[string][2]Cell{}, Usage: map[string]Cell{}}
}

func (g *gauges) host(h stats.HostSample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.of(h.Identifier)
	g.hosts[h.Identifier] = h
}

// fill takes over what is known of the host.
func (s *Stats) fill(h stats.HostSample) {
	s.Memory = float64(h.Mem)
	for _, cpu := range h.CPU {
		s.CPU = append(s.CPU, float64(cpu))
	}
	for name, io := range h.NetIO {
		s.Network[name] = [2]Cell{float64(io[0]), float64(io[1])}
	}
	for name, io := range h.DiskIO {
		s.Disk[name] = [2]Cell{float64(io[0]), float64(io[1])}
	}
	for name, used := range h.DiskUsage {
		s.Usage[name] = float64(used)
	}
}

// share turns the load of the processes into that of all cores.
func (s *Stats) share(cores int) {
	for name, load := range s.Processes {
		load[0] = float64(stats.Solaris(stats.Float(load[0]), cores))
		s.Processes[name] = load
	}
}

func (g *gauges) process(p stats.ProcessSample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.of(p.Identifier).Processes[process.ParseNamespec(p.Namespec).String()] = [2]Cell{float64(p.CPU), float64(p.Mem)}
}

// take returns the samples that were gathered.
func (g *gauges) take() (all []Stats) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.pending {
		s.fill(g.hosts[s.Node])
		if !g.irix {
			s.share(len(s.CPU) - 1)
		}
		all = append(all, *s)
	}
	clear(g.pending)
	slices.SortFunc(all, func(a, b Stats) int { return strings.Compare(a.Node, b.Node) })
	return all
}
