// Package node drives the cluster core of one node: it brings the core what happens (ticks, peers, processes, requests), one event
// after the other, publishes the View that results, and has the effects carried out, in that order.
//
// It guarantees: one goroutine touches the core; readers take the [View] without a lock and without disturbing it; whoever brings
// an event never waits for the cluster, except by [Node.Ask]; a peer that does not answer delays the orders to that peer only.
//
// A node may leave its cluster and come back, or join another one, while its own work goes on ([Node.Withdraw], [Node.Join]). Nothing
// that was said in one stay is heard in the next, and orders that were under way when a stay ended are refused or given up.
package node
