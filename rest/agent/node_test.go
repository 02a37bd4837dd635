package agent_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rest/agent"
)

const (
	here       = `{"id":"sup01","organization":"supvisors","pattern":"rack","name":"one","nodeType":"device","token_valid":true,"token_last_valid_time":900,"ha":false,"ha_group":"","configstate":{"state":"configured","last_update_time":1000}}`
	gone       = `{"error":"the node is not registered","input":"node"}`
	registered = `{"id":"sup01","organization":"supvisors","pattern":"","name":"sup01","nodeType":"device","token_valid":false,"token_last_valid_time":0,"ha":false,"ha_group":"","configstate":{"state":"configuring","last_update_time":2000}}`
	post       = `{"id":"sup01","organization":"supvisors","token":"s3cret","name":"sup01"}`
)

// TestStatus: what the node is, and what works in it.
func TestStatus(t *testing.T) {
	s := newSite(t, nil)
	got := s.do("GET", "/status", "").Text
	for _, part := range []string{`{"configuration":{"exchange_api":"http://sup01:9001/RPC2","exchange_version":"1.1","required_minimum_exchange_version":"1.0","preferred_exchange_version":"1.2","mms_api":"","agbot_api":"","architecture":"`,
		`","horizon_version":"1.2"},"connectivity":{"sup02":true},"identifier":"10.0.0.1:9001","nick_identifier":"sup01","fsm_statename":"OPERATION","master_identifier":"10.0.0.1:9001","uptime":90}`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %s", got, part)
		}
	}
	s.try([]example{{"GET /status/workers", "", 200, "json", `{"workers":{"FSM":{"name":"FSM","status":"terminated","subworker_status":{}},"Gossip":{"name":"Gossip","status":"initialized","subworker_status":{"Sync":"started"}}},` +
		`"worker_status_log":["2018-05-02 19:25:02 Worker Gossip: started.","2018-05-02 19:25:03 Worker Gossip: subworker Sync started."]}`, ""}})
}

