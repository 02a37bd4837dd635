package agent

import (
	"net/http"

	"github.com/supvisors/supvisors/rest/internal/door"
)

// client is who sent a request.
type client struct {
	scope   Scope
	keyless bool // trusted for where it calls from: nothing secret is told to it
}

// secrets reports whether a client may see values that are called like a secret.
func (c client) secrets() bool { return c.scope == Global && !c.keyless }

// client finds out who sent a request. Credentials that are wrong are worse than none.
func (h *Handler) client(r *http.Request) client {
	if key, given := door.Key(r); given {
		return client{scope: h.cfg.Agent.Scope(key)}
	}
	if user, password, given := r.BasicAuth(); given {
		if h.cfg.Login != nil && h.cfg.Login(user, password) {
			return client{scope: Global}
		}
		return client{}
	}
	if r.Header.Get("Authorization") == "" && door.Trusted(r, h.cfg.TrustLoopback, h.cfg.Hosts) {
		return client{scope: Global, keyless: true}
	}
	return client{}
}
