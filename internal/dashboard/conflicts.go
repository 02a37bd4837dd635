package dashboard

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/rules"
)

// strategies are those that a page offers for conflicts.
var strategies = []rules.ConciliationStrategy{rules.Senicide, rules.Infanticide, rules.ConciliationStop, rules.ConciliationRestart,
	rules.ConciliationRunningFailure}

// previews tells what each strategy would do to each present conflict.
func previews(v *cluster.View, at time.Time) []Preview {
	all := []Preview{}
	for _, app := range v.Applications {
		for _, p := range app.Processes {
			if !app.Rules.Managed || len(p.Running) < 2 {
				continue
			}
			for _, s := range strategies {
				all = append(all, preview(v, app, p, s, at))
			}
		}
	}
	return all
}

func preview(v *cluster.View, app *cluster.ApplicationView, p *cluster.ProcessView, s rules.ConciliationStrategy, at time.Time) Preview {
	show := Preview{Process: p.Namespec.String(), Strategy: s.String(), Stops: slices.Clone(p.Running), Keeps: []string{}}
	age := func(a, b string) int { return cmp.Compare(uptime(v, p, a, at), uptime(v, p, b, at)) }
	keep := ""
	switch s {
	case rules.Senicide:
		keep = slices.MinFunc(p.Running, age)
	case rules.Infanticide:
		keep = slices.MaxFunc(p.Running, age)
	case rules.ConciliationRestart:
		show.Then = "it is started once, by " + app.Rules.StartingStrategy.String()
	case rules.ConciliationRunningFailure:
		show.Then = "running_failure_strategy " + p.Rules.RunningFailure.String() + " is applied"
	}
	if keep != "" {
		show.Keeps = []string{keep}
		show.Stops = slices.DeleteFunc(show.Stops, func(id string) bool { return id == keep })
	}
	return show
}

// uptime is how long a process has been up on a node, in seconds, by the clock of that node.
func uptime(v *cluster.View, p *cluster.ProcessView, identifier string, at time.Time) float64 {
	info := *p.At(identifier)
	if n := v.Instance(identifier); n != nil && !n.TickAt.IsZero() {
		info.NowMono = max(info.NowMono, n.Tick.Mono+at.Sub(n.TickAt).Seconds())
	}
	return info.Uptime()
}

func (d *Dashboard) servePreviews(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, struct {
		Previews []Preview `json:"previews"`
	}{previews(d.current(), time.Now())})
}
