package agent_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/rest/agent"
)

// input is a UserInput with these mappings.
func input(mappings string) string {
	return `{"type":"UserInputAttributes","label":"in","publishable":false,"mappings":` + mappings + `}`
}

var uuid = regexp.MustCompile(`"id":"([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"`)

// created makes an attribute and returns its id.
func (s *site) created(body string) string {
	s.t.Helper()
	got := s.do("POST", "/attribute", body)
	id := uuid.FindStringSubmatch(got.Text)
	if got.StatusCode != 201 || id == nil {
		s.t.Fatalf("%s: %s %s", body, got.Status, got.Text)
	}
	s.Taken()
	return id[1]
}

// TestAttributes goes through the life of attributes, as the examples of the specification do.
func TestAttributes(t *testing.T) {
	s := newSite(t, nil)
	body := `{"id":"mine","type":"UserInputAttributes","label":"in","publishable":false,"host_only":false,"service_specs":[{"url":"web","organization":"supvisors"}],"mappings":{"FOO":"bar","N":5.50,"L":["a","b"]}}`
	id := s.created(body)
	one := func(mappings, specs string) string {
		return `{"id":"` + id + `","type":"UserInputAttributes","label":"in","publishable":false,"host_only":false,"service_specs":[` + specs + `],"mappings":` + mappings + `}`
	}
	web, speed := `{"url":"web","organization":"supvisors"}`, `{"url":"https://host/services/netspeed","organization":"supvisors"}`
	s.try([]example{
		{"GET /attribute", "", 200, "json", `{"attributes":[` + one(`{"FOO":"bar","L":["a","b"],"N":5.50}`, web) + `]}`, ""},
		{"GET /attribute/" + id, "", 200, "json", `{"attributes":[` + one(`{"FOO":"bar","L":["a","b"],"N":5.50}`, web) + `]}`, ""},
		{"GET /attribute/nope", "", 200, "json", `{"attributes":[]}`, ""},
		{"POST /attribute", body, 409, "", "", ""},
		{"POST /attribute", strings.Replace(body, `"web","organization":"supvisors"`, `"web"`, 1), 409, "", "", ""},
		{"POST /attribute/" + id, body, 400, "text", "an attribute is created without an id in the path", ""},
		{"PATCH /attribute/" + id, `{"TYPE":"UserInputAttributes","Mappings":{"FOO":"x"}}`, 200, "json", one(`{"FOO":"x","L":["a","b"],"N":5.50}`, web), "Edit"},
		{"PATCH /attribute/" + id, `{"type":"UserInputAttributes","service_specs":[{"url":"speed"},{"url":"web"}]}`, 200, "json", one(`{"FOO":"x","L":["a","b"],"N":5.50}`, web+","+speed), "Edit"},
		{"PATCH /attribute/" + id, `{"mappings":{"FOO":"x"}}`, 400, "json", refusal("a type is needed", "type"), ""},
		{"PATCH /attribute/" + id, `{"type":"HTTPSBasicAuthAttributes","mappings":{}}`, 400, "json", refusal("the attribute has another type", "type"), ""},
		{"PATCH /attribute/" + id, `{"type":"LocationAttributes","mappings":{}}`, 400, "json", refusal("LocationAttributes can only be replaced", "type"), ""},
		{"PATCH /attribute/nope", `{"type":"UserInputAttributes"}`, 404, "", "", ""},
		{"PUT /attribute/nope", body, 404, "", "", ""},
		{"PUT /attribute/" + id, input(`{"A":true}`), 200, "json", one(`{"A":true}`, ""), "Edit"},
		{"PUT /attribute/" + id, `{"type":"ComputeAttributes","label":"c","publishable":true,"mappings":{"cpus":4,"ram":1024}}`, 200, "json", `{"id":"` + id + `","type":"ComputeAttributes",…`, "Edit"},
		{"DELETE /attribute/" + id, "", 200, "json", `{"id":"` + id + `","type":"ComputeAttributes","label":"c",…`, "Edit"},
		{"DELETE /attribute/" + id, "", 200, "", "", ""},
		{"GET /attribute", "", 200, "json", `{"attributes":[]}`, ""},
	})
	if got := s.do("HEAD", "/attribute", ""); got.StatusCode != 200 || got.ContentLength != int64(len(`{"attributes":[]}`)) {
		t.Error(got.Status, got.ContentLength)
	}
}

