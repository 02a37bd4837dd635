package service

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
)

// statusMethods returns the rows that only look.
func (s *supvisors) statusMethods() []rpc.Method {
	array := func(doc string, t any) rpc.Result { return rpc.Result{Kind: rpc.Array, Doc: doc, Type: t} }
	strct := func(doc string, t any) rpc.Result { return rpc.Result{Kind: rpc.Struct, Doc: doc, Type: t} }
	return []rpc.Method{
		{Name: "supvisors.get_api_version", Doc: "Get the version of the supvisors interface.",
			Result: rpc.Result{Kind: rpc.String, Doc: "the version", Type: ""},
			Fn:     func(context.Context, rpc.Args) (any, error) { return apiVersion, nil }},
		{Name: "supvisors.get_supvisors_state", Doc: "Get the state of Supvisors and what it is busy with.",
			Result: strct("state and modes", SupvisorsState{}), Fn: s.getState},
		{Name: "supvisors.get_all_instances_state_modes", Doc: "Get state and modes as each instance sees them, sorted by identifier.",
			Result: array("state and modes of each instance", []StateModes(nil)), Fn: s.getAllStateModes},
		{Name: "supvisors.get_instance_state_modes", Doc: "Get state and modes as some instances see them.",
			Params: []rpc.Param{identifierParam}, Result: array("state and modes", []StateModes(nil)), Fn: s.getStateModes},
		{Name: "supvisors.get_master_identifier", Doc: "Get the Master, nothing when there is none.",
			Result: rpc.Result{Kind: rpc.Struct, Doc: "identifier and nick of the Master", Type: MasterIdentifier{}, Or: rpc.Map(nil)}, Fn: s.getMaster},
		{Name: "supvisors.get_core_identifiers", Doc: "Get the instances that core_identifiers names.",
			Result: array("identifiers", []string(nil)), Fn: s.getCore},
		{Name: "supvisors.get_strategies", Doc: "Get the strategies that are applied by default.",
			Result: strct("auto-fencing, starting, conciliation and supvisors_failure", Strategies{}), Fn: s.getStrategies},
		{Name: "supvisors.get_all_instances_info", Doc: "Get information about all instances, sorted by identifier.",
			Result: array("information about each instance", []InstanceInfo(nil)), Fn: s.getAllInstances},
		{Name: "supvisors.get_instance_info", Doc: "Get information about some instances.",
			Params: []rpc.Param{identifierParam}, Result: array("information about each", []InstanceInfo(nil)), Fn: s.getInstance},
		{Name: "supvisors.get_network_info", Doc: "Get the network interfaces of an instance.",
			Params: []rpc.Param{identifierParam}, Result: strct("identity and network", NetworkInfo{}), Fn: s.getNetwork},
		{Name: "supvisors.get_all_applications_info", Doc: "Get information about all applications.", Bulk: true,
			Result: array("information about each application", []ApplicationInfo(nil)), Fn: s.getAllApplications},
		{Name: "supvisors.get_application_info", Doc: "Get information about an application.",
			Params: []rpc.Param{applicationParam}, Result: strct("its state", ApplicationInfo{}), Fn: s.getApplication},
		{Name: "supvisors.get_application_rules", Doc: "Get the rules of an application.",
			Params: []rpc.Param{applicationParam}, Result: rpc.Result{Kind: rpc.Struct, Doc: "its rules", Type: ApplicationRules{}, Or: UnmanagedRules{}}, Fn: s.getApplicationRules},
		{Name: "supvisors.get_all_process_info", Doc: "Get information about all processes of the cluster.", Bulk: true,
			Result: array("information about each process", []ClusterProcessInfo(nil)), Fn: s.getAllProcesses},
		{Name: "supvisors.get_process_info", Doc: "Get information about a process or a group.",
			Params: []rpc.Param{namespecParam}, Result: array("information about each", []ClusterProcessInfo(nil)), Fn: s.getProcess},
		{Name: "supvisors.get_process_rules", Doc: "Get the rules of a process or a group.",
			Params: []rpc.Param{namespecParam}, Result: array("the rules of each", []ProcessRules(nil)), Fn: s.getProcessRules},
		{Name: "supvisors.get_conflicts", Doc: "Get the processes of managed applications that run on several instances.",
			Result: array("information about each", []ClusterProcessInfo(nil)), Fn: s.getConflicts},
		{Name: "supvisors.get_all_local_process_info", Doc: "Get information about the processes of this instance.", Bulk: true,
			Result: array("information about each", []LocalProcessInfo(nil)), Fn: s.getAllLocal},
		{Name: "supvisors.get_local_process_info", Doc: "Get information about a process of this instance.",
			Params: []rpc.Param{namespecParam}, Result: strct("information about it", LocalProcessInfo{}), Fn: s.getLocal},
		{Name: "supvisors.get_all_inner_process_info", Doc: "Get what this instance knows about the processes of another one.", Bulk: true,
			Params: []rpc.Param{identifierParam}, Result: array("information about each", []InnerProcessInfo(nil)), Fn: s.getAllInner},
		{Name: "supvisors.get_inner_process_info", Doc: "Get what this instance knows about some processes of another one.",
			Params: []rpc.Param{identifierParam, namespecParam},
			Result: array("information about each", []InnerProcessInfo(nil)), Fn: s.getInner},
	}
}

