package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/dashboard"
	"github.com/supvisors/supvisors/internal/device"
	"github.com/supvisors/supvisors/internal/metrics"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/internal/web"
	"github.com/supvisors/supvisors/rest"
	agentapi "github.com/supvisors/supvisors/rest/agent"
	deviceapi "github.com/supvisors/supvisors/rest/device"
	"github.com/supvisors/supvisors/rpc"
)

const metricsPath = "/metrics"

// site is everything that a node serves over HTTP.
type site struct {
	deps    service.Deps
	look    web.Config // but for what a door decides
	stream  *rest.Stream
	metrics *metrics.Metrics
	scrape  http.Handler
	xmlrpc  http.Handler
	logs    http.Handler
	mainLog http.Handler
	peers   http.Handler
	board   *dashboard.Dashboard
	rest    rest.Config    // likewise
	device  *device.Device // nil without the device API
	agent   *nodeAgent     // nil without the agent API
	options *config.Agent  // of the agent API
}

func newSite(from *session, deps service.Deps) (*site, error) {
	table, err := service.Table(deps)
	if err != nil {
		return nil, err
	}
	cfg, n := from.cfg, from.node
	s := &site{deps: deps, stream: from.stream, device: from.device, agent: from.agent, options: cfg.Agent, logs: service.LogTail(deps),
		mainLog: service.MainLogTail(deps), peers: http.NotFoundHandler()}
	seen := metrics.Config{Supervisor: deps.Supervisor, Node: n, Statistics: deps.Statistics, Version: version, Log: deps.Log.Logger}
	if s.device != nil {
		seen.Checks = s.healthChecks
	}
	s.look = web.Config{Table: table, Processes: deps.Supervisor.Processes, Version: deps.SupervisorVersion, Log: deps.Log.Logger}
	if n != nil {
		s.peers = n.Handler()
		if s.device != nil {
			h, err := s.deviceHandler(nil, nil)
			if err != nil {
				return nil, err
			}
			peers, fleet := s.peers, n.Signed("device request", serveForwarded(h))
			s.peers = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == fleetPath {
					fleet.ServeHTTP(w, r)
					return
				}
				peers.ServeHTTP(w, r)
			})
		}
	}
	if o := cfg.Supvisors; o != nil {
		s.look.TailLimit = int(o.TailLimit)
		s.look.Look = web.Look{SoftwareName: o.SoftwareName, SoftwareIcon: o.SoftwareIcon, CSSFiles: o.CSSFiles}
		seen.Period = o.StatsPeriods[0]
	}
	if err := s.addDashboard(from, table); err != nil {
		return nil, err
	}
	s.metrics = metrics.New(seen)
	s.scrape = s.metrics.Handler()
	s.xmlrpc = &rpc.Handler{Table: table, Observe: s.observe("xmlrpc")}
	s.rest = rest.Config{Table: table, Version: version, Events: s.stream, Observe: s.observe("rest"), Log: deps.Log.Logger}
	return s, nil
}

// healthChecks are those of the device API.
func (s *site) healthChecks() map[string]bool {
	checks := map[string]bool{}
	for _, c := range s.device.Health().Checks {
		checks[c.Name] = c.OK
	}
	return checks
}

func (s *site) observe(door string) func(string, time.Duration, int) {
	return func(method string, d time.Duration, fault int) { s.metrics.ObserveRPC(door, method, d, fault) }
}

// gateway serves REST as a section of the configuration wants it; nil stands for no section.
func (s *site) gateway(r *config.Rest) (http.Handler, error) {
	cfg := s.rest
	if r != nil {
		cfg.Rich, cfg.Origins = r.Rich, r.Origins
	}
	return rest.New(cfg)
}

// node is what the port and the socket of the node serve: everything.
func (s *site) node(actions config.GetActions, options *config.Rest) (http.Handler, error) {
	gateway, err := s.gateway(options)
	if err != nil {
		return nil, err
	}
	look := s.look
	look.GetActions = actions
	pages := web.New(look)
	// a page of another site must not start or stop anything through the browser of somebody who may
	others := http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, rpc.Path):
			s.xmlrpc.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/logtail"):
			s.logs.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/mainlogtail"):
			s.mainLog.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/cluster/"):
			s.peers.ServeHTTP(w, r)
		case path == metricsPath:
			s.scrape.ServeHTTP(w, r)
		case path == "/ui" || strings.HasPrefix(path, "/ui/"):
			s.board.ServeHTTP(w, r)
		default:
			if to := s.moved(r); to != "" {
				w.Header().Set("Location", to) // relative: a proxy may add a prefix
				w.WriteHeader(http.StatusFound)
				return
			}
			pages.ServeHTTP(w, r)
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest.Owns(r.URL.Path) {
			gateway.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	}), nil
}

// listener is what a listener of its own serves to REST clients. guard lets through who may come in; the device and agent APIs have keys of their own,
// and names are what browsers may call it by without one.
func (s *site) listener(r *config.Rest, guard func(http.Handler) http.Handler, names []string) (http.Handler, error) {
	var devices, agents http.Handler // nil when they are not served
	if slices.Contains(r.APIs, "device") {
		h, err := s.deviceHandler(r, names)
		if err != nil {
			return nil, err
		}
		devices = h
	}
	if slices.Contains(r.APIs, "agent") {
		h, err := s.agentHandler(r, names)
		if err != nil {
			return nil, err
		}
		agents = h
	}
	gateway := http.NotFoundHandler()
	if slices.Contains(r.APIs, "supvisors") {
		g, err := s.gateway(r)
		if err != nil {
			return nil, err
		}
		gateway = g
	}
	others := guard(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch path := req.URL.Path; {
		case path == "/" || path == "":
			http.Redirect(w, req, r.Prefix+"/swagger/", http.StatusFound)
		case path == metricsPath && r.Metrics:
			s.scrape.ServeHTTP(w, req)
		default:
			gateway.ServeHTTP(w, req)
		}
	}))
	return http.StripPrefix(r.Prefix, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch path := req.URL.Path; {
		case devices != nil && deviceapi.Owns(path):
			devices.ServeHTTP(w, req)
		case agents != nil && agentapi.Owns(path):
			agents.ServeHTTP(w, req)
		default:
			others.ServeHTTP(w, req)
		}
	})), nil
}
