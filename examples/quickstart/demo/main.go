// Command demo starts the three nodes of the quickstart example in the foreground, waits until they are one cluster in OPERATION,
// and tells what to try. Ctrl-C, or the end of all nodes, ends it; no process is left behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/supvisors/supvisors/rpc"
)

func main() {
	bin := flag.String("bin", "bin", "directory with supvisors, supervisorctl and shop")
	dir := flag.String("dir", "examples/quickstart", "directory with node1.conf to node3.conf")
	flag.Parse()
	if err := run(*bin, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demoNode is one supvisors daemon.
type demoNode struct {
	name   string
	url    string
	cmd    *exec.Cmd
	exited chan struct{}
}

func run(bin, dir string) error {
	// what a killed node leaves behind becomes a child of this program, which ends it: a node that loses its power loses its
	// programs, too
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the reaper of the nodes: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	started := time.Now()
	var nodes []*demoNode
	defer func() { end(nodes) }()
	for i := 1; i <= 3; i++ {
		n, err := start(bin, dir, i)
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	if err := waitOperation(ctx, nodes); err != nil {
		return err
	}
	fmt.Printf("three nodes are in OPERATION after %.1f s\n\n", time.Since(started).Seconds())
	if err := tell(ctx, bin, nodes); err != nil {
		return err
	}
	watch(ctx, nodes)
	return nil
}

// serverURL finds where a node serves.
var serverURL = regexp.MustCompile(`(?m)^serverurl=(\S+)$`)

func start(bin, dir string, i int) (*demoNode, error) {
	n := &demoNode{name: fmt.Sprintf("node%d", i), exited: make(chan struct{})}
	conf := filepath.Join(dir, n.name+".conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		return nil, err
	}
	match := serverURL.FindSubmatch(text)
	if match == nil {
		return nil, fmt.Errorf("%s: no serverurl", conf)
	}
	n.url = string(match[1])
	n.cmd = exec.Command(filepath.Join(bin, "supvisors"), "-n", "-s", "-c", conf)
	n.cmd.Stdout, n.cmd.Stderr = os.Stdout, os.Stderr
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	fmt.Printf("%s: pid %d, %s\n", n.name, n.cmd.Process.Pid, n.url)
	go func() {
		n.cmd.Wait() // how it ended shows in its log
		close(n.exited)
	}()
	return n, nil
}

// clusterState is what the demo reads of get_supvisors_state.
type clusterState struct {
	State  string `xmlrpc:"fsm_statename"`
	Master string `xmlrpc:"master_identifier"`
}

type processInfo struct {
	Application string   `xmlrpc:"application_name"`
	Name        string   `xmlrpc:"process_name"`
	State       string   `xmlrpc:"statename"`
	Identifiers []string `xmlrpc:"identifiers"`
}

func (n *demoNode) call(ctx context.Context, method string, out any, args ...any) error {
	client, err := rpc.NewClient(rpc.ClientConfig{URL: n.url})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return client.Call(ctx, method, out, args...)
}

// waitOperation asks until every node says OPERATION. A node that ends before cannot get there.
func waitOperation(ctx context.Context, nodes []*demoNode) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for _, n := range nodes {
		for {
			var s clusterState
			if err := n.call(ctx, "supvisors.get_supvisors_state", &s); err == nil && s.State == "OPERATION" {
				break
			}
			select {
			case <-n.exited:
				return fmt.Errorf("%s has ended: its log is run/%s.log", n.name, n.name)
			case <-ctx.Done():
				return fmt.Errorf("%s is not in OPERATION: %w", n.name, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// tell prints the Master, where each program runs, and what to try.
func tell(ctx context.Context, bin string, nodes []*demoNode) error {
	var s clusterState
	if err := nodes[0].call(ctx, "supvisors.get_supvisors_state", &s); err != nil {
		return err
	}
	names := map[string]string{}
	master := nodes[0]
	for _, n := range nodes {
		id := strings.TrimPrefix(n.url, "http://")
		names[id] = n.name
		if id == s.Master {
			master = n
		}
	}
	fmt.Printf("Master: %s (pid %d)\n", master.name, master.cmd.Process.Pid)
	var procs []processInfo
	if err := nodes[0].call(ctx, "supvisors.get_all_process_info", &procs); err != nil {
		return err
	}
	for _, p := range procs {
		where := make([]string, len(p.Identifiers))
		for i, id := range p.Identifiers {
			where[i] = names[id]
		}
		fmt.Printf("  %-16s %-8s %s\n", p.Application+":"+p.Name, p.State, strings.Join(where, ", "))
	}
	fmt.Printf(`
Try in another terminal:
  %[1]s/supervisorctl -s %[2]s sstate
  %[1]s/supervisorctl -s %[2]s sstatus
  %[1]s/supervisorctl -s %[2]s restart_application LESS_LOADED shop
  python3 -c 'from xmlrpc.client import ServerProxy; print(ServerProxy("%[2]s").supvisors.get_supvisors_state())'
  curl http://127.0.0.1:61011/        the shop itself
  kill -9 %[3]d                        the Master is lost: see who takes over
Ctrl-C ends the demo.
`, bin, nodes[(indexOf(nodes, master)+1)%len(nodes)].url, master.cmd.Process.Pid)
	return nil
}

func indexOf(nodes []*demoNode, n *demoNode) int {
	for i := range nodes {
		if nodes[i] == n {
			return i
		}
	}
	return 0
}

// watch waits for Ctrl-C. The programs of a node that was killed are ended when they arrive here.
func watch(ctx context.Context, nodes []*demoNode) {
	gone := make(chan *demoNode)
	for _, n := range nodes {
		go func() {
			<-n.exited
			select {
			case gone <- n:
			case <-ctx.Done():
			}
		}()
	}
	for range nodes {
		select {
		case n := <-gone:
			fmt.Printf("%s has ended\n", n.name)
			killChildren(nodes)
		case <-ctx.Done():
			return
		}
	}
}

// end stops the nodes in an orderly way, and whatever is left by force.
func end(nodes []*demoNode) {
	for _, n := range nodes {
		n.cmd.Process.Signal(syscall.SIGTERM) // an error means that it is gone
	}
	limit := time.After(15 * time.Second)
	for _, n := range nodes {
		select {
		case <-n.exited:
		case <-limit:
			n.cmd.Process.Kill()
			<-n.exited
		}
	}
	killChildren(nodes)
}

// killChildren kills the children of this program that are not nodes, and reaps them.
func killChildren(nodes []*demoNode) {
	for _, pid := range children() {
		if !isNode(nodes, pid) {
			syscall.Kill(-pid, syscall.SIGKILL)
			syscall.Kill(pid, syscall.SIGKILL)
			var status syscall.WaitStatus
			if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil && !errors.Is(err, syscall.ECHILD) {
				fmt.Fprintln(os.Stderr, "demo: reap", pid, err)
			}
		}
	}
}

func isNode(nodes []*demoNode, pid int) bool {
	for _, n := range nodes {
		if n.cmd.Process.Pid == pid {
			return true
		}
	}
	return false
}

// children returns the pids of the children of this process.
func children() []int {
	var pids []int
	files, _ := filepath.Glob("/proc/self/task/*/children") // the pattern is valid
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue // the thread is gone
		}
		for _, field := range strings.Fields(string(data)) {
			var pid int
			if _, err := fmt.Sscan(field, &pid); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
