package agent

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// site is the API over the agent of a world.
type site struct {
	*world
	url string
}

func newSite(t *testing.T, programs string, change func(*Config)) *site {
	w := newWorld(t, programs, change)
	h, err := agent.New(agent.Config{Agent: w.Agent, Log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &site{w, server.URL}
}

// do sends a request with the global key and returns "status body".
func (s *site) do(verb, target, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), verb, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer all")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(resp.Status[:3] + " " + string(data))
}

// try sends requests in turn; the answers must match the expressions.
func (s *site) try(examples [][3]string) {
	s.t.Helper()
	for _, e := range examples {
		verb, target, _ := strings.Cut(e[0], " ")
		if got := s.do(verb, target, e[1]); !regexp.MustCompile("(?s)^" + e[2] + "$").MatchString(got) {
			s.t.Errorf("%s %s\n   got %s\nwanted %s", e[0], e[1], got, e[2])
		}
	}
}

func publicKey(t *testing.T) string {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: data}))
}

// TestHandler: the API as its clients see it, over a node with real children.
func TestHandler(t *testing.T) {
	s := newSite(t, web, func(c *Config) {
		c.Options.QuiesceTimeout = 50 * time.Millisecond
		c.Key = func(key string) agent.Scope { return map[string]agent.Scope{"all": agent.Global}[key] }
		c.Rules = func(group string) (any, error) { return map[string]any{"application": group}, nil }
		c.Workers = func() agent.Workers {
			return agent.Workers{Workers: []agent.Worker{{Name: "FSM", Status: "initialized"}}}
		}
		c.Reach = func() map[string]bool { return map[string]bool{"n2:1": false} }
		c.RuleSet = func() *rules.Set { return nil }
	})
	s.sup.Wait("web:a", process.Running)
	s.sup.Wait("web:b", process.Running)
	app := application("web", true, 1, "a", "b")
	app.Rules.Distribution = rules.SingleInstance
	s.team.see(cluster.Operation, app)
	key := publicKey(t)
	s.try([][3]string{
		{"GET /status", "", `200 .*"exchange_api":"http://n2:1/RPC2","exchange_version":"".*"connectivity":{"n2":false},"identifier":"n1:1","nick_identifier":"n1","fsm_statename":"OPERATION","master_identifier":"n2:1","uptime":\d+}`},
		{"GET /status/workers", "", `200 .*"FSM".*`},
		{"GET /node", "", `200 .*"pattern":"","name":"n1".*"state":"configured".*`},
		{"POST /node", `{"organization":"supvisors","token":"t0ken"}`, `409 .*`},
		{"POST /attribute", `{"type":"UserInputAttributes","label":"in","publishable":false,"mappings":{"FOO":"bar","N":5}}`, `201 .*"N":5.*`},
		{"POST /attribute", `{"type":"UserInputAttributes","label":"in","publishable":false,"mappings":{"FOO":"bar","N":5}}`, `409`},
		{"GET /attribute", "", `200 .*ArchitectureAttributes.*UserInputAttributes.*`},
		{"POST /service/config", `{"url":"web","attributes":[{"type":"UserInputAttributes","label":"x","publishable":false,"mappings":{"FOO":"web"}}]}`, `201 .*`},
		{"GET /service", "", `200 .*"sensor_url":"web".*"FOO":"web".*"active":\[{"record_id":"[0-9a-f]{32}".*"name":"web".*`},
		{"GET /service/policy", "", `200 .*"Policy for supvisors_web".*"exclusiveAccess":true.*"name":"cpus".*"name":"stereotypes","value":\["rack"\].*"supvisors":{"application":"web"}.*`},
		{"POST /service/configstate", `{"url":"web","org":"supvisors","configState":"suspended"}`, `200`},
		{"GET /service/configstate", "", `200 .*"suspended".*`},
		{"POST /service/configstate", `{"url":"","org":"","configState":"active"}`, `200`},
		{"GET /agreement", "", `200 {"agreements":{"active":\[\],"archived":\[\]}}`},
		{"DELETE /agreement/ffff", "", `404 {"error":"there is no such agreement","input":"agreement"}`},
		{"PUT /trust/Org.pem", key, `200`},
		{"GET /trust", "", `200 {"pem":\["Org.pem"\]}`},
		{"GET /trust/Org.pem", "", "200 " + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(key)), "\n", "\\s")},
		{"DELETE /trust/Org.pem", "", `204`},
		{"DELETE /trust/Org.pem", "", `404 .*"input":"filename"}`},
		{"GET /trust/Org.pem", "", `404 .*"input":"filename"}`},
		{"PUT /node/configstate", `{"state":"later"}`, `400 .*"input":"configstate.state"}`},
		{"GET /eventlog?limit=x", "", `400 .*"input":"selection"}`},
	})
	if err := s.events.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.try([][3]string{
		{"GET /eventlog?event_code=api_user_input_error", "", `200 \[{.*"config_state":"configured".*`},
		{"GET /eventlog?source_type=node&message=~Trusted", "", `200 \[{.*trusted_file_written.*trusted_file_removed.*`},
		{"GET /eventlog?source_type=node&message=~Complete", "", `200 \[{.*` + journal.CodeRegistered + `.*`},
		{"DELETE /eventlog?event_code=api_user_input_error", "", `200 "2"`},
		{"DELETE /eventlog/prune", "", `204`},
		{"DELETE /node", "", `503 the node is still being unregistered`},
	})
	supervisortest.Until(t, "the node has left", func() bool { return s.Node().State == agent.Unconfigured })
	s.try([][3]string{
		{"GET /node", "", `200 {"id":"n1","organization":null,"pattern":null,"configstate":{"state":"unconfigured","last_update_time":0}}`},
		{"GET /eventlog", "", `200 \[\]`},
		{"GET /service", "", `424 .*`},
		{"POST /node", `{"organization":"supvisors","token":"wrong"}`, `500 join the cluster: another token`},
		{"POST /node", `{"organization":"supvisors","token":"t0ken","join":["evil:1"]}`, `403 .*"input":"device.join"}`},
		{"POST /node", `{"organization":"supvisors","token":"t0ken"}`, `201 .*"state":"configuring".*`},
		{"PATCH /node", `{"token":"other"}`, `200 .*`},
		{"PUT /node/configstate", `{"state":"configured"}`, `201 {"state":"configured".*`},
	})
}

