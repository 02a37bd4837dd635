package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/internal/tagtest"
	"github.com/supvisors/supvisors/rpc"
)

// patience bounds every wait of a test, unless its world has more.
const patience = 30 * time.Second

// secret is that of all clusters here.
const secret = "faults"

// plan says what a world is made of. The zero value is what most tests want.
type plan struct {
	start     int      // startsecs of app:db, with which the distribution begins
	stop      int      // milliseconds that the programs take to stop
	hosts     []string // addresses of the nodes; loopback for none
	enter     [][]string
	options   string // more lines of [rpcinterface:supvisors]
	extra     string // more sections for all nodes
	directory string // of the files that a node writes; that of the node for ""
}

// world is a cluster of real daemons with all processes that come of it.
type world struct {
	t        *testing.T
	patience time.Duration // with which until waits
	tag      string        // in the environment of every process
	nodes    []*host

	mu   sync.Mutex
	want map[string]bool // what acknowledged requests have made of processes: up or not
}

// host is a node with its place on the disk.
type host struct {
	w          *world
	name       string
	identifier string
	address    string
	port       string
	dir        string
	enter      []string // the command that brings it into its network, nothing for ours
	cmd        *exec.Cmd
	errors     bytes.Buffer // of the last run, to be read after its end
	ended      chan struct{}
	live       bool // it is to take part in the cluster
}

// wanted skips a test unless it was asked for.
func wanted(t *testing.T) {
	t.Helper()
	if os.Getenv(enabled) == "" {
		t.Skip(enabled + "=1 is not set: real faults are for make e2e")
	}
}

// newWorld writes the configurations of n nodes.
func newWorld(t *testing.T, n int, p plan) *world {
	t.Helper()
	wanted(t)
	root, err := os.MkdirTemp("", "sv") // short: the path of a socket has a limit
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, patience: patience, tag: "FAULTS_WORLD=" + root, want: map[string]bool{"app:db": true, "app:web": true}}
	t.Cleanup(func() { w.clear(root) })
	ports := porttest.Free(t, n)
	var list []string
	for i := range n {
		h := &host{w: w, name: fmt.Sprintf("node%d", i+1), address: "127.0.0.1", port: ports[i]}
		h.dir = filepath.Join(root, h.name)
		if p.hosts != nil {
			h.address, h.enter = p.hosts[i], p.enter[i]
		}
		h.identifier = h.address + ":" + h.port
		list = append(list, "<"+h.name+">"+h.identifier)
		w.nodes = append(w.nodes, h)
	}
	for _, h := range w.nodes {
		w.must(os.Mkdir(h.dir, 0o755))
		h.write("conf", configuration+p.extra, p, strings.Join(list, ","))
		h.write("rules.xml", managed, p, "")
	}
	return w
}

const configuration = `[supervisord]
logfile=@FILES@/log
pidfile=@FILES@/pid
childlogdir=@FILES@
[unix_http_server]
file=@DIR@/sock
[inet_http_server]
port=@ADDRESS@:@PORT@
[rpcinterface:supvisors]
supvisors_list=@LIST@
rules_files=@DIR@/rules.xml
synchro_options=LIST
cluster_secret=` + secret + `
conciliation_strategy=SENICIDE
@OPTIONS@
[group:app]
programs=db,web
[group:jobs]
programs=job
[program:db]
command=@SELF@ play work @STOP@
autostart=false
startsecs=@START@
stopwaitsecs=20
[program:web]
command=@SELF@ play work @STOP@
autostart=false
startsecs=0
stopwaitsecs=20
[program:job]
command=@SELF@ play work @STOP@
process_name=job_%(process_num)d
numprocs=4
autostart=false
startsecs=0
stopwaitsecs=20
`

const managed = `<root>
<model name="any">
<identifiers>*</identifiers>
<expected_loading>10</expected_loading>
<running_failure_strategy>RESTART_PROCESS</running_failure_strategy>
</model>
<application name="app">
<start_sequence>1</start_sequence>
<starting_strategy>LESS_LOADED</starting_strategy>
<programs>
<program name="db"><reference>any</reference><start_sequence>1</start_sequence><required>true</required></program>
<program name="web"><reference>any</reference><start_sequence>2</start_sequence></program>
</programs>
</application>
<application name="jobs">
<starting_strategy>LESS_LOADED</starting_strategy>
<programs><program pattern="job_"><reference>any</reference></program></programs>
</application>
</root>
`

