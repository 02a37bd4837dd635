package agent_test

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rest/agent"
)

// TestServices: configurations, runs, and the processes of a run as Docker tells them.
func TestServices(t *testing.T) {
	s := newSite(t, nil)
	s.try([]example{{"GET /service", "", 200, "json", `{"config":[{"sensor_url":"https://host/services/netspeed","sensor_org":"supvisors","sensor_version":"[0.0.0,INFINITY)","auto_upgrade":true,"active_upgrade":false,"attributes":[]},` +
		`{"sensor_url":"web","sensor_org":"supvisors","sensor_version":"[0.0.0,INFINITY)","auto_upgrade":true,"active_upgrade":false,"attributes":[]}],"definitions":{"active":[],"archived":[]},"instances":{"active":[],"archived":[]}}`, ""}})
	app := s.applications[1]
	s.services = agent.Services{
		Definitions: []agent.Definition{
			{RecordID: "2", Application: app, Label: "Web", Requires: []agent.ServiceDependency{s.applications[0].Dependency()}, Updated: 77, Hash: []byte{1, 2, 3},
				Processes: []agent.Process{{Name: "front", Command: "/bin/front -x <y>", Environment: map[string]string{"B": "2", "A": "1"}, User: "www", Autostart: true}, {Name: "back"}}},
			{RecordID: "1", Application: app, Archived: true},
		},
		Instances: []agent.Instance{
			{ID: "i2", Application: app, Created: 10, Started: 11, Managed: true, Agreements: []string{"ag"}, Definition: "2", StartRetries: 3, StaleEnv: true,
				Containers: []agent.Container{{ID: "c1", Program: "/bin/front", Command: "/bin/front -x", Created: 11, State: "RUNNING", Since: time.Now().Add(-2 * time.Hour), Namespec: "web:front", PID: 42, Agreement: "ag"}}},
			{ID: "i1", Application: app, Archived: true, FailureCode: 200, FailureText: "no such file"},
		},
	}
	var body struct {
		Definitions, Instances struct{ Active, Archived []map[string]any }
	}
	if err := json.Unmarshal([]byte(s.do("GET", "/service", "").Text), &body); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		of     map[string]any
		fields string
	}{
		{body.Definitions.Active[0], `{"record_id":"2","owner":"local","label":"Web","description":"","specRef":"web","organization":"supvisors","version":"1.0.0","arch":"ARCH","sharable":"singleton","downloadUrl":"","matchHardware":{},
			"userInput":[{"name":"A","label":"A","type":"string","defaultValue":"1"},{"name":"B","label":"B","type":"string","defaultValue":"2"}],"workloads":null,"public":true,
			"requiredServices":[{"url":"https://host/services/netspeed","org":"supvisors","versionRange":"[0.0.0,INFINITY)","arch":"ARCH"}],
			"deployment":"{\"services\":{\"back\":{\"command\":\"\",\"environment\":{},\"directory\":\"\",\"user\":\"\",\"autostart\":false},\"front\":{\"command\":\"/bin/front -x <y>\",\"environment\":{\"A\":\"1\",\"B\":\"2\"},\"directory\":\"\",\"user\":\"www\",\"autostart\":true}}}",
			"deployment_signature":"","lastUpdated":77,"archived":false,"name":"web","requested_arch":"ARCH","upgrade_version_range":"[0.0.0,INFINITY)","auto_upgrade":true,"active_upgrade":false,"upgrade_start_time":0,"upgrade_ms_unregistered_time":0,
			"upgrade_agreements_cleared_time":0,"upgrade_execution_start_time":0,"upgrade_ms_reregistered_time":0,"upgrade_failed_time":0,"upgrade_failure_reason":0,"upgrade_failure_description":"","upgrade_new_ms_id":"","metadata_hash":"AQID","imageStore":{}}`},
		{body.Instances.Active[0], `{"ref_url":"web","organization":"supvisors","version":"1.0.0","arch":"ARCH","instance_id":"i2","archived":false,"instance_creation_time":10,"execution_start_time":11,"execution_failure_code":0,"execution_failure_desc":"",
			"cleanup_start_time":0,"associated_agreements":["ag"],"microservicedef_id":"2","service_instance_path":[[{"url":"web","org":"supvisors","version":"1.0.0"}]],"agreement_less":false,"max_retries":3,"max_retry_duration":0,"current_retry_count":0,
			"retry_start_time":0,"stale_env":true,"containers":[{"Id":"c1","Image":"/bin/front","Command":"/bin/front -x","Created":11,"State":"running","Status":"Up 2 hours","Names":["/web:front"],
			"Labels":{"openhorizon.anax.agreement_id":"ag","openhorizon.anax.service_name":"web"},"NetworkSettings":{},"Mounts":[],"Pid":42,"Namespec":"web:front"}]}`},
	} {
		var want map[string]any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(tt.fields, "ARCH", runtime.GOARCH)), &want); err != nil {
			t.Fatal(err)
		}
		got, _ := json.Marshal(tt.of)
		if wanted, _ := json.Marshal(want); string(got) != string(wanted) {
			t.Errorf("got %s\nwanted %s", got, wanted)
		}
	}
	old, ended := body.Definitions.Archived[0], body.Instances.Archived[0]
	if old["record_id"] != "1" || ended["instance_id"] != "i1" || ended["execution_failure_code"] != 200.0 || ended["execution_failure_desc"] != "no such file" || ended["agreement_less"] != true {
		t.Error(old, ended)
	}
}

