package device_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/rest/device"
)

// newFleet returns three nodes that reach each other as nodes do: by requests of their own, which carry the scope of the caller.
func newFleet(t *testing.T) []*site {
	t.Helper()
	var sites []*site
	var nodes []device.Node
	for i := range 3 {
		sites = append(sites, newSite(t, nil))
		nodes = append(nodes, device.Node{UUID: fmt.Sprintf("u%d", i+1), DeviceID: 11 * (i + 1), Identifier: fmt.Sprintf("n%d", i+1)})
	}
	for i, s := range sites {
		s.nodes = slices.Clone(nodes)
		s.nodes[i].Local = true
		s.forward = func(ctx context.Context, node device.Node, scope device.Scope, r device.Request) (device.Answer, error) {
			target := r.Path
			if r.Query != "" {
				target += "?" + r.Query
			}
			in := httptest.NewRequestWithContext(ctx, r.Method, target, strings.NewReader(string(r.Body)))
			in.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			sites[slices.IndexFunc(nodes, func(n device.Node) bool { return n.UUID == node.UUID })].h.ServeForwarded(w, in, scope)
			return device.Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}, nil
		}
	}
	return sites
}

// One node, named in any way: its answer is the answer.
func TestFleetOne(t *testing.T) {
	all := newFleet(t)
	s := all[0]
	s.try([]example{
		{"POST /supervisor/v1/device{}", `{"uuid":"u2","method":"GET"}`, 200, "json", `{"api_port":48484,…`, `Forward u2 GET /v1/device?`},
		{"POST /supervisor/v1/restart{}", `{"deviceId":22,"data":{"appId":"web","force":true}}`, 200, "text", "OK", `Forward u2 POST /v1/restart? {"appId":"web","force":true}`},
		{"POST /supervisor/v1/update{}", `{"identifier":"n3","data":{}}`, 204, "", "", `Forward u3 POST /v1/update? {}`},
		{"POST /supervisor/v1/restart{}", `{"uuid":"u2"}`, 400, "text", "Missing app id", `Forward u2 POST /v1/restart?`},
		{"POST /supervisor/v1/apps/a%2Fb%20c%25/stop?x=%20&apikey=global&y", `{"uuid":"u2"}`, 200, "json", contents, `Forward u2 POST /v1/apps/a%2Fb%20c%25/stop?x=%20&y`},
		{"POST /supervisor/v1/tcp-ping?%61pikey=global", `{"deviceId":"22","method":"delete"}`, 204, "", "", `Forward u2 DELETE /v1/tcp-ping?`},
		{"POST /supervisor/v1/tcp-ping{}", `uuid=u2&method=DELETE`, 204, "", "", `Forward u2 DELETE /v1/tcp-ping?`},
		{"POST /supervisor/v1/update{}", `uuid=u2&data={"force":1}`, 204, "", "", `Forward u2 POST /v1/update? {"force":1}`},
		{"POST /supervisor/ping{}", `{"uuid":"u2","method":"GET","data":{"a":1}}`, 200, "text", "OK", `Forward u2 GET /ping?`},
		{"POST /supervisor/v1/nothing{}", `{"uuid":"u2"}`, 404, "json", notFound, `Forward u2 POST /v1/nothing?`},
		{"POST /supervisor/v1/device/host-config{}", `{"uuid":"u2","method":"PATCH","data":{"network":{"hostname":"h2"}}}`, 200, "text", "OK",
			`Forward u2 PATCH /v1/device/host-config? {"network":{"hostname":"h2"}}`},
		{"POST /supervisor/v1/reboot{}", `{"uuid":"u2"}`, 202, "json", done, `Forward u2 POST /v1/reboot?`},
		{"POST /supervisor/v1/reboot{}", `{"uuid":"u1","appId":"web"}`, 202, "json", done, `Reboot`}, // this node itself
		{"POST /supervisor/v1/apps/web{}", `{"uuid":"u1","method":"GET"}`, 200, "json", `{"appId":1002,…`, `App web`},
	})
	want := []string{"State", "RestartApp web force", "StopApp a/b c%", "SetProbe false", "SetProbe false", "Update true false", `SetHostConfig "h2"`, "Reboot"}
	if calls := all[1].Taken(); !slices.Equal(calls, want) {
		t.Errorf("%q", calls)
	}
	got := s.do("POST", "/supervisor/v1/blink?apikey=global", `{"uuid":"u2","method":"GET"}`)
	if got.StatusCode != 405 || got.Header.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("%s %v", got.Status, got.Header)
	}
}

