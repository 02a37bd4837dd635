package faults

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/tagtest"
)

// alive is a process of the world as the OS sees it. Daemons have no namespec.
type alive struct {
	pid            int
	node, namespec string
}

func (a alive) String() string { return fmt.Sprintf("%s@%s(%d)", a.namespec, a.node, a.pid) }

// processes are all that came of this world and have not ended.
func (w *world) processes() (found []alive) {
	for pid, entries := range tagtest.Each(w.tag) {
		env := map[string]string{}
		for _, entry := range entries {
			key, value, _ := strings.Cut(entry, "=")
			env[key] = value
		}
		a := alive{pid: pid, node: env["FAULTS_NODE"]}
		if name := env["SUPERVISOR_PROCESS_NAME"]; name != "" {
			a.namespec = env["SUPERVISOR_GROUP_NAME"] + ":" + name
		}
		found = append(found, a)
	}
	return found
}

// programs are the programs on some nodes, as "namespec@node", sorted; those that are not ready to be stopped have a question mark.
func (w *world) programs(nodes ...*host) (found []string) {
	for _, a := range w.processes() {
		h := w.node(a.node)
		if a.namespec == "" || !slices.Contains(nodes, h) {
			continue
		}
		if _, err := os.Stat(filepath.Join(h.dir, readyFile(a.pid))); err != nil {
			a.node += "?"
		}
		found = append(found, a.namespec+"@"+a.node)
	}
	slices.Sort(found)
	return found
}

// modes is what a node says of the cluster.
type modes struct {
	State    string   `xmlrpc:"fsm_statename"`
	Master   string   `xmlrpc:"master_identifier"`
	Starting []string `xmlrpc:"starting_jobs"`
	Stopping []string `xmlrpc:"stopping_jobs"`
}

// instance is what a node says of another one.
type instance struct {
	Identifier string `xmlrpc:"identifier"`
	State      string `xmlrpc:"statename"`
}

// managedProcess is what a node says of a process of the cluster.
type managedProcess struct {
	Group       string   `xmlrpc:"application_name"`
	Name        string   `xmlrpc:"process_name"`
	State       string   `xmlrpc:"statename"`
	Identifiers []string `xmlrpc:"identifiers"`
}

// state returns the state that a node sees, "" while it does not answer.
func (h *host) state() string {
	var m modes
	if h.callFor(time.Second, &m, "supvisors.get_supvisors_state") != nil {
		return ""
	}
	return m.State
}

// sees returns the state in which a node sees another one, "" while it does not answer.
func (h *host) sees(other *host) string {
	var all []instance
	if h.callFor(time.Second, &all, "supvisors.get_all_instances_info") == nil {
		for _, i := range all {
			if i.Identifier == other.identifier {
				return i.State
			}
		}
	}
	return ""
}

// reached waits until nodes are in a state.
func (w *world) reached(state string, nodes ...*host) {
	w.t.Helper()
	w.until("the nodes are in "+state, func() string {
		for _, h := range nodes {
			if s := h.state(); s != state {
				return fmt.Sprintf("%s is in %q", h.name, s)
			}
		}
		return ""
	})
}

// view is what must be the same on all nodes.
type view struct {
	master    string
	processes map[string]string // state and identifiers by namespec
	up        []string          // as programs tells it
	running   map[string]bool   // by namespec
}

// view asks a node for its view; lacks tells why the node is not settled.
func (h *host) view(live int) (v view, lacks string) {
	const limit = 5 * time.Second
	var m modes
	var instances []instance
	var conflicts, all []managedProcess
	for _, question := range []struct {
		method string
		out    any
	}{
		{"supvisors.get_supvisors_state", &m}, {"supvisors.get_all_instances_info", &instances},
		{"supvisors.get_conflicts", &conflicts}, {"supvisors.get_all_process_info", &all},
	} {
		if err := h.callFor(limit, question.out, question.method); err != nil {
			return v, err.Error()
		}
	}
	if m.State != "OPERATION" || m.Master == "" || len(m.Starting)+len(m.Stopping)+len(conflicts) > 0 {
		return v, fmt.Sprintf("%+v, conflicts %+v", m, conflicts)
	}
	names, up := map[string]string{}, 0
	for _, i := range instances {
		if i.State == "RUNNING" {
			up++
		}
	}
	if up != live {
		return v, fmt.Sprintf("%d nodes of %d are RUNNING: %+v", up, live, instances)
	}
	for _, other := range h.w.nodes {
		names[other.identifier] = other.name
	}
	v = view{master: m.Master, processes: map[string]string{}, running: map[string]bool{}}
	for _, p := range all {
		namespec := p.Group + ":" + p.Name
		v.processes[namespec] = fmt.Sprint(p.State, p.Identifiers)
		v.running[namespec] = p.State == "RUNNING"
		for _, identifier := range p.Identifiers {
			v.up = append(v.up, namespec+"@"+names[identifier])
		}
	}
	slices.Sort(v.up)
	return v, ""
}

// restless tells why nodes that are a cluster for themselves are not at rest: they do not agree, something is going on, or what they see is
// not exactly what there is.
func (w *world) restless(nodes ...*host) (first view, lacks string) {
	for i, h := range nodes {
		v, lacks := h.view(len(nodes))
		switch {
		case lacks != "":
			return first, h.name + ": " + lacks
		case i == 0:
			first = v
		case v.master != first.master || !maps.Equal(v.processes, first.processes):
			return first, fmt.Sprintf("%s sees %v, %s sees %v", nodes[0].name, first, h.name, v)
		}
	}
	if real := w.programs(nodes...); !slices.Equal(real, first.up) {
		return first, fmt.Sprintf("the cluster has %v, the system %v", first.up, real)
	}
	return first, ""
}

// unsettled tells what is not yet as it must be after a fault: the nodes are at rest without conflicts, so each program is up once at most,
// and what was acknowledged has happened.
func (w *world) unsettled(nodes ...*host) string {
	v, lacks := w.restless(nodes...)
	if lacks != "" {
		return lacks
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for namespec, up := range w.want {
		if v.running[namespec] != up {
			return fmt.Sprintf("%s is %s, wanted up: %v", namespec, v.processes[namespec], up)
		}
	}
	return ""
}

// settled waits until all is as it must be on all nodes that live, or on some that are a cluster for themselves.
func (w *world) settled(nodes ...*host) {
	w.t.Helper()
	if len(nodes) == 0 {
		nodes = w.live()
	}
	w.until("the cluster is settled", func() string { return w.unsettled(nodes...) })
}

// master returns the Master and another node. The cluster must be settled.
func (w *world) master() (master, plain *host) {
	w.t.Helper()
	live := w.live()
	var m modes
	w.must(live[0].call(&m, "supvisors.get_supvisors_state"))
	for _, h := range live {
		if h.identifier == m.Master {
			master = h
		} else {
			plain = h // the last one: it is not the next Master either
		}
	}
	if master == nil || plain == nil {
		w.t.Fatalf("Master %q, nodes %v", m.Master, live)
	}
	return master, plain
}

// node returns the node of that name.
func (w *world) node(name string) *host {
	return w.nodes[slices.IndexFunc(w.nodes, func(h *host) bool { return h.name == name })]
}
