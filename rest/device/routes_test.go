package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/rest/device"
	"github.com/supvisors/supvisors/rpc"
)

const (
	notFound   = `{"status":"failed","message":"Not found"}`
	notAllowed = `{"status":"failed","message":"Method not allowed"}`
	done       = `{"Data":"OK","Error":""}`
	contents   = `{"containerId":"id1","containers":{"p1":"id1","p2":"id2"}}`
)

// The examples of the specification, and what stands between them.
func TestExamples(t *testing.T) {
	s := newSite(t, nil)
	s.health = checks()
	s.try([]example{
		{"GET /ping", "", 200, "text", "OK", ""},
		{"HEAD /ping", "", 200, "text", "", ""},
		{"POST /ping", "", 405, "json", notAllowed, ""},
		{"GET /v1/healthy", "", 200, "text", "", ""},
		{"GET /v1/healthy?verbose=true", "", 200, "json", `{"healthy":true,"checks":[{"name":"loop","ok":true,"detail":"","age_s":0},{"name":"update","ok":true,"detail":"","age_s":0.5},…`, ""},
		{"POST /v1/blink{}", "", 200, "text", "", "Blink"},
		{"POST /v1/blink", "", 401, "text", "Unauthorized", ""},
		{"POST /v1/update{}", "", 204, "", "", "Update false false"},
		{"POST /v1/update{}", `{"force":true}`, 204, "", "", "Update true false"},
		{"POST /v1/update{}", `cancel=on`, 204, "", "", "Update false true"},
		{"POST /v1/reboot{}", "", 202, "json", done, "Reboot"},
		{"POST /v1/reboot{}", `{"force":1}`, 202, "json", done, "Reboot force"},
		{"POST /v1/shutdown{}", "", 202, "json", done, "Shutdown"},
		{"POST /v1/shutdown{}", "force=true", 202, "json", done, "Shutdown force"},
		{"POST /v1/purge{}", `{"appId":1002}`, 200, "json", done, "Purge web"},
		{"POST /v1/purge{}", `{"appId":"7","force":"on"}`, 200, "json", done, "Purge grp force"},
		{"POST /v1/purge{}", `{}`, 400, "text", "Missing app id", ""},
		{"POST /v1/purge{}", `{"appId":"nope"}`, 400, "text", "App not found", ""},
		{"POST /v1/purge?apikey=grp", `{"appId":1002}`, 401, "json", `{"status":"failed","message":"Unauthorized"}`, ""},
		{"POST /v1/restart{}", `{"appId":"web"}`, 200, "text", "OK", "RestartApp web"},
		{"POST /v1/restart{}", `appId=1002&force=1`, 200, "text", "OK", "RestartApp web force"},
		{"POST /v1/restart{}", "", 400, "text", "Missing app id", ""},
		{"POST /v1/restart{}", `{"appId":"fails"}`, 503, "json", `{"status":"failed","message":"no node"}`, ""},
		{"POST /v1/restart?apikey=grp", `{"appId":1002}`, 401, "json", `{"status":"failed","message":"Unauthorized"}`, ""},
		{"DELETE /v1/tcp-ping{}", "", 204, "", "", "SetProbe false"},
		{"POST /v1/tcp-ping{}", "", 204, "", "", "SetProbe true"},
		{"GET /v1/tcp-ping", "", 405, "json", notAllowed, ""},
		{"GET /v1/device{}", "", 200, "json", `{"api_port":48484,"ip_address":"10.0.0.1 10.0.1.1","mac_address":"02:00:00:00:00:01","commit":"c0","status":"Idle",` +
			`"download_progress":null,"os_version":"Debian","supervisor_version":"1.2.3","update_pending":true,"update_downloaded":false,"update_failed":false,` +
			`"uuid":"u1","deviceId":11,"device_name":"n1","identifier":"10.0.0.1:9001","fsm_state":"OPERATION","apps":[{"appId":1002,"appName":"web","status":"RUNNING"}]}`, "State"},
		{"POST /v1/apps/1002/stop{}", "", 200, "json", contents, "StopApp web"},
		{"POST /v1/apps/web/stop{}", `{"force":true}`, 200, "json", contents, "StopApp web force"},
		{"POST /v1/apps/nope/stop{}", "", 400, "text", "App not found", ""},
		{"POST /v1/apps/web/start{}", "", 200, "json", `{"containerId":"id1","containers":{"p1":"id1"},"elsewhere":{"p2":"n2"}}`, "StartApp web"},
		{"GET /v1/apps/1002{}", "", 200, "json", `{"appId":1002,"appName":"web","status":"RUNNING","commit":"c1","imageId":"/bin/p1","containerId":"id1",` +
			`"env":{"FOO":"bar","PASSWORD":"<secret>"},"services":{"p1":{"status":"RUNNING","containerId":"id1","pid":41,"imageId":"/bin/p1"},` +
			`"p2":{"status":"STOPPED","containerId":"id2","pid":0,"imageId":"/bin/p2"}}}`, "App web"},
		{"GET /v1/apps/nope{}", "", 400, "text", "App not found", ""},
		{"GET /v1/device/host-config{}", "", 200, "json", `{"network":{"hostname":"h1"}}`, ""},
		{"PATCH /v1/device/host-config{}", `{"network":{"hostname":"n2"}}`, 200, "text", "OK", `SetHostConfig "n2"`},
		{"PATCH /v1/device/host-config{}", `{"network":{"hostname":"bad name!"}}`, 400, "text", "hostname must be a host name: letters, digits, hyphens and dots", ""},
		{"POST /supervisor/getState{}", `{"uuid":"u2"}`, 404, "json", notFound, ""},
		{"POST /v1/regenerate-api-key{}", "", 200, "text", "new-global", "RegenerateKey true"},
		{"GET /v1/device{}", "", 401, "text", "Unauthorized", ""},
		{"GET /v1/device?apikey=new-global", "", 200, "json", `{"api_port":48484,…`, "State"},
	})
	s.health = checks(true, true, false)
	s.try([]example{
		{"GET /v1/healthy", "", 500, "text", "Unhealthy", ""},
		{"GET /v1/healthy?verbose=1", "", 500, "json", `{"healthy":false,…`, ""},
		{"GET /v1/healthy?verbose=no", "", 500, "text", "Unhealthy", ""},
	})
}