// What is no request to the fleet is asked of nobody.
func TestFleetBadRequests(t *testing.T) {
	s := newFleet(t)[0]
	for body, want := range map[string]string{
		``:                                   "400 the body must name a target: uuid, deviceId, identifier or appId",
		`{}`:                                 "400 the body must name a target: uuid, deviceId, identifier or appId",
		`{"uuid":""}`:                        "400 the body must name a target: uuid, deviceId, identifier or appId",
		`{"uuid":["u2"]}`:                    "400 uuid must be a number or a name",
		`{"deviceId":0}`:                     "400 deviceId must be a positive number",
		`{"deviceId":"n2"}`:                  "400 deviceId must be a positive number",
		`{"deviceId":-22}`:                   "400 deviceId must be a positive number",
		`{"uuid":"u2","method":"PUT"}`:       "400 method must be one of GET, POST, PATCH, DELETE",
		`{"uuid":"u2","method":5}`:           "400 method must be one of GET, POST, PATCH, DELETE",
		`{"uuid":"u2","method":""}`:          "400 method must be one of GET, POST, PATCH, DELETE",
		`{"uuid":"u2","data":[1]}`:           "400 data must be an object",
		`{"uuid":"u2","data":"x"}`:           "400 data must be an object",
		`{"uuid":"u2","data":true}`:          "400 data must be an object",
		`{"uuid":"ffff"}`:                    "404 no such node",
		`{"uuid":"u2","deviceId":33}`:        "404 no such node",
		`{"appId":"nope"}`:                   "404 no such node or application in the fleet",
		`{"uuid":"u2","appId":"nope"}`:       "404 no such node or application in the fleet",
		`{"appId":"fails"}`:                  "503 no node",
		`{"appId":"web","method":"OPTIONS"}`: "400 method must be one of GET, POST, PATCH, DELETE",
	} {
		got := s.do("POST", "/supervisor/v1/device?apikey=global", body)
		var text struct{ Data, Error string }
		if err := json.Unmarshal([]byte(got.Text), &text); err != nil || fmt.Sprintf("%d %s", got.StatusCode, text.Error) != want || text.Data != "" {
			t.Errorf("%s: %s %s", body, got.Status, got.Text)
		}
	}
	if calls := s.Taken(); calls != nil {
		t.Error(calls)
	}
}

// Nobody reboots a fleet by mistake, however the path is written.
func TestFleetEnds(t *testing.T) {
	all := newFleet(t)
	s := all[0]
	s.try([]example{
		{"POST /supervisor/v1/reboot{}", `{"appId":"web"}`, 400, "json", `{"Data":"","Error":"/v1/reboot for all nodes of an application needs \"all\": true"}`, ""},
		{"POST /supervisor/v1/shutdown{}", `{"appId":"web","all":false}`, 400, "json", `{"Data":"","Error":"/v1/shutdown for all…`, ""},
		{"POST /supervisor/v1/%72eboot{}", `{"appId":"web"}`, 400, "json", `{"Data":"","Error":"/v1/%72eboot for all…`, ""},
		{"POST /supervisor/v1/shutdown{}", `{"appId":"web","data":{"all":true}}`, 400, "json", `{"Data":"","Error":"/v1/shutdown for all…`, ""},
	})
	got := s.do("POST", "/supervisor/v1/reboot?apikey=global", `{"appId":"web","all":true,"data":{"force":true}}`)
	if got.StatusCode != 200 || strings.Count(got.Text, `"status":202,"body":{"Data":"OK","Error":""}`) != 3 {
		t.Errorf("%s %s", got.Status, got.Text)
	}
	for i, node := range all {
		if calls := node.Taken(); !slices.Contains(calls, "Reboot force") {
			t.Errorf("node %d: %q", i+1, calls)
		}
	}
}

