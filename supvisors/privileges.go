package main

import (
	"fmt"
	"os/user"
	"strconv"
	"syscall"
)

// become drops the privileges of root for those of a user: groups first, as they cannot be changed afterwards.
func become(uid int) error {
	account, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return fmt.Errorf("Can't find uid %d", uid) // Supervisor's words
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return fmt.Errorf("group of uid %d: %w", uid, err)
	}
	ids, err := account.GroupIds()
	if err != nil {
		return fmt.Errorf("groups of uid %d: %w", uid, err)
	}
	groups := []int{}
	for _, id := range ids {
		if g, err := strconv.Atoi(id); err == nil {
			groups = append(groups, g)
		}
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("Could not set groups of effective user: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("Could not set group id of effective user: %w", err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("set uid %d: %w", uid, err)
	}
	return nil
}
