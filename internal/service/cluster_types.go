package service

import (
	"math"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// stateHead are the first members of both state structures.
type stateHead struct {
	Identifier   string  `xmlrpc:"identifier"`
	Nick         string  `xmlrpc:"nick_identifier"`
	NowMonotonic float64 `xmlrpc:"now_monotonic"`
	StateCode    int     `xmlrpc:"fsm_statecode"`
	StateName    string  `xmlrpc:"fsm_statename"`
	Degraded     bool    `xmlrpc:"degraded_mode"`
	Discovery    bool    `xmlrpc:"discovery_mode"`
	Master       string  `xmlrpc:"master_identifier"`
}

// SupvisorsState is the answer of get_supvisors_state. The jobs are the identifiers of the instances that have some.
type SupvisorsState struct {
	stateHead
	Starting  []string `xmlrpc:"starting_jobs"`
	Stopping  []string `xmlrpc:"stopping_jobs"`
	Instances rpc.Map  `xmlrpc:"instance_states"`
}

// StateModes is the state of the cluster as one instance sees it.
type StateModes struct {
	stateHead
	Starting  bool    `xmlrpc:"starting_jobs"`
	Stopping  bool    `xmlrpc:"stopping_jobs"`
	Instances rpc.Map `xmlrpc:"instance_states"`
}

func (s *supvisors) head(n *cluster.InstanceView) stateHead {
	m := n.Modes
	return stateHead{Identifier: n.Identifier, Nick: n.Nick, NowMonotonic: s.mono(), StateCode: int(m.State),
		StateName: m.State.String(), Degraded: m.Degraded, Discovery: m.Discovery, Master: m.Master}
}

func (s *supvisors) mono() float64 { return s.node.Clock().Mono(time.Now()) }

func instanceStates(v *cluster.View, m cluster.Modes) rpc.Map {
	states := rpc.Map{}
	for _, n := range v.Instances {
		if state, ok := m.Instances[n.Identifier]; ok {
			states = append(states, rpc.Member{Name: n.Identifier, Value: state.String()})
		}
	}
	return states
}

// InstanceInfo is the answer of get_instance_info.
type InstanceInfo struct {
	Identifier    string  `xmlrpc:"identifier"`
	Nick          string  `xmlrpc:"nick_identifier"`
	NodeName      string  `xmlrpc:"node_name"`
	Port          int     `xmlrpc:"port"`
	StateCode     int     `xmlrpc:"statecode"`
	StateName     string  `xmlrpc:"statename"`
	Loading       int     `xmlrpc:"loading"`
	Failure       bool    `xmlrpc:"process_failure"`
	RemoteCounter int     `xmlrpc:"remote_sequence_counter"`
	RemoteTime    int     `xmlrpc:"remote_time"`
	RemoteMono    float64 `xmlrpc:"remote_mtime"`
	LocalCounter  int     `xmlrpc:"local_sequence_counter"`
	LocalTime     int     `xmlrpc:"local_time"`
	LocalMono     float64 `xmlrpc:"local_mtime"`
}

func (s *supvisors) instanceInfo(n *cluster.InstanceView) InstanceInfo {
	return InstanceInfo{
		Identifier: n.Identifier, Nick: n.Nick, NodeName: n.Host, Port: n.Port,
		StateCode: int(n.State), StateName: n.State.String(), Loading: n.Load, Failure: n.Failure,
		RemoteCounter: n.Tick.Counter, RemoteTime: capped(n.Tick.Wall), RemoteMono: n.Tick.Mono,
		LocalCounter: n.LocalTick.Counter, LocalTime: capped(node.Wall(n.TickAt)), LocalMono: s.node.Clock().Mono(n.TickAt),
	}
}

// capped keeps a time within the integers of XML-RPC, as Supervisor does.
func capped(seconds float64) int { return min(int(seconds), math.MaxInt32) }

// NetworkInfo is the answer of get_network_info.
type NetworkInfo struct {
	Identifier  string           `xmlrpc:"identifier"`
	Nick        string           `xmlrpc:"nick_identifier"`
	HostID      string           `xmlrpc:"host_id"`
	Port        int              `xmlrpc:"http_port"`
	Stereotypes []string         `xmlrpc:"stereotypes"`
	Network     *cluster.Network `xmlrpc:"network,omitempty"`
}

// ApplicationInfo is the answer of get_application_info.
type ApplicationInfo struct {
	Name         string  `xmlrpc:"application_name"`
	Managed      bool    `xmlrpc:"managed"`
	NowMonotonic float64 `xmlrpc:"now_monotonic"`
	StateCode    int     `xmlrpc:"statecode"`
	StateName    string  `xmlrpc:"statename"`
	Major        bool    `xmlrpc:"major_failure"`
	Minor        bool    `xmlrpc:"minor_failure"`
}

func (s *supvisors) applicationInfo(a *cluster.ApplicationView) ApplicationInfo {
	return ApplicationInfo{Name: a.Name, Managed: a.Rules.Managed, NowMonotonic: s.mono(), StateCode: int(a.State),
		StateName: a.State.String(), Major: a.Major, Minor: a.Minor}
}

// UnmanagedRules is the answer of get_application_rules about an application that no rules file knows.
type UnmanagedRules struct {
	Name    string `xmlrpc:"application_name"`
	Managed bool   `xmlrpc:"managed"`
}

// ApplicationRules is the answer of get_application_rules.
type ApplicationRules struct {
	UnmanagedRules
	Distribution     string   `xmlrpc:"distribution"`
	Identifiers      []string `xmlrpc:"identifiers"`
	StartSequence    int      `xmlrpc:"start_sequence"`
	StopSequence     int      `xmlrpc:"stop_sequence"`
	StartingStrategy string   `xmlrpc:"starting_strategy"`
	StartingFailure  string   `xmlrpc:"starting_failure_strategy"`
	RunningFailure   string   `xmlrpc:"running_failure_strategy"`
	Formula          string   `xmlrpc:"status_formula"`
}

// RulesOf returns the rules of an application and of its processes as get_application_rules and get_process_rules answer them; false when
// it is unknown.
func RulesOf(v *cluster.View, application string) (any, bool) {
	app := v.Application(application)
	if app == nil {
		return nil, false
	}
	processes := make([]ProcessRules, len(app.Processes))
	for i, p := range app.Processes {
		processes[i] = processRules(p)
	}
	return rpc.Map{{Name: "application", Value: applicationRules(app)}, {Name: "processes", Value: processes}}, true
}

func applicationRules(a *cluster.ApplicationView) any {
	head := UnmanagedRules{Name: a.Name, Managed: a.Rules.Managed}
	if !a.Rules.Managed {
		return head
	}
	r := ApplicationRules{UnmanagedRules: head, Distribution: a.Rules.Distribution.String(), Identifiers: a.Identifiers,
		StartSequence: a.Rules.StartSequence, StopSequence: a.Rules.StopSequence,
		StartingStrategy: a.Rules.StartingStrategy.String(), StartingFailure: a.Rules.StartingFailure.String(),
		RunningFailure: a.Rules.RunningFailure.String()}
	if a.Rules.Formula != nil {
		r.Formula = a.Rules.Formula.String()
	}
	return r
}

// ClusterProcessInfo is the answer of supvisors.get_process_info.
type ClusterProcessInfo struct {
	Application  string   `xmlrpc:"application_name"`
	Name         string   `xmlrpc:"process_name"`
	NowMonotonic float64  `xmlrpc:"now_monotonic"`
	StateCode    int      `xmlrpc:"statecode"`
	StateName    string   `xmlrpc:"statename"`
	Expected     bool     `xmlrpc:"expected_exit"`
	LastEvent    float64  `xmlrpc:"last_event_mtime"`
	Identifiers  []string `xmlrpc:"identifiers"`
	ExtraArgs    string   `xmlrpc:"extra_args"`
}

func (s *supvisors) processInfo(p *cluster.ProcessView) ClusterProcessInfo {
	return ClusterProcessInfo{Application: p.Namespec.Group, Name: p.Namespec.Process, NowMonotonic: s.mono(),
		StateCode: int(p.Shown), StateName: p.Shown.String(), Expected: p.Expected, LastEvent: s.node.Clock().Mono(p.Heard),
		Identifiers: p.Running, ExtraArgs: p.ExtraArgs}
}

// ProcessRules is the answer of get_process_rules.
type ProcessRules struct {
	Application     string   `xmlrpc:"application_name"`
	Name            string   `xmlrpc:"process_name"`
	Identifiers     []string `xmlrpc:"identifiers"`
	StartSequence   int      `xmlrpc:"start_sequence"`
	StopSequence    int      `xmlrpc:"stop_sequence"`
	Required        bool     `xmlrpc:"required"`
	WaitExit        bool     `xmlrpc:"wait_exit"`
	ExpectedLoading int      `xmlrpc:"expected_loading"`
	StartingFailure string   `xmlrpc:"starting_failure_strategy"`
	RunningFailure  string   `xmlrpc:"running_failure_strategy"`
}

func processRules(p *cluster.ProcessView) ProcessRules {
	r := p.Rules
	return ProcessRules{Application: p.Namespec.Group, Name: p.Namespec.Process, Identifiers: p.Identifiers,
		StartSequence: r.StartSequence, StopSequence: r.StopSequence, Required: r.Required, WaitExit: r.WaitExit,
		ExpectedLoading: r.ExpectedLoad, StartingFailure: r.StartingFailure.String(), RunningFailure: r.RunningFailure.String()}
}

// LocalProcessInfo is the answer of get_local_process_info.
type LocalProcessInfo struct {
	Name         string  `xmlrpc:"name"`
	Group        string  `xmlrpc:"group"`
	State        int     `xmlrpc:"state"`
	StateName    string  `xmlrpc:"statename"`
	Start        int     `xmlrpc:"start"`
	Stop         int     `xmlrpc:"stop"`
	Now          int     `xmlrpc:"now"`
	PID          int     `xmlrpc:"pid"`
	Description  string  `xmlrpc:"description"`
	SpawnErr     string  `xmlrpc:"spawnerr"`
	Expected     bool    `xmlrpc:"expected"`
	StartMono    float64 `xmlrpc:"start_monotonic"`
	StopMono     float64 `xmlrpc:"stop_monotonic"`
	NowMono      float64 `xmlrpc:"now_monotonic"`
	ExtraArgs    string  `xmlrpc:"extra_args"`
	StartSecs    int     `xmlrpc:"startsecs"`
	StopWaitSecs int     `xmlrpc:"stopwaitsecs"`
	Index        int     `xmlrpc:"process_index"`
	Program      string  `xmlrpc:"program_name"`
	Disabled     bool    `xmlrpc:"disabled"`
	HasStdout    bool    `xmlrpc:"has_stdout"`
	HasStderr    bool    `xmlrpc:"has_stderr"`
}

// localInfo shows a process of an instance at a moment of that instance's clocks.
func localInfo(p *cluster.ProcessInfo, wall, mono float64) LocalProcessInfo {
	return LocalProcessInfo{Name: p.Name, Group: p.Group, State: int(p.State), StateName: p.State.String(),
		Start: capped(p.Start), Stop: capped(p.Stop), Now: capped(wall), PID: p.PID, Description: describe(p, wall),
		SpawnErr: p.SpawnErr, Expected: p.Expected, StartMono: p.StartMono, StopMono: p.StopMono, NowMono: mono,
		ExtraArgs: p.ExtraArgs, StartSecs: p.StartSecs, StopWaitSecs: p.StopWaitSecs, Index: p.Index, Program: p.Program,
		Disabled: p.Disabled, HasStdout: p.HasStdout, HasStderr: p.HasStderr}
}

// describe returns Supervisor's description of a process of any instance.
func describe(p *cluster.ProcessInfo, wall float64) string {
	info := process.Info{State: p.State, PID: p.PID, Start: fromWall(p.Start), Stop: fromWall(p.Stop), SpawnErr: p.SpawnErr}
	return info.Description(fromWall(wall), time.Local)
}

func fromWall(seconds float64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(seconds * 1e6))
}

