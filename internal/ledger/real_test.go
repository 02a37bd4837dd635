package ledger

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/config"
	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "idle" {
		io.Copy(io.Discard, os.Stdin) // until its Supervisor is gone
	}
	os.Exit(m.Run())
}

// system is the one reaper of the test process.
var system = sync.OnceValues(func() (*child.System, error) {
	s, err := child.NewSystem(slog.New(slog.DiscardHandler))
	if err == nil {
		go s.Run()
	}
	return s, err
})

// TestRealChildren is the story of an application with a real Supervisor: ordered, running, killed and restarted by itself, killed for good.
func TestRealChildren(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[supervisord]\nlogfile=%[1]s/main.log\nchildlogdir=%[1]s\n"+
		"[program:web]\ncommand=%[2]s idle\nautostart=false\nstartsecs=0\nautorestart=true\nenvironment=A=\"1\"\n"+
		"[program:sick]\ncommand=%[1]s/none\nstartretries=0\n", dir, self)
	path := filepath.Join(dir, "supervisord.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, config.Flags{})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	spawner, err := system()
	if err != nil {
		t.Fatal(err)
	}
	activity, err := supervisor.OpenActivityLog(cfg.Supervisord, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer activity.Close()
	bus := event.NewBus()
	sup, err := supervisor.New(cfg, supervisor.Deps{Spawner: spawner, Log: activity, Bus: bus, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(filepath.Join(dir, "journal.db"), journal.Limits{}, logger)
	if err != nil {
		t.Fatal(err)
	}
	view := newView()
	view.Applications[2].Processes[0].Namespec.Process = "web"
	l, err := Open(Config{Path: filepath.Join(dir, "ledger.db"), Log: log, Supervisor: sup, Cluster: fixed{view},
		Node:        func() journal.Node { return journal.Node{ID: "n1", Org: "org"} },
		Application: func(group string) agent.Application { return agent.Application{Name: group} }})
	if err != nil {
		t.Fatal(err)
	}
	ran, sub := make(chan struct{}), bus.Subscribe(1000, Events()...)
	go func() { defer close(ran); l.Run(context.Background(), sub, nil) }()
	sup.Start()

	web := process.Namespec{Group: "web", Process: "web"}
	l.Ordered(cluster.Order{From: "n2:1", Namespec: web})
	if err := sup.StartProcess(t.Context(), web, false); err != nil {
		t.Fatal(err)
	}
	until(t, "web runs", func() bool { a := l.Agreements(); return len(a) == 1 && a[0].Finalized != 0 })
	until(t, "the other one has failed", func() bool {
		i := l.Instances()
		return len(i) == 2 && i[1].Archived && i[1].FailureCode == fatalCode && strings.Contains(i[1].FailureText, "none")
	})
	first, err := sup.Process(web)
	if err != nil {
		t.Fatal(err)
	}
	if err := sup.SignalProcess(t.Context(), web, 9); err != nil {
		t.Fatal(err)
	}
	until(t, "web runs again", func() bool {
		p, err := sup.Process(web)
		return err == nil && p.Info.State == process.Running && p.Info.PID != first.Info.PID
	})
	before := l.Agreements()
	if len(before) != 1 || before[0].Terminated != 0 || before[0].Deployment["web"].Command[1] != "idle" {
		t.Fatalf("got %+v", before)
	}
	if i := l.Instances()[0]; len(i.Containers) != 1 || i.Containers[0].State != "RUNNING" || i.Agreements[0] != before[0].ID {
		t.Errorf("got %+v", i)
	}
	if err := sup.DisableAutorestart(t.Context(), web); err != nil {
		t.Fatal(err)
	}
	if err := sup.SignalProcess(t.Context(), web, 9); err != nil {
		t.Fatal(err)
	}
	until(t, "the agreement has ended", func() bool { a := l.Agreements(); return len(a) == 1 && a[0].Archived })
	if a := l.Agreements()[0]; a.Reason != ServiceTerminated || a.ID != before[0].ID || a.WorkloadEnded == 0 {
		t.Errorf("got %+v", a)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := sup.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	bus.Close()
	<-ran
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

type fixed struct{ view *cluster.View }

func (f fixed) View() *cluster.View { return f.view }
