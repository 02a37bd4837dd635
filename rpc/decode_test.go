package rpc

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// request wraps the content of one <value>.
func request(value string) []byte {
	return []byte("<methodCall><methodName>m.n</methodName><params><param><value>" + value + "</value></param></params></methodCall>")
}

func TestDecodeValues(t *testing.T) {
	day := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for text, want := range map[string]any{
		"<string>cat</string>":      "cat",
		"cat":                       "cat",
		"":                          "",
		"  kept \n ":                "  kept \n ",
		"<string/>":                 "",
		"<string></string>":         "",
		" \n<string> x </string>\t": " x ",
		"<string>a&amp;b &lt;c&gt; &#233;&#x20AC;</string>": "a&b <c> é€",
		"&quot;&apos;&#13;":                   "\"'\r",
		"a<![CDATA[<b>&amp;]]>c":              "a<b>&amp;c",
		"a<!-- <x> -->b":                      "ab",
		"a<?pi x?>b":                          "ab",
		"<!-- c --><int>5</int><!-- d -->":    5,
		"one\r\ntwo\rthree<![CDATA[\r\n\r]]>": "one\ntwo\nthree\n\n",
		"中文]]>":                               "中文]]>",
		"<int>5</int>":                        5,
		"<int> -5\n</int>":                    -5,
		"<i1>1</i1>":                          1,
		"<i2>2</i2>":                          2,
		"<i4>+4</i4>":                         4,
		"<i8>9223372036854775807</i8>":        9223372036854775807,
		"<ex:i8 xmlns:ex='urn:x'>8</ex:i8>":   8,
		"<biginteger>12</biginteger>":         12,
		"<boolean>1</boolean>":                true,
		"<boolean> 0 </boolean>":              false,
		"<boolean>true</boolean>":             true,
		"<double>-1.5e3</double>":             -1500.0,
		"<float> 2 </float>":                  2.0,
		"<base64>Y2\nF0</base64>":             []byte("cat"),
		"<base64/>":                           []byte{},
		"<dateTime.iso8601>20260304T05:06:07</dateTime.iso8601>":         day,
		"<dateTime.iso8601>2026-03-04T06:06:07+01:00</dateTime.iso8601>": day,
		"<nil/>":                 nil,
		"<ex:nil></ex:nil>":      nil,
		"<array/>":               []any{},
		"<array></array>":        []any{},
		"<array><data/></array>": []any{},
		"<array><data><value><int>1</int></value><value/> <value>x</value></data></array>": []any{1, "", "x"},
		"<struct/>":         Map{},
		"<struct></struct>": Map{},
		"<struct><member><name>b</name><value>1</value></member><member ><name>a&lt;</name><value><array><data/></array></value></member></struct>": Map{{"b", "1"}, {"a<", []any{}}},
		"<struct><member><name/><value/></member></struct>": Map{{"", ""}},
		`<int a="1>" b='2' >5</int >`:                       5,
	} {
		method, params, err := DecodeCall(request(text))
		if err != nil || method != "m.n" || len(params) != 1 || !reflect.DeepEqual(params[0], want) {
			t.Errorf("%q: got %q %#v, %v; want %#v", text, method, params, err, want)
		}
	}
}

