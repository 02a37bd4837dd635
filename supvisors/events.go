package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/dashboard"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/publish"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
	"github.com/supvisors/supvisors/rest"
)

const (
	// viewQueue is how many Views may wait for the feed of the event interface.
	viewQueue = 1024
	// The pauses between attempts to open the port of the event interface double from the first to the last.
	firstRetry, lastRetry = time.Second, 30 * time.Second
)

// eventInterface is what clients of Supvisors hear: what the feed tells of the cluster, and the statistics of all nodes.
type eventInterface struct {
	hub        *publish.Hub
	stream     *rest.Stream
	board      *dashboard.Dashboard // set before run
	link       config.EventLink
	address    listener.Address
	node       *node.Node
	feed       *service.Feed
	statistics *stats.Collector
	collector  *worker.Worker // does the statistics
	publisher  *worker.Worker // lets clients in
	log        *slog.Logger
}

// newEvents prepares the event interface and the statistics of a node. Nothing is opened or measured yet.
func newEvents(cfg *config.Config, sup *supervisor.Supervisor, n *node.Node, deps service.Deps, stream *rest.Stream,
	workers *worker.Registry, logger *slog.Logger) *eventInterface {
	s, inet := cfg.Supvisors, cfg.Inet[0]
	e := &eventInterface{hub: publish.NewHub(), stream: stream, link: s.EventLink, node: n, log: logger,
		collector: workers.Add("Statistics"), publisher: workers.Add("EventPublisher"),
		address: listener.Address{Host: inet.Host, Port: eventPort(cfg, n.View().Self.Identifier)}}
	e.feed = service.NewFeed(deps, e)
	e.statistics = stats.New(stats.Config{Identifier: n.View().Self.Identifier, Host: s.HostStats, Process: s.ProcessStats,
		Period: s.CollectingPeriod, Periods: s.StatsPeriods, Depth: s.StatsHisto,
		Processes: func() []stats.Target { return targets(sup) }, Publish: e.sample, Logger: logger, Worker: e.collector})
	return e
}

// eventPort is what supvisors_list says about the node itself, else event_port, else the port after the one of HTTP.
func eventPort(cfg *config.Config, self string) int {
	for _, i := range cfg.Supvisors.Instances {
		if i.Identifier() == self {
			return i.EventPort
		}
	}
	return cmp.Or(cfg.Supvisors.EventPort, cfg.Inet[0].Port+1)
}

// targets are the processes that are up.
func targets(sup *supervisor.Supervisor) []stats.Target {
	var up []stats.Target
	for _, p := range sup.Processes() {
		if p.Info.PID > 0 {
			up = append(up, stats.Target{Namespec: process.Namespec{Group: p.Info.Group, Process: p.Info.Name}.String(), PID: p.Info.PID})
		}
	}
	return up
}

// Wants implements service.Audience.
func (e *eventInterface) Wants(header string) bool {
	h, err := publish.ParseHeader(header)
	return err == nil && e.hub.Wants(h) || e.stream.Wants(header) || e.board.Wants(header)
}

// Publish implements service.Audience.
func (e *eventInterface) Publish(header string, body []byte) {
	if h, err := publish.ParseHeader(header); err == nil {
		e.hub.Publish(h, body)
	}
	e.stream.Publish(header, body)
	e.board.Publish(header, body)
}

// sample passes statistics of this node on to its clients and to the peers that ask for them.
func (e *eventInterface) sample(s stats.Sample) {
	header := s.Header()
	if !e.Wants(header) && !e.node.SamplesWanted() {
		return
	}
	body, err := json.Marshal(s)
	if err != nil {
		e.log.Error("statistics cannot be published", "error", err)
		return
	}
	e.Publish(header, body)
	e.node.PublishSample(header, body)
}

// run measures, and serves the clients of the event interface, until ctx ends.
func (e *eventInterface) run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { e.collector.Supervise(ctx, e.statistics.Run) })
	group.Go(func() { e.feed.Run(ctx, e.node.Watch(viewQueue)) })
	group.Go(func() { e.fetch(ctx) })
	if e.link == config.NoEventLink {
		e.publisher.Set(worker.Terminated)
		return
	}
	group.Go(func() { e.publisher.Supervise(ctx, e.serve) })
}

// fetch gets the statistics of the other nodes while any client wants some.
func (e *eventInterface) fetch(ctx context.Context) {
	for e.demand(ctx, true) {
		peers, stop := context.WithCancel(ctx)
		var following sync.WaitGroup
		following.Go(func() { e.node.FollowSamples(peers, e.Publish) })
		e.demand(ctx, false)
		stop()
		following.Wait()
	}
}

// demand waits until statistics are wanted, or not wanted any more. It returns false when ctx ends first.
func (e *eventInterface) demand(ctx context.Context, wanted bool) bool {
	for e.wantsStatistics() != wanted {
		select {
		case <-e.hub.Demand():
		case <-e.stream.Demand():
		case <-e.board.Demand():
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

func (e *eventInterface) wantsStatistics() bool {
	return e.hub.Wants(publish.HostStatistics) || e.hub.Wants(publish.ProcessStatistics) || e.stream.Listening("hstats") || e.stream.Listening("pstats") ||
		e.board.Wants("hstats")
}

// serve lets clients in. A port that cannot be opened, or fails, is tried again: the node does its work without it.
func (e *eventInterface) serve(ctx context.Context) {
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := e.open(ctx)
		if ctx.Err() != nil {
			return
		}
		e.log.Error("event interface is not available", "event_link", e.link, "port", e.address.Port, "error", err, "retry", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

func (e *eventInterface) open(ctx context.Context) error {
	e.publisher.Set(worker.Started)
	ln, err := e.address.Listen(ctx)
	if err != nil {
		e.publisher.Set(worker.InitializationFailed)
		return err
	}
	e.publisher.Set(worker.Initialized)
	e.log.Info("event interface is open", "event_link", e.link, "port", ln.Addr().(*net.TCPAddr).Port)
	serve := publish.NewWebSocket(e.hub, e.log).Serve
	if e.link == config.ZMQ {
		serve = publish.NewZMQ(e.hub, e.log).Serve
	}
	err = serve(ctx, ln)
	if ctx.Err() == nil { // it will be started again
		e.publisher.Set(worker.Terminated)
	}
	return err
}