// TestNode goes through the life of a node, as the examples of the specification do.
func TestNode(t *testing.T) {
	s := newSite(t, nil)
	s.try([]example{
		{"GET /node", "", 200, "json", here, ""},
		{"HEAD /node", "", 200, "json", "", ""},
		{"GET /node/configstate", "", 200, "json", `{"state":"configured","last_update_time":1000}`, ""},
		{"POST /node", post, 409, "text", "the node is already registered", ""},
		{"PATCH /node", `{"id":"sup01","token":"x"}`, 400, "text", "the token can only be changed while the node is configuring; it is configured", ""},
		{"PUT /node/configstate", `{"state":"configured"}`, 201, "json", `{"state":"configured","last_update_time":1000}`, ""},
		{"PUT /node/configstate", `{"state":"configuring"}`, 400, "json", refusal("a node that is configured cannot be configuring again", "configstate.state"), ""},
		{"PUT /node/configstate", `{"state":"unconfigured"}`, 400, "json", refusal("Supported state values are configuring and configured", "configstate.state"), ""},
		{"DELETE /node?block=maybe", "", 400, "json", refusal("block must be true or false", "url.block"), ""},
		{"DELETE /node?removeNode=", "", 400, "json", refusal("removeNode must be true or false", "url.removeNode"), ""},
		{"DELETE /node?deepClean=TRUE", "", 400, "json", refusal("deepClean must be true or false", "url.deepClean"), ""},
		{"DELETE /node?stopAll=1", "", 400, "json", refusal("stopAll must be true or false", "url.stopAll"), ""},
		{"DELETE /node?block=true&block=false", "", 400, "json", refusal("block must be true or false", "url.block"), ""},
		{"DELETE /node?a;b", "", 400, "json", refusal("the query cannot be read", "url"), ""},
		{"DELETE /node?block=true", "", 204, "", "", "Unregister true false false false"},
		{"DELETE /node", "", 204, "", "", "Unregister true false false false"},
		{"DELETE /node?block=false&removeNode=true&deepClean=true&stopAll=true", "", 204, "", "", "Unregister false true true true"},
	})
	s.setNode(func(n *agent.Node) { n.State = agent.Unconfiguring })
	s.try([]example{
		{"GET /node/configstate", "", 200, "json", `{"state":"unconfiguring","last_update_time":1000}`, ""},
		{"POST /node", post, 400, "json", refusal("the node is being unregistered", "node"), ""},
		{"PUT /node/configstate", `{"state":"configured"}`, 400, "text", "the node is being unregistered", ""},
		{"DELETE /node", "", 400, "text", "the node cannot be unregistered while it is unconfiguring", ""},
	})
	s.setNode(func(n *agent.Node) { *n = agent.Node{ID: "sup01", State: agent.Unconfiguring} })
	s.try([]example{{"GET /node", "", 200, "json", `{"id":"sup01","organization":null,"pattern":null,"configstate":{"state":"unconfiguring","last_update_time":0}}`, ""}})
	s.setNode(func(n *agent.Node) { n.State = agent.Unconfigured })
	s.try([]example{
		{"GET /node", "", 200, "json", `{"id":"sup01","organization":null,"pattern":null,"configstate":{"state":"unconfigured","last_update_time":0}}`, ""},
		{"GET /node/configstate", "", 200, "json", `{"state":"unconfigured"}`, ""},
		{"PATCH /node", `{"id":"sup01","token":"x"}`, 404, "json", gone, ""},
		{"DELETE /node", "", 404, "json", gone, ""},
		{"PUT /node/configstate", `{"state":"configured"}`, 404, "json", gone, ""},
		{"POST /node", post, 201, "json", registered, `Register sup01 "sup01" "" 6 false []`},
		{"POST /node", post, 409, "text", "the node is already registered", ""},
		{"PATCH /node", `{"ID":"sup01","Token":"other"}`, 200, "json", registered, "SetToken 5"},
		{"PATCH /node", `{"id":"sup02","token":"other"}`, 400, "json", refusal("this is not the id of the node", "device.id"), ""},
		{"PATCH /node", `{"id":"sup01"}`, 400, "json", refusal("a token is needed", "device.token"), ""},
		{"PUT /node/configstate", `{"STATE":"configuring"}`, 201, "json", `{"state":"configuring","last_update_time":2000}`, ""},
		{"PUT /node/configstate", `{"state":"configured"}`, 201, "json", `{"state":"configured","last_update_time":3000}`, "SetState configured"},
	})
}

// TestRegistration: what POST /node takes.
func TestRegistration(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{`{"organization":"supvisors","token":"t"}`, `Register sup01 "sup01" "" 1 false []`},
		{`{"ID":"n-1","Organization":"supvisors","TOKEN":"t","Pattern":"rack","NAME":"my (node)","HA":true}`, `Register n-1 "my (node)" "rack" 1 true []`},
		{`{"id":"","name":null,"organization":"supvisors","token":"ü \"","join":["10.0.0.2:60000","[fe80::1]:1"],"extra":{}}`, `Register sup01 "sup01" "" 4 false [10.0.0.2:60000 [fe80::1]:1]`},
		{`{"id":"a;b","organization":"supvisors","token":"t"}`, "device.id"},
		{`{"name":"a\nb","organization":"supvisors","token":"t"}`, "device.name"},
		{`{"pattern":"é","organization":"supvisors","token":"t"}`, "device.pattern"},
		{`{"pattern":"nobody","organization":"supvisors","token":"t"}`, "device.pattern"},
		{`{"organization":"#","token":"t"}`, "device.organization"},
		{`{"organization":"acme","token":"t"}`, "device.organization"},
		{`{"token":"t"}`, "device.organization"},
		{`{"organization":"supvisors"}`, "device.token"},
		{`{"organization":"supvisors","token":""}`, "device.token"},
		{`{"organization":"supvisors","token":5}`, "device.token"},
		{`{"organization":"supvisors","token":"t","ha":"true"}`, "device.ha"},
		{`{"organization":"supvisors","token":"t","join":"a:1"}`, "device.join"},
		{`{"organization":"supvisors","token":"t","join":["a"]}`, "device.join"},
		{`{"organization":"supvisors","token":"t","join":[":1"]}`, "device.join"},
		{`{"organization":"supvisors","token":"t","join":["a:0"]}`, "device.join"},
		{`{"organization":"supvisors","token":"t","join":["a:65536"]}`, "device.join"},
		{`{"organization":"supvisors","token":"t","join":["a<:1"]}`, "device.join"},
		{``, "device"}, {`null`, "device"}, {`[]`, "device"}, {`{`, "device"}, {`{} {}`, "device"}, {`{"id":1e}`, "device"}, {`id=sup01`, "device"},
	} {
		s := newSite(t, nil)
		s.setNode(func(n *agent.Node) { *n = agent.Node{ID: "sup01"} })
		got, calls, inputs := s.do("POST", "/node", tt.body), strings.Join(s.Taken(), "; "), strings.Join(s.inputs(), "; ")
		if strings.HasPrefix(tt.want, "Register") {
			if got.StatusCode != 201 || calls != tt.want || inputs != "" {
				t.Errorf("%s: %s %s [%s] [%s]", tt.body, got.Status, got.Text, calls, inputs)
			}
		} else if got.StatusCode != 400 || !strings.HasSuffix(got.Text, `","input":"`+tt.want+`"}`) || calls != "" || inputs != tt.want {
			t.Errorf("%s: %s %s [%s] [%s]", tt.body, got.Status, got.Text, calls, inputs)
		}
		if strings.Contains(got.Text, "token\":") || strings.Contains(s.log.String(), "organization") {
			t.Errorf("%s: %s %s", tt.body, got.Text, s.log)
		}
	}
}

