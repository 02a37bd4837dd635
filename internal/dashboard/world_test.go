package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/doortest"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rules"
)

// desk is the dashboard of a Supervisor with real children, alone or as a node of a real cluster.
type desk struct {
	*Dashboard
	t     *testing.T
	sup   *supervisortest.Supervisor
	local *local
	site  string
	calls doortest.Notes
	notes *doortest.Notes // where calls are noted
	nick  string
	fake  atomic.Bool // the rows are only noted
	table Table
	end   func() // of its node
}

// local connects a Supervisor with its node, as the daemon does.
type local struct {
	sup  *supervisortest.Supervisor
	node atomic.Pointer[node.Node]
}

func (l *local) heard(ev event.Event) {
	if ev, ok := ev.(event.StateChanged); ok && l.node.Load() != nil {
		if p, err := l.sup.Process(process.Namespec{Group: ev.Info.Group, Process: ev.Info.Name}); err == nil {
			l.node.Load().Changed(node.LocalProcess{Info: ev.Info, Spec: p.Spec})
		}
	}
}

func (l *local) All() (all []node.LocalProcess) {
	for _, p := range l.sup.Processes() {
		all = append(all, node.LocalProcess(p))
	}
	return all
}

func (l *local) Start(ns process.Namespec, args string) error {
	return l.sup.StartProcessArgs(context.Background(), ns, args, false)
}

func (l *local) Stop(ns process.Namespec) error {
	return l.sup.StopProcess(context.Background(), ns, false)
}

func (l *local) UseArgs(process.Namespec, string) {}

func (l *local) DisableAutorestart(process.Namespec) {}

// Call implements Table.
func (d *desk) Call(ctx context.Context, name string, params []any) (any, error) {
	if !d.fake.Load() {
		return d.table.Call(ctx, name, params)
	}
	if err := d.notes.Note("%s %s %v", d.nick, name, params); err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(name, "Group") && strings.HasPrefix(name, "supervisor.st") || strings.HasSuffix(name, "AllProcesses"):
		return []any{}, nil
	case name == "supervisor.reloadConfig":
		return []any{[]any{[]any{"added"}, []any{"changed"}, []any{"removed"}}}, nil
	}
	return true, nil
}

// newAlone returns the dashboard of a Supervisor without a cluster.
func newAlone(t *testing.T, programs string) *desk {
	t.Helper()
	d := &desk{t: t}
	var board atomic.Pointer[Dashboard]
	d.sup = supervisortest.New(t, programs, func(_ *supervisortest.Supervisor, deps *supervisor.Deps) {
		deps.Notify = func(ev event.Event) {
			if b := board.Load(); b != nil {
				b.Heard(ev)
			}
		}
	})
	d.begin(Config{}, service.Deps{})
	board.Store(d.Dashboard)
	d.site = doortest.Serve(t, d)
	d.sup.Start()
	return d
}

// begin makes the dashboard and runs it.
func (d *desk) begin(cfg Config, deps service.Deps) {
	d.t.Helper()
	deps.Supervisor, deps.SupervisorVersion, deps.PID, deps.Log = d.sup.Supervisor, "4.3.0", 4711, d.sup.Log
	var err error
	if d.table, err = service.Table(deps); err != nil {
		d.t.Fatal(err)
	}
	set := cfg.Options.Rules
	cfg.Table, cfg.Supervisor, cfg.Rules, cfg.MainLog, cfg.Version = d, d.sup.Supervisor, func() *rules.Set { return set }, d.sup.Log.Path, "1.2.3"
	cfg.Look, cfg.Log = Look{Name: "My <cluster>", Styles: []string{"ui/mine.css"}}, slog.New(slog.DiscardHandler)
	if d.Dashboard, err = New(cfg); err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx)
	}()
	supervisortest.Until(d.t, "jobs are taken", func() bool {
		d.jobs.mu.Lock()
		defer d.jobs.mu.Unlock()
		return d.jobs.ctx != nil
	})
	d.t.Cleanup(func() {
		stop()
		<-ended
	})
}

const appRules = `<root><application name="app"><programs>
<program name="one"><expected_loading>10</expected_loading></program>
<program name="bad"><identifiers>n2</identifiers></program>
</programs></application></root>`

