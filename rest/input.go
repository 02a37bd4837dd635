package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/supvisors/supvisors/rpc"
)

// input is what a request brings besides its path.
type input struct {
	whole  any            // the body as a value; nil without one
	object map[string]any // of a JSON body
	query  url.Values
	form   url.Values
}

// field returns a parameter from the JSON body, the query or the form, in this order, or its default. The error is that of a value
// which does not fit.
func (in *input) field(p *rpc.Param) (any, error) {
	var value any
	switch given, ok := in.object[p.Name]; {
	case ok:
		value = given
	case in.query.Has(p.Name):
		value = in.query.Get(p.Name)
	case in.form.Has(p.Name):
		value = in.form.Get(p.Name)
	case p.Optional:
		return p.Default, nil
	default: // the fields are optional here, whatever the row says
		value = ""
	}
	if p.Kind != rpc.Boolean {
		if text, ok := value.(string); ok {
			return text, nil
		}
		return nil, fmt.Errorf("%v is not a string", value)
	}
	if b, ok := value.(bool); ok {
		return b, nil
	}
	return parseBool(fmt.Sprint(value))
}

// readInput reads the body as the route wants it. When it cannot be had, the answer is given and ok is false.
func (g *Gateway) readInput(w http.ResponseWriter, r *http.Request, kind bodyKind) (in *input, ok bool) {
	in = &input{}
	var err error
	if in.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		g.refuse(w, http.StatusBadRequest, "the query cannot be read: "+err.Error())
		return nil, false
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return in, true
	}
	data, status := g.keeper.Body(w, r, maxBody)
	if status != 0 {
		g.refuse(w, status, http.StatusText(status))
		return nil, false
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what has none, or a wrong one, is neither
	isJSON := media == "application/json" || strings.HasSuffix(media, "+json")
	switch {
	case kind == textBody:
		in.whole = string(data)
	case kind == jsonBody:
		if in.whole, err = decodeJSON(data); err != nil {
			g.answer(w, http.StatusBadRequest, failure{Message: "INCORRECT_PARAMETERS: the body is not JSON: " + err.Error(), Code: rpc.IncorrectParameters})
			return nil, false
		}
	case isJSON:
		_ = json.Unmarshal(data, &in.object) // as with Supvisors' gateway, a broken body is none
	case media == "application/x-www-form-urlencoded":
		in.form, _ = url.ParseQuery(string(data))
	}
	return in, true
}

// maxNesting is how deep values in a body may be nested.
const maxNesting = 64

// decodeJSON reads a document as a value of XML-RPC: integers stay integers, objects keep the order of their members. Nothing is nil.
func decodeJSON(data []byte) (any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return value, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("it is nested deeper than %d", maxNesting)
	}
	token, err := d.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		if n, err := t.Int64(); err == nil && int64(int(n)) == n {
			return int(n), nil
		}
		return t.Float64()
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				item, err := decodeValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, item)
			}
			_, err := d.Token()
			return list, err
		}
		members := rpc.Map{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			members = append(members, rpc.Member{Name: name.(string), Value: value})
		}
		_, err := d.Token()
		return members, err
	case nil:
		return nil, errors.New("null has no meaning here")
	}
	return token, nil
}