// TestContainers: the states of Supervisor in the words of Docker, and times as it tells them.
func TestContainers(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		state       string
		exit        int
		ago         time.Duration
		name, words string
	}{
		{"", 0, 0, "created", "Created"}, {"STARTING", 0, 0, "restarting", "Restarting (0) Less than a second ago"}, {"BACKOFF", 3, 1500 * time.Millisecond, "restarting", "Restarting (3) 1 second ago"},
		{"RUNNING", 0, 30 * time.Second, "running", "Up 30 seconds"}, {"STOPPING", 0, 90 * time.Second, "running", "Up About a minute"}, {"EXITED", 1, 3*time.Minute + time.Second, "exited", "Exited (1) 3 minutes ago"},
		{"STOPPED", 0, 61 * time.Minute, "exited", "Exited (0) About an hour ago"}, {"FATAL", 0, 47 * time.Hour, "exited", "Exited (0) 47 hours ago"}, {"UNKNOWN", 0, 3 * day, "exited", "Exited (0) 3 days ago"},
		{"RUNNING", 0, 15 * day, "running", "Up 2 weeks"}, {"RUNNING", 0, 100 * day, "running", "Up 3 months"}, {"RUNNING", 0, 800 * day, "running", "Up 2 years"},
	} {
		s := newSite(t, nil)
		s.services.Instances = []agent.Instance{{Containers: []agent.Container{{State: tt.state, ExitStatus: tt.exit, Since: time.Now().Add(-tt.ago)}}}}
		if got := s.do("GET", "/service", "").Text; !strings.Contains(got, `"State":"`+tt.name+`","Status":"`+tt.words+`"`) {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// TestServiceConfig: what a client says of a service replaces what it said before; attributes are shown as they are stored.
func TestServiceConfig(t *testing.T) {
	s := newSite(t, nil)
	s.created(`{"type":"LocationAttributes","label":"here","publishable":true,"mappings":{"lat":1,"lon":2}}`)
	first := s.do("POST", "/service/config", `{"url":"web","organization":"supvisors","attributes":[`+input(`{"FOO":"b1"}`)+`]}`)
	id := uuid.FindStringSubmatch(first.Text)
	if first.StatusCode != 201 || id == nil {
		t.Fatal(first.Status, first.Text)
	}
	s.Taken()
	arch := `"arch":"` + runtime.GOARCH + `"`
	other := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "arm": "armhf"}[runtime.GOARCH]
	stored := `{"sensor_url":"web","sensor_org":"supvisors","sensor_version":"[1.0,2)","auto_upgrade":false,"active_upgrade":true,"attributes":[{"lat":1,"lon":2,"meta":{"id":`
	s.try([]example{
		{"POST /service/config", `{"URL":"web","name":"The Web","arch":"` + other + `","VersionRange":"[1.0,2)","auto_upgrade":false,"active_upgrade":true,"attributes":[` + strings.Replace(input(`{"FOO":"b2"}`), "{", `{"service_specs":[{"url":"speed"}],`, 1) + `]}`, 201, "json",
			`{"url":"web","organization":"supvisors","name":"The Web",` + arch + `,"versionRange":"[1.0,2)","auto_upgrade":false,"active_upgrade":true,"attributes":[{"id":"` + id[1] + `","type":"UserInputAttributes","label":"in","publishable":false,"host_only":false,"service_specs":[{"url":"web","organization":"supvisors"}],"mappings":{"FOO":"b2"}}]}`, "Edit"},
		{"POST /service/config", `{"url":"http://elsewhere/netspeed"}`, 400, "json", refusal("there is no such service on this node", "service"), ""},
		{"POST /service/config", `{"url":"http://elsewhere/speed"}`, 201, "json", `{"url":"https://host/services/netspeed","organization":"supvisors","name":"speed",` + arch + `,"versionRange":"[0.0.0,INFINITY)","auto_upgrade":true,"active_upgrade":false,"attributes":[]}`, "Edit"},
		{"POST /service/config", `{"url":"nope"}`, 400, "json", refusal("there is no such service on this node", "service"), ""},
		{"POST /service/config", `{"url":"web","organization":"acme"}`, 400, "json", refusal("there is no such service on this node", "service"), ""},
		{"POST /service/config", `{}`, 400, "json", `{"error":"a url is needed: …`, ""},
		{"POST /service/config", `{"url":"web","arch":"s390x"}`, 400, "json", refusal("this is not the architecture of the node", "service.arch"), ""},
		{"POST /service/config", `{"url":"web","name":"\u00e9"}`, 400, "json", `{"error":"only letters, digits, spaces and - * + ( ) ? & ! _ . @ , : / \\ are allowed here","input":"service.name"}`, ""},
		{"POST /service/config", `{"url":"web","auto_upgrade":"no"}`, 400, "json", refusal("auto_upgrade must be true or false", "service.auto_upgrade"), ""},
		{"POST /service/config", `{"url":"web","attributes":[{}]}`, 400, "json", refusal("a type is needed", "type"), ""},
		{"POST /service/config", `{"url":"web","attributes":[` + input("{}") + "," + input("{}") + `]}`, 400, "json", refusal("there are two attributes of one type", "service.attributes"), ""},
		{"POST /service/config", `[]`, 400, "json", refusal("the body must be a JSON object", "service"), ""},
	})
	got := s.do("GET", "/service/config", "").Text
	for _, part := range []string{stored, `{"mappings":{"FOO":"b2"},"meta":{"id":"` + id[1] + `","type":"UserInputAttributes","label":"in","host_only":false,"publishable":false},"service_specs":[{"url":"web","organization":"supvisors"}]}`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %s", got, part)
		}
	}
	if n := len(s.settings.Attributes); n != 2 || len(s.settings.Services) != 2 {
		t.Errorf("%+v", s.settings)
	}
}

