package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// replyTimeout is how long a client may take to read an answer, which lies in memory until then.
const replyTimeout = 5 * time.Minute

// form is how an answer that is no success tells its text.
type form int

const (
	inText   form = iota // as it is
	inStatus             // {"status": "failed", "message": text}
	inData               // {"Data": "", "Error": text}
	inBoth               // {"Data": "Error", "Error": text}
)

// shape is how the answers of a route look. They grew over the years of the original, and clients know each as it is.
type shape struct {
	foreign form // 401 to a key that opens other things
	bad     form // 400 and what else is wrong with the request itself
	refused form // 403, 423, 501: not now, or not here
	missing form // 404
	failed  form // the node could not do it
	failure int  // the status of that
}

var (
	common    = &shape{inText, inText, inStatus, inStatus, inStatus, http.StatusServiceUnavailable}
	restarts  = &shape{inStatus, inText, inStatus, inStatus, inStatus, http.StatusServiceUnavailable}
	purges    = &shape{inStatus, inText, inData, inBoth, inStatus, http.StatusServiceUnavailable}
	ends      = &shape{inText, inData, inData, inData, inData, http.StatusInternalServerError}
	ofHost    = &shape{inText, inText, inText, inText, inText, http.StatusServiceUnavailable}
	overFleet = &shape{inText, inData, inData, inData, inData, http.StatusServiceUnavailable}
)

// refusal is the answer to a request that gets no further than this package.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

// A caller without a valid key, and one whose key opens something else.
var (
	errNoKey   = &refusal{http.StatusUnauthorized, "Unauthorized"}
	errForeign = &refusal{http.StatusUnauthorized, "Unauthorized"}
)

// judge returns the answer to an error.
func (s *shape) judge(err error) (status int, f form, text string) {
	text = err.Error()
	if e, ok := errors.AsType[*refusal](err); ok {
		switch e {
		case errNoKey:
			return e.status, inText, text
		case errForeign:
			return e.status, s.foreign, text
		}
		return e.status, s.bad, text
	}
	if e, ok := errors.AsType[*Unreachable](err); ok && e.Timeout {
		return http.StatusGatewayTimeout, s.failed, text
	}
	switch {
	case is[*UnknownApp](err):
		return http.StatusBadRequest, s.bad, "App not found"
	case is[*BadRequest](err):
		return http.StatusBadRequest, s.bad, text
	case is[*NotAllowed](err):
		return http.StatusForbidden, s.refused, text
	case is[*NotFound](err):
		return http.StatusNotFound, s.missing, text
	case is[*Locked](err):
		return http.StatusLocked, s.refused, text
	case is[*NotPossible](err):
		return http.StatusNotImplemented, s.refused, text
	}
	return s.failure, s.failed, text
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// fail answers with an error.
func (c *call) fail(err error) {
	status, f, text := c.shape.judge(err)
	if status >= http.StatusInternalServerError && c.r.Context().Err() == nil {
		c.h.cfg.Log.Warn("device call failed", "verb", c.r.Method, "path", c.r.URL.Path, "error", err)
	}
	if status == http.StatusUnauthorized {
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="device"`)
	}
	reply(c.w, f, status, text)
}

// failedBody and dataBody are the two JSON forms.
type failedBody struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type dataBody struct {
	Data  any    `json:"Data"`
	Error string `json:"Error"`
}

// reply tells a text in a form.
func reply(w http.ResponseWriter, f form, status int, text string) {
	switch f {
	case inStatus:
		sendJSON(w, status, failedBody{"failed", text})
	case inData:
		sendJSON(w, status, dataBody{"", text})
	case inBoth:
		sendJSON(w, status, dataBody{"Error", text})
	default:
		send(w, status, textType, []byte(text))
	}
}

const (
	textType = "text/plain; charset=utf-8"
	jsonType = "application/json"
)

// text, json and nothing are the answers to what went well.
func (c *call) text(text string) error {
	send(c.w, http.StatusOK, textType, []byte(text))
	return nil
}

func (c *call) json(status int, value any) error {
	sendJSON(c.w, status, value)
	return nil
}

func (c *call) nothing() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// sendJSON writes a value of this package, all of which have a JSON form. Texts stay as they are: nothing here is read as HTML.
func sendJSON(w http.ResponseWriter, status int, value any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // net/http ends the connection
	}
	send(w, status, jsonType, bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// send writes a document that is complete; a client that does not read it is left after a while.
func send(w http.ResponseWriter, status int, kind string, data []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	deadline := http.NewResponseController(w) // one that lies in memory knows none
	deadline.SetWriteDeadline(time.Now().Add(replyTimeout))
	w.WriteHeader(status)
	w.Write(data) // an error means that the client has gone: nobody is left to be told
	deadline.SetWriteDeadline(time.Time{})
}
