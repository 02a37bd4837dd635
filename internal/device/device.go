package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/host"
	"github.com/supvisors/supvisors/internal/key"
	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
	"github.com/supvisors/supvisors/rest/device"
)

// Config is what a Device works with. Options, Supervisor, Manager, Bus, Started, Load, Folder, Keys and System are needed.
type Config struct {
	Options    Options
	Supervisor *supervisor.Supervisor
	Bus        *event.Bus
	Started    *config.Config                 // what the daemon was started with
	Load       func() (*config.Config, error) // reads the configuration files, as Supervisor's Reread does
	Rules      func() error                   // reads the rules files again and applies them; nil when only a restart does
	Cluster    Cluster                        // nil without a cluster
	Statistics Statistics                     // nil without
	Folder     Folder
	Keys       *key.Keys
	System     host.System
	Locks      func() (*lock.Locks, error) // nil opens those of the options

	Version string // of the daemon
	APIPort int    // where this API is served; 0 when on a Unix socket
	// Address is the host:port by which the processes of this host reach the API, "" when they cannot; see Environment.
	Address string
	// Protected are paths that no purge may touch nor contain, beside those of the configuration: state and event log.
	Protected []string

	// Workers is where the updates and the probe are registered; nil for nowhere.
	Workers *worker.Registry
	// The loops that Health watches over: of the process manager, of the FSM, needed with a Cluster, and of the Statistics, needed with them.
	Manager, FSM, Collector Loop

	// Leave takes this node out of its cluster before its processes are stopped for the end of the host, so that they are started elsewhere
	// at once; Rejoin takes that back. Either may be nil.
	Leave, Rejoin func(context.Context) error
	// Call has another node answer a request, over the port between nodes. It returns the error of the way there.
	Call func(ctx context.Context, identifier string, r device.Request, scope device.Scope) (device.Answer, error)
	// Tell is told what the device does, for the event log. It must not wait. nil tells nobody.
	Tell func(Note)
	// Identify marks the node for those who look at it, for 15 s. It must not wait. nil marks nothing.
	Identify func()
	Logger   *slog.Logger
}

// Cluster is what a Device wants of the node: *node.Node.
type Cluster interface {
	View() *cluster.View
	Health() node.Health
}

// Statistics is the collector: *stats.Collector.
type Statistics interface {
	Status() stats.Status
}

// Loop is a part of the daemon that does something at least now and then: *worker.Worker.
type Loop interface {
	Turned() time.Time // when it has done so last, without waiting for anybody; zero before the first time
}

// Folder keeps JSON objects over restarts: *journal.Folder. A file that does not exist is an error that is fs.ErrNotExist.
type Folder interface {
	Load(name string, into any) error
	Save(name string, from any) error
	Failed() error // of the last Save, nil when it was done
}

// Device is this node. Its methods may be called from any goroutine.
type Device struct {
	cfg     Config
	options Options
	sup     *supervisor.Supervisor
	cluster Cluster
	folder  Folder
	system  host.System
	locks   *lock.Locks
	log     *slog.Logger
	uuid    string
	id      int
	numbers numbers
	keys    *key.Keys
	turns   turns
	update  *updater
	probe   *probe
	files   filesCheck
	fleet   directory
	begun   time.Time
	blinks  atomic.Bool // one is under way

	work       context.Context // of operations, which outlast their callers
	stop       context.CancelFunc
	mu         sync.Mutex // of:
	ended      bool
	background sync.WaitGroup
}

var _ device.Device = (*Device)(nil)

// errEnding answers operations when the daemon ends.
var errEnding = errors.New("the daemon is ending")

// New returns the device. The error tells what of the options or of the state directory keeps it from working: two applications with one
// number, for instance.
func New(cfg Config) (*Device, error) {
	d := &Device{cfg: cfg, options: cfg.Options, sup: cfg.Supervisor, cluster: cfg.Cluster, folder: cfg.Folder, system: cfg.System,
		numbers: cfg.Options.Apps, turns: turns{busy: map[string]chan struct{}{}}, begun: time.Now()}
	d.log = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if d.options.DryRun {
		d.system = host.DryRun(d.system, func(what string) { d.tell(Note{Code: DryRun, Text: "dry run: " + what}) })
	}
	var groups []string
	for _, g := range cfg.Started.Groups {
		groups = append(groups, g.Name)
	}
	err := d.numbers.check(groups)
	if err == nil {
		d.uuid, err = loadUUID(d.options.UUID, d.identifier(), d.folder)
	}
	if err == nil {
		d.id = number(d.uuid)
		d.keys = cfg.Keys
	}
	if err == nil {
		err = d.openLocks()
	}
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	d.work, d.stop = context.WithCancel(context.Background())
	d.update = newUpdater(d)
	d.probe = newProbe(d)
	return d, nil
}

