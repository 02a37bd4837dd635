package supervisor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limits are the resources of which Supervisor demands a minimum before it starts.
var limits = [...]struct {
	resource     int
	name, option string
	things       string
	refusal      string // Supervisor's first sentence when the minimum cannot be had
}{
	{unix.RLIMIT_NOFILE, "RLIMIT_NOFILE", "minfds", "file descriptors", "The minimum number of file descriptors required to run this process"},
	{unix.RLIMIT_NPROC, "RLIMIT_NPROC", "minprocs", "processes", "The minimum number of available processes required to run this program"},
}

// usualFiles is the soft limit of open files that systems start with, and Supervisor's default for minfds.
const usualFiles = 1024

// LimitError says that the system does not grant the minfds or minprocs option.
type LimitError struct {
	Option string // "minfds" or "minprocs"
	Min    uint64
	Hard   uint64
	text   string
}

// Error returns Supervisor's words.
func (e *LimitError) Error() string { return e.text }

// RaiseLimits raises the soft limits of this process, and so those of its children, to at least minfds open files and
// minprocs processes. It returns a note for the activity log for each limit it had to raise, or a *LimitError.
func RaiseLimits(minfds, minprocs uint64) (notes []string, err error) {
	for i, min := range []uint64{minfds, minprocs} {
		note, err := raiseLimit(i, min)
		if err != nil {
			return notes, err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	return notes, nil
}

func raiseLimit(i int, min uint64) (note string, err error) {
	l := limits[i]
	var now unix.Rlimit
	if err := unix.Getrlimit(l.resource, &now); err != nil {
		return "", fmt.Errorf("read %s: %w", l.name, err)
	}
	// The Go runtime has raised the soft limit of open files to the hard one, and hands what it found before to children,
	// unless the limit is set here. So a demand above the usual soft limit is always set: children must get it too.
	hidden := l.resource == unix.RLIMIT_NOFILE && min > usualFiles && now.Cur != min
	if now.Cur >= min && !hidden { // RLIM_INFINITY is the largest number
		return "", nil
	}
	want := unix.Rlimit{Cur: min, Max: max(now.Max, min)}
	if err := unix.Setrlimit(l.resource, &want); err != nil {
		return "", &LimitError{Option: l.option, Min: min, Hard: now.Max, text: fmt.Sprintf(
			"%s is %d as per the \"%s\" command-line argument or config file setting. The current environment will only allow "+
				"you to open %d %s.  Either raise the number of usable %s in your environment (see README.rst) or lower the %s "+
				"setting in the config file to allow the process to start.", l.refusal, min, l.option, now.Max, l.things, l.things, l.option)}
	}
	return fmt.Sprintf("Increased %s limit to %d", l.name, min), nil
}
