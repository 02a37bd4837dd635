package dashboard

import (
	"context"
	"crypto/rand"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rules"
)

const (
	// viewQueue is how many Views may wait for the follower.
	viewQueue = 1024
	// gather is how long changes are gathered before they are told: what happens at once is one change.
	gather = 40 * time.Millisecond
)

// Table is the method table: an *rpc.Table.
type Table interface {
	Call(ctx context.Context, name string, params []any) (any, error)
}

// Config is what the pages show and work with.
type Config struct {
	Table      Table
	Supervisor *supervisor.Supervisor
	Node       *node.Node       // nil for a Supervisor alone
	Options    cluster.Config   // of the Node
	Statistics *stats.Collector // nil without a Node
	Period     time.Duration    // of the statistics to show
	// Irix shows the load of processes in percent of one core, else it is of all cores of the host (stats_irix_mode).
	Irix  bool
	Rules func() *rules.Set
	// RulesRead tells which files the rules were read from, and what was wrong with them; nil when nobody knows.
	RulesRead func() (files []string, problems []rules.Problem)
	MainLog   func() (path string, err error)
	Version   string
	Look      Look
	Log       *slog.Logger
}

// Look is what users have added to the pages. The paths are relative to the root of the site.
type Look struct {
	Name   string
	Icon   string
	Styles []string
}

// Dashboard follows the cluster and serves the pages.
type Dashboard struct {
	cfg     Config
	fixed   Cluster // what does not change
	shell   *template.Template
	routes  *http.ServeMux
	files   map[string]*asset
	modules []string // the scripts among them
	heard   heard    // of a Supervisor alone

	mu     sync.Mutex
	past   *history
	view   *cluster.View // the newest one
	told   *cluster.View // as the clients of the stream know it
	stream *stream
	jobs   *jobs
	stats  *gauges
}

// New returns the dashboard of a node. It shows nothing new before Run.
func New(cfg Config) (*Dashboard, error) {
	if cfg.Node == nil {
		return newDashboard(cfg, nil)
	}
	return newDashboard(cfg, cfg.Node.View())
}

// newDashboard returns the dashboard that begins with a View of a cluster, or without one for a Supervisor alone.
func newDashboard(cfg Config, first *cluster.View) (*Dashboard, error) {
	d := &Dashboard{cfg: cfg, heard: heard{wake: make(chan struct{}, 1)}, past: newHistory(cfg.Options.Core), stats: newGauges(cfg.Irix)}
	d.fixed = Cluster{Name: cfg.Look.Name, Icon: cfg.Look.Icon, Version: cfg.Version, Clustered: first != nil}
	if d.fixed.Clustered {
		d.fixed.Starting, d.fixed.Conciliation = cfg.Options.Starting.String(), cfg.Options.Conciliation.String()
		d.fixed.Failure = cfg.Options.Failure.String()
	} else {
		first = d.ownView(nil)
	}
	d.view, d.told = first, first
	d.past.compare(nil, first, now(), d.fixed.Clustered)
	d.stream = newStream(rand.Text()[:8])
	d.jobs = newJobs(d)
	var err error
	if d.files, err = findAssets(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		if strings.HasSuffix(name, ".js") {
			d.modules = append(d.modules, name)
		}
	}
	d.routes = d.newRoutes()
	d.shell, err = readShell()
	return d, err
}

// now is the time in the documents.
func now() float64 { return float64(time.Now().UnixMicro()) / 1e6 }

// Run follows the cluster until ctx ends.
func (d *Dashboard) Run(ctx context.Context) {
	defer d.jobs.wait()
	d.jobs.open(ctx)
	var views <-chan *cluster.View // never ready for a Supervisor alone
	if d.cfg.Node != nil {
		watch := d.cfg.Node.Watch(viewQueue)
		defer watch.Close()
		views = watch.C
	}
	flush := time.NewTimer(0)
	defer flush.Stop()
	pending := true
	var due <-chan time.Time // when to follow a Supervisor alone that nobody looks at
	for {
		select {
		case v := <-views:
			d.follow(v)
		case <-d.heard.wake:
			if d.stream.wanted() {
				d.followAlone()
			} else if due == nil { // thousands may be starting, and nobody looks
				due = time.After(gather)
			}
		case <-due:
			due = nil
			d.followAlone()
		case <-d.stats.changed:
		case <-flush.C:
			pending = false
			d.flush()
			continue
		case <-ctx.Done():
			d.stream.close()
			return
		}
		if !pending && d.stream.wanted() {
			pending = true
			flush.Reset(gather)
		}
	}
}

