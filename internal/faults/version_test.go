package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/rpc"
)

// TestOrdersOfOtherVersions sends orders that are signed as they should be, but are those of an older or a newer version. What is not
// understood is refused, what is not known is passed over.
func TestOrdersOfOtherVersions(t *testing.T) {
	w := newWorld(t, 3, plan{})
	w.boot(w.nodes...)
	w.settled()
	from, to := w.nodes[1], w.nodes[0]
	programs := w.programs(w.nodes...)
	good := func(change map[string]any) map[string]any {
		order := map[string]any{"from": from.identifier, "term": "999999", "action": 0, "namespec": "jobs:job_0", "extra_args": "", "cause": "request",
			"strategy": "CONFIG"}
		for key, value := range change {
			order[key] = value
		}
		return order
	}
	trust := gossip.NewTrust(secret, from.identifier)
	client, err := rpc.NewClient(rpc.ClientConfig{URL: "http://" + to.identifier + "/cluster/rpc", Prepare: func(r *http.Request, body []byte) error {
		trust.Sign(r, to.identifier, body)
		return nil
	}})
	w.must(err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, c := range []struct {
		name   string
		method string
		args   []any
		code   int // of the fault, 0 for none
	}{
		{"unknown action", "cluster.order", []any{good(map[string]any{"action": 99})}, rpc.IncorrectParameters},
		{"negative action", "cluster.order", []any{good(map[string]any{"action": -1})}, rpc.IncorrectParameters},
		{"action by name", "cluster.order", []any{good(map[string]any{"action": "start_process"})}, rpc.IncorrectParameters},
		{"no term", "cluster.order", []any{good(map[string]any{"term": ""})}, rpc.IncorrectParameters},
		{"a term that is no number", "cluster.order", []any{good(map[string]any{"term": "new"})}, rpc.IncorrectParameters},
		{"an old term", "cluster.order", []any{good(map[string]any{"term": "0"})}, rpc.BadSupvisorsState},
		{"another form", "cluster.order", []any{"start_process", "jobs:job_0"}, rpc.IncorrectParameters},
		{"nothing", "cluster.order", nil, rpc.IncorrectParameters},
		{"unknown method", "cluster.order2", []any{good(nil)}, rpc.UnknownMethod},
		{"a program that is not there", "cluster.order", []any{good(map[string]any{"namespec": "jobs:job_99"})}, rpc.Failed},
		{"unknown cause, strategy and field", "cluster.order",
			[]any{good(map[string]any{"cause": "moon", "strategy": "TALLEST", "colour": map[string]any{"a": []any{1}}})}, 0},
	} {
		err := client.Call(ctx, c.method, nil, c.args...)
		var fault *rpc.Fault
		switch {
		case c.code == 0 && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.code != 0 && (!errors.As(err, &fault) || fault.Code != c.code):
			t.Errorf("%s: %v, wanted fault %d", c.name, err, c.code)
		}
	}
	w.want["jobs:job_0"] = true // the last one was carried out
	w.settled()
	if want := len(programs) + 1; len(w.programs(w.nodes...)) != want {
		t.Errorf("programs: %v", w.programs(w.nodes...))
	}
	w.shut()
}

// TestReportsOfOtherVersions is a cluster with a node of another version, which tells more than the others know, and less.
func TestReportsOfOtherVersions(t *testing.T) {
	w := newWorld(t, 3, plan{})
	w.boot(w.nodes[0], w.nodes[1])
	w.reached("SYNCHRONIZATION", w.nodes[0], w.nodes[1])
	other := newOtherVersion(w, w.nodes[2])
	for _, h := range w.nodes[:2] {
		w.until("the node is seen", func() string {
			if s := h.sees(w.nodes[2]); s != "RUNNING" {
				return s
			}
			return ""
		})
	}
	for _, text := range []string{
		`{"moon":{"phase":3}}`,
		`{"tick":{"counter":7,"wall":1,"mono":2,"colour":"blue"}}`,
		`{"process":{"group":"jobs","name":"job_0","program":"job","state":0,"now":1,"now_mono":1,"colour":[1,2]}}`,
		`{"process":{"group":"new","name":"new","program":"new","state":12345,"now":2,"now_mono":2}}`,
		`{"forced":{"namespec":{"Group":"none","Process":"none"},"state":200,"reason":"","since":1}}`,
		`{"removed":{"Group":"none","Process":"none"}}`,
		`{"modes":{"state":77,"term":"many"}}`,
		`{"standing":"PENSIONED"}`,
		`{}`, `null`, `[]`, `"text"`, `17`,
	} {
		other.tell(text)
	}
	// the cluster goes on without the stranger as soon as it is gone
	other.end()
	w.boot(w.nodes[2])
	w.settled()
	w.shut()
	for _, h := range w.nodes {
		if strings.Contains(h.errors.String(), "panic") {
			t.Errorf("%s: %s", h.name, &h.errors)
		}
	}
}

// otherVersion is a node that speaks as another version would.
type otherVersion struct {
	w       *world
	members *gossip.Membership
	log     *gossip.Log
	split   *listener.Split
	server  *http.Server
}

// newOtherVersion has a node of another version take the place of one of the world. What it says of itself is what a real node says, with
// something left out and something unknown added.
func newOtherVersion(w *world, place *host) *otherVersion {
	w.t.Helper()
	trust := gossip.NewTrust(secret, place.identifier)
	report := reportOf(w, trust, w.nodes[0])
	for key, value := range map[string]string{
		"identity": `{"identifier":"` + place.identifier + `","nick":"` + place.name + `","host":"127.0.0.1","port":` + place.port + `,"colour":"blue"}`,
		"epoch":    `"other"`, "seq": "0", "moon": `{"phase":[1,2,3]}`, "modes": `{"state":1,"term":0,"colour":3}`, "processes": "[]",
	} {
		report[key] = json.RawMessage(value)
	}
	delete(report, "tick")
	snapshot, err := json.Marshal(report)
	w.must(err)
	o := &otherVersion{w: w}
	o.log = gossip.NewLog("other", 0, func(context.Context) (uint64, json.RawMessage, error) { return o.log.Head(), snapshot, nil })
	ln, err := net.Listen("tcp", place.identifier)
	w.must(err)
	quiet := slog.New(slog.DiscardHandler)
	o.split = listener.NewSplit(ln, listener.Silence, quiet)
	var peers []gossip.Peer
	for _, h := range w.nodes {
		peers = append(peers, gossip.Peer{Name: h.identifier, Addr: h.identifier})
	}
	o.members, err = gossip.New(gossip.Config{Name: place.identifier, Advertise: netip.MustParseAddrPort(place.identifier),
		Meta: gossip.Meta{Version: "99.0.0-moon", Epoch: "other"}, Peers: peers, Trust: trust, Log: o.log, Streams: o.split.Streams,
		Packets: o.split.Packets, Notify: func(gossip.Event) {}, Logger: quiet})
	w.must(err)
	mux := http.NewServeMux()
	mux.Handle("/cluster/events", o.members.Handler())
	o.server = listener.NewServer(mux, quiet)
	go o.server.Serve(o.split.HTTP)
	w.must(o.members.Start())
	return o
}

// reportOf reads what a node says of itself from its stream, as a peer does.
func reportOf(w *world, trust *gossip.Trust, h *host) map[string]json.RawMessage {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.identifier+"/cluster/events", nil)
	w.must(err)
	trust.Sign(r, h.identifier, nil)
	resp, err := http.DefaultClient.Do(r)
	w.must(err)
	defer resp.Body.Close()
	var line struct{ Data map[string]json.RawMessage }
	w.must(json.NewDecoder(bufio.NewReader(resp.Body)).Decode(&line))
	if line.Data["identity"] == nil {
		w.t.Fatalf("%s: %v", resp.Status, line)
	}
	return line.Data
}

// tell publishes a change, and waits until both others have read it.
func (o *otherVersion) tell(text string) {
	o.w.t.Helper()
	o.w.must(o.log.Append(o.log.Head()+1, json.RawMessage(text)))
	o.w.until("the others have read "+text, func() string {
		readers := o.members.Health().Readers
		if len(readers) < 2 || slices.ContainsFunc(readers, func(r gossip.Reader) bool { return r.Behind > 0 }) {
			return "not yet"
		}
		for _, h := range o.w.nodes[:2] {
			if h.state() == "" {
				return h.name + " does not answer"
			}
		}
		return ""
	})
}

func (o *otherVersion) end() {
	o.log.Bye()
	o.must(o.members.Shutdown())
	o.must(o.server.Close())
	o.must(o.split.Close())
}

func (o *otherVersion) must(err error) { o.w.t.Helper(); o.w.must(err) }
