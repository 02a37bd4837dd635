package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/lock"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/device"
)

// Config is what a Device works with. Options, Supervisor, Bus, Started, Load and Folder are needed.
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
	System     System // nil is the host
	// Spawner runs the commands on the host: that of the daemon, since nobody else may wait for children. nil runs none.
	Spawner child.Spawner
	Locks   func() (*lock.Locks, error) // nil opens those of the options

	Version string // of the daemon
	APIPort int    // where this API is served; 0 when on a Unix socket
	// Address is the host:port by which the processes of this host reach the API, "" when they cannot; see Environment.
	Address string
	// KeyFile is where the global key is written for the operator, mode 0600; "" for nowhere.
	KeyFile string
	// Protected are paths that no purge may touch nor contain, beside those of the configuration: state and event log.
	Protected []string

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
	Ticked() time.Time // when the loop of the FSM has turned last; zero before the first time
}

// Statistics is the collector: *stats.Collector.
type Statistics interface {
	Status() stats.Status
	Sampled() time.Time
}

// Folder keeps JSON objects over restarts: *journal.Folder. A file that does not exist is an error that is fs.ErrNotExist.
type Folder interface {
	Load(name string, into any) error
	Save(name string, from any) error
}

// Device is this node. Its methods may be called from any goroutine.
type Device struct {
	cfg     Config
	options Options
	sup     *supervisor.Supervisor
	cluster Cluster
	folder  *watchedFolder
	system  System
	locks   *lock.Locks
	log     *slog.Logger
	uuid    string
	id      int
	numbers numbers
	keys    *keys
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
	d := &Device{cfg: cfg, options: cfg.Options, sup: cfg.Supervisor, cluster: cfg.Cluster, folder: &watchedFolder{Folder: cfg.Folder},
		numbers: cfg.Options.Apps, turns: turns{busy: map[string]chan struct{}{}}, begun: time.Now()}
	d.log = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	if d.system = cfg.System; d.system == nil {
		d.system = host{cfg.Spawner, d.log}
	}
	if d.options.DryRun {
		d.system = dryRun{d.system, d.tell}
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
		d.keys, err = openKeys(d.folder)
	}
	if err == nil {
		err = d.openLocks()
	}
	if err == nil {
		err = d.writeKeyFile()
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
	loops.Go(func() { d.update.run(ctx) })
	loops.Go(func() { d.probe.run(ctx) })
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
func (d *Device) Scope(key string) (device.Scope, bool) { return d.keys.find(key, d.groups()) }

// RegenerateKey implements device.Device. The processes of an application hold the old key in their environment: they are restarted at
// the next update, at once where there is none by itself.
func (d *Device) RegenerateKey(_ context.Context, scope device.Scope) (string, error) {
	switch {
	case scope.Global:
		key, err := d.keys.regenerate(globalScope)
		if err == nil {
			err = d.writeKeyFile()
		}
		d.tell(Note{Code: KeyRegenerated, Err: err, Text: "regeneration of the global key"})
		return key, err
	case scope.App != "":
		key, err := d.keys.regenerate(appScope(scope.App))
		d.tell(Note{Code: KeyRegenerated, App: scope.App, Err: err, Text: "regeneration of the key of " + scope.App})
		if err == nil && d.options.InjectEnv.has(scope.App) {
			d.update.stale(scope.App)
		}
		return key, err
	}
	return "", &device.BadRequest{Text: "only keys can be regenerated"}
}

// GlobalKey returns the key that opens everything.
func (d *Device) GlobalKey() string { return d.keys.key(globalScope) }

func (d *Device) writeKeyFile() error {
	if d.cfg.KeyFile == "" {
		return nil
	}
	if err := replaceFile(d.cfg.KeyFile, []byte(d.GlobalKey()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the global key: %w", err)
	}
	return nil
}

// replaceFile writes a file in one go: readers see the old or the new content.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, path)
}