// TestAttributeTypes: what each type takes, and which input is named when it does not.
func TestAttributeTypes(t *testing.T) {
	for _, tt := range []struct{ kind, mappings, want string }{
		{"UserInput", `{}`, ""}, {"UserInput", `{"A":true,"B":"x","C":-1e3,"D":["a",1,null],"E F":""}`, ""},
		{"UserInput", `{"A":null}`, "mappings.A"}, {"UserInput", `{"A":{"x":1}}`, "mappings.A"}, {"UserInput", `{"A":"x\u0000"}`, "mappings.A"},
		{"UserInput", `{"A":["a\u0000"]}`, "mappings.A"}, {"UserInput", `{"":1}`, "mappings."}, {"UserInput", `{"A=B":1}`, "mappings.A=B"},
		{"UserInput", `{"SUPERVISOR_X":1}`, "mappings.SUPERVISOR_X"}, {"UserInput", `{"SUPVISORS_":1}`, "mappings.SUPVISORS_"},
		{"UserInput", `{"RESIN_A":1}`, "mappings.RESIN_A"}, {"UserInput", `{"BALENA_A":1}`, "mappings.BALENA_A"}, {"UserInput", `{"LD_PRELOAD":"x"}`, "mappings.LD_PRELOAD"},
		{"UserInput", `{"PATH":"x"}`, ""}, {"UserInput", `{"PATHS":"x","ld_x":1}`, ""}, {"UserInput", `{"TOKEN":"********"}`, "mappings.TOKEN"}, {"UserInput", `{"STARS":"********"}`, ""},
		{"UserInput", `[]`, "mappings"}, {"UserInput", `null`, "mappings"}, {"UserInput", `{"A":"` + strings.Repeat("a", 64<<10) + `"}`, "mappings"},
		{"Location", `{"lat":41.5,"lon":-73.9,"location_accuracy_km":0.5,"use_gps":true}`, ""}, {"Location", `{"lat":90,"lon":-180}`, ""},
		{"Location", `{"lat":41.5}`, "mappings.lon"}, {"Location", `{"lon":1}`, "mappings.lat"}, {"Location", `{"lat":90.1,"lon":1}`, "mappings.lat"},
		{"Location", `{"lat":"1","lon":1}`, "mappings.lat"}, {"Location", `{"lat":1,"lon":181}`, "mappings.lon"}, {"Location", `{"lat":1,"lon":1e999}`, "mappings.lon"},
		{"Location", `{"lat":1,"lon":1,"use_gps":"true"}`, "mappings.use_gps"}, {"Location", `{"lat":1,"lon":1,"location_accuracy_km":-1}`, "mappings.location_accuracy_km"},
		{"Location", `{"lat":1,"lon":1,"meta":1}`, "mappings.meta"},
		{"Architecture", `{"architecture":"amd64"}`, "type"},
		{"Compute", `{"cpus":4,"ram":1024}`, ""}, {"Compute", `{"cpus":4}`, "mappings.ram"}, {"Compute", `{"cpus":4.5,"ram":1}`, "mappings.cpus"}, {"Compute", `{"cpus":-1,"ram":1}`, "mappings.cpus"},
		{"HA", `{"partnerID":["sup02","sup03"]}`, ""}, {"HA", `{"partnerID":"sup02"}`, "mappings.partnerID"}, {"HA", `{"partnerID":[1]}`, "mappings.partnerID"}, {"HA", `{}`, "mappings.partnerID"},
		{"Property", `{"a":null,"b":{"c":[1]},"d":1}`, ""}, {"Property", `{"a<":1}`, "mappings.a<"},
		{"CounterPartyProperty", `{"expression":{"and":[]}}`, ""}, {"CounterPartyProperty", `{"expression":"x"}`, "mappings.expression"},
		{"Metering", `{"tokens":2,"perTimeUnit":"hour","notificationInterval":3600}`, ""}, {"Metering", `{"tokens":"2"}`, "mappings.tokens"},
		{"AgreementProtocol", `{"protocols":["Basic"]}`, ""}, {"AgreementProtocol", `{"protocols":[{"Basic":[]}]}`, ""}, {"AgreementProtocol", `{"protocols":["Citizen Scientist"]}`, "mappings.protocols"},
		{"AgreementProtocol", `{"protocols":[{"Basic":[],"Other":[]}]}`, "mappings.protocols"}, {"AgreementProtocol", `{"protocols":{}}`, "mappings.protocols"},
		{"HTTPSBasicAuth", `{"url":"https://a","username":"u","password":"p"}`, ""}, {"HTTPSBasicAuth", `{"url":"https://a","username":"u"}`, "mappings.password"},
		{"HTTPSBasicAuth", `{"url":"https://a","username":"u","password":"********"}`, "mappings.password"},
		{"DockerRegistryAuth", `{"auths":[{"registry":"r","token":"t"},{"registry":"r","username":"u","token":"t"}]}`, ""}, {"DockerRegistryAuth", `{"auths":[{"registry":"r"}]}`, "mappings.auths"},
		{"DockerRegistryAuth", `{"auths":[{"registry":"r","token":"********"}]}`, "mappings.auths"}, {"DockerRegistryAuth", `{"auths":[1]}`, "mappings.auths"}, {"DockerRegistryAuth", `{"auths":"a"}`, "mappings.auths"},
		{"DockerRegistryAuth", `{"auths":[{"registry":"r","token":"t","password":"p"}]}`, "mappings.auths"},
		{"Nonsense", `{}`, "mappings"}, {"userinput", `{}`, "mappings"},
	} {
		s := newSite(t, func(c *agent.Config) { c.InputNames = []string{"PATH"} })
		body := fmt.Sprintf(`{"type":"%sAttributes","label":"l","publishable":true,"mappings":%s}`, tt.kind, tt.mappings)
		got, calls, inputs := s.do("POST", "/attribute", body), s.Taken(), strings.Join(s.inputs(), "; ")
		if tt.want == "" {
			if got.StatusCode != 201 || !slices.Equal(calls, []string{"Edit"}) || inputs != "" {
				t.Errorf("%.200s: %s %.200s %v", body, got.Status, got.Text, calls)
			}
			continue
		}
		if got.StatusCode != 400 || !strings.HasSuffix(got.Text, `","input":"`+tt.want+`"}`) || calls != nil || inputs != tt.want {
			t.Errorf("%.200s: %s %.200s [%s]", body, got.Status, got.Text, inputs)
		}
	}
}

