package rest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/supvisors/supvisors/rest"
)

// The OpenAPI document is valid, and describes the routes that are served with all that a client needs.
func TestOpenAPI(t *testing.T) {
	s := newSite(t, func(c *rest.Config) { c.Events = rest.NewStream() })
	got := s.do("GET", "/openapi.json", "")
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" {
		t.Fatal(got.Status)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(got.Text))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("%s, %s", doc.OpenAPI, doc.Info.Version)
	}
	paths := doc.Paths.Map()
	for _, path := range []string{"/rpc/{method}", "/system/multicall", "/events"} {
		if paths[path] == nil {
			t.Errorf("%s is missing", path)
		}
	}
	start := paths["/supvisors/start_process/{strategy}/{namespec}"].Post
	if start == nil || start.OperationID != "post_supvisors_start_process" || len(start.Parameters) != 4 {
		t.Fatalf("start_process: %+v", start)
	}
	if p := start.Parameters.GetByInAndName("path", "strategy"); p == nil || len(p.Schema.Value.Enum) != 6 || !p.Required {
		t.Errorf("strategy: %+v", p)
	}
	if p := start.Parameters.GetByInAndName("query", "wait"); p == nil || p.Schema.Value.Default != true || p.Required {
		t.Errorf("wait: %+v", p)
	}
	info := doc.Components.Schemas["ClusterProcessInfo"].Value
	if info == nil || info.Properties["identifiers"] == nil || len(info.Required) != 9 {
		t.Errorf("ClusterProcessInfo: %+v", info)
	}
}

// Each route that answers is in both documents, and nothing else is.
func TestDocumentsAreComplete(t *testing.T) {
	s := newSite(t, nil)
	for path, extra := range map[string]int{"/openapi.json": 2, "/swagger.json": 1} { // multicall, and rpc
		var doc struct {
			Swagger  string
			BasePath string
			Paths    map[string]map[string]struct{ OperationID string }
		}
		if err := json.Unmarshal([]byte(s.do("GET", path, "").Text), &doc); err != nil {
			t.Fatal(err)
		}
		described, ids := map[string]bool{}, map[string]bool{}
		for route, verbs := range doc.Paths {
			for verb, operation := range verbs {
				parts := strings.Split(route, "/")
				described[strings.ToUpper(verb)+" "+parts[1]+"/"+parts[2]+" "+string(rune('0'+len(parts)))] = true
				if ids[operation.OperationID] || operation.OperationID == "" {
					t.Errorf("%s: the id %q is there twice", path, operation.OperationID)
				}
				ids[operation.OperationID] = true
			}
		}
		for route := range templates() {
			if !described[route] {
				t.Errorf("%s lacks %s", path, route)
			}
		}
		if len(described) != len(templates())+extra {
			t.Errorf("%s describes %d routes, %d are served", path, len(described), len(templates())+extra)
		}
		if path == "/swagger.json" && (doc.Swagger != "2.0" || doc.BasePath != "/") {
			t.Errorf("%+v", doc)
		}
	}
}

// The pages need nothing from elsewhere.
func TestSwaggerUI(t *testing.T) {
	s := newSite(t, nil)
	page := s.do("GET", "/swagger/", "")
	if page.StatusCode != 200 || !strings.Contains(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.Text, "../openapi.json") {
		t.Fatalf("%s %s", page.Status, page.Text)
	}
	for part := range strings.SplitSeq(page.Text, `"`) {
		if strings.HasPrefix(part, "http") && len(part) > len("https://") && !strings.Contains(part, "www.w3.org") {
			t.Errorf("the page names %s", part)
		}
		if strings.HasSuffix(part, ".js") || strings.HasSuffix(part, ".css") {
			if got := s.do("GET", part, ""); got.StatusCode != 200 {
				t.Errorf("%s: %s", part, got.Status)
			}
		}
	}
	if got := s.do("GET", "/swagger", ""); got.StatusCode != 301 || got.Header.Get("Location") != "/swagger/" {
		t.Errorf("%s %s", got.Status, got.Header)
	}
}
