package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/mux"

	"github.com/supvisors/supvisors/rest/internal/door"
	"github.com/supvisors/supvisors/rpc"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// replyTimeout is how long a client may take to read an answer, which lies in memory until then.
const replyTimeout = 5 * time.Minute

// Config is what a Gateway serves. Only Table is needed.
type Config struct {
	Table   *rpc.Table
	Version string // of the program, for the documents
	// Rich gives faults statuses of their own (fault_status = rich); else each is 400, as with Supvisors' gateway.
	Rich bool
	// Origins are those of other sites whose pages may send more than GET and HEAD, such as https://ops.example.com (cors_origins).
	Origins []string
	// Events is the stream at /events; nil for none.
	Events *Stream
	// Observe, if set, is told each call when it is over: the method, empty for one that does not exist, how long it took,
	// and the code of its fault, 0 for none.
	Observe func(method string, d time.Duration, fault int)
	// BodyTimeout is for the whole body of a request, longer is 408; 0 is 30 s.
	BodyTimeout time.Duration
	Log         *slog.Logger // nil is slog.Default()
}

// Gateway is an http.Handler.
type Gateway struct {
	cfg    Config
	keeper *door.Keeper
	routes []*route
	// router is made for the first request: most daemons have no REST clients, and all have to start.
	router func() (http.Handler, error)
}

// New returns the gateway of a table. The error is an origin that is none.
func New(cfg Config) (*Gateway, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	keeper, err := door.NewKeeper(door.Door{Origins: cfg.Origins, BodyTimeout: cfg.BodyTimeout}, cfg.Log)
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg, keeper: keeper}
	g.router = sync.OnceValues(g.newRouter)
	return g, nil
}

// newRouter lays out all paths. The routes know their verbs themselves: the router has no words for what is missing.
func (g *Gateway) newRouter() (http.Handler, error) {
	g.routes = routesOf(g.cfg.Table)
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	router.NotFoundHandler = http.HandlerFunc(g.notFound)
	for _, r := range g.routes {
		router.Path(r.path).Handler(g.only(r.verb, func(w http.ResponseWriter, req *http.Request) { g.call(w, req, r) }))
	}
	router.Path("/rpc/{method}").Handler(g.only(http.MethodPost, g.raw))
	if g.cfg.Events != nil {
		router.Path("/events").Handler(g.only(http.MethodGet, g.cfg.Events.ServeHTTP))
	}
	return router, g.documents(router)
}

// Owns reports whether a path is one of the gateway.
func Owns(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/"); ok {
		first, _, _ := strings.Cut(rest, "/")
		return slices.Contains([]string{"system", "supervisor", "supvisors", "rpc", "events", "openapi.json", "swagger.json", "swagger"}, first)
	}
	return false
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if escaped := r.URL.EscapedPath(); strings.Contains(escaped, "//") {
		for strings.Contains(escaped, "//") {
			escaped = strings.ReplaceAll(escaped, "//", "/")
		}
		if r.URL.RawQuery != "" {
			escaped += "?" + r.URL.RawQuery
		}
		w.Header().Set("Location", escaped)
		g.refuse(w, http.StatusPermanentRedirect, "the path is "+escaped)
		return
	}
	if g.keeper.Refuses(r) {
		g.refuse(w, http.StatusForbidden, "a page of another site must not do this")
		return
	}
	router, err := g.router()
	if err != nil {
		g.cfg.Log.Error("there is no REST", "error", err)
		g.refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	router.ServeHTTP(w, r)
}

func (g *Gateway) notFound(w http.ResponseWriter, r *http.Request) {
	g.refuse(w, http.StatusNotFound, "there is no "+r.URL.EscapedPath())
}

// only lets through one verb, HEAD with GET, and tells it to who asks with OPTIONS.
func (g *Gateway) only(verb string, h http.HandlerFunc) http.Handler {
	allow := verb + ", OPTIONS"
	if verb == http.MethodGet {
		allow = "GET, HEAD, OPTIONS"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == verb || verb == http.MethodGet && r.Method == http.MethodHead:
			h(w, r)
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusOK)
		default:
			w.Header().Set("Allow", allow)
			g.refuse(w, http.StatusMethodNotAllowed, "The method is not allowed for the requested URL.")
		}
	})
}

// call makes the call that a route stands for.
func (g *Gateway) call(w http.ResponseWriter, req *http.Request, r *route) {
	params := make([]any, 0, len(r.fill))
	in, ok := g.readInput(w, req, r.body)
	if !ok {
		return
	}
	segments := mux.Vars(req)
	for i, s := range r.fill {
		p := &r.row.Params[i]
		value := p.Default
		var err error
		switch s.from {
		case given:
			value = s.value
		case inBody:
			value = in.whole
		case inPath:
			text, err := url.PathUnescape(segments[s.name])
			if err == nil {
				value, err = fromPath(p, text)
			}
			if err != nil {
				g.answer(w, http.StatusNotFound, failure{Message: s.name + ": " + err.Error(), Code: rpc.IncorrectParameters})
				return
			}
		case inField:
			if value, err = in.field(p); err != nil {
				g.answer(w, http.StatusBadRequest, rpc.Map{
					{Name: "errors", Value: rpc.Map{{Name: p.Name, Value: p.Doc + " " + err.Error()}}},
					{Name: "message", Value: "Input payload validation failed"}})
				return
			}
		}
		params = append(params, value)
	}
	g.do(w, req, r.row.Name, params)
}

// raw calls a method by its name, with an array of its parameters.
func (g *Gateway) raw(w http.ResponseWriter, req *http.Request) {
	name, err := url.PathUnescape(mux.Vars(req)["method"])
	if err != nil {
		g.notFound(w, req)
		return
	}
	in, ok := g.readInput(w, req, jsonBody)
	if !ok {
		return
	}
	params, isList := in.whole.([]any)
	if in.whole != nil && !isList {
		g.fail(w, rpc.NewFault(rpc.IncorrectParameters, "the body is not an array of parameters"))
		return
	}
	g.do(w, req, name, params)
}

// do makes a call and answers with what it gives.
func (g *Gateway) do(w http.ResponseWriter, req *http.Request, name string, params []any) {
	end, err := g.cfg.Table.Turn(req.Context(), name)
	if err != nil {
		return
	}
	start := time.Now()
	value, err := g.cfg.Table.Call(req.Context(), name, params)
	status, data := http.StatusOK, []byte(nil)
	if err == nil {
		status, data = g.document(status, value)
	}
	end()
	g.observe(name, start, err)
	if context.Cause(req.Context()) != nil {
		return // nobody is left to be told
	}
	if err != nil {
		g.failed(w, name, err)
		return
	}
	send(w, status, data)
}

func (g *Gateway) observe(name string, start time.Time, err error) {
	if g.cfg.Observe == nil {
		return
	}
	code := 0
	if err != nil {
		code = rpc.AsFault(err).Code
	}
	if _, known := g.cfg.Table.Lookup(name); !known {
		name = "" // names that clients invent must not fill anybody's memory
	}
	g.cfg.Observe(name, time.Since(start), code)
}
