package agent

import (
	"cmp"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/rest/internal/door"
)

// Config is what a Handler serves, and to whom. Only Agent is needed.
type Config struct {
	Agent Agent
	// Organization is that of the node and of all its applications; "" is supvisors.
	Organization string
	// InputNames are variables that users may set although they are refused to them (input_names).
	InputNames []string
	// NodeGone404 has GET /node answer 404 when the node is not registered (node_gone_404).
	NodeGone404 bool

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

// New returns the agent API of a node. The error is an origin that is none.
func New(cfg Config) (*Handler, error) {
	cfg.Organization = cmp.Or(cfg.Organization, "supvisors")
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

// roots are the first segments of all paths of this API.
var roots = []string{"status", "node", "attribute", "service", "agreement", "trust", "publickey", "eventlog"}

// Owns reports whether a path is one of this API.
func Owns(path string) bool {
	path, rooted := strings.CutPrefix(path, "/")
	root, _, _ := strings.Cut(path, "/")
	return rooted && slices.Contains(roots, root)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-cache, no-store, must-revalidate")
	w.Header().Set("Pragma", "no-cache, no-store")
	c := &call{w: w, r: r, cfg: &h.cfg, keeper: h.keeper, agent: h.cfg.Agent, route: &none}
	if h.keeper.Refuses(r) {
		c.fail(errOrigin)
		return
	}
	match := h.routes.Find(r)
	if match.Path == "" {
		c.fail(errNoPath)
		return
	}
	c.params = match.Params
	if match.Route != nil {
		c.route = match.Route
		if err := c.do(h); err != nil {
			c.fail(err)
		}
		return
	}
	w.Header().Set("Allow", match.Allow)
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusOK)
		return
	}
	c.fail(errNoVerb)
}

// call is one request on its way.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	cfg    *Config
	keeper *door.Keeper
	agent  Agent
	*route
	params map[string]string // of the path, escaped
	client
}

// do checks what the caller may do, and does it.
func (c *call) do(h *Handler) error {
	c.client = h.client(c.r)
	if c.scope < c.needs() {
		return errNoKey
	}
	if c.registered && !c.agent.Node().Registered {
		return &NotRegistered{}
	}
	return c.run(c)
}
