// Package device serves the device API: the HTTP interface of a Resin (balena) supervisor over a node. Its paths, bodies and statuses are
// those that clients of such devices know; what they mean on a node is up to the Device behind it.
package device
