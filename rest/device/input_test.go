package device_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/rest/device"
)

const formKind, jsonKind = "application/x-www-form-urlencoded", "application/json"

// What bodies say: JSON or a form, with the forms that flags and numbers have.
func TestBodies(t *testing.T) {
	for _, tt := range []struct{ kind, body, want string }{
		{jsonKind, `{"appId":1002,"force":true}`, "RestartApp web force"},
		{jsonKind, `{"appId":1002,"force":1}`, "RestartApp web force"},
		{jsonKind, `{"appId":1002,"force":"1"}`, "RestartApp web force"},
		{jsonKind, `{"appId":1002,"force":"true"}`, "RestartApp web force"},
		{jsonKind, `{"appId":1002,"force":"on"}`, "RestartApp web force"},
		{jsonKind, `{"appId":1002,"force":"yes"}`, "RestartApp web"},
		{jsonKind, `{"appId":1002,"force":2}`, "RestartApp web"},
		{jsonKind, `{"appId":1002,"force":0}`, "RestartApp web"},
		{jsonKind, `{"appId":1002,"force":false}`, "RestartApp web"},
		{jsonKind, `{"appId":1002,"force":null}`, "RestartApp web"},
		{jsonKind, `{"appId":1002,"force":[true]}`, "RestartApp web"},
		{jsonKind, `{"appId":"1002"}`, "RestartApp web"},
		{jsonKind, ` {"appId": 1002.0} `, "RestartApp web"},
		{jsonKind, `{"appId":1.002e3}`, "RestartApp web"},
		{jsonKind + "; charset=utf-8", `{"appId":"web"}`, "RestartApp web"},
		{"", `{"appId":"web"}`, "RestartApp web"},
		{formKind, `{"appId":"web"}`, "RestartApp web"},
		{"text/plain", `{"appId":"web"}`, "RestartApp web"},
		{formKind, "appId=web", "RestartApp web"},
		{formKind, "appId=1002&force=true&appId=grp", "RestartApp web force"},
		{formKind, "appId=%77eb&force=on", "RestartApp web force"},
		{formKind, "appId=web&force=yes", "RestartApp web"},
		{formKind, "", "400 Missing app id"},
		{formKind, "force=true", "400 Missing app id"},
		{formKind, "appId=", "400 Missing app id"},
		{jsonKind, "  \n", "400 Missing app id"},
		{jsonKind, `{"appId":null}`, "400 Missing app id"},
		{jsonKind, `{"appId":""}`, "400 Missing app id"},
		{jsonKind, `{"appid":"web"}`, "400 Missing app id"},
		{jsonKind, `{"appId":-1}`, "400 App not found"},
		{jsonKind, `{"appId":9223372036854775807}`, "400 App not found"},
		{jsonKind, `{"appId":99999999999999999999}`, "400 appId must be a number or a name"},
		{jsonKind, `{"appId":1e400}`, "400 appId must be a number or a name"},
		{jsonKind, `{"appId":1002.5}`, "400 appId must be a number or a name"},
		{jsonKind, `{"appId":true}`, "400 appId must be a number or a name"},
		{jsonKind, `{"appId":["web"]}`, "400 appId must be a number or a name"},
		{jsonKind, `{"appId":{"id":1}}`, "400 appId must be a number or a name"},
		{jsonKind, `{"appId":"web"`, "400 the body is not JSON: "},
		{jsonKind, `{"appId":"web"} {}`, "400 the body is not JSON: something follows the object"},
		{jsonKind, `{"appId":"web",}`, "400 the body is not JSON: "},
		{jsonKind, `{"a":` + strings.Repeat("[", 20000), "400 the body is not JSON: "},
		{jsonKind, `["web"]`, "400 the body is neither a JSON object nor a form"},
		{jsonKind, `null`, "400 the body is neither a JSON object nor a form"},
		{jsonKind, `appId=web`, "400 the body is neither a JSON object nor a form"},
		{"", `appId=web`, "400 the body is neither a JSON object nor a form"},
		{"text/xml", `<a/>`, "400 the body is neither a JSON object nor a form"},
		{formKind, "appId=%zz", "400 the body is not a form: "},
		{formKind, "appId=web;force=1", "400 the body is not a form: "},
		{formKind, "appId=" + strings.Repeat("a", 1<<20), "413 Request Entity Too Large"},
		{jsonKind, strings.Repeat(" ", 1<<20) + "{}", "413 Request Entity Too Large"},
	} {
		s := newSite(t, nil)
		got := s.do("POST", "/v1/restart?apikey=global", tt.body, "Content-Type", tt.kind)
		calls := strings.Join(s.Taken(), "; ")
		if status, text, _ := strings.Cut(tt.want, " "); status == "RestartApp" {
			if got.StatusCode != 200 || calls != tt.want {
				t.Errorf("%s %.60s: %s %q [%s]", tt.kind, tt.body, got.Status, got.Text, calls)
			}
		} else if fmt.Sprint(got.StatusCode) != status || !strings.HasPrefix(got.Text, text) || got.Kind() != "text" || calls != "" {
			t.Errorf("%s %.60s: %s %s %.80q [%s]", tt.kind, tt.body, got.Status, got.Kind(), got.Text, calls)
		}
	}
}

