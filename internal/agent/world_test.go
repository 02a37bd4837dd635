package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		if len(os.Args) > 3 { // it says in a file what environment it has
			temp := os.Args[3] + ".new"
			os.WriteFile(temp, []byte(strings.Join(os.Environ(), "\n")+"\n"), 0o600)
			os.Rename(temp, os.Args[3])
		}
		select {}
	}
	os.Exit(m.Run())
}

// system is the one reaper of the test process.
var system = sync.OnceValues(func() (*child.System, error) {
	s, err := child.NewSystem(slog.New(slog.DiscardHandler))
	if err == nil {
		go s.Run()
	}
	return s, err
})

// world is an agent over a Supervisor with real children, in a cluster that only records.
type world struct {
	*Agent
	t       *testing.T
	dir     string
	bus     *event.Bus
	sup     *supervisor.Supervisor
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

// newWorld starts the programs of a configuration. PLAY in it is the command line of the test's own child, DIR a directory of the test.
// Without an AutoConfigure of its own the node is a member.
func newWorld(t *testing.T, programs string, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), bus: event.NewBus(), team: newTeam(), ledger: &ledger{}, trust: trust{}, change: change,
		enabled: map[string]bool{}}
	w.team.club.refuse = map[string]error{"wrong": errors.New("another token"), "lost": errors.New("nobody answers")}
	if err := os.Mkdir(w.path("logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.configure(programs)
	cfg, err := w.load()
	if err != nil {
		t.Fatal(err)
	}
	spawner, err := system()
	if err != nil {
		t.Fatal(err)
	}
	log, err := supervisor.OpenActivityLog(cfg.Supervisord, nil)
	if err != nil {
		t.Fatal(err)
	}
	inject := func(group string) []string { return w.agent.Load().Environment(group) }
	w.sup, err = supervisor.New(cfg, supervisor.Deps{Spawner: spawner, Log: log, Bus: w.bus, Env: os.Environ(), Inject: inject,
		Reload: w.load, Notify: w.notify})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := journal.OpenFolder(w.path("state"))
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
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.sup.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		w.events.Close()
		log.Close()
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
	c := Config{Options: Options{AutoConfigure: true}, Supervisor: w.sup, Bus: w.bus, Log: w.events, Folder: w.folder, Ledger: w.ledger,
		Trust: w.trust, Disable: w.disable, Cluster: w.team, Membership: &w.team.club, Secret: "s3cret", Peers: []string{"n2:1"}, Version: "1.2",
		Started: time.Now()}
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

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) configure(programs string) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	text := "[supervisord]\nlogfile=DIR/main.log\nchildlogdir=DIR/logs\nidentifier=tester\n" + programs
	text = strings.NewReplacer("PLAY", self+" play idle", "DIR", w.dir).Replace(text)
	if err := os.WriteFile(w.path("supervisord.conf"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) load() (*config.Config, error) {
	return config.Load(w.path("supervisord.conf"), config.Flags{})
}

func (w *world) disable(ctx context.Context, program string, on bool) error {
	w.enabled[program] = !on // operations on processes come one by one
	return w.sup.SetDisabled(ctx, program, on)
}

// wait waits until a process is in a state.
func (w *world) wait(name string, state process.State) process.Info {
	w.t.Helper()
	var info process.Info
	until(w.t, name+" is "+state.String(), func() bool {
		p, err := w.sup.Process(process.ParseNamespec(name))
		info = p.Info
		return err == nil && info.State == state
	})
	return info
}

// states returns "g:p RUNNING, …" of all processes.
func (w *world) states() string {
	var all []string
	for _, p := range w.sup.Processes() {
		all = append(all, namespec(p).String()+" "+p.Info.State.String())
	}
	return strings.Join(all, ", ")
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
	until(w.t, file+" has "+name+"="+value, func() bool {
		data, _ := os.ReadFile(w.path(file))
		env = map[string]string{}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			env[key] = value
		}
		return env[name] == value
	})
	return env
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("timeout: %s", what)
		}
	}
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
