package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// listeners returns an event listener pool with one process per command.
func listeners(name string, size int, events []string, commands ...string) config.Group {
	g := config.Group{Name: name, Kind: config.EventListener, Priority: -1, Listener: &config.Listener{Events: events, BufferSize: size}}
	for i, command := range commands {
		s := member1(fmt.Sprint(name, i), command, startSecs(0))
		s.Group, s.Listener = name, true
		g.Specs = append(g.Specs, s)
	}
	return g
}

func TestListenerHearsTheFirstEvents(t *testing.T) {
	groups := []config.Group{listeners("ears", 100, []string{"EVENT"}, "listen"), program("p", "run", startSecs(0))}
	inWorld(t, groups, func(t *testing.T, w *world) {
		w.Start()
		synctest.Wait()
		heard := w.spawner.listened()
		expect(t, "heard", heard[:3], []string{"ears0: PROCESS_GROUP_ADDED groupname:ears", "ears0: PROCESS_GROUP_ADDED groupname:p",
			"ears0: SUPERVISOR_STATE_CHANGE_RUNNING"})
		if want := "ears0: PROCESS_STATE_STARTING processname:p groupname:p from_state:STOPPED tries:0"; !slices.Contains(heard, want) {
			t.Errorf("not heard: %s\nin %s", want, strings.Join(heard, "\n"))
		}
	})
}

func TestPoolsHearTheirTypesOnly(t *testing.T) {
	groups := []config.Group{
		listeners("remote", 10, []string{"REMOTE_COMMUNICATION"}, "listen"),
		listeners("states", 10, []string{"PROCESS_STATE_FATAL", "TICK_60"}, "listen"),
		program("p", "exit 1 0.1", retries(0)),
	}
	inWorld(t, groups, func(t *testing.T, w *world) {
		w.Start()
		time.Sleep(61 * time.Second)
		w.SendRemoteComm("kind", "data")
		synctest.Wait()
		heard := w.spawner.listened()
		slices.Sort(heard)
		at := w.spawner.begin.Add(time.Minute).Unix()
		expect(t, "heard", heard, []string{"remote0: REMOTE_COMMUNICATION type:kind\ndata",
			"states0: PROCESS_STATE_FATAL processname:p groupname:p from_state:BACKOFF", fmt.Sprint("states0: TICK_60 when:", at)})
	})
}

func TestPoolBuffersAndOverflows(t *testing.T) {
	inWorld(t, []config.Group{listeners("ears", 3, []string{"REMOTE_COMMUNICATION"}, "listen")}, func(t *testing.T, w *world) {
		for i := range 5 {
			w.SendRemoteComm("n", fmt.Sprint(i))
			synctest.Wait()
			if got, want := w.Pools(), (Pool{Name: "ears", Queued: min(i+1, 3), Size: 3, Dropped: uint64(max(i-2, 0))}); !slices.Equal(got, []Pool{want}) {
				t.Errorf("pools %+v, want %+v", got, want)
			}
		}
		expect(t, "log", w.log.take("overflowed"), []string{
			"ERRO pool ears event buffer overflowed, discarding event 1", "ERRO pool ears event buffer overflowed, discarding event 2"})
		w.Start() // the listener comes up with events waiting
		synctest.Wait()
		if got, want := w.Pools(), (Pool{Name: "ears", Size: 3, Dropped: 2}); !slices.Equal(got, []Pool{want}) {
			t.Errorf("pools %+v, want %+v", got, want)
		}
		expect(t, "heard", w.spawner.listened(), []string{"ears0: REMOTE_COMMUNICATION type:n\n2", "ears0: REMOTE_COMMUNICATION type:n\n3",
			"ears0: REMOTE_COMMUNICATION type:n\n4"})
	})
}

func TestPoolPassesByWhoDoesNotTakeEvents(t *testing.T) {
	inWorld(t, []config.Group{listeners("ears", 10, []string{"REMOTE_COMMUNICATION"}, "mute", "deaf", "listen")}, func(t *testing.T, w *world) {
		w.Start()
		for i := range 3 {
			w.SendRemoteComm("n", fmt.Sprint(i))
			synctest.Wait()
		}
		expect(t, "heard", w.spawner.listened(), []string{"ears2: REMOTE_COMMUNICATION type:n\n0", "ears2: REMOTE_COMMUNICATION type:n\n1",
			"ears2: REMOTE_COMMUNICATION type:n\n2"})
	})
}

// TestListenerDoesNotHearItself would never end otherwise: each answer would be an event.
func TestListenerDoesNotHearItself(t *testing.T) {
	g := listeners("ears", 10, []string{"PROCESS_LOG", "REMOTE_COMMUNICATION"}, "listen")
	g.Specs[0].Stdout.EventsEnabled = true
	inWorld(t, []config.Group{g}, func(t *testing.T, w *world) {
		w.Start()
		w.SendRemoteComm("n", "x")
		synctest.Wait()
		expect(t, "heard", w.spawner.listened(), []string{"ears0: REMOTE_COMMUNICATION type:n\nx"})
	})
}

func TestRemovedPoolHearsNothing(t *testing.T) {
	inWorld(t, []config.Group{listeners("ears", 10, []string{"EVENT"}, "listen")}, func(t *testing.T, w *world) {
		w.Start()
		if _, err := w.StopGroup(t.Context(), "ears", true); err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveGroup(t.Context(), "ears"); err != nil {
			t.Fatal(err)
		}
		w.spawner.listened()
		w.SendRemoteComm("n", "x")
		synctest.Wait()
		expect(t, "heard", w.spawner.listened(), nil)
	})
}

func TestUnknownEventType(t *testing.T) {
	_, err := New(&config.Config{Groups: []config.Group{listeners("ears", 1, []string{"NOISE"})}},
		Deps{Spawner: &fakeSpawner{}, Bus: event.NewBus(), Log: &ActivityLog{}})
	if err == nil || !strings.Contains(err.Error(), `unknown event type "NOISE"`) {
		t.Errorf("got %v", err)
	}
}

// TestConfigAllowsTheEventTypesThereAre asks the configuration, which has its own list of names.
func TestConfigAllowsTheEventTypesThereAre(t *testing.T) {
	for _, typ := range event.Types() {
		conf := fmt.Sprintf("[eventlistener:x]\ncommand=listen\nstdout_logfile=NONE\nstderr_logfile=NONE\nevents=%s\n", typ)
		inWorldOfFile(t, conf, func(t *testing.T, w *world, _ func(string)) {
			if got := w.Configured()[0].Listener.Events; !slices.Equal(got, []string{typ.String()}) {
				t.Errorf("%s became %v", typ, got)
			}
		})
	}
}

func TestCommunicationEvents(t *testing.T) {
	p := program("p", "cat", startSecs(0), func(s *process.Spec) { s.Stdout.CaptureBytes = 100 })
	inWorld(t, []config.Group{p}, func(t *testing.T, w *world) {
		w.Start()
		w.events()
		if err := w.WriteStdin(t.Context(), ns("p"), []byte("a<!--XSUPERVISOR:BEGIN-->the message<!--XSUPERVISOR:END-->b")); err != nil {
			t.Fatal(err)
		}
		pid := w.Processes()[0].Info.PID
		expect(t, "events", w.events(), []string{fmt.Sprintf("COMMUNICATION_STDOUT processname:p groupname:p pid:%d the message", pid)})
	})
}