// A broken body stops each route that reads one, in its own shape; the others do not look.
func TestBrokenBodies(t *testing.T) {
	s := newSite(t, nil)
	for _, tt := range []struct {
		request string
		status  int
		kind    string
	}{
		{"POST /v1/update", 400, "text"}, {"POST /v1/restart", 400, "text"}, {"POST /v1/purge", 400, "text"}, {"POST /v1/apps/web/stop", 400, "text"},
		{"PATCH /v1/device/host-config", 400, "text"}, {"POST /v1/reboot", 400, "json"}, {"POST /v1/shutdown", 400, "json"}, {"POST /supervisor/ping", 400, "json"},
		{"POST /v1/blink", 200, "text"}, {"POST /v1/apps/web/start", 200, "json"}, {"DELETE /v1/tcp-ping", 204, ""},
	} {
		verb, target, _ := strings.Cut(tt.request, " ")
		got := s.do(verb, target+"?apikey=global", "{", "Content-Type", jsonKind)
		if calls := s.Taken(); got.StatusCode != tt.status || got.Kind() != tt.kind || (calls == nil) != (tt.status == 400) {
			t.Errorf("%s: %s %s %q %q", tt.request, got.Status, got.Kind(), got.Text, calls)
		}
		if tt.kind == "json" && tt.status == 400 && !strings.HasPrefix(got.Text, `{"Data":"","Error":"the body is not JSON: `) {
			t.Errorf("%s: %s", tt.request, got.Text)
		}
	}
}

