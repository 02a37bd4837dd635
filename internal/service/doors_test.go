package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/supvisors/supvisors/rest"
	"github.com/supvisors/supvisors/rpc"
)

// plainArguments are arguments for all parameters that a path can carry.
func plainArguments(m *rpc.Method) (args []any, words []string) {
	for _, p := range m.Params {
		if p.Optional || p.Name == "extra_args" && m.Name != "supvisors.start_args" {
			continue
		}
		var value any = "x"
		if known, ok := map[string]string{"namespec": "app:one", "application_name": "app", "identifier": "n1", "regex": "one"}[p.Name]; ok {
			value = known
		}
		switch {
		case p.Values != nil:
			value = p.Values[0]
		case p.TypeWord() == "int":
			value = 1
		case p.TypeWord() == "double":
			value = 1.5
		case p.TypeWord() == "boolean":
			value = true
		}
		args = append(args, value)
		words = append(words, fmt.Sprint(value))
	}
	return args, words
}

// timeless removes what differs from one moment, and from one daemon, to the next.
func timeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			for _, word := range []string{"now", "time", "mono", "start", "stop", "pid", "description", "log"} {
				if _, isNumber := member.(float64); isNumber || name == "description" || strings.HasSuffix(name, "logfile") {
					if strings.Contains(name, word) {
						member = word
					}
				}
			}
			v[name] = timeless(member)
		}
	case []any:
		for i := range v {
			v[i] = timeless(v[i])
		}
	}
	return v
}

// Each row gives the same value or the same fault through XML-RPC and through REST, on its own route and on the general one, and the
// value is what the OpenAPI document promises.
func TestRowsThroughBothDoors(t *testing.T) {
	rows, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	for _, name := range rows.table.Names() {
		m, _ := rows.table.Lookup(name)
		if strings.HasSuffix(name, ".shutdown") || strings.HasSuffix(name, ".restart") || name == "system.multicall" || strings.Contains(name, "PID") {
			continue
		}
		args, words := plainArguments(m)
		t.Run(name, func(t *testing.T) {
			// a daemon for each door: what one call has done would be in the way of the next
			xml, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
			var want any
			code, text := 0, ""
			value, err := xml.call(name, args...)
			var fault *rpc.Fault
			if errors.As(err, &fault) {
				code, text = fault.Code, fault.Text
			} else if err != nil {
				t.Fatal(err)
			}
			data, err := rpc.AppendJSON(nil, value)
			if err != nil || json.Unmarshal(data, &want) != nil {
				t.Fatal(err)
			}
			verb, path, body := "POST", "/rpc/"+name, "[]"
			if len(args) > 0 {
				list, err := rpc.AppendJSON(nil, args)
				if err != nil {
					t.Fatal(err)
				}
				body = string(list)
			}
			check(t, verb, path, body, want, code, text, nil)
			if m.AliasOf != "" {
				return
			}
			namespace, word, _ := strings.Cut(name, ".")
			path = "/" + namespace + "/" + strings.TrimPrefix(word, "get_")
			if namespace == "supervisor" {
				path = "/supervisor/" + word
			}
			if m.Access == rpc.Read && !strings.HasPrefix(word, "test_") {
				verb = "GET"
			}
			switch name {
			case "supvisors.enable_host_statistics", "supvisors.enable_process_statistics":
				words = nil
			case "supvisors.start_args":
				words[1] = "?extra_args=x"
			}
			for _, w := range words {
				if strings.HasPrefix(w, "?") {
					path += w
				} else {
					path += "/" + w
				}
			}
			check(t, verb, path, "", want, code, text, m)
		})
	}
}

// check sends a request to a daemon of its own and compares the answer with what XML-RPC gave.
func check(t *testing.T, verb, path, body string, want any, code int, text string, m *rpc.Method) {
	t.Helper()
	d, _ := newClusterDaemon(t, func(f *fakeCluster) { f.operate() })
	g, err := rest.New(rest.Config{Table: d.table, Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), verb, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %s: %v", path, data, err)
	}
	if code != 0 {
		failed, _ := got.(map[string]any)
		if resp.StatusCode != http.StatusBadRequest || failed["code"] != float64(code) || failed["message"] != text {
			t.Errorf("%s: %s %s; by XML-RPC %d %s", path, resp.Status, data, code, text)
		}
		return
	}
	if m != nil {
		promised(t, server.URL, verb, path, got)
	}
	if want, got := timeless(want), timeless(got); resp.StatusCode != http.StatusOK || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %s %v; by XML-RPC %v", path, resp.Status, got, want)
	}
}

// promised compares a value with the schema that the document has for the route.
func promised(t *testing.T, server, verb, path string, value any) {
	t.Helper()
	resp, err := http.Get(server + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	doc, err := openapi3.NewLoader().LoadFromIoReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for template, item := range doc.Paths.Map() {
		if other := strings.Split(template, "/"); len(other) != len(parts) || !slices.Equal(other[:3], parts[:3]) {
			continue
		}
		operation := item.GetOperation(verb)
		if operation == nil {
			t.Fatalf("%s: no %s in the document", path, verb)
		}
		schema := operation.Responses.Status(http.StatusOK).Value.Content.Get("application/json").Schema.Value
		if err := schema.VisitJSON(value); err != nil {
			t.Errorf("%s: the document promises something else: %v", path, err)
		}
		return
	}
	t.Errorf("%s is not in the document", path)
}
