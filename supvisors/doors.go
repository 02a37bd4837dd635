package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
	"github.com/supvisors/supvisors/rest"
)

// maxRestClients bounds the connections of a listener for REST.
const maxRestClients = 256

// goodbye is how long the answers that are under way at the end may take, for instance the one to supervisor.shutdown.
const goodbye = 500 * time.Millisecond

// doors are the sockets of a session, and the servers behind them.
type doors struct {
	log   *slog.Logger
	ctx   context.Context // of all requests
	stop  context.CancelFunc
	list  []door
	split *listener.Split // of the first TCP port; nil without one

	workers *worker.Registry
	xmlrpc  *worker.Worker // nil when no door has it
	rest    *worker.Worker // with a part for each door: all have it
	serving sync.WaitGroup
}

type door struct {
	section string
	ln      net.Listener
	serves  func(*site) (http.Handler, error) // to those who may come in
	server  *http.Server
}

// openDoors opens all sockets of the configuration, or none.
func openDoors(ctx context.Context, cfg *config.Config, workers *worker.Registry, logger *slog.Logger) (*doors, error) {
	d := &doors{log: logger, workers: workers}
	d.ctx, d.stop = context.WithCancel(ctx)
	for _, u := range cfg.Unix {
		ln, err := listener.Unix{Path: u.File, Mode: fs.FileMode(u.Mode), UID: u.UID, GID: u.GID}.Listen(ctx, logger)
		if err != nil {
			d.close()
			return nil, err
		}
		d.add(u.Section, u.Username, listener.WithHost(ln), func(s *site) (http.Handler, error) {
			h, err := s.node(config.ConfirmActions, ownRest(cfg))
			return requireLogin(h, u.Login, rest.Owns), err
		})
	}
	names := hostsOf(cfg)
	for _, i := range cfg.Inet {
		guard := d.guard(i, names, rest.Owns)
		err := d.openPort(ctx, i, func(s *site) (http.Handler, error) {
			h, err := s.node(i.GetActions, ownRest(cfg))
			return guard(h), err
		})
		if err != nil {
			d.close()
			return nil, err
		}
	}
	for i := range cfg.Rest {
		if err := d.openRest(ctx, &cfg.Rest[i], names); err != nil {
			d.close()
			return nil, err
		}
	}
	return d, nil
}

// ownRest are the options of REST on the node's own port: those of [rest], nil without it.
func ownRest(cfg *config.Config) *config.Rest {
	for i := range cfg.Rest {
		if cfg.Rest[i].Server.Section == "rest" {
			return &cfg.Rest[i]
		}
	}
	return nil
}

// guard lets through who may use a TCP server. Without a login, browsers must call it by these names or those of allowed_hosts: a login
// is enough, for a page of another name has none.
func (d *doors) guard(i config.InetServer, names []string, isREST func(path string) bool) func(http.Handler) http.Handler {
	if i.Username == "" {
		return knownHosts{names: append(slices.Clone(names), i.Host), allowed: i.AllowedHosts, log: d.log}.require
	}
	return func(h http.Handler) http.Handler { return requireLogin(h, i.Login, isREST) }
}

// openRest opens a listener for REST clients.
func (d *doors) openRest(ctx context.Context, r *config.Rest, names []string) error {
	everybody := func(h http.Handler) http.Handler { return h }
	if r.Socket != "" {
		ln, err := listener.Unix{Path: r.Socket, Mode: 0o700, UID: -1, GID: -1}.Listen(ctx, d.log)
		if err == nil {
			d.append(r.Server.Section, netutil.LimitListener(ln, maxRestClients),
				func(s *site) (http.Handler, error) { return s.listener(r, everybody, names) })
		}
		return err
	}
	secure, err := serverTLS(r.Server)
	if err != nil {
		return err
	}
	ln, err := listener.Address{Host: r.Server.Host, Port: r.Server.Port}.Listen(ctx)
	if err != nil {
		return err
	}
	ln = netutil.LimitListener(ln, maxRestClients)
	if secure != nil {
		ln = tls.NewListener(ln, secure)
	}
	guard := d.guard(r.Server, names, func(string) bool { return true })
	d.append(r.Server.Section, ln, func(s *site) (http.Handler, error) { return s.listener(r, guard, names) })
	return nil
}

// serverTLS is how a TCP server speaks; nil stands for plain HTTP.
func serverTLS(i config.InetServer) (*tls.Config, error) {
	files := listener.TLSFiles{Cert: i.CertFile, Key: i.KeyFile, CA: i.CACerts}
	if !files.Enabled() {
		return nil, nil
	}
	return files.Server()
}

// openPort opens a TCP port; the first one is shared with gossip.
func (d *doors) openPort(ctx context.Context, i config.InetServer, serves func(*site) (http.Handler, error)) error {
	secure, err := serverTLS(i)
	if err != nil {
		return err
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
	d.add(i.Section, i.Username, web, serves)
	return nil
}

// portListener closes the whole port with its HTTP side.
type portListener struct {
	net.Listener
	split *listener.Split
}

func (p *portListener) Close() error { return p.split.Close() }

// add adds a door to everything.
func (d *doors) add(section, username string, ln net.Listener, serves func(*site) (http.Handler, error)) {
	if username == "" {
		d.log.Log(context.Background(), supervisor.LevelCritical,
			"Server '"+section+"' running without any HTTP authentication checking")
	}
	d.xmlrpc = d.workers.Add("XmlRpc")
	d.append(section, ln, serves)
}

func (d *doors) append(section string, ln net.Listener, serves func(*site) (http.Handler, error)) {
	d.rest = d.workers.Add("Rest", section)
	d.list = append(d.list, door{section: section, ln: ln, serves: serves})
}

// serve lets clients in.
func (d *doors) serve(s *site) error {
	for i := range d.list {
		door := &d.list[i]
		h, err := door.serves(s)
		if err != nil {
			return err
		}
		door.server = listener.NewServer(h, d.log)
		door.server.BaseContext = func(net.Listener) context.Context { return d.ctx }
		serve := func(context.Context) {
			if err := door.server.Serve(door.ln); !errors.Is(err, http.ErrServerClosed) {
				d.log.Error("server ended: " + err.Error())
			}
		}
		d.serving.Go(func() { worker.Run(d.ctx, serve, d.rest.Sub(door.section)) })
	}
	d.tell(worker.Started, worker.Initialized)
	return nil
}

// tell tells where all doors together stand.
func (d *doors) tell(statuses ...worker.Status) {
	for _, s := range statuses {
		d.xmlrpc.Set(s)
		d.rest.Set(s)
	}
}

// close shuts all clients out: streams and calls that wait end, the other answers are finished.
func (d *doors) close() {
	d.tell(worker.Terminating)
	d.stop()
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	for _, door := range d.list {
		if door.server != nil && door.server.Shutdown(ctx) != nil {
			door.server.Close() // an error concerns a connection that is being thrown away
		}
		door.ln.Close()
	}
	d.serving.Wait()
	d.tell(worker.Terminated)
}
