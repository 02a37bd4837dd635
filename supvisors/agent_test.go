package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/internal/tagtest"
	"github.com/supvisors/supvisors/rpc"
)

// edgeCluster is a cluster whose nodes have the device and the agent API.
type edgeCluster struct {
	*clusterPlace
	nodes []*contract
}

// newEdgeCluster starts three nodes, sup01 to sup03. Application web is managed and runs on the first one that may take it; loose is not.
func newEdgeCluster(t *testing.T, device, agent string) *edgeCluster {
	c := &edgeCluster{clusterPlace: &clusterPlace{place: newPlace(t)}}
	var list []string
	for i := range 3 {
		p := newPlace(t)
		c.clusterPlace.nodes = append(c.clusterPlace.nodes, &running{place: p})
		list = append(list, fmt.Sprintf("<sup0%d>127.0.0.1:%s", i+1, p.port))
	}
	for _, node := range c.clusterPlace.nodes {
		port := porttest.Free(t, 1)[0]
		node.write("rules.xml", `<root><application name="web"><start_sequence>1</start_sequence><starting_strategy>CONFIG</starting_strategy>
<programs><program name="web"><start_sequence>1</start_sequence><required>true</required><expected_loading>10</expected_loading>
<running_failure_strategy>RESTART_PROCESS</running_failure_strategy></program></programs></application></root>`)
		node.write("conf", strings.ReplaceAll(base, "@PORT@", node.port)+`[rpcinterface:supvisors]
supvisors_list=`+strings.Join(list, ",")+`
cluster_secret=s3cret
rules_files=@DIR@/rules.xml
synchro_options=LIST
stats_enabled=off
event_link=NONE
[rest]
port=127.0.0.1:`+port+`
apis=device,agent
metrics=true
state_dir=@DIR@/state
[device]
lock_dir=@DIR@/locks
connectivity_interval=1
`+device+`
[agent]
quiesce_timeout=10
`+agent+`
[program:web]
command=@SELF@ play idle
autostart=false
autorestart=false
startsecs=0
environment=BASE="1",DB_PASSWORD="secret"
[program:loose]
command=@SELF@ play idle
startsecs=0
`)
		c.nodes = append(c.nodes, &contract{place: node.place, api: "http://127.0.0.1:" + port, vars: map[string]string{"ARCH": runtime.GOARCH}})
	}
	for i := range c.nodes {
		c.boot(i)
	}
	c.agreed(0, 1, 2)
	return c
}

// boot starts a node.
func (c *edgeCluster) boot(i int) {
	c.t.Helper()
	c.start(i)
	c.nodes[i].key = strings.TrimSpace(c.nodes[i].read("state/global.key"))
}

// pid returns that of web on a node, 0 when it does not run there.
func (c *edgeCluster) pid(i int) int {
	var info struct {
		PID int `xmlrpc:"pid"`
	}
	if err := c.nodes[i].call(&info, "supervisor.getProcessInfo", "web"); err != nil {
		c.t.Fatal(err)
	}
	return info.PID
}

// environment returns that of a process, NAME=value.
func (c *edgeCluster) environment(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Split(string(data), "\x00")
}

