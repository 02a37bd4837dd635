package event

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/supvisors/supvisors/internal/process"
)

// Payload implements Event: a token set with what the new state adds to it.
func (e StateChanged) Payload() string {
	base := fmt.Sprintf("processname:%s groupname:%s from_state:%s", e.Info.Name, e.Info.Group, e.From)
	switch e.Info.State {
	case process.Starting, process.Backoff:
		return fmt.Sprintf("%s tries:%d", base, e.Tries)
	case process.Exited:
		expected := 0
		if e.Info.Expected {
			expected = 1
		}
		return fmt.Sprintf("%s expected:%d pid:%d", base, expected, e.PID)
	case process.Running, process.Stopping, process.Stopped:
		return fmt.Sprintf("%s pid:%d", base, e.PID)
	}
	return base
}

// Payload implements Event.
func (e ProcessLog) Payload() string {
	return fmt.Sprintf("%s channel:%s\n%s", e.tokens(), e.Channel, Text(e.Data))
}

// Payload implements Event.
func (e ProcessCommunication) Payload() string { return e.tokens() + "\n" + Text(e.Data) }

// Payload implements Event.
func (e RemoteCommunication) Payload() string { return "type:" + e.Kind + "\n" + e.Data }

// Payload implements Event; it is empty.
func (SupervisorRunning) Payload() string { return "" }

// Payload implements Event; it is empty.
func (SupervisorStopping) Payload() string { return "" }

// Payload implements Event.
func (e Tick) Payload() string { return fmt.Sprintf("when:%d", e.When.Unix()) }

// Payload implements Event.
func (e GroupAdded) Payload() string { return "groupname:" + e.Group + "\n" }

// Payload implements Event.
func (e GroupRemoved) Payload() string { return "groupname:" + e.Group + "\n" }

// Payload implements Event.
func (e ProcessAdded) Payload() string { return processTokens(e.Info) }

// Payload implements Event.
func (e ProcessRemoved) Payload() string { return processTokens(e.Info) }

// Payload implements Event.
func (e ProcessEnabled) Payload() string { return processTokens(e.Info) }

// Payload implements Event.
func (e ProcessDisabled) Payload() string { return processTokens(e.Info) }

// processTokens is the body of the events below PROCESS; Supvisors ends it with a space.
func processTokens(info process.Info) string {
	return fmt.Sprintf("processname:%s groupname:%s ", info.Name, info.Group)
}

// Text returns the bytes of a child as text. Bytes that are not UTF-8 are written the way Supervisor shows them, as
// the literal of a Python bytes object, so that listeners that read text never see an invalid sequence.
func Text(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	return "Undecodable: " + bytesLiteral(data)
}

// bytesLiteral writes data as Python's repr of bytes does.
func bytesLiteral(data []byte) string {
	quote := byte('\'')
	if strings.IndexByte(string(data), '\'') >= 0 && strings.IndexByte(string(data), '"') < 0 {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte('b')
	b.WriteByte(quote)
	for _, c := range data {
		switch {
		case c == quote || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}
