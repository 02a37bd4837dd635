package device_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/rest/device"
)

// Who may what: each route with each kind of key, in the order none, wrong, global, read, its own, another's.
func TestKeys(t *testing.T) {
	keys := []string{"", "wrong", "global", "read", "web", "grp"}
	for _, tt := range []struct {
		request, body string
		statuses      [6]int
	}{
		{"GET /ping", "", [6]int{200, 200, 200, 200, 200, 200}},
		{"GET /v1/healthy", "", [6]int{200, 200, 200, 200, 200, 200}},
		{"POST /v1/blink", "", [6]int{401, 401, 200, 401, 200, 200}},
		{"POST /v1/update", "", [6]int{401, 401, 204, 401, 204, 204}},
		{"POST /v1/reboot", "", [6]int{401, 401, 202, 401, 401, 401}},
		{"POST /v1/shutdown", "", [6]int{401, 401, 202, 401, 401, 401}},
		{"POST /v1/purge", `{"appId":"web"}`, [6]int{401, 401, 200, 401, 200, 401}},
		{"POST /v1/restart", `{"appId":"web"}`, [6]int{401, 401, 200, 401, 200, 401}},
		{"POST /v1/tcp-ping", "", [6]int{401, 401, 204, 401, 401, 401}},
		{"DELETE /v1/tcp-ping", "", [6]int{401, 401, 204, 401, 401, 401}},
		{"POST /v1/regenerate-api-key", "", [6]int{401, 401, 200, 401, 200, 200}},
		{"GET /v1/device", "", [6]int{401, 401, 200, 200, 200, 200}},
		{"GET /v1/device/host-config", "", [6]int{401, 401, 200, 200, 401, 401}},
		{"PATCH /v1/device/host-config", `{"network":{}}`, [6]int{401, 401, 200, 401, 401, 401}},
		{"GET /v1/apps/1002", "", [6]int{401, 401, 200, 200, 200, 401}},
		{"POST /v1/apps/web/start", "", [6]int{401, 401, 200, 401, 200, 401}},
		{"POST /v1/apps/1002/stop", "", [6]int{401, 401, 200, 401, 200, 401}},
		{"POST /supervisor/v1/device", `{"uuid":"u1","method":"GET"}`, [6]int{401, 401, 200, 401, 401, 401}},
	} {
		for i, key := range keys {
			verb, target, _ := strings.Cut(tt.request, " ")
			for _, headers := range [][]string{{"Authorization", "ApiKey " + key}, {"Authorization", "bearer  " + key}, {"Query", key}, {"Authorization", "APIKEY " + key, "Query", ""}} {
				if key == "" && headers[0] == "Authorization" {
					headers = nil
				}
				s := newSite(t, nil) // a key that is regenerated is gone
				s.nodes = []device.Node{{UUID: "u1", Local: true}}
				path := target
				if len(headers) > 0 && headers[len(headers)-2] == "Query" {
					path += "?apikey=" + headers[len(headers)-1]
				}
				got := s.do(verb, path, tt.body, headers...)
				acted := s.Taken() != nil
				if got.StatusCode != tt.statuses[i] || got.StatusCode == 401 && acted {
					t.Errorf("%s with %q by %v: %s %q, wanted %d", tt.request, key, headers, got.Status, got.Text, tt.statuses[i])
				}
				if want := http.StatusText(http.StatusUnauthorized); got.StatusCode == 401 && (!strings.Contains(got.Text, want) || got.Header.Get("WWW-Authenticate") == "") {
					t.Errorf("%s with %q: %q %v", tt.request, key, got.Text, got.Header)
				}
			}
		}
	}
}

