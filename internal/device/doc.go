// Package device is this node as the device API shows it: its identity, its applications with their update locks, updates of the
// configuration, its keys, its health, and what may be done to its host.
//
// It guarantees that nothing is stopped while its application holds its update lock, unless that is forced; that an operation goes on to
// its end when its caller has left; that what an operation has stopped for a while runs again afterwards, also when the operation failed;
// that no process is started here which runs on another node of the cluster, when its application is managed; and that Health waits for
// nobody. All that changes the host goes through host.System.
//
// Processes are acted on through internal/supervisor, as for any local command: neither the cluster nor supervisorctl is concerned by the
// locks.
package device
