package rest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// listener reads a stream.
type listener struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Scanner
	stop func()
}

func listen(t *testing.T, target, last string) *listener {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t, resp, bufio.NewScanner(resp.Body), func() { stop(); resp.Body.Close() }}
	t.Cleanup(l.stop)
	if resp.StatusCode == http.StatusOK {
		if got := l.line(); got != "retry: 2000" {
			t.Errorf("the stream begins with %q", got)
		}
		l.line()
	}
	return l
}

func (l *listener) line() string {
	if !l.in.Scan() {
		l.t.Fatalf("the stream ends: %v", l.in.Err())
	}
	return l.in.Text()
}

// next returns the next event: its id, then "name data".
func (l *listener) next() (id, text string) {
	l.t.Helper()
	for {
		switch field, value, _ := strings.Cut(l.line(), ": "); field {
		case "id":
			id = value
		case "event":
			text = value
		case "data":
			l.line()
			return id, text + " " + value
		}
	}
}

// want reads as many events and compares them.
func (l *listener) want(texts ...string) (last string) {
	l.t.Helper()
	for _, want := range texts {
		id, got := l.next()
		if got != want {
			l.t.Fatalf("got %q, want %q", got, want)
		}
		last = id
	}
	return last
}

func serveStream(t *testing.T) (*Stream, string) {
	s := NewStream()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func publishAll(s *Stream, messages ...string) {
	for _, m := range messages {
		header, body, _ := strings.Cut(m, " ")
		s.Publish(header, []byte(body))
	}
}

func TestStreamIsFollowed(t *testing.T) {
	s, target := serveStream(t)
	if s.Wants("process") {
		t.Error("events are wanted though nobody listens")
	}
	publishAll(s, `process {"n": 0}`)
	a, b := listen(t, target, ""), listen(t, target, "")
	if a.resp.Header.Get("Content-Type") != "text/event-stream" || a.resp.Header.Get("X-Accel-Buffering") != "no" {
		t.Error(a.resp.Header)
	}
	messages := []string{`process {"n": 1}`, `event {"n": 2}`, `hstats {"n": 3}`}
	publishAll(s, messages...)
	a.want(messages...)
	last := b.want(messages[:2]...)
	b.stop()
	publishAll(s, `process {"n": 4}`)
	// who comes back gets what it has missed, and nothing twice
	b = listen(t, target, last)
	b.want(`hstats {"n": 3}`, `process {"n": 4}`)
	c := listen(t, target+"?last_event_id="+last, "")
	c.want(`hstats {"n": 3}`, `process {"n": 4}`)
	a.want(`process {"n": 4}`)
}

// A client that was away too long, or with another daemon, is told that it has missed something.
func TestStreamBeginsAnew(t *testing.T) {
	s, target := serveStream(t)
	for _, last := range []string{"other-5", "nonsense", s.epoch + "-99", s.epoch + "-x"} {
		l := listen(t, target, last)
		l.want("reset {}")
		publishAll(s, `process {"n": 1}`)
		l.want(`process {"n": 1}`)
		l.stop()
	}
	l := listen(t, target, "")
	publishAll(s, `process {"first": true}`)
	id, _ := l.next()
	for i := range ringSize + 10 {
		publishAll(s, fmt.Sprintf(`process {"i": %d}`, i))
	}
	back := listen(t, target, id)
	back.want("reset {}", `process {"i": 10}`, `process {"i": 11}`)
}

func TestStreamFilters(t *testing.T) {
	s, target := serveStream(t)
	messages := []string{
		`supvisors {"identifier": "h:1", "nick_identifier": "n1"}`,
		`instance {"identifier": "h:2", "nick_identifier": "n2"}`,
		`application {"application_name": "shop"}`,
		`process {"application_name": "shop", "process_name": "cart", "identifiers": ["h:1", "h:2"]}`,
		`event {"group": "shop", "name": "desk", "identifier": "h:2", "nick_identifier": "n2"}`,
		`event {"group": "solo", "name": "solo", "identifier": "h:1", "nick_identifier": "n1"}`,
		`pstats {"namespec": "shop:cart", "identifier": "h:1"}`,
		`pstats {"namespec": "solo", "identifier": "h:1"}`,
		`hstats not json`,
		`process {"end": "of all"}`,
	}
	end := len(messages) - 1
	for query, want := range map[string][]int{
		"type=process":                     {3, end},
		"type=event,application":           {2, 4, 5},
		"type=event&type=application":      {2, 4, 5},
		"type=state":                       {0},
		"type=statistics":                  {6, 7, 8},
		"application=shop":                 {2, 3, 4, 6},
		"application=shop,solo&type=event": {4, 5},
		"process=cart":                     {3, 6},
		"process=shop:desk":                {4},
		"process=solo":                     {5, 7},
		"process=solo:solo":                {5, 7},
		"identifier=n2":                    {1, 4},
		"identifier=h:1":                   {0, 3, 5, 6, 7},
		"type=all&identifier=h:2":          {1, 3, 4},
	} {
		l := listen(t, target+"?"+query, "")
		publishAll(s, messages...)
		publishAll(s, `process {"end": "of all"}`) // fits some
		for _, i := range want {
			l.want(messages[i])
		}
		l.stop()
	}
	for _, query := range []string{"type=nothing", "type=", "type=process,x"} {
		if l := listen(t, target+"?"+query, ""); l.resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", query, l.resp.Status)
		}
	}
}

// A client too many is told so; when one leaves there is room again.
func TestStreamIsFull(t *testing.T) {
	s, target := serveStream(t)
	first := listen(t, target, "")
	s.listeners.Add(maxListeners - 1)
	if l := listen(t, target, ""); l.resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more: %s", l.resp.Status)
	}
	first.stop()
	deadline := time.After(20 * time.Second)
	for s.listeners.Load() == maxListeners {
		select {
		case <-deadline:
			t.Fatal("who has left is still there")
		case <-time.After(time.Millisecond):
		}
	}
	if l := listen(t, target, ""); l.resp.StatusCode != http.StatusOK {
		t.Errorf("after one has left: %s", l.resp.Status)
	}
}

// A filter takes no longer for what a daemon would never send.
func FuzzFilter(f *testing.F) {
	f.Add("type=process&application=a", `{"application_name": "a"}`)
	f.Add("identifier=x,y", `{"identifiers": ["x"], "namespec": ":"}`)
	f.Fuzz(func(t *testing.T, query, body string) {
		values, _ := url.ParseQuery(query)
		if filter, err := newFilter(values); err == nil {
			filter.takes(&event{header: "process", body: []byte(body)})
		}
	})
}
