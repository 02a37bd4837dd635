package dashboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rpc"
	"github.com/supvisors/supvisors/rules"
)

// action is what a job can do, and what it needs.
type action struct {
	target, node, clustered bool
	do                      func(d *Dashboard, ctx context.Context, r JobRequest) error
}

// actions are all of them, by the name in the request.
var actions = map[string]action{
	"start":   {target: true, do: (*Dashboard).start},
	"stop":    {target: true, do: (*Dashboard).stop},
	"restart": {target: true, do: (*Dashboard).restart},
	"signal": {target: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.each(ctx, d.nodesOf(r, true), "supervisor.signalProcess", r.Target, r.Signal)
	}},
	"clear": {target: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.each(ctx, d.nodesOf(r, false), "supervisor.clearProcessLogs", r.Target)
	}},
	"start_application": {target: true, clustered: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.done(ctx, "", "supvisors.start_application", r.Strategy, r.Target, true)
	}},
	"stop_application": {target: true, clustered: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.done(ctx, "", "supvisors.stop_application", r.Target, true)
	}},
	"restart_application": {target: true, clustered: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.done(ctx, "", "supvisors.restart_application", r.Strategy, r.Target, true)
	}},
	"start_group":   {target: true, do: group("supervisor.startProcessGroup")},
	"stop_group":    {target: true, do: group("supervisor.stopProcessGroup")},
	"restart_group": {target: true, do: group("supervisor.stopProcessGroup", "supervisor.startProcessGroup")},
	"start_all":     {do: all("supervisor.startAllProcesses")},
	"stop_all":      {do: all("supervisor.stopAllProcesses")},
	"restart_node":  {do: plain("supervisor.restart")},
	"shutdown_node": {do: plain("supervisor.shutdown")},
	"update":        {do: (*Dashboard).update},
	"enable":        {target: true, clustered: true, do: program("supvisors.enable")},
	"disable":       {target: true, clustered: true, do: program("supvisors.disable")},
	"conciliate":    {clustered: true, do: (*Dashboard).conciliate},
	"keep": {target: true, node: true, clustered: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		others := slices.DeleteFunc(d.nodesOf(JobRequest{Target: r.Target}, true), func(n string) bool { return n == r.Node })
		return d.each(ctx, others, "supervisor.stopProcess", r.Target, true)
	}},
	"stop_copy": {target: true, node: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.done(ctx, r.Node, "supervisor.stopProcess", r.Target, true)
	}},
	"restart_sequence": {clustered: true, do: func(d *Dashboard, ctx context.Context, _ JobRequest) error {
		return d.done(ctx, "", "supvisors.restart_sequence", true)
	}},
	"restart_cluster":  {clustered: true, do: plain("supvisors.restart")},
	"shutdown_cluster": {clustered: true, do: plain("supvisors.shutdown")},
	"end_sync": {clustered: true, do: func(d *Dashboard, ctx context.Context, r JobRequest) error {
		return d.done(ctx, "", "supvisors.end_sync", r.Node)
	}},
}

// start leaves the place to the rules unless a node is given, which then does as its Supervisor does.
func (d *Dashboard) start(ctx context.Context, r JobRequest) error {
	switch {
	case d.fixed.Clustered && r.Node == "":
		return d.done(ctx, "", "supvisors.start_process", r.Strategy, r.Target, r.Args, true)
	case d.fixed.Clustered && r.Args != "":
		return d.done(ctx, r.Node, "supvisors.start_args", r.Target, r.Args, true)
	}
	return d.done(ctx, r.Node, "supervisor.startProcess", r.Target, true)
}

func (d *Dashboard) stop(ctx context.Context, r JobRequest) error {
	if d.fixed.Clustered && r.Node == "" {
		return d.done(ctx, "", "supvisors.stop_process", r.Target, true)
	}
	return d.done(ctx, r.Node, "supervisor.stopProcess", r.Target, true)
}

func (d *Dashboard) restart(ctx context.Context, r JobRequest) error {
	if d.fixed.Clustered && r.Node == "" {
		return d.done(ctx, "", "supvisors.restart_process", r.Strategy, r.Target, r.Args, true)
	}
	var fault *rpc.Fault
	if err := d.stop(ctx, r); err != nil && !(errors.As(err, &fault) && fault.Code == rpc.NotRunning) {
		return err
	}
	return d.start(ctx, r)
}

// nodesOf are the nodes that a request about a process is for: the one that is given, else all where it is up, or known.
func (d *Dashboard) nodesOf(r JobRequest, up bool) (nodes []string) {
	if r.Node != "" {
		return []string{r.Node}
	}
	ns := process.ParseNamespec(r.Target)
	app := d.current().Application(ns.Group)
	if app == nil || app.Process(ns.Process) == nil {
		return []string{""} // whose answer says that there is none
	}
	p := app.Process(ns.Process)
	for _, at := range p.Infos {
		if n := d.current().Instance(at.Identifier); (!up || slices.Contains(p.Running, at.Identifier)) && n != nil && n.State == cluster.InstanceRunning {
			nodes = append(nodes, at.Identifier)
		}
	}
	if len(nodes) == 0 {
		return []string{""}
	}
	return nodes
}

