package supervisor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/worker"
)

// shutdownReport is the distance of the lines "waiting for x to die".
const shutdownReport = 3 * time.Second

// Start publishes SUPERVISOR_STATE_CHANGE_RUNNING, then starts the processes with autostart by the priority of their group and
// their own, and lets the ticks begin. It returns when each start was tried, and is called once.
func (s *Supervisor) Start() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.started.Store(true)
	s.deps.Worker.Set(worker.Started)
	s.publish(event.SupervisorRunning{})
	s.background.Go(func() {
		ticks(s.work, func(ev event.Event) {
			s.publish(ev)
			s.deps.Worker.Beat()
		})
	})
	all := s.current.Load().all()
	s.mu.Unlock()
	s.autostart(all)
	s.deps.Worker.Set(worker.Initialized)
}

// autostart starts those of the processes that want it. Trouble is the actor's to tell.
func (s *Supervisor) autostart(list []*managed) {
	for _, m := range list {
		if m.spec.Autostart {
			_ = m.AutoStart(s.work)
		}
	}
}

// End makes the daemon leave the state RUNNING, for Shutdown or Restarting. A shutdown overrides a restart and is never taken
// back; End reports whether the wish counts. Whoever waits for Ending then calls Shutdown.
func (s *Supervisor) End(to State) bool {
	for {
		now := s.State()
		if to >= now || to != Shutdown && to != Restarting {
			return false
		}
		if s.state.CompareAndSwap(int32(now), int32(to)) {
			if now == Running {
				s.deps.Worker.Set(worker.Terminating)
				close(s.ending)
			}
			return true
		}
	}
}

// Ending returns a channel that is closed when the daemon leaves the state RUNNING.
func (s *Supervisor) Ending() <-chan struct{} { return s.ending }

// Shutdown stops all processes in the reverse order of their start: the groups with the highest priority number first, those
// of one priority together, and the next ones when they have stopped. Nothing is started meanwhile. It ends the state RUNNING if
// that was not done. The error is that of ctx, and then Shutdown may be called again; otherwise the Supervisor has ended.
func (s *Supervisor) Shutdown(ctx context.Context) error {
	if s.State() == Running {
		s.End(Shutdown)
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return nil
	}
	if s.work.Err() == nil { // not called before
		s.stopWork()
		s.publish(event.SupervisorStopping{})
	}
	set := s.current.Load() // changes are refused from now on
	s.mu.Unlock()

	for _, m := range set.all() {
		if err := m.Hold(ctx, true); err != nil {
			return err
		}
	}
	s.reportUnstopped(set) // before the first can be gone
	reported := make(chan struct{})
	reports, stopReports := context.WithCancel(ctx)
	go func() {
		defer close(reported)
		ticker := time.NewTicker(shutdownReport)
		defer ticker.Stop()
		for {
			select {
			case <-reports.Done():
				return
			case <-ticker.C:
				s.reportUnstopped(set)
			}
		}
	}()
	err := stopByPriority(ctx, set)
	stopReports()
	<-reported
	if err != nil {
		return err
	}
	s.background.Wait() // before the lock, which a part of it may want
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeAll()
	return nil
}

// stopByPriority stops one level of priority after the other.
func stopByPriority(ctx context.Context, set *groups) error {
	for end := len(set.byPriority); end > 0; {
		begin := end - 1
		for begin > 0 && set.byPriority[begin-1].config.Priority == set.byPriority[begin].config.Priority {
			begin--
		}
		level := newGroups(set.byPriority[begin:end]).all()
		slices.Reverse(level)
		if err := stopTogether(ctx, level); err != nil {
			return err
		}
		end = begin
	}
	return nil
}

// stopTogether stops the processes of the list, in order but without waiting in between, and waits for all of them.
func stopTogether(ctx context.Context, list []*managed) error {
	for _, m := range list {
		switch m.Info().State { // a refusal means that it has stopped by itself
		case process.Running, process.Starting:
			_ = m.Stop(ctx)
		case process.Backoff:
			_ = m.GiveUp(ctx)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return waitStopped(ctx, list)
}

// waitStopped waits until all processes of the list have stopped.
func waitStopped(ctx context.Context, list []*managed) error {
	for _, m := range list {
		if _, err := m.Wait(ctx, func(i process.Info) bool { return i.State.IsStopped() }); err != nil {
			return err
		}
	}
	return nil
}

// reportUnstopped logs which processes are waited for.
func (s *Supervisor) reportUnstopped(set *groups) {
	var names []string
	for _, m := range set.all() {
		if m.Info().PID != 0 {
			names = append(names, m.spec.Name)
		}
	}
	if len(names) > 0 {
		s.deps.Log.Info("waiting for " + strings.Join(names, ", ") + " to die")
	}
}
