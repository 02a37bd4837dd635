package ledger

import (
	"fmt"
	"slices"

	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rest/agent"
)

// source returns what a process of an application belongs to: the agreement that it was started for, else the application itself.
func (l *Ledger) source(app *application, m *member) journal.Source {
	if m.agreement != nil {
		return agreementSource(&m.agreement.Agreement)
	}
	return l.serviceSource(app)
}

func agreementSource(a *agent.Agreement) journal.Source {
	s := journal.Agreement{ID: a.ID, Workload: journal.Workload{URL: a.Workload.URL, Org: a.Workload.Organization,
		Version: a.Workload.Version, Arch: a.Workload.Arch}, ConsumerID: a.Consumer, Protocol: "Basic"}
	for _, d := range a.Dependents {
		s.DependentServices = append(s.DependentServices, journal.ServiceRef{URL: d.URL, Org: d.Organization})
	}
	return s
}

func (l *Ledger) serviceSource(app *application) journal.Source {
	service := l.cfg.Application(app.name)
	w := service.Workload()
	s := journal.Service{URL: w.URL, Org: w.Organization, Version: w.Version, Arch: w.Arch}
	if app.run != nil {
		s.InstanceID, s.AgreementIDs = app.run.ID, app.run.Agreements
	}
	return s
}

func (l *Ledger) record(severity journal.Severity, code string, source journal.Source, format string, args ...any) {
	l.cfg.Log.Append(journal.Record{Severity: severity, Code: code, Source: source, Message: fmt.Sprintf(format, args...)})
}

func (l *Ledger) recordProposal(a *accord, ns process.Namespec) {
	l.record(journal.Info, journal.CodeProposalReceived, agreementSource(&a.Agreement), "%s wants %s to be started (%s).",
		a.Consumer, ns, a.Proposal.Trigger)
}

func (l *Ledger) recordRejection(a *accord, ns process.Namespec, err error) {
	why := "is disabled"
	if err != nil {
		why = "is not known"
	}
	l.record(journal.Warning, journal.CodeProposalRejected, agreementSource(&a.Agreement), "Process %s %s here.", ns, why)
}

func (l *Ledger) recordAgreement(a *accord) {
	l.record(journal.Info, journal.CodeAgreementReached, agreementSource(&a.Agreement), "Agreement with %s about %s is reached.",
		a.Consumer, a.Workload.URL)
}

// recordCancelled tells that an agreement begins to end.
func (l *Ledger) recordCancelled(a *accord) {
	severity, code := journal.Info, journal.CodeAgreementCancelled
	switch a.Reason {
	case Suspended:
		code = journal.CodeCancelledSuspended
	case StartTimeout:
		severity, code = journal.Warning, journal.CodeCancelledTimeout
	}
	l.record(severity, code, agreementSource(&a.Agreement), "Agreement about %s ends: %d %s.", a.Workload.URL, a.Reason, a.ReasonDescription)
}

// recordEnded tells that it has ended.
func (l *Ledger) recordEnded(a *agent.Agreement) {
	l.record(journal.Info, journal.CodeAgreementEnded, agreementSource(a), "Agreement about %s has ended.", a.Workload.URL)
}

// serviceStarting, serviceCompleted and serviceFailed tell about applications that are not managed.
func (l *Ledger) serviceStarting(app *application) {
	if !app.run.Managed {
		l.record(journal.Info, journal.CodeServiceStarting, l.serviceSource(app), "Service %s is being started.", app.name)
	}
}

func (l *Ledger) serviceFailed(app *application, i process.Info) {
	if app.run != nil && !app.run.Managed {
		l.record(journal.Error, journal.CodeServiceStartError, l.serviceSource(app), "Service %s could not be started: process %s is FATAL.",
			app.name, i.Name)
	}
}

func (l *Ledger) serviceCompleted(app *application) {
	if app.run == nil || app.run.Managed || app.run.found || app.run.complete || app.run.Ending != 0 || app.up == 0 {
		return
	}
	for _, m := range app.processes {
		done := m.info.State == process.Running || m.info.State == process.Exited && m.info.Expected
		if (m.spec.Autostart || m.run == app.run) && !done {
			return
		}
	}
	app.run.complete = true
	l.record(journal.Info, journal.CodeServiceStarted, l.serviceSource(app), "Service %s is started.", app.name)
}

// names returns the sorted elements of a list that another one does not have.
func names(list, without []string) []string {
	left := slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(without, name) })
	slices.Sort(left)
	return left
}
