package cluster

import (
	"maps"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/process"
)

// Identity is who a node is: what supvisors_list says of it, and what it says of itself once it was met.
type Identity struct {
	Identifier  string   `json:"identifier"` // host:port
	Nick        string   `json:"nick"`
	Host        string   `json:"host"`
	Port        int      `json:"port"`
	Stereotypes []string `json:"stereotypes,omitempty"`
	// Machine tells which nodes share a host; their loads add up. Empty until the node was met.
	Machine string `json:"machine,omitempty"`
	// Network is what get_network_info answers about the node; the core only carries it. nil until the node was met.
	Network *Network `json:"network,omitempty"`
}

// Network describes the host of a node, as the node itself sees it.
type Network struct {
	MachineID string             `json:"machine_id" xmlrpc:"machine_id"` // hardware address of its first interface with an address
	FQDN      string             `json:"fqdn" xmlrpc:"fqdn"`
	Addresses map[string]Address `json:"addresses" xmlrpc:"addresses"` // by name of the interface, loopback left out
}

// Address is what one network interface is known as.
type Address struct {
	HostName string   `json:"host_name" xmlrpc:"host_name"`
	Aliases  []string `json:"aliases" xmlrpc:"aliases"`
	IPv4     []string `json:"ipv4_addresses" xmlrpc:"ipv4_addresses"`
	NIC      NIC      `json:"nic_info" xmlrpc:"nic_info"`
}

// NIC is one network interface.
type NIC struct {
	Name    string `json:"nic_name" xmlrpc:"nic_name"`
	Address string `json:"ipv4_address" xmlrpc:"ipv4_address"`
	Netmask string `json:"netmask" xmlrpc:"netmask"`
}

// Modes is the state of the cluster as one node sees it, and what it is busy with (Supvisors' state and modes). Its map and
// its list are never changed, only replaced: Views, Reports and Deltas share it.
type Modes struct {
	State     State                    `json:"state"`
	Degraded  bool                     `json:"degraded,omitempty"`
	Discovery bool                     `json:"discovery,omitempty"`
	Master    string                   `json:"master,omitempty"`
	Starting  bool                     `json:"starting,omitempty"`
	Stopping  bool                     `json:"stopping,omitempty"`
	Term      uint64                   `json:"term"`
	Instances map[string]InstanceState `json:"instances,omitempty"`
	// Lost are the processes that went down with their node and that no Master has taken care of yet. A new Master may not have seen
	// them: it may be the node that was lost, back again.
	Lost []process.Namespec `json:"lost,omitempty"`
}

// with returns the Modes that show one instance in another state.
func (m Modes) with(identifier string, s InstanceState) Modes {
	instances := make(map[string]InstanceState, len(m.Instances)+1)
	maps.Copy(instances, m.Instances)
	instances[identifier] = s
	m.Instances = instances
	return m
}

// without returns the Modes that do not show an instance.
func (m Modes) without(identifier string) Modes {
	m.Instances = maps.Clone(m.Instances)
	delete(m.Instances, identifier)
	return m
}

// Tick is the heartbeat that clients can see: a counter and two clocks of the node that sent it.
type Tick struct {
	Counter int     `json:"counter"`
	Wall    float64 `json:"wall"` // seconds since the Epoch
	Mono    float64 `json:"mono"` // seconds of the node's monotonic clock
}

// ProcessInfo is all that a node tells about one of its processes. Times are seconds: Start, Stop and Now since the Epoch, the
// …Mono ones of the node's monotonic clock.
type ProcessInfo struct {
	Group   string        `json:"group"`
	Name    string        `json:"name"`
	Program string        `json:"program"`
	Index   int           `json:"index,omitempty"`
	State   process.State `json:"state"`
	PID     int           `json:"pid,omitempty"`

	Start     float64 `json:"start,omitempty"`
	Stop      float64 `json:"stop,omitempty"`
	Now       float64 `json:"now"` // when the node said this
	StartMono float64 `json:"start_mono,omitempty"`
	StopMono  float64 `json:"stop_mono,omitempty"`
	NowMono   float64 `json:"now_mono"`

	Expected   bool   `json:"expected,omitempty"`
	SpawnErr   string `json:"spawnerr,omitempty"`
	How        string `json:"how,omitempty"` // how its last child ended: "exit status 3"
	ExtraArgs  string `json:"extra_args,omitempty"`
	HasCrashed bool   `json:"has_crashed,omitempty"`
	Disabled   bool   `json:"disabled,omitempty"`

	StartSecs    int  `json:"startsecs"`
	StopWaitSecs int  `json:"stopwaitsecs"`
	HasStdout    bool `json:"stdout,omitempty"`
	HasStderr    bool `json:"stderr,omitempty"`
}

