package journal

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// now is when the samples are looked at; each is some time older.
var now = time.Unix(1_536_900_000, 0)

// samples has one record of each source.
var samples = map[string]Record{
	"agreement": {
		ID: 271, Time: now.Add(-90 * time.Minute), Severity: Info, Code: "container_running", Message: "Workload abc started, true enough",
		Source: Agreement{
			ID: "f1", Workload: Workload{"netspeed", "supvisors", "1.0.0", "amd64"}, ConsumerID: "supvisors/sup01", Protocol: "Basic",
			DependentServices: []ServiceRef{{"gps", "e2e"}, {"cpu", "IBM"}, {"bare", ""}},
		},
	},
	"service": {
		ID: 1000, Time: now.Add(-24 * time.Hour), Severity: Error, Code: "error_start_service", Message: "abc",
		Source: Service{InstanceID: "12", URL: "web", Org: "supvisors", Version: "2.5", Arch: "arm64", AgreementIDs: []string{"a10", "b20"}},
	},
	"node": {
		ID: 5, Time: now.Add(-59 * time.Minute), Severity: Warning, Code: "node_heartbeat_failed", Message: "",
		Source: Node{ID: "sup02", Org: "supvisors", Pattern: "~", ConfigState: "configured"},
	},
	"exchange": {
		ID: 6, Time: now.Add(time.Minute), Severity: Error, Code: "exchange_error", Message: "nan",
		Source: Exchange{URL: "http://10.0.0.1:60000/RPC2"},
	},
	"database": {
		ID: 7, Time: now, Severity: Error, Code: "database_error", Message: "~", Source: Database{},
	},
}

