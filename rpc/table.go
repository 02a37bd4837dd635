package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// Table is the set of methods that a daemon offers, with the system.* methods that describe them. It does not change once
// its doors are open: set the fields before.
type Table struct {
	// Guard is asked before each call, those inside system.multicall included; its error is the answer. nil lets all pass.
	Guard func(ctx context.Context, m *Method) error
	// Log gets the stack of a method that panics. nil is slog.Default().
	Log *slog.Logger

	rows  map[string]*Method
	names []string // sorted
	bulk  chan struct{}
}

// NewTable makes a table of these methods and adds the four system.* methods. An error tells the row that cannot be used.
func NewTable(methods ...Method) (*Table, error) {
	t := &Table{rows: map[string]*Method{}, bulk: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}
	for _, m := range slices.Concat(methods, systemMethods(t)) {
		if err := m.prepare(); err != nil {
			return nil, fmt.Errorf("method %s: %w", m.Name, err)
		}
		if _, known := t.rows[m.Name]; known {
			return nil, fmt.Errorf("method %s: is in the table already", m.Name)
		}
		t.rows[m.Name] = &m
		t.names = append(t.names, m.Name)
	}
	slices.Sort(t.names)
	return t, nil
}

// prepare checks a row and gives each optional parameter a default of its kind.
func (m *Method) prepare() error {
	namespace, name, _ := strings.Cut(m.Name, ".")
	if namespace == "" || name == "" || m.Fn == nil {
		return fmt.Errorf("needs a name with a namespace, and a function")
	}
	m.Params = slices.Clone(m.Params)
	optional := false
	for i := range m.Params {
		p := &m.Params[i]
		if optional && !p.Optional {
			return fmt.Errorf("parameter %s: must be optional like those before it", p.Name)
		}
		if optional = p.Optional; !optional {
			continue
		}
		if p.Default == nil {
			p.Default = p.Kind.zero()
			continue
		}
		var ok bool
		if p.Default, ok = p.Kind.coerce(p.Default); !ok {
			return fmt.Errorf("parameter %s: its default is not of type %s", p.Name, p.Kind)
		}
	}
	return nil
}

// Lookup returns the method of exactly that name.
func (t *Table) Lookup(name string) (*Method, bool) {
	m, ok := t.rows[name]
	return m, ok
}

// Names returns the names of all methods, sorted.
func (t *Table) Names() []string { return slices.Clone(t.names) }

// Turn waits until a call of the method may be worked on, which is at once but for Bulk ones. Its end, with the encoding of the answer, is to be
// told. The error is that of ctx: who asked has gone.
func (t *Table) Turn(ctx context.Context, name string) (end func(), err error) {
	if m := t.rows[name]; m == nil || !m.Bulk {
		return func() {}, nil
	}
	select {
	case t.bulk <- struct{}{}:
		return func() { <-t.bulk }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Call calls a method: its value, or the error of the method as it is. AsFault makes of it what a caller gets to see.
// UNKNOWN_METHOD and INCORRECT_PARAMETERS come from here, as does FAILED for a method that panics.
func (t *Table) Call(ctx context.Context, name string, params []any) (value any, err error) {
	m, ok := t.rows[name]
	if !ok {
		return nil, NewFault(UnknownMethod)
	}
	args, err := m.bind(params)
	if err != nil {
		return nil, err
	}
	defer func() {
		if cause := recover(); cause != nil {
			t.log().Error("method panicked", "method", name, "cause", cause, "stack", string(debug.Stack()))
			value, err = nil, NewFault(Failed, "internal error")
		}
	}()
	if t.Guard != nil {
		if err := t.Guard(ctx, m); err != nil {
			return nil, err
		}
	}
	return m.Fn(ctx, args)
}

func (t *Table) log() *slog.Logger {
	if t.Log != nil {
		return t.Log
	}
	return slog.Default()
}

// Forward has all methods, system.* too, done by call, which stands for another daemon: the rows only describe them. args has the
// defaults of what was left out.
func (t *Table) Forward(call func(ctx context.Context, name string, args Args) (any, error)) {
	for name, m := range t.rows {
		m.Fn = func(ctx context.Context, args Args) (any, error) { return call(ctx, name, args) }
	}
}
