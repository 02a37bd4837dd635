package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// replyTimeout is how long a client may take to read an answer, or a chunk of a long one.
const replyTimeout = 5 * time.Minute

// refusal is the answer to a request that gets no further than this package. Without a text it has no body.
type refusal struct {
	status int
	text   string
	input  string
}

func (e *refusal) Error() string { return e.text }

var (
	errNoKey       = &refusal{status: http.StatusUnauthorized, text: "Unauthorized"}
	errOrigin      = &refusal{status: http.StatusForbidden, text: "a page of another site must not do this"}
	errNoPath      = &refusal{status: http.StatusNotFound, text: "there is no such path", input: "url"}
	errNoVerb      = &refusal{status: http.StatusMethodNotAllowed, text: "the path does not take this verb"}
	errTooLarge    = &refusal{status: http.StatusRequestEntityTooLarge, text: "the body is too large", input: "body"}
	errTooSlow     = &refusal{status: http.StatusRequestTimeout, text: "the body takes too long", input: "body"}
	errDuplicate   = &refusal{status: http.StatusConflict}
	errNoAttribute = &refusal{status: http.StatusNotFound}
)

// problem is the answer to an error: an object, or the text alone.
type problem struct {
	status int
	plain  bool
	text   string
	input  string
}

// judge returns the answer of a route to an error.
func (r *route) judge(err error) problem {
	text := err.Error()
	if e, ok := errors.AsType[*refusal](err); ok {
		return problem{e.status, e.text == "", text, e.input}
	}
	if e, ok := errors.AsType[*BadInput](err); ok {
		return problem{http.StatusBadRequest, false, e.Text, e.Input}
	}
	if e, ok := errors.AsType[*NotFound](err); ok {
		return problem{http.StatusNotFound, false, e.Text, e.Input}
	}
	if e, ok := errors.AsType[*Forbidden](err); ok {
		return problem{http.StatusForbidden, false, e.Text, e.Input}
	}
	switch {
	case is[*BadSelection](err):
		return problem{http.StatusBadRequest, false, text, "selection"}
	case is[*NotRegistered](err) && r.registered:
		return problem{http.StatusFailedDependency, false, text, "node"}
	case is[*NotRegistered](err):
		return problem{http.StatusNotFound, false, text, "node"}
	case is[*WrongState](err):
		return problem{http.StatusBadRequest, true, text, ""}
	case is[*Conflict](err):
		return problem{http.StatusConflict, true, text, ""}
	}
	return problem{r.failure, true, text, ""}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

type errorBody struct {
	Error string `json:"error"`
	Input string `json:"input,omitempty"`
}

// fail answers with an error.
func (c *call) fail(err error) {
	p := c.route.judge(err)
	switch {
	case p.status >= http.StatusInternalServerError && c.r.Context().Err() == nil:
		c.cfg.Log.Warn("agent call failed", "verb", c.r.Method, "path", c.path, "error", err)
	case p.status == http.StatusUnauthorized:
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="agent"`)
	case p.status == http.StatusBadRequest && p.input != "":
		c.agent.InputRefused(p.input)
	}
	p.send(c.w)
}

func (p problem) send(w http.ResponseWriter) {
	if p.plain {
		send(w, p.status, textType, []byte(p.text))
		return
	}
	send(w, p.status, jsonType, compact(errorBody{p.text, p.input}))
}

const (
	textType = "text/plain; charset=utf-8"
	jsonType = "application/json"
)

// json, empty and nothing are the answers to what went well.
func (c *call) json(status int, value any) error {
	send(c.w, status, jsonType, compact(value))
	return nil
}

func (c *call) empty() error {
	send(c.w, http.StatusOK, "", nil)
	return nil
}

func (c *call) nothing() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// compact returns the JSON of a value of this package, all of which have one. Texts stay as they are: nothing here is read as HTML.
func compact(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // net/http ends the connection
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// send writes a document that is complete.
func send(w http.ResponseWriter, status int, kind string, data []byte) {
	if len(data) == 0 {
		w.Header()["Content-Type"] = nil // net/http would find one
	} else {
		w.Header().Set("Content-Type", kind)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	write(w, data) // an error means that the client has gone: nobody is left to be told
}

// write sends a part of an answer; a client that does not read it is left after a while.
func write(w http.ResponseWriter, data []byte) error {
	deadline := http.NewResponseController(w) // one that lies in memory knows none
	deadline.SetWriteDeadline(time.Now().Add(replyTimeout))
	_, err := w.Write(data)
	deadline.SetWriteDeadline(time.Time{})
	return err
}