// All nodes of an application: each answer in its place, 207 when one is none.
func TestFleetAll(t *testing.T) {
	all := newFleet(t)
	s := all[0]
	got := s.do("POST", "/supervisor/ping?apikey=global", `{"appId":"web","method":"GET"}`)
	want := `{"Data":[{"uuid":"u1","deviceId":11,"identifier":"n1","status":200,"body":"OK"},{"uuid":"u2","deviceId":22,"identifier":"n2","status":200,"body":"OK"},` +
		`{"uuid":"u3","deviceId":33,"identifier":"n3","status":200,"body":"OK"}],"Error":""}`
	if got.StatusCode != 200 || got.Kind() != "json" || got.Text != want {
		t.Errorf("%s %s", got.Status, got.Text)
	}
	if got := s.do("POST", "/supervisor/v1/update?apikey=global", `{"appId":"web","data":{"force":true}}`); got.StatusCode != 200 || strings.Count(got.Text, `"status":204,"body":""`) != 3 {
		t.Errorf("%s %s", got.Status, got.Text)
	}
	all[1].Err = &device.Locked{Text: "web"}
	reach := s.forward
	s.forward = func(ctx context.Context, node device.Node, scope device.Scope, r device.Request) (device.Answer, error) {
		if node.UUID == "u3" {
			return device.Answer{}, &device.Unreachable{Text: "n3 is STOPPED"}
		}
		return reach(ctx, node, scope, r)
	}
	got = s.do("POST", "/supervisor/v1/apps/web/stop?apikey=global", `{"appId":"web"}`)
	want = `{"Data":[{"uuid":"u1","deviceId":11,"identifier":"n1","status":200,"body":` + contents + `},` +
		`{"uuid":"u2","deviceId":22,"identifier":"n2","status":423,"body":{"status":"failed","message":"Updates are locked: web"}},` +
		`{"uuid":"u3","deviceId":33,"identifier":"n3","status":503,"body":{"Data":"","Error":"n3 is STOPPED"}}],"Error":""}`
	if got.StatusCode != 207 || got.Text != want {
		t.Errorf("%s %s", got.Status, got.Text)
	}
}

// A node that does not answer, answers nonsense, or breaks: the caller is told, and nothing else happens.
func TestFleetFailures(t *testing.T) {
	s := newFleet(t)[0]
	for _, tt := range []struct {
		answer device.Answer
		err    error
		status int
		text   string
	}{
		{device.Answer{}, &device.Unreachable{Text: "n2 is ISOLATED"}, 503, "n2 is ISOLATED"},
		{device.Answer{}, &device.Unreachable{Text: "n2 is slow", Timeout: true}, 504, "n2 is slow"},
		{device.Answer{}, errors.New("odd"), 503, "odd"},
		{device.Answer{}, nil, 503, "n2 has answered with status 0"},
		{device.Answer{Status: 101}, nil, 503, "n2 has answered with status 101"},
		{device.Answer{Status: 1000}, nil, 503, "n2 has answered with status 1000"},
	} {
		s.forward = func(context.Context, device.Node, device.Scope, device.Request) (device.Answer, error) {
			return tt.answer, tt.err
		}
		got := s.do("POST", "/supervisor/v1/blink?apikey=global", `{"uuid":"u2"}`)
		if want := fmt.Sprintf(`{"Data":"","Error":%q}`, tt.text); got.StatusCode != tt.status || got.Text != want || got.Kind() != "json" {
			t.Errorf("%v: %s %s", tt, got.Status, got.Text)
		}
	}
	s.forward = func(context.Context, device.Node, device.Scope, device.Request) (device.Answer, error) { panic("bug") }
	if got := s.do("POST", "/supervisor/v1/blink?apikey=global", `{"appId":"web"}`); got.StatusCode != 207 || strings.Count(got.Text, `"status":503,"body":{"Data":"","Error":"internal error"}`) != 2 {
		t.Errorf("%s %s", got.Status, got.Text)
	}
	// a body that says it is JSON and is none stays a text
	s.forward = func(context.Context, device.Node, device.Scope, device.Request) (device.Answer, error) {
		return device.Answer{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte("{\xff")}, nil
	}
	if got := s.do("POST", "/supervisor/v1/blink?apikey=global", `{"appId":"web"}`); got.StatusCode != 200 || !json.Valid([]byte(got.Text)) {
		t.Errorf("%s %s", got.Status, got.Text)
	}
}