// selected returns the names of the samples that a query selects, sorted.
func selected(t *testing.T, query string) string {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	sel, err := ParseSelection(values)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, r := range samples {
		if sel.Match(&r, now) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

const everything = "agreement database exchange node service"

func TestSelection(t *testing.T) {
	for _, c := range []struct{ rule, query, want string }{
		{"no condition", "", everything},
		{"no operator: equal", "severity=error", "database exchange service"},
		{"equal is the whole text", "severity=err", ""},
		{"text has letter case", "severity=Error", ""},
		{"~ contains", "message=~abc", "agreement service"},
		{"~ has letter case", "message=~ABC", ""},
		{"> greater", "record_id=>271", "service"},
		{"< less", "record_id=<7", "exchange node"},
		{"no disjunction", "severity=error|warning", ""},
		{"no pattern", "severity=~err.r", ""},

		{"one character is no operator: ~", "message=~", "database"},
		{"one character is no operator: >", "message=>", ""},
		{"one character is no operator: <", "pattern=<", ""},
		{"one character is no operator, in a source", "pattern=~", "node"},
		{"one character that is a number", "record_id=5", "node"},
		{"~~ contains ~", "message=~~", "database"},
		{"~~ contains ~, in a source", "pattern=~~", "node"},
		{"empty: the empty text", "message=", "node"},
		{"empty on another attribute", "severity=", ""},

		{"> with a number on text that is none", "message=>100", ""},
		{"> with text on text", "message=>abb", "database exchange service"},
		{"> with text compares numbers as text", "record_id=>abc", ""},
		{"< with text compares numbers as text", "record_id=<abc", everything},
		{"> compares numbers by value", "record_id=>99", "agreement service"},
		{"< compares numbers by value", "timestamp=<1536813601", "service"},
		{"> with text that is no number at all", "timestamp=>x", ""},
		{"> converts the attribute", "version=>2.49", "service"},
		{"> on a version that is no number", "workload_to_run.version=>0", ""},
		{"two operators: the second is text", "message=>>", "agreement database exchange service"},

		{"booleans match nothing", "message=true", ""},
		{"booleans match nothing: TRUE", "message=TRUE", ""},
		{"booleans match nothing: false", "severity=false", ""},
		{"booleans match nothing: FALSE", "severity=FALSE", ""},
		{"True is text", "message=~True", ""},
		{"true after ~ is text", "message=~true", "agreement"},
		{"numbers are compared by value: leading zero", "record_id=0271", "agreement"},
		{"numbers are compared by value: exponent", "record_id=1e3", "service"},
		{"numbers are compared by value: fraction", "record_id=271.0", "agreement"},
		{"numbers are compared by value: hexadecimal", "record_id=0x1p2", ""},
		{"numbers are compared by value: sign", "record_id=%2B271", "agreement"},
		{"numbers are compared by value: in a source", "version=2.50", "service"},
		{"a number and text that is none", "workload_to_run.version=1", ""},
		{"inf is a number", "record_id=<inf", everything},
		{"inf equals no number", "record_id=inf", ""},
		{"-inf", "record_id=>-inf", everything},
		{"infinity spelt out", "record_id=<Infinity", everything},
		{"nan never", "message=nan", ""},
		{"nan never, in any case", "record_id=NaN", ""},
		{"nan never, greater", "record_id=>nan", ""},
		{"nan never, less", "record_id=<nan", ""},
		{"nan is never contained in a comparison, but in text", "message=~nan", "exchange"},
		{"too large for a number: text", "record_id=1e999", ""},
		{"too large for a number: compared as text", "record_id=<1e999", "service"},

		{"~ is text on a number", "timestamp=~15369", "database exchange"},
		{"~ is text, though it looks like a number", "record_id=~0", "service"},
		{"twice: and", "message=~abc&message=~enough", "agreement"},
		{"twice: and, without any", "message=~abc&message=~nothing", ""},
		{"a range", "record_id=>5&record_id=<271", "database exchange"},
		{"two attributes: and", "severity=error&message=~abc", "service"},
		{"list: one element", "agreement_id=b20", "service"},
		{"list: one element satisfies both", "agreement_id=~a&agreement_id=~10", "service"},
		{"list: each condition by another element", "agreement_id=~a&agreement_id=~20", ""},
		{"list: dependent services", "dependent_services=e2e/gps", "agreement"},
		{"list: dependent services without organization", "dependent_services=bare", "agreement"},
		{"list: dependent services, both of one element", "dependent_services=~IBM&dependent_services=~cpu", "agreement"},
		{"list: dependent services, of two elements", "dependent_services=~IBM&dependent_services=~gps", ""},
		{"list: url", "dependent_services.url=cpu", "agreement"},
		{"list: organization", "dependent_services.organization=IBM", "agreement"},

		{"source_type", "source_type=node", "node"},
		{"severity", "severity=warning", "node"},
		{"event_code", "event_code=~error", "database exchange service"},
		{"timestamp", "timestamp=1536900000", "database"},
		{"time_since in whole hours, rounded down", "time_since=0", "database exchange node"},
		{"time_since: 90 minutes are one hour", "time_since=1", "agreement"},
		{"time_since: a day", "time_since=24", "service"},
		{"time_since, less", "time_since=<24", "agreement database exchange node"},

		{"agreement_id", "agreement_id=f1", "agreement"},
		{"consumer_id", "consumer_id=~sup01", "agreement"},
		{"agreement_protocol", "agreement_protocol=Basic", "agreement"},
		{"workload_to_run as text", "workload_to_run=~netspeed supvisors 1.0.0", "agreement"},
		{"workload_to_run as text, whole", "workload_to_run={netspeed supvisors 1.0.0 amd64}", "agreement"},
		{"workload_to_run.url", "workload_to_run.url=netspeed", "agreement"},
		{"workload_to_run.org", "workload_to_run.org=supvisors", "agreement"},
		{"workload_to_run.version", "workload_to_run.version=1.0.0", "agreement"},
		{"workload_to_run.arch", "workload_to_run.arch=amd64", "agreement"},
		{"service_url of an agreement: the main service", "service_url=netspeed", "agreement"},
		{"service_url of an agreement: one that is needed", "service_url=gps", "agreement"},
		{"service_url of a service", "service_url=web", "service"},
		{"instance_id", "instance_id=12", "service"},
		{"organization", "organization=supvisors", "service"},
		{"version", "version=2.5", "service"},
		{"arch", "arch=arm64", "service"},
		{"node_id", "node_id=sup02", "node"},
		{"node_org", "node_org=supvisors", "node"},
		{"config_state", "config_state=configured", "node"},
		{"exchange_url", "exchange_url=~10.0.0.1", "exchange"},

		{"unknown attribute", "nosuch=1", ""},
		{"unknown attribute with a known one", "severity=error&nosuch=~", ""},
		{"names have letter case", "Severity=error", ""},
		{"database events have no attributes of other sources", "exchange_url=~h", "exchange"},
		{"a nested attribute without its owner", "url=gps", ""},

		{"!v: not equal", "severity=!error", "agreement node"},
		{"!v: not equal, of those that have it", "arch=!amd64", "service"},
		{"!v: not equal, by value", "record_id=!0271", "database exchange node service"},
		{"!v: not equal to a word", "severity=!true", everything},
		{"!v: an operator after it is text", "record_id=!>5", everything},
		{"! alone is text", "severity=!", ""},
		{"!~v: does not contain", "message=!~abc", "database exchange node"},
		{"!~ alone: not equal to ~", "message=!~", "agreement exchange node service"},
		{"a!=v: not equal", "severity!=error", "agreement node"},
		{"a!=: not empty", "message!=", "agreement database exchange service"},
		{"a!=~v: does not contain", "message!=~abc", "database exchange node"},
		{"a!=v of an unknown attribute", "nosuch!=1", ""},
		{"negation and another condition", "severity=!info&time_since=<24", "database exchange node"},
		{"negation on a list: one element", "agreement_id=!a10", "agreement service"},
		{"limit is no condition", "limit=2&severity=warning", "node"},
	} {
		if got := selected(t, strings.ReplaceAll(c.query, " ", "%20")); got != c.want {
			t.Errorf("%s: %s selects %q, want %q", c.rule, c.query, got, c.want)
		}
	}
}

func TestNilSelectionIsAll(t *testing.T) {
	for name, r := range samples {
		if !(*Selection)(nil).Match(&r, now) {
			t.Errorf("%s is not selected", name)
		}
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   int // 0: an error
	}{
		{[]string{"1"}, 1}, {[]string{"100"}, 100},
		{[]string{"0"}, 0}, {[]string{"-1"}, 0}, {[]string{""}, 0}, {[]string{">5"}, 0}, {[]string{"1.5"}, 0},
		{[]string{"99999999999999999999"}, 0}, {[]string{"1", "2"}, 0},
	} {
		sel, err := ParseSelection(url.Values{"limit": c.values})
		if (err != nil) != (c.want == 0) {
			t.Errorf("limit %q: error %v", c.values, err)
		}
		if err == nil && sel.Limit != c.want {
			t.Errorf("limit %q: got %d, want %d", c.values, sel.Limit, c.want)
		}
	}
	if _, err := ParseSelection(url.Values{"limit": nil}); err == nil {
		t.Error("a limit without any value is accepted")
	}
}

// FuzzSelection checks what holds for every query: a record either satisfies a condition or its negation unless it lacks the
// attribute, conditions only ever take away, and what the start number leaves out does not match.
func FuzzSelection(f *testing.F) {
	for _, seed := range []string{
		"severity=error", "message=~~", "record_id=>1e3&record_id=<0271", "record_id=nan", "a!=~b", "limit=3", "message=!~", "=", "time_since=",
		"agreement_id=~a&agreement_id=>10", "record_id=>18446744073709551615", "record_id=>-1", "timestamp=>inf", "message=%ff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		sel, err := ParseSelection(values)
		if err != nil {
			return
		}
		for name, r := range samples {
			all := sel.Match(&r, now)
			if all && r.ID <= sel.after {
				t.Errorf("%s: %s matches, but the search begins at %d", query, name, sel.after+1)
			}
			for attribute, conditions := range sel.conditions {
				one := (&Selection{conditions: map[string][]condition{attribute: conditions[:1]}}).Match(&r, now)
				if all && !one {
					t.Errorf("%s: %s matches, but not its condition on %q", query, name, attribute)
				}
				inverse := conditions[0]
				inverse.negated = !inverse.negated
				other := (&Selection{conditions: map[string][]condition{attribute: {inverse}}}).Match(&r, now)
				text, has := r.attribute(attribute, now)
				if has && one == other {
					t.Errorf("%s: %q of %s is both or neither: %v", query, text, name, one)
				}
				if _, inSource := r.Source.attribute(attribute); !has && !inSource && (one || other) {
					t.Errorf("%s: %s has no %q, but matches", query, name, attribute)
				}
			}
		}
	})
}
