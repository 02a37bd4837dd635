package supervisor

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/supvisors/supvisors/internal/event"
	"github.com/supvisors/supvisors/internal/process"
)

// bench is a pool of listeners played by a script; its transcript has what they were sent and what was logged.
type bench struct {
	d          *dispatcher
	serial     uint64
	transcript []string
	logged     bytes.Buffer
	refused    []func() // what the deaf listener did not take; told at the step "refused"
}

func newBench(size int, names ...string) *bench {
	b := &bench{}
	b.d = &dispatcher{server: "srv", pool: "ears", size: size, log: slog.New(NewActivityHandler(slog.LevelInfo, &b.logged))}
	for _, name := range names {
		m := &member{name: name, talk: event.NewListener()}
		m.write = func(data []byte, talk *event.Listener) {
			if m.name == "deaf" {
				b.refused = append(b.refused, func() { b.d.refused(m, talk) })
				return
			}
			header, body, _ := strings.Cut(string(data), "\n")
			var serials string
			for _, token := range strings.Fields(header) {
				if strings.HasPrefix(token, "serial:") || strings.HasPrefix(token, "poolserial:") {
					serials += " " + token
				}
			}
			b.transcript = append(b.transcript, fmt.Sprintf("%s <- %s%s", m.name, body, serials))
		}
		b.d.members = append(b.d.members, m)
	}
	return b
}

// play runs steps such as "event x", "skip", "a STARTING", "a says READY\n"; it returns the transcript with the log lines.
func (b *bench) play(t *testing.T, steps ...string) []string {
	t.Helper()
	for _, step := range steps {
		who, what, _ := strings.Cut(step, " ")
		switch who {
		case "event":
			b.d.accept(event.Notice{Serial: b.serial, Event: event.RemoteCommunication{Kind: what, Data: ""}})
			b.serial++
		case "skip":
			b.serial++
		case "refused":
			for _, tell := range b.refused {
				tell()
			}
			b.refused = nil
		default:
			i := slices.IndexFunc(b.d.members, func(m *member) bool { return m.name == who })
			m := b.d.members[i]
			if text, ok := strings.CutPrefix(what, "says "); ok {
				b.d.output(m, []byte(text))
				break
			}
			state, err := process.ParseState(what)
			if err != nil {
				t.Fatal(err)
			}
			b.d.changed(m, state)
		}
		for line := range strings.Lines(b.logged.String()) {
			b.transcript = append(b.transcript, strings.TrimSpace(line[24:]))
		}
		b.logged.Reset()
	}
	for i, line := range b.transcript {
		b.transcript[i] = strings.Replace(line, "type:", "", 1)
		b.transcript[i] = strings.ReplaceAll(b.transcript[i], "\n", "")
	}
	return b.transcript
}

const unknownWarning = "has entered the UNKNOWN state and will no longer receive events, " +
	"this usually indicates the process violated the eventlistener protocol"

