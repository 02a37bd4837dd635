package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

// echo is a method that returns its arguments.
func echo(name string, params ...Param) Method {
	return Method{Name: name, Params: params, Fn: func(_ context.Context, args Args) (any, error) { return []any(args), nil }}
}

func mustTable(t *testing.T, methods ...Method) *Table {
	t.Helper()
	table, err := NewTable(methods...)
	if err != nil {
		t.Fatal(err)
	}
	table.Log = slog.New(slog.DiscardHandler)
	return table
}

func TestNewTableRefuses(t *testing.T) {
	for want, methods := range map[string][]Method{
		"method a.b: is in the table already":                            {echo("a.b"), echo("a.c"), echo("a.b")},
		"method system.listMethods: is in the table already":             {echo("system.listMethods")},
		"method : needs a name with a namespace, and a function":         {echo("")},
		"method a: needs a name with a namespace, and a function":        {echo("a")},
		"method a.: needs a name with a namespace, and a function":       {echo("a.")},
		"method a.b: needs a name with a namespace, and a function":      {{Name: "a.b"}},
		"method a.b: parameter q: must be optional like those before it": {echo("a.b", Param{Name: "p", Optional: true}, Param{Name: "q"})},
		"method a.b: parameter p: its default is not of type int":        {echo("a.b", Param{Name: "p", Kind: Int, Optional: true, Default: "x"})},
		"method a.b: parameter p: its default is not of type array":      {echo("a.b", Param{Name: "p", Kind: Array, Optional: true, Default: Map{}})},
	} {
		if _, err := NewTable(methods...); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestTableNames(t *testing.T) {
	table := mustTable(t, echo("z.a"), echo("a.z"))
	want := []string{"a.z", "system.listMethods", "system.methodHelp", "system.methodSignature", "system.multicall", "z.a"}
	got := table.Names()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	got[0] = "changed"
	if table.Names()[0] != "a.z" {
		t.Error("the caller's copy is the table's own")
	}
	for _, name := range want {
		if m, ok := table.Lookup(name); !ok || m.Name != name {
			t.Errorf("lookup %s: %v, %v", name, m, ok)
		}
	}
	for _, name := range []string{"", "a", "A.z", "a.z ", "a.z.z", "system"} {
		if _, ok := table.Lookup(name); ok {
			t.Errorf("lookup %q finds something", name)
		}
		if _, err := table.Call(t.Context(), name, nil); !reflect.DeepEqual(err, NewFault(UnknownMethod)) {
			t.Errorf("call %q: %v", name, err)
		}
	}
}

func TestArguments(t *testing.T) {
	one := func(k Kind) []Param { return []Param{{Name: "p", Kind: k}} }
	options := []Param{
		{Name: "name", Kind: String}, {Name: "wait", Kind: Boolean, Optional: true, Default: true},
		{Name: "size", Kind: Int, Optional: true}, {Name: "x", Kind: Any, Optional: true},
	}
	const wrong = "INCORRECT_PARAMETERS"
	for i, c := range []struct {
		params []Param
		args   []any
		want   string // as %#v of the values, or a fault's text
	}{
		{one(Boolean), []any{true}, "true"},
		{one(Boolean), []any{0}, "false"},
		{one(Boolean), []any{-3}, "true"},
		{one(Boolean), []any{0.5}, "true"},
		{one(Boolean), []any{"0"}, "false"},
		{one(Boolean), []any{"true"}, "true"},
		{one(Boolean), []any{"maybe"}, wrong + ": p is not of type boolean"},
		{one(Boolean), []any{nil}, wrong + ": p is not of type boolean"},
		{one(Int), []any{5}, "5"},
		{one(Int), []any{true}, "1"},
		{one(Int), []any{false}, "0"},
		{one(Int), []any{3.0}, "3"},
		{one(Int), []any{3.5}, wrong + ": p is not of type int"},
		{one(Int), []any{1e300}, wrong + ": p is not of type int"},
		{one(Int), []any{" 5 "}, "5"},
		{one(Int), []any{"five"}, wrong + ": p is not of type int"},
		{one(Double), []any{1}, "1"},
		{one(Double), []any{1.5}, "1.5"},
		{one(Double), []any{true}, wrong + ": p is not of type double"},
		{one(String), []any{"x"}, `"x"`},
		{one(String), []any{[]byte("cat")}, `"cat"`},
		{one(String), []any{5}, wrong + ": p is not of type string"},
		{one(String), []any{nil}, wrong + ": p is not of type string"},
		{one(Array), []any{[]any{}}, "[]interface {}{}"},
		{one(Array), []any{Map{}}, wrong + ": p is not of type array"},
		{one(Struct), []any{Map{}}, "rpc.Map{}"},
		{one(Struct), []any{"x"}, wrong + ": p is not of type struct"},
		{one(Any), []any{5}, "5"},
		{one(Any), []any{nil}, "<nil>"},
		{one(Any), []any{[]byte("cat")}, `"cat"`},
		{nil, nil, ""},
		{nil, []any{1}, wrong},
		{one(Int), nil, wrong},
		{one(Int), []any{1, 2}, wrong},
		{options, nil, wrong},
		{options, []any{"n"}, `"n" true 0 <nil>`},
		{options, []any{"n", false}, `"n" false 0 <nil>`},
		{options, []any{"n", nil, 7, "y"}, `"n" true 7 "y"`},
		{options, []any{"n", 0, 0, 0, 0}, wrong},
		{options, []any{"n", 0, "z"}, wrong + ": size is not of type int"},
	} {
		value, err := mustTable(t, echo("a.b", c.params...)).Call(t.Context(), "a.b", c.args)
		var got string
		if err != nil {
			got = AsFault(err).Text
		} else {
			var words []string
			for _, v := range value.([]any) {
				words = append(words, fmt.Sprintf("%#v", v))
			}
			got = strings.Join(words, " ")
		}
		if got != c.want {
			t.Errorf("case %d, %v: got %s, want %s", i, c.args, got, c.want)
		}
	}
}

func TestArgsAccessors(t *testing.T) {
	args := Args{"s", 5, true, 1.5, []any{1}, Map{{"a", 1}}, nil}
	got := []any{args.String(0), args.Int(1), args.Bool(2), args.Float(3), args.Array(4), args.Struct(5), args.Value(6)}
	if !reflect.DeepEqual(got, []any(args)) {
		t.Errorf("got %#v", got)
	}
}

func TestOptionalWithoutDefault(t *testing.T) {
	for kind, want := range map[Kind]any{
		Boolean: false, Int: 0, Double: 0.0, String: "", Array: []any{}, Struct: Map{}, Any: nil,
	} {
		value, err := mustTable(t, echo("a.b", Param{Name: "p", Kind: kind, Optional: true})).Call(t.Context(), "a.b", nil)
		if err != nil || !reflect.DeepEqual(value, []any{want}) {
			t.Errorf("%s: %#v, %v", kind, value, err)
		}
	}
}

func TestTheRowsOfTheCallerStayAsTheyAre(t *testing.T) {
	params := []Param{{Name: "p", Kind: Int, Optional: true}}
	mustTable(t, echo("a.b", params...))
	if params[0].Default != nil {
		t.Error("the default is written into the caller's parameters")
	}
}

func TestPanicBecomesAFault(t *testing.T) {
	var log bytes.Buffer
	table := mustTable(t, Method{Name: "a.b", Fn: func(context.Context, Args) (any, error) { panic("secret detail") }})
	table.Log = slog.New(slog.NewTextHandler(&log, nil))
	value, err := table.Call(t.Context(), "a.b", nil)
	if value != nil || !reflect.DeepEqual(err, NewFault(Failed, "internal error")) {
		t.Errorf("got %v, %v", value, err)
	}
	for _, want := range []string{"secret detail", "a.b", "table_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %s: %s", want, &log)
		}
	}
}

