package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// View is the cluster as a node sees it at one moment. It is immutable, and shares with the View before it all that did not change.
type View struct {
	Self         *InstanceView
	Instances    []*InstanceView    // in the order of supvisors_list, then of their discovery
	Applications []*ApplicationView // sorted by name
	Starts       int                // processes that this node is about to start, here or elsewhere, or waits for
	Stops        int                // processes that it is about to stop, or waits for
}

// InstanceView is one node.
type InstanceView struct {
	Identity
	State InstanceState
	Modes Modes
	// Tick is the last tick of the node, TickAt the time of this node when it came, LocalTick the tick of this node before that.
	Tick      Tick
	TickAt    time.Time
	LocalTick Tick
	Locks     []string // applications that hold an update lock there
	Standing  Standing
	Load      int  // expected load of what is up there, in percent
	Failure   bool // a process has ended there in a way that nobody wanted
}

// ApplicationView is one application with its processes, sorted by name.
type ApplicationView struct {
	Name         string
	Rules        rules.Application
	Identifiers  []string // the identifiers rule with # applied
	State        ApplicationState
	Major, Minor bool
	Processes    []*ProcessView
}

// ProcessView is one process of the cluster.
type ProcessView struct {
	Namespec process.Namespec
	Rules    rules.Program
	// Identifiers is the identifiers rule with the # and @ assignments applied.
	Identifiers []string
	State       process.State // the real state
	Shown       process.State // the state to show: the forced one when there is one
	Reason      string        // why the state is forced
	Expected    bool
	Heard       time.Time // when it was last heard of
	ExtraArgs   string
	Running     []string // identifiers of the nodes where it is up
	Infos       []ProcessAt
}

// ProcessAt is what one node says about a process.
type ProcessAt struct {
	Identifier string
	Info       *ProcessInfo
}

// touchNode, touchProcess and touchApplication mark what the next View must show anew.
func (c *Core) touchNode(n *node)               { n.view = nil }
func (c *Core) touchApplication(a *application) { a.view = nil }
func (c *Core) touchProcess(p *proc)            { p.view, p.app.view = nil, nil }

// View returns the cluster as it is after the last Step.
func (c *Core) View() *View {
	v := &View{Instances: make([]*InstanceView, len(c.nodes)), Applications: make([]*ApplicationView, len(c.apps)),
		Starts: c.starter.size(), Stops: c.stopper.size()}
	for i, n := range c.nodes {
		if n.view == nil {
			n.view = n.show()
		}
		v.Instances[i] = n.view
	}
	v.Self = c.self.view
	for i, app := range c.apps {
		if app.view == nil {
			app.view = c.showApplication(app)
		}
		v.Applications[i] = app.view
	}
	return v
}

func (n *node) show() *InstanceView {
	return &InstanceView{Identity: n.id, State: n.state, Modes: n.modes, Tick: n.tick, TickAt: n.tickAt,
		LocalTick: n.localTick, Locks: n.locks, Standing: n.standing, Load: n.load, Failure: n.state == InstanceRunning && n.crashes > 0}
}

func (c *Core) showApplication(a *application) *ApplicationView {
	v := &ApplicationView{Name: a.name, Rules: a.rules, Identifiers: a.rules.Identifiers.Names, State: a.state, Major: a.major, Minor: a.minor,
		Processes: make([]*ProcessView, len(a.procs))}
	switch ids := a.rules.Identifiers; {
	case ids.Hash:
		v.Identifiers = []string{}
		for _, n := range c.applicationNodes(a) {
			v.Identifiers = append(v.Identifiers, n.id.Identifier)
		}
	case ids.All:
		v.Identifiers = []string{"*"}
	}
	for i, p := range a.procs {
		if p.view == nil {
			p.view = p.show(c.nodes)
		}
		v.Processes[i] = p.view
	}
	return v
}

func (p *proc) show(nodes []*node) *ProcessView {
	v := &ProcessView{Namespec: p.ns, Rules: p.rules, State: p.state, Shown: p.shown(), Expected: p.expected, Heard: p.heard,
		ExtraArgs: p.args, Running: make([]string, len(p.running)), Infos: make([]ProcessAt, 0, len(p.infos))}
	switch ids := p.rules.Identifiers; {
	case p.assigned != nil:
		v.Identifiers = []string{p.assigned.id.Identifier}
	case ids.At || ids.Hash:
		v.Identifiers = []string{}
	case ids.All:
		v.Identifiers = []string{"*"}
	default:
		v.Identifiers = ids.Names
	}
	if p.forced != nil {
		v.Reason = p.forced.Reason
	}
	for i, n := range p.running {
		v.Running[i] = n.id.Identifier
	}
	for _, n := range nodes { // which are sorted by rank
		if info := p.infos[n]; info != nil {
			v.Infos = append(v.Infos, ProcessAt{n.id.Identifier, info})
		}
	}
	return v
}

// At returns what a node says about the process, nil when it says nothing.
func (p *ProcessView) At(identifier string) *ProcessInfo {
	for _, at := range p.Infos {
		if at.Identifier == identifier {
			return at.Info
		}
	}
	return nil
}

// Application returns an application by name, nil when it is unknown.
func (v *View) Application(name string) *ApplicationView {
	i, ok := slices.BinarySearchFunc(v.Applications, name, func(a *ApplicationView, name string) int { return cmp.Compare(a.Name, name) })
	if !ok {
		return nil
	}
	return v.Applications[i]
}

// Process returns a process of an application by name, nil when it is unknown.
func (a *ApplicationView) Process(name string) *ProcessView {
	i, ok := slices.BinarySearchFunc(a.Processes, name, func(p *ProcessView, name string) int { return cmp.Compare(p.Namespec.Process, name) })
	if !ok {
		return nil
	}
	return a.Processes[i]
}

// Instance returns a node by its identifier, nil when it is unknown.
func (v *View) Instance(identifier string) *InstanceView {
	for _, n := range v.Instances {
		if n.Identifier == identifier {
			return n
		}
	}
	return nil
}

// Resolve returns the nodes that an identifier, a nick or a stereotype names; none when it is unknown.
func (v *View) Resolve(name string) []*InstanceView {
	if n := v.Instance(name); n != nil {
		return []*InstanceView{n}
	}
	for _, n := range v.Instances {
		if n.Nick == name {
			return []*InstanceView{n}
		}
	}
	var list []*InstanceView
	for _, n := range v.Instances {
		if slices.Contains(n.Stereotypes, name) {
			list = append(list, n)
		}
	}
	return list
}

// Master returns the Master, nil when there is none.
func (v *View) Master() *InstanceView { return v.Instance(v.Self.Modes.Master) }

// Conflicts returns the processes of managed applications that are up on more than one node.
func (v *View) Conflicts() []*ProcessView {
	var list []*ProcessView
	for _, app := range v.Applications {
		if !app.Rules.Managed {
			continue
		}
		for _, p := range app.Processes {
			if len(p.Running) > 1 {
				list = append(list, p)
			}
		}
	}
	return list
}

// CheckFromDistribution refuses what Supvisors refuses before applications are known.
func (v *View) CheckFromDistribution() error { return checkState(v.Self.Modes.State, fromDistribution) }

// CheckRequest refuses a request that the cluster would refuse because of its state.
func (v *View) CheckRequest(r Request) error { return checkRequest(v.Self.Modes.State, r) }
