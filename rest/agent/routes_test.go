package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/rest/agent"
)

// paths are all there are, with their verbs, and a body that each but GET takes.
var paths = []struct{ verbs, path, body string }{
	{"GET", "/status", ""}, {"GET", "/status/workers", ""},
	{"DELETE GET PATCH POST", "/node", post}, {"GET PUT", "/node/configstate", `{"state":"configured"}`},
	{"GET POST", "/attribute", input(`{"A":1}`)}, {"DELETE GET PATCH POST PUT", "/attribute/a", input(`{"A":1}`)},
	{"GET", "/service", ""}, {"GET POST", "/service/config", `{"url":"web"}`}, {"GET POST", "/service/configstate", `{"configState":"active"}`}, {"GET", "/service/policy", ""},
	{"GET", "/agreement", ""}, {"DELETE GET", "/agreement/a", ""},
	{"GET", "/trust", ""}, {"DELETE GET PUT", "/trust/a.pem", ""}, {"GET", "/publickey", ""}, {"DELETE GET PUT", "/publickey/a.pem", ""},
	{"DELETE GET", "/eventlog", ""}, {"GET", "/eventlog/all", ""}, {"DELETE", "/eventlog/prune", ""},
}

const unauthorized = `{"error":"Unauthorized"}`

// newFull returns a site where every path finds something.
func newFull(t *testing.T, change func(*agent.Config)) *site {
	s := newSite(t, change)
	s.settings.Attributes = []agent.Attribute{{ID: "a", Type: agent.UserInput}}
	s.agreements = []agent.Agreement{{ID: "a"}}
	s.trusted["a.pem"] = "x"
	return s
}

// TestVerbs: every path with every verb; who may only read gets no further than to look.
func TestVerbs(t *testing.T) {
	count := 0
	for _, p := range paths {
		known := strings.Fields(p.verbs)
		allow := append(slices.Clone(known), "OPTIONS")
		if slices.Contains(known, "GET") {
			allow = append(allow, "HEAD")
		}
		count += len(known)
		for _, verb := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			for _, key := range []string{"", "wrong", "read", "global"} {
				s := newFull(t, nil)
				got := s.do(verb, p.path, p.body, "Authorization", strings.TrimSpace("ApiKey "+key))
				acted := slices.ContainsFunc(s.Taken(), func(call string) bool { return !strings.HasPrefix(call, "Events") })
				looks := verb == "GET" || verb == "HEAD"
				switch what := fmt.Sprintf("%s %s with %q: %s %s", verb, p.path, key, got.Status, got.Text); {
				case verb == "OPTIONS":
					if got.StatusCode != 200 || got.Text != "" || got.Header.Get("Allow") != strings.Join(allow, ", ") {
						t.Error(what, got.Header)
					}
				case !slices.Contains(allow, verb):
					if got.StatusCode != 405 || got.Text != `{"error":"the path does not take this verb"}` && verb != "HEAD" || got.Header.Get("Allow") != strings.Join(allow, ", ") {
						t.Error(what, got.Header)
					}
				case key == "global" || key == "read" && looks:
					if got.StatusCode == 401 || looks && acted || verb == "HEAD" && (got.Text != "" || got.ContentLength <= 0) {
						t.Error(what)
					}
				default:
					if got.StatusCode != 401 || got.Text != unauthorized && verb != "HEAD" || got.Header.Get("WWW-Authenticate") == "" || acted {
						t.Error(what)
					}
				}
				if got.Header.Get("Cache-Control") != "no-cache, no-store, must-revalidate" || got.Header.Get("Pragma") != "no-cache, no-store" || got.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s %s: %v", verb, p.path, got.Header)
				}
			}
		}
	}
	if count != 28+3+4+1 { // the extras, the other name of the trust store, and POST with an id
		t.Errorf("%d routes", count)
	}
}

