package agent

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// AttributeType is what an attribute is about.
type AttributeType int

// The types of attributes.
const (
	UserInput AttributeType = iota
	Location
	Architecture
	Compute
	HA
	Property
	CounterPartyProperty
	Metering
	AgreementProtocol
	HTTPSBasicAuth
	DockerRegistryAuth
)

// typeSpec is what the mappings of a type must be.
type typeSpec struct {
	name      string
	free      bool // any mappings; else those that are listed
	patchable bool
	fields    []field
	secret    string // the mapping with a password, or the list whose elements have one as token
}

type field struct {
	name   string
	needed bool
	fits   func(any) bool
	form   string // for clients
}

var attributeTypes = [...]typeSpec{
	UserInput:    {name: "UserInputAttributes", free: true, patchable: true},
	Architecture: {name: "ArchitectureAttributes", fields: []field{{"architecture", true, isText, "a text"}}},
	Location: {name: "LocationAttributes", fields: []field{
		{"lat", true, isWithin(-90, 90), "a number from -90 to 90"},
		{"lon", true, isWithin(-180, 180), "a number from -180 to 180"},
		{"location_accuracy_km", false, isWithin(0, math.MaxFloat64), "a number from 0 on"},
		{"use_gps", false, isBool, "true or false"},
	}},
	Compute: {name: "ComputeAttributes", fields: []field{
		{"cpus", true, isCount, "a whole number from 0 on"}, {"ram", true, isCount, "a whole number from 0 on"},
	}},
	HA:                   {name: "HAAttributes", fields: []field{{"partnerID", true, isTexts, "a list of texts"}}},
	Property:             {name: "PropertyAttributes", free: true},
	CounterPartyProperty: {name: "CounterPartyPropertyAttributes", fields: []field{{"expression", true, isObject, "an object"}}},
	Metering: {name: "MeteringAttributes", fields: []field{
		{"tokens", false, isCount, "a whole number from 0 on"}, {"perTimeUnit", false, isText, "a text"},
		{"notificationInterval", false, isCount, "a whole number from 0 on"},
	}},
	AgreementProtocol: {name: "AgreementProtocolAttributes", fields: []field{{"protocols", true, isProtocols, "a list of protocols, of which there is only Basic"}}},
	HTTPSBasicAuth: {name: "HTTPSBasicAuthAttributes", patchable: true, secret: "password", fields: []field{
		{"url", true, isText, "a text"}, {"username", true, isText, "a text"}, {"password", true, isText, "a text"},
	}},
	DockerRegistryAuth: {name: "DockerRegistryAuthAttributes", patchable: true, secret: "auths", fields: []field{
		{"auths", true, isAuths, "a list of objects with registry, token and perhaps username"},
	}},
}

// String returns the name of the type for clients.
func (t AttributeType) String() string {
	if t < 0 || int(t) >= len(attributeTypes) {
		return "AttributeType(" + strconv.Itoa(int(t)) + ")"
	}
	return attributeTypes[t].name
}

// ParseAttributeType is the opposite of String.
func ParseAttributeType(name string) (AttributeType, error) {
	i := slices.IndexFunc(attributeTypes[:], func(t typeSpec) bool { return t.name == name })
	if i < 0 {
		return 0, fmt.Errorf("unknown attribute type %.80q", name)
	}
	return AttributeType(i), nil
}