// TestVersionRanges: what may be said, for it is kept.
func TestVersionRanges(t *testing.T) {
	s := newSite(t, nil)
	for text, ok := range map[string]bool{
		"1": true, "1.0": true, "1.2.3": true, "[1.0,2)": true, "(1.0.0,2.0.0]": true, "[0.0.0,INFINITY)": true, "[1,infinity)": false, "1.2.3.4": false, "v1": false, "[1,2": false,
		"1,2": false, "[1]": false, "[,1]": false, "[1,]": false, "[": false, "()": false, "1..2": false, "[INFINITY,1]": false, "-1": false,
	} {
		got := s.do("POST", "/service/config", `{"url":"web","versionRange":"`+text+`"}`)
		if (got.StatusCode == 201) != ok || !ok && !strings.Contains(got.Text, `"input":"service.versionRange"`) {
			t.Errorf("%s: %s %s", text, got.Status, got.Text)
		}
	}
}

// TestServiceStates: which applications a request is about.
func TestServiceStates(t *testing.T) {
	s := newSite(t, nil)
	s.applications[0].Suspended = true
	s.applications = append(s.applications, agent.Application{Name: "db", Organization: "acme", Version: "2"})
	states := "Supported state values are active and suspended"
	s.try([]example{
		{"GET /service/configstate", "", 200, "json", `{"configstates":[{"url":"https://host/services/netspeed","org":"supvisors","version":"1.2.0","configState":"suspended"},` +
			`{"url":"web","org":"supvisors","version":"1.0.0","configState":"active"},{"url":"db","org":"acme","version":"2","configState":"active"}]}`, ""},
		{"POST /service/configstate", `{"url":"web","org":"supvisors","configState":"suspended"}`, 200, "", "", "Suspend web true"},
		{"POST /service/configstate", `{"url":"web","org":"supvisors","configstate":"active"}`, 200, "", "", "Suspend web false"},
		{"POST /service/configstate", `{"url":"https://host/services/netspeed","org":"supvisors","version":"1.2.0","configState":"active"}`, 200, "", "", "Suspend speed false"},
		{"POST /service/configstate", `{"url":"","org":"","configState":"suspended"}`, 200, "", "", "Suspend speed,web,db true"},
		{"POST /service/configstate", `{"configState":"active"}`, 200, "", "", "Suspend speed,web,db false"},
		{"POST /service/configstate", `{"url":"","org":"supvisors","configState":"active"}`, 200, "", "", "Suspend speed,web false"},
		{"POST /service/configstate", `{"url":"web","configState":"active"}`, 400, "json", refusal("the organization of the service is needed", "org"), ""},
		{"POST /service/configstate", `{"url":"web","org":"supvisors","configState":"stopped"}`, 400, "json", refusal(states, "configState"), ""},
		{"POST /service/configstate", `{"url":"web","org":"supvisors"}`, 400, "json", refusal(states, "configState"), ""},
		{"POST /service/configstate", `{"url":"web","org":"acme","configState":"active"}`, 400, "json", refusal("there is no such service on this node", "url, org"), ""},
		{"POST /service/configstate", `{"url":"web","org":"supvisors","version":"9","configState":"active"}`, 400, "json", refusal("there is no such service on this node", "url, org"), ""},
		{"POST /service/configstate", `{"org":"nobody","configState":"active"}`, 400, "json", refusal("there is no such service on this node", "url, org"), ""},
		{"POST /service/configstate", `{"url":5}`, 400, "json", refusal("url must be a text", "url"), ""},
		{"POST /service/configstate", `{"url":"<","org":"supvisors","configState":"active"}`, 400, "json", `{"error":"only letters…`, ""},
		{"POST /service/configstate", ``, 400, "json", refusal("the body must be a JSON object", "body"), ""},
	})
	s.Err = &agent.BadInput{Input: "url", Text: "p is in a and b"}
	s.try([]example{{"POST /service/configstate", `{"url":"web","org":"supvisors","configState":"suspended"}`, 400, "json", refusal("p is in a and b", "url"), "Suspend web true"}})
}

