package rpc

import (
	"reflect"
	"strings"
	"sync"
)

// plan is what encoder and decoder know of a Go struct type.
type plan struct {
	fields []field
	byName map[string]int // of fields
}

// field is one member.
type field struct {
	name      string
	start     []byte // the opening of the member with its name
	index     []int
	omitEmpty bool
}

// Field is one member of a struct as it is encoded.
type Field struct {
	Name      string
	Type      reflect.Type
	OmitEmpty bool
}

// Fields returns the members as which a struct type is encoded, in their order. The doors derive schemas from it.
func Fields(t reflect.Type) []Field {
	var list []Field
	for _, f := range planOf(t).fields {
		list = append(list, Field{Name: f.name, Type: t.FieldByIndex(f.index).Type, OmitEmpty: f.omitEmpty})
	}
	return list
}

// plans caches a *plan for each reflect.Type.
var plans sync.Map

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{byName: map[string]int{}}
	p.add(t, nil)
	cached, _ := plans.LoadOrStore(t, p)
	return cached.(*plan)
}

// add takes the fields of t, which lies at index in the struct of the plan. An outer field hides an embedded one of its name.
func (p *plan) add(t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("xmlrpc")
		name, option, _ := strings.Cut(tag, ",")
		at := append(index[:len(index):len(index)], i)
		switch {
		case name == "-":
			continue
		case f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct && f.Type != timeType:
			p.add(f.Type, at)
			continue
		case !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		member := field{name: name, start: appendMemberName(nil, name), index: at, omitEmpty: option == "omitempty"}
		old, known := p.byName[name]
		switch {
		case !known:
			p.byName[name] = len(p.fields)
			p.fields = append(p.fields, member)
		case len(at) < len(p.fields[old].index):
			p.fields[old] = member
		}
	}
}
