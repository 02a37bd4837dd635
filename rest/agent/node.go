package agent

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// State is how far a node is a member of its cluster.
type State int

// The states, in the order in which they follow one another.
const (
	Unconfigured  State = iota // stand-alone: no gossip, no placements
	Configuring                // member of the gossip, never chosen for a placement
	Configured                 // full member
	Unconfiguring              // no new placements; what is managed is being stopped
)

var stateNames = [...]string{"unconfigured", "configuring", "configured", "unconfiguring"}

// String returns the name of the state for clients.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "State(" + strconv.Itoa(int(s)) + ")"
	}
	return stateNames[s]
}

// ParseState is the opposite of String.
func ParseState(name string) (State, error) {
	for s, n := range stateNames {
		if n == name {
			return State(s), nil
		}
	}
	return Unconfigured, fmt.Errorf("unknown state %.40q", name)
}

// Node is this node.
type Node struct {
	ID         string // the nick name
	Registered bool   // false when Unconfigured, and when Unconfiguring has nothing left to do but the rest
	State      State
	Updated    Seconds // when State changed

	// of a registered one
	Name           string
	Pattern        string // "" without one
	TokenValid     bool
	TokenValidated Seconds // when it was last known to be valid
	HA             bool
}

// Registration is what POST /node asks for.
type Registration struct {
	ID      string
	Name    string
	Pattern string
	Token   string // not empty
	HA      bool
	Join    []string // host:port of peers beside those of the configuration
}

// Unregistration is how DELETE /node is to be done.
type Unregistration struct {
	Block      bool // wait until the node is Unconfigured, within the time that the node allows
	RemoveNode bool // have the peers forget the node
	DeepClean  bool // remove the files of the agent
	StopAll    bool // stop programs that are not managed as well
}

// nodeBody is a node; the pointers of one that is not registered are nil.
type nodeBody struct {
	ID             string    `json:"id"`
	Organization   *string   `json:"organization"`
	Pattern        *string   `json:"pattern"`
	Name           *string   `json:"name,omitempty"`
	Type           string    `json:"nodeType,omitempty"`
	TokenValid     *bool     `json:"token_valid,omitempty"`
	TokenValidated *Seconds  `json:"token_last_valid_time,omitempty"`
	HA             *bool     `json:"ha,omitempty"`
	HAGroup        *string   `json:"ha_group,omitempty"`
	State          stateBody `json:"configstate"`
}

type stateBody struct {
	State   string   `json:"state"`
	Updated *Seconds `json:"last_update_time,omitempty"`
}

func (c *call) nodeBody(n Node) nodeBody {
	if !n.Registered {
		return nodeBody{ID: n.ID, State: stateBody{n.State.String(), new(Seconds(0))}}
	}
	return nodeBody{
		ID: n.ID, Organization: &c.cfg.Organization, Pattern: &n.Pattern, Name: &n.Name, Type: "device", TokenValid: &n.TokenValid,
		TokenValidated: &n.TokenValidated, HA: &n.HA, HAGroup: new(string), State: stateBody{n.State.String(), &n.Updated},
	}
}

func getNode(c *call) error {
	n := c.agent.Node()
	if !n.Registered && c.cfg.NodeGone404 {
		return &NotRegistered{}
	}
	return c.json(http.StatusOK, c.nodeBody(n))
}

type registrationInput struct {
	ID           *string  `json:"id"`
	Organization string   `json:"organization"`
	Token        string   `json:"token"`
	Pattern      string   `json:"pattern"`
	Name         *string  `json:"name"`
	HA           bool     `json:"ha"`
	Join         []string `json:"join"`
}

func register(c *call) error {
	var in registrationInput
	if err := c.decode("device", &in); err != nil {
		return err
	}
	n := c.agent.Node()
	switch {
	case n.State == Unconfiguring:
		return &BadInput{"node", "the node is being unregistered"}
	case n.Registered:
		return &Conflict{"the node is already registered"}
	}
	r := Registration{ID: n.ID, Pattern: in.Pattern, Token: in.Token, HA: in.HA, Join: in.Join}
	if in.ID != nil && *in.ID != "" {
		r.ID = *in.ID
	}
	if r.Name = r.ID; in.Name != nil && *in.Name != "" {
		r.Name = *in.Name
	}
	if err := c.checkRegistration(in.Organization, r); err != nil {
		return err
	}
	if err := c.agent.Register(c.r.Context(), r); err != nil {
		return err
	}
	return c.json(http.StatusCreated, c.nodeBody(c.agent.Node()))
}

