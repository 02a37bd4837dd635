package rpc

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// supervisorTable has a few methods like those of Supervisor.
func supervisorTable(t *testing.T) *Table {
	t.Helper()
	started := map[string]bool{}
	return mustTable(t,
		Method{
			Name: "supervisor.getState", Doc: "Tells the state.", Result: Result{Kind: Struct, Doc: "The state."},
			Fn: func(context.Context, Args) (any, error) { return Map{{"statecode", 1}, {"statename", "RUNNING"}}, nil },
		},
		Method{
			Name: "supervisor.startProcess", Doc: "Starts a process.",
			Params: []Param{
				{Name: "name", Kind: String, Doc: "Process name."},
				{Name: "wait", Kind: Boolean, Optional: true, Default: true, Doc: "Wait for it."},
			},
			Result: Result{Kind: Boolean, Doc: "Always true."},
			Fn: func(_ context.Context, args Args) (any, error) {
				if started[args.String(0)] {
					return nil, NewFault(AlreadyStarted, args.String(0))
				}
				started[args.String(0)] = true
				return true, nil
			},
		},
		Method{
			Name: "supervisor.signalProcess", Doc: "Signals a process.",
			Params: []Param{{Name: "name", Kind: String, Doc: "Process name."}, {Name: "signal", Kind: Any, Word: "string", Doc: "Name or number."}},
			Result: Result{Kind: Boolean, Doc: "Always true."},
			Fn:     func(context.Context, Args) (any, error) { return nil, errors.New("disk is full") },
		},
	)
}

func TestSystemMethods(t *testing.T) {
	table := supervisorTable(t)
	names := []any{
		"supervisor.getState", "supervisor.signalProcess", "supervisor.startProcess",
		"system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall",
	}
	startHelp := "Starts a process.\n\n@param string name  Process name.\n@param boolean wait  Wait for it.\n" +
		"@return boolean result  Always true.\n"
	for _, c := range []struct {
		method string
		params []any
		want   any
	}{
		{"system.listMethods", nil, names},
		{"system.listMethods", []any{1}, *NewFault(IncorrectParameters)},
		{"system.methodHelp", []any{"supervisor.startProcess"}, startHelp},
		{"system.methodHelp", []any{"supervisor.getState"}, "Tells the state.\n\n@return struct result  The state.\n"},
		{"system.methodHelp", []any{"zzz"}, *NewFault(SignatureUnsupported)},
		{"system.methodHelp", nil, *NewFault(IncorrectParameters)},
		{"system.methodSignature", []any{"supervisor.startProcess"}, []any{"boolean", "string", "boolean"}},
		{"system.methodSignature", []any{"supervisor.signalProcess"}, []any{"boolean", "string", "string"}},
		{"system.methodSignature", []any{"supervisor.getState"}, []any{"struct"}},
		{"system.methodSignature", []any{"system.listMethods"}, []any{"array"}},
		{"system.methodSignature", []any{"system.methodHelp"}, []any{"string", "string"}},
		{"system.methodSignature", []any{"system.methodSignature"}, []any{"array", "string"}},
		{"system.methodSignature", []any{"system.multicall"}, []any{"array", "array"}},
		{"system.methodSignature", []any{"supervisor.nothing"}, *NewFault(SignatureUnsupported)},
	} {
		if got := onTheWire(t, table, c.method, c.params); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s%v: got %#v, want %#v", c.method, c.params, got, c.want)
		}
	}
	for _, name := range table.Names() {
		if m, _ := table.Lookup(name); strings.Contains(m.Help(), "@return "+m.Signature()[0]+" ") == false {
			t.Errorf("%s: help and signature differ: %s", name, m.Help())
		}
	}
}

// onTheWire returns the value of a call as a client reads it, or the Fault.
func onTheWire(t *testing.T, table *Table, method string, params []any) any {
	t.Helper()
	value, err := table.Call(t.Context(), method, params)
	var doc []byte
	if err == nil {
		doc, err = EncodeReply(value)
	}
	if err != nil {
		return *AsFault(err)
	}
	if value, err = DecodeReply(doc); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestMulticall(t *testing.T) {
	call := func(name any, params ...any) any { return Map{{"methodName", name}, {"params", params}} }
	fault := func(code int, text string) any { return Map{{"faultCode", code}, {"faultString", text}} }
	for _, c := range []struct {
		name        string
		calls, want []any
	}{
		{"none", []any{}, []any{}},
		{
			"values and faults",
			[]any{call("supervisor.getState"), call("supervisor.nope"), Map{{"methodName", "supervisor.getState"}}, call("supervisor.signalProcess", "x", 9)},
			[]any{
				Map{{"statecode", 1}, {"statename", "RUNNING"}}, fault(1, "UNKNOWN_METHOD"),
				Map{{"statecode", 1}, {"statename", "RUNNING"}}, fault(30, "FAILED: disk is full"),
			},
		},
		{
			"in order",
			[]any{call("supervisor.startProcess", "p"), call("supervisor.startProcess", "p", false), call("supervisor.startProcess", "q")},
			[]any{true, fault(60, "ALREADY_STARTED: p"), true},
		},
		{"no name", []any{Map{{"params", []any{}}}}, []any{fault(2, "INCORRECT_PARAMETERS: No methodName")}},
		{"nil name", []any{call(nil)}, []any{fault(2, "INCORRECT_PARAMETERS: No methodName")}},
		{"empty name", []any{call("")}, []any{fault(1, "UNKNOWN_METHOD")}},
		{"name no string", []any{call(5)}, []any{fault(2, "INCORRECT_PARAMETERS: methodName is not of type string")}},
		{"no struct", []any{"x", nil}, []any{
			fault(2, "INCORRECT_PARAMETERS: a call is a struct"), fault(2, "INCORRECT_PARAMETERS: a call is a struct"),
		}},
		{"params no array", []any{Map{{"methodName", "supervisor.getState"}, {"params", "x"}}}, []any{
			fault(2, "INCORRECT_PARAMETERS: params is not of type array"),
		}},
		{"itself", []any{call("system.multicall", []any{})}, []any{
			fault(2, "INCORRECT_PARAMETERS: Recursive system.multicall forbidden"),
		}},
		{"wrong count", []any{call("supervisor.getState", 1)}, []any{fault(2, "INCORRECT_PARAMETERS")}},
	} {
		if got := onTheWire(t, supervisorTable(t), "system.multicall", []any{c.calls}); !reflect.DeepEqual(got, any(c.want)) {
			t.Errorf("%s: got %#v, want %#v", c.name, got, c.want)
		}
	}
	for _, params := range [][]any{nil, {"x"}, {make([]any, maxCalls+1)}} {
		if got, ok := onTheWire(t, supervisorTable(t), "system.multicall", params).(Fault); !ok || got.Code != IncorrectParameters {
			t.Errorf("%d parameters: got %v", len(params), got)
		}
	}
}

// A caller that goes away cancels the waiting and what was not begun.
func TestMulticallStopsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var made []string
	table := mustTable(t,
		Method{Name: "a.wait", Fn: func(ctx context.Context, _ Args) (any, error) {
			made = append(made, "wait")
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		Method{Name: "a.next", Fn: func(context.Context, Args) (any, error) {
			made = append(made, "next")
			return true, nil
		}},
	)
	calls := []any{Map{{"methodName", "a.next"}}, Map{{"methodName", "a.wait"}}, Map{{"methodName", "a.next"}}}
	if _, err := table.Call(ctx, "system.multicall", []any{calls}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if want := []string{"next", "wait"}; !reflect.DeepEqual(made, want) {
		t.Errorf("made %v, want %v", made, want)
	}
}
