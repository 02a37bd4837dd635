package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/porttest"
)

// edgeNode is a node with the device API.
type edgeNode struct {
	*place
	d   *running
	api string
	key string // the global one
}

const edgePrograms = `[program:web]
command=@SELF@ play idle
startsecs=0
environment=FOO="bar"
[program:one]
command=@SELF@ play idle
startsecs=0
[program:two]
command=@SELF@ play idle
startsecs=0
[group:grp]
programs=one,two
`

// edge starts a node whose configuration has these lines before its programs.
func startEdge(t *testing.T, p *place, lines string) *edgeNode {
	t.Helper()
	n := &edgeNode{place: p}
	port := porttest.Free(t, 1)[0]
	n.api = "http://127.0.0.1:" + port
	p.write("conf", base+lines+"[rest]\nport=127.0.0.1:"+porttest.Free(t, 1)[0]+"\nstate_dir=@DIR@/state\n[rest:device]\napis=device\ntrust_loopback=false\nport=127.0.0.1:"+port+"\n"+edgePrograms)
	n.boot()
	return n
}

func (n *edgeNode) boot() {
	n.t.Helper()
	n.d = n.start()
	n.key = strings.TrimSpace(n.read("state/global.key"))
	n.until("all programs run", func() bool {
		got := n.ask("GET", "/v1/device", "", n.key)
		return got.code == 200 && strings.Contains(got.text, `"status":"Idle"`) && n.service("web", "web").Status == "RUNNING"
	})
}

// ask sends a request with a JSON body and a key, both "" for none.
func (n *edgeNode) ask(verb, path, body, key string) reply {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), verb, n.api+path, bytes.NewReader([]byte(body)))
	if err != nil {
		n.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return do(n.t, r)
}

// do sends a request and reads the answer.
func do(t *testing.T, r *http.Request) reply {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, strings.TrimSpace(string(data)), resp.Header}
}

type edgeService struct {
	Status string
	PID    int
}

// service returns a process of an application.
func (n *edgeNode) service(app, process string) edgeService {
	n.t.Helper()
	var a struct{ Services map[string]edgeService }
	if err := json.Unmarshal([]byte(n.ask("GET", "/v1/apps/"+app, "", n.key).text), &a); err != nil {
		n.t.Fatal(err)
	}
	return a.Services[process]
}

// flags returns what GET /v1/device says of an update: pending, failed.
func (n *edgeNode) flags() string {
	n.t.Helper()
	var d struct {
		Pending bool `json:"update_pending"`
		Failed  bool `json:"update_failed"`
	}
	if err := json.Unmarshal([]byte(n.ask("GET", "/v1/device", "", n.key).text), &d); err != nil {
		n.t.Fatal(err)
	}
	return fmt.Sprint(d.Pending, d.Failed)
}

