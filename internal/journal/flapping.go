package journal

import (
	"fmt"
	"time"
)

const (
	// flapWindow and flapLimit say when an event flaps: after so many equal ones, which are those of one code and source, in such a
	// time. The further ones are counted, and told in one record when the time is over.
	flapWindow = time.Minute
	flapLimit  = 10
	// maxFlaps is how many different events are watched at a time. Others are all logged.
	maxFlaps = 4096
)

// flapping counts equal events. It is a value without clock or timer: the zero value is ready.
type flapping struct {
	windows map[string]*flapWatch
	queue   []*flapWatch // oldest first
}

// flapWatch is the window of one event, from its first occurrence on.
type flapWatch struct {
	equality string
	end      time.Time
	seen     int
	last     Record
}

func (f *flapping) empty() bool { return len(f.queue) == 0 }

// admit counts the event and reports whether it is to be logged by itself.
func (f *flapping) admit(r Record, equality string, now time.Time) bool {
	w := f.windows[equality]
	if w == nil || !now.Before(w.end) { // one that is over keeps its count until expired takes it
		if len(f.queue) >= maxFlaps {
			return true
		}
		if f.windows == nil {
			f.windows = make(map[string]*flapWatch)
		}
		w = &flapWatch{equality: equality, end: now.Add(flapWindow)}
		f.windows[equality] = w
		f.queue = append(f.queue, w)
	}
	w.seen++
	if w.seen <= flapLimit {
		return true
	}
	w.last = r
	return false
}

// next returns when the oldest window ends.
func (f *flapping) next() (time.Time, bool) {
	if len(f.queue) == 0 {
		return time.Time{}, false
	}
	return f.queue[0].end, true
}

// expired ends the windows that are over, or all of them, and returns their summaries.
func (f *flapping) expired(now time.Time, all bool) []Record {
	var out []Record
	for len(f.queue) > 0 && (all || !now.Before(f.queue[0].end)) {
		w := f.queue[0]
		f.queue[0] = nil
		f.queue = f.queue[1:]
		if f.windows[w.equality] == w {
			delete(f.windows, w.equality)
		}
		if n := w.seen - flapLimit; n > 0 {
			r := w.last
			r.Time = now
			r.Message = fmt.Sprintf("%d more times within %d seconds: %s", n, int(flapWindow.Seconds()), r.Message)
			out = append(out, r)
		}
	}
	return out
}
