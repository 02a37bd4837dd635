// Package worker knows the long-lived parts of the daemon: where each stands in its life, what became of it, and whether its loop still
// turns.
//
// It guarantees that a heartbeat, and the question about the last one, is an atomic access to one number that allocates nothing and waits
// for nobody; that the log has the changes in the order in which they came about, the last 1,000 of them; and that a status never goes back
// to what it was by news that come late. All methods may be called from any goroutine. Those of a nil Registry and of a nil Worker do
// nothing, so that tests and tools need none.
//
// It never decides what a part does, but for Supervise, which starts one again after a panic.
package worker