// TestAgentContract holds a node of three against the examples of the contract, before and after a restart of its daemon.
func TestAgentContract(t *testing.T) {
	c := newEdgeCluster(t, "", "inject_env=true\nservice_versions=web:2.1.0")
	n := c.nodes[0]
	c.until("web runs on sup01", func() bool { return c.pid(0) > 0 })

	n.all(
		step{"GET /status", 200, []string{"configuration.architecture={ARCH}", "connectivity.sup02=true", "nick_identifier=sup01", "fsm_statename=OPERATION"}},
		step{"GET /status/workers", 200, []string{"workers.Gossip.status=initialized", "workers.FSM.status=initialized",
			"workers.Statistics.status=terminated", "Worker FSM: started."}},
		step{"GET /node", 200, []string{"id=sup01", "organization=supvisors", "configstate.state=configured", "token_valid=true", "token="}},
		step{"POST /node {\"id\":\"sup01\",\"organization\":\"supvisors\",\"token\":\"s3cret\",\"name\":\"sup01\"}", 409, nil},
		step{"PATCH /node {\"id\":\"sup01\",\"token\":\"x\"}", 400, nil},
		step{"DELETE /node?block=maybe", 400, []string{"input=url.block"}},
		step{"GET /node/configstate", 200, []string{"state=configured"}},
		step{`PUT /node/configstate {"state":"configured"}`, 201, []string{"state=configured"}},
		step{`PUT /node/configstate {"state":"unconfigured"}`, 400, []string{"input=configstate.state"}},

		step{"GET /attribute", 200, []string{"attributes[type=ArchitectureAttributes].mappings.architecture={ARCH}"}},
		step{`POST /attribute {"type":"UserInputAttributes","label":"in","publishable":false,"host_only":false,
			"service_specs":[{"url":"web","organization":"supvisors"}],"mappings":{"FOO":"bar","N":5,"L":["a","b"]}}`, 201, []string{"ID:=id", "mappings.N=5"}},
		step{`POST /attribute {"type":"UserInputAttributes","label":"in","publishable":false,"host_only":false,
			"service_specs":[{"url":"web","organization":"supvisors"}],"mappings":{"FOO":"bar","N":5,"L":["a","b"]}}`, 409, nil},
		step{`POST /attribute {"type":"UserInputAttributes","label":"in","publishable":false,"mappings":{"LD_PRELOAD":"x"}}`, 400, []string{"input=mappings.LD_PRELOAD"}},
		step{`PUT /attribute/nope {"type":"UserInputAttributes","label":"in","publishable":false,"mappings":{}}`, 404, nil},
		step{"GET /attribute/nope", 200, []string{"#attributes=0"}},
		step{"GET /service", 200, []string{"instances.active[ref_url=web].stale_env=true", "instances.active[ref_url=web].containers[0].State=running",
			"instances.active[ref_url=loose].agreement_less=true", "definitions.active[name=web].version=2.1.0", "HASH:=definitions.active[name=web].metadata_hash"}},
		step{"GET /agreement", 200, []string{"agreements.active[workload_to_run.url=web].terminated_reason=0",
			"AG:=agreements.active[workload_to_run.url=web].current_agreement_id", "#agreements.active=1"}},
		step{"GET /agreement/{AG}", 200, []string{"agreements.active[0].current_agreement_id={AG}", "agreements.active[0].agreement_protocol=Basic",
			`sup01`}},
		step{"GET /agreement/ffff", 404, []string{"input=agreement"}},
		step{"DELETE /agreement/ffff", 404, []string{"input=agreement"}},
	)
	// an agreement that is ended is made anew, with the environment of now
	before := c.pid(0)
	n.all(step{"DELETE /agreement/{AG}", 200, nil})
	n.soon(step{"GET /agreement", 200, []string{"agreements.archived[current_agreement_id={AG}].terminated_reason=105", "#agreements.active=1",
		"NEW:=agreements.active[workload_to_run.url=web].current_agreement_id"}})
	c.until("web runs anew", func() bool { now := c.pid(0); return now > 0 && now != before })
	env := c.environment(c.pid(0))
	for _, want := range []string{"BASE=1", "FOO=bar", "N=5", "L=a b", "HZN_NODE_ID=sup01", "HZN_AGREEMENTID=" + n.vars["NEW"], "HZN_ARCH=" + runtime.GOARCH} {
		if !slices.Contains(env, want) {
			t.Errorf("web lacks %s: %q", want, env)
		}
	}
	n.all(
		step{`PATCH /attribute/{ID} {"type":"UserInputAttributes","mappings":{"FOO":"x"}}`, 200, []string{"mappings.FOO=x", "mappings.N=5"}},
		step{"DELETE /attribute/{ID}", 200, []string{"id={ID}"}},
		step{"DELETE /attribute/{ID}", 200, nil},
		step{`POST /service/config {"url":"web","organization":"supvisors","attributes":[{"type":"UserInputAttributes","label":"in","publishable":false,
			"host_only":false,"mappings":{"FOO":"b2"}}]}`, 201, []string{"url=web"}},
		step{"GET /service/config", 200, []string{"config[sensor_url=web].attributes[meta.type=UserInputAttributes].mappings.FOO=b2"}},
		step{`POST /service/config {"url":"nope"}`, 400, []string{"input=service"}},
		step{"GET /service/policy", 200, []string{"Policy for supvisors_web.apiSpec[0].specRef=web", "Policy for supvisors_web.supvisors.application.starting_strategy=CONFIG"}},
	)
	n.trusts(t)

	// suspended here, and also after a restart; the Master does not choose the node for it
	n.all(step{`POST /service/configstate {"url":"web","org":"supvisors","configState":"suspended"}`, 200, nil})
	c.until("web is stopped", func() bool { return c.pid(0) == 0 })
	if err := n.call(nil, "supervisor.startProcess", "web"); faultCode(err) != 103 {
		t.Errorf("a suspended program is started: %v", err)
	}
	n.soon(step{"GET /agreement", 200, []string{"agreements.archived[current_agreement_id={NEW}].terminated_reason=119", "#agreements.active=0"}})
	n.soon(step{"GET /eventlog", 200, []string{"LAST:=[-1].record_id"}})
	n.all(
		step{`GET /eventlog?event_code=container_stopped&timestamp=>0`, 200, []string{"[0].event_source.workload_to_run.url=web"}},
		step{"GET /eventlog?source_type=node&message=~Complete", 200, []string{"[0].event_code=node_configuration_registration_complete"}},
		step{"GET /eventlog?record_id=>{LAST}", 200, []string{"#=0"}},
		step{"GET /eventlog?nosuch=1", 200, []string{"#=0"}},
		step{"GET /eventlog?severity=!info&time_since=<24", 200, nil},
		step{"GET /eventlog?message=a;b", 400, []string{"input=selection"}},
		step{"GET /eventlog/all", 200, []string{"KEPT:=#"}},
	)
	key := n.key
	c.clusterPlace.nodes[0].stop()
	c.boot(0)
	c.agreed(0, 1, 2)
	if n.key != key {
		t.Error("the restart has changed the key")
	}
	n.all(
		step{"GET /service/configstate", 200, []string{"configstates[url=web].configState=suspended", "configstates[url=loose].configState=active"}},
		step{"GET /agreement/{NEW}", 200, []string{"agreements.archived[0].terminated_reason=119"}},
		step{"GET /service/config", 200, []string{"config[sensor_url=web].attributes[meta.type=UserInputAttributes].mappings.FOO=b2"}},
		step{"GET /service", 200, []string{"definitions.active[name=web].metadata_hash={HASH}"}},
		step{"GET /trust", 200, []string{"pem[0]=Org-public.pem"}},
		step{"GET /eventlog?record_id=>{LAST}", 200, []string{"NEXT:=[0].record_id"}},
		step{"GET /eventlog/all", 200, []string{"AFTER:=#"}},
	)
	if number(t, n.vars["NEXT"]) <= number(t, n.vars["LAST"]) || number(t, n.vars["AFTER"]) < number(t, n.vars["KEPT"]) {
		t.Errorf("the event log had %s records up to %s, and has %s from %s on", n.vars["KEPT"], n.vars["LAST"], n.vars["AFTER"], n.vars["NEXT"])
	}
	if err := n.call(nil, "supvisors.start_application", "CONFIG", "web", true); c.pid(0) != 0 || c.pid(1)+c.pid(2) == 0 { // the restart may have done it
		t.Errorf("the Master starts web with pids %d %d %d, %v", c.pid(0), c.pid(1), c.pid(2), err)
	}
	c.stopWeb(n)
	n.all(step{`POST /service/configstate {"url":"web","org":"supvisors","configstate":"active"}`, 200, nil})
	c.until("web runs again", func() bool { return c.pid(0)+c.pid(1)+c.pid(2) > 0 })

	// a process that is killed ends its agreement
	at := slices.IndexFunc([]int{0, 1, 2}, func(i int) bool { return c.pid(i) > 0 })
	there := c.nodes[at]
	there.soon(step{"GET /agreement", 200, []string{"#agreements.active=1", "AG:=agreements.active[0].current_agreement_id"}})
	syscall.Kill(c.pid(at), syscall.SIGKILL)
	there.soon(step{"GET /agreement/{AG}", 200, []string{"agreements.archived[0].terminated_reason=103"}})

	c.clusterPlace.nodes[1].cmd.Process.Kill()
	c.clusterPlace.nodes[1].end()
	tagtest.Kill(t, c.clusterPlace.nodes[1].tag, patience)
	n.soon(step{"GET /status", 200, []string{"connectivity.sup02=false", "connectivity.sup03=true"}})
	c.clusterPlace.nodes[0].stop()
	c.clusterPlace.nodes[2].stop()
}

