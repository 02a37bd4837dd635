package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/dashboard"
	"github.com/supvisors/supvisors/internal/device"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/service"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/internal/worker"
	"github.com/supvisors/supvisors/rest"
	"github.com/supvisors/supvisors/rules"
)

// session is the daemon from one reading of its configuration to the next: logs, processes, ports and cluster.
type session struct {
	cfg      *config.Config
	log      *supervisor.ActivityLog
	cluster  *supervisor.ActivityLog // of the cluster; log unless it has one of its own
	workers  *worker.Registry
	manager  *worker.Worker   // the process manager
	members  []*worker.Worker // what runs with the node
	state    *state
	children *child.System
	sup      *supervisor.Supervisor
	local    *localNode // nil for a plain Supervisor
	options  cluster.Config
	// disabled are the programs that must not start; nil without a file for them
	disabled *service.Disabilities
	rules    atomic.Pointer[rules.Set]       // nil for none
	problems atomic.Pointer[[]rules.Problem] // of the rules files, when they were read last
	node     *node.Node                      // nil for a plain Supervisor
	events   *eventInterface                 // nil for a plain Supervisor
	device   *device.Device                  // nil without the device API
	standing cluster.Standing                // that of the node before the end of its host
	agent    *nodeAgent                      // nil without the agent API
	stream   *rest.Stream                    // of events for REST clients
	board    *dashboard.Dashboard            // set before anything is started
	doors    *doors
	settler  *settler
}

// session runs the daemon with a configuration until it is told to end. It returns the configuration to start again with, nil for
// none. An error tells what keeps the daemon from starting; nothing is left behind then.
func (p *daemonProcess) session(cfg *config.Config) (next *config.Config, err error) {
	s := &session{cfg: cfg, stream: rest.NewStream()}
	var console io.Writer
	if cfg.Supervisord.NoDaemon && !cfg.Supervisord.Silent {
		console = p.console
	}
	if s.log, err = supervisor.OpenActivityLog(cfg.Supervisord, console); err != nil {
		return nil, err
	}
	defer s.log.Close()
	defer func() {
		if err != nil { // a daemon that has detached has nowhere else to say it
			s.log.Log(context.Background(), supervisor.LevelCritical, oneLine(err.Error()))
		}
	}()
	p.tellNotes(s)
	if s.cluster, err = clusterLog(cfg, s.log); err != nil {
		return nil, err
	}
	if s.cluster != s.log {
		defer s.cluster.Close()
	}
	s.workers = worker.New(s.log.Logger)
	s.manager = s.workers.Add("ProcessManager")
	unwatch, err := s.watchChildren()
	if err != nil {
		return nil, err
	}
	defer unwatch()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := s.build(ctx, p); err != nil {
		s.abandon(ctx)
		return nil, err
	}
	if !s.run(ctx, p) {
		return nil, nil
	}
	return p.load()
}

// clusterLog opens the log of [rpcinterface:supvisors]; AUTO is the log of the daemon.
func clusterLog(cfg *config.Config, own *supervisor.ActivityLog) (*supervisor.ActivityLog, error) {
	if cfg.Supvisors == nil || !cfg.Supvisors.Log.Own {
		return own, nil
	}
	o := cfg.Supvisors.Log
	return supervisor.OpenActivityLog(config.Supervisord{Logfile: o.File, LogMaxBytes: o.MaxBytes, LogBackups: o.Backups,
		LogLevel: o.Level}, nil)
}

// tellNotes logs what came up before there was a log, and the problems of the configuration.
func (p *daemonProcess) tellNotes(s *session) {
	for _, n := range p.notes {
		s.log.Log(context.Background(), n.level, n.text)
	}
	p.notes = nil
	for _, w := range s.cfg.Warnings {
		s.log.Warn(oneLine(w.String()))
	}
	for _, file := range s.cfg.Included {
		s.log.Info(fmt.Sprintf(`Included extra file "%s" during parsing`, file))
	}
}

