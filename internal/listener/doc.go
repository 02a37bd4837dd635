// Package listener opens the sockets on which a node serves, and shares the one TCP port between HTTP and gossip.
//
// Guarantees:
//   - A Unix domain socket appears at its path complete: with its mode and owner, and accepting connections. A socket that a dead
//     daemon left behind is replaced; one that is served, or a file that is no socket, is left alone.
//   - A [Split] looks at the first byte of each connection and at nothing else. A connection that stays silent costs one small
//     goroutine until its deadline and delays nobody. The connections of a kind that is not wanted ([Outlet]) are closed at once.
//     After Close no goroutine of the Split is left.
//   - Errors name the address; where Supervisor has a text for them, it is that text ([OpenError]).
package listener
