package agent

import (
	"cmp"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
)

// bodyTimeout is how long the body of a request may take when Config does not say.
const bodyTimeout = 30 * time.Second

// Config is what a Handler serves, and to whom. Only Agent is needed.
type Config struct {
	Agent Agent
	// Organization is that of the node and of all its applications; "" is supvisors.
	Organization string
	// InputNames are variables that users may set although they are refused to them (input_names).
	InputNames []string
	// NodeGone404 has GET /node answer 404 when the node is not registered (node_gone_404).
	NodeGone404 bool

	// Login reports whether a user and a password fit; who has them may do everything. nil lets nobody in that way.
	Login func(user, password string) bool
	// TrustLoopback lets clients on this machine in without a key (trust_loopback). They must call it by an address, as localhost or by
	// one of Hosts: another name may be one that the page of a stranger has made point here. A proxy that names its client is not trusted.
	TrustLoopback bool
	Hosts         []string
	// Origins are those of other sites whose pages may send more than GET and HEAD, such as https://ops.example.com (cors_origins).
	Origins []string
	// BodyTimeout is for the whole body of a request, longer is 408; 0 is 30 s.
	BodyTimeout time.Duration
	Log         *slog.Logger // nil is slog.Default()
}

// Handler is an http.Handler.
type Handler struct {
	cfg    Config
	guard  *http.CrossOriginProtection
	router *mux.Router                  // knows the paths, as names
	verbs  map[string]map[string]*route // by path and verb
}

// New returns the agent API of a node. The error is an origin that is none.
func New(cfg Config) (*Handler, error) {
	cfg.Organization = cmp.Or(cfg.Organization, "supvisors")
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, bodyTimeout)
	h := &Handler{cfg: cfg, guard: http.NewCrossOriginProtection(), router: mux.NewRouter().UseEncodedPath(), verbs: map[string]map[string]*route{}}
	for _, origin := range cfg.Origins {
		if err := h.guard.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	for i := range routes {
		r := &routes[i]
		if h.verbs[r.path] == nil {
			h.verbs[r.path] = map[string]*route{}
			h.router.Path(r.path).Name(r.path)
		}
		h.verbs[r.path][r.verb] = r
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
	c := &call{w: w, r: r, cfg: &h.cfg, agent: h.cfg.Agent, route: &none}
	if err := h.guard.Check(r); err != nil {
		h.cfg.Log.Warn("request of another site refused", "remote", r.RemoteAddr, "origin", r.Header.Get("Origin"), "path", r.URL.Path)
		c.fail(errOrigin)
		return
	}
	var match mux.RouteMatch
	if !h.router.Match(r, &match) {
		c.fail(errNoPath)
		return
	}
	c.params = match.Vars
	verbs := h.verbs[match.Route.GetName()]
	verb := r.Method
	if verb == http.MethodHead {
		verb = http.MethodGet
	}
	if known := verbs[verb]; known != nil {
		c.route = known
		if err := c.do(h); err != nil {
			c.fail(err)
		}
		return
	}
	w.Header().Set("Allow", allow(verbs))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusOK)
		return
	}
	c.fail(errNoVerb)
}

// allow lists the verbs of a path.
func allow(verbs map[string]*route) string {
	list := append(slices.Sorted(maps.Keys(verbs)), http.MethodOptions)
	if verbs[http.MethodGet] != nil {
		list = append(list, http.MethodHead)
	}
	return strings.Join(list, ", ")
}

// call is one request on its way.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	cfg   *Config
	agent Agent
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