// watchChildren begins to reap. What it returns ends that: to be called when no process is left.
func (s *session) watchChildren() (unwatch func(), err error) {
	if s.children, err = child.NewSystem(s.log.Logger); err != nil {
		return nil, err
	}
	if err := s.children.Subreaper(); err != nil {
		s.children.Close()
		return nil, err
	}
	var watching sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	watch := func(context.Context) {
		if err := s.children.Run(); err != nil {
			s.log.Error("children are not watched any more", "error", err)
		}
	}
	watching.Go(func() { worker.Run(ctx, watch, s.manager.Sub("Reaper"), s.manager.Sub("LogPump")) })
	return func() {
		stop()
		s.children.Close() // an error leaves a descriptor open, no more
		watching.Wait()
	}, nil
}

// build makes everything that can fail, before anything is started.
func (s *session) build(ctx context.Context, p *daemonProcess) (err error) {
	o := s.cfg.Supervisord
	if !o.NoCleanup {
		for _, err := range supervisor.ClearChildLogs(o.ChildLogDir, o.Identifier) {
			s.log.Warn(err.Error())
		}
	}
	if s.state, err = s.openState(); err != nil {
		return err
	}
	if s.agent, err = s.newAgent(); err != nil {
		return err
	}
	if s.disabled, err = service.OpenDisabilities(s.disabilitiesFile()); err != nil {
		return err
	}
	s.settler = newSettler()
	deps := supervisor.Deps{Spawner: s.children, Log: s.log, Bus: p.bus, Env: os.Environ(), Worker: s.manager, Disabled: s.disabled.Disabled(),
		Inject: s.environment, Reload: func() (*config.Config, error) { return s.reread(p) }}
	if s.cfg.Supvisors != nil {
		read, err := rulesReader(s.cfg)
		if err != nil {
			return err
		}
		set, problems := loadRules(s.cfg.Supvisors.RulesFiles, s.noting(read), s.cluster.Logger)
		s.rules.Store(set)
		s.problems.Store(&problems)
		if s.options, err = clusterOptions(ctx, s.cfg, set, s.cluster.Logger); err != nil {
			return err
		}
		s.local = &localNode{}
		deps.Notify = s.local.heard
	} else {
		tell := service.LocalEvents(o.Identifier, s.stream)
		deps.Notify = func(ev event.Event) {
			tell(ev)
			if s.board != nil { // what comes before is in its first View
				s.board.Heard(ev)
			}
		}
	}
	notify := deps.Notify
	deps.Notify = func(ev event.Event) {
		if _, changed := ev.(event.StateChanged); changed { // ticks go on for ever
			s.settler.heard()
		}
		notify(ev)
	}
	if s.sup, err = supervisor.New(s.cfg, deps); err != nil {
		return err
	}
	if err = s.disabled.Save(s.sup); err != nil {
		return err
	}
	if s.doors, err = openDoors(ctx, s.cfg, s.workers, s.log.Logger); err != nil {
		return err
	}
	if s.local != nil {
		s.local.sup = s.sup
		if s.node, err = s.newNode(ctx); err != nil {
			return err
		}
		s.local.attach(s.node)
		s.members = membersOf(s.workers)
	}
	if err = s.serve(p); err != nil || s.node == nil {
		return err
	}
	return s.node.Start() // last, as only live can end it
}

// membersOf registers what runs with the node: most of it on the goroutine of the driver.
func membersOf(workers *worker.Registry) []*worker.Worker {
	gossip := workers.Add("Gossip", "Membership", "Sync")
	return []*worker.Worker{gossip, gossip.Sub("Membership"), gossip.Sub("Sync"), workers.Add("FSM"), workers.Add("Starter"), workers.Add("Stopper"),
		workers.Add("Conciliator")}
}

// serve opens the doors to clients.
func (s *session) serve(p *daemonProcess) (err error) {
	deps := service.Deps{Supervisor: s.sup, SupervisorVersion: supervisorVersion, PID: os.Getpid(), Log: s.log}
	if s.node != nil {
		deps.Cluster, deps.Options, deps.Level = s.node, s.options, &s.cluster.Level
		deps.Disabilities, deps.TailfLimit = s.disabled, s.cfg.Supvisors.TailfLimit
		s.events = newEvents(s.cfg, s.sup, s.node, deps, s.stream, s.workers, s.cluster.Logger)
		deps.Statistics = s.events.statistics
	}
	if s.device, err = s.newDevice(p); err != nil {
		return err
	}
	if err = s.agent.begin(s, p); err != nil {
		return err
	}
	site, err := newSite(s, deps)
	if err != nil {
		return err
	}
	s.log.Info("RPC interface 'supervisor' initialized")
	if s.node != nil {
		s.log.Info("RPC interface 'supvisors' initialized")
	}
	return s.doors.serve(site)
}