func TestDecodeCalls(t *testing.T) {
	for text, want := range map[string]string{
		"<methodCall><methodName>a.b</methodName></methodCall>":                                       "a.b []",
		"<methodCall><methodName>a.b</methodName><params/></methodCall>":                              "a.b []",
		"<methodCall><params><param><value/></param></params><methodName>x</methodName></methodCall>": "x []",
		"\uFEFF<?xml version='1.0' encoding='UTF-8'?>\n<!-- c -->\n<methodCall>\n <methodName> a.b </methodName>\n" +
			"<params>\n<param>\n<value><int>1</int></value>\n</param>\n<param><value>z</value></param></params>\n</methodCall>\n<!-- end -->": "a.b [1 z]",
	} {
		method, params, err := DecodeCall([]byte(text))
		if got := fmt.Sprint(method, " ", params); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
}

// refusedCalls are documents that are no requests, by what is wrong with them.
func refusedCalls() map[string]string {
	call := func(inside string) string {
		return "<methodCall><methodName>a.b</methodName>" + inside + "</methodCall>"
	}
	value := func(inside string) string { return string(request(inside)) }
	return map[string]string{
		"nothing":               "",
		"text":                  "this is not xml",
		"text before":           "x" + call(""),
		"bracket":               "<",
		"half a tag":            "<a",
		"zero byte":             "\x00",
		"other root":            "<a/>",
		"empty root":            "<methodCall/>",
		"unclosed":              "<methodCall><methodName>a.b</methodName>",
		"no method":             "<methodCall></methodCall>",
		"only params":           "<methodCall><params/></methodCall>",
		"empty method":          "<methodCall><methodName></methodName></methodCall>",
		"blank method":          "<methodCall><methodName> </methodName></methodCall>",
		"two methods":           call("<methodName>c.d</methodName>"),
		"unknown element":       call("<other/>"),
		"two params":            call("<params/><params/>"),
		"text in between":       call("x"),
		"cdata in between":      call("<![CDATA[]]>"),
		"text behind":           call("") + "x",
		"second root":           call("") + call(""),
		"wrong closing":         "<methodCall><methodName>a.b</methodCall></methodName>",
		"not utf-8":             value("\xff"),
		"control character":     value("\x1b[0m"),
		"control reference":     value("&#27;"),
		"zero reference":        value("&#0;"),
		"surrogate":             value("&#xD800;"),
		"huge reference":        value("&#99999999999;"),
		"sign in reference":     value("&#+65;"),
		"empty reference":       value("&#;"),
		"empty hex reference":   value("&#x;"),
		"unknown entity":        value("&nbsp;"),
		"bare ampersand":        value("a & b"),
		"control in cdata":      value("<![CDATA[\x01]]>"),
		"unclosed cdata":        value("<![CDATA[x]]"),
		"unclosed comment":      value("<!-- x"),
		"unclosed instruction":  value("<?x"),
		"doctype":               "<!DOCTYPE x [<!ENTITY a 'b'>]>" + call(""),
		"doctype inside":        value("<!ENTITY a 'b'>"),
		"param without value":   call("<params><param/></params>"),
		"param empty":           call("<params><param></param></params>"),
		"param with two values": call("<params><param><value/><value/></param></params>"),
		"value in params":       call("<params><value/></params>"),
		"text beside type":      value("x<int>1</int>"),
		"text behind type":      value("<int>1</int>x"),
		"two types":             value("<int>1</int><int>1</int>"),
		"unknown type":          value("<complex>1</complex>"),
		"closing as type":       value("</int>"),
		"child in scalar":       value("<string><b/></string>"),
		"bad int":               value("<int>zz</int>"),
		"empty int":             value("<int></int>"),
		"int with point":        value("<int>1.0</int>"),
		"int too large":         value("<int>9223372036854775808</int>"),
		"bad boolean":           value("<boolean>yes</boolean>"),
		"bad double":            value("<double>1,5</double>"),
		"bad base64":            value("<base64>Y2F</base64>"),
		"bad date":              value("<dateTime.iso8601>yesterday</dateTime.iso8601>"),
		"nil with text":         value("<nil>x</nil>"),
		"array without data":    value("<array><value/></array>"),
		"two data":              value("<array><data/><data/></array>"),
		"no value in data":      value("<array><data><int>1</int></data></array>"),
		"no member":             value("<struct><name>x</name></struct>"),
		"empty member":          value("<struct><member/></struct>"),
		"member without name":   value("<struct><member><value/></member></struct>"),
		"member without value":  value("<struct><member><name>x</name></member></struct>"),
		"tag without name":      value("< int>1</int>"),
		"attribute no value":    value("<int a>1</int>"),
		"attribute no quotes":   value("<int a=b>1</int>"),
		"attribute unclosed":    value("<int a='b>1</int>"),
		"attribute in closing":  value("<int>1</int a='b'>"),
		"slash in tag":          value("<int/ >"),
		"bracket in tag":        value("<int<"),
	}
}

func checkRefused(t *testing.T, name, text string) {
	t.Helper()
	method, params, err := DecodeCall([]byte(text))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Errorf("%s: got %q %v, %v; want a syntax error", name, method, params, err)
	} else if syntax.Offset < 0 || syntax.Offset > len(text) {
		t.Errorf("%s: the error is at %d of %d", name, syntax.Offset, len(text))
	}
}

func TestDecodeCallRefuses(t *testing.T) {
	for name, text := range refusedCalls() {
		checkRefused(t, name, text)
	}
}

// motley is a request with a bit of everything.
var motley = string(request("<struct><member><name>a&amp;</name><value><array><data><value><![CDATA[x]]>\r</value>" +
	"</data></array></value></member></struct><!-- c -->"))

func TestEveryPrefixIsRefused(t *testing.T) {
	if _, _, err := DecodeCall([]byte(motley)); err != nil {
		t.Fatal(err)
	}
	for n := range len(motley) {
		checkRefused(t, fmt.Sprint("the first ", n, " bytes"), motley[:n])
	}
}

func nested(depth int, opening, closing string) []byte {
	return request(strings.Repeat(opening, depth) + strings.Repeat(closing, depth))
}

func TestDecodeDepth(t *testing.T) {
	forms := map[string][2]string{
		"array":  {"<array><data><value>", "</value></data></array>"},
		"struct": {"<struct><member><name>x</name><value>", "</value></member></struct>"},
	}
	for name, form := range forms {
		for depth, ok := range map[int]bool{1: true, maxDepth: true, maxDepth + 1: false, 100_000: false} {
			_, _, err := DecodeCall(nested(depth, form[0], form[1]))
			if (err == nil) != ok {
				t.Errorf("%d of %s in each other: %v", depth, name, err)
			}
		}
	}
}

