package node

import (
	"testing"
	"time"
)

func TestTicked(t *testing.T) {
	m := newCluster(t, 1, func(int) string { return "s" })[0]
	if at := m.Ticked(); !at.IsZero() {
		t.Errorf("before the first tick: %v", at)
	}
	m.run(t)
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for m.Ticked().IsZero() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the driver does not tick")
		}
	}
	if age := time.Since(m.Ticked()); age < 0 || age > 2*tickPeriod {
		t.Errorf("it has ticked %v ago", age)
	}
}