// TestAttributeFields: all but the mappings.
func TestAttributeFields(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{`{"label":"l","publishable":true,"mappings":{}}`, "type"}, {`{"type":null,"label":"l","publishable":true,"mappings":{}}`, "type"},
		{`{"type":5,"label":"l","publishable":true,"mappings":{}}`, "type"},
		{`{"type":"UserInputAttributes","publishable":true,"mappings":{}}`, "label"}, {`{"type":"UserInputAttributes","label":"<b>","publishable":true,"mappings":{}}`, "label"},
		{`{"type":"UserInputAttributes","label":"l","mappings":{}}`, "publishable"}, {`{"type":"UserInputAttributes","label":"l","publishable":"true","mappings":{}}`, "publishable"},
		{`{"type":"UserInputAttributes","label":"l","publishable":true}`, "mappings"}, {`{"type":"UserInputAttributes","label":"l","publishable":true,"host_only":1,"mappings":{}}`, "host_only"},
		{`{"type":"UserInputAttributes","label":"l","publishable":true,"service_specs":[{"organization":"o"}],"mappings":{}}`, "service_specs.url"},
		{`{"type":"UserInputAttributes","label":"l","publishable":true,"service_specs":[{"url":"a\tb"}],"mappings":{}}`, "service_specs.url"},
		{`{"type":"UserInputAttributes","label":"l","publishable":true,"service_specs":[{"url":"a","organization":"\""}],"mappings":{}}`, "service_specs.organization"},
		{`{"type":"UserInputAttributes","label":"l","publishable":true,"service_specs":["web"],"mappings":{}}`, "service_specs"},
		{``, "body"}, {`[{}]`, "body"}, {`{"type":`, "body"}, {`{} x`, "body"},
	} {
		s := newSite(t, nil)
		got := s.do("POST", "/attribute", tt.body)
		if got.StatusCode != 400 || !strings.HasSuffix(got.Text, `","input":"`+tt.want+`"}`) || s.Taken() != nil {
			t.Errorf("%s: %s %s", tt.body, got.Status, got.Text)
		}
	}
}

