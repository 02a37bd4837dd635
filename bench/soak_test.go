package bench

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/porttest"
	"github.com/supvisors/supvisors/rpc"
)

const (
	soakNodes = 5
	soakApps  = 20
	soakProcs = 10 // of each application
	// soakKilled are the last nodes, which are killed and frozen; the memory of the others is watched.
	soakKilled = 2
	// soakRound is between two looks at the cluster at rest, soakRest how long it may take to come to rest.
	soakRound, soakRest = time.Minute, 90 * time.Second
)

// soaked is a cluster that is soaked.
type soaked struct {
	t      *testing.T
	binary string
	rnd    *rand.Rand
	urls   []string
	confs  []string
	cmds   []*exec.Cmd
	done   map[string]int // what was done, and how often
}

// TestSoak has five nodes with 200 programs suffer random commands and kills for as long as SOAK says, such as 60m. Once a minute they are left
// in peace and must agree; what the nodes that live hold in memory, goroutines and descriptors must be as at the beginning.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("it takes as long as SOAK says: SOAK=60m go test ./bench -run Soak -v -timeout 0")
	}
	s := newSoaked(t)
	for i := range s.urls {
		s.boot(i)
	}
	s.rest()
	s.act(soakRound) // caches fill
	before := s.still()
	t.Logf("at the beginning: %s", before)
	for end := time.Now().Add(length); time.Now().Before(end); {
		s.act(soakRound)
		s.rest()
		t.Logf("%s left: %s", time.Until(end).Round(time.Second), s.usage())
	}
	after := s.still()
	t.Logf("at the end: %s\ndone: %v", after, s.done)
	for i := range before {
		b, a := before[i], after[i]
		if a.goroutines > b.goroutines+10 || a.descriptors > b.descriptors+10 || a.heap > 2*b.heap+8 || a.resident > 1.5*b.resident+16 {
			t.Errorf("node %d has grown from %s to %s", i+1, b, a)
		}
	}
}

func newSoaked(t *testing.T) *soaked {
	binary, err := os.ReadFile("../bin/supvisors")
	if err != nil {
		t.Fatal("make build first: ", err)
	}
	dir := t.TempDir()
	own := filepath.Join(dir, "supvisors") // a build meanwhile does not matter
	if err := os.WriteFile(own, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &soaked{t: t, binary: own, rnd: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1)), done: map[string]int{}}
	var list []string
	for i, port := range porttest.Free(t, soakNodes) {
		list = append(list, fmt.Sprintf("<n%d>127.0.0.1:%s", i+1, port))
		s.urls = append(s.urls, "http://127.0.0.1:"+port)
	}
	var programs, rules strings.Builder
	for i := range soakApps {
		fmt.Fprintf(&programs, "[program:app%d]\ncommand=/bin/cat\nnumprocs=%d\nprocess_name=%%(program_name)s_%%(process_num)02d\nautostart=false\nstartsecs=0\n", i, soakProcs)
		fmt.Fprintf(&rules, `<application name="app%d"><start_sequence>%d</start_sequence><starting_strategy>LESS_LOADED</starting_strategy><programs>
<program pattern="app"><start_sequence>1</start_sequence><expected_loading>1</expected_loading><running_failure_strategy>RESTART_PROCESS</running_failure_strategy>
</program></programs></application>`, i, i%3)
	}
	for i, url := range s.urls {
		conf := filepath.Join(dir, fmt.Sprintf("n%d.conf", i+1))
		text := fmt.Sprintf("[supervisord]\nlogfile=%[1]s.log\npidfile=%[1]s.pid\nchildlogdir=%[2]s\n[inet_http_server]\nport=%[3]s\n[rpcinterface:supvisors]\n"+
			"supvisors_list=%[4]s\nrules_files=%[1]s.xml\nsynchro_options=LIST,TIMEOUT\nconciliation_strategy=SENICIDE\ncluster_secret=soak\nevent_link=NONE\n%[5]s", conf, dir,
			strings.TrimPrefix(url, "http://"), strings.Join(list, ","), &programs)
		for name, text := range map[string]string{conf: text, conf + ".xml": "<root>" + rules.String() + "</root>"} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.confs = append(s.confs, conf)
		s.cmds = append(s.cmds, nil)
	}
	t.Cleanup(func() {
		for _, cmd := range s.cmds {
			if cmd != nil {
				cmd.Process.Signal(syscall.SIGCONT)
				cmd.Process.Signal(syscall.SIGTERM)
				cmd.Wait()
			}
		}
	})
	return s
}

func (s *soaked) boot(i int) {
	cmd := exec.Command(s.binary, "-n", "-s", "-c", s.confs[i])
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmds[i] = cmd
}

// act does something at random every now and then.
func (s *soaked) act(d time.Duration) {
	end := time.After(d)
	often := time.NewTicker(100 * time.Millisecond)
	defer often.Stop()
	for {
		select {
		case <-end:
			return
		case <-often.C:
			s.once()
		}
	}
}