// endNode ends or restarts this node because the cluster does.
func (s *session) endNode(restart bool) {
	if restart {
		s.sup.End(supervisor.Restarting)
	} else {
		s.sup.End(supervisor.Shutdown)
	}
}

// run works until the end is asked for, by a signal, a client or the cluster.
func (s *session) run(ctx context.Context, p *daemonProcess) (again bool) {
	o := s.cfg.Supervisord
	if err := supervisor.WritePIDFile(o.Pidfile); err != nil {
		s.log.Log(ctx, supervisor.LevelCritical, err.Error())
	} else {
		s.log.Info(fmt.Sprintf("supervisord started with pid %d", os.Getpid()))
		defer os.Remove(o.Pidfile) // an error means that somebody else was faster
	}
	p.ready.started()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.live(ctx, p)
	}()
	for {
		select {
		case sig := <-p.signals: // at the end, too: it may last, and a shutdown overrides a restart
			s.act(ctx, sig)
		case <-ended:
			return s.sup.State() == supervisor.Restarting
		}
	}
}

// live starts the processes, takes part in the cluster until the end is asked for, and ends what was started in the reverse order.
func (s *session) live(ctx context.Context, p *daemonProcess) {
	nodeCtx, leave := context.WithCancel(ctx)
	var membership sync.WaitGroup
	if s.node != nil {
		membership.Go(func() { worker.Run(nodeCtx, s.node.Run, s.members...) }) // a panic there ends the daemon
		membership.Go(func() { s.events.run(nodeCtx) })
		if s.device != nil {
			membership.Go(func() { s.device.FollowLocks(nodeCtx, s.node.Locked) })
		}
	}
	if s.device != nil {
		membership.Go(func() { s.device.Run(nodeCtx) })
	}
	membership.Go(func() { s.board.Run(nodeCtx) })
	s.agent.run(nodeCtx, p, &membership)
	s.sup.Start()
	<-s.sup.Ending()
	if s.local != nil {
		s.local.detach()
	}
	if err := s.sup.Shutdown(ctx); err != nil {
		s.log.Error("shutdown: " + err.Error())
	}
	leave()
	membership.Wait()
	s.doors.close()
	s.closeState()
	s.settler.stop()
}

// closeState writes what is pending of what must survive.
func (s *session) closeState() {
	if err := s.agent.close(); err != nil {
		s.log.Error("the history of the node is not complete", "error", err)
	}
	s.state.close()
}

// environment is what the processes of a group get beside their own. Nothing is started before there are a device and an agent.
func (s *session) environment(group string) []string {
	var env []string
	if s.device != nil {
		env = s.device.Environment(group)
	}
	return append(env, s.agent.environment(group)...)
}

// disabilitiesFile is where it is kept which programs are disabled: disabilities_file, else with the state of the node; "" for nowhere.
func (s *session) disabilitiesFile() string {
	switch {
	case s.cfg.Supvisors != nil && s.cfg.Supvisors.DisabilitiesFile != "":
		return s.cfg.Supvisors.DisabilitiesFile
	case s.agent != nil:
		return s.state.folder.Path("disabilities.json")
	}
	return ""
}

func (s *session) reopenLogs(ctx context.Context) {
	if err := errors.Join(s.log.Reopen(), s.cluster.Reopen(), s.sup.ReopenLogs(ctx)); err != nil {
		s.log.Error("reopen logs: " + err.Error())
	}
}

// abandon takes back what build has done when it could not finish.
func (s *session) abandon(ctx context.Context) {
	if s.doors != nil {
		s.doors.close()
	}
	if s.device != nil {
		s.device.Close()
	}
	if s.sup != nil {
		s.sup.Shutdown(ctx) // nothing runs
	}
	s.closeState()
}

// supervisorVersion is what clients of Supervisor are told: the version whose behaviour this daemon has.
const supervisorVersion = "4.3.0"
