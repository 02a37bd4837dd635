// Package publish is the event interface of Supvisors for clients: what happens in the cluster is told over WebSockets
// (event_link = WS) or over a ZeroMQ PUB socket (event_link = ZMQ) on a port of its own (event_port).
//
// A Hub takes each message once, a header and a JSON object, and hands it to those who asked for this header. A WebSocket or a ZMQ
// is a door: it lets clients in through a listener and tells the Hub what they ask for. Several doors may share a Hub.
//
// Guarantees:
//
//   - Publish never waits for a client, and may be called from any goroutine. Calls that follow each other reach each client in that
//     order, and nobody is told anything that he did not ask for.
//   - A message is encoded at most once for all the clients of a kind, and not at all while nobody asks for it. Hub.Wants costs one
//     atomic read and Hub.Demand tells of each change, so that nobody needs to do work for nothing.
//   - A client has a queue of 1,000 messages, the high water mark of ZeroMQ's sockets. One that lets it fill up hurts itself alone:
//     a ZeroMQ client misses messages, as with any PUB socket, and the log says how many; a WebSocket client gets all that is queued
//     and is then closed with 1013 (try again later). It would else show wrong states without knowing it, and Supvisors' own buffers
//     have no bound at all. So a WebSocket client sees no gap before its connection ends.
//   - A write that a client does not take for 30 seconds ends the client. WebSocket clients are asked for a sign of life every 20
//     seconds and have 20 seconds to give it, as with Python's websockets; ZeroMQ clients are when they ask for it by the time to
//     live of their PING, and by the keepalive of TCP.
//   - Nothing that a client sends crashes a door, blocks another client or is kept, beyond its subscriptions. A door serves 1,000
//     clients; a WebSocket door answers the next hundred with status 503, all others are closed at once. A handshake may take 10
//     seconds. What outsiders can cause at will is logged once a minute for each kind.
//   - When the context of Serve ends, clients get what is queued for them and are closed (WebSocket: 1001, going away). Serve returns
//     when the last one is gone, after a little more than a second at the latest.
//
// It never asks who a client is, never interprets a body, never stores a message for clients to come, and never retries.
package publish
