package process

import (
	"encoding/json"
	"testing"
	"time"
)

// TestSaveAndRestore freezes a machine in every state, moves it through JSON into another process whose monotonic clock
// began elsewhere, and plays all events there: it must go on like the one that was never frozen.
func TestSaveAndRestore(t *testing.T) {
	for _, r := range roads {
		for _, c := range columns {
			kept := newStage(t, nil)
			kept.play(r.road...)

			text, err := json.Marshal(kept.m.Save(kept.now))
			if err != nil {
				t.Fatal(err)
			}
			var saved Memory
			if err := json.Unmarshal(text, &saved); err != nil {
				t.Fatal(err)
			}
			moved := &stage{t, Restore(kept.m.Spec(), saved, kept.now), kept.now}
			moved.m.Resume()

			if got, want := moved.play(c.events...), kept.play(c.events...); got != want {
				t.Errorf("%s after a freeze in %s\n got %s\nwant %s", c.name, r.state, got, want)
			}
			if got, want := moved.m.Info(), kept.m.Info(); got != want {
				t.Errorf("%s after a freeze in %s\n got %+v\nwant %+v", c.name, r.state, got, want)
			}
		}
	}
}

func TestResumeSetsTheTimer(t *testing.T) {
	s := newStage(t, nil)
	s.play(DoStart{}, ChildNotSpawned{"x"})
	m := Restore(s.m.Spec(), s.m.Save(s.now), s.now)
	effects := m.Resume()
	if len(effects) != 1 || !effects[0].(SetTimer).At.Equal(epoch.Add(time.Second)) {
		t.Errorf("resume: %v", effects)
	}
}

// The wall clock is set back by an hour while the program runs: what was running for a minute still is.
func TestSaveFollowsTheWallClock(t *testing.T) {
	start := time.Now()
	m := NewMachine(testSpec())
	m.Step(start, DoStart{})
	m.Step(start, ChildSpawned{12})
	later := start.Add(time.Minute) // with its monotonic part, as time.Now gives it

	saved := m.Save(later)
	if up := later.Round(0).Sub(saved.Start); up != time.Minute {
		t.Errorf("saved start is %v ago", up)
	}
	if back := Restore(m.Spec(), saved, later).Info().Start; later.Sub(back) != time.Minute {
		t.Errorf("restored start is %v ago", later.Sub(back))
	}
}