// A device is read, its applications are stopped, started and restarted; what is dangerous is off; keys survive a restart.
func TestDeviceAPI(t *testing.T) {
	n := startEdge(t, newPlace(t), "[device]\nlock_dir=@DIR@/locks\ninject_env=web\napp_ids=web:1002\nblink_command=touch @DIR@/blinked\n"+
		strings.Replace(events, "SUPERVISOR_STATE_CHANGE", "REMOTE_COMMUNICATION", 1))
	for _, tt := range []struct {
		verb, path, body, key string
		code                  int
		holds                 string
	}{
		{"GET", "/ping", "", "", 200, "OK"},
		{"POST", "/ping", "", "", 405, ""},
		{"GET", "/v1/healthy", "", "", 200, ""},
		{"GET", "/v1/healthy?verbose=true", "", "", 200, `"healthy"`},
		{"GET", "/v1/device", "", "", 401, "Unauthorized"},
		{"GET", "/v1/device", "", "0123", 401, "Unauthorized"},
		{"GET", "/v1/apps/1002", "", n.key, 200, `"FOO":"bar"`},
		{"GET", "/v1/apps/nope", "", n.key, 400, "App not found"},
		{"POST", "/v1/apps/web/stop", "", n.key, 200, `"containerId"`},
		{"POST", "/v1/apps/web/stop", "", n.key, 200, `"containerId"`},
		{"POST", "/v1/apps/1002/start", "", n.key, 200, `"containerId"`},
		{"POST", "/v1/apps/grp/stop", "", n.key, 200, `"two"`},
		{"POST", "/v1/apps/grp/start", "", n.key, 200, `"one"`},
		{"POST", "/v1/restart", `{"appId":"web"}`, n.key, 200, "OK"},
		{"POST", "/v1/restart", "", n.key, 400, "Missing app id"},
		{"POST", "/v1/blink", "", n.key, 200, ""},
		{"DELETE", "/v1/tcp-ping", "", n.key, 204, ""},
		{"POST", "/v1/reboot", "", n.key, 403, `"Error":"reboot is disabled on this node; add it to allow in [device]"`},
		{"POST", "/v1/purge", `{"appId":1002}`, n.key, 403, "purge is disabled"},
		{"GET", "/v1/device/host-config", "", n.key, 200, `"hostname"`},
		{"PATCH", "/v1/device/host-config", `{"network":{"hostname":"n2"}}`, n.key, 403, "host-config is disabled"},
		{"POST", "/supervisor/v1/device", `{"appId":"web"}`, n.key, 403, "fleet is disabled"},
		{"GET", "/v1/nothing", "", n.key, 404, "Not found"},
		{"GET", "/supervisor/getState", "", n.key, 404, ""},
	} {
		if got := n.ask(tt.verb, tt.path, tt.body, tt.key); got.code != tt.code || !strings.Contains(got.text, tt.holds) {
			t.Errorf("%s %s: %d %s", tt.verb, tt.path, got.code, got.text)
		}
	}
	n.until("the device has blinked", func() bool { _, err := os.Stat(n.path("blinked")); return err == nil })
	n.until("an event tells of it", func() bool { return strings.Contains(n.read("serials"), "REMOTE_COMMUNICATION") })
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", n.service("web", "web").PID))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(environment), "\x00RESIN_API_KEY=")
	own, _, _ := strings.Cut(after, "\x00")
	if !found || n.ask("GET", "/v1/apps/web", "", own).code != 200 || n.ask("GET", "/v1/apps/grp", "", own).code != 401 ||
		!strings.Contains(string(environment), "\x00RESIN_SUPERVISOR_ADDRESS="+n.api+"\x00") {
		t.Errorf("the program has %q", environment)
	}
	fresh := n.ask("POST", "/v1/regenerate-api-key", "", n.key)
	if fresh.code != 200 || len(fresh.text) != 64 || n.ask("GET", "/v1/device", "", n.key).code != 401 || n.ask("GET", "/v1/device", "", fresh.text).code != 200 {
		t.Errorf("a new key: %d %s", fresh.code, fresh.text)
	}
	uuid := n.ask("GET", "/v1/device", "", fresh.text).text
	n.d.stop()
	n.boot()
	if n.key != fresh.text {
		t.Errorf("after a restart the key is %s", n.key)
	}
	if before, after := field(t, uuid, "uuid"), field(t, n.ask("GET", "/v1/device", "", n.key).text, "uuid"); before != after || len(before) != 32 {
		t.Errorf("the device was %s and is %s", before, after)
	}
	n.d.stop()
}

func field(t *testing.T, text, name string) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(object[name])
}

