package rpc

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// inner returns what a reply has in its <value>, without line breaks.
func inner(t *testing.T, doc []byte) string {
	t.Helper()
	text := strings.ReplaceAll(string(doc), "\n", "")
	_, text, _ = strings.Cut(text, "<param><value>")
	text, _, ok := strings.Cut(text, "</value></param>")
	if !ok {
		t.Fatalf("no reply: %s", doc)
	}
	return text
}

type state int

func (state) String() string { return "not for the wire" }

type base struct {
	Name  string `xmlrpc:"name"`
	Inner int    `xmlrpc:"shadowed"`
}

type Shared struct {
	Group string `xmlrpc:"group"`
}

type everything struct {
	base
	Shared
	Outer    string         `xmlrpc:"shadowed"`
	State    state          `xmlrpc:"state"`
	Codes    []int          `xmlrpc:"codes"`
	Pair     [2]uint16      `xmlrpc:"pair"`
	Ratio    float32        `xmlrpc:"ratio"`
	Extra    map[string]any `xmlrpc:"extra"`
	Pointer  *base          `xmlrpc:"pointer,omitempty"`
	Maybe    string         `xmlrpc:"maybe,omitempty"`
	Skipped  string         `xmlrpc:"-"`
	Untagged bool
	hidden   int
	At       time.Time `xmlrpc:"at"`
}

func TestEncodeValues(t *testing.T) {
	ring := []any{nil}
	ring[0] = ring
	var text *string
	str := "x"
	text = &str
	for want, value := range map[string]any{
		"<string>a&amp;b&lt;c&gt;\"'</string>":  "a&b<c>\"'",
		"<string></string>":                     "",
		"<string>x</string>":                    &text,
		"<string>a&#13;\uFFFD\uFFFD\t</string>": "a\r\x1b\xff\t",
		"<int>5</int>":                          5,
		"<int>6</int>":                          state(6),
		"<int>-7</int>":                         int8(-7),
		"<int>2147483647</int>":                 math.MaxInt32,
		"<i8>2147483648</i8>":                   uint32(math.MaxInt32 + 1),
		"<int>-2147483648</int>":                math.MinInt32,
		"<i8>-2147483649</i8>":                  int64(math.MinInt32 - 1),
		"<boolean>1</boolean>":                  true,
		"<boolean>0</boolean>":                  false,
		"<double>0.0</double>":                  0.0,
		"<double>-2.5</double>":                 -2.5,
		"<double>1e-05</double>":                0.00001,
		"<double>1e+16</double>":                1e16,
		"<double>123456789012345.0</double>":    123456789012345.0,
		"<double>inf</double>":                  math.Inf(1),
		"<double>-inf</double>":                 math.Inf(-1),
		"<double>nan</double>":                  math.NaN(),
		"<double>0.5</double>":                  float32(0.5),
		"<base64>Y2F0</base64>":                 []byte("cat"),
		"<base64>AQI=</base64>":                 [2]byte{1, 2},
		"<base64></base64>":                     []byte(nil),
		"<dateTime.iso8601>20260304T05:06:07</dateTime.iso8601>":                                         time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", 3600)),
		"<array><data></data></array>":                                                                   []string(nil),
		"<array><data><value><string>a</string></value><value><string>b</string></value></data></array>": []string{"a", "b"},
		"<array><data><value><int>1</int></value></data></array>":                                        [1]int{1},
		"<struct></struct>": Map(nil),
		"<struct><member><name>b&amp;</name><value><int>1</int></value></member>" +
			"<member><name>a</name><value><int>2</int></value></member></struct>": Map{{"b&", 1}, {"a", 2}},
		"<struct><member><name>a</name><value><int>2</int></value></member>" +
			"<member><name>b</name><value><int>1</int></value></member></struct>": map[state2]int{"b": 1, "a": 2},
		"<struct><member><name>faultCode</name><value><int>10</int></value></member>" +
			"<member><name>faultString</name><value><string>BAD_NAME: </string></value></member></struct>": NewFault(BadName, ""),
	} {
		doc, err := EncodeReply(value)
		if err != nil {
			t.Errorf("%#v: %v", value, err)
		} else if got := inner(t, doc); got != want {
			t.Errorf("%#v: got %s, want %s", value, got, want)
		}
	}
}

