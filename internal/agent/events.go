package agent

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"

	"github.com/supvisors/supvisors/internal/journal"
	"github.com/supvisors/supvisors/rest/agent"
)

// Codes of the event log beside those of package journal, in their style.
const (
	CodeTrustedWritten = "trusted_file_written" // node
	CodeTrustedRemoved = "trusted_file_removed" // node
)

// eventPatience is how long an event may take to the disk.
const eventPatience = 10 * time.Second

// Source is the node as the event log names it.
func (a *Agent) Source() journal.Node {
	n := a.Node()
	return journal.Node{ID: n.ID, Org: a.options.Organization, Pattern: n.Pattern, ConfigState: n.State.String()}
}

// record logs an event of the node and waits until it is on disk.
func (a *Agent) record(ctx context.Context, code, message string) {
	a.append(ctx, journal.Record{Code: code, Message: message, Source: a.Source()})
}

func (a *Agent) append(ctx context.Context, r journal.Record) {
	ctx, cancel := context.WithTimeout(ctx, eventPatience)
	defer cancel()
	if _, err := a.cfg.Log.AppendSync(ctx, r); err != nil {
		a.log.Error("an event is not in the event log", "event_code", r.Code, "error", err)
	}
}

// tellConfigured logs that the node is a full member.
func (a *Agent) tellConfigured(ctx context.Context) {
	a.record(ctx, journal.CodeRegistered, "Complete node configuration/registration for node "+a.nick()+".")
}

// tellStart logs what the start of the daemon has made of the node.
func (a *Agent) tellStart(ctx context.Context) {
	switch m := a.cfg.Start.member; {
	case m.auto:
		a.tellConfigured(ctx)
	case m.unfinished:
		a.record(ctx, journal.CodeUnregistered, "Node unregistration complete for node "+a.nick()+".")
	}
}

// tellService logs an event of an application, without waiting.
func (a *Agent) tellService(code, message, group string) {
	app := a.application(group)
	work := app.Workload()
	s := journal.Service{URL: work.URL, Org: work.Organization, Version: work.Version, Arch: work.Arch}
	if id, ok := a.cfg.Ledger.Agreement(group); ok {
		s.AgreementIDs = []string{id}
	}
	a.cfg.Log.Append(journal.Record{Code: code, Message: message, Source: s})
}

// InputRefused implements agent.Agent.
func (a *Agent) InputRefused(input string) {
	a.cfg.Log.Append(journal.Record{Severity: journal.Warning, Code: journal.CodeUserInputRefused,
		Message: "Wrong input in a request: " + input + ".", Source: a.Source()})
}

func parseSelection(query url.Values) (*journal.Selection, error) {
	selection, err := journal.ParseSelection(query)
	if err != nil {
		return nil, &agent.BadSelection{Text: err.Error()}
	}
	return selection, nil
}

// Events implements agent.Agent.
func (a *Agent) Events(_ context.Context, query url.Values, all bool) (iter.Seq2[json.Marshaler, error], error) {
	selection, err := parseSelection(query)
	if err != nil {
		return nil, err
	}
	var since time.Time
	if !all {
		since = a.member().Unregistered
	}
	return func(yield func(json.Marshaler, error) bool) {
		for r, err := range a.cfg.Log.Select(selection, since) {
			if !yield(r, err) {
				return
			}
		}
	}, nil
}

// DeleteEvents implements agent.Agent.
func (a *Agent) DeleteEvents(ctx context.Context, query url.Values) (int, error) {
	selection, err := parseSelection(query)
	if err != nil {
		return 0, err
	}
	return a.cfg.Log.DeleteSelected(ctx, selection)
}

// PruneEvents implements agent.Agent. A node that was never unregistered has nothing to remove.
func (a *Agent) PruneEvents(ctx context.Context) (int, error) {
	before := a.member().Unregistered
	if before.IsZero() {
		return 0, nil
	}
	return a.cfg.Log.Prune(ctx, before)
}

// Scope implements agent.Agent.
func (a *Agent) Scope(key string) agent.Scope {
	if a.cfg.Key == nil {
		return agent.Nothing
	}
	return a.cfg.Key(key)
}