// What was forwarded goes no further, and reaches no further than its caller's scope and the target's own allow.
func TestForwarded(t *testing.T) {
	s := newFleet(t)[0]
	serve := func(verb, target, body string, scope device.Scope) (int, string) {
		w := httptest.NewRecorder()
		s.h.ServeForwarded(w, httptest.NewRequest(verb, target, strings.NewReader(body)), scope)
		return w.Code, w.Body.String()
	}
	s.allowed = nil
	everything := device.Scope{Global: true}
	for _, tt := range []struct {
		verb, target, body string
		scope              device.Scope
		status             int
		text               string
	}{
		{"POST", "/supervisor/v1/blink", `{"uuid":"u2"}`, everything, 404, notFound},
		{"POST", "/supervisor/ping", `{"appId":"web"}`, everything, 404, notFound},
		{"GET", "/supervisor/ping", "", everything, 404, notFound},
		{"GET", "/ping", "", device.Scope{}, 200, "OK"},
		{"POST", "/v1/blink", "", device.Scope{}, 401, "Unauthorized"},
		{"POST", "/v1/blink?apikey=global", "", device.Scope{}, 401, "Unauthorized"},
		{"POST", "/v1/apps/grp/stop", "", device.Scope{App: "web"}, 401, "Unauthorized"},
		{"POST", "/v1/reboot", "", everything, 403, `{"Data":"","Error":"reboot is disabled on this node; add it to allow in [device]"}`},
		{"POST", "/v1/regenerate-api-key", "", device.Scope{Global: true, Keyless: true}, 401, "Unauthorized"},
	} {
		if status, text := serve(tt.verb, tt.target, tt.body, tt.scope); status != tt.status || text != tt.text {
			t.Errorf("%s %s: %d %s", tt.verb, tt.target, status, text)
		}
	}
	if calls := s.Taken(); calls != nil {
		t.Error(calls)
	}
}

// The scope of the caller travels: who is trusted without a key is told no secret by another node either.
func TestFleetScope(t *testing.T) {
	s := newFleet(t)[0]
	for _, remote := range []bool{true, false} {
		for _, key := range []string{"global", ""} {
			h, err := device.New(device.Config{Device: s.fake, Door: device.Door{TrustLoopback: true}, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			body := `{"uuid":"u1","method":"GET"}`
			if remote {
				body = `{"uuid":"u2","method":"GET"}`
			}
			r := httptest.NewRequest("POST", "/supervisor/v1/apps/web", strings.NewReader(body))
			r.RemoteAddr, r.Host = "127.0.0.1:1", "localhost"
			if key != "" {
				r.Header.Set("Authorization", "Bearer "+key)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 || strings.Contains(w.Body.String(), "<secret>") != (key != "") {
				t.Errorf("remote %t, key %q: %d %s", remote, key, w.Code, w.Body)
			}
		}
	}
}

// Eight nodes at most are asked at once, and each has 60 s.
func TestFleetLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := newFake()
		for i := range 20 {
			node.nodes = append(node.nodes, device.Node{UUID: fmt.Sprint("u", i), Identifier: fmt.Sprint("n", i)})
		}
		var mu sync.Mutex
		var now, most int
		count := func(change int) {
			mu.Lock()
			defer mu.Unlock()
			now += change
			most = max(most, now)
		}
		node.forward = func(ctx context.Context, n device.Node, _ device.Scope, _ device.Request) (device.Answer, error) {
			count(1)
			defer count(-1)
			if n.UUID == "u3" {
				<-ctx.Done()
				return device.Answer{}, fmt.Errorf("call n3: %w", ctx.Err())
			}
			time.Sleep(time.Second)
			return device.Answer{Status: 204}, nil
		}
		h, err := device.New(device.Config{Device: node, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("POST", "/supervisor/v1/update?apikey=global", strings.NewReader(`{"appId":"web"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		start := time.Now()
		h.ServeHTTP(w, r)
		if d := time.Since(start); w.Code != 207 || most != 8 || d != time.Minute || strings.Count(w.Body.String(), `"status":204`) != 19 {
			t.Errorf("%d, %d at once, %s: %s", w.Code, most, d, w.Body)
		}
		if !strings.Contains(w.Body.String(), `"status":504,"body":{"Data":"","Error":"n3 has not answered within 1m0s"}`) {
			t.Error(w.Body)
		}
	})
}

// This node has no more time than the others.
func TestFleetLocalLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := waiting{newFake(), doortest.NewWait()}
		node.nodes = []device.Node{{UUID: "u1", Identifier: "n1", Local: true}}
		h, err := device.New(device.Config{Device: node, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/supervisor/v1/restart?apikey=global", strings.NewReader(`{"uuid":"u1","data":{"appId":"web"}}`)))
		if w.Code != 504 || w.Body.String() != `{"Data":"","Error":"n1 has not answered within 1m0s"}` {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