// follow takes a View over.
func (d *Dashboard) follow(v *cluster.View) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news := d.past.compare(d.view, v, now(), d.fixed.Clustered)
	d.view = v
	d.publish(news)
	if !d.stream.wanted() {
		d.tellChange() // to nobody: the old View is not needed any more
	}
}

// publish tells what has been noted; d.mu is held.
func (d *Dashboard) publish(n news) {
	for _, m := range n.moments {
		d.stream.publish("moment", m)
	}
	for _, s := range n.sequences {
		d.stream.publish("sequence", s)
	}
}

// note adds what the Views do not tell to the timeline.
func (d *Dashboard) note(m Moment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m.Time = now()
	var n news
	d.past.note(&n, m)
	d.publish(n)
}

// flush tells the clients what has changed since the last time, and the samples that came.
func (d *Dashboard) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tellChange()
	d.stream.samples(d.stats.take())
}

// tellChange brings the clients up to the newest View; d.mu is held. A node that the cluster has forgotten makes them begin anew.
func (d *Dashboard) tellChange() {
	before := d.told
	if d.told = d.view; before == d.view {
		return
	}
	forgotten := func(n *cluster.InstanceView) bool { return d.view.Instance(n.Identifier) == nil }
	if !d.stream.wanted() || slices.ContainsFunc(before.Instances, forgotten) {
		d.stream.forget()
	} else if change, changed := d.change(before, d.view); changed {
		d.stream.publish("change", change)
	}
}

func (d *Dashboard) change(before, v *cluster.View) (c Change, changed bool) {
	s := shower{view: v, past: d.past}
	c.Now = now()
	if old, is := (shower{view: before, past: d.past}).cluster(d.fixed), s.cluster(d.fixed); *old != *is || !d.fixed.Clustered && before != v {
		is.State = d.state(is.State)
		c.Cluster = is
	}
	known := before.Applications
	for i, n := range v.Instances {
		was := earlier(before, i, n)
		if was != n {
			c.Nodes = append(c.Nodes, s.node(n))
		}
		if was != nil && was.Nick != n.Nick {
			known = nil // the nick is part of sentences about processes
		}
	}
	for was, is := range cluster.Different(before.Applications, v.Applications, byName) {
		if is == nil {
			c.Gone = append(c.Gone, was.Name)
		}
	}
	for _, is := range cluster.Different(known, v.Applications, byName) {
		if is != nil {
			c.Applications = append(c.Applications, s.application(is))
		}
	}
	return c, c.Cluster != nil || len(c.Nodes)+len(c.Applications)+len(c.Gone) > 0
}

// state is that of the cluster, or of a Supervisor alone.
func (d *Dashboard) state(clustered string) string {
	if d.fixed.Clustered {
		return clustered
	}
	return d.cfg.Supervisor.State().String()
}

// snapshot returns all there is; d.mu is held.
func (d *Dashboard) snapshot() *Snapshot {
	d.tellChange()
	s := shower{view: d.view, past: d.past}
	c := s.cluster(d.fixed)
	c.State = d.state(c.State)
	all := &Snapshot{Now: now(), Cluster: *c, Nodes: make([]Node, len(d.view.Instances)), Applications: make([]Application, len(d.view.Applications)),
		Jobs: d.jobs.list(), Moments: d.past.latest(snapshotMoments)}
	for i, n := range d.view.Instances {
		all.Nodes[i] = s.node(n)
	}
	for i, app := range d.view.Applications {
		all.Applications[i] = s.application(app)
	}
	return all
}

// Snapshot returns all that a page shows.
func (d *Dashboard) Snapshot() *Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshot()
}

// current returns the newest View.
func (d *Dashboard) current() *cluster.View {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view
}

// newest returns the View of this moment, which may not have been followed yet.
func (d *Dashboard) newest() *cluster.View {
	if d.cfg.Node != nil {
		return d.cfg.Node.View()
	}
	return d.ownView(d.current())
}

// identifier finds a node by its identifier or nick; "" is the node itself.
func (d *Dashboard) identifier(name string) (string, bool) {
	v := d.current()
	if name == "" {
		return v.Self.Identifier, true
	}
	for _, n := range v.Instances {
		if n.Identifier == name || n.Nick == name {
			return n.Identifier, true
		}
	}
	return "", false
}

// nick is what people call a node; "" for "".
func (d *Dashboard) nick(identifier string) string { return shower{view: d.current()}.nick(identifier) }

// ServeHTTP serves what is below ui/.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range safety {
		w.Header().Set(name, value)
	}
	d.routes.ServeHTTP(w, r)
}
