// Package agent is this node as the agent API shows it: its registration with the cluster, the settings of its applications and what these
// were configured as, its agreements, its event log and its trusted certificates.
//
// It guarantees that a registration or an unregistration that a client was told of holds after a restart, whatever the configuration says;
// that an operation goes on to its end when its caller has left, and an unregistration also when the daemon has ended meanwhile; that the
// node is kept from being chosen for no longer than the state it shows, or a start that must avoid it, demands; and that who reads, a
// spawner among them, waits for nobody.
//
// What is placed where is up to the cluster, what becomes of agreements to the ledger. Processes are acted on through internal/supervisor,
// as for any local command.
package agent
