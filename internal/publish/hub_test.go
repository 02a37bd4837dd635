package publish

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func TestHeaders(t *testing.T) {
	for i, name := range []string{"supvisors", "instance", "application", "process", "event", "hstats", "pstats"} {
		h, err := ParseHeader(name)
		if err != nil || h != Header(i) || h.String() != name {
			t.Errorf("%s: %v %v", name, h, err)
		}
	}
	for _, name := range []string{"", "all", "Process", "process "} {
		if h, err := ParseHeader(name); err == nil {
			t.Errorf("%q is %v", name, h)
		}
	}
	if s := Header(headers).String(); s != "Header(7)" {
		t.Error(s)
	}
}

// TestDemand goes through the life of a few subscribers and compares what the hub wants, and whether it has told.
func TestDemand(t *testing.T) {
	h := NewHub()
	var a, b *subscriber
	steps := []struct {
		name    string
		do      func()
		want    []Header
		changed bool
	}{
		{"nobody", func() {}, nil, false},
		{"join for nothing", func() { a = h.join(pub, 0) }, nil, false},
		{"subscribe", func() { h.subscribe(a, matching("p")) }, []Header{Process, ProcessStatistics}, true},
		{"the same again", func() { h.subscribe(a, matching("p")) }, []Header{Process, ProcessStatistics}, false},
		{"another for the same", func() { b = h.join(text, matching("process")) }, []Header{Process, ProcessStatistics}, false},
		{"the first leaves", func() { h.leave(a) }, []Header{Process}, true},
		{"it leaves again", func() { h.leave(a) }, []Header{Process}, false},
		{"it comes too late", func() { h.subscribe(a, all) }, []Header{Process}, false},
		{"two changes", func() { h.subscribe(b, all); h.subscribe(b, 0) }, nil, true},
		{"all", func() { h.subscribe(b, all) },
			[]Header{Supvisors, Instance, Application, Process, Event, HostStatistics, ProcessStatistics}, true},
		{"too slow", func() {
			for n := range queueLength + 1 {
				h.Publish(Event, body(n, 0))
			}
		}, nil, true},
		{"a header that is none", func() { h.Publish(200, nil) }, nil, false},
	}
	for _, s := range steps {
		s.do()
		changed := false
		select {
		case <-h.Demand():
			changed = true
		default:
		}
		if got := wants(h); !slices.Equal(got, s.want) || changed != s.changed {
			t.Errorf("%s: %v %v, want %v %v", s.name, got, changed, s.want, s.changed)
		}
	}
	if h.Wants(200) {
		t.Error("a header that is none is wanted")
	}
}

func queued(s *subscriber) (messages []string) {
	for len(s.queue) > 0 {
		messages = append(messages, string(<-s.queue))
	}
	return messages
}

// TestPublish checks who is told what, in which form and order, and that the body may be used again.
func TestPublish(t *testing.T) {
	h := NewHub()
	web, zero, none := h.join(text, matching("e")), h.join(pub, all), h.join(text, 0)
	b := []byte(`{"a": 1}`)
	h.Publish(Event, b)
	copy(b, `{"b": 2}`)
	h.Publish(Instance, b)
	b = []byte(`{"ä": 3}`)
	h.Publish(Event, b)
	for _, c := range []struct {
		s    *subscriber
		want []string
	}{
		{web, []string{`["event", {"a": 1}]`, `["event", {"ä": 3}]`}},
		{zero, []string{"\x01\x05event\x00\x08{\"a\": 1}", "\x01\x08instance\x00\x08{\"b\": 2}", "\x01\x05event\x00\x09{\"ä\": 3}"}},
		{none, nil},
	} {
		if got := queued(c.s); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestPublishEncodesOnce(t *testing.T) {
	h := NewHub()
	var wires [forms]map[*byte]bool
	var subscribers []*subscriber
	for f := range forms {
		wires[f] = map[*byte]bool{}
		for range 3 {
			subscribers = append(subscribers, h.join(form(f), all))
		}
	}
	h.Publish(Process, []byte(`{}`))
	for _, s := range subscribers {
		wires[s.form][&(<-s.queue)[0]] = true
	}
	if len(wires[text]) != 1 || len(wires[pub]) != 1 {
		t.Errorf("encoded %d and %d times", len(wires[text]), len(wires[pub]))
	}
}

// TestFullQueue: a WebSocket client gets what came before the gap and is out, a ZeroMQ client misses what does not fit.
func TestFullQueue(t *testing.T) {
	h := NewHub()
	web, zero := h.join(text, all), h.join(pub, all)
	for n := range queueLength + 5 {
		h.Publish(Event, body(n, 0))
	}
	var got []int
	for wire := range web.queue { // ends because it is closed
		got = append(got, number(string(wire)))
	}
	if !slices.Equal(got, upTo(queueLength)) || !web.overflown {
		t.Errorf("websocket: %d messages, overflown %v", len(got), web.overflown)
	}
	if got := queued(zero); len(got) != queueLength || number(got[queueLength-1]) != queueLength-1 || zero.lost.Load() != 5 {
		t.Errorf("zmq: %d messages, lost %d", len(got), zero.lost.Load())
	}
	h.Publish(Event, body(9999, 0))
	if got := queued(zero); len(got) != 1 || number(got[0]) != 9999 {
		t.Errorf("zmq: afterwards %q", got)
	}
}

// TestManyPublishers lets everything happen at once: each subscriber sees the messages of each publisher in order.
func TestManyPublishers(t *testing.T) {
	h := NewHub()
	const publishers, messages = 4, 200
	stay := []*subscriber{h.join(pub, all), h.join(text, all)}
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for n := range messages {
				h.Publish(Header(p), body(n, 0))
			}
		})
		wg.Go(func() {
			for range messages {
				s := h.join(form(p%forms), all)
				h.subscribe(s, matching("p"))
				h.leave(s)
			}
		})
	}
	wg.Wait()
	for _, s := range stay {
		next := map[string]int{}
		for _, m := range queued(s) {
			for _, name := range headerNames[:publishers] {
				if header := fmt.Sprintf(`["%s", `, name); s.form == text && len(m) > len(header) && m[:len(header)] == header ||
					s.form == pub && m[2:2+len(name)] == name {
					if number(m) != next[name] {
						t.Fatalf("%s: %d, want %d", name, number(m), next[name])
					}
					next[name]++
				}
			}
		}
		for _, name := range headerNames[:publishers] {
			if next[name] != messages {
				t.Errorf("form %d: %d messages of %s", s.form, next[name], name)
			}
		}
	}
}

// BenchmarkPublish tells a message of a usual size to clients who take it at once.
func BenchmarkPublish(b *testing.B) {
	payload := body(1, 400)
	for f, name := range []string{text: "ws", pub: "zmq"} {
		for _, clients := range []int{0, 1, 10, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) {
				h := NewHub()
				subscribers := make([]*subscriber, clients)
				for i := range subscribers {
					subscribers[i] = h.join(form(f), all)
				}
				b.ReportAllocs()
				for b.Loop() {
					h.Publish(Process, payload)
					for _, s := range subscribers {
						<-s.queue
					}
				}
			})
		}
	}
}
