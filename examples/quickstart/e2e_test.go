package quickstart

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/internal/tagtest"
	"github.com/supvisors/supvisors/rpc"
)

// copyExample lays the quickstart out in a directory of its own, with free ports in place of its own ones, and builds its programs
// beside it. It returns that directory and the URLs of the nodes.
func copyExample(t *testing.T) (root string, urls []string) {
	t.Helper()
	root = t.TempDir()
	dir := filepath.Join(root, "examples", "quickstart")
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	used, free := []string{"61001", "61002", "61003", "61010", "61011"}, porttest.Free(t, 5)
	ports := map[string]string{}
	for i, p := range used {
		ports[p] = free[i]
	}
	for _, name := range []string{"node1.conf", "node2.conf", "node3.conf", "programs.conf", "rules.xml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`610[01]\d`).ReplaceAllStringFunc(string(data), func(p string) string { return ports[p] })
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "bin")+"/", "./supvisors", "./supervisorctl", "./examples/shop",
		"./examples/quickstart/demo")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, p := range []string{"61001", "61002", "61003"} {
		urls = append(urls, "http://127.0.0.1:"+ports[p])
	}
	return root, urls
}

// demo is the running demo command.
type demo struct {
	cmd  *exec.Cmd
	out  *bufio.Scanner
	tag  string
	urls []string
	root string
}

func startDemo(t *testing.T) *demo {
	t.Helper()
	root, urls := copyExample(t)
	d := &demo{tag: fmt.Sprintf("QUICKSTART_E2E=%d.%d", os.Getpid(), time.Now().UnixNano()), urls: urls, root: root}
	d.cmd = exec.Command(filepath.Join(root, "bin", "demo"), "-bin", filepath.Join(root, "bin"), "-dir",
		filepath.Join(root, "examples", "quickstart"))
	d.cmd.Env = append(os.Environ(), d.tag)
	var errors bytes.Buffer
	d.cmd.Stderr = &errors
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tagtest.Kill(t, d.tag, 10*time.Second)
		if t.Failed() {
			t.Log(errors.String())
			logs, _ := filepath.Glob(filepath.Join(root, "examples", "quickstart", "run", "*.log"))
			for _, log := range logs {
				text, _ := os.ReadFile(log)
				t.Logf("%s:\n%s", filepath.Base(log), text)
			}
		}
	})
	d.out = bufio.NewScanner(out)
	return d
}

// until reads what the demo prints up to a line that matches, and returns what the pattern's groups found.
func (d *demo) until(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for d.out.Scan() {
		t.Log(d.out.Text())
		if m := re.FindStringSubmatch(d.out.Text()); m != nil {
			return m
		}
	}
	t.Fatalf("the demo ended before it printed %s", pattern)
	return nil
}

type state struct {
	Name   string `xmlrpc:"fsm_statename"`
	Master string `xmlrpc:"master_identifier"`
}

type processInfo struct {
	Application string   `xmlrpc:"application_name"`
	Name        string   `xmlrpc:"process_name"`
	State       string   `xmlrpc:"statename"`
	Identifiers []string `xmlrpc:"identifiers"`
}

func call(t *testing.T, url, method string, out any, args ...any) error {
	t.Helper()
	client, err := rpc.NewClient(rpc.ClientConfig{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return client.Call(ctx, method, out, args...)
}

// await asks until a condition holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !cond() {
		select {
		case <-deadline:
			t.Fatalf("%s: not reached", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// allRunning tells whether the shop is complete, and that nothing of it runs on a node.
func allRunning(t *testing.T, url, without string) bool {
	var procs []processInfo
	if err := call(t, url, "supvisors.get_all_process_info", &procs); err != nil {
		return false
	}
	for _, p := range procs {
		if p.Name == "loader" {
			continue
		}
		if p.State != "RUNNING" || len(p.Identifiers) != 1 || p.Identifiers[0] == without {
			return false
		}
	}
	return len(procs) == 5
}

const script = `
import sys
from xmlrpc.client import ServerProxy
node = ServerProxy(sys.argv[1])
print(node.supvisors.get_supvisors_state()['fsm_statename'])
print(','.join(sorted(p['process_name'] for p in node.supvisors.get_process_info('shop:*'))))
print(node.supervisor.getState()['statename'])
`

// TestDemo is the promise of the README: three nodes become a cluster, a Python script talks to it, the Master is killed, another
// one takes over, and what was lost runs elsewhere. Ctrl-C leaves nothing behind.
func TestDemo(t *testing.T) {
	d := startDemo(t)
	d.until(t, `three nodes are in OPERATION after`)
	m := d.until(t, `Master: (node\d) \(pid (\d+)\)`)
	pid, err := strconv.Atoi(m[2])
	if err != nil {
		t.Fatal(err)
	}
	survivor := d.urls[2]
	if m[1] == "node3" {
		survivor = d.urls[0]
	}
	await(t, "the shop runs", func() bool { return allRunning(t, survivor, "") })

	t.Run("python", func(t *testing.T) {
		python, err := exec.LookPath("python3")
		if err != nil {
			t.Skip("python3 is not installed: no script can be run")
		}
		out, err := exec.Command(python, "-c", script, survivor).CombinedOutput()
		if want := "OPERATION\ndb,loader,web,worker_1,worker_2\nRUNNING\n"; err != nil || string(out) != want {
			t.Fatalf("script: %v\n%s\nwant\n%s", err, out, want)
		}
	})
	t.Run("supervisorctl", func(t *testing.T) {
		out, err := exec.Command(filepath.Join(d.root, "bin", "supervisorctl"), "-s", survivor, "sstate").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "OPERATION") {
			t.Fatalf("supervisorctl sstate: %v\n%s", err, out)
		}
	})

	var before state
	if err := call(t, survivor, "supvisors.get_supvisors_state", &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "another Master, and the shop runs without the lost node", func() bool {
		var s state
		return call(t, survivor, "supvisors.get_supvisors_state", &s) == nil && s.Name == "OPERATION" && s.Master != "" &&
			s.Master != before.Master && allRunning(t, survivor, before.Master)
	})

	if err := d.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for d.out.Scan() {
	}
	if err := d.cmd.Wait(); err != nil && err != io.EOF {
		t.Fatalf("demo: %v", err)
	}
	if left := slices.DeleteFunc(tagtest.Find(d.tag), func(pid int) bool { return pid == os.Getpid() }); len(left) > 0 {
		t.Fatalf("processes %v are left behind", left)
	}
}
