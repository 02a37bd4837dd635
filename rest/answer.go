package rest

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

// failure is the body of an answer that is no value.
type failure struct {
	Message string `xmlrpc:"message"`
	Code    int    `xmlrpc:"code,omitempty"` // of the fault
}

// headerFault names the fault of an answer.
const headerFault = "X-Supvisors-Fault"

// richStatus are the statuses of faults with fault_status = rich; the others are 400.
var richStatus = map[int]int{
	rpc.BadName:           http.StatusNotFound,
	rpc.AlreadyStarted:    http.StatusConflict,
	rpc.AlreadyAdded:      http.StatusConflict,
	rpc.NotRunning:        http.StatusConflict,
	rpc.StillRunning:      http.StatusConflict,
	rpc.Disabled:          http.StatusConflict,
	rpc.NotManaged:        http.StatusConflict,
	rpc.NotApplicable:     http.StatusConflict,
	rpc.BadSupvisorsState: http.StatusServiceUnavailable,
	rpc.ShutdownState:     http.StatusServiceUnavailable,
	rpc.NotInstalled:      http.StatusNotImplemented,
	rpc.UnknownMethod:     http.StatusNotImplemented,
}

// failed answers with the error of a call. One that is no fault means that there was nobody to ask.
func (g *Gateway) failed(w http.ResponseWriter, name string, err error) {
	var fault *rpc.Fault
	if !errors.As(err, &fault) {
		g.answer(w, http.StatusInternalServerError, failure{Message: err.Error(), Code: rpc.Failed})
		return
	}
	if _, known := g.cfg.Table.Lookup(name); known && fault.Code == rpc.UnknownMethod {
		w.Header().Set(headerFault, rpc.FaultName(fault.Code))
		g.answer(w, http.StatusNotImplemented, failure{Message: "UNKNOWN_METHOD: the daemon has no " + name, Code: fault.Code})
		return
	}
	g.fail(w, fault)
}

// fail answers with a fault.
func (g *Gateway) fail(w http.ResponseWriter, fault *rpc.Fault) {
	status, rich := richStatus[fault.Code]
	switch {
	case fault.Code == rpc.Forbidden: // the peer has no such users, and so no clients that expect another status
		status = http.StatusForbidden
	case !g.cfg.Rich || !rich:
		status = http.StatusBadRequest
	}
	w.Header().Set(headerFault, rpc.FaultName(fault.Code))
	g.answer(w, status, failure{Message: fault.Text, Code: fault.Code})
}

// refuse answers a request that is no call.
func (g *Gateway) refuse(w http.ResponseWriter, status int, message string) {
	g.answer(w, status, failure{Message: message})
}

// Unauthorized answers who has not logged in.
func Unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="default"`)
	send(w, http.StatusUnauthorized, []byte(`{"message": "Unauthorized"}`+"\n"))
}

// answer writes a value.
func (g *Gateway) answer(w http.ResponseWriter, status int, value any) {
	status, data := g.document(status, value)
	send(w, status, data)
}

// document writes a value in JSON. The status is another when it has no such form.
func (g *Gateway) document(status int, value any) (int, []byte) {
	data, err := rpc.AppendJSON(nil, value)
	if err != nil {
		g.cfg.Log.Error("value has no json form", "error", err)
		status, data = http.StatusInternalServerError, []byte(`{"message": "the value has no JSON form", "code": 30}`)
	}
	return status, append(data, '\n')
}

// send writes a document that is complete; a client that does not read it is left after a while.
func send(w http.ResponseWriter, status int, data []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	deadline := http.NewResponseController(w)
	deadline.SetWriteDeadline(time.Now().Add(replyTimeout))
	w.WriteHeader(status)
	w.Write(data) // an error means that the client has gone: nobody is left to be told
	deadline.SetWriteDeadline(time.Time{})
}
