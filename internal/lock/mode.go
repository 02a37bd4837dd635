package lock

import (
	"fmt"
	"slices"
)

// Mode says when a lock file is held.
type Mode int

// The values of lock_mode.
const (
	Exists Mode = iota // as long as the file exists
	Flock              // while somebody holds a flock(2) on it, as the command flock does, which leaves the file behind
)

var modeNames = []string{"exists", "flock"}

// String returns the value of lock_mode.
func (m Mode) String() string { return modeNames[m] }

// ParseMode returns the mode of that name.
func ParseMode(name string) (Mode, error) {
	if i := slices.Index(modeNames, name); i >= 0 {
		return Mode(i), nil
	}
	return Exists, fmt.Errorf("unknown lock mode %q", name)
}
