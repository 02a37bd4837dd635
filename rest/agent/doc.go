// Package agent serves the agent API: the HTTP interface of an Open Horizon agent over a node. Its paths, bodies and statuses are those
// that clients of such agents know; what they mean on a node is up to the Agent behind it.
//
// Guarantees: nobody gets further than his key opens, a body is only read of somebody who has one, and only a key that opens everything
// changes anything. What the Agent is asked for has been checked: names, states, attributes with their mappings, certificates. Passwords of
// attributes are in no answer, values of variables that are called like a secret only in those to who may do everything, and neither is in
// a log. A path is taken apart before its segments are decoded, so that a name may contain %2F. A client that leaves ends the context of
// its call.
package agent
