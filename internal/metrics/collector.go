package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector turns the facts of the moment into constants.
type collector struct {
	read  func() facts
	descs [families]*prometheus.Desc // nil for what is not a constant
}

func newCollector(read func() facts) *collector {
	c := &collector{read: read}
	for s, row := range table {
		switch series(s) {
		case rpcDuration, rpcFaults: // vectors of their own
		default:
			c.descs[s] = prometheus.NewDesc(row.name, row.help, row.labels, nil)
		}
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		if d != nil {
			ch <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	f, out := c.read(), sink{&c.descs, ch}
	out.put(buildInfo, 1, f.version)
	out.put(daemonState, float64(f.state))
	for name, passed := range f.checks {
		out.flag(healthCheck, passed, name)
	}
	out.processes(f.processes)
	out.pools(f.pools)
	if f.view != nil {
		out.cluster(f.view)
		out.applications(f.view)
		out.health(f.view, f.health)
	}
	if f.host != nil {
		out.host(f.host)
	}
	out.usage(f.usage)
}

// sink is where the constants of one scrape go.
type sink struct {
	descs *[families]*prometheus.Desc
	ch    chan<- prometheus.Metric
}

// put shows a value. Names in configurations may be any bytes, those of Prometheus may not.
func (s sink) put(family series, value float64, labels ...string) {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "\uFFFD")
	}
	m, err := prometheus.NewConstMetric(s.descs[family], table[family].kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(s.descs[family], err)
	}
	s.ch <- m
}

// flag shows whether something is so.
func (s sink) flag(family series, on bool, labels ...string) {
	value := 0.0
	if on {
		value = 1
	}
	s.put(family, value, labels...)
}

// seconds returns the seconds since the Epoch.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }
