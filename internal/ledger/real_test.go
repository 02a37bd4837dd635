package ledger

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/supervisor/supervisortest"
	"github.com/supvisors/supvisors/rest/agent"
)

// TestMain makes the test binary also the child that tests start.
func TestMain(m *testing.M) { supervisortest.Main(m, nil) }

// TestRealChildren is the story of an application with a real Supervisor: ordered, running, killed and restarted by itself, killed for good.
func TestRealChildren(t *testing.T) {
	sup := supervisortest.New(t, "[program:web]\ncommand=PLAY idle\nautostart=false\nstartsecs=0\nautorestart=true\nenvironment=A=\"1\"\n"+
		"[program:sick]\ncommand=DIR/none\nstartretries=0\n", nil)
	log, err := journal.Open(sup.Path("journal.db"), journal.Limits{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	view := newView()
	view.Applications[2].Processes[0].Namespec.Process = "web"
	l, err := Open(Config{Path: sup.Path("ledger.db"), Log: log, Supervisor: sup.Supervisor, Cluster: fixed{view},
		Node:        func() journal.Node { return journal.Node{ID: "n1", Org: "org"} },
		Application: func(group string) agent.Application { return agent.Application{Name: group} }})
	if err != nil {
		t.Fatal(err)
	}
	ran, sub := make(chan struct{}), sup.Bus.Subscribe(1000, Events()...)
	go func() { defer close(ran); l.Run(context.Background(), sub, nil) }()
	sup.Start()

	web := process.Namespec{Group: "web", Process: "web"}
	l.Ordered(cluster.Order{From: "n2:1", Namespec: web})
	if err := sup.StartProcess(t.Context(), web, false); err != nil {
		t.Fatal(err)
	}
	supervisortest.Until(t, "web runs", func() bool { a := l.Agreements(); return len(a) == 1 && a[0].Finalized != 0 })
	supervisortest.Until(t, "the other one has failed", func() bool {
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
	supervisortest.Until(t, "web runs again", func() bool {
		p, err := sup.Process(web)
		return err == nil && p.Info.State == process.Running && p.Info.PID != first.Info.PID
	})
	before := l.Agreements()
	if len(before) != 1 || before[0].Terminated != 0 || before[0].Deployment["web"].Command[2] != "idle" {
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
	supervisortest.Until(t, "the agreement has ended", func() bool { a := l.Agreements(); return len(a) == 1 && a[0].Archived })
	if a := l.Agreements()[0]; a.Reason != ServiceTerminated || a.ID != before[0].ID || a.WorkloadEnded == 0 {
		t.Errorf("got %+v", a)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := sup.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	sup.Bus.Close()
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
