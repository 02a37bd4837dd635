package device

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/internal/worker"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) { supervisortest.Main(m, play) }

// play is the child that says when it goes.
func play(role string, args []string) {
	if role != "last" {
		return
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	os.WriteFile(args[0]+"."+args[1], nil, 0o600)
	<-c
	f, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintln(f, args[1])
		f.Close()
	}
}

// world is a device over a Supervisor with real children, on a host that only records.
type world struct {
	*Device
	t      *testing.T
	sup    *supervisortest.Supervisor
	host   *recorder
	folder *journal.Folder
	log    *supervisortest.Text

	mu    sync.Mutex
	notes []Note
}

// newWorld starts the programs of a configuration. The locks are in the directory of the test.
func newWorld(t *testing.T, programs string, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, folder: newFolder(t), host: &recorder{name: "n1"}, log: &supervisortest.Text{}}
	manager := worker.New(nil).Add("ProcessManager")
	w.sup = supervisortest.New(t, programs, func(_ *supervisortest.Supervisor, deps *supervisor.Deps) { deps.Worker = manager })
	c := Config{Supervisor: w.sup.Supervisor, Bus: w.sup.Bus, Started: w.sup.Started, Load: w.sup.Load, Folder: w.folder, System: w.host,
		Version: "1.0", APIPort: 48484, Address: "127.0.0.1:48484", Tell: w.tell, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Manager: manager}
	c.Options.LockDir = w.sup.Path("locks")
	var err error
	if c.Keys, err = key.Open(w.folder, w.sup.Dir); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	if team, ok := c.Cluster.(*team); ok {
		c.FSM = team
	}
	if w.Device, err = New(c); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); w.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ran })
	w.sup.Start()
	return w
}

func (w *world) tell(n Note) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, n)
}

// told returns "code application" of the notes since the last call, with "!" for those of an error.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, n := range w.notes {
		text := strings.TrimSpace(n.Code + " " + n.App)
		if n.Err != nil {
			text += " !"
		}
		all = append(all, text)
	}
	w.notes = nil
	return all
}

// pids returns the pids of all processes by name.
func (w *world) pids() map[string]int {
	pids := map[string]int{}
	for _, p := range w.sup.Processes() {
		pids[p.Spec.Name] = p.Info.PID
	}
	return pids
}

// lock makes the lock file of an application, as the application would.
func (w *world) lock(app string) {
	w.t.Helper()
	if err := os.WriteFile(w.locks.Path(app), nil, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unlock(app string) {
	w.t.Helper()
	if err := os.Remove(w.locks.Path(app)); err != nil {
		w.t.Fatal(err)
	}
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
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

// newFolder returns a state directory of the test.
func newFolder(t *testing.T) *journal.Folder {
	t.Helper()
	f, err := journal.OpenFolder(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// recorder is a host to which nothing happens.
type recorder struct {
	mu     sync.Mutex
	name   string
	calls  []string
	files  map[string]string
	fail   error // of commands, and of emptying when that is not real
	cannot error
	real   bool // directories are emptied
	before func(call string)
}

func (r *recorder) record(format string, args ...any) {
	call := fmt.Sprintf(format, args...)
	if r.before != nil {
		r.before(call)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

// took returns the calls since the last time.
func (r *recorder) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

func (r *recorder) Hostname() (string, error) { return r.name, nil }
func (r *recorder) CanEnd() error             { return r.cannot }

func (r *recorder) Run(_ context.Context, argv []string) error {
	r.record("run %s", strings.Join(argv, " "))
	return r.fail
}

func (r *recorder) Replace(path string, data []byte) error {
	r.record("replace %s %v", filepath.Base(path), data != nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files == nil {
		r.files = map[string]string{}
	}
	r.files[filepath.Base(path)] = string(data)
	return nil
}

func (r *recorder) Light(path, value string) (string, error) {
	r.record("light %s", value)
	return "7", nil
}

func (r *recorder) Empty(ctx context.Context, dir string) error {
	r.record("empty %s", filepath.Base(dir))
	if r.real {
		return host.New(nil, nil).Empty(ctx, dir)
	}
	return r.fail
}

// team is a cluster as this node sees it.
type team struct {
	view   atomic.Pointer[cluster.View]
	health atomic.Pointer[node.Health]
	ticked atomic.Pointer[time.Time]
}

// newTeam returns a cluster of n1, which is this node, and others that are RUNNING.
func newTeam(others ...string) *team {
	c := &team{}
	self := &cluster.InstanceView{Identity: cluster.Identity{Identifier: "n1:1", Nick: "n1", Host: "n1"}, State: cluster.InstanceRunning}
	v := &cluster.View{Self: self, Instances: []*cluster.InstanceView{self}}
	for _, nick := range others {
		v.Instances = append(v.Instances, &cluster.InstanceView{Identity: cluster.Identity{Identifier: nick + ":1", Nick: nick, Host: nick},
			State: cluster.InstanceRunning})
	}
	c.view.Store(v)
	c.health.Store(&node.Health{})
	now := time.Now()
	c.ticked.Store(&now)
	return c
}

func (c *team) View() *cluster.View { return c.view.Load() }
func (c *team) Health() node.Health { return *c.health.Load() }
func (c *team) Turned() time.Time   { return *c.ticked.Load() }

// application adds an application to the view: the nodes where each process is up, and those that have it.
func (c *team) application(name string, managed bool, up map[string][]string, having ...string) {
	v := *c.view.Load()
	app := &cluster.ApplicationView{Name: name}
	app.Rules.Managed = managed
	for p, on := range up {
		view := &cluster.ProcessView{Namespec: process.Namespec{Group: name, Process: p}, Running: on}
		for _, identifier := range having {
			view.Infos = append(view.Infos, cluster.ProcessAt{Identifier: identifier})
		}
		app.Processes = append(app.Processes, view)
	}
	slices.SortFunc(app.Processes, func(a, b *cluster.ProcessView) int { return strings.Compare(a.Namespec.Process, b.Namespec.Process) })
	v.Applications = append(slices.Clone(v.Applications), app)
	slices.SortFunc(v.Applications, func(a, b *cluster.ApplicationView) int { return strings.Compare(a.Name, b.Name) })
	c.view.Store(&v)
}
