// Package config turns supervisord.conf and the command line of the daemon into one typed, validated value.
//
// What Supervisor 4 and Supvisors 0.19 accept is accepted with the same meaning, and what they refuse is refused with the same
// text. Load finds every problem of a configuration, each with its file and line, in the order in which Supervisor would meet
// them. A Config never changes after it was loaded, so any goroutine may read it.
//
// The package reads files, the environment and the user database. It never prints, never exits and never changes the system.
package config
