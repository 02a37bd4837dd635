package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/rpc"
)

// TestDiskFull fills the disk of the Master's logs and state. The node works on, and logs again when there is room.
func TestDiskFull(t *testing.T) {
	disk := t.TempDir()
	w := newWorld(t, 3, plan{directory: disk, extra: `[program:talk]
command=@SELF@ play talk
stdout_logfile=@FILES@/talk.log
stdout_logfile_maxbytes=0
autostart=false
startsecs=0
`})
	if err := syscall.Mount("faults", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w.boot(w.nodes...)
	w.settled()
	h := w.nodes[0]
	free := func() uint64 {
		var s syscall.Statfs_t
		w.must(syscall.Statfs(disk, &s))
		return s.Bfree
	}
	w.must(h.call(nil, "supervisor.startProcess", "talk:talk", true)) // it fills the disk with its log, and goes on
	w.until("the disk is full", func() string {
		if n := free(); n > 0 {
			return fmt.Sprintf("%d blocks are free", n)
		}
		return ""
	})
	w.want["talk:talk"] = true
	w.must(h.startJob(0))
	w.must(w.nodes[1].startJob(1))
	w.must(h.stopJob(0))
	// the others must agree about a term that the disk has no room for
	for _, other := range w.nodes[1:] {
		w.kill(other)
	}
	w.boot(w.nodes[1:]...)
	w.settledBut("talk:talk")
	w.must(h.call(nil, "supervisor.stopProcess", "talk:talk", true))
	delete(w.want, "talk:talk")
	w.must(h.call(nil, "supervisor.clearProcessLogs", "talk:talk"))
	w.must(os.Truncate(filepath.Join(disk, "talk.log"), 0))
	log := func() string {
		text, err := os.ReadFile(filepath.Join(disk, "log"))
		w.must(err)
		return string(text)
	}
	before := log()
	w.must(h.startJob(2))
	w.until("the node logs again", func() string {
		text := log()
		if !strings.Contains(text[min(len(before), len(text)):], "job_2 requested to start") {
			return text[max(0, len(text)-300):]
		}
		return ""
	})
	w.settled()
	w.shut()
}

// settledBut is settled while a program runs that leaves no word when it is ready.
func (w *world) settledBut(namespec string) {
	w.t.Helper()
	for _, a := range w.processes() {
		if a.namespec == namespec {
			w.must(os.WriteFile(filepath.Join(w.node(a.node).dir, readyFile(a.pid)), nil, 0o600))
		}
	}
	w.settled()
}

// TestNoDescriptors takes all descriptors of a node away. It answers again when there are some, and its programs have not noticed.
func TestNoDescriptors(t *testing.T) {
	w := newWorld(t, 3, plan{})
	w.boot(w.nodes...)
	w.settled()
	h, _ := w.master()
	for i := range 3 {
		w.must(h.startJob(i))
	}
	w.settled()
	programs := func() (pids []int) {
		for _, p := range w.processes() {
			if p.node == h.name && p.namespec != "" {
				pids = append(pids, p.pid)
			}
		}
		slices.Sort(pids)
		return pids
	}
	kept, err := rpc.NewClient(rpc.ClientConfig{URL: "http://" + h.identifier}) // one connection that is there already
	w.must(err)
	defer kept.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w.must(kept.Call(ctx, "supvisors.get_supvisors_state", nil))
	pids, before := programs(), h.usage()
	var old unix.Rlimit
	low := unix.Rlimit{Cur: uint64(before.descriptors) + 8, Max: 1 << 16}
	w.must(unix.Prlimit(h.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &old))
	low.Max = old.Max
	w.must(unix.Prlimit(h.cmd.Process.Pid, unix.RLIMIT_NOFILE, &low, nil))
	var conns []net.Conn
	for range 200 {
		c, err := net.Dial("tcp", h.identifier)
		w.must(err)
		defer c.Close()
		conns = append(conns, c)
	}
	w.until("all descriptors are taken", func() string {
		if now := h.descriptors(); now < int(low.Cur) {
			return fmt.Sprintf("%d of %d", now, low.Cur)
		}
		return ""
	})
	// the connection that is there already still serves: the start fails for now, and is tried again as autorestart wants it
	var fault *rpc.Fault
	if err := kept.Call(ctx, "supervisor.startProcess", nil, "jobs:job_3", true); !errors.As(err, &fault) || fault.Code != rpc.SpawnError {
		t.Errorf("a start without descriptors: %v", err)
	}
	w.until("nobody else is heard", func() string { // a connection of a peer may have ended just now, and given its descriptor back
		if err := h.callFor(time.Second, nil, "supvisors.get_supvisors_state"); err == nil {
			return "it answers"
		}
		return ""
	})
	for _, c := range conns {
		c.Close()
	}
	w.want["jobs:job_3"] = true
	w.until("the node answers again", func() string {
		if err := h.callFor(time.Second, nil, "supvisors.get_supvisors_state"); err != nil {
			return err.Error()
		}
		return ""
	})
	w.must(unix.Prlimit(h.cmd.Process.Pid, unix.RLIMIT_NOFILE, &old, nil))
	w.settled()
	for _, pid := range pids {
		if !slices.Contains(programs(), pid) {
			t.Errorf("program %d is gone; there are %v", pid, programs())
		}
	}
	w.until("the descriptors are given back", func() string {
		// job_3 has five; four connections of gossip are opened when a peer is probed first, which may be later
		if now := h.usage(); now.descriptors > before.descriptors+12 {
			return fmt.Sprintf("%d of %d", now.descriptors, before.descriptors)
		}
		return ""
	})
	w.must(h.stopJob(0))
	w.settled()
	w.shut()
}

// TestNoMemory has a program ask for more memory than it may have, by its own limit and by that of a cgroup. That is its own end only.
func TestNoMemory(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T) string{
		"address space": func(*testing.T) string { return "ulimit -v 800000" },
		"cgroup":        func(t *testing.T) string { return "echo $$ > " + memoryGroup(t) + "/cgroup.procs" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, plan{extra: `[program:eat]
command=/bin/sh -c "` + prepare(t) + ` && exec @SELF@ play eat"
autostart=false
autorestart=false
startsecs=0
`})
			w.boot(w.nodes...)
			w.settled()
			h := w.nodes[0]
			pid := h.cmd.Process.Pid
			w.must(h.call(nil, "supervisor.startProcess", "eat:eat", true))
			var info struct {
				State       string `xmlrpc:"statename"`
				Description string `xmlrpc:"description"`
				ExitStatus  int    `xmlrpc:"exitstatus"`
			}
			w.until("the program has ended", func() string {
				w.must(h.call(&info, "supervisor.getProcessInfo", "eat:eat"))
				if info.State != "EXITED" && info.State != "FATAL" {
					return info.State
				}
				return ""
			})
			if reason := h.read("log"); info.ExitStatus == 0 || !strings.Contains(reason, "exited: eat") || !strings.Contains(reason, "not expected") {
				t.Errorf("no reason is told: %+v", info)
			}
			t.Logf("%+v", info)
			w.settled()
			if h.cmd.Process.Pid != pid || !h.running() {
				t.Error("the daemon has ended")
			}
			w.shut()
		})
	}
}

// memoryGroup makes a cgroup for processes with little memory.
func memoryGroup(t *testing.T) string {
	name := fmt.Sprintf("faults%d", os.Getpid())
	var reasons []string
	for _, g := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(g.root, name)
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			t.Cleanup(func() { os.Remove(dir) }) // it may not be empty after a failure
			var file *os.File
			if file, err = os.OpenFile(filepath.Join(dir, g.limit), os.O_WRONLY, 0); err == nil {
				_, err = file.WriteString("64M")
				file.Close()
			}
		}
		if err == nil {
			return dir
		}
		reasons = append(reasons, err.Error())
	}
	t.Skip("no cgroup with a limit of memory can be made: " + strings.Join(reasons, "; "))
	return ""
}

// TestClockStep says why there is no test of a clock that jumps with real daemons.
func TestClockStep(t *testing.T) {
	t.Skip("the clock of one process alone cannot be set: time namespaces leave CLOCK_REALTIME alone, and a static Go binary calls no library " +
		"that could be interposed. Clocks that jump are played by internal/cluster/clustertest and internal/gossip")
}