func (s *supvisors) getState(context.Context, rpc.Args) (any, error) {
	return s.state(s.node.View()), nil
}

func (s *supvisors) state(v *cluster.View) SupvisorsState {
	state := SupvisorsState{stateHead: s.head(v.Self), Starting: []string{}, Stopping: []string{}, Instances: instanceStates(v, v.Self.Modes)}
	for _, n := range v.Instances {
		if n.Modes.Starting {
			state.Starting = append(state.Starting, n.Identifier)
		}
		if n.Modes.Stopping {
			state.Stopping = append(state.Stopping, n.Identifier)
		}
	}
	return state
}

func (s *supvisors) stateModes(list []*cluster.InstanceView) []StateModes {
	v := s.node.View()
	modes := make([]StateModes, len(list))
	for i, n := range list {
		modes[i] = StateModes{stateHead: s.head(n), Starting: n.Modes.Starting, Stopping: n.Modes.Stopping,
			Instances: instanceStates(v, n.Modes)}
	}
	return modes
}

func byIdentifier(list []*cluster.InstanceView) []*cluster.InstanceView {
	return slices.SortedFunc(slices.Values(list), func(a, b *cluster.InstanceView) int {
		return strings.Compare(a.Identifier, b.Identifier)
	})
}

func (s *supvisors) getAllStateModes(context.Context, rpc.Args) (any, error) {
	return s.stateModes(byIdentifier(s.node.View().Instances)), nil
}

func (s *supvisors) getStateModes(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.resolve(args.String(0))
	return s.stateModes(list), err
}

func (s *supvisors) getMaster(context.Context, rpc.Args) (any, error) {
	if m := s.node.View().Master(); m != nil {
		return MasterIdentifier{m.Identifier, m.Nick}, nil
	}
	return rpc.Map{}, nil
}

func (s *supvisors) getCore(context.Context, rpc.Args) (any, error) {
	list := []string{}
	for _, name := range s.options.Core {
		for _, n := range s.node.View().Resolve(name) {
			if !slices.Contains(list, n.Identifier) {
				list = append(list, n.Identifier)
			}
		}
	}
	return list, nil
}

func (s *supvisors) getStrategies(context.Context, rpc.Args) (any, error) {
	return Strategies{AutoFencing: s.options.AutoFence, Starting: s.options.Starting.String(),
		Conciliation: s.options.Conciliation.String(), Failure: s.options.Failure.String()}, nil
}

func (s *supvisors) instances(list []*cluster.InstanceView) []InstanceInfo {
	infos := make([]InstanceInfo, len(list))
	for i, n := range list {
		infos[i] = s.instanceInfo(n)
	}
	return infos
}

func (s *supvisors) getAllInstances(context.Context, rpc.Args) (any, error) {
	return s.instances(byIdentifier(s.node.View().Instances)), nil
}

func (s *supvisors) getInstance(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.resolve(args.String(0))
	return s.instances(list), err
}

func (s *supvisors) getNetwork(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.resolve(args.String(0))
	if err != nil {
		return nil, err
	}
	n := list[0]
	info := NetworkInfo{Identifier: n.Identifier, Nick: n.Nick, HostID: n.Host, Port: n.Port, Stereotypes: n.Stereotypes, Network: n.Network}
	if info.Stereotypes == nil {
		info.Stereotypes = []string{}
	}
	return info, nil
}

// applications returns the View when the cluster is in a state in which applications are known.
func (s *supvisors) known() (*cluster.View, error) {
	v := s.node.View()
	return v, v.CheckFromDistribution()
}

func (s *supvisors) application(name string) (*cluster.ApplicationView, error) {
	v, err := s.known()
	if err != nil {
		return nil, err
	}
	return findApplication(v, name)
}

func findApplication(v *cluster.View, name string) (*cluster.ApplicationView, error) {
	if app := v.Application(name); app != nil {
		return app, nil
	}
	return nil, rpc.NewFault(rpc.BadName, "application="+name+" unknown to Supvisors")
}