func faultCode(err error) int {
	var fault *rpc.Fault
	if errors.As(err, &fault) {
		return fault.Code
	}
	return 0
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// trusts has a node trust a key.
func (c *contract) trusts(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	c.all(
		step{"PUT /trust/Org-public.pem " + text, 200, nil},
		step{"GET /trust", 200, []string{"pem[0]=Org-public.pem"}},
		step{"GET /trust/Org-public.pem", 200, []string{"-----BEGIN PUBLIC KEY-----"}},
		step{"PUT /trust/x.pem hostname", 400, []string{"input=trusted cert file"}},
		step{"DELETE /trust/Org-public.pem", 204, nil},
		step{"DELETE /trust/Org-public.pem", 404, []string{"input=filename"}},
		step{"PUT /publickey/Org-public.pem " + text, 200, nil},
	)
	return private
}

// TestDeviceContract holds a node of three against the examples of the device API, and what must be the same after a restart of its daemon.
func TestDeviceContract(t *testing.T) {
	c := newEdgeCluster(t, `app_ids=web:1002
inject_env=web
allow=purge, reboot, fleet, host-config
dry_run=true
reboot_command=true
hostname_command=true {hostname}
data_dirs=web:@DIR@/data/web
`, "")
	n, other := c.nodes[0], c.nodes[1]
	if err := os.MkdirAll(n.path("data/web/below"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.until("web runs on sup01", func() bool { return c.pid(0) > 0 })
	for _, node := range c.nodes[:2] {
		node.all(step{"GET /v1/device", 200, []string{"UUID:=uuid"}})
	}
	n.vars["U2"] = other.vars["UUID"]
	n.vars["K"], n.vars["R"] = n.key, strings.TrimSpace(n.read("state/read.key"))
	n.key = "" // a loopback port is trusted, but told no secret
	n.all(
		step{"GET /ping", 200, []string{"OK"}},
		step{"POST /ping", 405, nil},
		step{"GET /v1/healthy", 200, nil},
		step{"GET /v1/healthy?verbose=true", 200, []string{"healthy=true", "#checks=5"}},
		step{"GET /metrics", 200, []string{"supvisors_health_check{check"}},
		step{"GET /v1/apps/1002", 200, []string{"appName=web", "env.BASE=1", "env.DB_PASSWORD=********", "env.RESIN_SUPERVISOR_API_KEY="}},
		step{"GET /v1/apps/1002?apikey={K}", 200, []string{"env.DB_PASSWORD=secret", "env.RESIN_SUPERVISOR_API_KEY="}},
		step{"GET /v1/apps/1002?apikey={R}", 200, []string{"env.BASE=1"}},
		step{"POST /v1/apps/1002/stop?apikey={R}", 401, nil},
		step{"GET /v1/device?apikey=0123", 401, nil},
		step{"GET /v1/device", 200, []string{"status=Idle", "update_pending=false", "download_progress=", "fsm_state=OPERATION"}},
		step{"POST /v1/blink", 200, nil},
		step{"DELETE /v1/tcp-ping", 204, nil},
		step{"POST /v1/tcp-ping", 204, nil},
		step{"GET /v1/tcp-ping", 405, nil},
		step{`POST /v1/restart {"appId":"web"}`, 200, []string{"OK"}},
		step{"POST /v1/restart", 400, []string{"Missing app id"}},
		step{"POST /v1/apps/loose/stop", 200, []string{"containerId"}},
		step{"POST /v1/apps/loose/start", 200, []string{"containerId"}},
		step{"POST /v1/apps/nope/stop", 400, nil},
		step{`POST /v1/purge {"appId":1002}`, 200, []string{"Data=OK", "Error="}},
		step{`POST /v1/purge {}`, 400, nil},
		step{`PATCH /v1/device/host-config {"network":{"hostname":"n2"}}`, 200, []string{"OK"}},
		step{`PATCH /v1/device/host-config {"network":{"hostname":"bad name!"}}`, 400, nil},
		step{"GET /v1/device/host-config", 200, []string{`"hostname"`}},
		step{"POST /v1/shutdown", 403, []string{"Error=shutdown is disabled on this node; add it to allow in [device]"}},
		step{`POST /supervisor/v1/device {"uuid":"{U2}","method":"GET"}`, 200, []string{"nothing=", "identifier=127.0.0.1:" + other.port}},
		step{`POST /supervisor/v1/update {"appId":"web","data":{"force":true}}`, 200, []string{"#Data=3", "Error="}},
		step{`POST /supervisor/v1/device {"uuid":"ffff"}`, 404, []string{"Data="}},
		step{`POST /supervisor/getState {"uuid":"{U2}"}`, 404, nil},
	)
	if _, err := os.Stat(n.path("data/web/below")); err != nil {
		t.Errorf("a dry run has purged the data of web: %v", err)
	}
	// managed, and it runs on the first node
	other.key = ""
	other.all(step{"POST /v1/apps/web/start", 400, []string{"127.0.0.1:" + n.port}})

	// the end of a host, without its end: the Master has web go on elsewhere, and the node comes back
	n.all(step{"POST /v1/reboot", 202, []string{"Data=OK", "Error="}})
	c.until("web runs elsewhere", func() bool { return c.pid(1)+c.pid(2) > 0 })
	n.soon(step{"GET /eventlog?event_code=device_dry_run", 200, []string{"[-1].message=dry run: run true"}})
	n.soon(step{"GET /eventlog?event_code=device_reboot", 200, []string{"#=1"}})
	n.soon(step{"GET /v1/apps/loose", 200, []string{"status=RUNNING"}})

	n.key = n.vars["K"]
	n.all(step{"POST /v1/regenerate-api-key", 200, nil})
	n.all(step{"GET /v1/device", 401, nil})
	fresh := strings.TrimSpace(n.read("state/global.key"))
	c.clusterPlace.nodes[0].stop()
	c.boot(0)
	if n.key != fresh {
		t.Errorf("the key was %s and is %s", fresh, n.key)
	}
	c.agreed(0, 1, 2)
	n.all(
		step{"GET /v1/device", 200, []string{"uuid={UUID}"}},
		step{"GET /v1/device?apikey={K}", 401, nil},
		step{"GET /v1/device?apikey={R}", 200, nil},
		step{"GET /eventlog?event_code=device_purge", 200, []string{"#=1", "[0].event_source.service_url=web"}},
	)
	for _, node := range c.clusterPlace.nodes {
		node.stop()
	}
}

// TestRegistration drains a node, which leaves the cluster for as long as nobody takes it back, also over a restart.
func TestRegistration(t *testing.T) {
	c := newEdgeCluster(t, "", "")
	n := c.nodes[0]
	c.until("web runs on sup01", func() bool { return c.pid(0) > 0 })
	var loose struct {
		PID int `xmlrpc:"pid"`
	}
	if err := n.call(&loose, "supervisor.getProcessInfo", "loose"); err != nil {
		t.Fatal(err)
	}
	kept := loose.PID
	n.all(step{"DELETE /node?block=true", 204, nil})
	if c.pid(0) != 0 || c.pid(1)+c.pid(2) == 0 {
		t.Errorf("web has pids %d %d %d", c.pid(0), c.pid(1), c.pid(2))
	}
	c.agreed(1, 2)
	if err := n.call(&loose, "supervisor.getProcessInfo", "loose"); err != nil || loose.PID != kept {
		t.Errorf("loose had pid %d and has %d, %v", kept, loose.PID, err)
	}
	alone := []step{
		{"GET /node", 200, []string{"id=sup01", "organization=", "configstate.state=unconfigured", "configstate.last_update_time=0"}},
		{"DELETE /node", 404, []string{"input=node"}},
		{"GET /service", 424, []string{"input=node"}},
		{"GET /attribute", 424, nil},
		{`PUT /node/configstate {"state":"configured"}`, 404, nil},
	}
	n.all(alone...)
	if err := n.call(nil, "supvisors.start_application", "CONFIG", "web", false); faultCode(err) != 101 {
		t.Errorf("it starts applications of the cluster: %v", err)
	}
	n.all(step{"GET /agreement", 200, []string{"agreements.archived[-1].terminated_reason=116", "#agreements.active=0"}},
		step{"GET /eventlog/all?event_code=node_unregistration_complete", 200, []string{"#=1"}})
	c.clusterPlace.nodes[0].stop()
	c.boot(0)
	has(t, "log", n.read("log"), "unregistered")
	n.all(alone...)
	n.all(
		step{`POST /node {"id":"sup01","organization":"else","token":"s3cret"}`, 400, []string{"input=device.organization"}},
		step{`POST /node {"id":"sup01","organization":"supvisors","token":"s3cret","join":["203.0.113.9:9001"]}`, 403, nil},
		step{`POST /node {"id":"sup01","organization":"supvisors","token":"wrong"}`, 500, nil},
		step{"GET /node", 200, []string{"configstate.state=unconfigured"}},
		step{`POST /node {"id":"sup01","organization":"supvisors","token":"s3cret","name":"sup01"}`, 201, []string{"configstate.state=configuring"}},
		step{`POST /node {"id":"sup01","organization":"supvisors","token":"s3cret","name":"sup01"}`, 409, nil},
	)
	c.agreed(0, 1, 2)
	// a member that is not chosen, until it is configured
	c.stopWeb(n)
	if err := n.call(nil, "supvisors.start_application", "CONFIG", "web", true); err != nil || c.pid(0) != 0 {
		t.Errorf("a node that is configuring runs web: %v", err)
	}
	n.all(step{`PATCH /node {"id":"sup01","token":"s3cret"}`, 200, []string{"configstate.state=configuring"}})
	c.agreed(0, 1, 2)
	c.clusterPlace.nodes[0].stop()
	c.boot(0)
	c.agreed(0, 1, 2)
	n.all(
		step{"GET /node", 200, []string{"configstate.state=configuring"}},
		step{`PUT /node/configstate {"state":"configured"}`, 201, []string{"state=configured"}},
		step{"GET /eventlog", 200, nil},
	)
	c.stopWeb(n)
	c.until("web may run on sup01 again", func() bool {
		err := n.call(nil, "supvisors.start_application", "CONFIG", "web", true)
		return err == nil && c.pid(0) > 0 || c.pid(1)+c.pid(2) > 0 && n.call(nil, "supvisors.stop_application", "web", true) != nil
	})
	for _, node := range c.clusterPlace.nodes {
		node.stop()
	}
}

// stopWeb stops the application wherever it runs.
func (c *edgeCluster) stopWeb(n *contract) {
	c.t.Helper()
	c.until("web is stopped", func() bool {
		return c.pid(0)+c.pid(1)+c.pid(2) == 0 || n.call(nil, "supvisors.stop_application", "web", true) == nil
	})
}

// TestSigned: rules and configuration that are not signed by somebody who is trusted are refused, at the start and when they are read again.
func TestSigned(t *testing.T) {
	p := newPlace(t)
	port := porttest.Free(t, 1)[0]
	n := &contract{place: p, api: "http://127.0.0.1:" + port, vars: map[string]string{}}
	conf := base + "[rest]\nport=127.0.0.1:" + port + "\napis=device,agent\nstate_dir=@DIR@/state\n[agent]\nREQUIRE\n[device]\nlock_dir=@DIR@/locks\n" +
		"[include]\nfiles=@DIR@/extra.conf\n[program:idle]\ncommand=@SELF@ play idle\nstartsecs=0\n"
	p.write("extra.conf", "[program:extra]\ncommand=@SELF@ play idle\nstartsecs=0\n")
	p.write("conf", strings.Replace(conf, "REQUIRE", "", 1))
	d := p.start()
	n.key = strings.TrimSpace(p.read("state/global.key"))
	private := n.trusts(t)
	d.stop()
	sign := func(name string) {
		t.Helper()
		signature := ed25519.Sign(private, []byte(p.read(name)))
		p.write(name+".sig", base64.StdEncoding.EncodeToString(signature)+"\n")
	}
	p.write("conf", strings.Replace(conf, "REQUIRE", "require_signed=config", 1))
	if got := p.run("-n", "-c", p.path("conf")); got.code != 2 || !strings.Contains(got.stderr, "conf") {
		t.Errorf("an unsigned configuration: %d %s", got.code, got.stderr)
	}
	sign("conf")
	if got := p.run("-n", "-c", p.path("conf")); got.code != 2 || !strings.Contains(got.stderr, filepath.Base(p.path("extra.conf"))) {
		t.Errorf("an unsigned file that is included: %d %s", got.code, got.stderr)
	}
	sign("extra.conf")
	d = p.start()
	p.write("extra.conf", "[program:other]\ncommand=@SELF@ play idle\nstartsecs=0\n")
	if err := p.call(nil, "supervisor.reloadConfig"); err == nil {
		t.Error("a changed file is taken")
	}
	n.soon(step{"GET /eventlog?event_code=error_in_deployment_configuration", 200, []string{"[0].severity=error", "extra.conf"}})
	sign("extra.conf")
	if err := p.call(nil, "supervisor.reloadConfig"); err != nil {
		t.Error(err)
	}
	d.stop()
}
