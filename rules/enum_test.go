package rules

import (
	"fmt"
	"testing"
)

// The numbers are part of Supvisors' XML-RPC, where strategies may be given as integers.
func TestEnumNumbersAndNames(t *testing.T) {
	check(t, ParseStartingStrategy, "CONFIG", "LESS_LOADED", "MOST_LOADED", "LOCAL", "LESS_LOADED_NODE", "MOST_LOADED_NODE")
	check(t, ParseConciliationStrategy, "SENICIDE", "INFANTICIDE", "USER", "STOP", "RESTART", "RUNNING_FAILURE")
	check(t, ParseStartingFailureStrategy, "ABORT", "STOP", "CONTINUE")
	check(t, ParseRunningFailureStrategy, "CONTINUE", "RESTART_PROCESS", "STOP_APPLICATION", "RESTART_APPLICATION", "SHUTDOWN", "RESTART")
	check(t, ParseSyncOption, "STRICT", "LIST", "TIMEOUT", "CORE", "USER")
	check(t, ParseFailureStrategy, "CONTINUE", "RESYNC", "SHUTDOWN")
	check(t, ParseDistribution, "ALL_INSTANCES", "SINGLE_INSTANCE", "SINGLE_NODE")
}

func check[E interface {
	~int
	fmt.Stringer
}](t *testing.T, parse func(string) (E, error), names ...string) {
	t.Helper()
	for i, name := range names {
		e, err := parse(name)
		if err != nil || int(e) != i || e.String() != name {
			t.Errorf("%s: number %d, name %s, error %v; want number %d", name, int(e), e, err, i)
		}
	}
	for _, name := range []string{"", "config", " STOP", "NOPE", "0"} {
		if e, err := parse(name); err == nil {
			t.Errorf("%q was read as %s", name, e)
		}
	}
	if got, want := E(len(names)).String(), fmt.Sprintf("%T(%d)", E(0), len(names)); got != want {
		t.Errorf("a number without a name prints %s, want %s", got, want)
	}
}

func TestWholeApplication(t *testing.T) {
	for s, want := range []bool{false, false, true, true, false, false} {
		if got := RunningFailureStrategy(s).WholeApplication(); got != want {
			t.Errorf("%s: %v", RunningFailureStrategy(s), got)
		}
	}
}
