package lock

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxContent bounds what is read of a lock file, in bytes.
const maxContent = 256

// owner is what a daemon writes into its own lock files.
type owner struct {
	pid  int
	boot string // id of the boot of the host
}

// String returns the content of a lock file of the owner.
func (o owner) String() string { return fmt.Sprintf("supvisors %d %s\n", o.pid, o.boot) }

// parseOwner reads the content of a lock file; false for one that no daemon wrote.
func parseOwner(content string) (owner, bool) {
	words := strings.Split(strings.TrimSuffix(content, "\n"), " ")
	if len(words) != 3 || words[0] != "supvisors" || words[2] == "" || strings.ContainsAny(words[2], "\n\r\t") {
		return owner{}, false
	}
	pid, err := strconv.Atoi(words[1])
	if err != nil || pid <= 0 || strconv.Itoa(pid) != words[1] {
		return owner{}, false
	}
	return owner{pid, words[2]}, true
}

// gone reports whether the daemon that wrote the content is no more. self asks before it has locked anything: what bears its own pid is
// from a former life.
func (o owner) gone(self owner) bool {
	if o.boot != self.boot || o.pid == self.pid {
		return true
	}
	return unix.Kill(o.pid, 0) == unix.ESRCH
}

// bootID returns the id that the kernel gave this boot of the host.
func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("find the id of this boot: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
