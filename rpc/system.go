package rpc

import (
	"context"
	"fmt"
	"strings"
)

// multicall is the one method that may not be called by itself.
const multicall = "system.multicall"

// maxCalls limits the calls of one multicall, whose results are all held until the last is there.
const maxCalls = 10_000

// systemMethods are the methods that describe the table, as Supervisor has them.
func systemMethods(t *Table) []Method {
	name := []Param{{Name: "name", Kind: String, Doc: "The name of the method."}}
	return []Method{
		{
			Name:   "system.listMethods",
			Doc:    "Lists the names of all methods, sorted.",
			Result: Result{Kind: Array, Doc: "The names.", Type: []string(nil)},
			Fn:     func(context.Context, Args) (any, error) { return t.Names(), nil },
		},
		{
			Name:   "system.methodHelp",
			Doc:    "Tells what a method does, takes and returns.",
			Params: name,
			Result: Result{Kind: String, Doc: "The text.", Type: ""},
			Fn: func(_ context.Context, args Args) (any, error) {
				m, ok := t.Lookup(args.String(0))
				if !ok {
					return nil, NewFault(SignatureUnsupported)
				}
				return m.Help(), nil
			},
		},
		{
			Name:   "system.methodSignature",
			Doc:    "Tells the type that a method returns and then, in order, the types that it takes.",
			Params: name,
			Result: Result{Kind: Array, Doc: "The names of the types.", Type: []string(nil)},
			Fn: func(_ context.Context, args Args) (any, error) {
				m, ok := t.Lookup(args.String(0))
				if !ok {
					return nil, NewFault(SignatureUnsupported)
				}
				return m.Signature(), nil
			},
		},
		{
			Name: multicall,
			Doc: "Makes several calls, one after the other, each when the one before it has its result. " +
				"A call is a struct of the method's name, methodName, and its parameters, the array params.",
			Params: []Param{{Name: "calls", Kind: Array, Doc: "The calls."}},
			Result: Result{
				Kind: Array, Type: []any(nil),
				Doc: "The result of each call; for one that fails a struct of faultCode and faultString.",
			},
			Fn: func(ctx context.Context, args Args) (any, error) { return t.multicall(ctx, args.Array(0)) },
		},
	}
}

// Help is the text of system.methodHelp: the description, then the lines "@param type name text" and "@return type result
// text" that tools look for.
func (m *Method) Help() string {
	var b strings.Builder
	b.WriteString(m.Doc + "\n\n")
	for i := range m.Params {
		p := &m.Params[i]
		fmt.Fprintf(&b, "@param %s %s  %s\n", p.TypeWord(), p.Name, p.Doc)
	}
	fmt.Fprintf(&b, "@return %s result  %s\n", m.Result.Kind, m.Result.Doc)
	return b.String()
}

// Signature is what system.methodSignature tells: the type of the result, then those of the parameters.
func (m *Method) Signature() []string {
	words := []string{m.Result.Kind.String()}
	for i := range m.Params {
		words = append(words, m.Params[i].TypeWord())
	}
	return words
}

// multicall makes the calls in order. When the caller goes away the rest is not made.
func (t *Table) multicall(ctx context.Context, calls []any) (any, error) {
	if len(calls) > maxCalls {
		return nil, NewFault(IncorrectParameters, fmt.Sprintf("more than %d calls", maxCalls))
	}
	results := make([]any, 0, len(calls))
	for _, call := range calls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		value, err := t.callOne(ctx, call)
		if err != nil {
			value = AsFault(err)
		}
		results = append(results, value)
	}
	return results, nil
}

// callOne makes one call of a multicall from its struct.
func (t *Table) callOne(ctx context.Context, call any) (any, error) {
	members, ok := call.(Map)
	if !ok {
		return nil, NewFault(IncorrectParameters, "a call is a struct")
	}
	name, _ := members.Get("methodName")
	if name == nil {
		return nil, NewFault(IncorrectParameters, "No methodName")
	}
	method, ok := name.(string)
	if !ok {
		return nil, NewFault(IncorrectParameters, "methodName is not of type string")
	}
	if method == multicall {
		return nil, NewFault(IncorrectParameters, "Recursive system.multicall forbidden")
	}
	params, given := members.Get("params")
	list, ok := params.([]any)
	if given && !ok {
		return nil, NewFault(IncorrectParameters, "params is not of type array")
	}
	return t.Call(ctx, method, list)
}
