package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rest/agent"
)

// TestAgreements: what is and what has been, in the order of time.
func TestAgreements(t *testing.T) {
	s := newSite(t, nil)
	web := agent.Workload{URL: "web", Organization: "supvisors", Version: "1.0.0", Arch: "arm64"}
	s.agreements = []agent.Agreement{
		{ID: "new", Created: 30, Workload: web}, {ID: "ending", Created: 5, Terminated: 50, Reason: 105, ReasonDescription: "user requested"}, {ID: "old", Created: 1, Terminated: 40, Archived: true},
		{ID: "first", Name: "Policy for web merged with CONFIG", Consumer: "supvisors/sup01", Counterparty: "10.0.0.1:9001", Created: 10, Accepted: 11, Started: 12, DataReceived: 13, Finalized: 14, Workload: web,
			Proposal:   agent.Proposal{Strategy: "CONFIG", Load: 10, Candidates: []string{"sup01", "sup02"}, Chosen: "sup01", Trigger: "failure", Processes: []string{"web:front"}},
			Deployment: map[string]agent.Deployed{"front": {Program: "/bin/front", Command: []string{"/bin/front", "-x"}, Environment: map[string]string{"B": "2", "A": "1"}}}},
	}
	first := `{"name":"Policy for web merged with CONFIG","dependent_services":[],"archived":false,"current_agreement_id":"first","consumer_id":"supvisors/sup01","counterparty_address":"10.0.0.1:9001",` +
		`"agreement_creation_time":10,"agreement_accepted_time":11,"agreement_bc_update_ack_time":0,"agreement_finalized_time":14,"agreement_terminated_time":0,"agreement_force_terminated_time":0,"agreement_execution_start_time":12,"agreement_data_received_time":13,` +
		`"current_deployment":{"front":{"config":{"Env":["A=1","B=2"],"Cmd":["/bin/front","-x"],"Image":"/bin/front","Labels":{}},"host_config":{}}},` +
		`"proposal":"{\"strategy\":\"CONFIG\",\"load\":10,\"candidates\":[\"sup01\",\"sup02\"],\"chosen\":\"sup01\",\"trigger\":\"failure\",\"processes\":[\"web:front\"]}","proposal_sig":"",` +
		`"agreement_protocol":"Basic","protocol_version":1,"terminated_reason":0,"terminated_description":"","agreement_protocol_terminated_time":0,"workload_terminated_time":0,"metering_notification":{},` +
		`"workload_to_run":{"url":"web","org":"supvisors","version":"1.0.0","arch":"arm64"},"agreement_timeout":0,"blockchain_type":"","blockchain_name":"","blockchain_org":"","failed_verification_attempts":0}`
	s.try([]example{
		{"GET /agreement/first", "", 200, "json", `{"agreements":{"active":[` + first + `],"archived":[]}}`, ""},
		{"GET /agreement/nope", "", 404, "json", refusal("there is no such agreement", "agreement"), ""},
		{"GET /agreement", "", 200, "json", `{"agreements":{"active":[` + first + `,{"name":"",…`, ""},
		{"DELETE /agreement/first", "", 200, "", "", "Cancel first false"},
		{"DELETE /agreement/first?avoid=true", "", 200, "", "", "Cancel first true"},
		{"DELETE /agreement/first?avoid=yes", "", 400, "json", refusal("avoid must be true or false", "url.avoid"), ""},
		{"DELETE /agreement/ffff", "", 404, "json", refusal("there is no such agreement", "agreement"), ""},
	})
	var order []string
	for part := range strings.SplitSeq(s.do("GET", "/agreement", "").Text, `"current_agreement_id":"`) {
		id, _, _ := strings.Cut(part, `"`)
		order = append(order, id)
	}
	if got := strings.Join(order[1:], " "); got != "first new old ending" {
		t.Error(got)
	}
}

