package peer

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// node is an element of an XML-RPC message.
type node struct {
	XMLName xml.Name
	Nodes   []node `xml:",any"`
	Text    string `xml:",chardata"`
}

// child returns the only element of n that is called name.
func (n node) child(name string) (node, error) {
	for _, c := range n.Nodes {
		if c.XMLName.Local == name {
			return c, nil
		}
	}
	return node{}, fmt.Errorf("no %s in %s", name, n.XMLName.Local)
}

// encodeCall writes a call of method with the JSON array args.
func encodeCall(method, args string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version='1.0'?><methodCall><methodName>%s</methodName><params>", method)
	var values []any
	if args != "" {
		dec := json.NewDecoder(strings.NewReader(args))
		dec.UseNumber()
		if err := dec.Decode(&values); err != nil {
			return nil, fmt.Errorf("arguments %s: %w", args, err)
		}
	}
	for _, v := range values {
		b.WriteString("<param>")
		encodeValue(&b, v)
		b.WriteString("</param>")
	}
	b.WriteString("</params></methodCall>")
	return b.Bytes(), nil
}

func encodeValue(b *bytes.Buffer, v any) {
	b.WriteString("<value>")
	switch v := v.(type) {
	case nil:
		b.WriteString("<nil/>")
	case bool:
		fmt.Fprintf(b, "<boolean>%d</boolean>", map[bool]int{true: 1}[v])
	case json.Number:
		fmt.Fprintf(b, "<int>%s</int>", v)
	case string:
		b.WriteString("<string>")
		xml.EscapeText(b, []byte(v))
		b.WriteString("</string>")
	case []any:
		b.WriteString("<array><data>")
		for _, e := range v {
			encodeValue(b, e)
		}
		b.WriteString("</data></array>")
	case map[string]any:
		b.WriteString("<struct>")
		for name, e := range v {
			fmt.Fprintf(b, "<member><name>%s</name>", name)
			encodeValue(b, e)
			b.WriteString("</member>")
		}
		b.WriteString("</struct>")
	}
	b.WriteString("</value>")
}

// reply is what a call came to.
type reply struct {
	fault bool
	value value
}

// value is a decoded value: its text looks like JSON, with the members of structs in order of their names.
type value struct {
	text    string
	members map[string]value
	raw     string // of a scalar
}

func decodeReply(data []byte) (reply, error) {
	var root node
	if err := xml.Unmarshal(data, &root); err != nil {
		return reply{}, fmt.Errorf("reply %q: %w", data, err)
	}
	holder, err := root.child("fault")
	isFault := err == nil
	for _, name := range []string{"params", "param"} {
		if isFault {
			break
		}
		if holder, err = root.child(name); err != nil {
			return reply{}, err
		}
		root = holder
	}
	v, err := holder.child("value")
	if err != nil {
		return reply{}, err
	}
	decoded, err := decodeValue(v)
	return reply{fault: isFault, value: decoded}, err
}

func decodeValue(n node) (value, error) {
	if len(n.Nodes) == 0 {
		return value{text: strconv.Quote(n.Text), raw: n.Text}, nil
	}
	typed := n.Nodes[0]
	switch kind := typed.XMLName.Local; kind {
	case "string":
		return value{text: strconv.Quote(typed.Text), raw: typed.Text}, nil
	case "int", "i4":
		return value{text: typed.Text, raw: typed.Text}, nil
	case "boolean":
		return value{text: map[string]string{"1": "true", "0": "false"}[typed.Text], raw: typed.Text}, nil
	case "array":
		return decodeArray(typed)
	case "struct":
		return decodeStruct(typed)
	default:
		return value{text: kind + "(" + typed.Text + ")", raw: typed.Text}, nil
	}
}

func decodeArray(n node) (value, error) {
	data, err := n.child("data")
	if err != nil {
		return value{}, err
	}
	var items []string
	for _, e := range data.Nodes {
		v, err := decodeValue(e)
		if err != nil {
			return value{}, err
		}
		items = append(items, v.text)
	}
	if long := strings.Join(items, ""); len(long) > 80 {
		return value{text: "[\n    " + strings.Join(items, "\n    ") + "\n]"}, nil
	}
	return value{text: "[" + strings.Join(items, ", ") + "]"}, nil
}

func decodeStruct(n node) (value, error) {
	v := value{members: map[string]value{}}
	var items []string
	for _, m := range n.Nodes {
		name, err := m.child("name")
		if err != nil {
			return value{}, err
		}
		e, err := m.child("value")
		if err != nil {
			return value{}, err
		}
		member, err := decodeValue(e)
		if err != nil {
			return value{}, err
		}
		v.members[name.Text] = member
		items = append(items, strconv.Quote(name.Text)+":"+member.text)
	}
	slices.Sort(items)
	v.text = "{" + strings.Join(items, ", ") + "}"
	return v, nil
}
