package rest

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/rpc"
)

// route is one path of the gateway and the call that it stands for.
type route struct {
	verb   string
	path   string // template: segments in braces are parameters
	row    *rpc.Method
	fill   []source // where each parameter of the row comes from
	body   bodyKind
	id     string // operation id, as Supvisors' gateway names it
	hidden bool   // a second way, left out of the documents
}

// source is where a parameter of a row comes from.
type source struct {
	from  origin
	name  string // of the path parameter or the field
	value any    // when it is fixed
}

type origin int

const (
	nowhere origin = iota // the default of the row
	inPath                // a segment
	inField               // the query or the body
	inBody                // the body as a whole
	given                 // it is fixed
)

// bodyKind is what the body of a request is.
type bodyKind int

const (
	fieldsBody bodyKind = iota // a JSON object or a form with the fields
	textBody
	jsonBody
)

// variant is one route of a row that has others than its own, or differs from it.
type variant struct {
	name   string         // last word of the path; "" for that of the row
	fixed  map[string]any // parameters that do not vary
	path   []string       // optional parameters that are in the path here
	rename map[string]string
	body   string // the parameter that is the body
	kind   bodyKind
	hidden bool
}

// variants are the routes that do not follow from their rows, by the names of the rows. They are those of Supvisors' gateway, and two
// that take a text which is too long, or too private, for a path.
var variants = map[string][]variant{
	"system.multicall":               {{body: "calls", kind: jsonBody}},
	"supervisor.sendProcessStdin":    {{}, {body: "chars", kind: textBody, hidden: true}},
	"supervisor.sendRemoteCommEvent": {{}, {body: "data", kind: textBody, hidden: true}},
	"supvisors.end_sync":             {{}, {path: []string{"master"}, rename: map[string]string{"master": "identifier"}}},
	"supvisors.update_numprocs":      {{}, {name: "lazy_update_numprocs", fixed: map[string]any{"lazy": true}}},
	"supvisors.enable_host_statistics": {{fixed: map[string]any{"enable_host": true}},
		{name: "disable_host_statistics", fixed: map[string]any{"enable_host": false}}},
	"supvisors.enable_process_statistics": {{fixed: map[string]any{"enable_process": true}},
		{name: "disable_process_statistics", fixed: map[string]any{"enable_process": false}}},
	"supvisors.change_log_level":         {{rename: map[string]string{"level_param": "log_level"}}},
	"supvisors.update_collecting_period": {{rename: map[string]string{"collecting_period": "period"}}},
}

// queryFields are the parameters that are never in the path.
var queryFields = []string{"wait", "extra_args"}

// routesOf derives the routes of all rows, in the order of their names. Old names of rows have none.
func routesOf(table *rpc.Table) []*route {
	var all []*route
	for _, name := range table.Names() {
		row, _ := table.Lookup(name)
		if row.AliasOf != "" {
			continue
		}
		list, special := variants[name]
		if !special {
			list = []variant{{}}
		}
		for _, v := range list {
			all = append(all, newRoute(row, v))
		}
	}
	return all
}

func newRoute(row *rpc.Method, v variant) *route {
	namespace, name, _ := strings.Cut(row.Name, ".")
	verb := http.MethodGet
	if row.Access != rpc.Read || strings.HasPrefix(name, "test_") || v.kind != fieldsBody {
		verb = http.MethodPost
	}
	if namespace == "supvisors" {
		name = strings.TrimPrefix(name, "get_")
	}
	if v.name != "" {
		name = v.name
	}
	r := &route{verb: verb, path: "/" + namespace + "/" + name, row: row, body: v.kind, hidden: v.hidden,
		id: strings.ToLower(verb) + "_" + namespace + "_" + name}
	for _, p := range row.Params {
		s := source{name: p.Name}
		if other, ok := v.rename[p.Name]; ok {
			s.name = other
		}
		value, isFixed := v.fixed[p.Name]
		switch {
		case isFixed:
			s.from, s.value = given, value
		case p.Name == v.body:
			s.from = inBody
		case slices.Contains(queryFields, p.Name):
			s.from = inField
		case !p.Optional || slices.Contains(v.path, p.Name):
			s.from = inPath
			r.path += "/{" + s.name + "}"
			if p.Optional {
				r.id += "_" + s.name
			}
		}
		r.fill = append(r.fill, s)
	}
	return r
}

// head is what both documents say of a route first.
func (r *route) head() rpc.Map {
	namespace, _, _ := strings.Cut(r.row.Name, ".")
	return object("tags", []any{namespace}, "operationId", r.id, "summary", r.row.Doc)
}

// where is the place of a parameter in the documents, "" when it has none.
func (s source) where() string {
	switch s.from {
	case inPath:
		return "path"
	case inField:
		return "query"
	}
	return ""
}

func verbWord(verb string) string { return strings.ToLower(verb) }

// call is one call of a multicall, for the documents.
type call struct {
	MethodName string `xmlrpc:"methodName"`
	Params     []any  `xmlrpc:"params,omitempty"`
}

var callType, failureType = reflect.TypeFor[call](), reflect.TypeFor[failure]()
