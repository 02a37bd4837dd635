package device

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// maxBody is how large the body of a request may be, in bytes.
const maxBody = 1 << 20

const formType = "application/x-www-form-urlencoded"

// fields are what the body of a request says: values of JSON with numbers as they were written, or the texts of a form.
type fields map[string]any

// fields reads the body.
func (c *call) fields() (fields, error) {
	data, status := c.h.keeper.Body(c.w, c.r, maxBody)
	switch status {
	case 0:
		return parseFields(c.r.Header.Get("Content-Type"), data)
	case http.StatusBadRequest:
		return nil, &BadRequest{Text: "the body cannot be read"}
	}
	return nil, &refusal{status, http.StatusText(status)}
}

// parseFields reads a body: a JSON object or a form, nothing being an empty object. JSON is taken for what it is even when it is called
// a form, as curl -d calls everything.
func parseFields(kind string, data []byte) (fields, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return fields{}, nil
	}
	if data[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var f fields
		if err := d.Decode(&f); err != nil {
			return nil, &BadRequest{Text: "the body is not JSON: " + err.Error()}
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, &BadRequest{Text: "the body is not JSON: something follows the object"}
		}
		return f, nil
	}
	if media, _, _ := mime.ParseMediaType(kind); media != formType { // what has no type, or a wrong one, is no form
		return nil, &BadRequest{Text: "the body is neither a JSON object nor a form"}
	}
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, &BadRequest{Text: "the body is not a form: " + err.Error()}
	}
	f := fields{}
	for name := range values {
		f[name] = values.Get(name)
	}
	return f, nil
}

// flag reads force, cancel and the like: true, 1, "1", "true" and "on" are true, all else is false.
func (f fields) flag(name string) bool {
	switch v := f[name].(type) {
	case bool:
		return v
	case json.Number:
		return v == "1"
	case string:
		return isOn(v)
	}
	return false
}

func isOn(text string) bool { return text == "1" || text == "true" || text == "on" }

// text reads a name, or a number that stands for one, as text; "" when it is not there.
func (f fields) text(name string) (string, error) {
	switch v := f[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		if n, ok := integer(string(v)); ok {
			return strconv.FormatInt(n, 10), nil
		}
	}
	return "", &BadRequest{Text: name + " must be a number or a name"}
}

// integer reads a number that is whole, however it is written.
func integer(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53 // below it, floats count by one
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || x != math.Trunc(x) || math.Abs(x) >= exact {
		return 0, false
	}
	return int64(x), true
}

// app reads the application that the body names and returns the name of its group, if the caller may have to do with it.
func (c *call) app(f fields) (string, error) {
	given, err := f.text("appId")
	if err != nil {
		return "", err
	}
	if given == "" {
		return "", &BadRequest{Text: "Missing app id"}
	}
	return c.reach(given)
}

// pathApp is app for the routes that name it in their path.
func (c *call) pathApp() (string, error) {
	given, err := url.PathUnescape(c.params["appId"])
	if err != nil {
		return "", &BadRequest{Text: "Invalid app id"}
	}
	return c.reach(given)
}

// reach returns the name of the group that an application stands for, if the caller may have to do with it.
func (c *call) reach(given string) (string, error) {
	name, err := c.h.cfg.Device.AppName(given)
	if err != nil {
		return "", err
	}
	if !c.scope.covers(name, c.looks()) {
		return "", errForeign
	}
	return name, nil
}
