package service

import (
	"context"
	"fmt"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// actionMethods returns the rows that ask the cluster to do something.
func (s *supvisors) actionMethods() []rpc.Method {
	predicted := rpc.Result{Kind: rpc.Array, Doc: "where each process would run", Type: []Prediction(nil)}
	return []rpc.Method{
		{Name: "supvisors.start_application", Doc: "Start a managed application by its start sequence.", Access: rpc.Act,
			Params: []rpc.Param{strategyParam, applicationParam, waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := startingStrategy(a.Value(0))
				return s.ask(ctx, cluster.StartApplication{Strategy: strategy, Name: a.String(1), Wait: a.Bool(2)}, err)
			}},
		{Name: "supvisors.stop_application", Doc: "Stop a managed application by its stop sequence.", Access: rpc.Act,
			Params: []rpc.Param{applicationParam, waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return s.ask(ctx, cluster.StopApplication{Name: a.String(0), Wait: a.Bool(1)}, nil)
			}},
		{Name: "supvisors.restart_application", Doc: "Stop an application, then start it.", Access: rpc.Act,
			Params: []rpc.Param{strategyParam, applicationParam, waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := startingStrategy(a.Value(0))
				return s.ask(ctx, cluster.RestartApplication{Strategy: strategy, Name: a.String(1), Wait: a.Bool(2)}, err)
			}},
		{Name: "supvisors.start_process", Doc: "Start a process, or all of a group, on the instances that the strategy chooses.", Access: rpc.Act,
			Params: []rpc.Param{strategyParam, namespecParam, argsParam, waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := startingStrategy(a.Value(0))
				return s.ask(ctx, cluster.StartProcesses{Strategy: strategy, Namespec: a.String(1), ExtraArgs: a.String(2), Wait: a.Bool(3)}, err)
			}},
		{Name: "supvisors.start_any_process", Doc: "Start one of the stopped processes whose namespec matches a regular expression.", Access: rpc.Act,
			Params: []rpc.Param{strategyParam, {Name: "regex", Kind: rpc.String, Doc: "regular expression to be found in the namespec"}, argsParam, waitParam},
			Result: rpc.Result{Kind: rpc.String, Doc: "namespec of the process that was started", Type: ""}, Fn: s.startAny},
		{Name: "supvisors.stop_process", Doc: "Stop a process, or all of a group, wherever it runs.", Access: rpc.Act,
			Params: []rpc.Param{namespecParam, waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return s.ask(ctx, cluster.StopProcesses{Namespec: a.String(0), Wait: a.Bool(1)}, nil)
			}},
		{Name: "supvisors.restart_process", Doc: "Stop a process, or all of a group, then start it where the strategy says.", Access: rpc.Act,
			Params: []rpc.Param{strategyParam, namespecParam, argsParam, waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := startingStrategy(a.Value(0))
				return s.ask(ctx, cluster.RestartProcesses{Strategy: strategy, Namespec: a.String(1), ExtraArgs: a.String(2), Wait: a.Bool(3)}, err)
			}},
		{Name: "supvisors.test_start_application", Doc: "Predict where the processes of an application would be started.",
			Params: []rpc.Param{strategyParam, applicationParam}, Result: predicted,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := startingStrategy(a.Value(0))
				return s.predict(ctx, cluster.TestStartApplication{Strategy: strategy, Name: a.String(1)}, err)
			}},
		{Name: "supvisors.test_start_process", Doc: "Predict where a process, or those of a group, would be started.",
			Params: []rpc.Param{strategyParam, namespecParam}, Result: predicted,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := startingStrategy(a.Value(0))
				return s.predict(ctx, cluster.TestStartProcess{Strategy: strategy, Namespec: a.String(1)}, err)
			}},
		{Name: "supvisors.conciliate", Doc: "Apply a conciliation strategy to the conflicts.", Access: rpc.Act,
			Params: []rpc.Param{{Name: "strategy", Kind: rpc.Any, Word: "string", Values: words(rules.ConciliationRunningFailure),
				Doc: "what becomes of the conflicts, by name or number"}},
			Result: rpc.Result{Kind: rpc.Boolean, Doc: "false when the strategy is USER", Type: false},
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				strategy, err := conciliationStrategy(a.Value(0))
				return s.ask(ctx, cluster.Conciliate{Strategy: strategy}, err)
			}},
		{Name: "supvisors.restart_sequence", Doc: "Start all applications by their start sequences again.", Access: rpc.Act,
			Params: []rpc.Param{waitParam}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return s.ask(ctx, cluster.RestartSequence{Wait: a.Bool(0)}, nil)
			}},
		{Name: "supvisors.end_sync", Doc: "End the synchronization, with a Master or by an election.", Access: rpc.Admin,
			Params: []rpc.Param{{Name: "master", Kind: rpc.String, Optional: true, Default: "", Doc: "identifier or nick of the Master"}}, Result: always,
			Fn: func(ctx context.Context, a rpc.Args) (any, error) {
				return s.ask(ctx, cluster.EndSync{Master: a.String(0)}, nil)
			}},
		{Name: "supvisors.restart", Doc: "Stop all applications and restart all instances.", Access: rpc.Admin, Result: always,
			Fn: func(ctx context.Context, _ rpc.Args) (any, error) { return s.ask(ctx, cluster.Restart{}, nil) }},
		{Name: "supvisors.shutdown", Doc: "Stop all applications and shut all instances down.", Access: rpc.Admin, Result: always,
			Fn: func(ctx context.Context, _ rpc.Args) (any, error) { return s.ask(ctx, cluster.Shutdown{}, nil) }},
	}
}

// searchTime is how long one start_any_process may look for its pattern in all namespecs together: the cluster waits for it.
const searchTime = 200 * time.Millisecond

func (s *supvisors) startAny(ctx context.Context, a rpc.Args) (any, error) {
	request := cluster.StartAny{Regex: a.String(1), ExtraArgs: a.String(2), Wait: a.Bool(3)}
	strategy, err := startingStrategy(a.Value(0))
	if err == nil {
		var pattern *rules.Pattern
		if pattern, err = rules.CompilePattern(request.Regex); err == nil {
			request.Strategy, request.Match = strategy, pattern.Searcher(searchTime)
		} else {
			err = rpc.NewFault(rpc.IncorrectParameters, fmt.Sprintf("invalid regex=%s - %v", request.Regex, err))
		}
	}
	return s.ask(ctx, request, err)
}

// ask brings a request before the cluster. err is what was wrong with the arguments: the state of the cluster is judged before them,
// as in Supvisors.
func (s *supvisors) ask(ctx context.Context, r cluster.Request, err error) (any, error) {
	if stateErr := s.node.View().CheckRequest(r); stateErr != nil {
		return nil, stateErr
	}
	if err != nil {
		return nil, err
	}
	return s.node.Ask(ctx, r)
}

func (s *supvisors) predict(ctx context.Context, r cluster.Request, err error) (any, error) {
	result, err := s.ask(ctx, r, err)
	if err != nil {
		return nil, err
	}
	list := []Prediction{}
	for _, p := range result.([]cluster.Prediction) {
		ids := p.Identifiers
		if ids == nil {
			ids = []string{}
		}
		list = append(list, Prediction{Application: p.Namespec.Group, Name: p.Namespec.Process, State: p.State.String(),
			Reason: p.Reason, Identifiers: ids})
	}
	return list, nil
}