// processes returns the processes that a namespec names.
func findProcesses(v *cluster.View, namespec string) ([]*cluster.ProcessView, error) {
	ns := process.ParseNamespec(namespec)
	app, err := findApplication(v, ns.Group)
	if err != nil {
		return nil, err
	}
	if ns.WholeGroup() {
		return app.Processes, nil
	}
	p := app.Process(ns.Process)
	if p == nil {
		return nil, rpc.NewFault(rpc.BadName, "process="+ns.Process+" unknown in application="+ns.Group)
	}
	return []*cluster.ProcessView{p}, nil
}

func (s *supvisors) processes(namespec string) ([]*cluster.ProcessView, error) {
	v, err := s.known()
	if err != nil {
		return nil, err
	}
	return findProcesses(v, namespec)
}

func (s *supvisors) getAllApplications(context.Context, rpc.Args) (any, error) {
	v, err := s.known()
	infos := []ApplicationInfo{}
	for _, app := range v.Applications {
		infos = append(infos, s.applicationInfo(app))
	}
	return infos, err
}

func (s *supvisors) getApplication(_ context.Context, args rpc.Args) (any, error) {
	app, err := s.application(args.String(0))
	if err != nil {
		return nil, err
	}
	return s.applicationInfo(app), nil
}

func (s *supvisors) getApplicationRules(_ context.Context, args rpc.Args) (any, error) {
	app, err := s.application(args.String(0))
	if err != nil {
		return nil, err
	}
	return applicationRules(app), nil
}

func (s *supvisors) processInfos(list []*cluster.ProcessView) []ClusterProcessInfo {
	infos := make([]ClusterProcessInfo, len(list))
	for i, p := range list {
		infos[i] = s.processInfo(p)
	}
	return infos
}

func (s *supvisors) getAllProcesses(context.Context, rpc.Args) (any, error) {
	v, err := s.known()
	infos := []ClusterProcessInfo{}
	for _, app := range v.Applications {
		infos = append(infos, s.processInfos(app.Processes)...)
	}
	return infos, err
}

func (s *supvisors) getProcess(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.processes(args.String(0))
	return s.processInfos(list), err
}

func (s *supvisors) getProcessRules(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.processes(args.String(0))
	all := make([]ProcessRules, len(list))
	for i, p := range list {
		all[i] = processRules(p)
	}
	return all, err
}

func (s *supvisors) getConflicts(context.Context, rpc.Args) (any, error) {
	v, err := s.known()
	return s.processInfos(v.Conflicts()), err
}

// local shows a process of this instance now. Its extra arguments are those of the cluster: they are shared.
func (s *supvisors) local(p *cluster.ProcessView, info *cluster.ProcessInfo) LocalProcessInfo {
	now := time.Now()
	shown := localInfo(info, node.Wall(now), s.node.Clock().Mono(now))
	shown.ExtraArgs = p.ExtraArgs
	return shown
}

func (s *supvisors) getAllLocal(context.Context, rpc.Args) (any, error) {
	v := s.node.View()
	infos := []LocalProcessInfo{}
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			if info := p.At(v.Self.Identifier); info != nil {
				infos = append(infos, s.local(p, info))
			}
		}
	}
	return infos, nil
}

func (s *supvisors) getLocal(_ context.Context, args rpc.Args) (any, error) {
	v := s.node.View()
	ns := process.ParseNamespec(args.String(0))
	if app := v.Application(ns.Group); app != nil {
		if p := app.Process(ns.Process); p != nil && p.At(v.Self.Identifier) != nil {
			return s.local(p, p.At(v.Self.Identifier)), nil
		}
	}
	return nil, rpc.NewFault(rpc.BadName, args.String(0))
}

func (s *supvisors) getAllInner(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.resolve(args.String(0))
	infos := []InnerProcessInfo{}
	for _, n := range list {
		for _, app := range s.node.View().Applications {
			for _, p := range app.Processes {
				if info := p.At(n.Identifier); info != nil {
					infos = append(infos, s.innerInfo(n, p, info))
				}
			}
		}
	}
	return infos, err
}

func (s *supvisors) getInner(_ context.Context, args rpc.Args) (any, error) {
	list, err := s.resolve(args.String(0))
	if err != nil {
		return nil, err
	}
	procs, err := findProcesses(s.node.View(), args.String(1))
	if err != nil {
		return nil, err
	}
	whole := process.ParseNamespec(args.String(1)).WholeGroup()
	infos := []InnerProcessInfo{}
	for _, n := range list {
		for _, p := range procs {
			info := p.At(n.Identifier)
			if info == nil && !whole {
				return nil, rpc.NewFault(rpc.Failed, args.String(1)+" unknown on "+args.String(0))
			}
			if info != nil {
				infos = append(infos, s.innerInfo(n, p, info))
			}
		}
	}
	return infos, nil
}
