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

// keyOf returns the key of a request, from the query or the header: "?apikey=KEY", "Authorization: ApiKey KEY", "Authorization: Bearer KEY".
func keyOf(r *http.Request) (key string, given bool) {
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

// Caller returns what who sends a request may do: what the key opens, all with a password that fits, or local when it is trusted for where
// it calls from; false for nobody. Credentials that are wrong are worse than none.
func Caller[S any](k *Keeper, r *http.Request, open func(key string) (S, bool), all, local S) (nobody S, known bool) {
	if key, given := keyOf(r); given {
		return open(key)
	}
	switch user, password, given := r.BasicAuth(); {
	case given && k.door.Login != nil && k.door.Login(user, password):
		return all, true
	case r.Header.Get("Authorization") == "" && k.trusts(r):
		return local, true
	}
	return nobody, false
}

// trusts reports whether a request without credentials comes from this machine: through a Unix socket or, as TrustLoopback has it, through
// that.
func (k *Keeper) trusts(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return true
	}
	if !k.door.TrustLoopback || r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback() && isOurs(r.Host, k.door.Hosts)
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