// TestFailures: every kind of error through every route that asks the node for something that can fail.
func TestFailures(t *testing.T) {
	broken := errors.New("disk full")
	for _, tt := range []struct {
		err        error
		status     int
		kind, text string
	}{
		{&agent.BadInput{Input: "i", Text: "<t>"}, 400, "json", refusal("<t>", "i")},
		{&agent.BadSelection{Text: "t"}, 400, "json", refusal("t", "selection")},
		{&agent.NotFound{Input: "i", Text: "t"}, 404, "json", refusal("t", "i")},
		{&agent.Forbidden{Input: "i", Text: "t"}, 403, "json", refusal("t", "i")},
		{&agent.WrongState{Text: "t"}, 400, "text", "t"},
		{&agent.Conflict{Text: "t"}, 409, "text", "t"},
		{&agent.NotRegistered{}, 0, "json", gone},
		{fmt.Errorf("store: %w", broken), 500, "text", "store: disk full"},
		{fmt.Errorf("wrapped: %w", &agent.NotFound{Input: "i", Text: "t"}), 404, "json", refusal("t", "i")},
	} {
		for _, request := range []string{
			"GET /status", "GET /status/workers", "POST /node " + post, `PATCH /node {"token":"t"}`, "DELETE /node", `PUT /node/configstate {"state":"configured"}`,
			"POST /attribute " + input(`{"A":1}`), "PUT /attribute/a " + input(`{"A":1}`), `PATCH /attribute/a {"type":"UserInputAttributes"}`, "DELETE /attribute/a",
			"GET /service", `POST /service/config {"url":"web"}`, `POST /service/configstate {"configState":"active"}`, "GET /service/policy",
			"GET /agreement", "GET /agreement/a", "DELETE /agreement/a", "GET /trust", "GET /trust/a.pem", "DELETE /trust/a.pem", "GET /publickey",
			"GET /eventlog", "GET /eventlog/all", "DELETE /eventlog", "DELETE /eventlog/prune",
		} {
			s := newFull(t, nil)
			s.Err = tt.err
			verb, target, _ := strings.Cut(request, " ")
			target, body, _ := strings.Cut(target, " ")
			s.setNode(func(n *agent.Node) {
				n.State = agent.Configuring
				n.Registered = request != "POST /node "+post
			})
			status := tt.status
			switch asksForNode := strings.HasPrefix(target, "/attribute") || strings.HasPrefix(target, "/service"); {
			case status == 0 && asksForNode:
				status = 424
			case status == 0:
				status = 404
			case status == 500 && request == "DELETE /node":
				status = 503
			}
			got := s.do(verb, target, body)
			if got.StatusCode != status || got.Kind() != tt.kind || got.Text != tt.text {
				t.Errorf("%s: %T is %s %s %q", request, tt.err, got.Status, got.Kind(), got.Text)
			}
			if logged := strings.Contains(s.log.String(), "disk full"); logged != (status >= 500) {
				t.Errorf("%s: %T is logged: %t", request, tt.err, logged)
			}
		}
	}
}

// TestPaths: what is no path of this API, and segments that are written with escapes.
func TestPaths(t *testing.T) {
	s := newFull(t, nil)
	s.settings.Attributes[0].ID = "a/b c%"
	none := refusal("there is no such path", "url")
	for _, path := range []string{"/", "/nodes", "/node/", "/Node", "/node/configState", "/status/workers/x", "/attribute/", "/attribute/a/b", "/service/", "/service/x", "/agreement/a/b", "/trust/", "/eventlog/x"} {
		s.try([]example{{"GET " + path, "", 404, "json", none, ""}})
	}
	s.try([]example{
		{"GET /attribute/a%2Fb%20c%25", "", 200, "json", `{"attributes":[{"id":"a/b c%",…`, ""},
		{"GET /attribute/a%00", "", 400, "json", refusal("the path cannot be read", "id"), ""},
		{"DELETE /attribute/..%2F..%2Fx", "", 200, "", "", ""},
	})
	for path, owns := range map[string]bool{
		"/status": true, "/status/workers": true, "/node": true, "/node/x": true, "/attribute": true, "/attribute/x": true, "/service": true, "/service/config": true, "/agreement/x": true,
		"/trust": true, "/trust/x": true, "/publickey": true, "/eventlog": true, "/eventlog/all": true, "/": false, "": false, "status": false, "/nodes": false, "/services": false, "/statusx": false,
		"/supervisor": false, "/supervisor/getState": false, "/supvisors/x": false, "/v1": false, "/v1/node": false, "/system/listMethods": false, "/rpc/node": false, "/metrics": false, "/events": false, "/event": false, "/ping": false, "//node": false,
	} {
		if agent.Owns(path) != owns {
			t.Errorf("owns %s: %t", path, !owns)
		}
	}
	for _, p := range paths {
		if !agent.Owns(p.path) {
			t.Errorf("%s is not its own", p.path)
		}
	}
}

