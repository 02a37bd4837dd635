package journal

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlapping(t *testing.T) {
	begin := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	var f flapping
	admit := func(key string, seconds float64) string {
		if f.admit(Record{Code: key, Message: fmt.Sprintf("%s at %v", key, seconds)}, key, at(seconds)) {
			return "logged"
		}
		return "counted"
	}
	for n := range flapLimit {
		if got := admit("a", float64(n)); got != "logged" {
			t.Fatalf("event %d is %s", n+1, got)
		}
	}
	for _, c := range []struct {
		key     string
		seconds float64
		want    string
	}{
		{"a", 10, "counted"}, {"b", 10, "logged"}, {"a", 11, "counted"}, {"a", 59.9, "counted"},
		{"a", 60, "logged"}, // the next minute has begun, though the summary of the last one is not taken yet
	} {
		if got := admit(c.key, c.seconds); got != c.want {
			t.Errorf("%s at %v is %s, want %s", c.key, c.seconds, got, c.want)
		}
	}
	if end, ok := f.next(); !ok || !end.Equal(at(60)) {
		t.Errorf("the oldest window ends at %v, %v", end, ok)
	}
	messages := func(rs []Record) (out []string) {
		for _, r := range rs {
			out = append(out, r.Message)
		}
		return out
	}
	if got := messages(f.expired(at(59.9), false)); got != nil {
		t.Errorf("a summary too early: %q", got)
	}
	if got := messages(f.expired(at(75), false)); !slices.Equal(got, []string{"3 more times within 60 seconds: a at 59.9"}) {
		t.Errorf("summaries %q", got)
	}
	for n := range flapLimit - 1 { // the new window goes on after the old one was taken
		if got := admit("a", 76+float64(n)/10); got != "logged" {
			t.Errorf("event %d of the second minute is %s", n+2, got)
		}
	}
	if got := admit("a", 78); got != "counted" {
		t.Errorf("event %d of the second minute is %s", flapLimit+1, got)
	}
	if got := messages(f.expired(at(78), true)); !slices.Equal(got, []string{"1 more times within 60 seconds: a at 78"}) {
		t.Errorf("summaries at the end %q", got)
	}
	if !f.empty() || len(f.windows) > 0 {
		t.Errorf("left over: %v", f)
	}
}

func TestFlappingIsBounded(t *testing.T) {
	var f flapping
	for n := range 2 * maxFlaps {
		if !f.admit(Record{}, fmt.Sprint(n), time.Unix(0, 0)) {
			t.Fatalf("event %d is not logged", n)
		}
	}
	if len(f.queue) != maxFlaps || len(f.windows) != maxFlaps {
		t.Errorf("%d and %d are watched", len(f.queue), len(f.windows))
	}
}

// TestFlappingProcess has a process that dies every 1.1 seconds for three minutes, 55 times in each, beside one that does once.
func TestFlappingProcess(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, path, Limits{})
		for n := range 165 {
			l.Append(Record{Code: CodeContainerStopped, Message: "died", Source: Service{URL: "web"}})
			if n == 30 {
				l.Append(Record{Code: CodeContainerStopped, Message: "died", Source: Service{URL: "db"}})
				l.Append(Record{Code: CodeContainerRunning, Message: "runs", Source: Service{URL: "web"}})
			}
			time.Sleep(1100 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		var got []string
		for _, r := range read(t, l, nil) {
			got = append(got, r.Message)
		}
		var want []string
		for minute := range 3 {
			want = append(want, slices.Repeat([]string{"died"}, flapLimit)...)
			if minute == 0 {
				want = append(want, "died", "runs")
			}
			want = append(want, "45 more times within 60 seconds: died")
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		l.Close()
	})
}

// What flaps when the log is closed is told, and AppendSync logs whatever flaps.
func TestFlappingAtTheEnd(t *testing.T) {
	path := newPath(t)
	l, _ := open(t, path, Limits{})
	event := Record{Code: CodeStateChanged, Message: "again", Source: Node{ID: "sup01"}}
	var given, counted int
	for range 25 {
		if l.Append(event) != 0 {
			given++
		} else {
			counted++
		}
	}
	if _, err := l.AppendSync(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if given != flapLimit || counted != 15 || l.Lost() != 0 {
		t.Errorf("%d logged, %d counted, %d lost", given, counted, l.Lost())
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, _ = open(t, path, Limits{})
	got := read(t, l, nil)
	if len(got) != flapLimit+2 || got[flapLimit].Message != "again" || got[flapLimit+1].Message != "15 more times within 60 seconds: again" {
		t.Errorf("got %+v", got)
	}
	if last := got[len(got)-1]; last.Code != event.Code || last.Source != event.Source || last.ID != uint64(flapLimit+2) {
		t.Errorf("the summary is %+v", last)
	}
}
