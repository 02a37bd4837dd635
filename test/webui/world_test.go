package webui

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/internal/tagtest"
)

// patience bounds every wait. Nothing here asserts that something is fast: the machine may have other things to do.
const patience = 90 * time.Second

var daemon = flag.String("daemon", "../../bin/supvisors", "the daemon to test")

// world is a cluster of real daemons.
type world struct {
	t     *testing.T
	tag   string // in the environment of every process
	nodes []*host
}

// host is a node with its place on the disk.
type host struct {
	w      *world
	name   string
	id     string // host:port
	site   string // where its pages are, with a slash at the end
	dir    string
	cmd    *exec.Cmd
	errors bytes.Buffer
	ended  chan struct{}
}

const configuration = `[supervisord]
logfile=@DIR@/log
pidfile=@DIR@/pid
childlogdir=@DIR@
[unix_http_server]
file=@DIR@/sock
[inet_http_server]
port=127.0.0.1:@PORT@
`

const clustered = `[rpcinterface:supvisors]
software_name=Lighthouse
supvisors_list=@LIST@
rules_files=@DIR@/rules.xml
synchro_options=LIST
cluster_secret=webui
conciliation_strategy=USER
inactivity_ticks=8
stats_enabled=ALL
stats_collecting_period=1
stats_periods=5
`

const programs = `[group:shop]
programs=db,web
[group:batch]
programs=flaky,slow,worker
[program:db]
command=/bin/cat
autostart=false
[program:web]
command=/bin/sh @DIR@/web.sh
autostart=false
[program:flaky]
command=/bin/sh -c "echo cannot open /etc/missing >&2; exit 3"
autostart=false
startretries=1
[program:slow]
command=/bin/cat
autostart=false
startsecs=3
[program:worker]
command=/bin/sh -c "echo ready to work; exec cat"
process_name=worker_%(process_num)d
numprocs=4
autostart=false
startsecs=0
[program:loose]
command=/bin/cat
autostart=false
startsecs=0
`

const rules = `<root>
<model name="any"><identifiers>*</identifiers><expected_loading>10</expected_loading></model>
<application name="shop"><start_sequence>1</start_sequence><starting_strategy>LESS_LOADED</starting_strategy><programs>
<program name="db"><reference>any</reference><start_sequence>1</start_sequence><required>true</required></program>
<program name="web"><reference>any</reference><start_sequence>2</start_sequence></program>
</programs></application>
<application name="batch"><starting_strategy>LESS_LOADED</starting_strategy><programs>
<program name="flaky"><reference>any</reference></program>
<program name="slow"><reference>any</reference></program>
<program pattern="worker_"><reference>any</reference></program>
</programs></application>
</root>
`

// web logs enough to be scrolled, then a coloured line with a tag in it again and again.
const web = `i=0
while [ $i -lt 400 ]; do echo "early line $i"; i=$((i+1)); done
while :; do printf '\033[31mred\033[0m <b>tag</b> request %d\n' $i; i=$((i+1)); sleep 0.3; done
`

// newWorld starts n nodes a, b, c…; one without a cluster for 0.
func newWorld(t *testing.T, n int, more string) *world {
	t.Helper()
	if _, err := os.Stat(*daemon); err != nil {
		t.Fatalf("%v: make build makes it", err)
	}
	root := t.TempDir()
	w := &world{t: t, tag: "WEBUI_WORLD=" + root}
	t.Cleanup(w.clear)
	var list []string
	for i, port := range porttest.Free(t, max(n, 1)) {
		h := &host{w: w, name: "node_" + string(rune('a'+i)), id: "127.0.0.1:" + port, site: "http://127.0.0.1:" + port + "/"}
		h.dir = filepath.Join(root, h.name)
		list = append(list, "<"+h.name+">"+h.id)
		w.nodes = append(w.nodes, h)
	}
	for _, h := range w.nodes {
		w.must(os.Mkdir(h.dir, 0o755))
		_, port, _ := strings.Cut(h.id, ":")
		text := configuration
		if n > 0 {
			text += clustered + programs
		}
		text = strings.NewReplacer("@DIR@", h.dir, "@PORT@", port, "@LIST@", strings.Join(list, ",")).Replace(text + more)
		w.must(os.WriteFile(filepath.Join(h.dir, "conf"), []byte(text), 0o600))
		w.must(os.WriteFile(filepath.Join(h.dir, "rules.xml"), []byte(rules), 0o600))
		w.must(os.WriteFile(filepath.Join(h.dir, "web.sh"), []byte(web), 0o600))
	}
	for _, h := range w.nodes {
		h.boot()
	}
	return w
}

// newCluster starts three nodes and waits until they are one.
func newCluster(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3, "")
	w.operating(w.nodes...)
	return w
}