// An application that holds its update lock is not touched by an update, which stays pending and goes through when the lock is given back.
func TestUpdateWaitsForLock(t *testing.T) {
	n := startEdge(t, newPlace(t), "[device]\nlock_dir=@DIR@/locks\n")
	lock := filepath.Join(n.dir, "locks/web/updates.lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pid := n.service("web", "web").PID
	n.write("conf", strings.Replace(n.read("conf"), `FOO="bar"`, `FOO="other"`, 1))
	n.until("the change is seen", func() bool { return n.flags() == "true false" })
	if got := n.ask("POST", "/v1/update", "", n.key); got.code != 204 {
		t.Errorf("%d %s", got.code, got.text)
	}
	n.until("the update is locked", func() bool { return n.flags() == "true true" })
	if got := n.ask("POST", "/v1/restart", `{"appId":"web"}`, n.key); got.code != 423 || !strings.Contains(got.text, "Updates are locked") {
		t.Errorf("%d %s", got.code, got.text)
	}
	if now := n.service("web", "web").PID; now != pid {
		t.Errorf("web was pid %d and is %d", pid, now)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	n.until("the update is done", func() bool { return n.flags() == "false false" && n.service("web", "web").PID != pid })
	if got := n.ask("GET", "/v1/apps/web", "", n.key); !strings.Contains(got.text, `"FOO":"other"`) {
		t.Errorf("%d %s", got.code, got.text)
	}
	n.d.stop()
}

// Any node of a cluster asks any other one, and a restart by the cluster waits for the update lock where the application runs.
func TestFleet(t *testing.T) {
	c := newCluster(t, 2)
	var nodes []*edgeNode
	for i, node := range c.nodes {
		n := &edgeNode{place: node.place}
		port := porttest.Free(t, 1)[0]
		n.api = "http://127.0.0.1:" + port
		node.write("conf", node.read("conf")+"\n[rest]\nport=127.0.0.1:"+porttest.Free(t, 1)[0]+"\nstate_dir="+node.path("state")+
			"\n[rest:device]\napis=device\ntrust_loopback=false\nport=127.0.0.1:"+port+"\n[device]\nallow=fleet\nlock_dir="+node.path("locks")+"\n")
		c.start(i)
		n.key = strings.TrimSpace(node.read("state/global.key"))
		nodes = append(nodes, n)
	}
	c.agreed(0, 1)
	here, there := nodes[0], nodes[1]
	uuid := field(t, there.ask("GET", "/v1/device", "", there.key).text, "uuid")
	c.until("the nodes know each other's devices", func() bool {
		got := here.ask("POST", "/supervisor/v1/device", `{"uuid":"`+uuid+`","method":"GET"}`, here.key)
		return got.code == 200 && field(t, got.text, "identifier") == "127.0.0.1:"+there.port
	})
	if got := here.ask("POST", "/supervisor/v1/device", `{"appId":"app","method":"GET"}`, here.key); got.code != 200 || strings.Count(got.text, `"status":200`) != 2 {
		t.Errorf("all: %d %s", got.code, got.text)
	}
	for body, want := range map[string]int{`{"uuid":"ffff","method":"GET"}`: 404, `{}`: 400, `{"identifier":"node2","method":"GET"}`: 200} {
		if got := here.ask("POST", "/supervisor/v1/device", body, here.key); got.code != want {
			t.Errorf("%s: %d %s", body, got.code, got.text)
		}
	}
	if got := here.ask("POST", "/supervisor/v1/device", `{"uuid":"`+uuid+`"}`, ""); got.code != 401 {
		t.Errorf("without a key: %d", got.code)
	}

	// the application runs on the first node: its lock there is the Master's matter too
	lock := filepath.Join(here.dir, "locks/app/updates.lock")
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.until("the lock is known", func() bool { // until then, restarts are done at once
		send(t, nil, "POST", "http://u:p@127.0.0.1:"+here.port+"/supvisors/restart_application/CONFIG/app?wait=false")
		return strings.Contains(here.read("log"), "stop of app:only on <node1>127.0.0.1:"+here.port+" waits: application app holds an update lock")
	})
	pid := here.service("app", "only").PID
	var modes struct {
		Stopping []string `xmlrpc:"stopping_jobs"`
	}
	if err := here.call(&modes, "supvisors.get_supvisors_state"); err != nil || len(modes.Stopping) == 0 || pid == 0 {
		t.Errorf("while the restart waits: pid %d, %+v, %v", pid, modes, err)
	}
	if now := here.service("app", "only").PID; now != pid {
		t.Errorf("the program was pid %d and is %d", pid, now)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	c.until("the application is restarted", func() bool {
		now := here.service("app", "only").PID + there.service("app", "only").PID
		return now != pid && now != 0
	})
	for _, node := range c.nodes {
		node.stop()
	}
}
