package rpc

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// record has the test write testdata/xmlrpc.json anew with what the xmlrpc.client of this machine's python3 says:
//
//	go test ./rpc -run Recorded -record
var record = flag.Bool("record", false, "rewrite testdata with the results of python3")

// recordedDocument is a response of Python with its value, or a request that Python refuses.
type recordedDocument struct {
	Document string `json:"document"`
	Value    tagged `json:"value"`
	Error    string `json:"error"`
}

// tagged is a value whose JSON form is an object with one member, named after the XML-RPC type.
type tagged struct{ value any }

func (v *tagged) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	if len(members) != 1 {
		return fmt.Errorf("%s is not one value with its type", text)
	}
	var err error
	for name, raw := range members {
		v.value, err = untag(name, raw)
	}
	return err
}

func untag(typeName string, raw json.RawMessage) (any, error) {
	switch typeName {
	case "string":
		return as[string](raw)
	case "int":
		return as[int](raw)
	case "boolean":
		return as[bool](raw)
	case "double":
		return as[float64](raw)
	case "base64":
		return as[[]byte](raw)
	case "dateTime.iso8601":
		return time.Parse(`"20060102T15:04:05"`, string(raw))
	case "array":
		var elements []tagged
		err := json.Unmarshal(raw, &elements)
		values := []any{}
		for _, e := range elements {
			values = append(values, e.value)
		}
		return values, err
	case "struct":
		var elements []struct {
			Name  string
			Value tagged
		}
		err := json.Unmarshal(raw, &elements)
		members := Map{}
		for _, e := range elements {
			members = append(members, Member{e.Name, e.Value.value})
		}
		return members, err
	}
	return nil, fmt.Errorf("unknown type %s", typeName)
}

func as[T any](raw json.RawMessage) (any, error) {
	var value T
	err := json.Unmarshal(raw, &value)
	return value, err
}

const (
	recordedResponses = 150
	longestResponse   = 2500 // bytes of its line, so that the file stays small
)

// askXMLRPC returns the text of the file: a JSON array with one document a line.
func askXMLRPC(t *testing.T) []byte {
	t.Helper()
	p := startPython(t)
	var lines []string
	for seed := 0; len(lines) < recordedResponses; seed++ {
		if line := string(p.ask(t, fmt.Sprint("record ", seed))); len(line) <= longestResponse && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	broken := refusedCalls()
	requests := []string{}
	for _, name := range slices.Sorted(maps.Keys(broken)) {
		requests = append(requests, broken[name])
	}
	for n := 1; n < len(motley); n += 10 {
		requests = append(requests, motley[:n])
	}
	for _, request := range requests {
		if !utf8.ValidString(request) {
			continue // JSON cannot hold it
		}
		// Python takes some of them: it is no standard for what it passes over
		if line := string(p.ask(t, "refuse "+base64.StdEncoding.EncodeToString([]byte(request)))); len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return []byte("[\n" + strings.Join(lines, ",\n") + "\n]\n")
}

// What Python has written and refused is read and refused here, without a Python.
func TestRecordedDocuments(t *testing.T) {
	const path = "testdata/xmlrpc.json"
	if *record {
		if err := os.WriteFile(path, askXMLRPC(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var documents []recordedDocument
	if err := json.Unmarshal(text, &documents); err != nil {
		t.Fatal(err)
	}
	if len(documents) <= recordedResponses {
		t.Fatalf("%s has only %d documents", path, len(documents))
	}
	for i, d := range documents {
		name := fmt.Sprint("document ", i)
		if d.Error != "" {
			checkRefused(t, name+" ("+d.Error+")", d.Document)
			continue
		}
		if got := readPythons(t, name, []byte(d.Document)); !reflect.DeepEqual(got, d.Value.value) {
			t.Errorf("%s is\n%#v, in Python\n%#v", name, got, d.Value.value)
		}
	}
}
