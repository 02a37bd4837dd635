package event

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// talk plays a script: "> text" is written by the listener, "send" hands it an event. It returns one word per
// state change, and the refused sends.
func talk(l *Listener, script []string) []string {
	var out []string
	for _, step := range script {
		if step == "send" {
			if l.Send() {
				out = append(out, "BUSY")
			} else {
				out = append(out, "refused")
			}
			continue
		}
		out = append(out, words(l.Feed([]byte(strings.TrimPrefix(step, "> "))))...)
	}
	return out
}

func words(rs []Reaction) []string {
	var out []string
	for _, r := range rs {
		w := r.To.String()
		switch r.Outcome {
		case Processed:
			w += " processed"
		case Rejected:
			w += " rejected"
		case BadResult:
			w += fmt.Sprintf(" bad result %q", r.Line)
		}
		out = append(out, w)
	}
	return out
}

func TestListenerTalk(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		name   string
		script []string
		want   []string
	}{
		{"one event", []string{"> READY\n", "send", "> RESULT 2\nOK"}, []string{"READY", "BUSY", "ACKNOWLEDGED processed"}},
		{"ready with the answer", []string{"> READY\n", "send", "> RESULT 2\nOKREADY\n", "send"},
			[]string{"READY", "BUSY", "ACKNOWLEDGED processed", "READY", "BUSY"}},
		{"pieces", []string{"> REA", "> DY", "> \n", "send", "> RES", "> ULT 2", "> \n", "> O", "> K"},
			[]string{"READY", "BUSY", "ACKNOWLEDGED processed"}},
		{"fail", []string{"> READY\n", "send", "> RESULT 4\nFAIL"}, []string{"READY", "BUSY", "ACKNOWLEDGED rejected"}},
		{"another word", []string{"> READY\n", "send", "> RESULT 3\nfoo"}, []string{"READY", "BUSY", "ACKNOWLEDGED rejected"}},
		{"ok with more", []string{"> READY\n", "send", "> RESULT 3\nOK\n"}, []string{"READY", "BUSY", "ACKNOWLEDGED rejected"}},
		{"empty result", []string{"> READY\n", "send", "> RESULT 0\nREADY\n"}, []string{"READY", "BUSY", "ACKNOWLEDGED rejected", "READY"}},
		{"long result", []string{"> READY\n", "send", "> RESULT 5000\n", "> " + long, "> READY\n"},
			[]string{"READY", "BUSY", "ACKNOWLEDGED rejected", "READY"}},
		{"spaces around the number", []string{"> READY\n", "send", "> RESULT  2 \r\nOK"}, []string{"READY", "BUSY", "ACKNOWLEDGED processed"}},
		{"send too early", []string{"send", "> READ", "send", "> Y\n", "send", "send"}, []string{"refused", "refused", "READY", "BUSY", "refused"}},
		{"no ready", []string{"> hello\n", "> READY\n", "send"}, []string{"UNKNOWN", "refused"}},
		{"not yet decided", []string{"> hello", "send"}, []string{"refused"}},
		{"chatter when ready", []string{"> READY\nx", "send", "> READY\n"}, []string{"READY", "UNKNOWN", "refused"}},
		{"not a result", []string{"> READY\n", "send", "> garbage\n", "> READY\n"}, []string{"READY", "BUSY", `UNKNOWN bad result "garbage"`}},
		{"short line", []string{"> READY\n", "send", "> OK\n"}, []string{"READY", "BUSY", `UNKNOWN bad result "OK"`}},
		{"bad length", []string{"> READY\n", "send", "> RESULT two\nOK"}, []string{"READY", "BUSY", `UNKNOWN bad result "RESULT two"`}},
		{"negative length", []string{"> READY\n", "send", "> RESULT -2\nOK"}, []string{"READY", "BUSY", `UNKNOWN bad result "RESULT -2"`}},
		{"huge length", []string{"> READY\n", "send", "> RESULT 99999999999999999999\nOK"},
			[]string{"READY", "BUSY", `UNKNOWN bad result "RESULT 99999999999999999999"`}},
		{"not utf-8", []string{"> READY\n", "send", "> RESULT \xff\n"}, []string{"READY", "BUSY", `UNKNOWN bad result "Undecodable: b'RESULT \\xff'"`}},
		{"endless line", []string{"> READY\n", "send", "> " + long},
			[]string{"READY", "BUSY", fmt.Sprintf("UNKNOWN bad result %q", long[:maxResultLine])}},
		{"nothing", []string{"> ", "> "}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := talk(NewListener(), c.script); !slices.Equal(got, c.want) {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestReactionsSayWhereTheyCameFrom(t *testing.T) {
	l := NewListener()
	got := l.Feed([]byte("READY\n"))
	l.Send()
	got = append(got, l.Feed([]byte("RESULT 2\nOKREADY\n!"))...)
	want := []Reaction{
		{From: ListenerAcknowledged, To: ListenerReady},
		{From: ListenerBusy, To: ListenerAcknowledged, Outcome: Processed},
		{From: ListenerAcknowledged, To: ListenerReady},
		{From: ListenerReady, To: ListenerUnknown},
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if l.State() != ListenerUnknown {
		t.Errorf("state %s", l.State())
	}
}

func TestListenerStateNames(t *testing.T) {
	for s, want := range map[ListenerState]string{
		ListenerReady: "READY", ListenerBusy: "BUSY", ListenerAcknowledged: "ACKNOWLEDGED", ListenerUnknown: "UNKNOWN", 5: "ListenerState(5)",
	} {
		if s.String() != want {
			t.Errorf("%d is %q, want %q", int(s), s, want)
		}
	}
}

// FuzzListener feeds the same bytes at once and cut in two: the reactions must be the same, the chain of states
// unbroken, and what is held must stay small. A listener is sent an event as soon as it is READY at a cut both runs share.
func FuzzListener(f *testing.F) {
	for _, seed := range []string{
		"READY\nRESULT 2\nOK", "RESULT 4\nFAILREADY\n", "RESULT 0\n", "RESULT 5000\nabc", "RESULT -1\n", "hello", "garbage\n", "\n\n\n",
		"RESULT " + strings.Repeat("9", 30) + "\n", strings.Repeat("x", 3000),
	} {
		f.Add([]byte(seed), uint16(3), true)
		f.Add([]byte(seed), uint16(9), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16, busy bool) {
		start := func() *Listener {
			l := NewListener()
			if busy {
				l.Feed([]byte("READY\n"))
				l.Send()
			}
			return l
		}
		whole, cutUp := start(), start()
		first := whole.State()
		a := whole.Feed(data)
		n := min(int(cut), len(data))
		b := append(cutUp.Feed(data[:n]), cutUp.Feed(data[n:])...)
		if !slices.Equal(a, b) || whole.State() != cutUp.State() {
			t.Fatalf("at once: %+v in %s\ncut at %d: %+v in %s", a, whole.State(), n, b, cutUp.State())
		}
		state := first
		for _, r := range a {
			if r.From != state {
				t.Fatalf("broken chain: %+v after %s", r, state)
			}
			state = r.To
		}
		if state != whole.State() {
			t.Fatalf("the reactions end in %s, the listener is in %s", state, whole.State())
		}
		if len(whole.line) > maxResultLine || len(whole.result) > len(readyToken) {
			t.Fatalf("holds %d and %d bytes", len(whole.line), len(whole.result))
		}
	})
}
