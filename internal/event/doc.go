// Package event holds what a node tells about itself: Supervisor's tree of event types with its payload texts, the bus
// that carries the events inside the daemon, and Supervisor's half of the event listener protocol.
//
// Guarantees of the Bus: Publish never waits for a subscriber; events that somebody subscribed to get serial numbers and all subscribers see
// the events in the order of the serials, so the events of one publisher keep their order; a subscriber's queue is
// bounded, the oldest entries give way, and whoever has read its queue to the end knows exactly how many it lost.
//
// The listener protocol is a pure state machine over bytes: it starts no goroutine and does no I/O. It holds a bounded
// number of bytes whatever a listener sends.
package event
