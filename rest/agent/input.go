package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// body reads what was sent.
func (c *call) body() ([]byte, error) {
	data, status := c.keeper.Body(c.w, c.r, c.limit)
	switch status {
	case 0:
		return data, nil
	case http.StatusRequestEntityTooLarge:
		return nil, errTooLarge
	case http.StatusRequestTimeout:
		return nil, errTooSlow
	}
	return nil, &BadInput{"body", "the body cannot be read"}
}

// decode reads a body, a JSON object whatever it is called, into a struct. Fields may be written in any letter case, those that are not known
// are passed over, and numbers stay as they are. what is the name of the object in errors; without one it is the body.
func (c *call) decode(what string, into any) error {
	data, err := c.body()
	if err != nil {
		return err
	}
	prefix := what + "."
	if what == "" {
		what, prefix = "body", ""
	}
	if data = bytes.TrimSpace(data); len(data) == 0 || data[0] != '{' {
		return &BadInput{what, "the body must be a JSON object"}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(into)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return &BadInput{prefix + e.Field, e.Field + " must be " + formOf(e.Type)}
	}
	if err != nil {
		return &BadInput{what, "the body is not JSON: " + err.Error()}
	}
	if _, err := d.Token(); err != io.EOF {
		return &BadInput{what, "the body is not JSON: something follows the object"}
	}
	return nil
}

// formOf tells clients what a field takes.
func formOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// flag reads a parameter of the query that is true or false.
func (c *call) flag(name string, otherwise bool) (bool, error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return false, &BadInput{"url", "the query cannot be read"} // which may hold a key
	}
	switch values := query[name]; {
	case len(values) == 0:
		return otherwise, nil
	case len(values) == 1 && values[0] == "true":
		return true, nil
	case len(values) == 1 && values[0] == "false":
		return false, nil
	}
	return false, &BadInput{"url." + name, name + " must be true or false"}
}

// param reads a segment of the path.
func (c *call) param(name string) (string, error) {
	value, err := url.PathUnescape(c.params[name])
	if err != nil || strings.Contains(value, "\x00") {
		return "", &BadInput{name, "the path cannot be read"}
	}
	return value, nil
}
