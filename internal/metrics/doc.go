// Package metrics shows the daemon to Prometheus: what docs/metrics.md lists, on a registry of its own.
//
// Guarantees: a scrape reads what the process manager and the cluster have published anyway, so it waits for no process and no peer and
// is never waited for. Labels carry names from the configuration, the cluster and the host, never what a client sends; what is
// not there any more is not shown any more. Only the calls of clients are counted here, everything else by its owner.
package metrics