func TestDecodeReply(t *testing.T) {
	reply := func(inside string) string { return "<methodResponse>" + inside + "</methodResponse>" }
	value := func(inside string) string {
		return reply("<params><param><value>" + inside + "</value></param></params>")
	}
	for text, want := range map[string]any{
		value("<int>5</int>"):         5,
		reply("<params/>"):            nil,
		reply("<params></params>"):    nil,
		value("\x1b[31mred\x00&#27;"): "\x1b[31mred\x00\x1b",
		value("a\xffb"):               "a\uFFFDb",
	} {
		got, err := DecodeReply([]byte(text))
		if err != nil || got != want {
			t.Errorf("%q: got %#v, %v; want %#v", text, got, err, want)
		}
	}
	fault := func(code, text string) string {
		return reply("<fault><value><struct><member><name>faultCode</name><value>" + code +
			"</value></member><member><name>faultString</name><value>" + text + "</value></member></struct></value></fault>")
	}
	_, err := DecodeReply([]byte(fault("<int>10</int>", "BAD_NAME: x")))
	var f *Fault
	if !errors.As(err, &f) || *f != (Fault{10, "BAD_NAME: x"}) {
		t.Errorf("got %v, want a fault", err)
	}
	for _, text := range []string{
		reply(""), reply("<other/>"), reply("<fault/>"), reply("<fault><value>x</value></fault>"), "<methodResponse/>", "<html></html>",
		fault("10", "x"), fault("<int>1</int>", "<int>2</int>"), fault("<int>1</int>", "x") + "y",
		reply("<params><param><value/></param><param><value/></param></params>"), reply("<params/><params/>"), "",
	} {
		var syntax *SyntaxError
		if v, err := DecodeReply([]byte(text)); !errors.As(err, &syntax) {
			t.Errorf("%q: got %v, %v; want a syntax error", text, v, err)
		}
	}
}

// A document twice as long takes about twice as long: what looks for the end of something never starts over.
func TestDecodeTimeIsLinear(t *testing.T) {
	unit := map[string]string{
		"entities":  "&amp;",
		"cdata":     "<![CDATA[x]]>",
		"comments":  "<!-- -->",
		"returns":   "\r",
		"half refs": "&#x0000041;",
	}
	for name, u := range unit {
		cost := func(n int) time.Duration {
			doc := request(strings.Repeat(u, n))
			best := time.Hour
			for range 3 {
				start := time.Now()
				if _, _, err := DecodeCall(doc); err != nil {
					t.Fatal(name, err)
				}
				best = min(best, time.Since(start))
			}
			return best
		}
		// quadratic behaviour would make this 64 times as long
		if small, large := cost(20_000), cost(160_000); large > 30*small+20*time.Millisecond {
			t.Errorf("%s: 8 times the length takes %v instead of %v", name, large, small)
		}
	}
}

func TestMapGet(t *testing.T) {
	m := Map{{"a", 1}, {"b", 2}, {"a", 3}}
	if v, ok := m.Get("a"); !ok || v != 3 {
		t.Errorf("a is %v, %v; the last counts", v, ok)
	}
	if v, ok := m.Get("c"); ok {
		t.Errorf("c is %v", v)
	}
}

func FuzzDecodeCall(f *testing.F) {
	f.Add(request("<struct><member><name>a</name><value><array><data><value><int>1</int></value></data></array></value></member></struct>"))
	f.Add(request("a<![CDATA[b]]><!-- c -->&#65;&lt;\r\n"))
	f.Add(request("<base64>Y2F0</base64>"))
	f.Add([]byte("<?xml version='1.0'?><methodCall><methodName>a.b</methodName><params/></methodCall>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		method, params, err := DecodeCall(body)
		if err != nil {
			return
		}
		again, err := EncodeCall(method, params...)
		if errors.Is(err, errNil) {
			return
		}
		if err != nil {
			t.Fatalf("%v of %#v", err, params)
		}
		method2, params2, err := DecodeCall(again)
		if err != nil || method2 != method || fmt.Sprintf("%#v", params2) != fmt.Sprintf("%#v", params) {
			t.Fatalf("%q %#v came back as %q %#v, %v", method, params, method2, params2, err)
		}
	})
}

func FuzzDecodeReply(f *testing.F) {
	f.Add(EncodeFault(NewFault(BadName, "x")))
	good, _ := EncodeReply(Map{{"a", []any{1, true, "x\x1b", 1.5, []byte("z"), time.Unix(0, 0)}}})
	f.Add(good)
	f.Fuzz(func(t *testing.T, body []byte) {
		value, err := DecodeReply(body)
		if err != nil {
			return
		}
		var info processInfo
		Assign(&info, value)
		var strings []string
		Assign(&strings, value)
		var numbers map[string]float32
		Assign(&numbers, value)
	})
}

func FuzzText(f *testing.F) {
	f.Add("a&b\r\x00\xff<>]]>")
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := EncodeReply(text)
		if err != nil {
			t.Fatal(err)
		}
		call, err := EncodeCall("a.b", text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeReply(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := DecodeCall(call) // the strict reader
		if err != nil || params[0] != got {
			t.Fatalf("%q read as %q and %q, %v", text, got, params, err)
		}
	})
}
