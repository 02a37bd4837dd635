package rpc

import "context"

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

// Access is what a caller must be allowed to do to use a method.
type Access int

// The levels of access.
const (
	Read  Access = iota // looks only
	Act                 // starts, stops, signals
	Admin               // changes the daemon or the cluster as a whole
)

// Param is a formal parameter of a method.
type Param struct {
	Name     string
	Kind     Kind
	Optional bool // the caller may leave it out, with all optional ones after it
	Default  any  // used when it is left out
	Doc      string
}

// Result describes what a method returns.
type Result struct {
	Kind Kind
	Doc  string
	// Type is a zero value of the Go type that Fn returns (for example []ProcessInfo(nil)); the doors derive schemas from it.
	Type any
}

// Method is one row of the method table: XML-RPC, REST, help texts and schemas all come from it.
type Method struct {
	Name   string // full name with its namespace, such as "supervisor.getState"
	Doc    string
	Params []Param
	Result Result
	Access Access
	// Fn does the work. args holds one checked value for each of Params. It may block (wait=true) until ctx ends.
	Fn func(ctx context.Context, args Args) (any, error)
}

// Args are the checked actual parameters of a call, one for each of Method.Params.
type Args []any