func TestDispatcher(t *testing.T) {
	up := func(name string) []string {
		return []string{name + " STARTING", name + " RUNNING", name + " says READY\n"}
	}
	for _, c := range []struct {
		name    string
		size    int
		members []string
		steps   []string
		want    []string
	}{
		{"one after the other", 10, []string{"a"},
			append(up("a"), "event x", "skip", "event y", "a says RESULT 2\nOK", "a says READY\n"),
			[]string{"a <- x serial:0 poolserial:0", "a <- y serial:2 poolserial:1"}},
		{"not before RUNNING", 10, []string{"a"},
			[]string{"event x", "a STARTING", "a says READY\n", "a RUNNING"},
			[]string{"a <- x serial:0 poolserial:0"}},
		{"not before READY", 10, []string{"a"}, []string{"event x", "a STARTING", "a RUNNING"}, nil},
		{"rejected comes first again", 10, []string{"a"},
			append(up("a"), "event x", "event y", "a says RESULT 4\nFAIL", "a says READY\n", "a says RESULT 2\nOKREADY\n"),
			[]string{"a <- x serial:0 poolserial:0", "WARN a: event was rejected",
				"a <- x serial:0 poolserial:0", "a <- y serial:1 poolserial:1"}},
		{"pool shares", 10, []string{"a", "b"},
			slices.Concat(up("a"), up("b"), []string{"event x", "event y", "event z", "b says RESULT 2\nOKREADY\n"}),
			[]string{"a <- x serial:0 poolserial:0", "b <- y serial:1 poolserial:1", "b <- z serial:2 poolserial:2"}},
		{"death gives the event back", 10, []string{"a", "b"},
			slices.Concat(up("a"), []string{"event x", "event y", "a EXITED"}, up("b"), []string{"b says RESULT 2\nOKREADY\n"}),
			[]string{"a <- x serial:0 poolserial:0", "b <- x serial:0 poolserial:0", "b <- y serial:1 poolserial:1"}},
		{"stopping does not", 10, []string{"a"},
			append(up("a"), "event x", "a STOPPING", "a says RESULT 2\nOKREADY\n", "event y", "a STOPPED"),
			[]string{"a <- x serial:0 poolserial:0"}},
		{"a new child starts anew", 10, []string{"a"},
			slices.Concat(up("a"), []string{"a says what?", "a EXITED"}, up("a"), []string{"event x"}),
			[]string{"WARN a: " + unknownWarning, "a <- x serial:0 poolserial:0"}},
		{"overflow discards the oldest", 3, []string{"a"},
			slices.Concat([]string{"skip", "event 1", "event 2", "event 3", "event 4", "event 5"}, up("a")),
			[]string{"ERRO pool ears event buffer overflowed, discarding event 1",
				"ERRO pool ears event buffer overflowed, discarding event 2", "a <- 3 serial:3 poolserial:2"}},
		{"overflow by a rejected event", 2, []string{"a"},
			append(up("a"), "event x", "event y", "event z", "a says RESULT 4\nFAIL", "a says READY\n"),
			[]string{"a <- x serial:0 poolserial:0", "WARN a: event was rejected",
				"ERRO pool ears event buffer overflowed, discarding event 1", "a <- x serial:0 poolserial:0"}},
		{"bad result", 10, []string{"a", "b"},
			slices.Concat(up("a"), []string{"event x", "a says garbage\n"}, up("b")),
			[]string{"a <- x serial:0 poolserial:0", "WARN a: bad result line: 'garbage'", "WARN a: " + unknownWarning,
				"b <- x serial:0 poolserial:0"}},
		{"no stdin", 10, []string{"deaf", "b"},
			slices.Concat(up("deaf"), up("b"), []string{"event x", "event y", "refused", "b says RESULT 2\nOKREADY\n", "event z"}),
			[]string{"b <- y serial:1 poolserial:1", "b <- x serial:0 poolserial:0"}},
		{"no stdin for the present child only", 10, []string{"deaf"},
			slices.Concat(up("deaf"), []string{"event x", "refused", "deaf EXITED"}, up("deaf"), []string{"refused", "deaf EXITED"}), nil},
		{"refused after the death", 10, []string{"deaf", "b"},
			slices.Concat(up("deaf"), []string{"event x", "deaf EXITED"}, up("deaf"), []string{"refused"}, up("b"), []string{"refused"}),
			[]string{"b <- x serial:0 poolserial:0"}},
		{"a buffer of nothing holds one", 0, []string{"a"},
			slices.Concat([]string{"event x", "event y"}, up("a")),
			[]string{"ERRO pool ears event buffer overflowed, discarding event 0", "a <- y serial:1 poolserial:1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newBench(c.size, c.members...).play(t, c.steps...)
			if !slices.Equal(got, c.want) {
				t.Errorf("\n got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestDispatcherTellsWhatTheBusDropped(t *testing.T) {
	b := newBench(10, "a")
	for i, lost := range []uint64{0, 3, 3, 4} {
		b.d.accept(event.Notice{Serial: uint64(i), Lost: lost, Event: event.SupervisorRunning{}})
	}
	want := []string{"ERRO pool ears event buffer overflowed, discarding 3 events", "ERRO pool ears event buffer overflowed, discarding 1 events"}
	if got := b.play(t, "a STARTING"); !slices.Equal(got, want) {
		t.Errorf("logged %q", got)
	}
	if lost, queued := b.d.dropped.Load(), b.d.queued.Load(); lost != 4 || queued != 4 {
		t.Errorf("%d lost, %d queued", lost, queued)
	}
}

// The backlog is a queue, however it was filled.
func TestBacklog(t *testing.T) {
	var b backlog
	var want []uint64
	next := uint64(0)
	for round := range 50 {
		for range round % 7 * 3 {
			b.push(pooled{serial: next})
			want = append(want, next)
			next++
		}
		for range min(round%5*4, len(want)) {
			got := b.first()
			if b.pop(); got.serial != want[0] {
				t.Fatalf("round %d: %d comes, not %d", round, got.serial, want[0])
			}
			want = want[1:]
			if round%3 == 0 {
				b.putBack(got)
				want = slices.Insert(want, 0, got.serial)
				b.pop()
				want = want[1:]
			}
		}
		if b.len() != len(want) || len(b.events) > 2*len(want)+1 {
			t.Fatalf("round %d: %d events in %d places, not %d", round, b.len(), len(b.events), len(want))
		}
	}
}
