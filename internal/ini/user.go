package ini

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"
)

// UID reads a user name or a user id; either must exist.
func UID(s string) (int, error) {
	if n, err := Int(s); err == nil {
		if _, err := user.LookupId(strconv.Itoa(n)); err != nil {
			return 0, fmt.Errorf("Invalid user id %s", s)
		}
		return n, nil
	}
	u, err := user.Lookup(s)
	if err != nil {
		return 0, fmt.Errorf("Invalid user name %s", s)
	}
	return strconv.Atoi(u.Uid)
}

// GID reads a group name or a group id; either must exist.
func GID(s string) (int, error) {
	if n, err := Int(s); err == nil {
		if _, err := user.LookupGroupId(strconv.Itoa(n)); err != nil {
			return 0, fmt.Errorf("Invalid group id %s", s)
		}
		return n, nil
	}
	g, err := user.LookupGroup(s)
	if err != nil {
		return 0, fmt.Errorf("Invalid group name %s", s)
	}
	return strconv.Atoi(g.Gid)
}

// GIDOf returns the primary group of a user.
func GIDOf(uid int) (int, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return 0, fmt.Errorf("find group of user %d: %w", uid, err)
	}
	return strconv.Atoi(u.Gid)
}

// Owner reads user or user:group; the group is -1 when it is not given.
func Owner(s string) (uid, gid int, err error) {
	name, group, both := strings.Cut(s, ":")
	uid, err = UID(name)
	gid = -1
	if err == nil && both {
		gid, err = GID(group)
	}
	if err != nil {
		return -1, -1, fmt.Errorf("Invalid user:group definition %s", s)
	}
	return uid, gid, nil
}
