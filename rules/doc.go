// Package rules reads the rules files of Supvisors: XML that says how applications and programs are started, stopped, placed
// and judged. The format is described in the documentation of Supvisors ("Supvisors' Rules File").
//
// It guarantees that every file is validated as Supvisors does with its XML schema, that each Problem names file, line, column and
// element, and that one wrong file keeps all of them from being applied: a Set exists only when nothing is wrong. A Set is
// immutable and may be shared. Nothing here knows which nodes exist: names of nodes, stereotypes and unknown names stay as
// written, with aliases replaced.
package rules