func (c *call) checkRegistration(organization string, r Registration) error {
	for _, name := range []struct{ input, value string }{
		{"device.id", r.ID}, {"device.organization", organization}, {"device.pattern", r.Pattern}, {"device.name", r.Name},
	} {
		if err := checkName(name.input, name.value); err != nil {
			return err
		}
	}
	switch {
	case r.Token == "":
		return &BadInput{"device.token", "a token is needed"}
	case organization != c.cfg.Organization:
		return &BadInput{"device.organization", "this is not the organization of the node"}
	case r.Pattern != "" && !c.agent.HasPattern(r.Pattern):
		return &BadInput{"device.pattern", "no rule mentions this pattern"}
	}
	for _, peer := range r.Join {
		host, port, err := net.SplitHostPort(peer)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || checkName("", host) != nil || host == "" {
			return &BadInput{"device.join", "join takes a list of host:port"}
		}
	}
	return nil
}

type tokenInput struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

func setToken(c *call) error {
	var in tokenInput
	if err := c.decode("device", &in); err != nil {
		return err
	}
	n := c.agent.Node()
	switch {
	case !n.Registered:
		return &NotRegistered{}
	case n.State != Configuring:
		return &WrongState{"the token can only be changed while the node is configuring; it is " + n.State.String()}
	case in.ID != "" && in.ID != n.ID:
		return &BadInput{"device.id", "this is not the id of the node"}
	case in.Token == "":
		return &BadInput{"device.token", "a token is needed"}
	}
	if err := c.agent.SetToken(c.r.Context(), in.Token); err != nil {
		return err
	}
	return c.json(http.StatusOK, c.nodeBody(c.agent.Node()))
}

func unregister(c *call) error {
	u := Unregistration{Block: true}
	for _, flag := range []struct {
		name  string
		value *bool
	}{{"block", &u.Block}, {"removeNode", &u.RemoveNode}, {"deepClean", &u.DeepClean}, {"stopAll", &u.StopAll}} {
		var err error
		if *flag.value, err = c.flag(flag.name, *flag.value); err != nil {
			return err
		}
	}
	n := c.agent.Node()
	switch {
	case !n.Registered:
		return &NotRegistered{}
	case n.State != Configuring && n.State != Configured:
		return &WrongState{"the node cannot be unregistered while it is " + n.State.String()}
	}
	if err := c.agent.Unregister(c.r.Context(), u); err != nil {
		return err
	}
	return c.nothing()
}

func (n Node) stateBody() stateBody {
	if !n.Registered {
		return stateBody{State: n.State.String()}
	}
	return stateBody{n.State.String(), &n.Updated}
}

func getState(c *call) error { return c.json(http.StatusOK, c.agent.Node().stateBody()) }

func setState(c *call) error {
	var in struct {
		State string `json:"state"`
	}
	if err := c.decode("configstate", &in); err != nil {
		return err
	}
	n := c.agent.Node()
	if !n.Registered {
		return &NotRegistered{}
	}
	wanted, err := ParseState(in.State)
	switch {
	case err != nil || wanted != Configuring && wanted != Configured:
		return &BadInput{"configstate.state", "Supported state values are configuring and configured"}
	case n.State == Unconfiguring:
		return &WrongState{"the node is being unregistered"}
	case wanted == n.State:
		return c.json(http.StatusCreated, n.stateBody())
	case wanted == Configuring:
		return &BadInput{"configstate.state", "a node that is configured cannot be configuring again"}
	}
	if err := c.agent.SetState(c.r.Context(), wanted); err != nil {
		return err
	}
	return c.json(http.StatusCreated, c.agent.Node().stateBody())
}
