package rest

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

// object makes a JSON object of names and values in turn.
func object(pairs ...any) rpc.Map {
	m := rpc.Map{}
	for i := 0; i < len(pairs); i += 2 {
		m = append(m, rpc.Member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return m
}

// schemas describes Go types. Structs get a definition of their own, by the name of their type.
type schemas struct {
	prefix      string // of references
	definitions map[string]any
}

// result describes what a method returns.
func (s *schemas) result(r rpc.Result) rpc.Map {
	schema := s.of(reflect.TypeOf(r.Type))
	if r.Or != nil {
		return object("anyOf", []any{schema, s.of(reflect.TypeOf(r.Or))})
	}
	return schema
}

func (s *schemas) of(t reflect.Type) rpc.Map {
	if t == nil {
		return rpc.Map{}
	}
	switch t.Kind() {
	case reflect.Bool:
		return object("type", "boolean")
	case reflect.String:
		return object("type", "string")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object("type", "integer")
	case reflect.Float32, reflect.Float64:
		return object("type", "number")
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice, reflect.Array:
		if t == reflect.TypeFor[rpc.Map]() {
			return object("type", "object")
		}
		if t.Elem().Kind() == reflect.Uint8 {
			return object("type", "string", "format", "byte")
		}
		return object("type", "array", "items", s.of(t.Elem()))
	case reflect.Map:
		return object("type", "object", "additionalProperties", s.of(t.Elem()))
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return object("type", "string")
		}
		return s.named(t)
	}
	return rpc.Map{}
}

// named refers to the definition of a struct, and writes it when it is the first to do so.
func (s *schemas) named(t reflect.Type) rpc.Map {
	name := t.Name()
	if _, known := s.definitions[name]; !known {
		s.definitions[name] = nil // a type may refer to itself
		properties, required := rpc.Map{}, []string{}
		for _, f := range rpc.Fields(t) {
			properties = append(properties, rpc.Member{Name: f.Name, Value: s.of(f.Type)})
			if !f.OmitEmpty {
				required = append(required, f.Name)
			}
		}
		s.definitions[name] = object("type", "object", "properties", properties, "required", required)
	}
	return object("$ref", s.prefix+name)
}

// parameter describes what a parameter of a row may be.
func parameter(p *rpc.Param) rpc.Map {
	types := map[string]string{"int": "integer", "double": "number", "boolean": "boolean", "array": "array", "struct": "object"}
	kind, ok := types[p.TypeWord()]
	if !ok {
		kind = "string"
	}
	schema := object("type", kind)
	if p.Values != nil {
		schema = append(schema, rpc.Member{Name: "enum", Value: slices.Clone(p.Values)})
	}
	if p.Optional && p.Default != nil {
		schema = append(schema, rpc.Member{Name: "default", Value: p.Default})
	}
	return schema
}

// example is a value for a parameter, as a reader would write it.
func example(p *rpc.Param, name string) any {
	switch {
	case p.Values != nil:
		return p.Values[0]
	case p.Default != nil:
		return p.Default
	case p.TypeWord() == "int":
		return 1
	case p.TypeWord() == "double":
		return 5.0
	}
	examples := map[string]string{"namespec": "shop:cart", "name": "shop:cart", "application_name": "shop", "identifier": "node_a",
		"program_name": "cart", "regex": "cart", "signal": "HUP", "type": "kind"}
	if text, ok := examples[name]; ok {
		return text
	}
	return strings.ReplaceAll(name, "_", "-")
}
