package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// errSlow answers who waits for an unregistration that takes longer than quiesce_timeout.
var errSlow = errors.New("the node is still being unregistered")

// Unregister implements agent.Agent. The Master has quiesce_timeout to move what is managed here to other nodes; what is left is stopped then.
func (a *Agent) Unregister(ctx context.Context, u agent.Unregistration) error {
	left := make(chan error, 1)
	err := a.inTurn(ctx, a.joining, func(ctx context.Context) error {
		if err := a.beginLeaving(ctx, u); err != nil {
			return err
		}
		if !a.inBackground(func(ctx context.Context) {
			err := a.leave(ctx, u)
			if err != nil && ctx.Err() == nil {
				a.log.Error("unregistration of the node", "error", err)
			}
			left <- err
		}) {
			return errEnding
		}
		return nil
	})
	if err != nil || !u.Block {
		return err
	}
	limit := time.NewTimer(a.options.QuiesceTimeout)
	defer limit.Stop()
	select {
	case err := <-left:
		return err
	case <-limit.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginLeaving makes the node Unconfiguring: from now on it ends as Unconfigured, whatever happens.
func (a *Agent) beginLeaving(ctx context.Context, u agent.Unregistration) error {
	m := a.member()
	switch {
	case !m.registered():
		return &agent.NotRegistered{}
	case m.state != agent.Configuring && m.state != agent.Configured:
		return &agent.WrongState{Text: "the node cannot be unregistered while it is " + m.state.String()}
	}
	if m.auto { // what was derived from the configuration stays as it was shown
		m.auto, m.Name, m.Pattern = false, a.nick(), a.ownPattern()
	}
	m.state, m.DeepClean = agent.Unconfiguring, u.DeepClean
	if err := a.keep(m); err != nil {
		return err
	}
	a.record(ctx, journal.CodeUnregistrationStarted, "Start node unregistration for node "+a.nick()+".")
	return nil
}

// leave empties the node and takes it out of its cluster. When the daemon ends meanwhile, its next start finishes that.
func (a *Agent) leave(ctx context.Context, u agent.Unregistration) error {
	for _, group := range slices.DeleteFunc(a.managed(), a.idle) {
		a.cfg.Ledger.Because(group, reasonUnconfigured, "node was unconfigured")
	}
	a.drain(ctx)
	groups := a.managed()
	if u.StopAll {
		groups = groupNames(a.sup.Groups())
	}
	err := a.empty(ctx, groups)
	if ctx.Err() == nil {
		err = errors.Join(err, a.withdraw(ctx, u.RemoveNode))
	}
	if ctx.Err() != nil {
		return errEnding
	}
	a.become(func(r *registry) { r.now.gone = true })
	if u.DeepClean {
		err = errors.Join(err, a.clean(ctx))
	}
	return errors.Join(err, a.left(ctx))
}

// left makes the node Unconfigured.
func (a *Agent) left(ctx context.Context) error {
	a.record(ctx, journal.CodeUnregistered, "Node unregistration complete for node "+a.nick()+".")
	// the event above belongs to what is over
	m := member{state: agent.Unconfigured, record: record{Unregistered: time.Now()}}
	err := a.keep(m)
	if err != nil { // the file says Unconfiguring, and the next start will say this
		a.become(func(r *registry) { r.now = m })
	}
	return err
}

// finishLeaving does at the start what an end of the daemon has kept leave from.
func (a *Agent) finishLeaving() error {
	m := &a.registry.now
	if a.cluster != nil && m.state == agent.Unconfigured && m.State != "" {
		a.log.Warn("the node was unregistered and stays out of its cluster until a client registers it again", "node", a.nick())
	}
	if !m.unfinished {
		return nil
	}
	if m.DeepClean {
		if err := a.clean(context.Background()); err != nil {
			return err
		}
	}
	return a.keep(member{state: agent.Unconfigured, unfinished: true, record: record{Unregistered: time.Now()}})
}

// drain waits until the Master has moved what is managed here, as long as there is hope for that.
func (a *Agent) drain(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, a.options.QuiesceTimeout)
	defer cancel()
	views, end := a.cluster.Watch(1)
	defer end()
	if err := node.Drained(limited, views); err != nil && ctx.Err() == nil {
		a.log.Warn("the cluster has not moved everything; what is left is stopped", "error", err)
	}
}

// managed returns the groups of this node that the cluster manages.
func (a *Agent) managed() []string {
	view := a.cluster.View()
	return slices.DeleteFunc(groupNames(a.sup.Groups()), func(name string) bool {
		app := view.Application(name)
		return app == nil || !app.Rules.Managed
	})
}

// idle reports whether nothing of a group is up here.
func (a *Agent) idle(group string) bool {
	g, _ := a.sup.Group(group)
	return !slices.ContainsFunc(g.Processes, func(p supervisor.Process) bool { return !p.Info.State.IsStopped() })
}

func groupNames(groups []supervisor.Group) (names []string) {
	for _, g := range groups {
		names = append(names, g.Name)
	}
	return names
}

// empty stops groups when nobody else is at it.
func (a *Agent) empty(ctx context.Context, groups []string) error {
	give, err := a.acting.take(ctx)
	if err != nil {
		return err
	}
	defer give()
	return a.stopGroups(ctx, groups)
}

// patience is what a stop may take beside what its program asks for.
const patience = time.Minute

// stopGroups stops the processes of groups here, all at once, and waits until they have stopped.
func (a *Agent) stopGroups(ctx context.Context, names []string) error {
	slowest := 0
	for _, name := range names {
		g, _ := a.sup.Group(name) // of one that was removed meanwhile there is nothing to stop
		for _, p := range g.Processes {
			slowest = max(slowest, p.Spec.StopWaitSecs)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(slowest)*time.Second+patience)
	defer cancel()
	errs := make([]error, len(names))
	var work sync.WaitGroup
	for i, name := range names {
		work.Go(func() { errs[i] = a.stopGroup(ctx, name) })
	}
	work.Wait()
	return errors.Join(errs...)
}

func (a *Agent) stopGroup(ctx context.Context, name string) error {
	results, err := a.sup.StopGroup(ctx, name, true)
	if errors.Is(err, supervisor.ErrBadName) { // it was removed meanwhile
		return nil
	}
	for _, r := range results {
		if r.Err != nil && !errors.Is(r.Err, process.ErrNotRunning) && err == nil {
			err = r.Err
		}
	}
	if err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	return nil
}

// clean removes what clients have made of the agent, and its memory of earlier configurations.
func (a *Agent) clean(ctx context.Context) error {
	return errors.Join(a.forgetSettings(ctx), a.forgetDefinitions())
}

// remove removes a file, if it is there.
func (a *Agent) remove(name string) error {
	if err := os.Remove(a.cfg.Folder.Path(name)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
