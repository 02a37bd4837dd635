package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/net/netutil"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/rest"
	"github.com/supvisors/supvisors/rpc"
)

const gatewayUsage = `supvisors rest -- serve the REST interface of a daemon that runs elsewhere, Supervisor's own too.

Usage: supvisors rest -u URL [options]

-u/--supervisor_url URL -- http://host:port, https://host:port or unix:///path of the daemon; SUPERVISOR_SERVER_URL is the default.
    SUPERVISOR_USERNAME and SUPERVISOR_PASSWORD are given to it, unless the URL has its own
-h/--host HOST -- the address to listen to (default 127.0.0.1); whoever reaches it may do everything
-p/--port PORT -- the port to listen to (default 5000)
-d/--debug -- say more
--help -- print this text and exit
`

var gatewayFlags = []config.CommandFlag{{Short: "u", Long: "supervisor_url", Arg: true}, {Short: "h", Long: "host", Arg: true},
	{Short: "p", Long: "port", Arg: true}, {Short: "d", Long: "debug"}, {Long: "help"}}

// gatewayOptions are what the command line of the gateway says.
type gatewayOptions struct {
	client  rpc.ClientConfig
	address listener.Address
	level   slog.Level
	help    bool
}

// parseGateway reads the command line; getenv is os.Getenv.
func parseGateway(args []string, getenv func(string) string) (gatewayOptions, error) {
	o := gatewayOptions{address: listener.Address{Host: "127.0.0.1", Port: 5000},
		client: rpc.ClientConfig{URL: getenv("SUPERVISOR_SERVER_URL"), User: getenv("SUPERVISOR_USERNAME"), Password: getenv("SUPERVISOR_PASSWORD")}}
	given, words, err := config.Getopt(args, gatewayFlags)
	if err != nil {
		return o, err
	}
	if len(words) > 0 {
		return o, fmt.Errorf("positional arguments are not supported: %q", words)
	}
	for _, g := range given {
		switch gatewayFlags[g.Index].Long {
		case "supervisor_url":
			o.client.URL = g.Arg
		case "host":
			o.address.Host = g.Arg
		case "port":
			if o.address.Port, err = strconv.Atoi(g.Arg); err != nil || o.address.Port < 0 || o.address.Port > 65535 {
				return o, fmt.Errorf("%s: %q is not a port", g.Name, g.Arg)
			}
		case "debug":
			o.level = slog.LevelDebug
		case "help":
			o.help = true
		}
	}
	if o.client.URL == "" && !o.help {
		return o, errors.New("the daemon is not named: -u URL or SUPERVISOR_SERVER_URL is needed")
	}
	return o, nil
}

// gateway serves REST in front of another daemon until it is told to end, and returns the exit status.
func gateway(args []string, stdout, stderr io.Writer) int {
	o, err := parseGateway(args, os.Getenv)
	if err == nil && o.help {
		fmt.Fprint(stdout, gatewayUsage)
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err == nil {
		err = o.serve(ctx, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.level})))
	}
	if err != nil {
		fmt.Fprintln(stderr, "Error:", err)
		return 2
	}
	return 0
}

// serve lets clients in until ctx ends.
func (o gatewayOptions) serve(ctx context.Context, logger *slog.Logger) error {
	client, err := rpc.NewClient(o.client)
	if err != nil {
		return err
	}
	table, err := service.Remote(func(ctx context.Context, method string, args rpc.Args) (value any, err error) {
		err = client.Call(ctx, method, &value, args...)
		return value, err
	})
	if err != nil {
		return err
	}
	handler, err := rest.New(rest.Config{Table: table, Version: version, Log: logger})
	if err != nil {
		return err
	}
	ln, err := o.address.Listen(ctx)
	if err != nil {
		return err
	}
	logger.Info("rest gateway is open", "address", ln.Addr())
	if !ln.Addr().(*net.TCPAddr).IP.IsLoopback() {
		logger.Warn("whoever reaches this address may do everything that the daemon does")
	}
	guard := knownHosts{names: hostNames(), allowed: []string{o.address.Host}, log: logger}
	server := listener.NewServer(guard.require(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/swagger/", http.StatusFound)
			return
		}
		handler.ServeHTTP(w, r)
	})), logger)
	context.AfterFunc(ctx, func() {
		soon, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		if server.Shutdown(soon) != nil {
			server.Close() // what waits for the daemon waits in vain
		}
	})
	if err := server.Serve(netutil.LimitListener(ln, maxRestClients)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