// certificate returns one, its public key, and its private key, as PEM.
func certificate(t *testing.T) (cert, public, private string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(0x1a2b03), Subject: pkix.Name{CommonName: "ops@example.com", Organization: []string{"Example"}},
		NotBefore: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Date(2021, 1, 2, 3, 4, 5, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	return text("CERTIFICATE", der), text("PUBLIC KEY", spki), text("PRIVATE KEY", pkcs8)
}

// TestTrust: certificates and keys come in, are told and go, by either of the two names of the store.
func TestTrust(t *testing.T) {
	cert, public, private := certificate(t)
	bad := refusal("the file must hold a certificate or a public key in PEM form, and no private key", "trusted cert file")
	name := refusal("a file name has letters, digits, dots, hyphens and underscores, and ends in .pem", "filename")
	missing := refusal("there is no such file", "filename")
	for _, root := range []string{"/trust", "/publickey"} {
		s := newSite(t, nil)
		s.trusted["damaged.pem"] = "nothing"
		s.try([]example{
			{"GET " + root, "", 200, "json", `{"pem":[]}`, ""},
			{"PUT " + root + "/Org-public.pem", public, 200, "", "", "WriteTrusted Org-public.pem"},
			{"PUT " + root + "/a.b_c.pem", cert, 200, "", "", "WriteTrusted a.b_c.pem"},
			{"PUT " + root + "/both.pem", "a comment\n" + cert + public, 200, "", "", "WriteTrusted both.pem"},
			{"GET " + root, "", 200, "json", `{"pem":["Org-public.pem","a.b_c.pem","both.pem"]}`, ""},
			{"GET " + root + "?verbose=maybe", "", 400, "json", refusal("verbose must be true or false", "url.verbose"), ""},
			{"PUT " + root + "/x.pem", "sup01\n", 400, "json", bad, ""},
			{"PUT " + root + "/x.pem", "", 400, "json", bad, ""},
			{"PUT " + root + "/x.pem", private, 400, "json", bad, ""},
			{"PUT " + root + "/x.pem", cert + private, 400, "json", bad, ""},
			{"PUT " + root + "/x.pem", strings.Replace(cert, "CERTIFICATE", "PUBLIC KEY", 2), 400, "json", bad, ""},
			{"PUT " + root + "/x.pem", "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", 400, "json", bad, ""},
			{"PUT " + root + "/x.txt", cert, 400, "json", name, ""},
			{"PUT " + root + "/.pem", cert, 400, "json", name, ""},
			{"PUT " + root + "/..%2Fx.pem", cert, 400, "json", name, ""},
			{"PUT " + root + "/a%20b.pem", cert, 400, "json", name, ""},
			{"PUT " + root + "/" + strings.Repeat("a", 129) + ".pem", cert, 400, "json", name, ""},
			{"PUT " + root + "/x.pem%00", cert, 400, "json", refusal("the path cannot be read", "filename"), ""},
			{"GET " + root + "/nope.pem", "", 404, "json", missing, ""},
			{"GET " + root + "/..%2Fpasswd", "", 404, "json", missing, ""},
			{"GET " + root + "/Org-public.pem", "", 200, "application/x-pem-file", public, ""},
			{"DELETE " + root + "/Org-public.pem", "", 204, "", "", "RemoveTrusted Org-public.pem"},
			{"DELETE " + root + "/Org-public.pem", "", 404, "json", missing, ""},
			{"DELETE " + root + "/passwd", "", 404, "json", missing, ""},
		})
		got := s.do("GET", root+"?verbose=true", "").Text
		quoted := func(text string) string { return `"` + strings.ReplaceAll(text, "\n", `\n`) + `"` }
		want := `{"id":"a.b_c.pem","type":"KeyPairSimple","serial_number":"1a:2b:03","subject_names":{"commonName (CN)":"ops@example.com","organizationName (O)":"Example"},"have_private_key":false,` +
			`"not_valid_before":"2020-01-02T03:04:05Z","not_valid_after":"2021-01-02T03:04:05Z","public_key":` + quoted(public) + `,"raw":` + quoted(cert) + `}`
		if !strings.HasPrefix(got, `{"pem":[`+want+`,{"id":"both.pem",`) || strings.Contains(got, "Org-public") {
			t.Errorf("got %s\nwanted %s", got, want)
		}
		if got := s.do("GET", root+"/both.pem", "").Header.Get("Content-Disposition"); got != "attachment; filename=both.pem" {
			t.Error(got)
		}
		for i := range 256 {
			s.trusted[fmt.Sprint(i, ".pem")] = cert
		}
		s.try([]example{
			{"PUT " + root + "/more.pem", cert, 400, "json", refusal("there are too many files", "trusted cert file"), ""},
			{"PUT " + root + "/both.pem", cert, 200, "", "", "WriteTrusted both.pem"},
		})
	}
}

// TestEvents: the query is the selection, but for the key of the caller.
func TestEvents(t *testing.T) {
	s := newSite(t, nil)
	s.try([]example{
		{"GET /eventlog", "", 200, "json", `[]`, "Events  false"},
		{"DELETE /eventlog", "", 204, "", "", "DeleteEvents"},
		{"DELETE /eventlog/prune", "", 204, "", "", "PruneEvents"},
	})
	s.events = []string{`{"record_id":"1","message":"<a>"}`, `{"record_id":"2"}`}
	s.try([]example{
		{"GET /eventlog?source_type=node&message=~Complete", "", 200, "json", `[{"record_id":"1","message":"<a>"},{"record_id":"2"}]`, "Events message=~Complete&source_type=node false"},
		{"GET /eventlog/all?message=~a&message=~b&apikey=global&severity=!info", "", 200, "json", `[{"record_id":"1",…`, "Events message=~a&message=~b&severity=%21info true"},
		{"GET /eventlog?record_id=>10&a!=b", "", 200, "json", `[{…`, "Events a%21=b&record_id=%3E10 false"},
		{"HEAD /eventlog", "", 200, "json", "", "Events  false"},
		{"GET /eventlog?a;b", "", 400, "json", refusal("the query cannot be read", "selection"), ""},
		{"GET /eventlog?a=%zz", "", 400, "json", refusal("the query cannot be read", "selection"), ""},
		{"DELETE /eventlog?severity=info", "", 200, "json", `"2"`, "DeleteEvents severity=info"},
		{"DELETE /eventlog?a;b", "", 400, "json", refusal("the query cannot be read", "selection"), ""},
		{"DELETE /eventlog/prune", "", 200, "json", `"2"`, "PruneEvents"},
		{"DELETE /eventlog/all", "", 405, "json", `{"error":"the path does not take this verb"}`, ""},
	})
	s.eventsError = errors.New("damaged")
	s.try([]example{{"GET /eventlog", "", 500, "text", "damaged", "Events  false"}})
	s.Err = &agent.BadSelection{Text: "limit takes a number"}
	s.try([]example{{"GET /eventlog?limit=x", "", 400, "json", refusal("limit takes a number", "selection"), "Events limit=x false"}})
}

// TestManyEvents: a long log is sent in parts, and one that breaks off cannot be taken for a whole one.
func TestManyEvents(t *testing.T) {
	s := newSite(t, nil)
	one := `{"message":"` + strings.Repeat("x", 1000) + `"}`
	for range 1000 {
		s.events = append(s.events, one)
	}
	got := s.do("GET", "/eventlog", "")
	if want := "[" + strings.Join(s.events, ",") + "]"; got.StatusCode != 200 || got.Kind() != "json" || got.Text != want || got.ContentLength >= 0 {
		t.Errorf("%s %d of %d bytes, length %d", got.Status, len(got.Text), len(want), got.ContentLength)
	}
	s.eventsError = errors.New("damaged")
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/eventlog", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer global")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d bytes taken for all", len(data))
	}
}