// each calls a row on several nodes.
func (d *Dashboard) each(ctx context.Context, nodes []string, method string, args ...any) error {
	var failures []error
	for _, n := range nodes {
		failures = append(failures, d.done(ctx, n, method, args...))
	}
	return errors.Join(failures...)
}

// group calls rows for a group of a node one after the other, and fails when any process did.
func group(methods ...string) func(*Dashboard, context.Context, JobRequest) error {
	return func(d *Dashboard, ctx context.Context, r JobRequest) error {
		for _, method := range methods {
			value, err := d.call(ctx, r.Node, method, r.Target, true)
			if err == nil {
				err = failures(value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func all(method string) func(*Dashboard, context.Context, JobRequest) error {
	return func(d *Dashboard, ctx context.Context, r JobRequest) error {
		value, err := d.call(ctx, r.Node, method, true)
		if err != nil {
			return err
		}
		return failures(value)
	}
}

func plain(method string) func(*Dashboard, context.Context, JobRequest) error {
	return func(d *Dashboard, ctx context.Context, r JobRequest) error { return d.done(ctx, r.Node, method) }
}

// program calls a row for a program on the node that is given, else on all that are there.
func program(method string) func(*Dashboard, context.Context, JobRequest) error {
	return func(d *Dashboard, ctx context.Context, r JobRequest) error {
		nodes := []string{r.Node}
		if r.Node == "" {
			nodes = nil
			for _, n := range d.current().Instances {
				if n.State == cluster.InstanceRunning {
					nodes = append(nodes, n.Identifier)
				}
			}
		}
		return d.each(ctx, nodes, method, r.Target, false)
	}
}

// failures finds what went wrong in the answer about several processes.
func failures(value any) error {
	var results []struct {
		Name        string `xmlrpc:"name"`
		Status      int    `xmlrpc:"status"`
		Description string `xmlrpc:"description"`
	}
	if err := rpc.Assign(&results, value); err != nil {
		return err
	}
	var failed []string
	for _, r := range results {
		if r.Status != rpc.Success {
			failed = append(failed, r.Name+": "+r.Description)
		}
	}
	if len(failed) > 0 {
		return errors.New(strings.Join(failed, "; "))
	}
	return nil
}

// conciliate applies a strategy to all conflicts, or to the one of the target.
func (d *Dashboard) conciliate(ctx context.Context, r JobRequest) error {
	if r.Target == "" {
		return d.done(ctx, "", "supvisors.conciliate", r.Strategy)
	}
	switch strategy, _ := rules.ParseConciliationStrategy(r.Strategy); strategy {
	case rules.ConciliationStop:
		return d.done(ctx, "", "supvisors.stop_process", r.Target, true)
	case rules.ConciliationRestart:
		return d.done(ctx, "", "supvisors.restart_process", d.strategyOf(process.ParseNamespec(r.Target).Group), r.Target, "", true)
	case rules.Senicide, rules.Infanticide:
		for _, p := range previews(d.current(), time.Now()) {
			if p.Process == r.Target && p.Strategy == r.Strategy {
				return d.each(ctx, p.Stops, "supervisor.stopProcess", r.Target, true)
			}
		}
		return fmt.Errorf("%s is not in conflict", r.Target)
	}
	return fmt.Errorf("%s is for all conflicts at once", r.Strategy)
}

// update reads the configuration of a node again and applies it.
func (d *Dashboard) update(ctx context.Context, r JobRequest) error {
	value, err := d.call(ctx, r.Node, "supervisor.reloadConfig")
	if err != nil {
		return err
	}
	var answer [][][]string // one list of: added, changed, removed
	if err := rpc.Assign(&answer, value); err != nil || len(answer) != 1 || len(answer[0]) != 3 {
		return errors.New("the answer is none of reloadConfig")
	}
	added, changed, removed := answer[0][0], answer[0][1], answer[0][2]
	for _, name := range slices.Concat(removed, changed) {
		if _, err := d.call(ctx, r.Node, "supervisor.stopProcessGroup", name, true); err != nil {
			return err
		}
		if err := d.done(ctx, r.Node, "supervisor.removeProcessGroup", name); err != nil {
			return err
		}
	}
	for _, name := range slices.Concat(added, changed) {
		if err := d.done(ctx, r.Node, "supervisor.addProcessGroup", name); err != nil {
			return err
		}
	}
	return nil
}
