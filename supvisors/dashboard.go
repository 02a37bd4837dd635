package main

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/supvisors/supvisors/internal/dashboard"
	"github.com/supvisors/supvisors/internal/web"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// addDashboard makes the pages under ui/, here and for the peers.
func (s *site) addDashboard(from *session, table *rpc.Table) (err error) {
	icon, styles := web.New(s.look).Looks()
	cfg := dashboard.Config{Table: table, Supervisor: from.sup, Node: from.node, Options: from.options, Statistics: s.deps.Statistics,
		Rules: from.rules.Load, MainLog: s.deps.Log.Path, Version: version, Log: s.deps.Log.Logger,
		Look: dashboard.Look{Name: s.look.Look.SoftwareName, Icon: icon, Styles: styles}}
	if o := from.cfg.Supvisors; o != nil {
		cfg.RulesRead = func() ([]string, []rules.Problem) { return o.RulesFiles, *from.problems.Load() }
		cfg.Period, cfg.Irix = o.StatsPeriods[0], o.IrixMode
	}
	if s.board, err = dashboard.New(cfg); err != nil {
		return err
	}
	from.board = s.board
	if from.node == nil {
		return nil
	}
	from.events.board = s.board
	orders, boards := s.peers, s.board.Peers()
	s.peers = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, dashboard.PeerPath) {
			boards.ServeHTTP(w, r)
			return
		}
		orders.ServeHTTP(w, r)
	})
	return nil
}

// moved returns where a page of Supvisors is now, "" for what is no such page. Actions are not followed: they are buttons of the new pages.
func (s *site) moved(r *http.Request) string {
	if s.deps.Cluster == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	q := r.URL.Query()
	node, app := url.PathEscape(q.Get("ident")), url.PathEscape(q.Get("appname"))
	if node == "" {
		node = url.PathEscape(s.deps.Cluster.View().Self.Identifier)
	}
	switch strings.TrimLeft(r.URL.Path, "/") {
	case "", "index.html":
		if q.Has("action") || q.Has("message") || q.Has("processname") {
			return "" // Supervisor's page
		}
		return "ui/"
	case "proc_instance.html":
		if group, name, ok := strings.Cut(q.Get("processname"), ":"); ok {
			return "ui/processes/" + url.PathEscape(group) + "/" + url.PathEscape(name) + "?node=" + url.QueryEscape(q.Get("ident"))
		}
		return "ui/nodes/" + node
	case "host_instance.html":
		return "ui/nodes/" + node + "/host"
	case "maintail.html":
		return "ui/nodes/" + node + "/log"
	case "application.html":
		if app == "" {
			return "ui/"
		}
		to := "ui/apps/" + app
		if strategy := q.Get("strategy"); strategy != "" {
			to += "?strategy=" + url.QueryEscape(strategy)
		}
		return to
	case "conciliation.html":
		return "ui/conflicts"
	}
	return ""
}
