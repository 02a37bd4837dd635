package ledger

import (
	"strings"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/journal"
)

// watched is what was seen of the cluster last.
type watched struct {
	view *cluster.View
	lost map[string]bool // peers of which it was told that they are lost
}

// look writes down what has changed in the cluster. The first View is where it begins.
func (l *Ledger) look(v *cluster.View) {
	before := l.watched.view
	l.watched.view = v
	if before == nil || before == v {
		return
	}
	l.lookAtModes(before, v)
	l.lookAtPeers(before, v)
	l.lookAtConflicts(before, v)
}

func (l *Ledger) lookAtModes(before, v *cluster.View) {
	old, now := before.Self.Modes, v.Self.Modes
	if old.State != now.State {
		l.record(journal.Info, journal.CodeStateChanged, l.cfg.Node(), "The state of the cluster is %s, it was %s.", now.State, old.State)
	}
	if old.Master == now.Master {
		return
	}
	if master := v.Master(); master != nil {
		l.record(journal.Info, journal.CodeMasterElected, l.peer(master), "%s is the Master.", master.Nick)
		return
	}
	if v.Self.Standing >= cluster.Withdrawn { // it is in no cluster
		return
	}
	url := ""
	if l.cfg.Exchange != nil {
		url = l.cfg.Exchange()
	}
	l.record(journal.Error, journal.CodeExchangeError, journal.Exchange{URL: url}, "There is no Master.")
}

// peer returns another node as records name it.
func (l *Ledger) peer(n *cluster.InstanceView) journal.Node {
	self := l.cfg.Node()
	if n.Nick == self.ID {
		return self
	}
	return journal.Node{ID: n.Nick, Org: self.Org, Pattern: strings.Join(n.Stereotypes, ",")}
}

// lookAtPeers tells which peers are lost, and which of them are back. Those that leave on purpose, or that this node leaves, are not lost.
func (l *Ledger) lookAtPeers(before, v *cluster.View) {
	for i, n := range v.Instances {
		if i < len(before.Instances) && before.Instances[i] == n {
			continue
		}
		old := before.Instance(n.Identifier)
		if old == nil || old.State == n.State || n.Identifier == v.Self.Identifier {
			continue
		}
		switch up := n.State == cluster.InstanceRunning; {
		case up && l.watched.lost[n.Identifier]:
			delete(l.watched.lost, n.Identifier)
			l.record(journal.Info, journal.CodePeerBack, l.peer(n), "Node %s is back.", n.Nick)
		case !up && old.State == cluster.InstanceRunning && n.Standing < cluster.Withdrawn && v.Self.Standing < cluster.Withdrawn:
			l.watched.lost[n.Identifier] = true
			l.record(journal.Warning, journal.CodePeerLost, l.peer(n), "Node %s is lost.", n.Nick)
		}
	}
}

// lookAtConflicts compares the applications that have changed.
func (l *Ledger) lookAtConflicts(before, v *cluster.View) {
	for i, app := range v.Applications {
		if i < len(before.Applications) && before.Applications[i] == app {
			continue
		}
		was, is := conflicts(before.Application(app.Name)), conflicts(app)
		for _, name := range names(is, was) {
			on := strings.Join(app.Process(name).Running, ", ")
			l.record(journal.Warning, journal.CodeConflictDetected, l.serviceNamed(app.Name), "Process %s runs on %s.",
				namespecOf(app.Name, name), on)
		}
		for _, name := range names(was, is) {
			l.record(journal.Info, journal.CodeConflictResolved, l.serviceNamed(app.Name), "Process %s is in conflict no more.",
				namespecOf(app.Name, name))
		}
	}
}

// serviceNamed returns an application as records name it; it need not be one of this node.
func (l *Ledger) serviceNamed(group string) journal.Source {
	if app := l.apps[group]; app != nil {
		return l.serviceSource(app)
	}
	return l.serviceSource(&application{name: group})
}

// conflicts returns the processes of a managed application that are up on more than one node.
func conflicts(app *cluster.ApplicationView) (list []string) {
	if app == nil || !app.Rules.Managed {
		return nil
	}
	for _, p := range app.Processes {
		if len(p.Running) > 1 {
			list = append(list, p.Namespec.Process)
		}
	}
	return list
}