// InnerProcessInfo is the answer of get_inner_process_info.
type InnerProcessInfo struct {
	LocalProcessInfo
	LocalMono  float64 `xmlrpc:"local_mtime"`
	EventTime  float64 `xmlrpc:"event_time"`
	Uptime     float64 `xmlrpc:"uptime"`
	HasCrashed bool    `xmlrpc:"has_crashed"`
}

// innerInfo shows what the cluster knows about a process of an instance, as of the last tick of that instance.
func (s *supvisors) innerInfo(n *cluster.InstanceView, p *cluster.ProcessView, info *cluster.ProcessInfo) InnerProcessInfo {
	now := *info
	now.Now, now.NowMono = max(info.Now, n.Tick.Wall), max(info.NowMono, n.Tick.Mono)
	return InnerProcessInfo{LocalProcessInfo: localInfo(&now, now.Now, now.NowMono), LocalMono: s.node.Clock().Mono(p.Heard),
		EventTime: info.NowMono, Uptime: now.Uptime(), HasCrashed: info.HasCrashed}
}

// Prediction is one line of the answer of the test_start methods.
type Prediction struct {
	Application string   `xmlrpc:"application_name"`
	Name        string   `xmlrpc:"process_name"`
	State       string   `xmlrpc:"state"`
	Reason      string   `xmlrpc:"forced_reason"`
	Identifiers []string `xmlrpc:"running_identifiers"`
}

// Strategies is the answer of get_strategies.
type Strategies struct {
	AutoFencing  bool   `xmlrpc:"auto-fencing"`
	Starting     string `xmlrpc:"starting"`
	Conciliation string `xmlrpc:"conciliation"`
	Failure      string `xmlrpc:"supvisors_failure"`
}

// MasterIdentifier is the answer of get_master_identifier when there is a Master.
type MasterIdentifier struct {
	Identifier string `xmlrpc:"identifier"`
	Nick       string `xmlrpc:"nick_identifier"`
}
