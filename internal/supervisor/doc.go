// Package supervisor is the local process manager: it owns the groups of a node, starts and stops their processes in
// Supervisor's order, and tells about all of it on the event bus and in the activity log.
//
// Guarantees: readers (Processes, Process, Groups, State) never wait for anybody; they see immutable snapshots. The set of groups
// is changed by one caller at a time, and no change waits for a child. A wait for a child ends when its context does, and
// then only the waiting ends. The changes of one process reach the bus and the Notify hook in order; those of different
// processes may come at the same time.
package supervisor
