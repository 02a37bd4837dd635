package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) { supervisortest.Main(m, play) }

// play is the child that says in a file what environment it has.
func play(role string, args []string) {
	if role != "env" {
		return
	}
	temp := args[0] + ".new"
	os.WriteFile(temp, []byte(strings.Join(os.Environ(), "\n")+"\n"), 0o600)
	os.Rename(temp, args[0])
	select {}
}

// world is an agent over a Supervisor with real children, in a cluster that only records.
type world struct {
	*Agent
	t       *testing.T
	sup     *supervisortest.Supervisor
	events  *journal.Log
	folder  *folder
	team    *team
	ledger  *ledger
	trust   trust
	change  func(*Config)
	agent   atomic.Pointer[Agent]
	node    atomic.Pointer[node.Node] // a real one that is told of the processes; nil for none
	end     func()
	enabled map[string]bool // what Disable was told
}

// newWorld starts the programs of a configuration. Without an AutoConfigure of its own the node is a member.
func newWorld(t *testing.T, programs string, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, team: newTeam(), ledger: &ledger{}, trust: trust{}, change: change, enabled: map[string]bool{}}
	w.team.club.refuse = map[string]error{"wrong": errors.New("another token"), "lost": errors.New("nobody answers")}
	w.sup = supervisortest.New(t, programs, func(_ *supervisortest.Supervisor, deps *supervisor.Deps) {
		deps.Inject = func(group string) []string { return w.agent.Load().Environment(group) }
		deps.Notify = w.notify
	})
	kept, err := journal.OpenFolder(w.sup.Path("state"))
	if err != nil {
		t.Fatal(err)
	}
	w.folder = &folder{Folder: kept}
	if w.events, err = journal.Open(kept.Path("events.db"), journal.Limits{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	w.begin()
	t.Cleanup(func() {
		w.end()
		w.events.Close()
	})
	w.sup.Start()
	return w
}

// notify tells the node what becomes of the processes.
func (w *world) notify(ev event.Event) {
	n := w.node.Load()
	if n == nil {
		return
	}
	var info process.Info
	switch ev := ev.(type) {
	case event.StateChanged:
		info = ev.Info
	case event.ProcessDisabled:
		info = ev.Info
	case event.ProcessEnabled:
		info = ev.Info
	default:
		return
	}
	if p, err := w.sup.Process(process.Namespec{Group: info.Group, Process: info.Name}); err == nil {
		n.Changed(node.LocalProcess{Info: info, Spec: p.Spec})
	}
}

// begin starts an agent on what the last one has left.
func (w *world) begin() {
	w.t.Helper()
	c := Config{Options: Options{AutoConfigure: true}, Supervisor: w.sup.Supervisor, Bus: w.sup.Bus, Log: w.events, Folder: w.folder,
		Ledger: w.ledger, Trust: w.trust, Disable: w.disable, Cluster: w.team, Membership: &w.team.club, Secret: "s3cret",
		Peers: []string{"n2:1"}, Version: "1.2", Started: time.Now()}
	if w.change != nil {
		w.change(&c)
	}
	var err error
	if c.Start, err = Initial(w.folder, c.Options, c.Cluster != nil); err != nil {
		w.t.Fatal(err)
	}
	if w.Agent, err = New(c); err != nil {
		w.t.Fatal(err)
	}
	w.agent.Store(w.Agent)
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); w.Run(ctx) }()
	w.end = func() { stop(); <-ran }
}

// again ends the agent and starts another one.
func (w *world) again() {
	w.t.Helper()
	w.end()
	w.begin()
}

func (w *world) disable(ctx context.Context, program string, on bool) error {
	w.enabled[program] = !on // operations on processes come one by one
	return w.sup.SetDisabled(ctx, program, on)
}

// logged returns the codes of the event log, in its order.
func (w *world) logged(all bool) (codes []string) {
	w.t.Helper()
	if err := w.events.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	selected, err := w.Events(w.t.Context(), nil, all)
	if err != nil {
		w.t.Fatal(err)
	}
	for e, err := range selected {
		if err != nil {
			w.t.Fatal(err)
		}
		codes = append(codes, e.(journal.Record).Code)
	}
	return codes
}

// environment waits for the file of a child in which a variable has a value, and returns all of them.
func (w *world) environment(file, name, value string) map[string]string {
	w.t.Helper()
	var env map[string]string
	supervisortest.Until(w.t, file+" has "+name+"="+value, func() bool {
		data, _ := os.ReadFile(w.sup.Path(file))
		env = map[string]string{}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			env[key] = value
		}
		return env[name] == value
	})
	return env
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantList(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// wantText demands an error of a type with a text.
func wantText[E error](t *testing.T, what string, err error, text string) {
	t.Helper()
	var e E
	if err == nil || fmt.Sprintf("%T", err) != fmt.Sprintf("%T", e) || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got %T %v, want %T %s", what, err, err, e, text)
	}
}

