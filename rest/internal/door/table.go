package door

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// Table has the routes of an API by path, with parameters in braces, and verb. It is made once and then only read.
type Table[R any] struct {
	router *mux.Router // knows the paths, as names
	verbs  map[string]map[string]*R
}

// NewTable returns a table without routes.
func NewTable[R any]() *Table[R] {
	return &Table[R]{router: mux.NewRouter().UseEncodedPath(), verbs: map[string]map[string]*R{}}
}

// Add adds a route.
func (t *Table[R]) Add(path, verb string, route *R) {
	if t.verbs[path] == nil {
		t.verbs[path] = map[string]*R{}
		t.router.Path(path).Name(path)
	}
	t.verbs[path][verb] = route
}

// Match is what a Table has for a request.
type Match[R any] struct {
	Path   string            // as it was added; "" when there is none such
	Route  *R                // nil when the path has another verb; that of GET is for HEAD too
	Params map[string]string // of the path, escaped
	Allow  string            // the header of that name, when there is no Route
}

// Find returns the route of a request.
func (t *Table[R]) Find(r *http.Request) Match[R] {
	var match mux.RouteMatch
	if !t.router.Match(r, &match) {
		return Match[R]{}
	}
	m := Match[R]{Path: match.Route.GetName(), Params: match.Vars}
	verbs := t.verbs[m.Path]
	verb := r.Method
	if verb == http.MethodHead {
		verb = http.MethodGet
	}
	if m.Route = verbs[verb]; m.Route == nil {
		m.Allow = allow(verbs)
	}
	return m
}

// allow lists the verbs of a path.
func allow[R any](verbs map[string]*R) string {
	list := append(slices.Sorted(maps.Keys(verbs)), http.MethodOptions)
	if verbs[http.MethodGet] != nil {
		list = append(list, http.MethodHead)
	}
	return strings.Join(list, ", ")
}
