package story

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

// Process is what a node knows of a process of the cluster.
type Process struct {
	Application string   `xmlrpc:"application_name"`
	Name        string   `xmlrpc:"process_name"`
	State       string   `xmlrpc:"statename"`
	Expected    bool     `xmlrpc:"expected_exit"`
	Identifiers []string `xmlrpc:"identifiers"` // where it runs
}

// Call calls a method of the node on a port of the README.
func (s *Story) Call(t *testing.T, port, method string, out any, args ...any) error {
	t.Helper()
	client, err := rpc.NewClient(rpc.ClientConfig{URL: "http://127.0.0.1:" + s.Port(port)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return client.Call(ctx, method, out, args...)
}

// Await asks until a condition holds.
func (s *Story) Await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not reached", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Settled waits until the cluster of the node on a port of the README is in OPERATION under a Master and has nothing more to do.
func (s *Story) Settled(t *testing.T, port string) {
	t.Helper()
	s.Await(t, "the cluster is in OPERATION, with nothing to do", func() bool {
		var state struct {
			Name     string   `xmlrpc:"fsm_statename"`
			Master   string   `xmlrpc:"master_identifier"`
			Starting []string `xmlrpc:"starting_jobs"`
			Stopping []string `xmlrpc:"stopping_jobs"`
		}
		err := s.Call(t, port, "supvisors.get_supvisors_state", &state)
		return err == nil && state.Name == "OPERATION" && state.Master != "" && len(state.Starting)+len(state.Stopping) == 0
	})
}

// Processes returns the processes of an application by their names, as the node on a port of the README sees them.
func (s *Story) Processes(t *testing.T, port, application string) map[string]Process {
	t.Helper()
	var all []Process
	if err := s.Call(t, port, "supvisors.get_process_info", &all, application+":*"); err != nil {
		t.Fatal(err)
	}
	found := map[string]Process{}
	for _, p := range all {
		found[p.Name] = p
	}
	return found
}

// Where returns the ports of the README of the nodes that the running processes of an application are on, sorted.
func (s *Story) Where(t *testing.T, port, application string) []string {
	t.Helper()
	ports := map[string]bool{}
	for _, p := range s.Processes(t, port, application) {
		for _, identifier := range p.Identifiers {
			ports[s.told(identifier)] = true
		}
	}
	var sorted []string
	for p := range ports {
		sorted = append(sorted, p)
	}
	slices.Sort(sorted)
	return sorted
}

// told is the port of the README that a node stands for.
func (s *Story) told(identifier string) string {
	_, actual, _ := strings.Cut(identifier, ":")
	for port, a := range s.ports {
		if a == actual {
			return port
		}
	}
	return identifier
}

// InOrder waits until a file of the example has, from an offset on, these texts one after the other, with others between them or not.
func (s *Story) InOrder(t *testing.T, path string, offset int, texts ...string) {
	t.Helper()
	missing := ""
	found := func() bool {
		rest := s.Read(path)[offset:]
		for _, missing = range texts {
			_, after, ok := strings.Cut(rest, missing)
			if !ok {
				return false
			}
			rest = after
		}
		return true
	}
	deadline := time.After(patience)
	for !found() {
		select {
		case <-deadline:
			t.Fatalf("%q does not come in its turn in %s:\n%s", missing, path, s.Read(path)[offset:])
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// When returns when a node logged a text for the first time. Moments can be compared: all nodes have the clock of this host.
func (s *Story) When(t *testing.T, node, text string) string {
	t.Helper()
	for line := range strings.Lines(s.Read("run/" + node + ".log")) {
		if strings.Contains(line, text) {
			return line[:len("2006-01-02 15:04:05,000")]
		}
	}
	t.Fatalf("%s has not logged %q", node, text)
	return ""
}
