// Package cluster decides everything that the nodes of a Supvisors cluster do together: who is the Master, which node runs which
// process, in which order applications start and stop, what happens when a node or a process is lost.
//
// It guarantees:
//
//   - a Core is a value: [Core.Step] takes one event and the time, and returns the effects to carry out, in order. It starts no
//     goroutine, reads no clock, draws no random number and does no I/O. The same events give the same effects;
//   - a fact has one writer: the [Report] of a node is written by that node alone and reaches the others as a snapshot followed by
//     numbered deltas. What a lost node was running is derived by everyone from its loss;
//   - every state of the state machine follows from facts, and every hop is checked against one table;
//   - every request is answered exactly once and every job ends: each wait has a deadline (see [Core.Deadline]), save the one for the
//     exit of a wait_exit program, which has one when [Config].WaitExitLimit says so.
//
// A Core belongs to one goroutine (package node). Others read the immutable [View].
//
// Names, strategies, states and transitions are those of Supvisors 0.19.
package cluster