// TestBodies: what is too long, too slow or called by a wrong name.
func TestBodies(t *testing.T) {
	cert, _, _ := certificate(t)
	large := refusal("the body is too large", "body")
	s := newFull(t, nil)
	for _, p := range []string{"POST /attribute", "PUT /attribute/a", "PATCH /attribute/a", "PATCH /node", "POST /node", "PUT /node/configstate", "POST /service/config", "POST /service/configstate"} {
		s.try([]example{{p, strings.Repeat(" ", 1<<20) + "{}", 413, "json", large, ""}})
	}
	s.try([]example{
		{"PUT /trust/a.pem", strings.Repeat("x\n", 1<<20) + cert, 200, "", "", "WriteTrusted a.pem"},
		{"PUT /trust/a.pem", strings.Repeat("x\n", 5<<20) + cert, 413, "json", large, ""},
	})
	for _, kind := range []string{"application/json", "text/plain", "application/json; charset=utf-8", "", "nonsense;;"} {
		if got := s.do("POST", "/service/configstate", ` {"configState":"active"} `, "Content-Type", kind); got.StatusCode != 200 {
			t.Errorf("%q: %s %s", kind, got.Status, got.Text)
		}
	}
	s.Taken()
	s.try([]example{
		{"POST /service/configstate", "{\"configState\":\"act\xffive\"}", 400, "json", `{"error":"Supported…`, ""},
		{"POST /service/configstate", `{"configState":` + strings.Repeat("[", 20000), 400, "json", `{"error":"the body is not JSON: …`, ""},
	})
}

// TestDocument: every route is in the document, and nothing else.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/agent-api.md")
	if err != nil {
		t.Fatal(err)
	}
	var told, known []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z]+ /[^`]*)` \\|.* \\| `\\$C .*\\$A(/[a-z/]+).*` \\|$").FindAllStringSubmatch(string(data), -1) {
		told = append(told, row[1])
		if path := strings.TrimRight(strings.TrimRight(row[1], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "/"); !strings.HasPrefix(row[2], path[strings.Index(path, "/"):]) {
			t.Errorf("%s is shown with %s", row[1], row[2])
		}
	}
	for _, p := range paths {
		path := strings.Replace(p.path, "/a.pem", "/FILE", 1)
		if base, one := strings.CutSuffix(path, "/a"); one {
			path = base + "/ID"
		}
		for verb := range strings.FieldsSeq(p.verbs) {
			if !strings.HasPrefix(path, "/publickey") && verb+path != "POST/attribute/ID" {
				known = append(known, verb+" "+path)
			}
		}
	}
	slices.Sort(told)
	slices.Sort(known)
	if !slices.Equal(told, known) {
		t.Errorf("told  %v\nknown %v", told, known)
	}
}

