package child

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// credential returns what a child becomes that is to run as uid, nil for what the daemon is. The groups are the user's own
// and those that list it. The errors are Supervisor's words.
func credential(uid int) (*syscall.Credential, error) {
	if uid < 0 || uid == os.Getuid() {
		return nil, nil
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return nil, fmt.Errorf("Can't find uid %d", uid) //nolint:staticcheck // shown to users as Supervisor has it
	}
	if os.Getuid() != 0 {
		return nil, errors.New("Can't drop privilege as nonroot user") //nolint:staticcheck // as above
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, errors.New("Could not set groups of effective user") //nolint:staticcheck // as above
	}
	c := &syscall.Credential{Uid: uint32(uid)}
	for _, id := range append([]string{u.Gid}, ids...) {
		gid, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, errors.New("Could not set group id of effective user") //nolint:staticcheck // as above
		}
		c.Groups = append(c.Groups, uint32(gid))
	}
	c.Gid = c.Groups[0]
	return c, nil
}
