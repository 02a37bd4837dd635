package event

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// ListenerState is where Supervisor stands in the talk with one event listener process; the numbers are Supervisor's.
type ListenerState int

// The listener states.
const (
	ListenerReady        ListenerState = 10 // may be sent an event
	ListenerBusy         ListenerState = 20 // works on an event
	ListenerAcknowledged ListenerState = 30 // has just started or answered, not yet READY
	ListenerUnknown      ListenerState = 40 // broke the protocol; gets no events for the rest of its life
)

var listenerStates = map[ListenerState]string{
	ListenerReady: "READY", ListenerBusy: "BUSY", ListenerAcknowledged: "ACKNOWLEDGED", ListenerUnknown: "UNKNOWN",
}

// String returns Supervisor's name of the state.
func (s ListenerState) String() string {
	if name, ok := listenerStates[s]; ok {
		return name
	}
	return fmt.Sprintf("ListenerState(%d)", int(s))
}

// Outcome is what became of the event that a listener was working on.
type Outcome int

// The outcomes.
const (
	NoOutcome Outcome = iota // the state change was not about an event
	Processed                // RESULT 2\nOK
	Rejected                 // any other result: the event must be sent again
	BadResult                // no readable result line: the event must be sent again, the listener is UNKNOWN
)

// Reaction is one state change that the bytes of a listener caused.
type Reaction struct {
	From, To ListenerState
	Outcome  Outcome
	Line     string // for BadResult: the line that could not be read
}

const (
	readyToken   = "READY\n"
	resultPrefix = len("RESULT ")
	resultOK     = "OK"
	// maxResultLine bounds what is held while waiting for the end of a result line; a longer line is no result.
	maxResultLine = 1024
)

// Listener is Supervisor's half of the protocol with one listener process: Send before an event is written to its
// stdin, Feed with what it writes to stdout. It belongs to one goroutine.
type Listener struct {
	state ListenerState
	line  []byte // begin of a READY token or of a result line
	// While a result is read: how many bytes are missing, and its first bytes, as many as can make "OK".
	inResult bool
	missing  int
	length   int
	result   []byte
}

// NewListener returns the state of a process that was just spawned: ACKNOWLEDGED.
func NewListener() *Listener { return &Listener{state: ListenerAcknowledged} }

// State returns the current state.
func (l *Listener) State() ListenerState { return l.state }

// Send makes a READY listener BUSY. It reports false, and changes nothing, in any other state.
func (l *Listener) Send() bool {
	if l.state != ListenerReady {
		return false
	}
	l.state = ListenerBusy
	return true
}

// Feed takes bytes that the listener wrote and returns the state changes they cause, in order. Bytes may come in any
// pieces; the sum of the reactions does not depend on how they were cut.
func (l *Listener) Feed(data []byte) []Reaction {
	var out []Reaction
	for len(data) > 0 && l.state != ListenerUnknown {
		var r Reaction
		var done bool
		switch {
		case l.state == ListenerAcknowledged:
			data, r, done = l.feedReady(data)
		case l.state == ListenerReady: // nobody asked it anything
			r, done = l.change(ListenerUnknown, NoOutcome), true
		case l.inResult:
			data, r, done = l.feedResult(data)
		default:
			data, r, done = l.feedResultLine(data)
		}
		if done {
			out = append(out, r)
		}
	}
	return out
}

// feedReady waits for "READY\n". As in Supervisor, nothing is decided before as many bytes as the token has.
func (l *Listener) feedReady(data []byte) ([]byte, Reaction, bool) {
	n := min(len(readyToken)-len(l.line), len(data))
	l.line = append(l.line, data[:n]...)
	data = data[n:]
	if len(l.line) < len(readyToken) {
		return data, Reaction{}, false
	}
	to := ListenerUnknown
	if string(l.line) == readyToken {
		to = ListenerReady
	}
	return data, l.change(to, NoOutcome), true
}

// feedResultLine waits for "RESULT <length>\n". Supervisor reads the number after the seventh byte and does not look
// at the word before it; neither does this.
func (l *Listener) feedResultLine(data []byte) ([]byte, Reaction, bool) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		l.line = append(l.line, data...)
		if len(l.line) > maxResultLine {
			return nil, l.badResult(l.line[:maxResultLine]), true
		}
		return nil, Reaction{}, false
	}
	line := append(l.line, data[:end]...)
	data = data[end+1:]
	if len(line) > maxResultLine {
		return data, l.badResult(line[:maxResultLine]), true
	}
	length, err := strconv.Atoi(strings.TrimSpace(string(line[min(resultPrefix, len(line)):])))
	if err != nil || length < 0 {
		return data, l.badResult(line), true
	}
	l.line, l.inResult, l.length, l.missing = nil, true, length, length
	if length == 0 {
		return data, l.finish(), true
	}
	return data, Reaction{}, false
}

// feedResult waits for the end of the result. Only the first bytes are kept: whatever is longer than "OK" is not "OK".
func (l *Listener) feedResult(data []byte) ([]byte, Reaction, bool) {
	n := min(l.missing, len(data))
	l.missing -= n
	keep := min(n, len(resultOK)-len(l.result))
	l.result = append(l.result, data[:keep]...)
	if l.missing > 0 {
		return data[n:], Reaction{}, false
	}
	return data[n:], l.finish(), true
}

func (l *Listener) finish() Reaction {
	if l.length == len(resultOK) && string(l.result) == resultOK {
		return l.change(ListenerAcknowledged, Processed)
	}
	return l.change(ListenerAcknowledged, Rejected)
}

func (l *Listener) badResult(line []byte) Reaction {
	text := Text(line) // before change drops the bytes
	r := l.change(ListenerUnknown, BadResult)
	r.Line = text
	return r
}

// change enters a state, in which everything is read from its begin.
func (l *Listener) change(to ListenerState, outcome Outcome) Reaction {
	r := Reaction{From: l.state, To: to, Outcome: outcome}
	*l = Listener{state: to}
	return r
}
