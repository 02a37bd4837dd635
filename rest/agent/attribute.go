package agent

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Settings are what a node keeps for this API.
type Settings struct {
	Attributes []Attribute     `json:"attributes"` // oldest first
	Services   []ServiceConfig `json:"services"`
}

// Clone returns a copy whose lists are its own. What is in them is never changed in place.
func (s Settings) Clone() Settings {
	return Settings{slices.Clone(s.Attributes), slices.Clone(s.Services)}
}

// Attribute is a setting of the node, or of some of its applications. Its JSON is that of /attribute, with nothing masked.
type Attribute struct {
	ID           string        `json:"id"` // a UUID
	Type         AttributeType `json:"type"`
	Label        string        `json:"label"`
	Publishable  bool          `json:"publishable"`
	HostOnly     bool          `json:"host_only"`     // nothing for processes
	ServiceSpecs []ServiceSpec `json:"service_specs"` // of all applications when empty
	Mappings     Mappings      `json:"mappings"`
}

// ServiceSpec names an application.
type ServiceSpec struct {
	URL          string `json:"url"`
	Organization string `json:"organization"`
}

// Mappings are the values of an attribute: those of JSON, with numbers as they were written.
type Mappings map[string]any

// UnmarshalJSON reads an object; numbers are json.Number.
func (m *Mappings) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	err := d.Decode(&object)
	*m = object
	return err
}

// ArchitectureAttribute returns the one that every node has from its start, for an architecture in the words of Go.
func ArchitectureAttribute(id, arch string) Attribute {
	return Attribute{ID: id, Type: Architecture, Label: "Architecture", Publishable: true, Mappings: Mappings{"architecture": arch}}
}

// appliesTo reports whether the attribute is one of an application; special tells one that names it from one for all.
func (a *Attribute) appliesTo(app *Application) (applies, special bool) {
	if len(a.ServiceSpecs) == 0 {
		return true, false
	}
	special = slices.ContainsFunc(a.ServiceSpecs, app.is)
	return special, special
}

// same reports whether two attributes say the same of the same.
func (a *Attribute) same(b *Attribute) bool {
	return a.Type == b.Type && a.Label == b.Label && slices.Equal(a.ServiceSpecs, b.ServiceSpecs) && reflect.DeepEqual(a.Mappings, b.Mappings)
}

// shown returns the attribute as this caller may see it: the applications as they are called here, no passwords.
func (c *call) shown(a Attribute, apps []Application) Attribute {
	specs := make([]ServiceSpec, 0, len(a.ServiceSpecs))
	for _, spec := range a.ServiceSpecs {
		if i := slices.IndexFunc(apps, func(app Application) bool { return app.is(spec) }); i >= 0 {
			spec.URL = apps[i].url()
		}
		specs = append(specs, spec)
	}
	a.ServiceSpecs = specs
	a.Mappings = mask(a.Type, a.Mappings, c.secrets())
	return a
}

// storage returns the other form of an attribute, with the fields of its type beside its meta data.
func (a Attribute) storage() map[string]any {
	object := map[string]any{}
	if attributeTypes[a.Type].free {
		object["mappings"] = a.Mappings
	} else {
		maps.Copy(object, a.Mappings)
	}
	object["meta"] = metaBody{a.ID, a.Type, a.Label, a.HostOnly, a.Publishable}
	object["service_specs"] = a.ServiceSpecs
	return object
}

type metaBody struct {
	ID          string        `json:"id"`
	Type        AttributeType `json:"type"`
	Label       string        `json:"label"`
	HostOnly    bool          `json:"host_only"`
	Publishable bool          `json:"publishable"`
}

// attributeInput is an attribute of a client; nil is what was not given. Its id is ignored.
type attributeInput struct {
	Type         *string       `json:"type"`
	Label        *string       `json:"label"`
	Publishable  *bool         `json:"publishable"`
	HostOnly     bool          `json:"host_only"`
	ServiceSpecs []ServiceSpec `json:"service_specs"`
	Mappings     Mappings      `json:"mappings"`
}

// attribute checks one that has to be complete.
func (c *call) attribute(in *attributeInput) (Attribute, error) {
	a, err := c.partOf(in)
	if err != nil {
		return a, err
	}
	switch {
	case in.Label == nil:
		return a, &BadInput{"label", "a label is needed"}
	case in.Publishable == nil:
		return a, &BadInput{"publishable", "publishable must be true or false"}
	case in.Mappings == nil:
		return a, &BadInput{"mappings", "mappings are needed"}
	}
	a.Label, a.Publishable, a.HostOnly = *in.Label, *in.Publishable, in.HostOnly
	if err := checkName("label", a.Label); err != nil {
		return a, err
	}
	return a, c.checkMappings(&a)
}

// partOf checks what every attribute of a client must have, and what it has of specs and mappings.
func (c *call) partOf(in *attributeInput) (a Attribute, err error) {
	if in.Type == nil || *in.Type == "" {
		return a, &BadInput{"type", "a type is needed"}
	}
	if a.Type, err = ParseAttributeType(*in.Type); err != nil {
		return a, &BadInput{"mappings", err.Error()}
	}
	if a.Type == Architecture {
		return a, &BadInput{"type", "the architecture of a node cannot be changed"}
	}
	a.ServiceSpecs, err = c.specs(in.ServiceSpecs)
	a.Mappings = in.Mappings
	return a, err
}

// specs checks what applications an attribute names; they need not exist yet.
func (c *call) specs(given []ServiceSpec) ([]ServiceSpec, error) {
	specs := make([]ServiceSpec, 0, len(given))
	for _, spec := range given {
		if spec.URL == "" {
			return nil, &BadInput{"service_specs.url", "a service is needed"}
		}
		if err := checkName("service_specs.url", spec.URL); err != nil {
			return nil, err
		}
		if err := checkName("service_specs.organization", spec.Organization); err != nil {
			return nil, err
		}
		if spec.Organization == "" {
			spec.Organization = c.cfg.Organization
		}
		if !slices.Contains(specs, spec) {
			specs = append(specs, spec)
		}
	}
	return specs, nil
}

// The bounds of what a node keeps for its clients.
const (
	maxAttributes = 1000
	maxAttribute  = 64 << 10 // bytes of JSON
)

// checkSize refuses an attribute that is too large to be kept.
func checkSize(a *Attribute) error {
	if data, err := json.Marshal(a); err != nil || len(data) > maxAttribute {
		return &BadInput{"mappings", "the attribute is too large"}
	}
	return nil
}

// add keeps one more attribute.
func (s *Settings) add(a Attribute) error {
	if len(s.Attributes) >= maxAttributes {
		return &BadInput{"attribute", "there are too many attributes"}
	}
	s.Attributes = append(s.Attributes, a)
	return nil
}

// find returns the place of an attribute, -1 for none.
func (s *Settings) find(id string) int {
	return slices.IndexFunc(s.Attributes, func(a Attribute) bool { return a.ID == id })
}
