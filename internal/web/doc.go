// Package web serves the pages that Supervisor has: the table of processes with its actions, the end of a log, and what they are
// drawn with. Addresses, parameters, visible texts and the markup of a row are Supervisor's, so that bookmarks, monitors and scripts
// that read the pages go on working.
//
// Guarantees:
//   - Whatever a page does, it does by calling rows of the method table.
//   - No action is done for a page of another site; see judge.
//   - Names, messages and logs are escaped where they are shown, and no page may run a script or be framed.
//   - A file is served if it is in the table of files; there are no directories.
//
// Deliberate differences from Supervisor: HEAD works; an unknown action is 400 with a text instead of 500; the address of a
// redirection is relative, so that a proxy may add a prefix; restart tells when it failed; a process that is STARTING or in BACKOFF
// can be stopped; the page can be read while the daemon ends.
package web
