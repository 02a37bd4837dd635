// Package service is the method table: each method of system.*, supervisor.* and supvisors.* is one row, with its arguments, its
// result and its faults. XML-RPC, REST and the pages all call these rows.
//
// A row reads the published state (the supervisor's snapshots, the cluster's View), sends a message to the supervisor, or asks the
// cluster; it holds no state and no lock. faults.go alone turns errors into faults.
package service