func TestMisusedArgumentBecomesAFault(t *testing.T) {
	table := mustTable(t, Method{
		Name: "a.b", Params: []Param{{Name: "p", Kind: Any}},
		Fn: func(_ context.Context, args Args) (any, error) { return args.String(0), nil },
	})
	if _, err := table.Call(t.Context(), "a.b", []any{5}); AsFault(err).Code != Failed {
		t.Errorf("got %v", err)
	}
}

func TestGuard(t *testing.T) {
	table := mustTable(t, echo("a.read"), echo("a.act", Param{Name: "p"}))
	var asked []string
	table.Guard = func(_ context.Context, m *Method) error {
		asked = append(asked, m.Name)
		if m.Name == "a.act" {
			return NewFault(ShutdownState)
		}
		return nil
	}
	if _, err := table.Call(t.Context(), "a.read", nil); err != nil {
		t.Error(err)
	}
	if _, err := table.Call(t.Context(), "a.act", []any{true}); AsFault(err).Code != ShutdownState {
		t.Errorf("got %v", err)
	}
	if _, err := table.Call(t.Context(), "a.act", nil); AsFault(err).Code != IncorrectParameters {
		t.Errorf("got %v", err)
	}
	calls := []any{Map{{"methodName", "a.act"}, {"params", []any{1}}}}
	value, err := table.Call(t.Context(), "system.multicall", []any{calls})
	if want := []any{NewFault(ShutdownState)}; err != nil || !reflect.DeepEqual(value, want) {
		t.Errorf("got %v, %v", value, err)
	}
	if want := []string{"a.read", "a.act", "system.multicall", "a.act"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

func TestCallKeepsErrors(t *testing.T) {
	cause := errors.New("disk is full")
	table := mustTable(t, Method{Name: "a.b", Fn: func(context.Context, Args) (any, error) { return nil, cause }})
	if _, err := table.Call(t.Context(), "a.b", nil); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

func TestKindAndAccessWords(t *testing.T) {
	for k := Boolean; k <= Any; k++ {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("%s: %v, %v", k, got, err)
		}
	}
	for a := Read; a <= Admin; a++ {
		if got, err := ParseAccess(a.String()); err != nil || got != a {
			t.Errorf("%s: %v, %v", a, got, err)
		}
	}
	if _, err := ParseKind("integer"); err == nil {
		t.Error("integer is a kind")
	}
	if _, err := ParseAccess("root"); err == nil {
		t.Error("root is a level")
	}
	if Kind(99).String() != "Kind(99)" || Access(-1).String() != "Access(-1)" {
		t.Error("unknown values have no words of their own")
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		got        *Fault
		code       int
		text, full string
	}{
		{NewFault(UnknownMethod), 1, "UNKNOWN_METHOD", "fault 1: UNKNOWN_METHOD"},
		{NewFault(BadName, "x:y"), 10, "BAD_NAME: x:y", "fault 10: BAD_NAME: x:y"},
		{NewFault(BadName, ""), 10, "BAD_NAME: ", "fault 10: BAD_NAME: "},
		{NewFault(7, "x"), 7, "UNKNOWN: x", "fault 7: UNKNOWN: x"},
		{AsFault(fmt.Errorf("start: %w", NewFault(NoFile, "f"))), 20, "NO_FILE: f", "fault 20: NO_FILE: f"},
		{AsFault(errors.New("disk is full")), 30, "FAILED: disk is full", "fault 30: FAILED: disk is full"},
	} {
		if c.got.Code != c.code || c.got.Text != c.text || c.got.Error() != c.full {
			t.Errorf("got %v, want %s", c.got, c.full)
		}
	}
	// the codes that clients know by number, from Supervisor's and Supvisors' sources
	for code, name := range map[int]string{
		1: "UNKNOWN_METHOD", 2: "INCORRECT_PARAMETERS", 3: "BAD_ARGUMENTS", 4: "SIGNATURE_UNSUPPORTED", 6: "SHUTDOWN_STATE",
		10: "BAD_NAME", 11: "BAD_SIGNAL", 20: "NO_FILE", 21: "NOT_EXECUTABLE", 30: "FAILED", 40: "ABNORMAL_TERMINATION",
		50: "SPAWN_ERROR", 60: "ALREADY_STARTED", 70: "NOT_RUNNING", 80: "SUCCESS", 90: "ALREADY_ADDED", 91: "STILL_RUNNING",
		92: "CANT_REREAD", 100: "SUPVISORS_CONF_ERROR", 101: "BAD_SUPVISORS_STATE", 102: "NOT_MANAGED", 103: "DISABLED",
		104: "NOT_APPLICABLE", 105: "NOT_INSTALLED", 5: "UNKNOWN", 106: "UNKNOWN",
	} {
		if got := FaultName(code); got != name {
			t.Errorf("%d is %s, want %s", code, got, name)
		}
	}
}

// Bulk calls wait for each other, nothing waits for them, and who does not wait any more leaves the queue.
func TestTurn(t *testing.T) {
	row := func(name string, bulk bool) Method {
		return Method{Name: name, Bulk: bulk, Fn: func(context.Context, Args) (any, error) { return true, nil }}
	}
	table, err := NewTable(row("a.bulk", true), row("a.small", false))
	if err != nil {
		t.Fatal(err)
	}
	var ends []func()
	for range cap(table.bulk) {
		end, err := table.Turn(t.Context(), "a.bulk")
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	for _, name := range []string{"a.small", "a.unknown", "system.multicall"} {
		end, err := table.Turn(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		end()
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := table.Turn(gone, "a.bulk"); err == nil {
		t.Error("one too many has its turn")
	}
	next := make(chan error)
	go func() {
		_, err := table.Turn(t.Context(), "a.bulk")
		next <- err
	}()
	ends[0]()
	if err := <-next; err != nil {
		t.Error(err)
	}
}