// folder is a Folder on a disk that may be full.
type folder struct {
	*journal.Folder
	full atomic.Bool
}

var errFull = errors.New("the disk is full")

func (f *folder) Save(name string, from any) error {
	if f.full.Load() {
		return errFull
	}
	return f.Folder.Save(name, from)
}

// ledger is a Ledger that says what it is told to, and remembers why.
type ledger struct {
	mu         sync.Mutex
	agreements []agent.Agreement
	instances  []agent.Instance
	reasons    []string
}

func (l *ledger) Agreements() []agent.Agreement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.agreements)
}

func (l *ledger) Instances() []agent.Instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.instances)
}

func (l *ledger) Because(group string, reason int, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reasons = append(l.reasons, fmt.Sprintf("%s %d %s", group, reason, text))
}

func (l *ledger) Agreement(group string) (string, bool) { return "of " + group, true }

func (l *ledger) why() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.reasons)
}

// trust is a Trust in memory.
type trust map[string][]byte

func (s trust) Names() ([]string, error) {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (s trust) Read(name string) ([]byte, error) {
	data, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
	}
	return data, nil
}

func (s trust) Write(name string, data []byte) error {
	s[name] = data
	return nil
}

func (s trust) Remove(name string) error {
	_, err := s.Read(name)
	delete(s, name)
	return err
}

// club is the membership of the node: it records.
type club struct {
	mu     sync.Mutex
	calls  []string
	refuse map[string]error // by secret
	stuck  error            // of withdrawals
}

func (c *club) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

// took returns the calls since the last time.
func (c *club) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

func (c *club) Join(_ context.Context, secret string, peers []string, standing cluster.Standing) error {
	c.note("join %s %s %s", secret, strings.Join(peers, ","), standing)
	return c.refuse[secret]
}

func (c *club) Withdraw(_ context.Context, forget bool) error {
	c.note("withdraw %t", forget)
	return c.stuck
}

func (c *club) SetStanding(s cluster.Standing) { c.note("%s", s) }

// team is the cluster as this node sees it.
type team struct {
	club club
	view atomic.Pointer[cluster.View]
	next chan *cluster.View // for the one who watches

	mu     sync.Mutex
	asked  []string
	answer func(cluster.Request) error // nil is done
}

// newTeam returns a cluster in OPERATION of n1, which is this node and the Master, and n2.
func newTeam() *team {
	c := &team{next: make(chan *cluster.View, 100)}
	c.see(cluster.Operation)
	return c
}

func instance(nick string) *cluster.InstanceView {
	return &cluster.InstanceView{Identity: cluster.Identity{Identifier: nick + ":1", Nick: nick, Host: nick, Port: 1, Stereotypes: []string{"rack"}},
		State: cluster.InstanceRunning}
}

// see makes the View another one: the state, and the applications.
func (c *team) see(state cluster.State, applications ...*cluster.ApplicationView) *cluster.View {
	self, other := instance("n1"), instance("n2")
	self.Modes.State = state
	if state == cluster.Operation {
		self.Modes.Master = "n2:1"
	}
	slices.SortFunc(applications, func(a, b *cluster.ApplicationView) int { return strings.Compare(a.Name, b.Name) })
	v := &cluster.View{Self: self, Instances: []*cluster.InstanceView{self, other}, Applications: applications}
	c.show(v)
	return v
}

func (c *team) show(v *cluster.View) {
	c.view.Store(v)
	c.next <- v
}

func (c *team) View() *cluster.View { return c.view.Load() }

func (c *team) Watch(int) (<-chan *cluster.View, func()) {
	for len(c.next) > 0 { // they were before
		<-c.next
	}
	c.next <- c.View()
	return c.next, func() {}
}

func (c *team) Ask(_ context.Context, r cluster.Request) (any, error) {
	c.mu.Lock()
	c.asked = append(c.asked, fmt.Sprintf("%T%+v", r, r))
	answer := c.answer
	c.mu.Unlock()
	c.club.note("ask %T", r)
	if answer == nil {
		return true, nil
	}
	return nil, answer(r)
}

// took returns what was asked since the last time.
func (c *team) took() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.asked
	c.asked = nil
	return asked
}

// application is one that the cluster manages, with its processes, of which up are up here.
func application(name string, managed bool, sequence int, up ...string) *cluster.ApplicationView {
	app := &cluster.ApplicationView{Name: name, Rules: rules.Application{Managed: managed, StartSequence: sequence, StartingStrategy: rules.LessLoaded}}
	for _, p := range up {
		app.Processes = append(app.Processes, &cluster.ProcessView{Namespec: process.Namespec{Group: name, Process: p}, Running: []string{"n1:1"},
			Rules: rules.Program{StartSequence: 1}, Infos: []cluster.ProcessAt{{Identifier: "n1:1",
				Info: &cluster.ProcessInfo{Group: name, Name: p, State: process.Running}}}})
	}
	return app
}
