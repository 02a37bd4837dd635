// Package gossip tells a node which other nodes are there and what they publish, over the one port of each node.
//
// Membership is memberlist's, with an own transport that carries everything over TCP ([Membership]). What a node publishes is one
// numbered log ([Log]) that each peer follows over one long HTTP response. Payloads are opaque JSON.
//
// All that happens comes out as an [Event] through Config.Notify, which is called from one goroutine at a time:
//   - For one peer: Joined comes first; Left ends it; between them come Updated, StreamUp, StreamDown, StreamSnapshot and
//     StreamEntry. The first stream content after Joined is a StreamSnapshot, and an entry that follows a snapshot or entry
//     of number N has number N+1.
//   - Notify may block. That delays the streams of the peers, which then resume or start again from a snapshot; it never delays
//     memberlist, other readers of this node's log, or the node's own log.
//
// # When a peer is there
//
// memberlist decides who is a member: silence makes a suspect, then a loss, in two to four seconds. The stream of a member knows
// more, and sooner, because it shares its port with everything else:
//   - Nobody listens on the port of the member any more (its stream is broken or cannot be opened, and two attempts to
//     connect are refused): Left, at once. A killed node is seen by all in a fraction of a second.
//   - The member says that it is about to end (last line of its stream): Left, at once.
//   - The stream answers with another epoch than the one known: the node was restarted: Left, then Joined.
//   - After such a Left, the peer is Joined again when, and only when, its stream answers or memberlist reports a join after a
//     loss. Both take a live process that holds the cluster secret and listens on the port.
//   - memberlist's loss of a member ends all: Left unless it was told, and no more attempts to open its stream.
//
// A node that leaves with a word and comes back on the same port with the same name is Left and Joined at once, even in the same run:
// memberlist tells it that it has left, and it contradicts with a newer incarnation. Its log may go on where it stopped.
//
// So what brings a peer back is proof of the same kind as what removed it. Rumours (gossip that names another epoch, or a log
// position that the stream does not reach) never make a peer join or leave: they only make the stream reconnect, which shows the
// truth. The views of memberlist and of the streams converge, because a stream is followed for exactly as long as memberlist has
// the member.
package gossip