// MarshalText and UnmarshalText make JSON of the name.
func (t AttributeType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is the opposite of MarshalText.
func (t *AttributeType) UnmarshalText(text []byte) (err error) {
	*t, err = ParseAttributeType(string(text))
	return err
}

// checkMappings refuses mappings that do not fit the type of their attribute, and completes them.
func (c *call) checkMappings(a *Attribute) error {
	t := &attributeTypes[a.Type]
	for _, key := range slices.Sorted(maps.Keys(a.Mappings)) {
		if err := checkKey(key); err != nil {
			return err
		}
		value := a.Mappings[key]
		if isMasked(t, key, value) {
			return &BadInput{mapping(key), "the value is masked; the true one is needed"}
		}
		if t.free {
			continue
		}
		i := slices.IndexFunc(t.fields, func(f field) bool { return f.name == key })
		if i < 0 {
			return &BadInput{mapping(key), t.name + " has no such mapping"}
		}
		if !t.fields[i].fits(value) {
			return &BadInput{mapping(key), key + " must be " + t.fields[i].form}
		}
	}
	for _, f := range t.fields {
		if _, given := a.Mappings[f.name]; f.needed && !given {
			return &BadInput{mapping(f.name), f.name + " is needed: " + f.form}
		}
	}
	switch a.Type {
	case UserInput:
		if err := c.checkInputs(a.Mappings); err != nil {
			return err
		}
	case DockerRegistryAuth:
		a.Mappings = withUsers(a.Mappings)
	}
	return checkSize(a)
}

// maxKeyShown is how much of a key of a client is repeated to it.
const maxKeyShown = 100

// mapping returns the name of a mapping in an error.
func mapping(key string) string { return "mappings." + key[:min(len(key), maxKeyShown)] }

func checkKey(key string) error {
	if key == "" {
		return &BadInput{mapping(key), "a mapping needs a name"}
	}
	return checkName(mapping(key), key)
}

// withUsers returns the mappings of a DockerRegistryAuth with the user that is meant when none is given.
func withUsers(m Mappings) Mappings {
	auths := []any{}
	for _, one := range m["auths"].([]any) {
		auth := maps.Clone(one.(map[string]any))
		if auth["username"] == nil || auth["username"] == "" {
			auth["username"] = "token"
		}
		auths = append(auths, auth)
	}
	return Mappings{"auths": auths}
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

func isBool(v any) bool {
	_, ok := v.(bool)
	return ok
}

func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

func isTexts(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(v any) bool { return !isText(v) })
}

// number reads a number; not one too large for a float.
func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	x, err := n.Float64()
	return x, err == nil
}

func isWithin(from, to float64) func(any) bool {
	return func(v any) bool {
		x, ok := number(v)
		return ok && x >= from && x <= to
	}
}

func isCount(v any) bool {
	n, ok := v.(json.Number)
	if !ok {
		return false
	}
	_, err := strconv.ParseUint(n.String(), 10, 63)
	return err == nil
}

// isProtocols takes names, and objects with the name as the key, as the original has them.
func isProtocols(v any) bool {
	list, ok := v.([]any)
	for _, one := range list {
		object, isObject := one.(map[string]any)
		_, basic := object["Basic"]
		ok = ok && (one == "Basic" || isObject && basic && len(object) == 1)
	}
	return ok
}

func isAuths(v any) bool {
	list, ok := v.([]any)
	for _, one := range list {
		auth, isObject := one.(map[string]any)
		ok = ok && isObject && isText(auth["registry"]) && isText(auth["token"]) && (auth["username"] == nil || isText(auth["username"]))
		for key := range auth {
			ok = ok && slices.Contains([]string{"registry", "token", "username"}, key)
		}
	}
	return ok
}

// masked stands for what is not shown.
const masked = "********"

// secretWords are in the names of variables whose values are told to few, in any letter case.
var secretWords = []string{"PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL"}

// isSecret reports whether a variable is called like a secret.
func isSecret(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

// mask returns mappings as they may be shown: passwords never, other secrets to some.
func mask(kind AttributeType, m Mappings, secrets bool) Mappings {
	shown := Mappings{}
	for key, value := range m {
		switch t := &attributeTypes[kind]; {
		case t.secret == key && kind == DockerRegistryAuth:
			value = maskTokens(value)
		case t.secret == key, t.free && !secrets && isSecret(key):
			value = masked
		}
		shown[key] = value
	}
	return shown
}

func maskTokens(auths any) []any {
	shown := []any{}
	list, _ := auths.([]any)
	for _, one := range list {
		auth, _ := one.(map[string]any)
		auth = maps.Clone(auth)
		auth["token"] = masked
		shown = append(shown, auth)
	}
	return shown
}

// isMasked reports whether a value is one that was read here, and would be lost if it were taken back.
func isMasked(t *typeSpec, key string, value any) bool {
	if list, ok := value.([]any); ok && t.secret == key {
		return slices.ContainsFunc(list, func(one any) bool {
			auth, _ := one.(map[string]any)
			return auth["token"] == masked
		})
	}
	return value == masked && (t.secret == key || t.free && isSecret(key))
}
