package rules

import (
	"fmt"
	"slices"
	"strings"
)

// StartingStrategy says how the node for a process is chosen. The numbers are those of Supvisors' XML-RPC.
type StartingStrategy int

// The starting strategies.
const (
	Config         StartingStrategy = iota // the first node of the identifiers rule
	LessLoaded                             // the node with the least load
	MostLoaded                             // the node with the greatest load that can bear the process
	Local                                  // the node that was asked
	LessLoadedNode                         // the least loaded instance of the least loaded machine
	MostLoadedNode                         // the most loaded instance of the most loaded machine
)

var startingStrategies = []string{"CONFIG", "LESS_LOADED", "MOST_LOADED", "LOCAL", "LESS_LOADED_NODE", "MOST_LOADED_NODE"}

// String returns the name used in files and on wires.
func (s StartingStrategy) String() string { return nameOf(startingStrategies, s) }

// ParseStartingStrategy returns the strategy of that exact name.
func ParseStartingStrategy(s string) (StartingStrategy, error) {
	return parseEnum[StartingStrategy]("starting strategy", startingStrategies, s)
}

// ConciliationStrategy says what is done with processes that run on several nodes. The numbers are those of Supvisors' XML-RPC.
type ConciliationStrategy int

// The conciliation strategies.
const (
	Senicide                   ConciliationStrategy = iota // stop all but the one started last
	Infanticide                                            // stop all but the one started first
	ConciliationUser                                       // leave it to the user
	ConciliationStop                                       // stop all
	ConciliationRestart                                    // stop all, then start one
	ConciliationRunningFailure                             // stop all, then apply the running failure strategy
)

var conciliationStrategies = []string{"SENICIDE", "INFANTICIDE", "USER", "STOP", "RESTART", "RUNNING_FAILURE"}

// String returns the name used in files and on wires.
func (s ConciliationStrategy) String() string { return nameOf(conciliationStrategies, s) }

// ParseConciliationStrategy returns the strategy of that exact name.
func ParseConciliationStrategy(s string) (ConciliationStrategy, error) {
	return parseEnum[ConciliationStrategy]("conciliation strategy", conciliationStrategies, s)
}

// StartingFailureStrategy says how the start of an application goes on when a required process fails.
type StartingFailureStrategy int

// The starting failure strategies.
const (
	StartingFailureAbort    StartingFailureStrategy = iota // start no more of its processes
	StartingFailureStop                                    // and stop those already started
	StartingFailureContinue                                // as if nothing had happened
)

var startingFailureStrategies = []string{"ABORT", "STOP", "CONTINUE"}

// String returns the name used in files and on wires.
func (s StartingFailureStrategy) String() string { return nameOf(startingFailureStrategies, s) }

// ParseStartingFailureStrategy returns the strategy of that exact name.
func ParseStartingFailureStrategy(s string) (StartingFailureStrategy, error) {
	return parseEnum[StartingFailureStrategy]("starting failure strategy", startingFailureStrategies, s)
}

// RunningFailureStrategy says what follows when a running process fails or its node is lost.
type RunningFailureStrategy int

// The running failure strategies.
const (
	RunningFailureContinue           RunningFailureStrategy = iota // nothing
	RunningFailureRestartProcess                                   // start it elsewhere
	RunningFailureStopApplication                                  // stop its application
	RunningFailureRestartApplication                               // restart its application
	RunningFailureShutdown                                         // shut the cluster down
	RunningFailureRestart                                          // restart the cluster
)

var runningFailureStrategies = []string{"CONTINUE", "RESTART_PROCESS", "STOP_APPLICATION", "RESTART_APPLICATION", "SHUTDOWN", "RESTART"}

// String returns the name used in files and on wires.
func (s RunningFailureStrategy) String() string { return nameOf(runningFailureStrategies, s) }

// ParseRunningFailureStrategy returns the strategy of that exact name.
func ParseRunningFailureStrategy(s string) (RunningFailureStrategy, error) {
	return parseEnum[RunningFailureStrategy]("running failure strategy", runningFailureStrategies, s)
}

// WholeApplication reports whether the strategy acts on the application of the process. Supvisors then switches autorestart
// of the process off, so that the node does not restart what the cluster wants stopped.
func (s RunningFailureStrategy) WholeApplication() bool {
	return s == RunningFailureStopApplication || s == RunningFailureRestartApplication
}

// Distribution says whether the processes of an application may be spread over nodes.
type Distribution int

// The distributions.
const (
	AllInstances   Distribution = iota // each process where its own rules allow
	SingleInstance                     // all on one Supvisors instance
	SingleNode                         // all on the instances of one machine
)

var distributions = []string{"ALL_INSTANCES", "SINGLE_INSTANCE", "SINGLE_NODE"}

// String returns the name used in files and on wires.
func (d Distribution) String() string { return nameOf(distributions, d) }

// ParseDistribution returns the distribution of that exact name.
func ParseDistribution(s string) (Distribution, error) {
	return parseEnum[Distribution]("distribution", distributions, s)
}

// SyncOption is a condition that ends the synchronization phase (synchro_options). The numbers are Supvisors'.
type SyncOption int

// The synchronization options.
const (
	SyncStrict  SyncOption = iota // all nodes of supvisors_list run
	SyncList                      // all known nodes run
	SyncTimeout                   // synchro_timeout is over
	SyncCore                      // all core identifiers run
	SyncUser                      // a user has said so
)

var syncOptions = []string{"STRICT", "LIST", "TIMEOUT", "CORE", "USER"}

// String returns the name used in files.
func (o SyncOption) String() string { return nameOf(syncOptions, o) }

// ParseSyncOption returns the option of that exact name.
func ParseSyncOption(s string) (SyncOption, error) {
	return parseEnum[SyncOption]("synchronization option", syncOptions, s)
}

// FailureStrategy says what becomes of the cluster when a node that was needed to end the synchronization is lost
// (supvisors_failure_strategy). The numbers are Supvisors'.
type FailureStrategy int

// The failure strategies.
const (
	FailureContinue FailureStrategy = iota // go on without the lost nodes
	FailureResync                          // synchronize again
	FailureShutdown                        // shut the cluster down
)

var failureStrategies = []string{"CONTINUE", "RESYNC", "SHUTDOWN"}

// String returns the name used in files and on wires.
func (s FailureStrategy) String() string { return nameOf(failureStrategies, s) }

// ParseFailureStrategy returns the strategy of that exact name.
func ParseFailureStrategy(s string) (FailureStrategy, error) {
	return parseEnum[FailureStrategy]("failure strategy", failureStrategies, s)
}

func nameOf[E ~int](names []string, e E) string {
	if e < 0 || int(e) >= len(names) {
		return fmt.Sprintf("%T(%d)", e, int(e))
	}
	return names[e]
}

func parseEnum[E ~int](what string, names []string, s string) (E, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("unknown %s %q, expected one of %s", what, s, strings.Join(names, ", "))
	}
	return E(i), nil
}
