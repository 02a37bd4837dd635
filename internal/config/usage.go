package config

import "strings"

const usage = `%s -- run a set of applications as daemons.

Usage: %s [options]

Options:
-c/--configuration FILENAME -- the configuration file (looked for in well-known places if not given)
-n/--nodaemon -- stay in the foreground (as 'nodaemon=true' in the file)
-s/--silent -- no log on the standard output (as 'silent=true')
-h/--help -- print this text and exit
-v/--version -- print the version and exit
-u/--user USER -- run as this user, a name or a numeric id
-m/--umask UMASK -- the umask of the daemon's children (default is 022)
-d/--directory DIRECTORY -- where to change to when detaching
-l/--logfile FILENAME -- the activity log
-y/--logfile_maxbytes BYTES -- the size at which the activity log is rotated
-z/--logfile_backups NUM -- how many rotated logs are kept
-e/--loglevel LEVEL -- critical, error, warn, info, debug, trace or blather
-j/--pidfile FILENAME -- where the daemon's process id is written to
-i/--identifier STR -- the name of this instance
-q/--childlogdir DIRECTORY -- where the automatic logs of the children are kept
-k/--nocleanup -- keep the automatic logs of former runs at the start
-a/--minfds NUM -- the file descriptors that must be available
-t/--strip_ansi -- take ANSI escape sequences out of the children's logs
--minprocs NUM -- the processes that must be available
--profile_options OPTIONS -- accepted for compatibility, without effect

Other commands: %s check (look for problems in a configuration and its rules), %s rest (a REST gateway to another daemon), %s version
`

// Usage returns the help text of the daemon under the name it was called by.
func Usage(program string) string { return strings.ReplaceAll(usage, "%s", program) }