// TestArchitecture: the one attribute that is not the user's.
func TestArchitecture(t *testing.T) {
	s := newSite(t, nil)
	s.settings.Attributes = []agent.Attribute{agent.ArchitectureAttribute("a", "arm64")}
	shown := `{"id":"a","type":"ArchitectureAttributes","label":"Architecture","publishable":true,"host_only":false,"service_specs":[],"mappings":{"architecture":"arm64"}}`
	s.try([]example{
		{"GET /attribute", "", 200, "json", `{"attributes":[` + shown + `]}`, ""},
		{"PUT /attribute/a", input("{}"), 400, "json", refusal("the architecture of a node cannot be changed", "type"), ""},
		{"DELETE /attribute/a", "", 400, "json", refusal("the architecture of a node cannot be removed", "type"), ""},
	})
}

// TestAttributeLimit: nobody fills the node with attributes.
func TestAttributeLimit(t *testing.T) {
	s := newSite(t, nil)
	s.settings.Attributes = make([]agent.Attribute, 1000)
	s.try([]example{{"POST /attribute", input(`{"A":1}`), 400, "json", refusal("there are too many attributes", "attribute"), ""}})
}

// TestSecrets: passwords are in no answer, values that are called like a secret only for who may do everything, and none is in the log.
func TestSecrets(t *testing.T) {
	s := newSite(t, func(c *agent.Config) { c.TrustLoopback, c.Login = true, func(string, string) bool { return true } })
	s.services.Definitions = []agent.Definition{{Application: s.applications[1], Processes: []agent.Process{{Name: "p", Environment: map[string]string{"DB_PASSWORD": "<visible>", "A": "b"}}}}}
	s.agreements = []agent.Agreement{{ID: "a", Deployment: map[string]agent.Deployed{"p": {Environment: map[string]string{"ApiToken": "<visible>", "A": "b"}}}}}
	https := s.created(`{"type":"HTTPSBasicAuthAttributes","label":"h","publishable":false,"mappings":{"url":"https://a","username":"u","password":"<hidden>"}}`)
	docker := s.created(`{"type":"DockerRegistryAuthAttributes","label":"d","publishable":false,"mappings":{"auths":[{"registry":"r","token":"<hidden>"}]}}`)
	user := s.created(input(`{"MY_SECRET":"<visible>","FOO":"bar"}`))
	s.created(`{"type":"PropertyAttributes","label":"p","publishable":true,"mappings":{"credential":"<visible>"}}`)
	for _, tt := range []struct{ request, body string }{
		{"GET /attribute", ""}, {"GET /service", ""}, {"GET /service/config", ""}, {"GET /service/policy", ""}, {"GET /agreement", ""}, {"GET /agreement/a", ""},
		{"PATCH /attribute/" + https, `{"type":"HTTPSBasicAuthAttributes","mappings":{"password":"<hidden>2"}}`},
		{"PATCH /attribute/" + docker, `{"type":"DockerRegistryAuthAttributes"}`},
		{"PATCH /attribute/" + user, `{"type":"UserInputAttributes","mappings":{"MY_SECRET":"<visible>2"}}`},
		{"PUT /attribute/" + https, `{"type":"HTTPSBasicAuthAttributes","label":"h","publishable":false,"mappings":{"url":"https://a","username":"u","password":"<hidden>3"}}`},
		{"POST /service/config", `{"url":"web","attributes":[` + input(`{"TOKEN":"<visible>"}`) + `]}`},
	} {
		verb, target, _ := strings.Cut(tt.request, " ")
		for _, who := range []string{"Bearer global", "Basic dTpw", "Bearer read", ""} {
			got := s.do(verb, target, tt.body, "Authorization", who)
			hides := strings.Contains(tt.body, "Auth") && !strings.Contains(tt.request, user)
			want := (who == "Bearer global" || who == "Basic dTpw") && !hides
			if got.StatusCode == 401 && who == "Bearer read" && verb != "GET" {
				continue
			}
			if got.StatusCode/100 != 2 || strings.Contains(got.Text, "<hidden>") || strings.Contains(got.Text, "<visible>") != want || !want && !strings.Contains(got.Text, "********") {
				t.Errorf("%s as %q: %s %s", tt.request, who, got.Status, got.Text)
			}
		}
	}
	if got := s.settings.Attributes[0].Mappings["password"]; got != "<hidden>3" {
		t.Errorf("kept is %v", got)
	}
	s.Err = fmt.Errorf("disk full")
	s.do("POST", "/attribute", input(`{"MY_SECRET":"<visible>4"}`))
	s.do("PATCH", "/attribute/"+https, `{"type":"HTTPSBasicAuthAttributes","mappings":{"password":["<hidden>"]}}`)
	if log := s.log.String(); !strings.Contains(log, "disk full") || strings.Contains(log, "<") {
		t.Error(log)
	}
}

