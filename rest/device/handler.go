package device

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"

	"github.com/supvisors/supvisors/rest/internal/door"
)

// Config is what a Handler serves, and to whom. Only Device is needed.
type Config struct {
	Device Device
	Door
	Log *slog.Logger // nil is slog.Default()
}

// Door says who may come in beside those with a key (Login, TrustLoopback and Hosts, Origins), and how long a body may take (BodyTimeout).
type Door = door.Door

// Handler is an http.Handler.
type Handler struct {
	cfg    Config
	keeper *door.Keeper
	routes *door.Table[route]
}

// New returns the device API of a node. The error is an origin that is none.
func New(cfg Config) (*Handler, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	keeper, err := door.NewKeeper(cfg.Door, cfg.Log)
	if err != nil {
		return nil, err
	}
	h := &Handler{cfg: cfg, keeper: keeper, routes: door.NewTable[route]()}
	for i := range routes {
		h.routes.Add(routes[i].path, routes[i].verb, &routes[i])
	}
	return h, nil
}

// Owns reports whether a path is one of this API. Of /supervisor/… that are those of the fleet; the others are methods of Supervisor.
func Owns(path string) bool {
	path = strings.TrimPrefix(path, "/supervisor")
	return path == "/ping" || path == "/v1" || strings.HasPrefix(path, "/v1/")
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.keeper.Refuses(r) {
		reply(w, inStatus, http.StatusForbidden, "a page of another site must not do this")
		return
	}
	h.serve(w, r, h.caller, false)
}

// ServeForwarded answers a request that another node of the cluster has forwarded for a caller with this scope. Whoever calls it has made
// sure that it was that node. Such a request goes no further: the paths of the fleet do not exist for it.
func (h *Handler) ServeForwarded(w http.ResponseWriter, r *http.Request, scope Scope) {
	h.serve(w, r, func(*http.Request) (Scope, bool) { return scope, true }, true)
}

// serve answers a request of the caller that identify finds.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, identify func(*http.Request) (Scope, bool), forwarded bool) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	match := h.routes.Find(r)
	if match.Path == "" || forwarded && match.Path == fleetPath {
		reply(w, inStatus, http.StatusNotFound, "Not found")
		return
	}
	if match.Route == nil {
		w.Header().Set("Allow", match.Allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusOK)
			return
		}
		reply(w, inStatus, http.StatusMethodNotAllowed, "Method not allowed")
		return
	}
	c := &call{h: h, w: w, r: r, route: match.Route, params: match.Params}
	if err := c.do(identify); err != nil {
		c.fail(err)
	}
}

// call is one request on its way.
type call struct {
	h *Handler
	w http.ResponseWriter
	r *http.Request
	*route
	params map[string]string // of the path, escaped
	scope  Scope
}

// do checks what the caller may do, and does it.
func (c *call) do(identify func(*http.Request) (Scope, bool)) error {
	if c.access != open {
		var known bool
		if c.scope, known = identify(c.r); !known {
			return errNoKey
		}
		if !c.scope.may(c.access, c.looks()) {
			return errForeign
		}
	}
	if c.danger != "" && !c.h.cfg.Device.Allows(c.danger) {
		return &NotAllowed{What: c.danger}
	}
	return c.run(c)
}

// looks tells a request that only looks from one that acts.
func (c *call) looks() bool { return c.verb == http.MethodGet }
