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

// client finds out who sent a request.
func (h *Handler) client(r *http.Request) client {
	open := func(key string) (client, bool) { return client{scope: h.cfg.Agent.Scope(key)}, true }
	c, _ := door.Caller(h.keeper, r, open, client{scope: Global}, client{scope: Global, keyless: true})
	return c
}
