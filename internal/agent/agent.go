package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// Config is what an Agent works with. Supervisor, Bus, Log, Folder, Ledger, Trust and Disable are needed, and in a cluster Cluster and
// Membership.
type Config struct {
	Options    Options
	Start      Start // what Initial has returned
	Supervisor *supervisor.Supervisor
	Bus        *event.Bus
	Log        *journal.Log
	Folder     Folder
	Ledger     Ledger
	Trust      Trust
	// Disable forbids the starts of a program or allows them again, and has that survive the daemon.
	Disable func(ctx context.Context, program string, on bool) error

	Cluster    Cluster // nil without
	Membership Membership
	Secret     string   // that of the configuration
	Peers      []string // host:port of those of the configuration
	// RuleSet returns the rules that are in force, nil for none. Rules returns those of an application and of its processes, as a value of the
	// RPC interface. Both may be nil.
	RuleSet func() *rules.Set
	Rules   func(group string) (any, error)

	Workers func() agent.Workers // nil knows none
	// Reach returns by identifier which peers the last reachability probe has reached; nil, or a nil map, when there was none.
	Reach func() map[string]bool
	// Key returns what a key opens, after the same time for any key. nil opens nothing.
	Key func(key string) agent.Scope
	// Signature returns the signature of the configuration of an application, base64; nil knows none.
	Signature func(group string) string
	// RPC returns the URL of the RPC interface of a node; nil is http on its port.
	RPC func(cluster.Identity) string
	// VersionOf returns the version of a peer, "" when it is not known; nil knows none.
	VersionOf func(identifier string) string

	Version       string    // of the daemon
	OldestVersion string    // of the node protocol that it understands; "" is Version
	Started       time.Time // when the daemon was
	Logger        *slog.Logger
}

// Folder keeps JSON objects over restarts: *journal.Folder. A file that does not exist is an error that is fs.ErrNotExist.
type Folder interface {
	Load(name string, into any) error
	Save(name string, from any) error
	Path(name string) string
}

// Ledger has the agreements of this node. None of its methods waits.
type Ledger interface {
	Agreements() []agent.Agreement
	// Instances are the runs of the applications. Definition and StaleEnv of those that have not ended are up to the Agent.
	Instances() []agent.Instance
	// Because tells why the processes of a group are about to be stopped.
	Because(group string, reason int, text string)
	// Agreement returns the one that a group runs for.
	Agreement(group string) (id string, ok bool)
}

// Trust is the store of trusted files. A name that is not there is an error that is fs.ErrNotExist.
type Trust interface {
	Names() ([]string, error)
	Read(name string) ([]byte, error)
	Write(name string, data []byte) error
	Remove(name string) error
}

// Cluster is what an Agent wants of the node: see OfNode.
type Cluster interface {
	View() *cluster.View
	Ask(ctx context.Context, r cluster.Request) (any, error)
	// Watch brings the Views from now on, of which size may wait, until end is called.
	Watch(size int) (views <-chan *cluster.View, end func())
}

// Membership makes the node a member of its cluster, or ends that.
type Membership interface {
	// Join makes a member of a node that is none; the peers are host:port beside those of the configuration. After an error, which may be
	// that the others have another secret, the node still is none.
	Join(ctx context.Context, secret string, peers []string, standing cluster.Standing) error
	// Withdraw takes leave of the peers, which forget the node if it is to be forgotten. That it is no member is node.ErrNoMember.
	Withdraw(ctx context.Context, forget bool) error
	// SetStanding changes what part a member takes. It does not wait, and what is asked of the cluster later comes after it.
	SetStanding(s cluster.Standing)
}

type nodeCluster struct{ *node.Node }

func (n nodeCluster) Watch(size int) (<-chan *cluster.View, func()) {
	w := n.Node.Watch(size)
	return w.C, w.Close
}

// OfNode returns the Cluster of a node.
func OfNode(n *node.Node) Cluster { return nodeCluster{n} }

// Agent is this node. Its methods may be called from any goroutine.
type Agent struct {
	cfg         Config
	options     Options
	sup         *supervisor.Supervisor
	cluster     Cluster
	log         *slog.Logger
	settings    settings
	definitions definitions
	joining     turn // of what changes the registration
	acting      turn // of what stops and starts processes
	registry    registry
	pattern     atomic.Pointer[foundPattern]

	work       context.Context // of operations, which outlast their callers
	stop       context.CancelFunc
	mu         sync.Mutex // of:
	ended      bool
	background sync.WaitGroup
}

var _ agent.Agent = (*Agent)(nil)

// errEnding answers operations when the daemon ends.
var errEnding = errors.New("the daemon is ending")

// New returns the agent. The error tells what of its state keeps it from working.
func New(cfg Config) (*Agent, error) {
	cfg.Options.Organization = cmp.Or(cfg.Options.Organization, defaultOrganization)
	cfg.Options.QuiesceTimeout = cmp.Or(cfg.Options.QuiesceTimeout, defaultQuiesce)
	a := &Agent{cfg: cfg, options: cfg.Options, sup: cfg.Supervisor, cluster: cfg.Cluster, joining: newTurn(), acting: newTurn(),
		log: cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))}
	a.registry.now = cfg.Start.member
	a.settings.edit = newTurn()
	err := a.finishLeaving()
	if err == nil {
		err = a.loadSettings()
	}
	if err == nil {
		err = a.loadDefinitions()
	}
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	a.work, a.stop = context.WithCancel(context.Background())
	return a, nil
}

// Run does what the agent does by itself until ctx ends; then it waits for the operations that are under way, whose waiting has ended too.
func (a *Agent) Run(ctx context.Context) {
	a.tellStart(ctx)
	a.followGroups(ctx)
	a.Close()
}

// Close ends the waiting of all operations and waits until they are over. It is for an Agent that was not Run.
func (a *Agent) Close() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	a.stop()
	a.background.Wait()
}

// detached does an operation to its end, also when its caller waits no longer.
func (a *Agent) detached(ctx context.Context, op func(context.Context) error) error {
	done := make(chan error, 1)
	if !a.inBackground(func(work context.Context) {
		err := op(work)
		if err != nil && ctx.Err() != nil {
			a.log.Warn("an operation has failed after its caller had left", "error", err)
		}
		done <- err
	}) {
		return errEnding
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inBackground does something that Close waits for; false when the daemon ends.
func (a *Agent) inBackground(f func(context.Context)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false
	}
	a.background.Go(func() { f(a.work) })
	return true
}

// turn lets one at a time do something.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn; give ends it.
func (t turn) take(ctx context.Context) (give func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inTurn does an operation to its end when it is its turn.
func (a *Agent) inTurn(ctx context.Context, t turn, op func(context.Context) error) error {
	return a.detached(ctx, func(work context.Context) error {
		give, err := t.take(work)
		if err != nil {
			return errEnding
		}
		defer give()
		return op(work)
	})
}

// nick is what the node is called.
func (a *Agent) nick() string {
	if a.cluster != nil {
		return a.cluster.View().Self.Nick
	}
	return a.sup.Identifier()
}