// Namespec returns the name of the process.
func (p *ProcessInfo) Namespec() process.Namespec {
	return process.Namespec{Group: p.Group, Process: p.Name}
}

// Uptime returns how long the process had been up when the node last said so.
func (p *ProcessInfo) Uptime() float64 {
	if p.State == process.Running || p.State == process.Stopping {
		return p.NowMono - p.StartMono
	}
	return 0
}

// crashed reports whether the process ended in a way that nobody wanted.
func (p *ProcessInfo) crashed() bool {
	return p.State == process.Fatal || p.State == process.Exited && !p.Expected
}

// Forced is a state that a node shows for a process because an order about it came to nothing: no node could take it, or the
// expected event did not come in time. It lasts until the process is heard of again.
type Forced struct {
	Namespec process.Namespec `json:"namespec"`
	State    process.State    `json:"state"` // FATAL for a start, STOPPED for a stop, UNKNOWN withdraws it
	Reason   string           `json:"reason"`
	Since    float64          `json:"since"` // seconds since the Epoch
}

// Consistent holds the options that must be the same on all nodes (Supvisors compares its strategies).
type Consistent struct {
	AutoFence    bool   `json:"auto_fence"`
	Starting     string `json:"starting_strategy"`
	Conciliation string `json:"conciliation_strategy"`
	Failure      string `json:"supvisors_failure_strategy"`
}

// Report is everything that a node tells the others about itself. It is sent whole when a peer connects, then kept up to date by
// deltas numbered from Seq+1 on. Epoch identifies one run of the node.
type Report struct {
	Identity   Identity      `json:"identity"`
	Epoch      string        `json:"epoch"`
	Seq        uint64        `json:"seq"`
	Consistent Consistent    `json:"options"`
	Modes      Modes         `json:"modes"`
	Tick       Tick          `json:"tick"`
	Processes  []ProcessInfo `json:"processes"`
	Forced     []Forced      `json:"forced,omitempty"`
	Locks      []string      `json:"locks,omitempty"` // applications that hold an update lock there
	Standing   Standing      `json:"standing,omitempty"`
}

// Delta is one change of a Report: exactly one of its fields is set.
type Delta struct {
	Modes *Modes `json:"modes,omitempty"`
	// Instance is all that has changed in the Modes. When many nodes find each other, they would not say much else to each other.
	Instance *SeenInstance `json:"instance,omitempty"`

	Tick    *Tick             `json:"tick,omitempty"`
	Process *ProcessInfo      `json:"process,omitempty"` // added, changed, enabled or disabled
	Removed *process.Namespec `json:"removed,omitempty"`
	Forced  *Forced           `json:"forced,omitempty"`
	Locks   *[]string         `json:"locks,omitempty"`

	Standing *Standing `json:"standing,omitempty"`
}

// SeenInstance is the state of one instance as a node sees it.
type SeenInstance struct {
	Identifier string        `json:"identifier"`
	State      InstanceState `json:"state"`
}

// ModesAfter returns the Modes of a node, which were old, after the Delta; ok is false when it does not change them.
func (d *Delta) ModesAfter(old Modes) (m Modes, ok bool) {
	switch {
	case d.Modes != nil:
		return *d.Modes, true
	case d.Instance != nil:
		return old.with(d.Instance.Identifier, d.Instance.State), true
	}
	return old, false
}

// changeOfModes returns the Delta that tells that the Modes were a and are b; ok is false when they are the same.
func changeOfModes(a, b *Modes) (d Delta, ok bool) {
	whole := a.State != b.State || a.Degraded != b.Degraded || a.Discovery != b.Discovery || a.Master != b.Master ||
		a.Starting != b.Starting || a.Stopping != b.Stopping || a.Term != b.Term || len(a.Instances) != len(b.Instances) ||
		!slices.Equal(a.Lost, b.Lost)
	var seen *SeenInstance
	for id, s := range b.Instances {
		if old, known := a.Instances[id]; !known || old != s {
			whole = whole || !known || seen != nil
			seen = &SeenInstance{id, s}
		}
	}
	if whole {
		sent := *b
		return Delta{Modes: &sent}, true
	}
	return Delta{Instance: seen}, seen != nil
}

// seconds returns a duration as the number that Supvisors' wires carry.
func seconds(d time.Duration) float64 { return d.Seconds() }