// What is off by default is refused before its body is read; whatever is not a danger goes on.
func TestOffByDefault(t *testing.T) {
	s := newSite(t, nil)
	s.allowed = nil
	off := func(what string) string {
		return `{"Data":"","Error":"` + what + ` is disabled on this node; add it to allow in [device]"}`
	}
	s.try([]example{
		{"POST /v1/purge{}", `{"appId":1002}`, 403, "json", off("purge"), ""},
		{"POST /v1/purge{}", `{`, 403, "json", off("purge"), ""},
		{"POST /v1/reboot{}", "", 403, "json", off("reboot"), ""},
		{"POST /v1/shutdown{}", `{"force":true}`, 403, "json", off("shutdown"), ""},
		{"POST /supervisor/v1/device{}", `{"uuid":"u1","method":"GET"}`, 403, "json", off("fleet"), ""},
		{"PATCH /v1/device/host-config{}", `{"network":{}}`, 403, "text", "host-config is disabled on this node; add it to allow in [device]", ""},
		{"GET /v1/device/host-config{}", "", 200, "json", `{"network":{"hostname":"h1"}}`, ""},
		{"POST /v1/restart{}", `{"appId":"web"}`, 200, "text", "OK", "RestartApp web"},
	})
	s.allowed = []string{"reboot"}
	s.try([]example{
		{"POST /v1/reboot{}", "", 202, "json", done, "Reboot"},
		{"POST /v1/shutdown{}", "", 403, "json", off("shutdown"), ""},
	})
}