// openLocks opens the locks and makes the directories of all groups.
func (d *Device) openLocks() (err error) {
	if d.cfg.Locks != nil {
		d.locks, err = d.cfg.Locks()
	} else {
		c := lock.Config{Dir: d.options.LockDir, Mode: d.options.LockMode}
		if d.options.LegacyLocks {
			c.Legacy = lock.LegacyFiles
		}
		d.locks, err = lock.Open(c)
	}
	for _, g := range d.sup.Groups() {
		if err == nil {
			err = d.locks.Prepare(lockOf(g))
		}
	}
	return err
}

// Run does what the device does by itself, updates and probes, until ctx ends; then it waits for the operations that are under way,
// whose waiting has ended too.
func (d *Device) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { d.update.worker.Supervise(ctx, d.update.run) })
	loops.Go(func() { d.probe.worker.Supervise(ctx, d.probe.run) })
	loops.Wait()
	d.Close()
}

// Close ends the waiting of all operations and waits until they are over. It is for a Device that was not Run.
func (d *Device) Close() {
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.stop()
	d.background.Wait()
}

// detached does an operation to its end, also when its caller waits no longer.
func detached[T any](ctx context.Context, d *Device, op func(context.Context) (T, error)) (result T, err error) {
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	if !d.inBackground(func(work context.Context) {
		result, err := op(work)
		if err != nil && ctx.Err() != nil {
			d.log.Warn("an operation has failed after its caller had left", "error", err)
		}
		done <- outcome{result, err}
	}) {
		return result, errEnding
	}
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return result, ctx.Err()
	}
}

// inBackground does something that Close waits for; false when the daemon ends.
func (d *Device) inBackground(f func(context.Context)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return false
	}
	d.background.Go(func() { f(d.work) })
	return true
}

// Allows implements device.Device.
func (d *Device) Allows(what string) bool { return slices.Contains(d.options.Allow, what) }

// allowed returns the error of what is off.
func (d *Device) allowed(what string) error {
	if d.Allows(what) {
		return nil
	}
	return &device.NotAllowed{What: what}
}

// identifier is that of the node in its cluster, else that of the daemon.
func (d *Device) identifier() string {
	if d.cluster != nil {
		return d.cluster.View().Self.Identifier
	}
	return d.sup.Identifier()
}

// groups returns the names of the active groups by priority.
func (d *Device) groups() []string {
	var names []string
	for _, g := range d.sup.Groups() {
		names = append(names, g.Name)
	}
	return names
}

// group returns the group that a client means, or *device.UnknownApp.
func (d *Device) group(app string) (supervisor.Group, error) {
	name, err := d.AppName(app)
	if err != nil {
		return supervisor.Group{}, err
	}
	g, err := d.sup.Group(name)
	if err != nil { // it was removed meanwhile
		return supervisor.Group{}, &device.UnknownApp{App: app}
	}
	return g, nil
}

// AppName implements device.Device.
func (d *Device) AppName(app string) (string, error) { return d.numbers.resolve(app, d.groups()) }

// Scope implements device.Device.
func (d *Device) Scope(given string) (device.Scope, bool) {
	found, ok := d.keys.Find(given, d.groups())
	switch {
	case !ok:
		return device.Scope{}, false
	case found == key.Global:
		return device.Scope{Global: true}, true
	case found == key.Read:
		return device.Scope{Read: true}, true
	}
	return device.Scope{App: found.Group()}, true
}

// RegenerateKey implements device.Device. The processes of an application hold the old key in their environment: they are restarted at
// the next update, at once where there is none by itself.
func (d *Device) RegenerateKey(_ context.Context, scope device.Scope) (string, error) {
	switch {
	case scope.Global:
		next, err := d.keys.Regenerate(key.Global)
		d.tell(Note{Code: KeyRegenerated, Err: err, Text: "regeneration of the global key"})
		return next, err
	case scope.App != "":
		next, err := d.keys.Regenerate(key.Of(scope.App))
		d.tell(Note{Code: KeyRegenerated, App: scope.App, Err: err, Text: "regeneration of the key of " + scope.App})
		if err == nil && d.options.InjectEnv.has(scope.App) {
			d.update.stale(scope.App)
		}
		return next, err
	}
	return "", &device.BadRequest{Text: "only keys can be regenerated"}
}

// GlobalKey returns the key that opens everything.
func (d *Device) GlobalKey() string { return d.keys.Key(key.Global) }
