package agent

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// Agreements implements agent.Agent.
func (a *Agent) Agreements(context.Context) ([]agent.Agreement, error) {
	return a.cfg.Ledger.Agreements(), nil
}

// Cancel implements agent.Agent: the application is stopped here, and started again where its rules have it, which may be here.
func (a *Agent) Cancel(_ context.Context, id string, avoid bool) error {
	group, ended, err := a.agreed(id)
	if err != nil || ended {
		return err
	}
	if a.cluster == nil || a.cluster.View().Self.Modes.State != cluster.Operation || a.member().state == agent.Unconfiguring {
		return &agent.Conflict{Text: "an agreement can only be cancelled while the cluster is in OPERATION"}
	}
	if !a.registry.begin(id) { // it is under way
		return nil
	}
	if !a.inBackground(func(ctx context.Context) {
		defer a.registry.end(id)
		a.replace(ctx, group, avoid)
	}) {
		return errEnding
	}
	return nil
}

// agreed returns the group of an agreement, and whether it is ending already.
func (a *Agent) agreed(id string) (group string, ended bool, err error) {
	unknown := &agent.NotFound{Input: "agreement", Text: "there is no such agreement"}
	all := a.cfg.Ledger.Agreements()
	i := slices.IndexFunc(all, func(one agent.Agreement) bool { return one.ID == id && !one.Archived })
	if i < 0 {
		return "", false, unknown
	}
	for _, app := range a.Applications() {
		if app.Workload().URL == all[i].Workload.URL {
			return app.Name, all[i].Terminated != 0, nil
		}
	}
	return "", false, unknown
}

// replace stops what runs of a group here and asks the cluster to start it again.
func (a *Agent) replace(ctx context.Context, group string, avoid bool) {
	var ran []supervisor.Process
	give, err := a.acting.take(ctx)
	if err == nil {
		ran, err = a.stopRunning(ctx, group, reasonUser, "user requested")
		give()
	}
	if err != nil {
		a.log.Error("an agreement is not cancelled", "application", group, "error", err)
		return
	}
	if avoid {
		a.become(func(r *registry) { r.avoiding++ })
		defer a.become(func(r *registry) { r.avoiding-- })
	}
	if err := a.startAgain(ctx, group, ran, avoid); err != nil {
		a.log.Warn("the cluster does not start an application whose agreement was cancelled", "application", group, "error", err)
	}
}

// stopRunning stops the processes of a group here and returns those that ran. The caller has the turn.
func (a *Agent) stopRunning(ctx context.Context, group string, reason int, text string) (ran []supervisor.Process, err error) {
	g, _ := a.sup.Group(group) // of one that was removed meanwhile nothing runs
	ran = slices.DeleteFunc(g.Processes, func(p supervisor.Process) bool { return !p.Info.State.IsRunning() })
	a.cfg.Ledger.Because(group, reason, text)
	return ran, a.stopGroups(ctx, []string{group})
}

// startAgain asks the cluster for what ran, in the order of its start, and waits until it is placed if it should. What the cluster does not
// manage is not for it to place.
func (a *Agent) startAgain(ctx context.Context, group string, ran []supervisor.Process, wait bool) error {
	app := a.cluster.View().Application(group)
	if app == nil || !app.Rules.Managed || len(ran) == 0 {
		return nil
	}
	slowest := 0
	for _, p := range ran {
		slowest += p.Spec.StartSecs
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(slowest)*time.Second+patience)
	defer cancel()
	strategy := app.Rules.StartingStrategy
	if wholly(app, ran) {
		_, err := a.cluster.Ask(ctx, cluster.StartApplication{Strategy: strategy, Name: group, Wait: wait})
		if !refused(err, cluster.AlreadyStarted) { // a part of it still runs elsewhere
			return err
		}
	}
	rank := func(p supervisor.Process) int {
		if seen := app.Process(p.Spec.Name); seen != nil {
			return seen.Rules.StartSequence
		}
		return 0
	}
	slices.SortStableFunc(ran, func(p, q supervisor.Process) int { return cmp.Compare(rank(p), rank(q)) })
	var failed error
	for _, p := range ran {
		_, err := a.cluster.Ask(ctx, cluster.StartProcesses{Strategy: strategy, Namespec: namespec(p).String(),
			ExtraArgs: p.Info.ExtraArgs, Wait: wait})
		if err != nil && !refused(err, cluster.AlreadyStarted) {
			failed = cmp.Or(failed, err)
		}
	}
	return failed
}

// wholly reports whether what ran is what a start of the application starts.
func wholly(app *cluster.ApplicationView, ran []supervisor.Process) bool {
	sequenced := 0
	for _, p := range app.Processes {
		if p.Rules.StartSequence > 0 {
			sequenced++
			if !slices.ContainsFunc(ran, func(q supervisor.Process) bool { return q.Spec.Name == p.Namespec.Process }) {
				return false
			}
		}
	}
	return sequenced == len(ran)
}
