package journal

import (
	"encoding/json"
	"reflect"
	"strings"
)

// keepUnknown adds to object, the JSON of from, the fields of old that from's type does not know; the same for the structs within it.
// Fields that the type knows and did not write, because they are empty, do not come back.
func keepUnknown(object, old map[string]json.RawMessage, from any) {
	mergeUnknown(object, old, reflect.TypeOf(from))
}

func mergeUnknown(object, old map[string]json.RawMessage, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || len(old) == 0 {
		return
	}
	known := knownFields(t)
	for name, value := range old {
		field, ok := known[strings.ToLower(name)] // JSON fields are matched without regard to case
		if !ok {
			object[name] = value
			continue
		}
		var inner, oldInner map[string]json.RawMessage
		if json.Unmarshal(object[field.name], &inner) == nil && inner != nil && json.Unmarshal(value, &oldInner) == nil {
			mergeUnknown(inner, oldInner, field.kind)
			if merged, err := json.Marshal(inner); err == nil {
				object[field.name] = merged
			}
		}
	}
}

type knownField struct {
	name string // as JSON has it
	kind reflect.Type
}

// knownFields returns the fields that encoding/json writes for a struct, by lower-case name.
func knownFields(t reflect.Type) map[string]knownField {
	known := make(map[string]knownField)
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		known[strings.ToLower(name)] = knownField{name, f.Type}
	}
	return known
}

// newLike returns a pointer to a new value of the type that into points to.
func newLike(into any) any { return reflect.New(reflect.TypeOf(into).Elem()).Interface() }
