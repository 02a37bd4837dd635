package event

import (
	"testing"
)

func TestTypeNamesParseBack(t *testing.T) {
	for _, typ := range Types() {
		got, err := ParseType(typ.String())
		if err != nil || got != typ {
			t.Errorf("ParseType(%q) = %v, %v", typ, got, err)
		}
	}
	for _, bad := range []string{"", "process_state", "TICK_10", "EVENTS"} {
		if _, err := ParseType(bad); err == nil {
			t.Errorf("ParseType(%q) accepted", bad)
		}
	}
	if got := Type(99).String(); got != "Type(99)" {
		t.Errorf("String of no type = %q", got)
	}
}

func TestTypeTree(t *testing.T) {
	for _, c := range []struct {
		typ, ancestor string
		want          bool
	}{
		{"EVENT", "EVENT", true},
		{"TICK_5", "EVENT", true},
		{"TICK_5", "TICK", true},
		{"TICK_5", "TICK_5", true},
		{"TICK_5", "TICK_60", false},
		{"TICK", "TICK_5", false},
		{"PROCESS_STATE_FATAL", "PROCESS_STATE", true},
		{"PROCESS_STATE_FATAL", "PROCESS", false}, // Supvisors' PROCESS is not above Supervisor's own types
		{"PROCESS_DISABLED", "PROCESS", true},
		{"PROCESS_GROUP_ADDED", "PROCESS_GROUP", true},
		{"PROCESS_GROUP_ADDED", "PROCESS_STATE", false},
		{"PROCESS_LOG_STDERR", "PROCESS_LOG", true},
		{"PROCESS_COMMUNICATION_STDOUT", "PROCESS_LOG", false},
		{"SUPERVISOR_STATE_CHANGE_STOPPING", "SUPERVISOR_STATE_CHANGE", true},
	} {
		typ, err1 := ParseType(c.typ)
		ancestor, err2 := ParseType(c.ancestor)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got := typ.Is(ancestor); got != c.want {
			t.Errorf("%s.Is(%s) = %v", typ, ancestor, got)
		}
	}
}

func TestAncestorsComeFirst(t *testing.T) {
	for _, typ := range Types()[1:] {
		if types[typ].parent >= typ {
			t.Errorf("%s is listed before its parent %s", typ, types[typ].parent)
		}
	}
}

func TestSetHoldsDescendantsOnly(t *testing.T) {
	s := setOf([]Type{TypeTick, TypeProcessStateFatal})
	for _, typ := range Types() {
		want := typ.Is(TypeTick) || typ == TypeProcessStateFatal
		if s.has(typ) != want {
			t.Errorf("set of TICK and PROCESS_STATE_FATAL has %s: %v", typ, !want)
		}
	}
	if setOf(nil) != 0 {
		t.Error("the set of nothing is not empty")
	}
}
