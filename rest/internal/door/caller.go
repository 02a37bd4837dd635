// Package door is what the APIs have in common that are opened by keys: who calls, from which site, and for which route.
package door

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// KeyParam is the key in a query.
const KeyParam = "apikey"

// Key returns the key of a request, from the query or the header: "?apikey=KEY", "Authorization: ApiKey KEY", "Authorization: Bearer KEY".
func Key(r *http.Request) (key string, given bool) {
	query := r.URL.Query()
	if key = query.Get(KeyParam); key != "" {
		return key, true
	}
	scheme, key, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if strings.EqualFold(scheme, "ApiKey") || strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key), true
	}
	return "", query.Has(KeyParam)
}

// Trusted reports whether a request without credentials comes from this machine: through a Unix socket or, when loopback is trusted, through
// that. A browser must then have called an address, localhost or one of the hosts, for another name may be one that the page of a stranger
// has made point here. What has come through a proxy that says so is not trusted.
func Trusted(r *http.Request, loopback bool, hosts []string) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return true
	}
	if !loopback || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback() && isOurs(r.Host, hosts)
}

// isOurs reports whether a Host header cannot be a name of somebody else's. No browser sends none.
func isOurs(hostport string, hosts []string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "" || host == "localhost" || net.ParseIP(host) != nil || slices.Contains(hosts, host)
}
