package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestDropPrivileges checks that a daemon of root becomes the user of its configuration before it opens anything.
func TestDropPrivileges(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the tests do not run as root, and only root can become somebody else")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("this host has no user nobody to become:", err)
	}
	p := newPlace(t)
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(p.dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	p.write("conf", strings.Replace(base, "user=root", "user=nobody", 1)+"[program:idle]\ncommand=/bin/sleep 1000\n")
	if err := os.Chmod(p.path("conf"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := p.run("-c", p.path("conf")); got != (result{}) {
		t.Fatalf("%+v", got)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(p.read("pid")))
	if err != nil {
		t.Fatal(err)
	}
	p.logged("spawned: 'idle'", 1)
	var info struct {
		PID int `xmlrpc:"pid"`
	}
	if err := p.call(&info, "supervisor.getProcessInfo", "idle"); err != nil {
		t.Error(err)
	}
	for _, pid := range []int{pid, info.PID} {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		has(t, "status", string(status), fmt.Sprintf("\nUid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", uid),
			fmt.Sprintf("\nGid:\t%[1]d\t%[1]d\t%[1]d\t%[1]d\n", gid), fmt.Sprintf("\nGroups:\t%d \n", gid))
	}
	for _, name := range []string{"log", "pid", "sock"} {
		if stat, err := os.Stat(p.path(name)); err != nil || int(stat.Sys().(*syscall.Stat_t).Uid) != uid {
			t.Errorf("%s: not of nobody, %v", name, err)
		}
	}
	syscall.Kill(pid, syscall.SIGHUP)
	p.logged("supervisord started with pid", 2)
	syscall.Kill(pid, syscall.SIGTERM)
	p.until("the daemon has ended", func() bool { return len(p.processes()) == 0 })
	p.clean()
	has(t, "log", p.read("log"), fmt.Sprintf("Set uid to user %d succeeded", uid))
}
