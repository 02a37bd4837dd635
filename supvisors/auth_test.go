package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/rest"
	"github.com/supvisors/supvisors/rpc"
)

func TestRequireLogin(t *testing.T) {
	const sha = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d" // thepassword, as Supervisor's documentation has it
	tests := []struct {
		name               string
		username, password string // configured
		user, pass         string // given; none when both are empty
		want               int
	}{
		{"no login needed", "", "", "", "", 200},
		{"no login needed, one given", "", "", "u", "p", 200},
		{"plain", "u", "p", "u", "p", 200},
		{"no header", "u", "p", "", "", 401},
		{"wrong password", "u", "p", "u", "q", 401},
		{"longer password", "u", "p", "u", "pp", 401},
		{"empty password", "u", "p", "u", "", 401},
		{"wrong user", "u", "p", "v", "p", 401},
		{"colon in the password", "u", "p:q", "u", "p:q", 200},
		{"sha", "u", sha, "u", "thepassword", 200},
		{"sha in capitals", "u", "{SHA}" + strings.ToUpper(sha[5:]), "u", "thepassword", 200},
		{"sha, wrong password", "u", sha, "u", "password", 401},
		{"sha, the digest is not the password", "u", sha, "u", sha, 401},
		{"sha, nor without its mark", "u", sha, "u", sha[5:], 401},
		{"sha of nothing", "u", "{SHA}", "u", "", 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := requireLogin(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") }),
				config.Login{Username: test.username, Password: test.password}, rest.Owns)
			r := httptest.NewRequest("POST", "/RPC2", nil)
			if test.user+test.pass != "" {
				r.SetBasicAuth(test.user, test.pass)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.want || (w.Body.String() == "in") != (test.want == 200) {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if got := w.Header().Get("WWW-Authenticate"); test.want == 401 && got != `Basic realm="default"` {
				t.Errorf("WWW-Authenticate: %q", got)
			}
		})
	}
}

// REST clients are told in JSON that they must log in.
func TestLoginOfREST(t *testing.T) {
	h := requireLogin(http.NotFoundHandler(), config.Login{Username: "u", Password: "p"}, rest.Owns)
	for path, want := range map[string]string{"/supvisors/supvisors_state": `{"message": "Unauthorized"}` + "\n", "/RPC2": "Unauthorized\n", "/": "Unauthorized\n"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != http.StatusUnauthorized || w.Body.String() != want || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

// TestSignedRequests checks that a signature opens nothing but what nodes ask each other, and that a wrong one opens nothing.
func TestSignedRequests(t *testing.T) {
	p := newPlace(t)
	p.write("conf", strings.Replace(clustered, "port=127.0.0.1:@PORT@", "port=127.0.0.1:@PORT@\nusername=u\npassword=p", 1)+idle)
	p.write("rules.xml", "<root/>\n")
	d := p.start()
	self := "127.0.0.1:" + p.port
	ask := func(path, secret string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+self+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if secret != "" {
			gossip.NewTrust(secret, self).Sign(r, self, nil)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		resp, err := http.DefaultClient.Do(r.WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, test := range []struct {
		path, secret string
		want         func(int) bool
		wanted       string
	}{
		{"/cluster/events", "", func(c int) bool { return c == 401 }, "401 without a signature"},
		{"/cluster/events", "u:p", func(c int) bool { return c == 200 }, "200"},
		{"/cluster/events", "u:q", func(c int) bool { return c == 401 || c == 403 }, "a refusal of the wrong secret"},
		{"/logtail/idle", "u:p", func(c int) bool { return c == 401 }, "401 for what is not between nodes"},
		{"/cluster/../logtail/idle", "u:p", func(c int) bool { return c >= 300 }, "no way round"},
		{"/RPC2", "u:p", func(c int) bool { return c == 401 }, "401 for what is not between nodes"},
	} {
		if code := ask(test.path, test.secret); !test.want(code) {
			t.Errorf("%s with secret %q: %d, wanted %s", test.path, test.secret, code, test.wanted)
		}
	}
	d.stop()
}

// TestCrossOrigin checks that a page of another site cannot act through the browser of somebody who may, and that programs can.
func TestCrossOrigin(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+idle)
	d := p.start()
	const body = "<methodCall><methodName>supervisor.getPID</methodName></methodCall>"
	for _, test := range []struct {
		name    string
		headers map[string]string
		want    int
	}{
		{"script", nil, 200},
		{"own page", map[string]string{"Origin": "http://127.0.0.1:" + p.port, "Sec-Fetch-Site": "same-origin"}, 200},
		{"own page in an old browser", map[string]string{"Origin": "http://127.0.0.1:" + p.port}, 200},
		{"other site", map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, 403},
		{"other site in an old browser", map[string]string{"Origin": "http://evil.example"}, 403},
		{"other port of this host", map[string]string{"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, 403},
		{"file", map[string]string{"Origin": "null"}, 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:"+p.port+"/RPC2", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/xml")
		for name, value := range test.headers {
			r.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.want {
			t.Errorf("%s: %s", test.name, resp.Status)
		}
	}
	d.stop()
}

// TestReadOnly has somebody at every door of a daemon who may look at everything and change nothing.
func TestReadOnly(t *testing.T) {
	p := newPlace(t)
	p.write("conf", base+"username=u\npassword=p\nread_only_username=guest\nread_only_password="+
		"{SHA}35675e68f4b5af7b995d9205ad0fc43842f16450"+ // of "guest"
		"\n[supervisorctl]\nserverurl=http://127.0.0.1:@PORT@\nusername=guest\npassword=guest\n"+idle+"startsecs=0\n")
	d := p.start()
	site := "http://127.0.0.1:" + p.port
	for _, tt := range []struct {
		verb, path string
		want       int
	}{
		{"GET", "/supervisor/getState", 200},
		{"GET", "/supervisor/readLog/0/10", 200},
		{"POST", "/supervisor/stopProcess/idle", 403},
		{"POST", "/supervisor/shutdown", 403},
		{"GET", "/ui/processes", 200},
		{"GET", "/ui/api/snapshot", 200},
		{"POST", "/ui/api/jobs", 403},
		{"GET", "/index.html", 200},
		{"GET", "/index.html?action=stop&processname=idle", 403},
		{"POST", "/index.html?action=stopall", 403},
		{"GET", "/tail.html?processname=idle", 200},
		{"GET", "/metrics", 200},
		{"POST", "/cluster/order", 401},
	} {
		if got := send(t, nil, tt.verb, site+tt.path, "Authorization", "guest:guest"); got.code != tt.want {
			t.Errorf("%s %s: %d %.200s", tt.verb, tt.path, got.code, got.text)
		}
	}
	if got := send(t, nil, "GET", site+"/supervisor/getState", "Authorization", "guest:p"); got.code != 401 {
		t.Errorf("with the password of another: %d", got.code)
	}
	client, err := rpc.NewClient(rpc.ClientConfig{URL: site, User: "guest", Password: "guest"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var state string
	if err := client.Call(t.Context(), "supervisor.getSupervisorVersion", &state); err != nil {
		t.Error(err)
	}
	for method, args := range map[string][]any{"supervisor.stopAllProcesses": {}, "supervisor.restart": {}, "supervisor.addProcessGroup": {"idle"},
		"supervisor.sendProcessStdin": {"idle", "x"}, "supervisor.clearLog": {}} {
		if err := client.Call(t.Context(), method, nil, args...); rpc.AsFault(err).Code != rpc.Forbidden {
			t.Errorf("%s: %v", method, err)
		}
	}
	call := func(method string, args ...any) rpc.Map {
		return rpc.Map{{Name: "methodName", Value: method}, {Name: "params", Value: args}}
	}
	var results []any
	if err := client.Call(t.Context(), "system.multicall", &results, []any{call("supervisor.getPID"), call("supervisor.stopProcess", "idle")}); err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || fmt.Sprint(results[0]) != fmt.Sprint(d.cmd.Process.Pid) || !strings.Contains(fmt.Sprint(results[1]), "FORBIDDEN") {
		t.Errorf("multicall: %v", results)
	}
	var info struct {
		State string `xmlrpc:"statename"`
	}
	if err := client.Call(t.Context(), "supervisor.getProcessInfo", &info, "idle"); err != nil || info.State != "RUNNING" {
		t.Errorf("in the end idle is %s, %v", info.State, err)
	}
	d.stop()
	p.clean()
}