// TestStatus: what is shown without a cluster, without a probe, and of a Master that is this node.
func TestStatus(t *testing.T) {
	w := newWorld(t, "", func(c *Config) {
		c.Started = time.Now().Add(-time.Minute)
		c.VersionOf = func(identifier string) string { return "of " + identifier }
		c.RPC = func(n cluster.Identity) string { return "https://" + n.Host }
	})
	status := func() agent.Status {
		s, err := w.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := status(); !s.Connectivity["n2"] || len(s.Connectivity) != 1 || s.ExchangeVersion != "of n2:1" || s.Exchange != "https://n2" || s.Uptime < time.Minute || s.OldestVersion != "1.2" {
		t.Errorf("%+v", s)
	}
	self := *w.team.View().Self
	self.Modes.Master = "n1:1"
	other := instance("n2")
	other.State = cluster.InstanceStopped
	w.team.show(&cluster.View{Self: &self, Instances: []*cluster.InstanceView{&self, other}})
	if s := status(); s.Connectivity["n2"] || s.ExchangeVersion != "1.2" || s.Master != "n1:1" {
		t.Errorf("%+v", s)
	}
	before := w.Node().TokenValidated
	w.team.see(cluster.Operation)
	if n := w.Node(); n.TokenValidated < before {
		t.Errorf("%+v", n)
	}
	if got, err := w.Workers(t.Context()); err != nil || got.Workers != nil {
		t.Error(got, err)
	}
	want(t, "without keys", w.Scope("x"), agent.Nothing)
	w.change = func(c *Config) { c.Cluster, c.Membership = nil, nil }
	w.again()
	if s := status(); s.FSMState != "" || s.Nick != "tester" || s.Identifier != "tester" || s.Connectivity != nil {
		t.Errorf("%+v", s)
	}
	if _, err := w.Events(t.Context(), url.Values{"limit": {"x"}}, true); err == nil {
		t.Error("a limit that is none")
	}
	wantText[*agent.BadSelection](t, "deletion", func() error { _, err := w.DeleteEvents(t.Context(), url.Values{"limit": {"x"}}); return err }(), "limit")
}
