package rpc

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// Path is where Supervisor serves XML-RPC, and where every client calls.
const Path = "/RPC2"

// The limits of a Handler that sets none.
const (
	DefaultMaxBody     = 16 << 20
	DefaultBodyTimeout = 30 * time.Second
)

// replyTimeout is how long a caller may take to read its reply, which lies in memory until then.
const replyTimeout = 5 * time.Minute

// Handler serves the methods of a table. The answers to what is no call are those of Supervisor: 400 for anything but a POST
// with a readable document, 411 without a length. A caller that goes away ends the context of its call. The handler asks nobody
// for a password and looks at no path.
type Handler struct {
	Table       *Table
	MaxBody     int64         // bytes of a request, more is 413; 0 is DefaultMaxBody
	BodyTimeout time.Duration // for the whole body, longer is 408; 0 is DefaultBodyTimeout
	// Observe, if set, is told each call when it is over: the method, empty for one that does not exist, how long it took,
	// and the code of its fault, 0 for none.
	Observe func(method string, d time.Duration, fault int)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, status := h.readBody(w, r)
	if status != 0 {
		http.Error(w, http.StatusText(status), status)
		return
	}
	method, params, err := DecodeCall(body)
	if err != nil {
		h.Table.log().Warn("invalid xml-rpc request", "remote", r.RemoteAddr, "error", err)
		http.Error(w, http.StatusText(http.StatusBadRequest), http.StatusBadRequest)
		return
	}
	end, err := h.Table.Turn(r.Context(), method)
	if err != nil {
		return
	}
	room := replies.Get().(*[]byte)
	reply := h.call(r, (*room)[:0], method, params)
	end()
	defer func() {
		if cap(reply) <= maxKept {
			*room = reply
			replies.Put(room)
		}
	}()
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(reply)))
	deadline := http.NewResponseController(w)
	deadline.SetWriteDeadline(time.Now().Add(replyTimeout))
	w.Write(reply) // an error means that the caller has gone: nobody is left to be told
	deadline.SetWriteDeadline(time.Time{})
}

// replies are buffers to write documents to: one that has to grow to a megabyte costs more than what is written.
var replies = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest buffer that is used again, in bytes.
const maxKept = 4 << 20

// call makes one call and returns the document that answers it, in room when it fits.
func (h *Handler) call(r *http.Request, room []byte, method string, params []any) []byte {
	start := time.Now()
	value, err := h.Table.Call(r.Context(), method, params)
	var reply []byte
	if err == nil {
		if reply, err = AppendReply(room, value); err != nil {
			h.Table.log().Error("result cannot be encoded", "method", method, "error", err)
		}
	}
	code := 0
	if err != nil {
		fault := AsFault(err)
		code, reply = fault.Code, EncodeFault(fault)
	}
	if h.Observe != nil {
		if _, known := h.Table.Lookup(method); !known {
			method = "" // names that callers invent must not fill anybody's memory
		}
		h.Observe(method, time.Since(start), code)
	}
	return reply
}

// readBody returns the body of a request, or the HTTP status that refuses it.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	limit, timeout := h.MaxBody, h.BodyTimeout
	if limit == 0 {
		limit = DefaultMaxBody
	}
	if timeout == 0 {
		timeout = DefaultBodyTimeout
	}
	// a writer that knows no deadlines has none to set: the recorder of a test
	deadline := http.NewResponseController(w)
	deadline.SetReadDeadline(time.Now().Add(timeout))
	switch {
	case r.Method != http.MethodPost:
		return nil, http.StatusBadRequest
	case r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0:
		return nil, http.StatusLengthRequired
	case r.ContentLength > limit:
		return nil, http.StatusRequestEntityTooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		deadline.SetReadDeadline(time.Time{}) // the call may take its time; what is refused has none left
		return body, 0
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, http.StatusRequestTimeout
	}
	return nil, http.StatusBadRequest
}