// write puts the facts of the node into a text and stores it.
func (h *host) write(name, text string, p plan, list string) {
	self, err := os.Executable()
	h.w.must(err)
	files := h.dir
	if p.directory != "" && h == h.w.nodes[0] {
		files = p.directory
	}
	text = strings.NewReplacer("@DIR@", h.dir, "@FILES@", files, "@PORT@", h.port, "@ADDRESS@", h.address, "@SELF@", self, "@LIST@", list,
		"@OPTIONS@", p.options, "@START@", strconv.Itoa(p.start), "@STOP@", strconv.Itoa(p.stop)).Replace(text)
	h.w.must(os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// until waits for a condition; holds tells what it lacks, "" for nothing.
func (w *world) until(what string, holds func() string) {
	w.t.Helper()
	var lacks string
	if !poll(w.patience, 10*time.Millisecond, func() bool { lacks = holds(); return lacks == "" }) {
		w.t.Fatalf("in vain waited until %s: %s", what, lacks)
	}
}

// stays checks that a condition holds, and goes on to for some time.
func (w *world) stays(d time.Duration, what string, holds func() string) {
	w.t.Helper()
	var lacks string
	if poll(d, 100*time.Millisecond, func() bool { lacks = holds(); return lacks != "" }) {
		w.t.Fatalf("it is over that %s: %s", what, lacks)
	}
}

// poll asks until the answer is yes, or the time is up. What other processes and the kernel do is told by nothing else.
func poll(limit, often time.Duration, yes func() bool) bool {
	deadline, next := time.After(limit), time.NewTicker(often)
	defer next.Stop()
	for !yes() {
		select {
		case <-next.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// boot starts nodes.
func (w *world) boot(nodes ...*host) {
	w.t.Helper()
	for _, h := range nodes {
		args := append(slices.Clone(h.enter), os.Getenv(daemonFile), "-n", "-c", filepath.Join(h.dir, "conf"))
		h.cmd = exec.Command(args[0], args[1:]...)
		h.cmd.Dir = h.dir
		h.cmd.Env = append(os.Environ(), w.tag, "FAULTS_NODE="+h.name)
		h.cmd.WaitDelay = time.Second
		h.errors.Reset()
		h.cmd.Stderr = &h.errors
		w.must(h.cmd.Start())
		h.live = true
		cmd, ended := h.cmd, make(chan struct{})
		h.ended = ended
		go func() {
			defer close(ended)
			cmd.Wait() // how it ended shows in its state
		}()
	}
}

// signal sends a signal to a node.
func (h *host) signal(s syscall.Signal) { h.w.t.Helper(); h.w.must(h.cmd.Process.Signal(s)) }

// kill ends nodes as a loss of power does.
func (w *world) kill(nodes ...*host) {
	w.t.Helper()
	for _, h := range nodes {
		h.live = false
		h.signal(syscall.SIGKILL)
	}
	for _, h := range nodes {
		h.end()
	}
}

// end waits for the end of a node and returns its exit status.
func (h *host) end() int {
	h.w.t.Helper()
	select {
	case <-h.ended:
		h.live = false
		return h.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		h.w.t.Fatalf("%s does not end", h.name)
		return 0
	}
}

// running reports whether a node has not ended.
func (h *host) running() bool {
	select {
	case <-h.ended:
		return false
	default:
		return true
	}
}

// call calls a method through the socket of a node, which is there even when its network is not.
func (h *host) call(out any, method string, args ...any) error {
	return h.callFor(patience, out, method, args...)
}

func (h *host) callFor(limit time.Duration, out any, method string, args ...any) error {
	client, err := rpc.NewClient(rpc.ClientConfig{URL: "unix://" + filepath.Join(h.dir, "sock")})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(h.w.t.Context(), limit)
	defer cancel()
	return client.Call(ctx, method, out, args...)
}

// ask requests something of a process and notes what must come of it once the answer is true.
func (h *host) ask(up bool, namespec, method string, args ...any) error {
	var ok bool
	err := h.call(&ok, method, args...)
	if err == nil && !ok {
		err = errors.New("the answer is false")
	}
	if err == nil {
		h.w.mu.Lock()
		defer h.w.mu.Unlock()
		h.w.want[namespec] = up
	}
	return err
}

func (h *host) startJob(n int) error {
	namespec := fmt.Sprintf("jobs:job_%d", n)
	return h.ask(true, namespec, "supvisors.start_process", "LESS_LOADED", namespec, "", true)
}

func (h *host) stopJob(n int) error {
	namespec := fmt.Sprintf("jobs:job_%d", n)
	return h.ask(false, namespec, "supvisors.stop_process", namespec, true)
}

// read returns the text of a file of a node, "" when it does not exist.
func (h *host) read(name string) string {
	data, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.w.t.Fatal(err)
	}
	return string(data)
}

// live are the nodes that are to be in the cluster.
func (w *world) live() (nodes []*host) {
	for _, h := range w.nodes {
		if h.live {
			nodes = append(nodes, h)
		}
	}
	return nodes
}

// shut ends the world as it should be: every daemon ends well and leaves nothing behind.
func (w *world) shut() {
	w.t.Helper()
	for _, h := range w.live() {
		h.signal(syscall.SIGTERM)
	}
	w.gone(w.live()...)
}

// gone checks that nodes end, with all that there is.
func (w *world) gone(nodes ...*host) {
	w.t.Helper()
	for _, h := range nodes {
		if code := h.end(); code != 0 {
			w.t.Errorf("exit status of %s: %d\n%s", h.name, code, &h.errors)
		}
	}
	if left := w.processes(); len(left) > 0 {
		w.t.Errorf("processes are left: %v", left)
	}
}

// clear kills what is left after a test, and tells what the daemons have logged if it failed.
func (w *world) clear(root string) {
	tagtest.Kill(w.t, w.tag, patience)
	for _, h := range w.nodes {
		if log := h.read("log"); w.t.Failed() && log != "" {
			w.t.Logf("log of %s:\n%s", h.name, log[max(0, len(log)-20000):])
		}
	}
	os.RemoveAll(root)
}
