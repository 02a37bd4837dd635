package agent

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rest/agent"
	"github.com/supvisors/supvisors/rules"
)

// application returns what is configured about an application; whether it is suspended is not.
func (a *Agent) application(group string) agent.Application {
	return agent.Application{Name: group, URL: a.options.URLs[group], Organization: a.options.Organization,
		Version: cmp.Or(a.options.Versions[group], defaultVersion)}
}

// Application returns the application of a group, as the API calls it, for those who keep records of it.
func (a *Agent) Application(group string) agent.Application {
	app := a.application(group)
	g, err := a.sup.Group(group)
	app.Suspended = err == nil && suspended(g)
	return app
}

// suspended reports whether all programs of a group are disabled.
func suspended(g supervisor.Group) bool {
	return len(g.Processes) > 0 && !slices.ContainsFunc(g.Processes, func(p supervisor.Process) bool { return !p.Info.Disabled })
}

// Applications implements agent.Agent.
func (a *Agent) Applications() []agent.Application {
	var all []agent.Application
	for _, g := range a.sup.Groups() {
		app := a.application(g.Name)
		app.Suspended = suspended(g)
		all = append(all, app)
	}
	slices.SortFunc(all, func(a, b agent.Application) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// required are the managed applications that the rules have started before this one.
func (a *Agent) required(group string) (before []agent.ServiceDependency) {
	if a.cluster == nil {
		return nil
	}
	view := a.cluster.View()
	app := view.Application(group)
	if app == nil {
		return nil
	}
	for _, other := range view.Applications {
		if other.Rules.StartSequence > 0 && other.Rules.StartSequence < app.Rules.StartSequence {
			needed := a.application(other.Name)
			before = append(before, needed.Dependency())
		}
	}
	return before
}

// Policies implements agent.Agent.
func (a *Agent) Policies(context.Context) ([]agent.Policy, error) {
	err := a.unregistered()
	if err != nil {
		return nil, err
	}
	view := a.cluster.View()
	properties := nodeProperties(view.Self)
	var all []agent.Policy
	for _, app := range a.Applications() {
		p := agent.Policy{Application: app, Properties: properties}
		if seen := view.Application(app.Name); seen != nil {
			p.Exclusive = seen.Rules.Distribution != rules.AllInstances
			if p.Rules, err = a.rulesOf(app.Name); err != nil {
				return nil, err
			}
		}
		all = append(all, p)
	}
	return all, nil
}

func (a *Agent) rulesOf(group string) (any, error) {
	if a.cfg.Rules == nil {
		return nil, nil
	}
	return a.cfg.Rules(group)
}

// nodeProperties are what a placement may go by; the memory is in MB.
func nodeProperties(self *cluster.InstanceView) []agent.NodeProperty {
	properties := []agent.NodeProperty{{Name: "cpus", Value: runtime.NumCPU()}}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil { // else it is not known
		properties = append(properties, agent.NodeProperty{Name: "ram", Value: uint64(info.Totalram) * uint64(info.Unit) >> 20})
	}
	return append(properties, agent.NodeProperty{Name: "stereotypes", Value: slices.Concat([]string{}, self.Stereotypes)})
}
