// Package ledger is the history of a node as the agent API tells it: agreements, which are decisions of the cluster that an application runs
// here, and instances, which are runs of applications. It is projected from what happens: orders of the cluster, changes of processes and
// Views. What it sees is also written to the event log.
//
// It guarantees that nothing waits for it: Ordered and Because only note something down, readers get what was published last, and the one
// goroutine of Run, which owns all else, never waits for the disk. What was noted down is on disk within a second. Everything is bounded.
//
// No agreement ever decides anything. Losing the file loses history only: one that is damaged is moved aside and a new one begun.
package ledger