// Host names and proxies: what is absent stays, what is empty is the default again, and nothing breaks out of a file.
func TestHostConfigChanges(t *testing.T) {
	full := `"type":"socks5","ip":"10.0.0.9","port":8123`
	long := strings.Repeat("a", 63)
	for _, tt := range []struct{ network, want string }{
		{`{}`, `SetHostConfig`},
		{`{"hostname":"n2"}`, `SetHostConfig "n2"`},
		{`{"hostname":"` + long + `.N-2.example"}`, `SetHostConfig "` + long + `.N-2.example"`},
		{`{"hostname":""}`, `SetHostConfig ""`},
		{`{"hostname":null,"proxy":null}`, `SetHostConfig "" {  0   []}`},
		{`{"hostname":{},"proxy":{}}`, `SetHostConfig "" {  0   []}`},
		{`{"proxy":""}`, `SetHostConfig {  0   []}`},
		{`{"proxy":{` + full + `}}`, `SetHostConfig {socks5 10.0.0.9 8123 me old [10.0.0.0/8]}`},
		{`{"proxy":{"port":"80"}}`, `SetHostConfig {http-relay 10.0.0.1 80 me old [10.0.0.0/8]}`},
		{`{"proxy":{"login":null,"password":"p;w #1"}}`, `SetHostConfig {http-relay 10.0.0.1 3128  p;w #1 [10.0.0.0/8]}`},
		{`{"proxy":{"ip":"fe80::1","noProxy":[]}}`, `SetHostConfig {http-relay fe80::1 3128 me old []}`},
		{`{"proxy":{"ip":"proxy.example","noProxy":["a","10.1.0.0/16"]}}`, `SetHostConfig {http-relay proxy.example 3128 me old [a 10.1.0.0/16]}`},
		{`{"proxy":{"noProxy":null}}`, `SetHostConfig {http-relay 10.0.0.1 3128 me old []}`},
		{`null`, "network"}, {`[]`, "network"}, {`"x"`, "network"},
		{`{"hostname":"bad name!"}`, "hostname"}, {`{"hostname":"a..b"}`, "hostname"}, {`{"hostname":"-a"}`, "hostname"}, {`{"hostname":"a-"}`, "hostname"},
		{`{"hostname":"a_b"}`, "hostname"}, {`{"hostname":"` + long + `b"}`, "hostname"}, {`{"hostname":"é"}`, "hostname"}, {`{"hostname":"a\n"}`, "hostname"},
		{`{"hostname":"` + strings.Repeat("a.", 127) + `"}`, "hostname"}, {`{"hostname":5}`, "hostname"}, {`{"hostname":["a"]}`, "hostname"}, {`{"hostname":{"a":1}}`, "hostname"},
		{`{"proxy":"socks5"}`, "proxy"}, {`{"proxy":[]}`, "proxy"}, {`{"proxy":false}`, "proxy"},
		{`{"proxy":{"type":"ftp"}}`, "type"}, {`{"proxy":{"type":null}}`, "type"}, {`{"proxy":{"type":5}}`, "type"},
		{`{"proxy":{"ip":"10.0.0.9\";"}}`, "ip"}, {`{"proxy":{"ip":"a b"}}`, "ip"}, {`{"proxy":{"ip":""}}`, "ip"},
		{`{"proxy":{"port":0}}`, "port"}, {`{"proxy":{"port":65536}}`, "port"}, {`{"proxy":{"port":-1}}`, "port"}, {`{"proxy":{"port":1.5}}`, "port"},
		{`{"proxy":{"port":"x"}}`, "port"}, {`{"proxy":{"port":true}}`, "port"}, {`{"proxy":{"port":null}}`, "port"},
		{`{"proxy":{"login":"a\"; }"}}`, "login"}, {`{"proxy":{"login":"a\\"}}`, "login"}, {`{"proxy":{"password":"a\nb"}}`, "password"}, {`{"proxy":{"password":"\u2028"}}`, "password"},
		{`{"proxy":{"password":7}}`, "password"}, {`{"proxy":{"noProxy":"a"}}`, "noProxy"}, {`{"proxy":{"noProxy":["a b"]}}`, "noProxy"},
		{`{"proxy":{"noProxy":["a\n10.0.0.0/8"]}}`, "noProxy"}, {`{"proxy":{"noProxy":[""]}}`, "noProxy"}, {`{"proxy":{"noProxy":[1]}}`, "noProxy"},
	} {
		s := newSite(t, nil)
		s.proxy = &device.Proxy{Type: "http-relay", IP: "10.0.0.1", Port: 3128, Login: "me", Password: "old", NoProxy: []string{"10.0.0.0/8"}}
		got := s.do("PATCH", "/v1/device/host-config?apikey=global", `{"network":`+tt.network+`}`)
		calls := strings.Join(s.Taken(), "; ")
		if strings.HasPrefix(tt.want, "Set") {
			if got.StatusCode != 200 || got.Text != "OK" || calls != tt.want {
				t.Errorf("%s: %s %q [%s]", tt.network, got.Status, got.Text, calls)
			}
		} else if got.StatusCode != 400 || !strings.HasPrefix(got.Text, tt.want) || got.Kind() != "text" || calls != "" {
			t.Errorf("%s: %s %q [%s]", tt.network, got.Status, got.Text, calls)
		}
	}
	s := newSite(t, nil)
	s.try([]example{
		{"PATCH /v1/device/host-config{}", `{"network":{"hostname":"n2"},"force":"on"}`, 200, "text", "OK", `SetHostConfig "n2" force`},
		{"PATCH /v1/device/host-config{}", `{"network":{"proxy":{"port":1}}}`, 400, "text", "type of the proxy must be one of socks4, socks5, http-connect, http-relay", ""},
		{"PATCH /v1/device/host-config{}", `{}`, 400, "text", "network must be an object", ""},
		{"PATCH /v1/device/host-config{}", `network=x`, 400, "text", "network must be an object", ""},
	})
}

