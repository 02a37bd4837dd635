// Package process holds what a managed process is: its name, states, configuration and the state machine that Supervisor
// documents. It is pure: no goroutine, clock, randomness or I/O, and everything in it is a value.
package process
