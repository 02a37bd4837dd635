package device

import (
	"net/http"

	"github.com/supvisors/supvisors/rest/internal/door"
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

// caller finds out who sent a request, false for nobody.
func (h *Handler) caller(r *http.Request) (Scope, bool) {
	return door.Caller(h.keeper, r, h.cfg.Device.Scope, Scope{Global: true}, Scope{Global: true, Keyless: true})
}
