package agent

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

type attributesBody struct {
	Attributes []Attribute `json:"attributes"`
}

func listAttributes(c *call) error { return c.sendAttributes(c.agent.Settings().Attributes) }

func getAttribute(c *call) error {
	id, err := c.param("id")
	if err != nil {
		return err
	}
	all := c.agent.Settings()
	if i := all.find(id); i >= 0 {
		return c.sendAttributes(all.Attributes[i : i+1])
	}
	return c.sendAttributes(nil)
}

func (c *call) sendAttributes(all []Attribute) error {
	body, apps := attributesBody{[]Attribute{}}, c.agent.Applications()
	for _, a := range all {
		body.Attributes = append(body.Attributes, c.shown(a, apps))
	}
	return c.json(http.StatusOK, body)
}

// sendAttribute answers with one.
func (c *call) sendAttribute(status int, a Attribute) error {
	return c.json(status, c.shown(a, c.agent.Applications()))
}

func postAttribute(c *call) error {
	var in attributeInput
	if err := c.decode("", &in); err != nil {
		return err
	}
	a, err := c.attribute(&in)
	if err != nil {
		return err
	}
	a.ID = newID()
	err = c.agent.Edit(c.r.Context(), func(s *Settings) error {
		if slices.ContainsFunc(s.Attributes, func(b Attribute) bool { return a.same(&b) }) {
			return errDuplicate
		}
		return s.add(a)
	})
	if err != nil {
		return err
	}
	return c.sendAttribute(http.StatusCreated, a)
}

// postWithID answers to what the original has no meaning for.
func postWithID(*call) error {
	return &WrongState{"an attribute is created without an id in the path"}
}

func putAttribute(c *call) error {
	id, err := c.param("id")
	if err != nil {
		return err
	}
	var in attributeInput
	if err := c.decode("", &in); err != nil {
		return err
	}
	a, err := c.attribute(&in)
	if err != nil {
		return err
	}
	a.ID = id
	err = c.agent.Edit(c.r.Context(), func(s *Settings) error {
		i := s.find(id)
		if i < 0 {
			return errNoAttribute
		}
		if s.Attributes[i].Type == Architecture {
			return &BadInput{"type", "the architecture of a node cannot be changed"}
		}
		s.Attributes[i] = a
		return nil
	})
	if err != nil {
		return err
	}
	return c.sendAttribute(http.StatusOK, a)
}

func patchAttribute(c *call) error {
	id, err := c.param("id")
	if err != nil {
		return err
	}
	var in attributeInput
	if err := c.decode("", &in); err != nil {
		return err
	}
	part, err := c.partOf(&in)
	if err != nil {
		return err
	}
	if !attributeTypes[part.Type].patchable {
		return &BadInput{"type", part.Type.String() + " can only be replaced"}
	}
	var merged Attribute
	err = c.agent.Edit(c.r.Context(), func(s *Settings) error {
		i := s.find(id)
		if i < 0 {
			return errNoAttribute
		}
		if merged, err = c.merge(s.Attributes[i], part); err != nil {
			return err
		}
		s.Attributes[i] = merged
		return nil
	})
	if err != nil {
		return err
	}
	return c.sendAttribute(http.StatusOK, merged)
}

// merge returns an attribute with the mappings and specs of part over its own.
func (c *call) merge(a, part Attribute) (Attribute, error) {
	if a.Type != part.Type {
		return a, &BadInput{"type", "the attribute has another type"}
	}
	a.ServiceSpecs = slices.Clone(a.ServiceSpecs)
	for _, spec := range part.ServiceSpecs {
		if !slices.Contains(a.ServiceSpecs, spec) {
			a.ServiceSpecs = append(a.ServiceSpecs, spec)
		}
	}
	mappings := Mappings{}
	maps.Copy(mappings, a.Mappings)
	maps.Copy(mappings, part.Mappings)
	a.Mappings = mappings
	return a, c.checkMappings(&a)
}

func deleteAttribute(c *call) error {
	id, err := c.param("id")
	if err != nil {
		return err
	}
	var deleted Attribute
	err = c.agent.Edit(c.r.Context(), func(s *Settings) error {
		i := s.find(id)
		if i < 0 {
			return errNoAttribute
		}
		deleted = s.Attributes[i]
		if deleted.Type == Architecture {
			return &BadInput{"type", "the architecture of a node cannot be removed"}
		}
		s.Attributes = slices.Delete(s.Attributes, i, i+1)
		return nil
	})
	if errors.Is(err, errNoAttribute) {
		return c.empty() // gone is gone
	}
	if err != nil {
		return err
	}
	return c.sendAttribute(http.StatusOK, deleted)
}

// newID returns a random UUID (version 4 of RFC 9562).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