// TestSlowBodies: a client that is too slow is told so; one without a key is not waited for.
func TestSlowBodies(t *testing.T) {
	s := newSite(t, func(c *agent.Config) { c.BodyTimeout = 50 * time.Millisecond })
	slow := doortest.Dial(t, s.url, "PUT /node/configstate?apikey=global HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n{\"state\":")
	data, err := io.ReadAll(slow) // the server ends it
	if got := string(data); err != nil || !strings.HasPrefix(got, "HTTP/1.1 408 ") || !strings.Contains(got, "Connection: close") || !strings.HasSuffix(got, refusal("the body takes too long", "body")) {
		t.Errorf("%q %v", got, err)
	}
	for _, key := range []string{"", "?apikey=read"} {
		stranger := doortest.Dial(t, s.url, "PUT /node/configstate"+key+" HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n{")
		line := make([]byte, len("HTTP/1.1 401"))
		if _, err := io.ReadFull(stranger, line); err != nil || string(line) != "HTTP/1.1 401" {
			t.Errorf("%q %v", line, err)
		}
	}
	cut := doortest.Dial(t, s.url, "PUT /node/configstate?apikey=global HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
	line := make([]byte, len("HTTP/1.1 400"))
	if _, err := io.ReadFull(cut, line); err != nil || string(line) != "HTTP/1.1 400" || s.Taken() != nil {
		t.Errorf("%q %v", line, err)
	}
}

// TestCallers: keys, passwords, and who needs none.
func TestCallers(t *testing.T) {
	with := func(c *agent.Config) {
		c.Login = func(user, password string) bool { return user == "u" && password == "p" }
	}
	trust := func(c *agent.Config) { c.TrustLoopback, c.Hosts = true, []string{"node1"} }
	for _, tt := range []struct {
		change              func(*agent.Config)
		query, remote, host string
		header, content     string
		status              int
	}{
		{nil, "?apikey=global", "", "", "Authorization", "ApiKey wrong", 200}, {nil, "?apikey=wrong", "", "", "Authorization", "ApiKey global", 401}, {nil, "?apikey=", "", "", "Authorization", "Bearer global", 200},
		{nil, "?apikey=", "", "", "", "", 401}, {nil, "", "", "", "Authorization", "apikey global", 200}, {nil, "", "", "", "Authorization", "global", 401}, {nil, "", "", "", "Authorization", "Basic dTpw", 401},
		{with, "", "", "", "Authorization", "Basic dTpw", 200}, {with, "", "", "", "Authorization", "Basic dTp4", 401}, {with, "", "", "", "Authorization", "Basic !", 401}, {with, "", "127.0.0.1:1", "localhost", "", "", 401},
		{trust, "", "127.0.0.1:1", "127.0.0.1:8510", "", "", 200}, {trust, "", "[::1]:1", "[::1]:8510", "", "", 200}, {trust, "", "[::ffff:127.0.0.1]:1", "localhost", "", "", 200}, {trust, "", "127.0.0.1:1", "Node1.:8510", "", "", 200},
		{trust, "", "127.0.0.1:1", "evil.example", "", "", 401}, {trust, "", "10.0.0.1:1", "127.0.0.1", "", "", 401}, {trust, "", "127.0.0.1:1", "localhost", "X-Forwarded-For", "10.0.0.1", 401},
		{trust, "", "127.0.0.1:1", "localhost", "Forwarded", "for=10.0.0.1", 401}, {trust, "", "127.0.0.1:1", "localhost", "Authorization", "Bearer wrong", 401}, {trust, "", "127.0.0.1:1", "localhost", "Authorization", "Token x", 401},
		{trust, "", "127.0.0.1:1", "localhost", "Origin", "http://evil.example", 403}, {trust, "", "127.0.0.1:1", "localhost:1", "Origin", "http://localhost:1", 200}, {trust, "", "127.0.0.1:1", "localhost", "Sec-Fetch-Site", "cross-site", 403},
	} {
		s := newFull(t, tt.change)
		r := httptest.NewRequest("DELETE", "/agreement/a"+tt.query, nil)
		r.RemoteAddr, r.Host = tt.remote, tt.host
		if tt.header != "" {
			r.Header.Set(tt.header, tt.content)
		}
		w := httptest.NewRecorder()
		s.h.ServeHTTP(w, r)
		if w.Code != tt.status || (s.Taken() != nil) != (tt.status == 200) {
			t.Errorf("%+v: %d %s", tt, w.Code, w.Body)
		}
		if log := s.log.String(); strings.Contains(log, "apikey") || strings.Contains(log, "dTp") || strings.Contains(log, "evil") != (tt.status == 403 && tt.header == "Origin") {
			t.Error(log)
		}
	}
}

// TestOrigins: pages of other sites may look and not act, unless they are trusted.
func TestOrigins(t *testing.T) {
	s := newFull(t, func(c *agent.Config) { c.Origins = []string{"https://ops.example.com"} })
	refused := `{"error":"a page of another site must not do this"}`
	for _, tt := range []struct {
		verb, origin string
		status       int
	}{
		{"DELETE", "http://evil.example", 403}, {"DELETE", "null", 403}, {"DELETE", "https://ops.example.com", 200}, {"GET", "http://evil.example", 200},
	} {
		got := s.do(tt.verb, "/agreement/a", "", "Origin", tt.origin)
		if got.StatusCode != tt.status || (got.Text == refused) != (tt.status == 403) || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s by %s: %s %s", tt.verb, tt.origin, got.Status, got.Text)
		}
	}
	if _, err := agent.New(agent.Config{Agent: s.fake, Door: agent.Door{Origins: []string{"nonsense"}}}); err == nil {
		t.Error("an origin that is none is taken")
	}
}

// TestUnixSocket: who may open the socket of the daemon needs no key, and is told no secret.
func TestUnixSocket(t *testing.T) {
	s := newFull(t, nil)
	s.settings.Attributes[0].Mappings = agent.Mappings{"TOKEN": "<secret>"}
	resp, err := doortest.ServeUnix(t, s.h).Get("http://x/attribute")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if text := string(data); err != nil || resp.StatusCode != 200 || strings.Contains(text, "<secret>") || !strings.Contains(text, `"TOKEN":"********"`) {
		t.Errorf("%s %s %v", resp.Status, text, err)
	}
}

// waiting is a node whose unregistration ends with its context.
type waiting struct {
	*fake
	doortest.Wait
}

func (w waiting) Unregister(ctx context.Context, _ agent.Unregistration) error { return w.For(ctx) }

// TestLeavingClients: a client that leaves ends the waiting of its call.
func TestLeavingClients(t *testing.T) {
	node := waiting{newFake(), doortest.NewWait()}
	s := newSite(t, func(c *agent.Config) { c.Agent = node })
	node.Leave(t, "DELETE", s.url+"/node?apikey=global", "")
}