// TestNodeGone: scripts written from the document wait for 404.
func TestNodeGone(t *testing.T) {
	s := newSite(t, func(c *agent.Config) { c.NodeGone404, c.Organization = true, "acme" })
	s.try([]example{{"GET /node", "", 200, "json", strings.Replace(here, "supvisors", "acme", 1), ""}})
	s.setNode(func(n *agent.Node) { *n = agent.Node{ID: "sup01"} })
	s.try([]example{
		{"GET /node", "", 404, "json", gone, ""},
		{"GET /attribute", "", 424, "json", gone, ""}, {"POST /attribute", "{}", 424, "json", gone, ""}, {"DELETE /attribute/a", "", 424, "json", gone, ""},
		{"GET /service", "", 424, "json", gone, ""}, {"GET /service/policy", "", 424, "json", gone, ""}, {"POST /service/configstate", "{}", 424, "json", gone, ""},
		{"GET /agreement", "", 200, "json", `{"agreements":{"active":[],"archived":[]}}`, ""}, {"GET /trust", "", 200, "json", `{"pem":[]}`, ""},
		{"GET /eventlog/all", "", 200, "json", "[]", "Events  true"},
	})
}

// TestStates: each has one name.
func TestStates(t *testing.T) {
	for s := agent.Unconfigured; s <= agent.Unconfiguring; s++ {
		if got, err := agent.ParseState(s.String()); got != s || err != nil {
			t.Errorf("%s: %s %v", s, got, err)
		}
	}
	if _, err := agent.ParseState("Configured"); err == nil || agent.State(9).String() != "State(9)" {
		t.Error("a state that is none", err)
	}
}

// TestSeconds: times as clients know them.
func TestSeconds(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want agent.Seconds
	}{{time.Time{}, 0}, {time.Unix(1525289102, 999999999), 1525289102}, {time.Unix(-5, 0), 0}} {
		if got := agent.At(tt.at); got != tt.want {
			t.Errorf("%s: %d", tt.at, got)
		}
	}
}

// TestWorkerLog: the last thousand lines are told.
func TestWorkerLog(t *testing.T) {
	s := newSite(t, nil)
	s.workerLog = make([]agent.WorkerEvent, 1500)
	for i := range s.workerLog {
		s.workerLog[i].Worker = fmt.Sprint("w", i)
	}
	var body struct {
		Log []string `json:"worker_status_log"`
	}
	if err := json.Unmarshal([]byte(s.do("GET", "/status/workers", "").Text), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Log) != 1000 || !strings.HasSuffix(body.Log[0], " Worker w500: .") || !strings.HasSuffix(body.Log[999], " Worker w1499: .") {
		t.Error(len(body.Log), body.Log[0])
	}
}
