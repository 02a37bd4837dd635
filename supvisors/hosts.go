package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/config"
)

// fqdnTimeout bounds the look-up of this host's full name.
const fqdnTimeout = 2 * time.Second

// knownHosts are the names by which a browser may call a port that asks for no login. A page of another site can have its own name
// point to this machine (DNS rebinding): for the browser it is then the same site, and nothing but the Host of its requests shows it.
type knownHosts struct {
	names   []string // of this node and its peers, in lower case
	allowed []string // allowed_hosts
	log     *slog.Logger
}

// hostsOf returns the names that the configuration gives to this node and its peers.
func hostsOf(cfg *config.Config) []string {
	names := hostNames()
	if cfg.Supvisors != nil {
		for _, i := range cfg.Supvisors.Instances {
			names = append(names, strings.ToLower(i.Host))
		}
	}
	return names
}

// hostNames returns the names of this host.
func hostNames() []string {
	names := []string{"localhost"}
	if name, err := os.Hostname(); err == nil {
		names = append(names, strings.ToLower(name))
	}
	return names
}

// require refuses browsers that call the port by another name. Other programs are nobody's to rebind: any name will do for them.
func (k knownHosts) require(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostOnly(r.Host); isBrowser(r) && !k.knows(host) {
			k.log.Warn("browser refused: the host is not a name of this node", "host", host, "remote", r.RemoteAddr)
			http.Error(w, "the host "+host+" is not known to be this one: give this port a username and a password, or add the name to "+
				"allowed_hosts in its [inet_http_server] section", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// isBrowser looks for what browsers send with every request and a page cannot keep them from sending.
func isBrowser(r *http.Request) bool {
	return strings.HasPrefix(r.UserAgent(), "Mozilla/") ||
		slices.ContainsFunc([]string{"Accept-Language", "Origin", "Referer", "Sec-Fetch-Site"}, func(name string) bool {
			return r.Header.Get(name) != ""
		})
}

func hostOnly(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// knows accepts what no other site can be called, the names of this node and its peers, and allowed_hosts.
func (k knownHosts) knows(host string) bool {
	if net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || slices.Contains(k.names, host) {
		return true
	}
	for _, allowed := range k.allowed {
		below, all := strings.CutPrefix(allowed, "*")
		if host == allowed || all && strings.HasSuffix(host, below) {
			return true
		}
	}
	return host == fqdn()
}

// fqdn is the full name of this host, looked up when it is first needed; "" when it cannot be known.
var fqdn = sync.OnceValue(func() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), fqdnTimeout)
	defer cancel()
	full, err := net.DefaultResolver.LookupCNAME(ctx, name)
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(full, "."))
})
