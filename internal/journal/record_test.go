package journal

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRecordAsClientsSeeIt(t *testing.T) {
	at := time.Unix(1536900000, 999)
	for _, c := range []struct {
		source Source
		want   string
	}{
		{
			Agreement{ID: "f1", Workload: Workload{"web", "supvisors", "1.0.0", "amd64"}, ConsumerID: "supvisors/sup01", Protocol: "Basic"},
			`"source_type":"agreement","event_source":{"agreement_id":"f1","workload_to_run":{"url":"web","org":"supvisors","version":"1.0.0",` +
				`"arch":"amd64"},"dependent_services":[],"consumer_id":"supvisors/sup01","agreement_protocol":"Basic"}`,
		},
		{
			Service{InstanceID: "i", URL: "web", Org: "o", Version: "1", Arch: "arm"},
			`"source_type":"service","event_source":{"instance_id":"i","service_url":"web","organization":"o","version":"1","arch":"arm",` +
				`"agreement_id":[]}`,
		},
		{
			Node{"sup01", "o", "p", "configured"},
			`"source_type":"node","event_source":{"node_id":"sup01","node_org":"o","pattern":"p","config_state":"configured"}`,
		},
		{Exchange{"http://h:1/RPC2"}, `"source_type":"exchange","event_source":{"exchange_url":"http://h:1/RPC2"}`},
		{Database{}, `"source_type":"database","event_source":{}`},
	} {
		r := Record{ID: 12, Time: at, Severity: Warning, Code: "code", Message: "text", Source: c.source}
		got, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"record_id":"12","timestamp":1536900000,"severity":"warning","message":"text","event_code":"code",` + c.want + "}"
		if string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestSeverityNames(t *testing.T) {
	for s := Info; s <= Fatal; s++ {
		if back, err := ParseSeverity(s.String()); err != nil || back != s {
			t.Errorf("%v is read back as %v, %v", s, back, err)
		}
	}
	if _, err := ParseSeverity("Info"); err == nil {
		t.Error("an unknown severity is read")
	}
	if got := Severity(9).String(); got != "Severity(9)" {
		t.Errorf("got %s", got)
	}
}

func TestEncodeAndDecode(t *testing.T) {
	for name, r := range samples {
		value, _, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(r.ID, value)
		if err != nil {
			t.Fatal(err)
		}
		if !back.Time.Equal(r.Time) {
			t.Errorf("%s: the time is %v, want %v", name, back.Time, r.Time)
		}
		back.Time = r.Time
		if !reflect.DeepEqual(back, r) {
			t.Errorf("%s: got %+v, want %+v", name, back, r)
		}
		for at := range value { // one wrong bit anywhere is found
			value[at] ^= 4
			if _, err := decode(r.ID, value); err == nil {
				t.Errorf("%s: a wrong byte %d is not found", name, at)
			}
			if _, err := decode(r.ID, value[:at]); err == nil {
				t.Errorf("%s: the end is missing from byte %d on, and not found", name, at)
			}
			value[at] ^= 4
		}
	}
}

// A record of a later release, well written but with what this one does not know, is refused, not misread.
func TestDecodeRefusesTheUnknown(t *testing.T) {
	for _, body := range []string{
		`{"severity":"dire","type":"node","source":{}}`, `{"severity":"info","type":"moon","source":{}}`,
		`{"severity":"info","type":"node","source":[]}`, `[]`, ``,
	} {
		if r, err := decode(1, appendChecksum(nil, []byte(body))); err == nil {
			t.Errorf("%s is read as %+v", body, r)
		}
	}
}

func TestBoundsOfARecord(t *testing.T) {
	long := Record{Message: strings.Repeat("ä", maxMessage), Source: Database{}}
	value, _, err := long.encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := decode(1, value)
	if err != nil || len(r.Message) > maxMessage || len(r.Message) < maxMessage-utf8.UTFMax || !utf8.ValidString(r.Message) {
		t.Errorf("the message has %d bytes, %v", len(r.Message), err)
	}
	large := Record{Source: Service{AgreementIDs: []string{strings.Repeat("x", maxRecord)}}}
	if _, _, err := large.encode(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large source: %v", err)
	}
}
