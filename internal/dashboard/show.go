package dashboard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/process"
)

// shower turns parts of a View into documents. What the View does not know, it gets from the history.
type shower struct {
	view *cluster.View
	past *history
}

func (s shower) cluster(fixed Cluster) *Cluster {
	c := fixed
	c.Self = s.view.Self.Identifier
	if c.Clustered {
		c.State, c.Master, c.Term = s.view.Self.Modes.State.String(), s.view.Self.Modes.Master, s.view.Self.Modes.Term
	}
	return &c
}

func (s shower) node(n *cluster.InstanceView) Node {
	held := s.past.nodes[n.Identifier]
	return Node{ID: n.Identifier, Nick: n.Nick, Host: n.Host, Port: n.Port, State: n.State.String(), Standing: n.Standing.String(),
		Since: held.since, Tick: n.Tick.Wall, Load: n.Load, Starting: n.Modes.Starting, Stopping: n.Modes.Stopping, Failure: n.Failure,
		Locks: list(n.Locks), Core: slices.Contains(s.past.core, n.Identifier) || slices.Contains(s.past.core, n.Nick),
		Stereos: list(n.Stereotypes), Held: list(held.lost), Missed: held.missed}
}

func (s shower) application(a *cluster.ApplicationView) Application {
	app := Application{Name: a.Name, Managed: a.Rules.Managed, State: a.State.String(), Since: s.past.apps[a.Name].since,
		Major: a.Major, Minor: a.Minor, Verdict: verdict(a), Strategy: a.Rules.StartingStrategy.String(), Spread: a.Rules.Distribution.String(),
		Start: a.Rules.StartSequence, Stop: a.Rules.StopSequence, OnFailure: a.Rules.StartingFailure.String(),
		OnCrash: a.Rules.RunningFailure.String(), Processes: make([]Process, len(a.Processes))}
	if a.Rules.Formula != nil {
		app.Formula = a.Rules.Formula.String()
	}
	for i, p := range a.Processes {
		app.Processes[i] = s.process(a, p)
	}
	return app
}

func (s shower) process(a *cluster.ApplicationView, p *cluster.ProcessView) Process {
	show := Process{Name: p.Namespec.String(), Process: p.Namespec.Process, State: p.Shown.String(), Real: p.State.String(), On: list(p.Running),
		Conflict: a.Rules.Managed && len(p.Running) > 1, Crashed: s.past.crashed[p.Namespec], Starts: s.past.starts[p.Namespec],
		Args: p.ExtraArgs, Load: p.Rules.ExpectedLoad, Start: p.Rules.StartSequence, Stop: p.Rules.StopSequence, Required: p.Rules.Required,
		WaitExit: p.Rules.WaitExit, Allowed: list(p.Identifiers), OnFailure: p.Rules.StartingFailure.String(),
		OnCrash: p.Rules.RunningFailure.String(), At: make([]Copy, len(p.Infos))}
	last := lastCopy(p)
	if last != nil {
		show.Where = last.Identifier
	}
	show.Why = s.why(p, last)
	for i, at := range p.Infos {
		info := at.Info
		show.Program = info.Program
		show.At[i] = Copy{Node: at.Identifier, State: info.State.String(), PID: info.PID, Started: info.Start, Stopped: info.Stop,
			Expected: info.Expected, Error: spawnErr(info), How: info.How, Disabled: info.Disabled, Stdout: info.HasStdout, Stderr: info.HasStderr}
	}
	return show
}

// lastCopy is where a process is up, else where it was last; nil when it has never been started.
func lastCopy(p *cluster.ProcessView) *cluster.ProcessAt {
	var last *cluster.ProcessAt
	for i := range p.Infos {
		at := &p.Infos[i]
		switch {
		case slices.Contains(p.Running, at.Identifier):
			return at
		case at.Info.Start > 0 && (last == nil || at.Info.Now > last.Info.Now):
			last = at
		}
	}
	return last
}

// why tells what went wrong with a process, "" when nothing did.
func (s shower) why(p *cluster.ProcessView, last *cluster.ProcessAt) string {
	var parts []string
	if p.Reason != "" {
		parts = append(parts, p.Reason)
	}
	if last != nil && (failed(last.Info) || last.Info.State == process.Backoff) {
		info, text := last.Info, spawnErr(last.Info)
		if how := howEnded(info); how != "" {
			text = strings.TrimPrefix(text+"; "+how, "; ")
			if info.Start > 0 {
				text += fmt.Sprintf(" after %.2f s", max(info.Stop-info.Start, 0.01))
			}
		}
		if text != "" {
			parts = append(parts, text+" on "+s.nick(last.Identifier))
		}
	}
	return strings.Join(parts, "; ")
}

// spawnErr is why a process could not be started, or went with its node, without what pages show anyway: the node, and the log that Supervisor's
// sentence points to.
func spawnErr(info *cluster.ProcessInfo) string {
	if strings.HasPrefix(info.SpawnErr, "Supervisor ") && strings.HasSuffix(info.SpawnErr, " lost") {
		return "Supervisor lost"
	}
	return strings.TrimSuffix(info.SpawnErr, " (process log may have details)")
}

// howEnded is how the child of the last start ended, "" when that is not known: it was another one, or went with its node.
func howEnded(info *cluster.ProcessInfo) string {
	if info.Stop < info.Start {
		return ""
	}
	return info.How
}

func failed(info *cluster.ProcessInfo) bool {
	return info.State == process.Fatal || info.State == process.Unknown || info.State == process.Exited && !info.Expected
}

func (s shower) nick(identifier string) string {
	if n := s.view.Instance(identifier); n != nil && n.Nick != "" {
		return n.Nick
	}
	return identifier
}

// verdict tells why the operational status of an application is what it is: the processes that count against it.
func verdict(a *cluster.ApplicationView) string {
	if !a.Major && !a.Minor {
		return ""
	}
	var missing []string
	for _, p := range a.Processes {
		switch {
		case p.Shown == process.Fatal || p.Shown == process.Unknown || p.Shown == process.Exited && !p.Expected:
		case p.Shown == process.Stopped && a.Major && (p.Rules.Required || a.Rules.Formula != nil):
		default:
			continue
		}
		word := ""
		if p.Rules.Required {
			word = "required "
		}
		missing = append(missing, word+p.Namespec.Process+" is "+p.Shown.String())
	}
	if a.Major && a.Rules.Formula != nil {
		return "operational_status is not met: " + strings.Join(missing, ", ")
	}
	return strings.Join(missing, ", ")
}

// list keeps null out of the documents.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}