// Only the global key and that of the application see what is secret.
func TestSecrets(t *testing.T) {
	s := newSite(t, func(c *device.Config) { c.TrustLoopback = true })
	s.proxy = &device.Proxy{Type: "socks5", IP: "10.0.0.9", Port: 8123, Login: "me", Password: "<secret>", NoProxy: []string{"10.0.0.0/8"}}
	for _, tt := range []struct {
		target, key string
		shown       bool
	}{
		{"/v1/apps/web", "?apikey=global", true}, {"/v1/apps/web", "?apikey=web", true}, {"/v1/apps/web", "?apikey=read", false}, {"/v1/apps/web", "", false},
		{"/v1/device/host-config", "?apikey=global", true}, {"/v1/device/host-config", "?apikey=read", false}, {"/v1/device/host-config", "", false},
	} {
		got := s.do("GET", tt.target+tt.key, "")
		if got.StatusCode != 200 || strings.Contains(got.Text, "<secret>") != tt.shown || strings.Contains(got.Text, "****") == tt.shown {
			t.Errorf("%s%s: %s %s", tt.target, tt.key, got.Status, got.Text)
		}
	}
	login := newSite(t, func(c *device.Config) { c.Login = func(string, string) bool { return true } })
	if got := login.do("GET", "/v1/apps/web", "", "Authorization", "Basic dTpw"); !strings.Contains(got.Text, "<secret>") {
		t.Errorf("with a password: %s %s", got.Status, got.Text)
	}
	want := `{"network":{"proxy":{"type":"socks5","ip":"10.0.0.9","port":"8123","login":"me","password":"<secret>","noProxy":["10.0.0.0/8"]},"hostname":"h1"}}`
	if got := s.do("GET", "/v1/device/host-config?apikey=global", ""); got.Text != want {
		t.Error(got.Text)
	}
}

// A key in the query comes first, an empty one is none, and what is no key opens nothing.
func TestCredentials(t *testing.T) {
	s := newSite(t, func(c *device.Config) {
		c.Login = func(user, password string) bool { return user == "u" && password == "p" }
	})
	for _, tt := range []struct {
		query, header string
		status        int
	}{
		{"?apikey=global", "ApiKey wrong", 200},
		{"?apikey=wrong", "ApiKey global", 401},
		{"?apikey=", "Bearer global", 200},
		{"?apikey=", "", 401},
		{"?apikey=global&apikey=wrong", "", 200},
		{"?apiKey=global", "", 401},
		{"", "global", 401},
		{"", "Token global", 401},
		{"", "ApiKey", 401},
		{"", " ApiKey global ", 200},
		{"", "Basic dTpw", 200}, // u:p
		{"", "basic dTpw", 200},
		{"", "Basic dTp4", 401},
		{"", "Basic !", 401},
	} {
		if got := s.do("GET", "/v1/device"+tt.query, "", "Authorization", tt.header); got.StatusCode != tt.status {
			t.Errorf("%s %q: %s", tt.query, tt.header, got.Status)
		}
	}
	if got := newSite(t, nil).do("GET", "/v1/device", "", "Authorization", "Basic dTpw"); got.StatusCode != 401 {
		t.Errorf("without users: %s", got.Status)
	}
}

