package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// Why processes are stopped, in the numbers of the Horizon agent.
const (
	reasonUser         = 105
	reasonUnconfigured = 116
	reasonSuspended    = 119
	reasonInput        = 120
)

// Suspend implements agent.Agent. A program that other applications have as well is refused unless all of these are meant, too.
func (a *Agent) Suspend(ctx context.Context, applications []string, suspend bool) error {
	return a.inTurn(ctx, a.acting, func(ctx context.Context) error {
		if err := a.unregistered(); err != nil {
			return err
		}
		var groups []supervisor.Group
		for _, name := range applications {
			g, err := a.sup.Group(name)
			if err != nil {
				return &agent.BadInput{Input: "url", Text: "there is no application " + name + " on this node any more"}
			}
			if suspended(g) != suspend {
				groups = append(groups, g)
			}
		}
		if err := a.shared(groups, applications); err != nil {
			return err
		}
		var errs []error
		for _, g := range groups {
			errs = append(errs, a.switchTo(ctx, g, suspend))
		}
		return errors.Join(errs...)
	})
}

// shared refuses groups with programs that groups have which are not meant.
func (a *Agent) shared(groups []supervisor.Group, meant []string) error {
	for _, g := range groups {
		for _, other := range a.sup.Groups() {
			if slices.Contains(meant, other.Name) {
				continue
			}
			for _, program := range programs(g) {
				if slices.Contains(programs(other), program) {
					return &agent.BadInput{Input: "url", Text: fmt.Sprintf("the program %s of the application %s is one of the application %s as well",
						program, g.Name, other.Name)}
				}
			}
		}
	}
	return nil
}

// programs are those of a group, in the order of their processes.
func programs(g supervisor.Group) (names []string) {
	for _, p := range g.Processes {
		if !slices.Contains(names, p.Spec.Program) {
			names = append(names, p.Spec.Program)
		}
	}
	return names
}

// switchTo suspends an application or has it go on.
func (a *Agent) switchTo(ctx context.Context, g supervisor.Group, suspend bool) error {
	word, act := "active", a.resume
	if suspend {
		word, act = "suspended", a.halt
	}
	a.tellService(journal.CodeConfigStateChanging, "Start changing the state of service "+g.Name+" to "+word+".", g.Name)
	if suspend {
		a.cfg.Ledger.Because(g.Name, reasonSuspended, "service suspended")
	}
	for _, program := range programs(g) {
		if err := a.cfg.Disable(ctx, program, suspend); err != nil {
			return fmt.Errorf("make %s %s: %w", g.Name, word, err)
		}
	}
	if err := act(ctx, g); err != nil {
		return err
	}
	a.tellService(journal.CodeConfigStateChanged, "Complete changing the state of service "+g.Name+" to "+word+".", g.Name)
	return nil
}

// halt stops the processes of an application that was suspended.
func (a *Agent) halt(ctx context.Context, g supervisor.Group) error {
	return a.stopGroups(ctx, []string{g.Name})
}

// resume starts the processes of an application that start by themselves, and has the cluster place it when it has to run somewhere.
func (a *Agent) resume(ctx context.Context, g supervisor.Group) error {
	a.start(ctx, slices.DeleteFunc(slices.Clone(g.Processes), func(p supervisor.Process) bool {
		return !p.Spec.Autostart || a.elsewhere(namespec(p))
	}))
	app := a.cluster.View().Application(g.Name)
	if app == nil || !app.Rules.Managed || app.Rules.StartSequence == 0 {
		return nil
	}
	_, err := a.cluster.Ask(ctx, cluster.StartApplication{Strategy: app.Rules.StartingStrategy, Name: g.Name})
	if err != nil && !refused(err, cluster.AlreadyStarted) { // it may be started, which is what was asked for
		a.log.Warn("the cluster does not start an application that goes on", "application", g.Name, "error", err)
	}
	return nil
}

// start starts processes that do not run. Trouble with one of them is told by its state.
func (a *Agent) start(ctx context.Context, list []supervisor.Process) {
	for _, p := range list {
		if err := a.sup.StartProcess(ctx, namespec(p), false); err != nil && !errors.Is(err, process.ErrAlreadyStarted) {
			a.log.Warn("a process is not started", "process", namespec(p), "error", err)
		}
	}
}

func namespec(p supervisor.Process) process.Namespec {
	return process.Namespec{Group: p.Spec.Group, Process: p.Spec.Name}
}

// elsewhere reports whether a managed process is up on another node: a second one would be a conflict.
func (a *Agent) elsewhere(ns process.Namespec) bool {
	view := a.cluster.View()
	app := view.Application(ns.Group)
	if app == nil || !app.Rules.Managed {
		return false
	}
	seen := app.Process(ns.Process)
	return seen != nil && slices.ContainsFunc(seen.Running, func(identifier string) bool { return identifier != view.Self.Identifier })
}

// refused reports whether the cluster has refused a request for this reason.
func refused(err error, reason cluster.Reason) bool {
	e, ok := errors.AsType[*cluster.RequestError](err)
	return ok && e.Reason == reason
}