// TestPolicies: the rules of an application and the properties of the node.
func TestPolicies(t *testing.T) {
	s := newSite(t, nil)
	s.created(`{"type":"PropertyAttributes","label":"p","publishable":true,"mappings":{"rack":7,"b":[true]}}`)
	s.created(`{"type":"PropertyAttributes","label":"q","publishable":false,"mappings":{"private":1}}`)
	s.try([]example{{"GET /service/policy", "", 200, "json", `{"Policy for supvisors_web":{"header":{"name":"Policy for supvisors_web","version":"2.0"},` +
		`"apiSpec":[{"specRef":"web","organization":"supvisors","version":"1.0.0","exclusiveAccess":true,"arch":"` + runtime.GOARCH + `"}],"agreementProtocols":[{"name":"Basic"}],` +
		`"valueExchange":{},"resourceLimits":{},"dataVerification":{"metering":{}},"proposalRejection":{},"maxAgreements":1,"properties":[{"name":"cpus","value":4},{"name":"b","value":[true]},{"name":"rack","value":7}],` +
		`"ha_group":{},"nodeHealth":{},"supvisors":{"application":{"starting_strategy":"CONFIG"}}}}`, ""}})
	s.Err = errors.New("no rules")
	s.try([]example{{"GET /service/policy", "", 500, "text", "no rules", ""}})
}
