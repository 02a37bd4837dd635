package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// world is a ledger in a synctest bubble over real state machines of processes, whose children are only told.
type world struct {
	t      testing.TB
	dir    string
	bus    *event.Bus
	log    *journal.Log
	tell   *supervisortest.Text
	ledger *Ledger
	sub    *event.Subscription
	stop   func() // Run

	mu       sync.Mutex
	machines []*process.Machine
	specs    []*process.Spec // as configured
	view     atomic.Pointer[cluster.View]
	all      bool
	read     uint64 // the number of the last record that was looked at
}

// specs are the programs: web and job are managed; in job, prepare has to exit before serve is started. free is nobody's.
var specs = []*process.Spec{
	{Group: "web", Name: "a", Command: "/bin/a 'one two'", StartSecs: 1, StartRetries: 1, Autorestart: process.RestartUnexpected},
	{Group: "web", Name: "b", Command: "/bin/b", StartSecs: 1},
	{Group: "job", Name: "prepare", Command: "prepare"},
	{Group: "job", Name: "serve", Command: "serve", StartSecs: 1},
	{Group: "free", Name: "one", Command: "one", StartSecs: 1, Autostart: true, StartRetries: 1, Autorestart: process.RestartUnexpected},
	{Group: "free", Name: "two", Command: "two", StartSecs: 1, Autostart: true, StartRetries: 1},
	{Group: "free", Name: "more", Command: "more", StartSecs: 1},
}

// newView returns a cluster of n1, which is this node, n2, which is the Master, and n3.
func newView() *cluster.View {
	v := &cluster.View{}
	for _, nick := range []string{"n1", "n2", "n3"} {
		v.Instances = append(v.Instances, &cluster.InstanceView{Identity: cluster.Identity{Identifier: nick + ":1", Nick: nick},
			State: cluster.InstanceRunning})
	}
	v.Self = v.Instances[0]
	v.Self.Modes.Master, v.Self.Modes.State = "n2:1", cluster.Operation
	for _, s := range specs {
		app := v.Application(s.Group)
		if app == nil {
			app = &cluster.ApplicationView{Name: s.Group}
			app.Rules.Managed = s.Group != "free"
			app.Rules.StartSequence = map[string]int{"web": 2, "job": 1}[s.Group]
			v.Applications = append(v.Applications, app)
			slices.SortFunc(v.Applications, func(a, b *cluster.ApplicationView) int { return strings.Compare(a.Name, b.Name) })
		}
		p := &cluster.ProcessView{Namespec: process.Namespec{Group: s.Group, Process: s.Name}, Identifiers: []string{"n3", "n1:1"}}
		p.Rules.ExpectedLoad = 10
		p.Rules.StartSequence = 1
		if s.Name == "serve" {
			p.Rules.StartSequence = 2
		}
		p.Rules.WaitExit = s.Name == "prepare"
		for _, n := range v.Instances {
			p.Infos = append(p.Infos, cluster.ProcessAt{Identifier: n.Identifier, Info: &cluster.ProcessInfo{}})
		}
		app.Processes = append(app.Processes, p)
	}
	return v
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.view.Store(newView())
	w.boot(0)
	w.run()
	return w
}

// boot opens the files of a daemon that begins, with more programs than the usual ones.
func (w *world) boot(more int) {
	w.t.Helper()
	w.bus, w.tell, w.machines = event.NewBus(), &supervisortest.Text{}, nil
	w.specs = slices.Clone(specs)
	for i := range more {
		w.specs = append(w.specs, &process.Spec{Group: fmt.Sprintf("g%d", i), Name: "p"})
	}
	for i := range w.specs {
		w.specs[i].ExitCodes = []int{0}
		w.machines = append(w.machines, process.NewMachine(w.specs[i]))
	}
	logger := slog.New(slog.NewTextHandler(w.tell, nil))
	var err error
	if w.log, err = journal.Open(filepath.Join(w.dir, "journal.db"), journal.Limits{}, logger); err != nil {
		w.t.Fatal(err)
	}
	if w.ledger, err = Open(w.config(logger)); err != nil {
		w.t.Fatal(err)
	}
	w.sub = w.bus.Subscribe(queue, Events()...)
	w.stop = func() {}
}

// queue is how many events may wait for the ledger.
const queue = 100

// run begins to look at what happens.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); w.ledger.Run(ctx, w.sub, nil) }()
	w.stop = func() { cancel(); <-ran }
}

func (w *world) config(logger *slog.Logger) Config {
	return Config{
		Path: filepath.Join(w.dir, "ledger.db"), Log: w.log, Supervisor: w, Cluster: clusterOf{w}, All: w.all, Logger: logger,
		Node: func() journal.Node { return journal.Node{ID: "n1", Org: "org"} },
		Application: func(group string) agent.Application {
			return agent.Application{Name: group, Organization: "org", Version: "1.0"}
		},
		Definition:  func(group string) string { return "definition of " + group },
		Exchange:    func() string { return "http://n2:1/RPC2" },
		Environment: func(s *process.Spec) map[string]string { return map[string]string{"NAME": s.Name} },
		ContainerID: func(i process.Info) string { return fmt.Sprint(i.Name, i.Start.Unix()) },
	}
}

func (w *world) close() {
	w.stop()
	if err := w.ledger.Close(); err != nil {
		w.t.Error(err)
	}
	if err := w.log.Close(); err != nil {
		w.t.Error(err)
	}
}

type clusterOf struct{ w *world }

func (c clusterOf) View() *cluster.View { return c.w.view.Load() }

// Process, Group and Processes are those of a Supervisor.
func (w *world) Process(ns process.Namespec) (supervisor.Process, error) {
	for _, p := range w.Processes() {
		if namespec(p.Info) == ns {
			return p, nil
		}
	}
	return supervisor.Process{}, supervisor.ErrBadName
}