// TestEnvironment: what attributes add to the processes of an application, and which counts more.
func TestEnvironment(t *testing.T) {
	var stored []agent.Attribute
	err := json.Unmarshal([]byte(`[
		{"type":"UserInputAttributes","service_specs":[{"url":"web"}],"mappings":{"WHO":"special","N":0.10,"B":false,"L":["a",1,"b c"],"E":[]}},
		{"type":"UserInputAttributes","service_specs":[],"mappings":{"WHO":"general","G":"1","BAD":null,"Z":"a\u0000"}},
		{"type":"UserInputAttributes","mappings":{"G":"2","HZN_RAM":"mine"}},
		{"type":"UserInputAttributes","host_only":true,"mappings":{"HOST":"1"}},
		{"type":"UserInputAttributes","service_specs":[{"url":"speed"}],"mappings":{"OTHER":"1"}},
		{"type":"UserInputAttributes","service_specs":[{"url":"web","organization":"acme"}],"mappings":{"ACME":"1"}},
		{"type":"LocationAttributes","mappings":{"lat":41.5,"lon":-73.12345678,"location_accuracy_km":0.5,"use_gps":true}},
		{"type":"ComputeAttributes","mappings":{"cpus":4,"ram":1024}},
		{"type":"HAAttributes","mappings":{"partnerID":["sup 02","sup03"]}},
		{"type":"ArchitectureAttributes","mappings":{"architecture":"arm64"}},
		{"type":"PropertyAttributes","mappings":{"p":"v"}}]`), &stored)
	if err != nil {
		t.Fatal(err)
	}
	web := agent.Application{Name: "web", URL: "https://host/w", Organization: "supvisors"}
	want := map[string]string{"WHO": "special", "N": "0.10", "B": "false", "L": "a b c", "E": "", "G": "2", "HZN_RAM": "mine"}
	if got := agent.Environment(stored, web, false); !maps.Equal(got, want) {
		t.Error(got)
	}
	maps.Copy(want, map[string]string{"HZN_LAT": "41.500000", "HZN_LON": "-73.123457", "HZN_LOCATION_ACCURACY_KM": "0.50", "HZN_USE_GPS": "true", "HZN_CPUS": "4",
		"HZN_HA_PARTNERS": "sup 02,sup03", "HZN_ARCH": "arm64"})
	if got := agent.Environment(stored, web, true); !maps.Equal(got, want) {
		t.Error(got)
	}
	for _, url := range []string{"web", "https://host/w", "http://other/x/web"} {
		stored[0].ServiceSpecs[0].URL = url
		if got := agent.Environment(stored[:1], web, false)["WHO"]; got != "special" {
			t.Errorf("%s is not web", url)
		}
	}
	for _, url := range []string{"", "eb", "https://host/web/", "https://host/ww", "WEB"} {
		stored[0].ServiceSpecs[0].URL = url
		if got := agent.Environment(stored[:1], web, false); len(got) != 0 {
			t.Errorf("%q is web", url)
		}
	}
	if data, err := json.Marshal(stored[0]); err != nil || !strings.Contains(string(data), `"N":0.10`) {
		t.Errorf("%s %v", data, err)
	}
	if err := json.Unmarshal([]byte(`{"type":"Nonsense"}`), &agent.Attribute{}); err == nil {
		t.Error("a type that is none")
	}
}

