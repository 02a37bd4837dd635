// Package logfile writes, reads and follows log files the way Supervisor's users know them: files that rotate by size into
// base.1, base.2 …, windows of a log by offset, and streams of what is added.
//
// Guarantees: a chunk given to Writer.Write is one write(2), is never split over two files and costs no allocation; only
// regular files are rotated, so pipes, terminals and /dev/stdout are never renamed, truncated or seeked; nothing polls.
// Readers need no Writer: they work on paths and notice rotation, truncation and removal by themselves.
package logfile
