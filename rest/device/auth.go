package device

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// access is what a caller needs for a route.
type access int

const (
	open   access = iota // nothing
	anyKey               // a key, whatever it opens
	ownApp               // the key of the application that the request is about
	global               // the global key
)

// may reports whether the scope is enough, as far as the application is not known yet.
func (s Scope) may(a access, look bool) bool {
	switch {
	case a == open || s.Global || s.Read && look:
		return true
	case a == global:
		return false
	}
	return s.App != ""
}

// covers reports whether the scope reaches an application.
func (s Scope) covers(app string, look bool) bool { return s.Global || s.App == app || s.Read && look }

// secrets reports whether the scope may see the secrets of an application; those of "" are the node's.
func (s Scope) secrets(app string) bool { return !s.Keyless && (s.Global || app != "" && s.App == app) }

// caller finds out who sent a request, false for nobody. Credentials that are wrong are worse than none.
func (h *Handler) caller(r *http.Request) (Scope, bool) {
	if key, given := keyOf(r); given {
		return h.cfg.Device.Scope(key)
	}
	if user, password, given := r.BasicAuth(); given {
		return Scope{Global: true}, h.cfg.Login != nil && h.cfg.Login(user, password)
	}
	if r.Header.Get("Authorization") != "" {
		return Scope{}, false
	}
	return Scope{Global: true, Keyless: true}, h.trusts(r)
}

// keyParam is the key in a query.
const keyParam = "apikey"

// keyOf returns the key of a request, from the query or the header, as every version of the original took it.
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