// once does one thing.
func (s *soaked) once() {
	at := s.rnd.IntN(soakNodes - soakKilled)
	app := fmt.Sprintf("app%d", s.rnd.IntN(soakApps))
	process := fmt.Sprintf("%s:%[1]s_%02d", app, s.rnd.IntN(soakProcs))
	switch n := s.rnd.IntN(100); {
	case n < 30:
		s.command(at, "supvisors.start_process", "LESS_LOADED", process, "", false)
	case n < 50:
		s.command(at, "supvisors.stop_process", process, false)
	case n < 60:
		s.command(at, "supvisors.restart_process", "MOST_LOADED", process, "", false)
	case n < 68:
		s.command(at, "supvisors.start_application", "CONFIG", app, false)
	case n < 72:
		s.command(at, "supvisors.restart_application", "LESS_LOADED", app, false)
	case n < 74:
		s.command(at, "supvisors.stop_application", app, false)
	case n < 98:
		s.done["kill of a process"]++
		s.command(at, "supervisor.signalProcess", process, "KILL")
	default:
		s.hurt(soakNodes - 1 - s.rnd.IntN(soakKilled))
	}
}

// hurt kills a node and starts it again, or freezes it for a while.
func (s *soaked) hurt(i int) {
	if s.rnd.IntN(2) == 0 {
		s.done["kill of a node"]++
		s.cmds[i].Process.Kill()
		s.cmds[i].Wait()
		s.boot(i)
		return
	}
	s.done["freeze of a node"]++
	process := s.cmds[i].Process
	process.Signal(syscall.SIGSTOP)
	timer := time.NewTimer(time.Duration(s.rnd.Int64N(int64(6 * time.Second))))
	<-timer.C
	process.Signal(syscall.SIGCONT)
}

// command sends a request; that it is refused is in the nature of the test.
func (s *soaked) command(i int, method string, args ...any) {
	s.done[method]++
	_ = s.call(i, nil, method, args...)
}

func (s *soaked) call(i int, out any, method string, args ...any) error {
	client, err := rpc.NewClient(rpc.ClientConfig{URL: s.urls[i]})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	return client.Call(ctx, method, out, args...)
}

// rest waits until all nodes are in OPERATION under one Master, without jobs or conflicts, and tell the same of every process.
func (s *soaked) rest() {
	s.t.Helper()
	deadline := time.After(soakRest)
	often := time.NewTicker(200 * time.Millisecond)
	defer often.Stop()
	for {
		what := s.disagreement()
		if what == "" {
			return
		}
		select {
		case <-often.C:
		case <-deadline:
			s.t.Fatalf("after %s of peace: %s", soakRest, what)
		}
	}
}

// disagreement tells what is not as it should be.
func (s *soaked) disagreement() string {
	var state struct {
		State    string   `xmlrpc:"fsm_statename"`
		Master   string   `xmlrpc:"master_identifier"`
		Starting []string `xmlrpc:"starting_jobs"`
		Stopping []string `xmlrpc:"stopping_jobs"`
	}
	type info struct {
		Application string   `xmlrpc:"application_name"`
		Name        string   `xmlrpc:"process_name"`
		State       string   `xmlrpc:"statename"`
		Identifiers []string `xmlrpc:"identifiers"`
	}
	master, first := "", ""
	for i := range s.urls {
		if err := s.call(i, &state, "supvisors.get_supvisors_state"); err != nil {
			return err.Error()
		}
		if state.State != "OPERATION" || len(state.Starting)+len(state.Stopping) > 0 || master != "" && state.Master != master {
			return fmt.Sprintf("n%d: %+v, others have Master %s", i+1, state, master)
		}
		master = state.Master
		var all []info
		if err := s.call(i, &all, "supvisors.get_all_process_info"); err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, p := range all {
			slices.Sort(p.Identifiers)
			if len(p.Identifiers) > 1 {
				return fmt.Sprintf("%s:%s is up on %q", p.Application, p.Name, p.Identifiers)
			}
			fmt.Fprintf(&b, "%s:%s %s %q\n", p.Application, p.Name, p.State, p.Identifiers)
		}
		if first == "" {
			first = b.String()
		}
		if b.String() != first {
			return fmt.Sprintf("n%d sees\n%sand n1\n%s", i+1, &b, first)
		}
	}
	return ""
}

// held is what a node holds.
type held struct {
	goroutines, descriptors int
	heap, resident          float64 // MiB
}

func (h held) String() string {
	return fmt.Sprintf("%d goroutines %d descriptors %.1f MiB heap %.1f MiB resident", h.goroutines, h.descriptors, h.heap, h.resident)
}

// still is what the nodes hold when no program is up.
func (s *soaked) still() []held {
	s.t.Helper()
	for i := range s.urls {
		if err := s.call(i, nil, "supervisor.stopAllProcesses", true); err != nil {
			s.t.Fatal(err)
		}
	}
	s.rest()
	return s.usage()
}

// usage asks the nodes that are not killed.
func (s *soaked) usage() (all []held) {
	s.t.Helper()
	for i := range soakNodes - soakKilled {
		resp, err := http.Get(s.urls[i] + "/metrics")
		if err != nil {
			s.t.Fatal(err)
		}
		values := map[string]float64{}
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), " "); ok {
				values[name], _ = strconv.ParseFloat(value, 64)
			}
		}
		resp.Body.Close()
		all = append(all, held{int(values["go_goroutines"]), int(values["process_open_fds"]), values["go_memstats_heap_inuse_bytes"] / (1 << 20),
			values["process_resident_memory_bytes"] / (1 << 20)})
	}
	return all
}
