package rest

import (
	"net/http"

	"github.com/gorilla/mux"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/supvisors/supvisors/rpc"
)

// Where the documents are.
const (
	openAPIPath = "/openapi.json"
	swaggerPath = "/swagger.json"
	uiPath      = "/swagger/"
)

const title = "Supvisors"

// tags are the namespaces with their meaning.
var tags = []any{
	object("name", "system", "description", "What the methods are"),
	object("name", "supervisor", "description", "The processes of this node, as Supervisor has them"),
	object("name", "supvisors", "description", "The applications of the cluster, as Supvisors has them"),
}

// documents serves the descriptions of the routes, and the pages that show them. They are written once.
func (g *Gateway) documents(router *mux.Router) error {
	for path, document := range map[string]rpc.Map{openAPIPath: g.openAPI(), swaggerPath: g.swagger()} {
		data, err := rpc.AppendJSON(nil, document)
		if err != nil {
			return err
		}
		data = append(data, '\n')
		router.Path(path).Handler(g.only(http.MethodGet, func(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, data) }))
	}
	ui := v5emb.NewHandlerWithConfig(swgui.Config{Title: title, SwaggerJSON: ".." + openAPIPath, BasePath: uiPath})
	router.Path("/swagger").Handler(http.RedirectHandler("swagger/", http.StatusMovedPermanently))
	router.PathPrefix(uiPath).Handler(g.only(http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src 'self' data:")
		w.Header().Set("X-Frame-Options", "DENY")
		ui.ServeHTTP(w, r)
	}))
	return nil
}

// openAPI describes the routes as OpenAPI 3.1.
func (g *Gateway) openAPI() rpc.Map {
	s := &schemas{prefix: "#/components/schemas/", definitions: map[string]any{}}
	json := func(schema any) rpc.Map { return object("application/json", object("schema", schema)) }
	paths := rpc.Map{}
	for _, r := range g.routes {
		if r.hidden {
			continue
		}
		var parameters []any
		for i, src := range r.fill {
			if where := src.where(); where != "" {
				p := &r.row.Params[i]
				parameters = append(parameters, object("name", src.name, "in", where, "required", where == "path", "description", p.Doc,
					"schema", parameter(p), "example", example(p, src.name)))
			}
		}
		operation := r.head()
		if parameters != nil {
			operation = append(operation, rpc.Member{Name: "parameters", Value: parameters})
		}
		if r.body == jsonBody {
			operation = append(operation, rpc.Member{Name: "requestBody", Value: object("required", true, "content", object("application/json", object(
				"schema", object("type", "array", "items", s.named(callType)),
				"example", []any{object("methodName", "supervisor.getState", "params", []any{})})))})
		}
		failed := func(text string) rpc.Map { return object("description", text, "content", json(s.of(failureType))) }
		operation = append(operation, rpc.Member{Name: "responses", Value: object(
			"200", object("description", r.row.Result.Doc, "content", json(s.result(r.row.Result))),
			"400", failed("the fault of the call"),
			"404", failed("a path that leads nowhere"),
			"500", failed("the daemon cannot be reached"))})
		paths = append(paths, rpc.Member{Name: r.path, Value: object(verbWord(r.verb), operation)})
	}
	paths = append(paths, rpc.Member{Name: "/rpc/{method}", Value: object("post", object(
		"tags", []any{"system"}, "operationId", "post_rpc", "summary", "Call any method with an array of its parameters.",
		"parameters", []any{object("name", "method", "in", "path", "required", true, "description", "full name of the method",
			"schema", object("type", "string"), "example", "supervisor.getState")},
		"requestBody", object("content", object("application/json", object("schema", object("type", "array", "items", rpc.Map{}), "example", []any{}))),
		"responses", object("200", object("description", "what the method returns", "content", json(rpc.Map{})),
			"400", object("description", "the fault of the call", "content", json(s.of(failureType))))))})
	if g.cfg.Events != nil {
		paths = append(paths, rpc.Member{Name: "/events", Value: object("get", g.cfg.Events.describe())})
	}
	return object("openapi", "3.1.0",
		"info", object("title", title, "version", g.cfg.Version, "description", "The methods of Supervisor and Supvisors over HTTP."),
		"tags", tags, "security", []any{rpc.Map{}, object("basic", []any{})}, "paths", paths,
		"components", object("schemas", s.definitions, "securitySchemes", object("basic", object("type", "http", "scheme", "basic"))))
}

// swagger describes the routes as Supvisors' gateway does, in Swagger 2.0.
func (g *Gateway) swagger() rpc.Map {
	s := &schemas{prefix: "#/definitions/", definitions: map[string]any{}}
	paths := rpc.Map{}
	for _, r := range g.routes {
		if r.hidden {
			continue
		}
		parameters := []any{}
		for i, src := range r.fill {
			if where := src.where(); where != "" {
				p := &r.row.Params[i]
				parameters = append(parameters, append(object("name", src.name, "in", where, "required", where == "path", "description", p.Doc),
					parameter(p)...))
			}
		}
		if r.body == jsonBody {
			parameters = append(parameters, object("name", "calls", "in", "body", "required", true,
				"schema", object("type", "array", "items", s.named(callType))))
		}
		result := s.result(r.row.Result)
		if r.row.Result.Or != nil {
			result = rpc.Map{} // Swagger 2.0 has no words for one or the other
		}
		paths = append(paths, rpc.Member{Name: r.path, Value: object(verbWord(r.verb), append(r.head(), object(
			"parameters", parameters,
			"responses", object("200", object("description", r.row.Result.Doc, "schema", result),
				"400", object("description", "the fault of the call", "schema", s.of(failureType))))...))})
	}
	return object("swagger", "2.0", "basePath", "/", "info", object("title", title, "version", g.cfg.Version),
		"produces", []any{"application/json"}, "consumes", []any{"application/json"}, "tags", tags, "paths", paths, "definitions", s.definitions)
}
