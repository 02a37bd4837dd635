package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// pendingRequest is a request whose client waits for the end of its job.
type pendingRequest struct {
	id uint64
	// done tells whether the job has ended.
	done func() bool
	// result judges what came of it.
	result func() (any, error)
}

func fault(reason Reason, format string, args ...any) error {
	return &RequestError{Reason: reason, Text: fmt.Sprintf(format, args...)}
}

// ask answers a request at once, or keeps it until its job ends.
func (c *Core) ask(ev Ask) {
	w, result, err := c.serve(ev.Request)
	if err != nil || w == nil {
		c.emit(Reply{ID: ev.ID, Result: result, Err: err})
		return
	}
	w.id = ev.ID
	c.pending = append(c.pending, *w)
}

func (c *Core) cancel(id uint64) {
	c.pending = slices.DeleteFunc(c.pending, func(p pendingRequest) bool { return p.id == id })
}

// answerPending replies to the requests whose jobs have ended.
func (c *Core) answerPending() {
	c.pending = slices.DeleteFunc(c.pending, func(p pendingRequest) bool {
		if !p.done() {
			return false
		}
		result, err := p.result()
		c.emit(Reply{ID: p.id, Result: result, Err: err})
		return true
	})
}

// serve carries a request out as far as it goes at once. It returns a pendingRequest when the client wants to wait.
func (c *Core) serve(r Request) (*pendingRequest, any, error) {
	if err := checkRequest(c.state(), r); err != nil {
		return nil, nil, err
	}
	switch r := r.(type) {
	case StartApplication:
		return c.askStartApplication(r)
	case StopApplication:
		return c.askStopApplication(r)
	case RestartApplication:
		return c.askRestartApplication(r)
	case StartProcesses:
		return c.askStartProcesses(r)
	case StartAny:
		return c.askStartAny(r)
	case StopProcesses:
		return c.askStopProcesses(r)
	case RestartProcesses:
		return c.askRestartProcesses(r)
	case TestStartApplication:
		result, err := c.testStartApplication(r)
		return nil, result, err
	case TestStartProcess:
		result, err := c.testStartProcess(r)
		return nil, result, err
	case WhatIf:
		result, err := c.whatIf(r)
		return nil, result, err
	case Conciliate:
		if r.Strategy == rules.ConciliationUser {
			return nil, false, nil
		}
		c.conciliate(r.Strategy)
		return nil, true, nil
	case RestartSequence:
		return c.askRestartSequence(r)
	case EndSync:
		return nil, true, c.endSync(r.Master)
	case Restart:
		return nil, true, c.askEnd(true)
	case Shutdown:
		return nil, true, c.askEnd(false)
	}
	panic(fmt.Sprintf("cluster: unknown request %T", r))
}

// checkRequest refuses a request in a state in which Supvisors refuses it.
func checkRequest(state State, r Request) error {
	wanted := []State{Operation}
	switch r.(type) {
	case WhatIf:
		return nil
	case StopApplication, StopProcesses:
		wanted = []State{Operation, Conciliation}
	case Conciliate:
		wanted = []State{Conciliation}
	case EndSync:
		wanted = []State{Synchronization}
	case Restart, Shutdown:
		wanted = fromDistribution
	}
	return checkState(state, wanted)
}

// fromDistribution are the states in which applications are known.
var fromDistribution = []State{Distribution, Operation, Conciliation, Restarting, ShuttingDown}

func checkState(state State, wanted []State) error {
	if slices.Contains(wanted, state) {
		return nil
	}
	names := make([]string, len(wanted))
	for i, s := range wanted {
		names[i] = "'" + s.String() + "'"
	}
	return fault(BadState, "invalid Supvisors state=%s - state expected in [%s]", state, strings.Join(names, ", "))
}

func (c *Core) lookupApplication(name string) (*application, error) {
	if app := c.byApp[name]; app != nil {
		return app, nil
	}
	return nil, fault(BadName, "application=%s unknown to Supvisors", name)
}

func (c *Core) lookupManaged(name string) (*application, error) {
	app, err := c.lookupApplication(name)
	if err == nil && !app.rules.Managed {
		err = fault(NotManaged, "%s", name)
	}
	return app, err
}

// lookupProcesses returns the process that a namespec names, or all processes of its group.
func (c *Core) lookupProcesses(namespec string) ([]*proc, error) {
	ns := process.ParseNamespec(namespec)
	app, err := c.lookupApplication(ns.Group)
	if err != nil {
		return nil, err
	}
	if ns.WholeGroup() {
		return slices.Clone(app.procs), nil
	}
	p := app.find(ns.Process)
	if p == nil {
		return nil, fault(BadName, "process=%s unknown in application=%s", ns.Process, ns.Group)
	}
	return []*proc{p}, nil
}