// Who calls from this machine may do without a key where it is trusted, unless a stranger may be behind it.
func TestLoopback(t *testing.T) {
	trust := func(c *device.Config) { c.TrustLoopback, c.Hosts = true, []string{"node1"} }
	for _, tt := range []struct {
		change          func(*device.Config)
		remote, host    string
		header, content string
		status          int
	}{
		{nil, "127.0.0.1:1", "127.0.0.1:48484", "", "", 401},
		{trust, "127.0.0.1:1", "127.0.0.1:48484", "", "", 204},
		{trust, "[::1]:1", "[::1]:48484", "", "", 204},
		{trust, "[::ffff:127.0.0.1]:1", "localhost", "", "", 204},
		{trust, "127.0.0.1:1", "Node1.:48484", "", "", 204},
		{trust, "127.0.0.1:1", "", "", "", 204},
		{trust, "127.0.0.1:1", "evil.example", "", "", 401},
		{trust, "127.0.0.1:1", "node1.evil.example", "", "", 401},
		{trust, "10.0.0.1:1", "127.0.0.1", "", "", 401},
		{trust, "", "127.0.0.1", "", "", 401},
		{trust, "127.0.0.1:1", "localhost", "X-Forwarded-For", "10.0.0.1", 401},
		{trust, "127.0.0.1:1", "localhost", "Forwarded", "for=10.0.0.1", 401},
		{trust, "127.0.0.1:1", "localhost", "Authorization", "ApiKey wrong", 401},
		{trust, "127.0.0.1:1", "localhost", "Authorization", "Token x", 401},
		{trust, "127.0.0.1:1", "localhost", "Origin", "http://evil.example", 403},
		{trust, "127.0.0.1:1", "localhost:1", "Origin", "http://localhost:1", 204},
	} {
		s := newSite(t, tt.change)
		r := httptest.NewRequest("POST", "/v1/update", nil)
		r.RemoteAddr, r.Host = tt.remote, tt.host
		if tt.header != "" {
			r.Header.Set(tt.header, tt.content)
		}
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		if w.Code != tt.status || (s.Taken() != nil) != (tt.status == 204) {
			t.Errorf("%s to %q, %s %s: %d", tt.remote, tt.host, tt.header, tt.content, w.Code)
		}
	}
	s := newSite(t, trust)
	if got := s.do("POST", "/v1/regenerate-api-key", ""); got.StatusCode != 401 || s.Taken() != nil {
		t.Errorf("a key for nobody: %s %s", got.Status, got.Text)
	}
}

// Who may open the socket of the daemon needs no key.
func TestUnixSocket(t *testing.T) {
	s := newSite(t, nil)
	resp, err := doortest.ServeUnix(t, s.h).Post("http://x/v1/blink", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if calls := s.Taken(); resp.StatusCode != 200 || len(calls) != 1 {
		t.Errorf("%s %v", resp.Status, calls)
	}
}

// Pages of other sites may look and not act, unless they are trusted; the log knows of them, and of no key.
func TestOrigins(t *testing.T) {
	var log bytes.Buffer
	s := newSite(t, func(c *device.Config) {
		c.Origins, c.Log = []string{"https://ops.example.com"}, slog.New(slog.NewTextHandler(&log, nil))
	})
	for _, tt := range []struct {
		verb, target, header, value string
		status                      int
	}{
		{"POST", "/v1/blink?apikey=global", "Origin", "http://evil.example", 403},
		{"POST", "/v1/blink?apikey=global", "Origin", "null", 403},
		{"DELETE", "/v1/tcp-ping?apikey=global", "Sec-Fetch-Site", "cross-site", 403},
		{"POST", "/v1/blink?apikey=global", "Origin", "https://ops.example.com", 200},
		{"POST", "/v1/blink?apikey=global", "Sec-Fetch-Site", "same-origin", 200},
		{"GET", "/v1/device?apikey=global", "Origin", "http://evil.example", 200},
	} {
		got := s.do(tt.verb, tt.target, "", tt.header, tt.value)
		if acted := s.Taken() != nil; got.StatusCode != tt.status || acted != (tt.status == 200) {
			t.Errorf("%s %s %s: %s", tt.verb, tt.target, tt.value, got.Status)
		}
	}
	s.Err = fmt.Errorf("broken")
	s.do("GET", "/v1/device?apikey=global", "")
	s.do("POST", "/supervisor/v1/device?apikey=global", `{"uuid":"u"}`)
	if text := log.String(); !strings.Contains(text, "evil.example") || !strings.Contains(text, "broken") || strings.Contains(text, "global") || strings.Contains(text, "apikey") {
		t.Error(text)
	}
	if _, err := device.New(device.Config{Device: s.fake, Door: device.Door{Origins: []string{"nonsense"}}}); err == nil {
		t.Error("an origin that is none is taken")
	}
}
