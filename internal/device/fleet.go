package device

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rest/device"
)

const (
	askTimeout = 5 * time.Second  // for the uuid of a peer
	askPause   = time.Minute      // until a peer that has not told is asked again
	askFresh   = 10 * time.Minute // until one that has is: it may have lost its state
)

// directory knows the uuids of the peers, which only they can tell.
type directory struct {
	mu    sync.Mutex
	known map[string]entry // by identifier
}

// entry is what a peer has told.
type entry struct {
	uuid  string // "" when it has not
	asked time.Time
}

// Resolve implements device.Device.
func (d *Device) Resolve(to device.Target) ([]device.Node, error) {
	var nodes []device.Node
	switch {
	case to.UUID == "" && to.DeviceID == 0 && to.Identifier == "" && to.App == "":
		return nil, &device.BadRequest{Text: "no target"}
	case to.Identifier != "":
		one, err := d.named(to.Identifier)
		if err != nil {
			return nil, err
		}
		nodes = d.nodes([]string{one})
	default:
		nodes = d.nodes(d.members())
	}
	single := to.UUID != "" || to.DeviceID != 0 || to.Identifier != ""
	nodes = slices.DeleteFunc(nodes, func(n device.Node) bool {
		return to.UUID != "" && n.UUID != to.UUID || to.DeviceID != 0 && n.DeviceID != to.DeviceID
	})
	if len(nodes) == 0 {
		return nil, &device.NotFound{Text: "no such node in the fleet"}
	}
	if single && len(nodes) > 1 {
		return nil, &device.BadRequest{Text: "this is the id of several nodes"}
	}
	if to.App != "" {
		having, err := d.having(to.App)
		if err != nil {
			return nil, err
		}
		nodes = slices.DeleteFunc(nodes, func(n device.Node) bool { return !slices.Contains(having, n.Identifier) })
		if len(nodes) == 0 {
			return nil, &device.NotFound{Text: "no such node has the application " + to.App}
		}
	}
	return nodes, nil
}

// members returns the identifiers of all nodes, this one first.
func (d *Device) members() []string {
	all := []string{d.identifier()}
	if d.cluster != nil {
		for _, i := range d.cluster.View().Instances {
			if i.Identifier != all[0] {
				all = append(all, i.Identifier)
			}
		}
	}
	return all
}

// named returns the identifier of the node of that identifier or nick.
func (d *Device) named(name string) (string, error) {
	if d.cluster == nil {
		if name != d.identifier() {
			return "", &device.NotFound{Text: "no node " + name + " in the fleet"}
		}
		return name, nil
	}
	switch found := d.cluster.View().Resolve(name); len(found) {
	case 0:
		return "", &device.NotFound{Text: "no node " + name + " in the fleet"}
	case 1:
		return found[0].Identifier, nil
	}
	return "", &device.BadRequest{Text: name + " stands for several nodes"}
}

// having returns the identifiers of the nodes that are known to have an application.
func (d *Device) having(app string) ([]string, error) {
	if d.cluster == nil {
		_, err := d.AppName(app)
		return d.members(), err
	}
	view := d.cluster.View()
	names := d.groups()
	for _, a := range view.Applications {
		names = append(names, a.Name)
	}
	name, err := d.numbers.resolve(app, names)
	if err != nil {
		return nil, err
	}
	var having []string
	if slices.Contains(d.groups(), name) {
		having = append(having, view.Self.Identifier)
	}
	if a := view.Application(name); a != nil {
		for _, p := range a.Processes {
			for _, at := range p.Infos {
				having = append(having, at.Identifier)
			}
		}
	}
	return having, nil
}

// nodes describes nodes; of those that do not tell their uuid only the identifier is known.
func (d *Device) nodes(identifiers []string) []device.Node {
	d.learn(identifiers)
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	var all []device.Node
	for _, identifier := range identifiers {
		n := device.Node{Identifier: identifier, UUID: d.fleet.known[identifier].uuid, Local: identifier == d.identifier()}
		if n.Local {
			n.UUID = d.uuid
		}
		if n.UUID != "" {
			n.DeviceID = number(n.UUID)
		}
		all = append(all, n)
	}
	return all
}

// learn asks the peers that are RUNNING and whose uuids are not known for them, all at once.
func (d *Device) learn(identifiers []string) {
	if d.cfg.Call == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.work, askTimeout)
	defer cancel()
	var all sync.WaitGroup
	for identifier := range d.peers() {
		if slices.Contains(identifiers, identifier) && d.fleet.toAsk(identifier) {
			all.Go(func() { d.fleet.put(identifier, d.askUUID(ctx, identifier)) })
		}
	}
	all.Wait()
}

// toAsk reports whether it is time to ask a peer for its uuid.
func (f *directory) toAsk(identifier string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, known := f.known[identifier]
	return !known || time.Since(e.asked) > askFresh || e.uuid == "" && time.Since(e.asked) > askPause
}

// put takes note of what a peer has told; one that tells nothing is who it was.
func (f *directory) put(identifier, uuid string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[string]entry{}
	}
	f.known[identifier] = entry{cmp.Or(uuid, f.known[identifier].uuid), time.Now()}
}

// askUUID asks a peer who it is; "" when it does not serve this API, or not in time.
func (d *Device) askUUID(ctx context.Context, identifier string) string {
	answer, err := d.cfg.Call(ctx, identifier, device.Request{Method: http.MethodGet, Path: "/v1/device"}, device.Scope{Read: true})
	var told struct {
		UUID string `json:"uuid"`
	}
	if err != nil || answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &told) != nil || !isHex(told.UUID, 32) {
		return ""
	}
	return told.UUID
}

// Forward implements device.Device. Only paths of the device itself go to other nodes: what was forwarded goes no further.
func (d *Device) Forward(ctx context.Context, n device.Node, scope device.Scope, r device.Request) (device.Answer, error) {
	path, err := url.PathUnescape(r.Path)
	if err != nil || path != "/ping" && !strings.HasPrefix(path, "/v1/") {
		return device.Answer{}, &device.BadRequest{Text: "only ping and v1/… go to other nodes"}
	}
	if d.cluster == nil || d.cfg.Call == nil {
		return device.Answer{}, &device.Unreachable{Text: "there is no way to other nodes"}
	}
	i := d.cluster.View().Instance(n.Identifier)
	if i == nil || i.State != cluster.InstanceRunning {
		state := "unknown"
		if i != nil {
			state = i.State.String()
		}
		return device.Answer{}, &device.Unreachable{Text: fmt.Sprintf("%s is %s", n.Identifier, state)}
	}
	answer, err := d.cfg.Call(ctx, n.Identifier, r, scope)
	if err != nil {
		timeout := ctx.Err() == context.DeadlineExceeded
		return device.Answer{}, &device.Unreachable{Text: fmt.Sprintf("%s: %v", n.Identifier, err), Timeout: timeout}
	}
	return answer, nil
}
