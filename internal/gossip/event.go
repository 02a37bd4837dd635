package gossip

import (
	"encoding/json"
	"fmt"
)

// Event is what a [Membership] tells its owner. The types of this file are the only ones. Name is the identifier of the peer.
type Event interface{ event() }

// Joined tells that a peer is there. Addr is the "ip:port" that it advertises.
type Joined struct {
	Name, Addr string
	Meta       Meta
}

// Updated tells that a peer advertises other facts about itself.
type Updated struct {
	Name, Addr string
	Meta       Meta
}

// Left tells that a peer is gone.
type Left struct {
	Name   string
	Reason Reason
}

// StreamUp tells that the log of a peer is being followed, in the run of the peer that Epoch names.
type StreamUp struct{ Name, Epoch string }

// StreamDown tells that the log of a peer cannot be followed for the moment. What is missed meanwhile comes later.
type StreamDown struct {
	Name string
	Err  error
}

// StreamSnapshot brings all that the peer publishes, as of the entry number Seq of its log.
type StreamSnapshot struct {
	Name, Epoch string
	Seq         uint64
	Data        json.RawMessage
}

// StreamEntry brings the next entry of a peer's log.
type StreamEntry struct {
	Name, Epoch string
	Seq         uint64
	Data        json.RawMessage
}

func (Joined) event()         {}
func (Updated) event()        {}
func (Left) event()           {}
func (StreamUp) event()       {}
func (StreamDown) event()     {}
func (StreamSnapshot) event() {}
func (StreamEntry) event()    {}

// Reason says why a peer is gone.
type Reason int

// The reasons of Left.
const (
	Lost      Reason = iota // no answer, as memberlist found out or was told by another node
	Refused                 // nobody listens on its port: the process is dead
	Leaving                 // it said so
	Restarted               // another run of the node has taken its place
)

var reasonTexts = [...]string{
	Lost:      "it does not answer",
	Refused:   "nothing listens on its port",
	Leaving:   "it is shutting down",
	Restarted: "it was restarted",
}

// String returns the reason as the end of a sentence.
func (r Reason) String() string {
	if r < 0 || int(r) >= len(reasonTexts) {
		return fmt.Sprintf("reason %d", int(r))
	}
	return reasonTexts[r]
}
