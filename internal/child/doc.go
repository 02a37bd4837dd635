// Package child runs one OS child per managed process: it starts, stops and signals it, feeds its stdin, reads its output
// into log files and tells what becomes of it.
//
// An Actor owns one process.Machine, at most one child, the pipes to it, its logs and one timer. One thing at a time is done to them,
// in turns, and there is no goroutine while there is nothing to do. What it guarantees:
//
//   - Notify and the Hooks are called in turns, in the order in which things happened; all output that a child left
//     in its pipes is read before the change that announces its end.
//   - Info and Watch never wait for the actor. They show a state once Notify and the activity log were told. A waiting call ends with its context; what it asked for goes on.
//   - Nothing polls: an idle process costs no wake-up and no goroutine, and no process costs an OS thread.
//   - A child inherits the descriptors 0, 1 and 2 and no other.
//   - Between two calls an actor can be frozen, written down and taken up again by another image of the daemon (Freeze).
//
// System is the real Spawner. It is the only caller of wait4 in the daemon and reaps every child of it, also orphans that it
// inherits. Nothing else in a process that runs a System may start children: os/exec and os.StartProcess would lose their
// exit status to it.
package child
