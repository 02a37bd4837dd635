// Package journal keeps what a node must not forget: the event log, and small state files.
//
// Guarantees of the [Log]: Append never waits for the disk; a record that AppendSync returned for is on disk and survives
// SIGKILL and power loss; numbers grow, and none that was given out is ever given out again, not after a crash, not after
// everything was pruned, not after the file was damaged; the log is bounded by age and count, and so is its file. A file that cannot be
// read is moved aside and a new one begun: the log never keeps a node from starting. Damage found later is treated likewise, and never
// stops the daemon. Whoever reads holds the file for a moment at a time, however slowly it takes what it reads.
//
// Guarantees of the [Folder]: a state file is either the old one or the new one, whatever happens in between; fields of a later release
// survive an earlier one; a damaged file is kept for inspection and named in the error.
//
// A [File] is what the log and the histories of others stand on: a file of bbolt whose damage is an error, never a panic.
//
// All methods may be called from any goroutine. The package knows nothing of clusters, of REST, or of who reads.
package journal