// A client that is too slow with its body is told so; one without a key is not waited for.
func TestSlowBodies(t *testing.T) {
	s := newSite(t, func(c *device.Config) { c.BodyTimeout = 50 * time.Millisecond })
	slow := doortest.Dial(t, s.url, "POST /v1/restart?apikey=global HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n{\"appId\":")
	data, err := io.ReadAll(slow) // the server ends it
	if got := string(data); err != nil || !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "Connection: close") || !strings.HasSuffix(got, "\r\n\r\nRequest Timeout") {
		t.Errorf("%q %v", got, err)
	}
	stranger := doortest.Dial(t, s.url, "POST /v1/restart HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n{")
	line := make([]byte, len("HTTP/1.1 401"))
	if _, err := io.ReadFull(stranger, line); err != nil || string(line) != "HTTP/1.1 401" {
		t.Errorf("%q %v", line, err)
	}
	if calls := s.Taken(); calls != nil {
		t.Error(calls)
	}
}

// waiting is a node whose restarts end with their context.
type waiting struct {
	*fake
	doortest.Wait
}

func (w waiting) RestartApp(ctx context.Context, _ string, _ bool) error { return w.For(ctx) }

// A client that leaves ends the waiting of its call.
func TestLeavingClients(t *testing.T) {
	node := waiting{newFake(), doortest.NewWait()}
	s := newSite(t, func(c *device.Config) { c.Device = node })
	node.Leave(t, "POST", s.url+"/v1/restart?apikey=global", `{"appId":7}`)
}

// Whatever a body says: no panic, a status that a client can understand, and calls for applications alone that exist.
func FuzzBody(f *testing.F) {
	for _, seed := range []struct{ kind, body string }{
		{jsonKind, `{"appId":1002,"force":true}`}, {formKind, "appId=web&force=on"}, {jsonKind, `{"appId":1e3,"data":{"a":[1,null]},"uuid":"u1"}`},
		{jsonKind, `{"network":{"hostname":"n2","proxy":{"type":"socks5","ip":"10.0.0.9","port":"8123","login":"a","noProxy":["b"]}}}`},
		{formKind, `uuid=u1&data={"force":true}&method=get`}, {jsonKind, `{"deviceId":"11","appId":"grp","all":1}`}, {"", "\xff{}"}, {formKind, "%zz"},
	} {
		f.Add(seed.kind, seed.body, "web")
		f.Add(seed.kind, seed.body, "a%2Fb%20c%25")
	}
	node := newFake()
	node.nodes = []device.Node{{UUID: "u1", DeviceID: 11, Identifier: "n1", Local: true}}
	h, err := device.New(device.Config{Device: node})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, body, app string) {
		for _, request := range []string{"POST /v1/restart", "POST /v1/purge", "POST /v1/update", "PATCH /v1/device/host-config", "POST /supervisor/v1/update",
			"POST /v1/apps/" + app + "/stop", "GET /v1/apps/" + app} {
			verb, target, _ := strings.Cut(request, " ")
			r, err := http.NewRequest(verb, target, strings.NewReader(body))
			if err != nil {
				continue // net/http refuses such a path before us
			}
			r.Header.Set("Authorization", "ApiKey global")
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			calls := node.Taken()
			if w.Code < 200 || w.Code >= 500 || len(calls) > 1 || w.Code >= 400 && len(calls) > 0 {
				t.Errorf("%s: %d %q", request, w.Code, calls)
			}
			for _, call := range calls {
				words := strings.SplitN(strings.TrimSuffix(call, " force"), " ", 2)
				switch words[0] {
				case "Update", "SetHostConfig":
					continue
				}
				if name := words[1]; name != "web" && name != "grp" && name != "a/b c%" {
					t.Errorf("%s: %q", request, call)
				}
			}
		}
	})
}
