package service

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
)

// crowd is an Audience that remembers what it was told.
type crowd struct {
	t     *testing.T
	wants string // headers; "" for all
	told  []message
}

type message struct {
	header string
	body   map[string]any
}

func (c *crowd) Wants(header string) bool { return c.wants == "" || strings.Contains(c.wants, header) }

func (c *crowd) Publish(header string, body []byte) {
	m := message{header: header}
	if err := json.Unmarshal(body, &m.body); err != nil {
		c.t.Errorf("%s %s: %v", header, body, err)
	}
	c.told = append(c.told, m)
}

// take returns some members of the messages with a header, and forgets all messages.
func (c *crowd) take(header string, members ...string) []string {
	all := []string{}
	for _, m := range c.told {
		if m.header == header {
			var values []string
			for _, name := range members {
				values = append(values, fmt.Sprint(m.body[name]))
			}
			all = append(all, strings.Join(values, " "))
		}
	}
	return all
}

func newFedCluster(t *testing.T) (*fakeCluster, *crowd) {
	f := newFakeCluster(t, fakeOptions(t), samplePrograms)
	c := &crowd{t: t}
	log := &supervisor.ActivityLog{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	f.seen = NewFeed(Deps{Cluster: f, Log: log}, c).show
	return f.operate(), c
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q\nwant %q", what, got, want)
	}
}

func TestFeedOfStart(t *testing.T) {
	f, c := newFedCluster(t)
	c.told = nil
	f.set("n2", "app:one", process.Starting, process.Running)
	same(t, "events", c.take("event", "nick_identifier", "group", "name", "state", "pid", "expected"),
		"n2 app one 10 0 true", "n2 app one 20 1000 true")
	same(t, "process", c.take("process", "process_name", "statename", "identifiers"), "one STARTING [n2.test:60002]", "one RUNNING [n2.test:60002]")
	same(t, "application", c.take("application", "application_name", "statename", "managed"), "app STARTING true", "app RUNNING true")
	same(t, "instance", c.take("instance", "nick_identifier", "loading"), "n2 10")
	same(t, "supvisors", c.take("supvisors"))
	var order []string
	for _, m := range c.told {
		order = append(order, m.header)
	}
	same(t, "order", order, "event", "process", "application", "instance", "event", "process", "application")
	wanted := []string{"disabled", "event_mtime", "expected", "extra_args", "group", "identifier", "name", "nick_identifier", "now", "now_monotonic", "pid",
		"spawnerr", "state"}
	if got := slices.Sorted(maps.Keys(c.told[0].body)); !slices.Equal(got, wanted) {
		t.Errorf("an event has %q", got)
	}
	c.told = nil
	f.set("n2", "app:one", process.Stopping, process.Stopped)
	same(t, "events", c.take("event", "state", "pid"), "40 1000", "0 1000")
	same(t, "process", c.take("process", "statecode", "identifiers"), "40 [n2.test:60002]", "0 []")
	same(t, "application", c.take("application", "statecode"), "3", "0")
}

// The PID of a child that has ended is told once.
func TestFeedOfEnds(t *testing.T) {
	f, c := newFedCluster(t)
	c.told = nil
	f.set("n3", "plain", process.Starting, process.Backoff, process.Fatal)
	f.set("n3", "plain", process.Starting, process.Running, process.Exited)
	same(t, "events", c.take("event", "state", "pid"), "10 0", "30 1000", "200 0", "10 0", "20 1000", "100 1000")
	n3 := f.nodes[2]
	f.mu.Lock()
	info := n3.procs[process.ParseNamespec("plain")]
	info.Disabled = true
	c.told = nil
	f.step(n3, cluster.LocalProcess{Info: *info})
	f.drain()
	f.mu.Unlock()
	same(t, "events", c.take("event", "state", "pid", "disabled"), "100 0 true")
}

// Each change on an instance brings the process and its application, though a process that runs elsewhere is RUNNING all the time.
func TestFeedOfSecondInstance(t *testing.T) {
	f, c := newFedCluster(t)
	f.set("n2", "plain", process.Starting, process.Running)
	c.told = nil
	f.set("n3", "plain", process.Starting, process.Running, process.Stopping, process.Stopped)
	same(t, "events", c.take("event", "nick_identifier", "state"), "n3 10", "n3 20", "n3 40", "n3 0")
	both, one := "RUNNING [n2.test:60002 n3.test:60003]", "RUNNING [n2.test:60002]"
	same(t, "process", c.take("process", "statename", "identifiers"), both, both, both, one)
	same(t, "application", c.take("application", "application_name", "statename"), slices.Repeat([]string{"plain RUNNING"}, 4)...)
}

// What is removed is told as deleted, what is disabled is no change of the process.
func TestFeedOfConfiguration(t *testing.T) {
	f, c := newFedCluster(t)
	n2 := f.nodes[1]
	info := n2.procs[process.ParseNamespec("app:three")]
	c.told = nil
	f.mu.Lock()
	info.Disabled = true
	f.step(n2, cluster.LocalProcess{Info: *info})
	f.drain()
	f.mu.Unlock()
	same(t, "event", c.take("event", "name", "disabled"), "three true")
	same(t, "process", c.take("process"))

	c.told = nil
	f.mu.Lock()
	for _, n := range f.nodes {
		f.step(n, cluster.LocalRemoved{Namespec: process.ParseNamespec("app:three")})
		f.drain()
	}
	f.mu.Unlock()
	same(t, "event", c.take("event", "nick_identifier", "name", "state"), "n1 three -1", "n2 three -1", "n3 three -1")
	same(t, "process", c.take("process", "process_name", "statecode", "statename"), "three -1 DELETED")
}

// The jobs of other nodes are part of the state; what did not change is not told again.
func TestFeedOfState(t *testing.T) {
	f, c := newFedCluster(t)
	c.told = nil
	if _, err := f.Ask(t.Context(), cluster.StartApplication{Name: "app", Wait: true}); err != nil {
		t.Fatal(err)
	}
	same(t, "supvisors", c.take("supvisors", "fsm_statename", "starting_jobs"), "OPERATION [n1.test:60001]", "OPERATION []")
	c.told = nil
	f.tick()
	same(t, "supvisors", c.take("supvisors"))
	same(t, "instance", c.take("instance", "nick_identifier", "statename"), "n1 RUNNING", "n2 RUNNING", "n3 RUNNING")
}

// A message that nobody wants is not made.
func TestFeedForFewEars(t *testing.T) {
	f, c := newFedCluster(t)
	c.told, c.wants = nil, "process"
	f.set("n2", "app:one", process.Starting, process.Running)
	for _, m := range c.told {
		if m.header != "process" {
			t.Errorf("told of %s", m.header)
		}
	}
	if len(c.told) != 2 {
		t.Errorf("%d messages", len(c.told))
	}
}

// The messages at the beginning lead from nothing to a cluster in OPERATION.
func TestFeedOfBeginning(t *testing.T) {
	_, c := newFedCluster(t)
	states := slices.Compact(c.take("supvisors", "fsm_statename"))
	same(t, "states", states, "SYNCHRONIZATION", "ELECTION", "OPERATION") // with nothing to distribute
	same(t, "events", c.take("event"))                                    // nothing has happened to a process
}
