package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestAsFirstProcess runs the daemon as pid 1 of a container: it must reap what others leave behind, and its end is that of all.
func TestAsFirstProcess(t *testing.T) {
	inNamespace := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	probe := exec.Command("/bin/true")
	probe.SysProcAttr = inNamespace
	if err := probe.Run(); errors.Is(err, syscall.EPERM) {
		t.Skip("this user may not make a PID namespace, and only in one can a test be pid 1")
	} else if err != nil {
		t.Fatalf("PID namespace: %v", err)
	}
	p := newPlace(t)
	p.write("conf", base+idle+"[program:orphan]\ncommand=@SELF@ play orphan @DIR@/orphan\nstartsecs=0\nautorestart=false\n"+
		"[program:killer]\ncommand=/bin/sh -c 'kill -9 $(cat @DIR@/orphan)'\nautostart=false\nstartsecs=0\nautorestart=false\n")
	cmd := p.command(context.Background(), "-n", "-c", p.path("conf"))
	cmd.SysProcAttr = inNamespace
	d := p.launch(cmd)
	d.logged("supervisord started with pid 1\n", 1)
	d.logged("exited: orphan (exit status 0; expected)", 1)
	d.until("the orphan has told its pid", func() bool { return p.read("orphan") != "" })

	var started bool
	if err := d.call(&started, "supervisor.startProcess", "killer"); err != nil {
		t.Fatal(err)
	}
	d.logged("reaped unknown pid "+p.read("orphan")+" (terminated by SIGKILL)", 1)
	d.cmd.Process.Signal(syscall.SIGHUP)
	d.logged("supervisord started with pid 1\n", 2)
	d.until("there is a new orphan", func() bool { return strings.Count(p.read("log"), "exited: orphan") == 2 })
	if err := d.call(&started, "supervisor.startProcess", "killer"); err != nil {
		t.Fatal(err)
	}
	d.logged("reaped unknown pid ", 2) // by the log of the restarted daemon, too

	d.cmd.Process.Signal(syscall.SIGTERM)
	if code := d.end(); code != 0 {
		t.Errorf("exit status %d: %s", code, &d.errors)
	}
	d.clean()
	inOrder(t, p.read("log"), "received SIGHUP", "stopped: idle", "received SIGTERM", "stopped: idle")
}