// Each route tells each failure of the node in the words that its clients know.
func TestFailures(t *testing.T) {
	status := func(text string) string { return fmt.Sprintf(`{"status":"failed","message":%q}`, text) }
	data := func(text string) string { return fmt.Sprintf(`{"Data":"","Error":%q}`, text) }
	plain := func(text string) string { return text }
	type form = func(string) string
	locked, odd := &device.Locked{Text: "web by pid 1"}, errors.New("p1 did not <start>")
	forms := map[string]struct{ bad, refused, missing, failed form }{
		"common": {plain, status, status, status}, "data": {data, data, data, data}, "text": {plain, plain, plain, plain},
		"purge": {plain, data, func(s string) string { return strings.Replace(data(s), `""`, `"Error"`, 1) }, status},
	}
	for _, tt := range []struct {
		request, body, forms string
		failure              int
	}{
		{"POST /v1/restart{}", `{"appId":"web"}`, "common", 503},
		{"POST /v1/apps/web/start{}", "", "common", 503},
		{"POST /v1/apps/web/stop{}", "", "common", 503},
		{"GET /v1/apps/web{}", "", "common", 503},
		{"GET /v1/device{}", "", "common", 503},
		{"POST /v1/regenerate-api-key{}", "", "common", 503},
		{"POST /v1/purge{}", `{"appId":"web"}`, "purge", 503},
		{"POST /v1/reboot{}", "", "data", 500},
		{"POST /v1/shutdown{}", "", "data", 500},
		{"GET /v1/device/host-config{}", "", "text", 503},
		{"PATCH /v1/device/host-config{}", `{"network":{"hostname":"n2"}}`, "text", 503},
	} {
		f := forms[tt.forms]
		for _, e := range []struct {
			err    error
			status int
			text   string
		}{
			{locked, 423, f.refused("Updates are locked: web by pid 1")},
			{fmt.Errorf("stop web: %w", locked), 423, f.refused("stop web: Updates are locked: web by pid 1")},
			{&device.NotPossible{Text: "no data directory declared for web"}, 501, f.refused("no data directory declared for web")},
			{&device.NotFound{Text: "/srv/web is missing"}, 404, f.missing("/srv/web is missing")},
			{&device.BadRequest{Text: "web runs on n2"}, 400, f.bad("web runs on n2")},
			{&device.UnknownApp{App: "web"}, 400, f.bad("App not found")},
			{odd, tt.failure, f.failed("p1 did not <start>")},
		} {
			s := newSite(t, nil)
			s.Err = e.err
			verb, target, _ := strings.Cut(strings.Replace(tt.request, "{}", "?apikey=global", 1), " ")
			got := s.do(verb, target, tt.body)
			if kind := map[bool]string{true: "json", false: "text"}[e.text[0] == '{']; got.StatusCode != e.status || got.Text != e.text || got.Kind() != kind {
				t.Errorf("%s, %v: %s %s %q, wanted %d %q", tt.request, e.err, got.Status, got.Kind(), got.Text, e.status, e.text)
			}
		}
	}
}

// What is not there, and verbs that are not.
func TestUnknown(t *testing.T) {
	s := newSite(t, nil)
	s.try([]example{
		{"GET /v1", "", 404, "json", notFound, ""},
		{"GET /v1/", "", 404, "json", notFound, ""},
		{"GET /v1/nothing", "", 404, "json", notFound, ""},
		{"GET /v1/device/", "", 404, "json", notFound, ""},
		{"GET /v1//device", "", 404, "json", notFound, ""},
		{"GET /v1/%64evice{}", "", 404, "json", notFound, ""},
		{"GET /v1%2Fdevice{}", "", 404, "json", notFound, ""},
		{"GET /v1/apps/{}", "", 404, "json", notFound, ""},
		{"GET /v1/apps/web/{}", "", 404, "json", notFound, ""},
		{"POST /v1/apps/web/restart{}", "", 404, "json", notFound, ""},
		{"POST /v1/../v1/blink{}", "", 404, "json", notFound, ""},
		{"POST /supervisor/v1{}", "", 404, "json", notFound, ""},
		{"POST /supervisor/v1/{}", "", 404, "json", notFound, ""},
		{"POST /supervisor/pingx{}", "", 404, "json", notFound, ""},
		{"GET /", "", 404, "json", notFound, ""},
		{"GET /v2/applications/state{}", "", 404, "json", notFound, ""},
		{"PUT /v1/device{}", "", 405, "json", notAllowed, ""},
		{"GET /v1/apps/web/stop{}", "", 405, "json", notAllowed, ""},
		{"GET /supervisor/v1/device{}", "", 405, "json", notAllowed, ""},
	})
	for path, want := range map[string]string{
		"/ping": "GET, OPTIONS, HEAD", "/v1/tcp-ping": "DELETE, POST, OPTIONS", "/v1/device/host-config": "GET, PATCH, OPTIONS, HEAD",
		"/v1/apps/x/start": "POST, OPTIONS", "/supervisor/ping": "POST, OPTIONS",
	} {
		wrong, options := s.do("PUT", path, ""), s.do("OPTIONS", path, "")
		if wrong.StatusCode != 405 || wrong.Header.Get("Allow") != want || options.StatusCode != 200 || options.Header.Get("Allow") != want || options.Text != "" {
			t.Errorf("%s: %s %q, %s %q", path, wrong.Status, wrong.Header.Get("Allow"), options.Status, options.Header.Get("Allow"))
		}
	}
	if calls := s.Taken(); calls != nil {
		t.Error(calls)
	}
}

