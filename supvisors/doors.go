package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/web"
	"github.com/supvisors/supvisors/rpc"
)

// goodbye is how long the answers that are under way at the end may take, for instance the one to supervisor.shutdown.
const goodbye = 500 * time.Millisecond

// doors are the sockets of a session, and the servers behind them.
type doors struct {
	log   *slog.Logger
	ctx   context.Context // of all requests
	stop  context.CancelFunc
	list  []door
	split *listener.Split // of the first TCP port; nil without one
}

type door struct {
	ln     net.Listener
	guard  func(http.Handler) http.Handler // lets through who may come in
	pages  config.GetActions
	server *http.Server
}

// openDoors opens all sockets of the configuration, or none.
func openDoors(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*doors, error) {
	d := &doors{log: logger}
	d.ctx, d.stop = context.WithCancel(ctx)
	for _, u := range cfg.Unix {
		ln, err := listener.Unix{Path: u.File, Mode: fs.FileMode(u.Mode), UID: u.UID, GID: u.GID}.Listen(ctx, logger)
		if err != nil {
			d.close()
			return nil, err
		}
		d.add(u.Section, u.Username, door{ln: listener.WithHost(ln), guard: func(h http.Handler) http.Handler {
			return requireLogin(h, u.Username, u.Password)
		}})
	}
	for _, i := range cfg.Inet {
		if err := d.openPort(ctx, i, hostsOf(cfg)); err != nil {
			d.close()
			return nil, err
		}
	}
	return d, nil
}

// openPort opens a TCP port, which browsers may call by these names; the first one is shared with gossip.
func (d *doors) openPort(ctx context.Context, i config.InetServer, names []string) error {
	files := listener.TLSFiles{Cert: i.CertFile, Key: i.KeyFile, CA: i.CACerts}
	var secure *tls.Config
	if files.Enabled() {
		var err error
		if secure, err = files.Server(); err != nil {
			return err
		}
	}
	ln, err := listener.Address{Host: i.Host, Port: i.Port}.Listen(ctx)
	if err != nil {
		return err
	}
	split := listener.NewSplit(ln, listener.Silence, d.log)
	if d.split == nil {
		d.split = split
	} else { // gossip has no business there
		split.Streams.Close()
		split.Packets.Close()
	}
	var web net.Listener = &portListener{split.HTTP, split}
	if secure != nil {
		web = tls.NewListener(web, secure)
	} else {
		web = listener.WithHost(web)
	}
	d.add(i.Section, i.Username, door{ln: web, pages: i.GetActions, guard: func(h http.Handler) http.Handler {
		if i.Username == "" { // a login is enough: a page of another name has none
			return knownHosts{names: append(names, i.Host), allowed: i.AllowedHosts, log: d.log}.require(h)
		}
		return requireLogin(h, i.Username, i.Password)
	}})
	return nil
}

// portListener closes the whole port with its HTTP side.
type portListener struct {
	net.Listener
	split *listener.Split
}

func (p *portListener) Close() error { return p.split.Close() }

func (d *doors) add(section, username string, opened door) {
	if username == "" {
		d.log.Log(context.Background(), supervisor.LevelCritical,
			"Server '"+section+"' running without any HTTP authentication checking")
	}
	d.list = append(d.list, opened)
}

// serve lets clients in to what they get at a door where legacy_get_actions is so.
func (d *doors) serve(routes func(config.GetActions) http.Handler) {
	for i := range d.list {
		door := &d.list[i]
		door.server = listener.NewServer(door.guard(routes(door.pages)), d.log)
		door.server.BaseContext = func(net.Listener) context.Context { return d.ctx }
		go func() {
			if err := door.server.Serve(door.ln); !errors.Is(err, http.ErrServerClosed) {
				d.log.Error("server ended: " + err.Error())
			}
		}()
	}
}

// close shuts all clients out: streams and calls that wait end, the other answers are finished.
func (d *doors) close() {
	d.stop()
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	for _, door := range d.list {
		if door.server != nil && door.server.Shutdown(ctx) != nil {
			door.server.Close() // an error concerns a connection that is being thrown away
		}
		door.ln.Close()
	}
}

// routes is everything that a node serves over HTTP, at a door where legacy_get_actions is so.
func routes(cfg *config.Config, deps service.Deps, n *node.Node) (func(config.GetActions) http.Handler, error) {
	table, err := service.Table(deps)
	if err != nil {
		return nil, err
	}
	xmlrpc := &rpc.Handler{Table: table}
	logs := service.LogTail(deps)
	main := service.MainLogTail(deps)
	look := web.Config{Table: table, Processes: deps.Supervisor.Processes, Version: deps.SupervisorVersion, Log: deps.Log.Logger}
	if s := cfg.Supvisors; s != nil {
		look.TailLimit = int(s.TailLimit)
		look.Look = web.Look{SoftwareName: s.SoftwareName, SoftwareIcon: s.SoftwareIcon, CSSFiles: s.CSSFiles}
	}
	var peers http.Handler = http.NotFoundHandler()
	if n != nil {
		peers = n.Handler()
	}
	return func(actions config.GetActions) http.Handler {
		look.GetActions = actions
		pages := web.New(look)
		// a page of another site must not start or stop anything through the browser of somebody who may
		return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch path := r.URL.Path; {
			case strings.HasPrefix(path, rpc.Path):
				xmlrpc.ServeHTTP(w, r)
			case strings.HasPrefix(path, "/logtail"):
				logs.ServeHTTP(w, r)
			case strings.HasPrefix(path, "/mainlogtail"):
				main.ServeHTTP(w, r)
			case strings.HasPrefix(path, "/cluster/"):
				peers.ServeHTTP(w, r)
			default:
				pages.ServeHTTP(w, r)
			}
		}))
	}, nil
}
