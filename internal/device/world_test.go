package device

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
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

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "play" {
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play is the child.
func play(role string, args []string) {
	switch role {
	case "idle":
		select {}
	case "exit":
		os.Exit(3)
	case "last": // says when it goes
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
}

// system is the one reaper of the test process.
var system = sync.OnceValues(func() (*child.System, error) {
	s, err := child.NewSystem(slog.New(slog.DiscardHandler))
	if err == nil {
		go s.Run()
	}
	return s, err
})

// world is a device over a Supervisor with real children, on a host that only records.
type world struct {
	*Device
	t      *testing.T
	dir    string
	bus    *event.Bus
	sup    *supervisor.Supervisor
	host   *recorder
	folder *memory
	log    *logText

	mu    sync.Mutex
	notes []Note
}

// newWorld starts the programs of a configuration. PLAY in it is the command line of the test's own child, DIR a directory of the test,
// which has the locks and is no place for symbolic links.
func newWorld(t *testing.T, programs string, change func(*Config)) *world {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, bus: event.NewBus(), folder: &memory{files: map[string][]byte{}}, host: &recorder{name: "n1"}, log: &logText{}}
	w.write("logs/.keep", "")
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
	manager := worker.New(nil).Add("ProcessManager")
	if w.sup, err = supervisor.New(cfg, supervisor.Deps{Spawner: spawner, Log: log, Bus: w.bus, Env: os.Environ(), Reload: w.load, Worker: manager}); err != nil {
		t.Fatal(err)
	}
	c := Config{Supervisor: w.sup, Bus: w.bus, Started: cfg, Load: w.load, Folder: w.folder, System: w.host, Version: "1.0", APIPort: 48484,
		Address: "127.0.0.1:48484", Tell: w.tell, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	c.Options.LockDir = w.path("locks")
	if c.Keys, err = key.Open(w.folder, dir); err != nil {
		t.Fatal(err)
	}
	c.Manager = manager
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
	t.Cleanup(func() {
		stop()
		<-ran
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.sup.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		log.Close()
	})
	w.sup.Start()
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) configure(programs string) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	text := "[supervisord]\nlogfile=DIR/main.log\nchildlogdir=DIR/logs\nidentifier=tester\n" + programs
	w.write("supervisord.conf", strings.NewReplacer("PLAY", self+" play", "DIR", w.dir).Replace(text))
}

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) load() (*config.Config, error) {
	return config.Load(w.path("supervisord.conf"), config.Flags{})
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

// memory is a Folder.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
	fail  error
	last  error // of Save
}

func (m *memory) Load(name string, into any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.files[name]
	if !ok {
		return fmt.Errorf("load %s: %w", name, fs.ErrNotExist)
	}
	return json.Unmarshal(data, into)
}

func (m *memory) Save(name string, from any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := json.Marshal(from)
	if m.last = m.fail; m.fail != nil || err != nil {
		return m.fail
	}
	m.files[name] = data
	return nil
}

func (m *memory) Failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

func (m *memory) breakDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// recorder is a host to which nothing happens.
type recorder struct {
	mu     sync.Mutex
	name   string
	calls  []string
	files  map[string]string
	fail   error // of commands
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
		return empty(ctx, dir)
	}
	return nil
}

// logText is a log in memory.
type logText struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logText) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.buf.String(), text)
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