// operating waits until nodes see each other and the start sequence is over.
func (w *world) operating(nodes ...*host) {
	w.t.Helper()
	for _, h := range nodes {
		w.until(h.name+" is in operation", func() string {
			s, err := h.snapshot()
			if err != nil {
				return err.Error()
			}
			running := 0
			for _, n := range s.Nodes {
				if n.State == "RUNNING" {
					running++
				}
			}
			if running != len(nodes) || s.Cluster.State != "OPERATION" || s.process("shop:web").State != "RUNNING" {
				return fmt.Sprintf("%d nodes, %s, shop:web %s", running, s.Cluster.State, s.process("shop:web").State)
			}
			return ""
		})
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// until waits for a condition; holds tells what it lacks, "" for nothing.
func (w *world) until(what string, holds func() string) { w.t.Helper(); until(w.t, what, holds) }

func until(t *testing.T, what string, holds func() string) {
	t.Helper()
	deadline, next := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer next.Stop()
	for {
		lacks := holds()
		if lacks == "" {
			return
		}
		select {
		case <-next.C:
		case <-deadline:
			t.Fatalf("in vain waited until %s: %s", what, lacks)
		}
	}
}

func (h *host) boot() {
	h.w.t.Helper()
	file, err := filepath.Abs(*daemon)
	h.w.must(err)
	h.cmd = exec.Command(file, "-n", "-c", filepath.Join(h.dir, "conf"))
	h.cmd.Dir = h.dir
	h.cmd.Env = append(os.Environ(), h.w.tag)
	h.cmd.WaitDelay = time.Second
	h.errors.Reset()
	h.cmd.Stderr = &h.errors
	h.w.must(h.cmd.Start())
	cmd, ended := h.cmd, make(chan struct{})
	h.ended = ended
	go func() {
		defer close(ended)
		cmd.Wait() // how it ended shows in its state
	}()
}

// kill ends a node as a loss of power does.
func (h *host) kill() {
	h.w.t.Helper()
	h.w.must(h.cmd.Process.Kill())
	select {
	case <-h.ended:
	case <-time.After(patience):
		h.w.t.Fatalf("%s does not end", h.name)
	}
}

// clear kills what is left after a test, and tells what the daemons have logged if it failed.
func (w *world) clear() {
	tagtest.Kill(w.t, w.tag, patience)
	for _, h := range w.nodes {
		if log, _ := os.ReadFile(filepath.Join(h.dir, "log")); w.t.Failed() {
			w.t.Logf("log of %s:\n%s%s", h.name, log[max(0, len(log)-4000):], &h.errors)
		}
	}
}

// snapshot is what the tests read of ui/api/snapshot.
type snapshot struct {
	Cluster      struct{ State, Master string }
	Nodes        []struct{ ID, Nick, State string }
	Applications []struct {
		Name      string
		Processes []*proc
	}
	Jobs []job
}

type job struct {
	ID                                uint64
	Action, Target, State, Text, Tail string
}

type proc struct {
	Name, State, Where string
	On                 []string
	Conflict           bool
}

var client = http.Client{Timeout: patience}

func (h *host) snapshot() (s snapshot, err error) {
	r, err := client.Get(h.site + "ui/api/snapshot")
	if err != nil {
		return s, err
	}
	defer r.Body.Close()
	return s, json.NewDecoder(r.Body).Decode(&s)
}

// process is one that need not be there.
func (s snapshot) process(name string) proc {
	for _, a := range s.Applications {
		for _, p := range a.Processes {
			if p.Name == name {
				return *p
			}
		}
	}
	return proc{}
}

// nick is the name of a node, its identifier for one that is not known.
func (s snapshot) nick(id string) string {
	for _, n := range s.Nodes {
		if n.ID == id {
			return n.Nick
		}
	}
	return id
}

// comes waits until a process is in a state, as a node sees it.
func (h *host) comes(name, state string) {
	h.w.t.Helper()
	h.w.until(name+" is "+state, func() string {
		s, err := h.snapshot()
		if err != nil {
			return err.Error()
		}
		if is := s.process(name).State; is != state {
			return "it is " + is
		}
		return ""
	})
}

// call calls a method of XML-RPC and returns the answer as it is.
func (h *host) call(method string, args ...any) (string, error) {
	var body strings.Builder
	fmt.Fprintf(&body, "<?xml version=\"1.0\"?><methodCall><methodName>%s</methodName><params>", method)
	for _, a := range args {
		switch a := a.(type) {
		case string:
			fmt.Fprintf(&body, "<param><value><string>%s</string></value></param>", a)
		case bool:
			n := 0
			if a {
				n = 1
			}
			fmt.Fprintf(&body, "<param><value><boolean>%d</boolean></value></param>", n)
		default:
			panic(fmt.Sprintf("argument %v", a))
		}
	}
	body.WriteString("</params></methodCall>")
	r, err := client.Post(h.site+"RPC2", "text/xml", strings.NewReader(body.String()))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	if err == nil && (r.StatusCode != 200 || bytes.Contains(data, []byte("<fault>"))) {
		err = fmt.Errorf("%s: %s %s", method, r.Status, data)
	}
	return string(data), err
}

func (h *host) must(method string, args ...any) {
	h.w.t.Helper()
	_, err := h.call(method, args...)
	h.w.must(err)
}
