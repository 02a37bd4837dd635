package event

import (
	"fmt"
	"unicode/utf8"
)

// Envelope is what the header line of a listener message says besides the event itself.
type Envelope struct {
	Server     string // identifier of the daemon
	Pool       string // name of the listener pool
	Serial     uint64 // serial of the event on the bus
	PoolSerial uint64 // serial of the event in the pool
}

// Encode returns the header line and the payload of ev as a listener reads them from its stdin. The length counts
// characters, as Supervisor does: listeners read that many of a text stream.
func (e Envelope) Encode(ev Event) []byte {
	payload := ev.Payload()
	return fmt.Appendf(nil, "ver:3.0 server:%s serial:%d pool:%s poolserial:%d eventname:%s len:%d\n%s",
		e.Server, e.Serial, e.Pool, e.PoolSerial, ev.Type(), utf8.RuneCountInString(payload), payload)
}