// newNodes returns the dashboards of two nodes in OPERATION, which share a configuration.
func newNodes(t *testing.T, programs string) [2]*desk {
	t.Helper()
	set, problems := rules.Parse("rules.xml", []byte(appRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var ids []cluster.Identity
	var ports []net.Listener
	var peers []gossip.Peer
	for i := range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, ln)
		id := ln.Addr().String()
		ids = append(ids, cluster.Identity{Identifier: id, Nick: fmt.Sprintf("n%d", i+1), Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port})
		peers = append(peers, gossip.Peer{Name: id, Addr: id})
	}
	logger := slog.New(slog.DiscardHandler)
	var desks [2]*desk
	for i, id := range ids {
		d := &desk{t: t, local: &local{}}
		desks[i] = d
		d.sup = supervisortest.New(t, strings.ReplaceAll(programs, "NICK", id.Nick), func(_ *supervisortest.Supervisor, deps *supervisor.Deps) {
			deps.Notify = d.local.heard
		})
		d.local.sup = d.sup
		core := cluster.Config{Self: id.Identifier, Instances: ids, Rules: set, Strict: true, SyncTimeout: 15 * time.Second,
			Conciliation: rules.ConciliationUser}
		core.Sync[rules.SyncStrict] = true
		split := listener.NewSplit(ports[i], listener.Silence, logger)
		n, err := node.New(node.Config{Core: core, Local: d.local, Logger: logger, SaveTerm: func(uint64) error { return nil }, End: func(bool) {},
			Gossip: gossip.Config{Advertise: netip.MustParseAddrPort(id.Identifier), Peers: peers, Logger: logger,
				Trust: gossip.NewTrust("s3cret", id.Identifier), Streams: split.Streams, Packets: split.Packets}})
		if err != nil {
			t.Fatal(err)
		}
		d.local.node.Store(n)
		d.begin(Config{Node: n, Options: core}, service.Deps{Cluster: n, Options: core})
		boards := d.Peers()
		server := listener.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch path := r.URL.Path; {
			case strings.HasPrefix(path, PeerPath):
				boards.ServeHTTP(w, r)
			case strings.HasPrefix(path, "/cluster/"):
				n.Handler().ServeHTTP(w, r)
			default:
				d.ServeHTTP(w, r)
			}
		}), logger)
		d.site = "http://" + id.Identifier
		ctx, stop := context.WithCancel(context.Background())
		go server.Serve(split.HTTP)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			n.Run(ctx)
		}()
		d.end = func() {
			split.Close()
			server.Close()
			stop()
		}
		t.Cleanup(func() {
			d.local.node.Store(nil)
			d.end()
			<-ended
		})
		d.sup.Start()
	}
	for _, d := range desks {
		d.until("OPERATION of all nodes", func(s *Snapshot) bool {
			return s.Cluster.State == "OPERATION" && s.Nodes[0].State == "RUNNING" && s.Nodes[1].State == "RUNNING"
		})
	}
	return desks
}

// until waits until a snapshot satisfies a condition.
func (d *desk) until(what string, met func(*Snapshot) bool) {
	d.t.Helper()
	supervisortest.Until(d.t, what, func() bool { return met(d.Snapshot()) })
}

// shows waits until a process is in a state.
func (d *desk) shows(name, state string) {
	d.t.Helper()
	d.until(name+" is "+state, func(s *Snapshot) bool {
		for _, app := range s.Applications {
			for _, p := range app.Processes {
				if p.Name == name && p.State == state {
					return true
				}
			}
		}
		return false
	})
}

// do sends a request; one with a body is of JSON.
func (d *desk) do(verb, path, body string) doortest.Answer {
	d.t.Helper()
	if body == "" {
		return doortest.Do(d.t, verb, d.site, path, "")
	}
	return doortest.Do(d.t, verb, d.site, path, body, "Content-Type", "application/json")
}

// get reads a document; status is that of the answer.
func (d *desk) get(path string, into any) (status int) {
	d.t.Helper()
	a := d.do("GET", path, "")
	if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
		d.t.Errorf("%s: %v", path, a.Header)
	}
	if err := json.Unmarshal([]byte(a.Text), into); err != nil {
		d.t.Fatalf("%s: %v: %s", path, err, a.Text)
	}
	return a.StatusCode
}

// ask begins a job.
func (d *desk) ask(request string) (job Job) {
	d.t.Helper()
	a := d.do("POST", "/ui/api/jobs", request)
	if a.StatusCode != http.StatusAccepted {
		d.t.Fatalf("%s: %d %s", request, a.StatusCode, a.Text)
	}
	if err := json.Unmarshal([]byte(a.Text), &job); err != nil {
		d.t.Fatal(err)
	}
	if job.State != "running" || job.Ended != 0 || !strings.HasPrefix(job.Text, "asked: ") || !strings.HasPrefix(job.User, "somebody from 127.0.0.1") {
		d.t.Errorf("%+v", job)
	}
	return job
}

// done does a job and returns what became of it.
func (d *desk) done(request string) Job {
	d.t.Helper()
	return d.wait(d.ask(request))
}

func (d *desk) wait(job Job) Job {
	d.t.Helper()
	supervisortest.Until(d.t, job.Text, func() bool {
		for _, j := range d.jobs.list() {
			if j.ID == job.ID {
				job = j
			}
		}
		return job.State != "running"
	})
	return job
}
