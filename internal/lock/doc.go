// Package lock keeps the update locks of a node as files: while an application holds its lock, nothing stops it for an update.
//
// It guarantees that a lock is taken exclusively or not at all, that of several locks either all are taken or none, that a lock which an
// application took is never removed unless that is forced, and that what a dead daemon left behind does not lock for ever. It follows no
// symbolic link below its directory and never waits: neither for a lock nor for what an application puts in the place of one (a pipe, say).
//
// Everything may be called from any goroutine. Noticing a change costs nothing while nothing changes: the kernel tells.
package lock
