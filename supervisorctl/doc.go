// Command supervisorctl is the control shell of a node: the commands of Supervisor's supervisorctl and those of Supvisors' plugin,
// with the same options, the same output to the byte and the same exit statuses. It talks XML-RPC to one server, ours or
// Supervisor's own, and holds no state but its connection.
//
// Where the peer prints the class and text of a Python exception, the same class and text are printed without the place in its source.
package main
