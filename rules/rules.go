package rules

import "strings"

// Identifiers is what an identifiers element asks for: where something may run. Names are nodes, stereotypes or unknown names,
// in the order of the file, with aliases replaced and duplicates removed. The zero value allows no node at all.
type Identifiers struct {
	All   bool     // "*", or a sign without names: every node
	Hash  bool     // "#": the Nth process goes to the Nth node, starting again after the last
	At    bool     // "@": the Nth process goes to the Nth node, those in excess go nowhere
	Names []string // empty when All is set
}

// String returns the list as it may be written, "" for no node at all.
func (ids Identifiers) String() string {
	var all []string
	if ids.At {
		all = append(all, "@")
	}
	if ids.Hash {
		all = append(all, "#")
	}
	if ids.All && all == nil {
		all = append(all, "*")
	}
	return strings.Join(append(all, ids.Names...), ",")
}

// Application is what the rules say about one application.
type Application struct {
	Managed bool // a rules file knows the application; when false, the other fields are defaults

	Distribution Distribution
	Identifiers  Identifiers // Hash: the node number Number; At never
	// Number is the N of an application called x-N or x_N, counted from 1, when Identifiers.Hash is set.
	Number int

	StartSequence    int // rank when all applications are started, 0 for not at all
	StopSequence     int // rank when all applications are stopped, the greatest first
	StartingStrategy StartingStrategy
	StartingFailure  StartingFailureStrategy // default of its processes
	RunningFailure   RunningFailureStrategy  // default of its processes
	Formula          *Formula                // operational_status, nil when there is none

	// Warning says what could not be applied because of the application's name, "" when all is well.
	Warning string
}

// Program is what the rules say about one process, with the defaults of its application.
type Program struct {
	Identifiers     Identifiers
	StartSequence   int // rank in the start of its application, 0 for not at all
	StopSequence    int // rank in the stop of its application, the greatest first
	Required        bool
	WaitExit        bool // the sequence goes on only when the process has exited
	ExpectedLoad    int  // percent, 0 to 100
	StartingFailure StartingFailureStrategy
	RunningFailure  RunningFailureStrategy
}
