// Package ini reads supervisord.conf text: the dialect of Python's RawConfigParser as Supervisor sets it up, its [include]
// files, its %(name)s expansions and its value types.
//
// A [Document] answers exactly as Supervisor's own parser for every text, remembers the file and line of each section and
// option, and reports every bad line of a file, not the first only. Expansions are done once per use: a value never expands
// itself, so no text can make a loop. The converters give Supervisor's error texts, because scripts see them.
//
// The package reads files and the user database and touches nothing else. A Document is not safe for concurrent use while it
// is changed; reading it is.
package ini