// until returns a pendingRequest that ends when none of the applications has a job left on this node.
func (c *Core) until(apps []*application, result func() (any, error)) *pendingRequest {
	return &pendingRequest{result: result, done: func() bool {
		for _, app := range apps {
			if c.starter.job(app) != nil || c.stopper.job(app) != nil {
				return false
			}
			if slices.ContainsFunc(c.afterStop, func(r restart) bool { return r.app == app }) {
				return false
			}
		}
		return true
	}}
}

// answer waits when the client wants to and there is something to wait for.
func (c *Core) answer(wait bool, app *application, result func() (any, error)) (*pendingRequest, any, error) {
	if wait {
		return c.until([]*application{app}, result), nil, nil
	}
	return nil, true, nil
}

func (c *Core) hasJob(app *application) bool {
	return c.starter.job(app) != nil || c.stopper.job(app) != nil
}

func (c *Core) askStartApplication(r StartApplication) (*pendingRequest, any, error) {
	app, err := c.lookupManaged(r.Name)
	if err != nil {
		return nil, nil, err
	}
	if app.state != ApplicationStopped {
		return nil, nil, fault(AlreadyStarted, "%s", r.Name)
	}
	c.startApplication(app, r.Strategy, ByRequest)
	c.runJobs()
	if c.starter.job(app) == nil {
		return nil, nil, fault(AbnormalTermination, "failed to start %s", r.Name)
	}
	return c.answer(r.Wait, app, func() (any, error) {
		if app.state != ApplicationRunning {
			return nil, fault(NotRunning, "%s", r.Name)
		}
		return true, nil
	})
}

func (c *Core) askStopApplication(r StopApplication) (*pendingRequest, any, error) {
	app, err := c.lookupManaged(r.Name)
	if err != nil {
		return nil, nil, err
	}
	if !app.up() {
		return nil, nil, fault(NotRunning, "failed to stop %s", r.Name)
	}
	c.stopApplication(app, false, ByRequest)
	c.runJobs()
	return c.answer(r.Wait, app, func() (any, error) {
		if app.state != ApplicationStopped {
			return nil, fault(StillRunning, "%s", r.Name)
		}
		return true, nil
	})
}

func (c *Core) askRestartApplication(r RestartApplication) (*pendingRequest, any, error) {
	app, err := c.lookupApplication(r.Name)
	if err != nil {
		return nil, nil, err
	}
	c.restartApplication(app, r.Strategy, ByRequest)
	c.runJobs()
	if !c.hasJob(app) {
		return nil, nil, fault(AbnormalTermination, "failed to restart %s", r.Name)
	}
	return c.answer(r.Wait, app, func() (any, error) {
		if app.state == ApplicationStopped {
			return nil, fault(NotRunning, "%s", r.Name)
		}
		return true, nil
	})
}

func (c *Core) askStartProcesses(r StartProcesses) (*pendingRequest, any, error) {
	procs, err := c.lookupProcesses(r.Namespec)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range procs {
		if p.state.IsRunning() {
			return nil, nil, fault(AlreadyStarted, "%s", p.ns)
		}
	}
	for _, p := range procs {
		c.startProcess(p, r.Strategy, r.ExtraArgs, ByRequest)
	}
	return c.answerStart(procs, r.Wait, r.Namespec, true)
}

// answerStart answers a request that had processes started. There is no job when none of them can be, like one that is stopping.
func (c *Core) answerStart(procs []*proc, wait bool, namespec string, value any) (*pendingRequest, any, error) {
	c.runJobs()
	if c.starter.job(procs[0].app) == nil {
		return nil, nil, fault(AbnormalTermination, "failed to start %s", namespec)
	}
	return c.answerUp(procs, wait, value)
}

// answerUp answers when the processes ought to be up.
func (c *Core) answerUp(procs []*proc, wait bool, value any) (*pendingRequest, any, error) {
	w, _, err := c.answer(wait, procs[0].app, func() (any, error) {
		return value, processErrors(NotRunning, procs, func(p *proc) bool { return p.state.IsStopped() })
	})
	return w, value, err
}