type state2 string

func TestEncodeStruct(t *testing.T) {
	doc, err := EncodeReply(everything{
		base: base{"n", 1}, Shared: Shared{"g"}, Outer: "o", State: 20, Codes: []int{0}, Pair: [2]uint16{1, 2}, Ratio: 0.25,
		Extra: map[string]any{"k": true}, Skipped: "s", hidden: 3, At: time.Unix(0, 0).UTC(),
	})
	if err != nil {
		t.Fatal(err)
	}
	value, err := DecodeReply(doc)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range value.(Map) {
		names = append(names, m.Name)
	}
	// the outer field takes the place that the embedded one had
	want := "name shadowed group state codes pair ratio extra Untagged at"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("members %s, want %s", got, want)
	}
	if v, _ := value.(Map).Get("shadowed"); v != "o" {
		t.Errorf("shadowed is %v: the outer field counts", v)
	}
}

type list struct {
	Next *list `xmlrpc:"next,omitempty"`
}

func TestEncodeRefuses(t *testing.T) {
	ring := &list{}
	ring.Next = ring
	var loop any
	loop = &loop
	deep := any("x")
	for range maxDepth + 1 {
		deep = []any{deep}
	}
	self := Map{{"self", nil}}
	self[0].Value = self
	var nobody *string
	for name, value := range map[string]any{
		"nil":              nil,
		"nil pointer":      nobody,
		"nil in array":     []any{1, nil},
		"nil in map":       Map{{"a", nil}},
		"nil in go map":    map[string]any{"a": nil},
		"nil in struct":    struct{ P *int }{},
		"channel":          make(chan int),
		"function":         func() {},
		"complex":          1i,
		"int keys":         map[int]string{1: "x"},
		"large unsigned":   uint64(math.MaxUint64),
		"year 10000":       time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		"too deep":         deep,
		"ring of structs":  ring,
		"ring of pointers": loop,
		"ring of maps":     self,
	} {
		if doc, err := EncodeReply(value); err == nil {
			t.Errorf("%s: encoded as %s", name, doc)
		}
		if doc, err := EncodeCall("a.b", value); err == nil {
			t.Errorf("%s: encoded as %s", name, doc)
		}
	}
	_, err := EncodeCall("a.b", 1, Map{{"x", []any{nil}}})
	if err == nil || err.Error() != "parameter 2 of a.b: member x: encode nil: it has no xml-rpc form" || !errors.Is(err, errNil) {
		t.Errorf("the error does not say where the nil is: %v", err)
	}
}

func TestEncodedDepthIsDecodable(t *testing.T) {
	value := any("x")
	for range maxDepth {
		value = []any{value}
	}
	doc, err := EncodeReply(value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeReply(doc); err != nil {
		t.Error(err)
	}
}

func TestEncodeDocuments(t *testing.T) {
	call, err := EncodeCall("a.b<", "x")
	if err != nil {
		t.Fatal(err)
	}
	wantCall := "<?xml version='1.0'?>\n<methodCall>\n<methodName>a.b&lt;</methodName>\n<params>\n<param>\n" +
		"<value><string>x</string></value>\n</param>\n</params>\n</methodCall>\n"
	if string(call) != wantCall {
		t.Errorf("call\n%s\nwant\n%s", call, wantCall)
	}
	wantFault := "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n" +
		"<value><int>1</int></value>\n</member>\n<member>\n<name>faultString</name>\n" +
		"<value><string>UNKNOWN_METHOD</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n"
	if got := EncodeFault(NewFault(UnknownMethod)); string(got) != wantFault {
		t.Errorf("fault\n%s\nwant\n%s", got, wantFault)
	}
}
