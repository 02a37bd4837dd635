package device

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/rest/internal/door"
)

// How many nodes are asked at once, and how long each may take.
const (
	maxForwards    = 8
	forwardTimeout = 60 * time.Second
)

// forwarded are the verbs that may be passed on.
var forwarded = []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}

// fleet passes a request on: to one node, whose answer is the answer, or to all that have an application.
func fleet(c *call) error {
	f, err := c.fields()
	if err != nil {
		return err
	}
	to, err := f.target()
	if err != nil {
		return err
	}
	request, err := c.forwardable(f)
	if err != nil {
		return err
	}
	single := to.UUID != "" || to.DeviceID != 0 || to.Identifier != ""
	if !single && request.ends() && !f.flag("all") {
		return &BadRequest{Text: request.Path + ` for all nodes of an application needs "all": true`}
	}
	nodes, err := c.h.cfg.Device.Resolve(to)
	if is[*UnknownApp](err) || err == nil && len(nodes) == 0 {
		err = &NotFound{Text: "no such node or application in the fleet"}
	}
	if err != nil {
		return err
	}
	if !single {
		return c.askAll(nodes, request)
	}
	answer, err := c.ask(nodes[0], request)
	if err != nil {
		return err
	}
	for _, name := range []string{"Allow", "Content-Type"} {
		if value := answer.Header.Get(name); value != "" {
			c.w.Header().Set(name, value)
		}
	}
	c.w.WriteHeader(answer.Status)
	c.w.Write(answer.Body) // an error means that the client has gone
	return nil
}

// target reads whom a request is for.
func (f fields) target() (to Target, err error) {
	for name, field := range map[string]*string{"uuid": &to.UUID, "identifier": &to.Identifier, "appId": &to.App} {
		if *field, err = f.text(name); err != nil {
			return to, err
		}
	}
	id, err := f.text("deviceId")
	if err != nil {
		return to, err
	}
	if id != "" {
		n, ok := integer(id)
		if to.DeviceID = int(n); !ok || n <= 0 || int64(to.DeviceID) != n {
			return to, &BadRequest{Text: "deviceId must be a positive number"}
		}
	}
	if to == (Target{}) {
		return to, &BadRequest{Text: "the body must name a target: uuid, deviceId, identifier or appId"}
	}
	return to, nil
}

// forwardable makes the request that is passed on.
func (c *call) forwardable(f fields) (Request, error) {
	request := Request{Method: http.MethodPost, Path: "/" + c.params["url"], Query: withoutKey(c.r.URL.RawQuery)}
	if value, given := f["method"]; given && value != nil {
		method, _ := value.(string)
		if request.Method = strings.ToUpper(method); !slices.Contains(forwarded, request.Method) {
			return request, &BadRequest{Text: "method must be one of " + strings.Join(forwarded, ", ")}
		}
	}
	data := f["data"]
	if text, ok := data.(string); ok { // all that a form can say
		inner, err := parseFields(jsonType, []byte(text))
		if err != nil {
			return request, &BadRequest{Text: "data must be an object"}
		}
		data = map[string]any(inner)
	}
	object, ok := data.(map[string]any)
	if data == nil || ok && request.Method == http.MethodGet {
		return request, nil
	}
	if !ok {
		return request, &BadRequest{Text: "data must be an object"}
	}
	body, err := json.Marshal(object)
	request.Body = body
	return request, err
}

// withoutKey takes the key out of a query and leaves the rest as it is.
func withoutKey(query string) string {
	parts := slices.DeleteFunc(strings.Split(query, "&"), func(part string) bool {
		name, _, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		return err == nil && name == door.KeyParam
	})
	return strings.Join(parts, "&")
}

// ends reports whether a request is one that ends a host.
func (r Request) ends() bool {
	path, err := url.PathUnescape(r.Path)
	return err != nil || path == "/v1/reboot" || path == "/v1/shutdown"
}

type nodeBody struct {
	UUID       string `json:"uuid"`
	DeviceID   int    `json:"deviceId"`
	Identifier string `json:"identifier"`
	Status     int    `json:"status"`
	Body       any    `json:"body"`
}

// askAll asks all nodes, several at a time, and answers with what they answered, in their order.
func (c *call) askAll(nodes []Node, request Request) error {
	all := make([]nodeBody, len(nodes))
	slots := make(chan struct{}, maxForwards)
	var asked sync.WaitGroup
	for i, node := range nodes {
		slots <- struct{}{}
		asked.Go(func() {
			defer func() { <-slots }()
			all[i] = c.outcome(node, request)
		})
	}
	asked.Wait()
	status := http.StatusOK
	if slices.ContainsFunc(all, func(n nodeBody) bool { return n.Status >= http.StatusBadRequest }) {
		status = http.StatusMultiStatus
	}
	return c.json(status, dataBody{Data: all})
}

// outcome asks a node and tells what came of it.
func (c *call) outcome(node Node, request Request) nodeBody {
	body := nodeBody{UUID: node.UUID, DeviceID: node.DeviceID, Identifier: node.Identifier}
	answer, err := c.ask(node, request)
	if err != nil {
		status, _, text := c.shape.judge(err)
		body.Status, body.Body = status, dataBody{"", text}
		return body
	}
	body.Status, body.Body = answer.Status, string(answer.Body)
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind == jsonType && json.Valid(answer.Body) {
		body.Body = json.RawMessage(answer.Body)
	}
	return body
}

// ask has a node answer a request, this one among them.
func (c *call) ask(node Node, request Request) (answer Answer, err error) {
	ctx, cancel := context.WithTimeout(c.r.Context(), forwardTimeout)
	defer cancel()
	defer func() { // several nodes are asked in goroutines, where nobody else would catch it
		if cause := recover(); cause != nil {
			c.h.cfg.Log.Error("device call panicked", "path", request.Path, "cause", cause)
			err = errors.New("internal error")
		}
	}()
	if node.Local {
		answer, err = c.h.local(ctx, c.scope, request)
	} else {
		answer, err = c.h.cfg.Device.Forward(ctx, node, c.scope, request)
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && (err != nil || answer.Status >= http.StatusInternalServerError):
		return answer, &Unreachable{Text: fmt.Sprintf("%s has not answered within %s", node.Identifier, forwardTimeout), Timeout: true}
	case err == nil && (answer.Status < http.StatusOK || answer.Status >= 600):
		return answer, &Unreachable{Text: fmt.Sprintf("%s has answered with status %d", node.Identifier, answer.Status)}
	}
	return answer, err
}

// local answers a request of the fleet that is for this node.
func (h *Handler) local(ctx context.Context, scope Scope, request Request) (Answer, error) {
	target := request.Path
	if request.Query != "" {
		target += "?" + request.Query
	}
	r, err := http.NewRequestWithContext(ctx, request.Method, target, bytes.NewReader(request.Body))
	if err != nil {
		return Answer{}, &BadRequest{Text: err.Error()}
	}
	r.Header.Set("Content-Type", jsonType)
	w := &memory{Answer: Answer{Header: http.Header{}}}
	h.ServeForwarded(w, r, scope)
	return w.Answer, nil
}

// memory is a ResponseWriter for an answer that goes nowhere else.
type memory struct{ Answer }

func (m *memory) Header() http.Header { return m.Answer.Header }

func (m *memory) WriteHeader(status int) { m.Status = status }

func (m *memory) Write(data []byte) (int, error) {
	m.Body = append(m.Body, data...)
	return len(data), nil
}
