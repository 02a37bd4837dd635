package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// contract is a conversation with one node over HTTP, as curl and jq would have it.
type contract struct {
	*place
	api, key string
	vars     map[string]string // what was kept of answers, for {NAME} in what follows
}

// step is a request and what must come of it. A want is PATH=VALUE, where PATH selects in the JSON of the answer: a.b[0].c, or
// [field=value] for the first element of a list that has it; #PATH counts. NAME:=PATH keeps what is there. TEXT alone must be in the answer.
type step struct {
	request string // verb, path and perhaps a body
	code    int
	want    []string
}

// ask sends a request.
func (c *contract) ask(request string) reply {
	c.t.Helper()
	request = c.filled(request)
	verb, rest, _ := strings.Cut(request, " ")
	path, body, _ := strings.Cut(rest, " ")
	r, err := http.NewRequestWithContext(c.t.Context(), verb, c.api+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	return do(c.t, r)
}

func (c *contract) filled(text string) string {
	for name, value := range c.vars {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// all goes through the steps, each of which must hold at once.
func (c *contract) all(steps ...step) {
	c.t.Helper()
	for _, s := range steps {
		got := c.ask(s.request)
		if wrong := c.wrong(s, got); wrong != "" {
			c.t.Errorf("%s: %s\n%d %s", c.filled(s.request), wrong, got.code, got.text)
		}
	}
}

// soon repeats a request that only looks until the answer is as wanted.
func (c *contract) soon(s step) {
	c.t.Helper()
	var wrong string
	var got reply
	defer func() {
		if c.t.Failed() && wrong != "" {
			c.t.Logf("last: %s: %d %s", wrong, got.code, got.text)
		}
	}()
	c.until(s.request, func() bool {
		got = c.ask(s.request)
		wrong = c.wrong(s, got)
		return wrong == ""
	})
}

// wrong tells what is not as wanted.
func (c *contract) wrong(s step, got reply) string {
	if got.code != s.code {
		return "status " + strconv.Itoa(got.code) + ", wanted " + strconv.Itoa(s.code)
	}
	var value any
	for _, want := range s.want {
		want = c.filled(want)
		name, path, keep := strings.Cut(want, ":=")
		if keep && value == nil {
			json.Unmarshal([]byte(got.text), &value)
		}
		if keep {
			found := shown(selected(value, path))
			if found == "" {
				return "nothing at " + path
			}
			c.vars[name] = found
			continue
		}
		path, expected, equal := cut(want)
		if !equal {
			if !strings.Contains(got.text, want) {
				return "no " + want
			}
			continue
		}
		if value == nil {
			json.Unmarshal([]byte(got.text), &value)
		}
		if found := shown(selected(value, path)); found != expected {
			return fmt.Sprintf("%s is %q, wanted %q", path, found, expected)
		}
	}
	return ""
}

// cut cuts a want at its first = that is not within brackets.
func cut(want string) (path, value string, found bool) {
	depth := 0
	for i, c := range want {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '=' && depth == 0:
			return want[:i], want[i+1:], true
		}
	}
	return want, "", false
}

// selected returns what a path selects, nil for nothing.
func selected(value any, path string) any {
	path, count := strings.CutPrefix(path, "#")
	for path != "" {
		if strings.HasPrefix(path, "[") {
			index, rest, _ := strings.Cut(path[1:], "]")
			path = strings.TrimPrefix(rest, ".")
			value = element(value, index)
			continue
		}
		end := strings.IndexAny(path, ".[")
		name := path
		if end >= 0 {
			name, path = path[:end], strings.TrimPrefix(path[end:], ".")
		} else {
			path = ""
		}
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if !count {
		return value
	}
	switch v := value.(type) {
	case []any:
		return float64(len(v))
	case map[string]any:
		return float64(len(v))
	}
	return nil
}

// element returns the one of a list that has a number, counted from the end when it is negative, or a field of a value.
func element(value any, index string) any {
	list, _ := value.([]any)
	if path, want, ok := strings.Cut(index, "="); ok {
		for _, one := range list {
			if shown(selected(one, path)) == want {
				return one
			}
		}
		return nil
	}
	i, err := strconv.Atoi(index)
	if i < 0 {
		i += len(list)
	}
	if err != nil || i < 0 || i >= len(list) {
		return nil
	}
	return list[i]
}

// shown is a value as jq -r prints it; "" for nothing.
func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	data, _ := json.Marshal(value)
	return string(data)
}

func TestContractSelects(t *testing.T) {
	var value any
	if err := json.Unmarshal([]byte(`{"a":{"b":[{"n":"x","v":1},{"n":"y","v":{"w":true}}]},"c":null}`), &value); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.b[n=y].v.w": "true", "a.b[0].v": "1", "a.b[-1].n": "y", "#a.b": "2", "a.b[v.w=true].n": "y",
		"c": "", "a.b[7].n": "", "nothing.at.all": "", "#c": ""} {
		if got := shown(selected(value, path)); got != want {
			t.Errorf("%s is %q, wanted %q", path, got, want)
		}
	}
	c := &contract{place: &place{t: t}, vars: map[string]string{}}
	if wrong := c.wrong(step{"", 200, []string{"X:=a.b[0].n", "a.b[n={X}].v=1", `"v":1`}}, reply{200, `{"a":{"b":[{"n":"x","v":1}]}}`, nil}); wrong != "" {
		t.Error(wrong)
	}
	if wrong := c.wrong(step{"", 200, []string{"a=2"}}, reply{200, `{"a":1}`, nil}); wrong != `a is "1", wanted "2"` {
		t.Error(wrong)
	}
}
