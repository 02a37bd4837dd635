package metrics

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// maxScrapes is how many scrapes may be under way; more are answered with 503.
const maxScrapes = 8

// unknownMethod stands for all methods that do not exist.
const unknownMethod = "unknown"

// buckets are upper bounds of the time that a call takes, in seconds: most are answered from memory, some wait for a program.
var buckets = []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 10, 60}

// Config is what there is to be shown.
type Config struct {
	Supervisor *supervisor.Supervisor
	Node       *node.Node             // nil for a plain Supervisor
	Statistics *stats.Collector       // nil when nothing can be measured
	Period     time.Duration          // the integration period of Statistics that is shown, the shortest one as a rule
	Checks     func() map[string]bool // by name, whether a check of health is passed; nil when nobody looks
	Version    string                 // of the daemon
	Log        *slog.Logger
}

// Metrics is the daemon as Prometheus sees it. Its methods may be called from any goroutine.
type Metrics struct {
	registry  *prometheus.Registry
	log       *slog.Logger
	durations *prometheus.HistogramVec
	faults    *prometheus.CounterVec
}

// New returns the metrics of a daemon.
func New(cfg Config) *Metrics { return show(cfg.read, cfg.Log) }

// show returns the metrics of what read tells at each scrape.
func show(read func() facts, log *slog.Logger) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), log: log}
	row := table[rpcDuration]
	m.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: row.name, Help: row.help, Buckets: buckets}, row.labels)
	row = table[rpcFaults]
	m.faults = prometheus.NewCounterVec(prometheus.CounterOpts{Name: row.name, Help: row.help}, row.labels)
	m.registry.MustRegister(newCollector(read), m.durations, m.faults, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves GET /metrics, whatever the path is.
func (m *Metrics) Handler() http.Handler {
	// one bad series must not hide all others
	scrape := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: errorLog{m.log},
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		scrape.ServeHTTP(w, r)
	})
}

// ObserveRPC counts a call that came through a door ("xmlrpc", "rest"): the method, empty for one that does not exist, how long it
// took, and the code of its fault, 0 for none.
func (m *Metrics) ObserveRPC(door, method string, d time.Duration, fault int) {
	if method == "" {
		method = unknownMethod
	}
	m.durations.WithLabelValues(door, method).Observe(d.Seconds())
	if fault != 0 {
		m.faults.WithLabelValues(door, method, strconv.Itoa(fault)).Inc()
	}
}

// errorLog takes what promhttp has to say.
type errorLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l errorLog) Println(v ...any) {
	l.log.Error("metrics are not complete", "error", fmt.Sprint(v...))
}