// processErrors names the processes that are not what they should be, as Supvisors lists them.
func processErrors(reason Reason, procs []*proc, bad func(*proc) bool) error {
	var names []string
	for _, p := range procs {
		if bad(p) {
			names = append(names, "'"+p.ns.String()+"'")
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fault(reason, "processes=[%s]", strings.Join(names, ", "))
}

func (c *Core) askStartAny(r StartAny) (*pendingRequest, any, error) {
	p := c.pickAny(r.Match, r.Strategy)
	if p == nil {
		return nil, nil, fault(Failed, `no candidate process matching "%s"`, r.Regex)
	}
	c.startProcess(p, r.Strategy, r.ExtraArgs, ByRequest)
	return c.answerStart([]*proc{p}, r.Wait, p.ns.String(), p.ns.String())
}

func (c *Core) askStopProcesses(r StopProcesses) (*pendingRequest, any, error) {
	procs, err := c.lookupProcesses(r.Namespec)
	if err != nil {
		return nil, nil, err
	}
	var on []*node
	if r.On != nil {
		on = c.resolve(r.On)
	}
	for _, p := range procs {
		if p.state.IsRunning() { // Supvisors leaves alone what is on its way down
			c.stopProcess(p, on, false, ByRequest)
		}
	}
	c.runJobs()
	if c.stopper.job(procs[0].app) == nil {
		return nil, nil, fault(NotRunning, "%s already stopped", r.Namespec)
	}
	return c.answer(r.Wait, procs[0].app, func() (any, error) {
		return true, processErrors(StillRunning, procs, func(p *proc) bool { return on == nil && p.state.IsRunning() })
	})
}

func (c *Core) askRestartProcesses(r RestartProcesses) (*pendingRequest, any, error) {
	procs, err := c.lookupProcesses(r.Namespec)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range procs {
		c.restartProcess(p, r.Strategy, r.ExtraArgs, false, ByRequest)
	}
	c.runJobs()
	if !c.hasJob(procs[0].app) {
		return nil, nil, fault(AbnormalTermination, "failed to restart %s", r.Namespec)
	}
	return c.answerUp(procs, r.Wait, true)
}

func (c *Core) askRestartSequence(r RestartSequence) (*pendingRequest, any, error) {
	if c.clusterBusy() {
		return nil, nil, fault(BadState, "jobs in progress")
	}
	c.startApplications()
	c.runJobs()
	if !c.starter.busy() {
		return nil, nil, fault(AbnormalTermination, "failed to trigger start sequence")
	}
	if !r.Wait {
		return nil, true, nil
	}
	return &pendingRequest{done: func() bool { return !c.starter.busy() }, result: func() (any, error) { return true, nil }}, nil, nil
}

func (c *Core) endSync(master string) error {
	if c.self.modes.Master != "" {
		return fault(BadState, "Supvisors synchronization ending")
	}
	if !c.cfg.Sync[rules.SyncUser] {
		return fault(NotApplicable, "USER expected in synchro_options")
	}
	if master == "" {
		c.selectMaster()
		return nil
	}
	nodes := c.resolve([]string{master})
	switch {
	case len(nodes) == 0:
		return fault(BadName, "unknown Supvisors identifier=%s", master)
	case len(nodes) > 1:
		names := make([]string, len(nodes))
		for i, n := range nodes {
			names[i] = "'" + n.id.Identifier + "'"
		}
		return fault(BadParameters, "multiple identifiers=[%s] found for Supvisors master=%s", strings.Join(names, ", "), master)
	case nodes[0].state != InstanceRunning:
		return fault(NotRunning, "Supvisors instance=%s is not RUNNING (%s)", nodes[0].id.Identifier, nodes[0].state)
	}
	c.setMaster(nodes[0].id.Identifier)
	return nil
}

// askEnd restarts or shuts down all nodes: the Master does it, the others pass the request on to it.
func (c *Core) askEnd(restart bool) error {
	master := c.masterNode()
	if master == nil {
		return fault(BadState, "no Master instance to perform the Supvisors request")
	}
	if master == c.self {
		if err := c.end(restart); err != nil {
			return fault(BadState, "%s", err)
		}
		return nil
	}
	action := ShutdownCluster
	if restart {
		action = RestartCluster
	}
	c.order(master, Order{Action: action})
	return nil
}

// end begins the end of the whole cluster (Master only).
func (c *Core) end(restart bool) error {
	to := ShuttingDown
	if restart {
		to = Restarting
	}
	if !c.isMaster() {
		return errors.New("this instance is not the Master")
	}
	if c.state() == to {
		return nil
	}
	if !Allowed(c.state(), to) {
		return fmt.Errorf("invalid Supvisors state=%s", c.state())
	}
	c.enter(to)
	return nil
}