func (w *world) Group(name string) (g supervisor.Group, err error) {
	for _, p := range w.Processes() {
		if p.Info.Group == name {
			g.Processes = append(g.Processes, p)
		}
	}
	if g.Name = name; g.Processes == nil {
		err = supervisor.ErrBadName
	}
	return g, err
}

func (w *world) Processes() (all []supervisor.Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, m := range w.machines {
		all = append(all, supervisor.Process{Info: m.Info(), Spec: w.specs[i]})
	}
	return all
}

// step lets something happen to a process and publishes what becomes of it. A child that is wanted runs, or is reason not to.
func (w *world) step(name string, ev process.Event, reason string) {
	w.t.Helper()
	ns := process.ParseNamespec(name)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.machines {
		if m.Spec().Group != ns.Group || m.Spec().Name != ns.Process {
			continue
		}
		for todo := []process.Event{ev}; len(todo) > 0; todo = todo[1:] {
			effects, err := m.Step(time.Now(), todo[0])
			if err != nil {
				w.t.Fatalf("%s: %v", name, err)
			}
			for _, e := range effects {
				switch e := e.(type) {
				case process.Changed:
					w.bus.Publish(event.StateChanged{Change: e.Change})
				case process.Spawn:
					if reason != "" {
						todo = append(todo, process.ChildNotSpawned{Reason: reason})
					} else {
						todo = append(todo, process.ChildSpawned{PID: 42})
					}
				}
			}
		}
		return
	}
	w.t.Fatalf("there is no process %s", name)
}

var orderCauses = []cluster.Cause{cluster.ByRequest, cluster.BySequence, cluster.ByFailure, cluster.ByConflict, cluster.ByDrain}

// do does what a line says, and waits until nothing happens any more. Lines in one string follow each other at once.
func (w *world) do(lines string) {
	w.t.Helper()
	w.doAtOnce(lines)
	synctest.Wait()
}

// doAtOnce waits for nothing.
func (w *world) doAtOnce(lines string) {
	w.t.Helper()
	for line := range strings.SplitSeq(lines, ";") {
		w.doLine(strings.Fields(line))
	}
}

func (w *world) doLine(words []string) {
	w.t.Helper()
	words = append(words, "", "", "")
	order := cluster.Order{From: "n2:1", Strategy: rules.LessLoaded, Namespec: process.ParseNamespec(words[1])}
	if i := slices.IndexFunc(orderCauses, func(c cluster.Cause) bool { return c.String() == words[2] }); i >= 0 {
		order.Cause = orderCauses[i]
	}
	number, _ := strconv.Atoi(words[2])
	switch words[0] {
	case "order":
		w.ledger.Ordered(order)
	case "unorder":
		order.Action = cluster.StopProcess
		w.ledger.Ordered(order)
	case "because":
		w.ledger.Because(words[1], number, "")
	case "start":
		w.step(words[1], process.DoStart{}, "")
	case "cannot":
		w.step(words[1], process.DoStart{}, "no such file")
	case "retry", "again", "up":
		w.step(words[1], process.TimerFired{}, words[2])
	case "stop":
		w.step(words[1], process.DoStop{}, "")
	case "exit":
		w.step(words[1], process.ChildExited{Status: syscall.WaitStatus(number << 8)}, words[3])
	case "leave": // the restarts to the cluster
		w.step(words[1], process.SetSpec{Spec: &process.Spec{Group: order.Namespec.Group, Name: order.Namespec.Process}}, "")
	case "disable":
		w.step(words[1], process.SetDisabled{On: true}, "")
	case "wait":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(d)
	case "ending":
		w.bus.Publish(event.SupervisorStopping{})
	case "remove":
		w.bus.Publish(event.GroupRemoved{Group: words[1]})
	default:
		w.t.Fatalf("unknown line %q", words)
	}
}

// told returns "code" of the records since the last call, with the application for those of a service.
func (w *world) records() (codes []string) {
	w.t.Helper()
	if err := w.log.Flush(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	for r, err := range w.log.Select(nil, time.Time{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if r.ID <= w.read {
			continue
		}
		w.read = r.ID
		code := r.Code
		switch s := r.Source.(type) {
		case journal.Service:
			code += " " + s.URL
		case journal.Node:
			code += " " + s.ID
		case journal.Agreement:
			if len(s.ID) != 64 || s.Workload.Org != "org" {
				w.t.Errorf("%s is about %+v", r.Code, s)
			}
		}
		codes = append(codes, code)
	}
	return codes
}

// agreements returns each agreement in a line: what it is about, how far it got, with times in seconds since the first one, and why it ended.
func (w *world) agreements() (lines []string) {
	all := w.ledger.Agreements()
	slices.SortStableFunc(all, func(a, b agent.Agreement) int { return int(a.Created) - int(b.Created) })
	for _, a := range all {
		since := func(at agent.Seconds) string {
			if at == 0 {
				return "-"
			}
			return fmt.Sprint(at - all[0].Created)
		}
		line := fmt.Sprintf("%s %v %s %s: %s %s %s %s %s", a.Workload.URL, a.Proposal.Processes, strings.TrimPrefix(a.Consumer, "org/"),
			a.Proposal.Trigger,
			since(a.Created), since(a.Accepted), since(a.Started), since(a.DataReceived), since(a.Finalized))
		if a.Terminated != 0 {
			line += fmt.Sprintf("; %s %s %s: %d %s", since(a.Terminated), since(a.WorkloadEnded), since(a.ProtocolEnded), a.Reason,
				a.ReasonDescription)
		}
		if a.Terminated != 0 && !a.Archived {
			line += ", not archived"
		}
		lines = append(lines, line)
	}
	return lines
}

func wantLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}