// fuzzed sends a body, and fails for what no body may do.
func fuzzed(t *testing.T, h *agent.Handler, node *fake, verb, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(verb, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer global")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	calls := node.Taken()
	if w.Code < 200 || w.Code >= 500 || w.Code >= 400 && len(calls) > 0 || len(calls) > 1 {
		t.Errorf("%s %s: %d %q", verb, target, w.Code, calls)
	}
	if w.Header().Get("Content-Type") == "application/json" && !json.Valid(w.Body.Bytes()) {
		t.Errorf("%s %s: %s", verb, target, w.Body)
	}
	return w
}

func fuzzHandler(f *testing.F) (*agent.Handler, *fake) {
	node := newFake()
	h, err := agent.New(agent.Config{Agent: node})
	if err != nil {
		f.Fatal(err)
	}
	return h, node
}

// FuzzAttribute: whatever a body says, no panic, and what is kept is an attribute that can be shown, kept and given to a process.
func FuzzAttribute(f *testing.F) {
	for _, seed := range []string{
		input(`{"FOO":"bar","N":5,"L":["a"],"T":true}`), `{"type":"DockerRegistryAuthAttributes","label":"d","publishable":true,"mappings":{"auths":[{"registry":"r","token":"t"}]}}`,
		`{"type":"LocationAttributes","label":"d","publishable":true,"mappings":{"lat":1e1,"lon":-0,"use_gps":false}}`, `{"url":"web","attributes":[` + input(`{"A":1}`) + `]}`,
		`{"type":"AgreementProtocolAttributes","label":"d","publishable":true,"mappings":{"protocols":[{"Basic":[]}]}}`, `{"type":"HAAttributes","label":"","publishable":true,"mappings":{"partnerID":[]}}`,
	} {
		f.Add(seed)
	}
	h, node := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, body string) {
		node.settings = agent.Settings{Attributes: []agent.Attribute{{ID: "a", Type: agent.UserInput}, {ID: "d", Type: agent.DockerRegistryAuth}}}
		for _, request := range []string{"POST /attribute", "PUT /attribute/a", "PATCH /attribute/a", "PATCH /attribute/d", "POST /service/config", "POST /service/configstate"} {
			verb, target, _ := strings.Cut(request, " ")
			fuzzed(t, h, node, verb, target, body)
		}
		data, err := json.Marshal(node.settings)
		var kept agent.Settings
		if err != nil || json.Unmarshal(data, &kept) != nil || len(kept.Attributes) != len(node.settings.Attributes) {
			t.Fatalf("%s %v", data, err)
		}
		for name, value := range agent.Environment(kept.Attributes, node.applications[1], true) {
			if name == "" || name == "PATH" || strings.HasPrefix(name, "LD_") || strings.ContainsAny(name+value, "\x00") || strings.Contains(name, "=") {
				t.Errorf("%q=%q", name, value)
			}
		}
		for _, target := range []string{"/attribute", "/service/config", "/service/policy"} {
			if w := fuzzed(t, h, node, http.MethodGet, target, ""); w.Code != 200 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	})
}

// FuzzNode: whatever a body says, no panic, and nothing is registered but with names that are allowed.
func FuzzNode(f *testing.F) {
	f.Add(post)
	f.Add(`{"id":"a","organization":"supvisors","token":"t","pattern":"rack","ha":true,"join":["a:1"]}`)
	f.Add(`{"state":"configured"}`)
	h, node := fuzzHandler(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, state := range []agent.State{agent.Unconfigured, agent.Configuring} {
			for _, request := range []string{"POST /node", "PATCH /node", "PUT /node/configstate"} {
				node.setNode(func(n *agent.Node) {
					*n = agent.Node{ID: "sup01", Registered: state == agent.Configuring, State: state}
				})
				verb, target, _ := strings.Cut(request, " ")
				w := fuzzed(t, h, node, verb, target, body)
				if n := node.Node(); w.Code == 201 && strings.ContainsAny(n.ID+n.Name+n.Pattern, "\x00\n\"'<>;$") {
					t.Errorf("%s: %+v", request, n)
				}
			}
		}
	})
}
