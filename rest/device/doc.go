// Package device serves the device API: the HTTP interface of a Resin (balena) supervisor over a node. Its paths, bodies and statuses are
// those that clients of such devices know; what they mean on a node is up to the Device behind it.
//
// Guarantees: nobody gets further than his key opens, and a body is only read of somebody who has one. /ping and /v1/healthy need none and
// wait for nobody. What can do harm (purge, reboot, shutdown, host-config, fleet) is refused before anything is asked of the Device, unless
// the node allows it. Keys are never logged, never passed on, and a caller without one is told no secret. A path is taken apart before its
// segments are decoded, so that a name may contain %2F. A client that leaves ends the context of its call.
package device