// A name may have any characters, once they are encoded.
func TestEncodedNames(t *testing.T) {
	s := newSite(t, nil)
	s.try([]example{
		{"POST /v1/apps/a%2Fb%20c%25/stop{}", "", 200, "json", contents, "StopApp a/b c%"},
		{"POST /v1/apps/%77eb/stop{}", "", 200, "json", contents, "StopApp web"},
		{"POST /v1/apps/%00%ff%0a/stop{}", "", 400, "text", "App not found", ""},
		{"POST /v1/restart{}", `appId=a%2Fb+c%25`, 200, "text", "OK", "RestartApp a/b c%"},
		{"POST /v1/restart{}", `{"appId":"a\/b\u0020c%"}`, 200, "text", "OK", "RestartApp a/b c%"},
	})
}

// The dispatcher gives /supervisor/… to Supervisor's methods, but for the two of the fleet.
func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/ping": true, "/v1": true, "/v1/": true, "/v1/device": true, "/v1/x/y": true, "/supervisor/ping": true, "/supervisor/v1/device": true,
		"/supervisor/v1": true, "/": false, "": false, "/pingx": false, "/ping/": false, "/v1x": false, "/v2/x": false, "/supervisor": false, "/supervisor/": false,
		"/supervisor/getState": false, "/supervisorx/ping": false, "/supvisors/ping": false, "ping": false,
	} {
		if device.Owns(path) != want {
			t.Errorf("%q: %t", path, !want)
		}
	}
	table, err := service.Remote(func(context.Context, string, rpc.Args) (any, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range table.Names() {
		if device.Owns("/" + strings.ReplaceAll(name, ".", "/")) {
			t.Errorf("%s is hidden", name)
		}
	}
}

// The routes in the document are those that there are.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/device-api.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, nil)
	rows := regexp.MustCompile("(?m)^\\| `([A-Z]+) (/[^`]*)` \\| (\\S+) \\|").FindAllStringSubmatch(string(text), -1)
	if len(rows) != 18 {
		t.Fatalf("it has %d routes", len(rows))
	}
	for _, row := range rows {
		verb, path, key := row[1], strings.NewReplacer("ID", "web", "URL", "ping").Replace(row[2]), row[3]
		open := map[string][]int{"–": {200, 200, 200}, "any": {401, 200, 200}, "app": {401, 200, 200}, "global": {401, 401, 200}}[key]
		for i, key := range []string{"", "?apikey=web", "?apikey=global"} {
			got := s.do(verb, path+key, "").StatusCode
			if denied := got == 401; got == 404 || got == 405 || open == nil || denied != (open[i] == 401) {
				t.Errorf("%s %s%s: %d", verb, path, key, got)
			}
			if strings.Contains(path, "regenerate") {
				s.keys = newFake().keys
			}
		}
	}
}

// Every answer says what it is, and that nobody is to keep it.
func TestHeaders(t *testing.T) {
	s := newSite(t, nil)
	for _, request := range []string{"GET /ping", "POST /v1/blink", "GET /v1/x", "PUT /ping", "GET /v1/device?apikey=global", "DELETE /v1/tcp-ping?apikey=global"} {
		verb, target, _ := strings.Cut(request, " ")
		got := s.do(verb, target, "")
		if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", request, got.Header)
		}
		if got.Kind() == "json" && !json.Valid([]byte(got.Text)) {
			t.Errorf("%s: %q", request, got.Text)
		}
	}
}
