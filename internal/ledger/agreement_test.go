package ledger

import (
	"reflect"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

func TestAgreementInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do("order web:a request; order web:b request; start web:a")
		now := seconds(time.Now())
		workload := agent.Workload{URL: "web", Organization: "org", Version: "1.0", Arch: runtime.GOARCH}
		id, ok := w.ledger.Agreement("web")
		want := []agent.Agreement{{
			Name: "Policy for web merged with LESS_LOADED", ID: id, Consumer: "org/n2", Counterparty: "n2:1",
			Created: now, Accepted: now, Started: now, Workload: workload,
			Proposal: agent.Proposal{Strategy: "LESS_LOADED", Load: 20, Candidates: []string{"n1", "n3"}, Chosen: "n1",
				Trigger: "start_application", Processes: []string{"a", "b"}},
			Deployment: map[string]agent.Deployed{"a": {Command: []string{"/bin/a", "one two"}, Program: "/bin/a",
				Environment: map[string]string{"NAME": "a"},
				Labels:      map[string]string{"openhorizon.anax.agreement_id": id, "openhorizon.anax.service_name": "web"}}},
			Dependents: []agent.ServiceDependency{{URL: "job", Organization: "org", VersionRange: "[0.0.0,INFINITY)", Arch: runtime.GOARCH}},
		}}
		if got := w.ledger.Agreements(); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		w.close()
	})
}

func TestCandidates(t *testing.T) {
	v := newView()
	app := v.Application("web")
	for _, c := range []struct {
		what   string
		change func(*cluster.ApplicationView, *cluster.ProcessView)
		want   []string
	}{
		{"by the process", func(*cluster.ApplicationView, *cluster.ProcessView) {}, []string{"n1", "n3"}},
		{"all", func(_ *cluster.ApplicationView, p *cluster.ProcessView) { p.Identifiers = []string{"*"} }, []string{"n1", "n2", "n3"}},
		{"none", func(_ *cluster.ApplicationView, p *cluster.ProcessView) { p.Identifiers = nil }, nil},
		{"by the application", func(a *cluster.ApplicationView, _ *cluster.ProcessView) {
			a.Rules.Distribution, a.Identifiers = rules.SingleInstance, []string{"n2"}
		}, []string{"n2"}},
		{"only those that know it", func(_ *cluster.ApplicationView, p *cluster.ProcessView) {
			p.Infos = []cluster.ProcessAt{{Identifier: "n1:1", Info: &cluster.ProcessInfo{}},
				{Identifier: "n3:1", Info: &cluster.ProcessInfo{Disabled: true}}}
		}, []string{"n1"}},
	} {
		a, p := *app, *app.Process("a")
		c.change(&a, &p)
		if got := candidates(v, &a, &p); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, got, c.want)
		}
	}
}

// The environment of the first process names the agreement, whoever is faster.
func TestAgreementIsPromised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stop()
		order := func(name string) {
			w.ledger.Ordered(cluster.Order{From: "n2:1", Namespec: process.ParseNamespec(name)})
		}
		if id, ok := w.ledger.Agreement("web"); ok || id != "" {
			t.Errorf("there is an agreement %q", id)
		}
		order("free:one")
		order("web:a")
		order("web:b")
		promised, ok := w.ledger.Agreement("web")
		if !ok || len(promised) != 64 {
			t.Errorf("promised is %q, %v", promised, ok)
		}
		if id, ok := w.ledger.Agreement("free"); ok {
			t.Errorf("%q is promised for what is not managed", id)
		}
		w.run()
		synctest.Wait()
		if id, ok := w.ledger.Agreement("web"); !ok || id != promised {
			t.Errorf("got %q, promised was %q", id, promised)
		}
		w.do("start web:a; stop web:a")
		if id, ok := w.ledger.Agreement("web"); ok {
			t.Errorf("%q is ending", id)
		}
		w.close()
	})
}

func TestInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.do("wait 1h; order web:a request; wait 1s; start web:a; wait 1s; up web:a; start free:one; wait 1s; cannot free:two")
		agreement, _ := w.ledger.Agreement("web")
		created := w.ledger.Agreements()[0].Created
		all := w.ledger.Instances()
		ids := map[string]bool{}
		for i := range all {
			ids[all[i].ID] = len(all[i].ID) == 36
			all[i].ID = ""
			for j := range all[i].Containers {
				all[i].Containers[j].Since = time.Time{}
			}
		}
		if len(ids) != 2 || len(all) != 2 {
			t.Fatalf("got %+v", all)
		}
		app := func(name string) agent.Application {
			return agent.Application{Name: name, Organization: "org", Version: "1.0"}
		}
		container := func(name, command, state string, at agent.Seconds, pid int, agreement string) agent.Container {
			p, _ := w.Process(process.ParseNamespec(name))
			return agent.Container{ID: w.config(nil).ContainerID(p.Info), Program: program(p.Spec), Command: command, Created: at, State: state,
				Namespec: name, PID: pid, Agreement: agreement}
		}
		want := []agent.Instance{
			{Application: app("free"), Created: created + 2, Started: created + 2, Definition: "definition of free", StartRetries: 1, Retries: 1,
				RetryStarted: created + 3, Containers: []agent.Container{
					container("free:one", "one", "STARTING", created+2, 42, ""), container("free:two", "two", "BACKOFF", created+3, 0, "")}},
			{Application: app("web"), Created: created, Started: created + 1, Definition: "definition of web", Managed: true, StartRetries: 1,
				Agreements: []string{agreement}, Containers: []agent.Container{
					container("web:a", "/bin/a 'one two'", "RUNNING", created+1, 42, agreement)}},
		}
		if !reflect.DeepEqual(all, want) {
			t.Errorf("got  %+v\nwant %+v", all, want)
		}

		w.do("exit web:a 0; up free:one; stop free:two")
		w.do("wait 1s; exit free:one 3 no; wait 1s; retry free:one no; wait 3s; order web:a failure; start web:a")
		all = w.ledger.Instances()
		type end struct {
			app      string
			archived bool
			code     int
			text     string
			ending   agent.Seconds
			state    string
			since    agent.Seconds
		}
		var ends []end
		for _, i := range all {
			c := i.Containers[0]
			ends = append(ends, end{i.Application.Name, i.Archived, i.FailureCode, i.FailureText, i.Ending, c.State, seconds(c.Since)})
		}
		wantEnds := []end{
			{"web", false, 0, "", 0, "STARTING", seconds(time.Now())},
			{"web", true, 0, "", created + 3, "EXITED", created + 3},
			{"free", true, 200, "no", created + 5, "FATAL", created + 5},
		}
		if !slices.Equal(ends, wantEnds) {
			t.Errorf("got  %+v\nwant %+v", ends, wantEnds)
		}
		if all[0].Agreements[0] == all[1].Agreements[0] || all[1].Agreements[0] != agreement {
			t.Errorf("agreements: %v and %v", all[0].Agreements, all[1].Agreements)
		}
		w.close()
	})
}
