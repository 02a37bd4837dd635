package agent

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"time"
)

// Agent is a node as this API needs it. Every method may be called from any goroutine; those with a context may wait, the others answer
// with what the node has published. When the context of an operation ends, its caller waits no longer, and the operation goes on to its
// end. What is returned is not changed afterwards, by either side.
//
// The errors of this file tell what is to be answered; any other error is a failure of the node. Nil lists stand for empty ones.
type Agent interface {
	// Status is what GET /status shows.
	Status(ctx context.Context) (Status, error)
	// Workers is what GET /status/workers shows.
	Workers(ctx context.Context) (Workers, error)

	// Node is what GET /node shows.
	Node() Node
	// HasPattern reports whether a rule mentions the stereotype.
	HasPattern(pattern string) bool
	// Register makes the node a member of the cluster, in state Configuring. The error is *Conflict when it is registered, *BadInput when
	// another node is named, *Forbidden for peers that it must not join. Any other leaves it as it was.
	Register(ctx context.Context, r Registration) error
	// SetToken makes another token the one of this node, which is in state Configuring, else the error is *WrongState.
	SetToken(ctx context.Context, token string) error
	// SetState takes a registered node from Configuring to Configured. The error is *WrongState in any other state but that one.
	SetState(ctx context.Context, state State) error
	// Unregister drains the node and has it leave. The error is *WrongState when it is neither Configuring nor Configured.
	Unregister(ctx context.Context, u Unregistration) error

	// Applications are those of the configuration of this node, by name.
	Applications() []Application
	// Settings are the stored attributes and service configurations.
	Settings() Settings
	// Edit has change work on a copy of the settings and stores the result before it returns, unless change fails, whose error it returns.
	// No two run at the same time. What differs afterwards concerns the processes whose environment it makes (see Environment).
	Edit(ctx context.Context, change func(*Settings) error) error
	// Services is what GET /service shows.
	Services(ctx context.Context) (Services, error)
	// Suspend disables all programs of the applications here and stops them, or enables them and has them started. Applications that are so
	// already stay as they are. The error is *BadInput when a program is in another application as well.
	Suspend(ctx context.Context, applications []string, suspended bool) error
	// Policies is what GET /service/policy shows.
	Policies(ctx context.Context) ([]Policy, error)

	// Agreements are all that are remembered, in any order.
	Agreements(ctx context.Context) ([]Agreement, error)
	// Cancel begins to end an agreement and does not wait; avoid keeps the Master from choosing this node for what follows. The error is
	// *NotFound when there is no such agreement or it is archived, *Conflict when the cluster is not in OPERATION.
	Cancel(ctx context.Context, id string, avoid bool) error

	// Trusted are the names of the files in the trust store, sorted. Names have letters, digits, dots, hyphens and underscores, and end in .pem.
	Trusted(ctx context.Context) ([]string, error)
	// ReadTrusted, WriteTrusted and RemoveTrusted are for one file; the error is *NotFound when it is not there. What is written is a
	// certificate or a public key.
	ReadTrusted(ctx context.Context, name string) ([]byte, error)
	WriteTrusted(ctx context.Context, name string, data []byte) error
	RemoveTrusted(ctx context.Context, name string) error

	// Events are the selected entries of the event log in the order of their numbers, of those since the last unregistration or of all.
	// The error is *BadSelection when the selection cannot be understood.
	Events(ctx context.Context, selection url.Values, all bool) (iter.Seq2[json.Marshaler, error], error)
	// DeleteEvents and PruneEvents remove the selected entries, or those before the last unregistration, and return how many those were.
	DeleteEvents(ctx context.Context, selection url.Values) (int, error)
	PruneEvents(ctx context.Context) (int, error)
	// InputRefused is told which field or parameter of a request was wrong (api_user_input_error). It does not wait.
	InputRefused(input string)

	// Scope returns what a key opens. It takes as long for any key.
	Scope(key string) Scope
}

// Scope is what a caller may do.
type Scope int

// A scope opens what those before it open.
const (
	Nothing Scope = iota // not this API
	Read                 // all that only looks
	Global               // everything
)

// Seconds are a time as this API tells it: seconds since 1970, 0 for never.
type Seconds uint64

// At converts a time; the zero one is never.
func At(t time.Time) Seconds {
	if t.IsZero() {
		return 0
	}
	return Seconds(max(0, t.Unix()))
}

// BadInput tells which field of a body, or which parameter of the query, does not fit. Text holds no value that may be secret.
type BadInput struct{ Input, Text string }

// Error returns the text.
func (e *BadInput) Error() string { return e.Text }

// BadSelection tells that the events cannot be selected so.
type BadSelection struct{ Text string }

// Error returns the text.
func (e *BadSelection) Error() string { return e.Text }

// NotFound tells that what a request is about does not exist; Input is its kind.
type NotFound struct{ Input, Text string }

// Error returns the text.
func (e *NotFound) Error() string { return e.Text }

// NotRegistered tells that the node has to be registered first.
type NotRegistered struct{}

// Error returns the text for clients.
func (*NotRegistered) Error() string { return "the node is not registered" }

// WrongState tells that the node is not in the state that an operation needs.
type WrongState struct{ Text string }

// Error returns the text.
func (e *WrongState) Error() string { return e.Text }

// Conflict tells that what is asked for is there already, or is not possible now.
type Conflict struct{ Text string }

// Error returns the text.
func (e *Conflict) Error() string { return e.Text }

// Forbidden tells that the options of the node rule something out.
type Forbidden struct{ Input, Text string }

// Error returns the text.
func (e *Forbidden) Error() string { return e.Text }
