package agent

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// caller is who sent a request.
type caller struct {
	scope   Scope
	keyless bool // trusted for where it calls from: nothing secret is told to it
}

// secrets reports whether a caller may see values that are called like a secret.
func (c caller) secrets() bool { return c.scope == Global && !c.keyless }

// caller finds out who sent a request. Credentials that are wrong are worse than none.
func (h *Handler) caller(r *http.Request) caller {
	if key, given := keyOf(r); given {
		return caller{scope: h.cfg.Agent.Scope(key)}
	}
	if user, password, given := r.BasicAuth(); given {
		if h.cfg.Login != nil && h.cfg.Login(user, password) {
			return caller{scope: Global}
		}
		return caller{}
	}
	if r.Header.Get("Authorization") == "" && h.trusts(r) {
		return caller{scope: Global, keyless: true}
	}
	return caller{}
}

// keyParam is the key in a query.
const keyParam = "apikey"

// keyOf returns the key of a request, from the query or the header.
func keyOf(r *http.Request) (key string, given bool) {
	query := r.URL.Query()
	if key = query.Get(keyParam); key != "" {
		return key, true
	}
	scheme, key, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if strings.EqualFold(scheme, "ApiKey") || strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key), true
	}
	return "", query.Has(keyParam)
}

// trusts reports whether a request without credentials comes from this machine, through a Unix socket or the loopback interface.
func (h *Handler) trusts(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return true
	}
	if !h.cfg.TrustLoopback || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback() && h.isHost(r.Host)
}

// isHost reports whether a Host header cannot be a name of somebody else's. No browser sends none.
func (h *Handler) isHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "" || host == "localhost" || net.ParseIP(host) != nil || slices.Contains(h.cfg.Hosts, host)
}
