package rpc

import (
	"context"
	"fmt"
)

// Kind is the XML-RPC type of a parameter or a result, named as methodSignature names it.
type Kind int

// The kinds.
const (
	Boolean Kind = iota
	Int
	Double
	String
	Array
	Struct
	Any // no check: the row looks at the value itself
)

var kindNames = [...]string{
	Boolean: "boolean", Int: "int", Double: "double", String: "string", Array: "array", Struct: "struct", Any: "any",
}

// String returns the word that signatures and help texts use.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}

// ParseKind is the inverse of Kind.String.
func ParseKind(word string) (Kind, error) {
	for k, name := range kindNames {
		if name == word {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("unknown kind %q", word)
}

// Access is what a caller must be allowed to do to use a method.
type Access int

// The levels of access.
const (
	Read  Access = iota // looks only
	Act                 // starts, stops, signals
	Admin               // changes the daemon or the cluster as a whole
)

var accessNames = [...]string{Read: "read", Act: "act", Admin: "admin"}

// String returns the word for the level.
func (a Access) String() string {
	if a < 0 || int(a) >= len(accessNames) {
		return fmt.Sprintf("Access(%d)", int(a))
	}
	return accessNames[a]
}

// ParseAccess is the inverse of Access.String.
func ParseAccess(word string) (Access, error) {
	for a, name := range accessNames {
		if name == word {
			return Access(a), nil
		}
	}
	return 0, fmt.Errorf("unknown access level %q", word)
}

type accessKey struct{}

// WithAccess limits what the calls of a context may do.
func WithAccess(ctx context.Context, limit Access) context.Context {
	return context.WithValue(ctx, accessKey{}, limit)
}

// Permit returns nil when the calls of a context may do what needs that access, else a FORBIDDEN fault. Without WithAccess they may do anything.
func Permit(ctx context.Context, need Access) *Fault {
	if limit, limited := ctx.Value(accessKey{}).(Access); limited && limit < need {
		return NewFault(Forbidden, "this user may only "+limit.String())
	}
	return nil
}

// Param is a formal parameter of a method.
type Param struct {
	Name     string
	Kind     Kind
	Word     string // the type in signatures and help texts, where it is not Kind's: an Any that is called "string"
	Optional bool   // the caller may leave it out, with all optional ones after it
	Default  any    // used when it is left out; nil is the zero value of the kind
	// Values are the words that are accepted, nil for any. The row refuses others; the doors tell them.
	Values []string
	Doc    string
}

// TypeWord is the type of the parameter as methodSignature names it.
func (p *Param) TypeWord() string {
	if p.Word != "" {
		return p.Word
	}
	return p.Kind.String()
}

// Result describes what a method returns.
type Result struct {
	Kind Kind
	Doc  string
	// Type is a zero value of the Go type that Fn returns (for example []ProcessInfo(nil)); the doors derive schemas from it.
	Type any
	// Or is a zero value of another type that Fn may return; nil for none.
	Or any
}

// Method is one row of the method table: XML-RPC, REST, help texts and schemas all come from it.
type Method struct {
	Name   string // full name with its namespace, such as "supervisor.getState"
	Doc    string
	Params []Param
	Result Result
	Access Access
	// Bulk says that the answer grows with the number of processes. Few such calls are worked on at a time, so that the others need not
	// wait for a processor. A row that waits for anything must not have it.
	Bulk bool
	// AliasOf is the name of the row whose old name this is, "" for a row of its own.
	AliasOf string
	// Fn does the work. args holds one checked value for each of Params. It may block (wait=true) until ctx ends.
	Fn func(ctx context.Context, args Args) (any, error)
}

// Args are the checked actual parameters of a call, one for each of Method.Params. Asking for another type than the one of
// the parameter's kind is a mistake of the row and panics.
type Args []any

// String returns a String parameter.
func (a Args) String(i int) string { return a[i].(string) }

// Int returns an Int parameter.
func (a Args) Int(i int) int { return a[i].(int) }

// Bool returns a Boolean parameter.
func (a Args) Bool(i int) bool { return a[i].(bool) }

// Float returns a Double parameter.
func (a Args) Float(i int) float64 { return a[i].(float64) }

// Array returns an Array parameter.
func (a Args) Array(i int) []any { return a[i].([]any) }

// Struct returns a Struct parameter.
func (a Args) Struct(i int) Map { return a[i].(Map) }

// Value returns any parameter as it is: of an Any parameter the value as the caller sent it, but base64 as text.
func (a Args) Value(i int) any { return a[i] }
