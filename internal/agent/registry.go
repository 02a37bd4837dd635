package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// registrationFile keeps what clients have made of the registration. There is none as long as no client has.
const registrationFile = "agent.json"

// record is that file.
type record struct {
	State        string    `json:"state"`
	Updated      time.Time `json:"updated"`
	Name         string    `json:"name"`
	Pattern      string    `json:"pattern"`
	HA           bool      `json:"ha"`
	Token        string    `json:"token"` // "" is the secret of the configuration
	Join         []string  `json:"join"`  // peers beside those of the configuration
	DeepClean    bool      `json:"deep_clean"`
	Unregistered time.Time `json:"unregistered_at"` // the last time; zero for never
}

// member is the registration.
type member struct {
	record
	state     agent.State
	auto      bool // it is that of the configuration
	gone      bool // Unconfiguring has left the cluster
	valid     bool // peers have accepted the token, as far as is known
	validated time.Time
	// unfinished tells that the daemon has ended while the node was Unconfiguring.
	unfinished bool
}

// Start is how a node begins.
type Start struct {
	Standing cluster.Standing // Serving, Reserved or Withdrawn; a Withdrawn node is not to join
	Secret   string           // "" is that of the configuration
	Join     []string         // host:port beside those of the configuration

	member
}

// Initial finds out whether a node is a member of its cluster from its start, before it is made. What a client has last told it counts, else
// the options. clustered tells whether the configuration knows a cluster at all.
func Initial(folder Folder, o Options, clustered bool) (Start, error) {
	m := member{valid: true, validated: time.Now()}
	err := folder.Load(registrationFile, &m.record)
	known := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Start{}, fmt.Errorf("registration of the node: %w", err)
	}
	switch {
	case !clustered || !known && !o.AutoConfigure:
	case !known:
		m.auto, m.state, m.Updated = true, agent.Configured, time.Now()
	default:
		if m.state, err = agent.ParseState(m.State); err != nil {
			return Start{}, fmt.Errorf("registration of the node: %w", err)
		}
		if m.state == agent.Unconfiguring {
			m.state, m.unfinished = agent.Unconfigured, true
		}
	}
	s := Start{Standing: m.standing(0), member: m}
	if s.Standing != cluster.Withdrawn {
		s.Secret, s.Join = m.Token, slices.Clone(m.record.Join)
	}
	return s, nil
}

// standing is what part the node takes in its state, with so many starts under way that must avoid it.
func (m *member) standing(avoiding int) cluster.Standing {
	switch m.state {
	case agent.Configuring:
		return cluster.Reserved
	case agent.Configured:
		if avoiding > 0 {
			return cluster.Reserved
		}
		return cluster.Serving
	case agent.Unconfiguring:
		if !m.gone {
			return cluster.Draining
		}
	}
	return cluster.Withdrawn
}

// registered reports whether the node is a member.
func (m *member) registered() bool { return m.state != agent.Unconfigured && !m.gone }

// registry holds the registration, and what goes on about it.
type registry struct {
	mu       sync.Mutex
	now      member
	avoiding int             // starts under way that must not choose this node
	ending   map[string]bool // agreements that are being cancelled
}

// begin reports whether the cancellation of an agreement is not under way yet; end is called when it is over.
func (r *registry) begin(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending[id] {
		return false
	}
	if r.ending == nil {
		r.ending = map[string]bool{}
	}
	r.ending[id] = true
	return true
}

func (r *registry) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ending, id)
}

// member returns the registration.
func (a *Agent) member() member {
	a.registry.mu.Lock()
	defer a.registry.mu.Unlock()
	return a.registry.now
}

// become changes the registration, and what part the node takes with it. Only this tells the cluster of its standing, so that it is told in
// the order of the changes; whoever joins or withdraws comes before.
func (a *Agent) become(change func(*registry)) {
	r := &a.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.now.standing(r.avoiding)
	change(r)
	if after := r.now.standing(r.avoiding); after != before && after != cluster.Withdrawn {
		a.cfg.Membership.SetStanding(after)
	}
}

// keep makes a record the one that the next start goes by, then the registration.
func (a *Agent) keep(m member) error {
	if name := m.state.String(); m.State != name {
		m.State, m.Updated = name, time.Now()
	}
	if err := a.cfg.Folder.Save(registrationFile, m.record); err != nil {
		return fmt.Errorf("registration of the node: %w", err)
	}
	a.become(func(r *registry) { r.now = m })
	return nil
}

// unregistered returns the error of what needs a node that is registered.
func (a *Agent) unregistered() error {
	if m := a.member(); !m.registered() {
		return &agent.NotRegistered{}
	}
	return nil
}

// Node implements agent.Agent.
func (a *Agent) Node() agent.Node {
	m := a.member()
	n := agent.Node{ID: a.nick(), State: m.state, Registered: m.registered(), Updated: agent.At(m.Updated)}
	if !n.Registered {
		return n
	}
	n.Name, n.Pattern, n.HA, n.TokenValid = m.Name, m.Pattern, m.HA, m.valid
	if m.auto {
		n.Name, n.Pattern = n.ID, a.ownPattern()
	}
	if a.meetsPeers() {
		m.validated = time.Now()
	}
	n.TokenValidated = agent.At(m.validated)
	return n
}

// meetsPeers reports whether any peer answers, which it does only if it has the same token.
func (a *Agent) meetsPeers() bool {
	view := a.cluster.View()
	return slices.ContainsFunc(view.Instances, func(n *cluster.InstanceView) bool {
		return n.Identifier != view.Self.Identifier && n.State == cluster.InstanceRunning
	})
}

// foundPattern is the pattern of a node that has registered itself, by the rules it was found in.
type foundPattern struct {
	set     *rules.Set
	pattern string
}

// ownPattern is the first stereotype of the node that a rule mentions. It is asked for with every event.
func (a *Agent) ownPattern() string {
	set := a.rules()
	if found := a.pattern.Load(); found != nil && found.set == set {
		return found.pattern
	}
	found := foundPattern{set: set}
	stereotypes := a.cluster.View().Self.Stereotypes
	if i := slices.IndexFunc(stereotypes, func(name string) bool { return mentions(set, name) }); i >= 0 {
		found.pattern = stereotypes[i]
	}
	a.pattern.Store(&found)
	return found.pattern
}

// rules returns the rules that are in force, nil for none.
func (a *Agent) rules() *rules.Set {
	if a.cfg.RuleSet == nil {
		return nil
	}
	return a.cfg.RuleSet()
}

// mentions reports whether a rule names a stereotype.
func mentions(set *rules.Set, stereotype string) bool {
	return len(set.UnknownNames(func(name string) bool { return name != stereotype })) > 0
}

// HasPattern implements agent.Agent.
func (a *Agent) HasPattern(pattern string) bool { return mentions(a.rules(), pattern) }
