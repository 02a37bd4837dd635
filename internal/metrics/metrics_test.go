package metrics

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/child"
	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/node"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/internal/stats"
	"github.com/supvisors/supvisors/internal/supervisor"
	"github.com/supvisors/supvisors/rules"
)

// counted returns a process of the group app.
func counted(name string, state process.State, change func(*supervisor.Counted)) supervisor.Counted {
	c := supervisor.Counted{Process: supervisor.Process{Info: process.Info{Group: "app", Name: name, State: state}, Spec: &process.Spec{}}}
	if change != nil {
		change(&c)
	}
	return c
}

var epoch = time.Unix(1_700_000_000, 500_000_000)

// everything is a daemon about which there is something of every kind to say.
func everything() facts {
	self := &cluster.InstanceView{Identity: cluster.Identity{Identifier: "10.0.0.1:9001", Nick: "one"}, State: cluster.InstanceRunning,
		Modes: cluster.Modes{State: cluster.Conciliation, Degraded: true, Master: "10.0.0.2:9001", Term: 7}, TickAt: epoch, Load: 35}
	master := &cluster.InstanceView{Identity: cluster.Identity{Identifier: "10.0.0.2:9001", Nick: "two"}, State: cluster.InstanceRunning, TickAt: epoch.Add(time.Second)}
	absent := &cluster.InstanceView{Identity: cluster.Identity{Identifier: "10.0.0.3:9001", Nick: "three"}}
	twice := &cluster.ProcessView{Namespec: process.Namespec{Group: "app", Process: "up"}, Running: []string{"10.0.0.1:9001", "10.0.0.2:9001"}}
	return facts{
		version: "1.2.3", state: supervisor.Running, checks: map[string]bool{"loop": true, "store": false},
		processes: []supervisor.Counted{
			counted("up", process.Running, func(c *supervisor.Counted) {
				c.Info.Start = epoch
				c.Spec.Stdout.File, c.Spec.Stderr.Syslog = "out.log", true
				c.Counts = child.Counts{Starts: 5, Restarts: 3, Logs: [3]child.Traffic{
					child.Stdout: {Bytes: 1000, Rotations: 2, Failures: 1}, child.Stderr: {Bytes: 10}}}
			}),
			counted("trying", process.Backoff, func(c *supervisor.Counted) {
				c.Info.Start, c.Info.Backoff, c.Info.NextRetry = epoch, 2, epoch.Add(2*time.Second)
				c.Spec.Stdout.File, c.Spec.Stderr.File, c.Spec.RedirectStderr = "out.log", "never.log", true
			}),
			counted("done", process.Exited, func(c *supervisor.Counted) { c.Info.ExitStatus, c.Info.Start = -1, epoch }),
		},
		pools: []supervisor.Pool{{Name: "ears", Queued: 3, Size: 10, Dropped: 4}},
		view: &cluster.View{Self: self, Instances: []*cluster.InstanceView{self, master, absent}, Starts: 2, Stops: 1,
			Applications: []*cluster.ApplicationView{{Name: "app", Rules: rules.Application{Managed: true}, State: cluster.ApplicationRunning,
				Major: true, Processes: []*cluster.ProcessView{twice}}}},
		health: node.Health{Orders: 6, Health: gossip.Health{Score: 1,
			Members: []gossip.Member{{Name: "10.0.0.2:9001", Joined: true, StreamUp: true}},
			Readers: []gossip.Reader{{Name: "10.0.0.2:9001", Behind: 8}, {Name: "stranger", Behind: 9}}}},
		host: &stats.HostSample{CPU: []stats.Float{50, 25, 75}, Mem: 40, NetIO: map[string][2]stats.Float{"eth0": {8, 16}},
			DiskIO: map[string][2]stats.Float{"sda": {1, 2}}, DiskUsage: map[string]stats.Float{"/": 60}},
		usage: map[process.Namespec]stats.Point{{Group: "app", Process: "up"}: {CPU: 150, Mem: 5}},
	}
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// scrape returns what the metrics answer.
func scrape(t testing.TB, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// own returns the values of the daemon's own series, by name and labels.
func own(t testing.TB, text string) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "supvisors_") {
			continue
		}
		series, number, ok := cutLast(strings.TrimSpace(line))
		value, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil {
			t.Fatalf("line %q", line)
		}
		values[series] = value
	}
	return values
}

func cutLast(line string) (before, after string, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return line, "", false
	}
	return line[:i], line[i+1:], true
}

// expect compares all series that begin with prefix.
func expect(t *testing.T, prefix string, got, want map[string]float64) {
	t.Helper()
	for series, value := range want {
		if v, shown := got[series]; !shown {
			t.Errorf("%s is not shown", series)
		} else if v != value {
			t.Errorf("%s is %v, want %v", series, v, value)
		}
	}
	for series := range got {
		if _, wanted := want[series]; !wanted && strings.HasPrefix(series, prefix) {
			t.Errorf("%s is shown", series)
		}
	}
}

func TestDaemon(t *testing.T) {
	got := own(t, scrape(t, show(everything, silent())))
	expect(t, "supvisors_build", got, map[string]float64{`supvisors_build_info{version="1.2.3"}`: 1})
	expect(t, "supvisors_daemon", got, map[string]float64{`supvisors_daemon_state`: 1})
}

func TestProcesses(t *testing.T) {
	got := own(t, scrape(t, show(everything, silent())))
	expect(t, "supvisors_processes", got, map[string]float64{
		`supvisors_processes{state="STOPPED"}`: 0, `supvisors_processes{state="STARTING"}`: 0, `supvisors_processes{state="RUNNING"}`: 1,
		`supvisors_processes{state="BACKOFF"}`: 1, `supvisors_processes{state="STOPPING"}`: 0, `supvisors_processes{state="EXITED"}`: 1,
		`supvisors_processes{state="FATAL"}`: 0, `supvisors_processes{state="UNKNOWN"}`: 0,
	})
	expect(t, "supvisors_process_", got, map[string]float64{
		`supvisors_process_state{group="app",name="up"}`:                                   20,
		`supvisors_process_state{group="app",name="trying"}`:                               30,
		`supvisors_process_state{group="app",name="done"}`:                                 100,
		`supvisors_process_up{group="app",name="up"}`:                                      1,
		`supvisors_process_up{group="app",name="trying"}`:                                  0,
		`supvisors_process_up{group="app",name="done"}`:                                    0,
		`supvisors_process_start_time_seconds{group="app",name="up"}`:                      1_700_000_000.5,
		`supvisors_process_exit_status{group="app",name="up"}`:                             0,
		`supvisors_process_exit_status{group="app",name="trying"}`:                         0,
		`supvisors_process_exit_status{group="app",name="done"}`:                           -1,
		`supvisors_process_starts_total{group="app",name="up"}`:                            5,
		`supvisors_process_starts_total{group="app",name="trying"}`:                        0,
		`supvisors_process_starts_total{group="app",name="done"}`:                          0,
		`supvisors_process_restarts_total{group="app",name="up"}`:                          3,
		`supvisors_process_restarts_total{group="app",name="trying"}`:                      0,
		`supvisors_process_restarts_total{group="app",name="done"}`:                        0,
		`supvisors_process_failed_starts{group="app",name="up"}`:                           0,
		`supvisors_process_failed_starts{group="app",name="trying"}`:                       2,
		`supvisors_process_failed_starts{group="app",name="done"}`:                         0,
		`supvisors_process_retry_time_seconds{group="app",name="trying"}`:                  1_700_000_002.5,
		`supvisors_process_log_bytes_total{group="app",name="up",stream="stdout"}`:         1000,
		`supvisors_process_log_bytes_total{group="app",name="up",stream="stderr"}`:         10,
		`supvisors_process_log_bytes_total{group="app",name="trying",stream="stdout"}`:     0,
		`supvisors_process_log_rotations_total{group="app",name="up",stream="stdout"}`:     2,
		`supvisors_process_log_rotations_total{group="app",name="up",stream="stderr"}`:     0,
		`supvisors_process_log_rotations_total{group="app",name="trying",stream="stdout"}`: 0,
		`supvisors_process_log_failures_total{group="app",name="up",stream="stdout"}`:      1,
		`supvisors_process_log_failures_total{group="app",name="up",stream="stderr"}`:      0,
		`supvisors_process_log_failures_total{group="app",name="trying",stream="stdout"}`:  0,
		`supvisors_process_cpu_ratio{group="app",name="up"}`:                               1.5,
		`supvisors_process_memory_ratio{group="app",name="up"}`:                            0.05,
	})
	expect(t, "supvisors_listener", got, map[string]float64{
		`supvisors_listener_queue_length{pool="ears"}`: 3, `supvisors_listener_queue_capacity{pool="ears"}`: 10,
		`supvisors_listener_dropped_events_total{pool="ears"}`: 4,
	})
}

// node_exporter's collector takes the same states for up, and shows the start time of these only.
func TestUp(t *testing.T) {
	up := map[process.State]bool{process.Starting: true, process.Running: true, process.Stopping: true}
	for _, state := range processStates {
		f := facts{processes: []supervisor.Counted{counted("p", state, func(c *supervisor.Counted) { c.Info.Start = epoch })}}
		got := own(t, scrape(t, show(func() facts { return f }, silent())))
		_, started := got[`supvisors_process_start_time_seconds{group="app",name="p"}`]
		if is := got[`supvisors_process_up{group="app",name="p"}`] == 1; is != up[state] || started != up[state] {
			t.Errorf("%v: up %v, start time %v", state, is, started)
		}
		if n := got[`supvisors_processes{state="`+state.String()+`"}`]; n != 1 {
			t.Errorf("%v: %v processes", state, n)
		}
	}
}

func TestCluster(t *testing.T) {
	got := own(t, scrape(t, show(everything, silent())))
	expect(t, "supvisors_node", got, map[string]float64{`supvisors_node_info{identifier="10.0.0.1:9001",nick_identifier="one"}`: 1})
	for series, value := range map[string]float64{`supvisors_fsm_state`: 5, `supvisors_degraded`: 1, `supvisors_term`: 7, `supvisors_jobs{kind="start"}`: 2,
		`supvisors_jobs{kind="stop"}`: 1, `supvisors_orders_pending`: 6, `supvisors_conflicts`: 1, `supvisors_gossip_health_score`: 1} {
		expect(t, series, got, map[string]float64{series: value})
	}
	expect(t, "supvisors_instance", got, map[string]float64{
		`supvisors_instances{state="STOPPED"}`: 1, `supvisors_instances{state="CHECKING"}`: 0, `supvisors_instances{state="CHECKED"}`: 0,
		`supvisors_instances{state="RUNNING"}`: 2, `supvisors_instances{state="FAILED"}`: 0, `supvisors_instances{state="ISOLATED"}`: 0,
		`supvisors_instance_info{identifier="10.0.0.1:9001",nick_identifier="one"}`:   1,
		`supvisors_instance_info{identifier="10.0.0.2:9001",nick_identifier="two"}`:   1,
		`supvisors_instance_info{identifier="10.0.0.3:9001",nick_identifier="three"}`: 1,
		`supvisors_instance_state{identifier="10.0.0.1:9001"}`:                        3,
		`supvisors_instance_state{identifier="10.0.0.2:9001"}`:                        3,
		`supvisors_instance_state{identifier="10.0.0.3:9001"}`:                        0,
		`supvisors_instance_master{identifier="10.0.0.1:9001"}`:                       0,
		`supvisors_instance_master{identifier="10.0.0.2:9001"}`:                       1,
		`supvisors_instance_master{identifier="10.0.0.3:9001"}`:                       0,
		`supvisors_instance_load_ratio{identifier="10.0.0.1:9001"}`:                   0.35,
		`supvisors_instance_load_ratio{identifier="10.0.0.2:9001"}`:                   0,
		`supvisors_instance_load_ratio{identifier="10.0.0.3:9001"}`:                   0,
		`supvisors_instance_tick_time_seconds{identifier="10.0.0.1:9001"}`:            1_700_000_000.5,
		`supvisors_instance_tick_time_seconds{identifier="10.0.0.2:9001"}`:            1_700_000_001.5,
	})
	expect(t, "supvisors_gossip_member", got, map[string]float64{
		`supvisors_gossip_member_up{identifier="10.0.0.2:9001"}`: 1, `supvisors_gossip_member_up{identifier="10.0.0.3:9001"}`: 0,
	})
	expect(t, "supvisors_stream", got, map[string]float64{
		`supvisors_stream_up{identifier="10.0.0.2:9001"}`: 1, `supvisors_stream_up{identifier="10.0.0.3:9001"}`: 0,
		`supvisors_stream_lag_entries{identifier="10.0.0.2:9001"}`: 8,
	})
	expect(t, "supvisors_application", got, map[string]float64{
		`supvisors_application_state{application="app"}`:                    2,
		`supvisors_application_failure{application="app",severity="major"}`: 1,
		`supvisors_application_failure{application="app",severity="minor"}`: 0,
	})
}

func TestHost(t *testing.T) {
	got := own(t, scrape(t, show(everything, silent())))
	expect(t, "supvisors_host", got, map[string]float64{
		`supvisors_host_cpu_ratio`: 0.5, `supvisors_host_core_ratio{core="0"}`: 0.25, `supvisors_host_core_ratio{core="1"}`: 0.75,
		`supvisors_host_memory_ratio`:                                        0.4,
		`supvisors_host_network_receive_bytes_per_second{interface="eth0"}`:  1024,
		`supvisors_host_network_transmit_bytes_per_second{interface="eth0"}`: 2048,
		`supvisors_host_disk_read_bytes_per_second{device="sda"}`:            128,
		`supvisors_host_disk_written_bytes_per_second{device="sda"}`:         256,
		`supvisors_host_filesystem_ratio{mountpoint="/"}`:                    0.6,
	})
}

// A plain Supervisor has no cluster and measures nothing.
func TestPlain(t *testing.T) {
	plain := everything()
	plain.view, plain.host, plain.usage = nil, nil, nil
	for series := range own(t, scrape(t, show(func() facts { return plain }, silent()))) {
		for _, foreign := range []string{"fsm", "instance", "node", "gossip", "stream", "host", "application", "process_cpu"} {
			if strings.HasPrefix(series, "supvisors_"+foreign) {
				t.Errorf("%s is shown", series)
			}
		}
	}
}

// What has gone is not shown any more, and what is there once more than it may be hides nothing else.
func TestOddNames(t *testing.T) {
	f := facts{processes: []supervisor.Counted{counted("p", process.Running, nil), counted("a\xffb", process.Fatal, nil), counted("\"\n\\", process.Fatal, nil)}}
	m := show(func() facts { return f }, silent())
	expect(t, "supvisors_process_state", own(t, scrape(t, m)), map[string]float64{`supvisors_process_state{group="app",name="p"}`: 20,
		`supvisors_process_state{group="app",name="a` + "\uFFFD" + `b"}`: 200, `supvisors_process_state{group="app",name="\"\n\\"}`: 200})
	f.processes = f.processes[:1]
	expect(t, "supvisors_process_state", own(t, scrape(t, m)), map[string]float64{`supvisors_process_state{group="app",name="p"}`: 20})
	f.processes = append(f.processes, f.processes[0], counted("q", process.Stopped, nil))
	expect(t, "supvisors_process_state", own(t, scrape(t, m)), map[string]float64{`supvisors_process_state{group="app",name="p"}`: 20,
		`supvisors_process_state{group="app",name="q"}`: 0})
}

func TestCalls(t *testing.T) {
	m := show(everything, silent())
	m.ObserveRPC("xmlrpc", "supervisor.getState", 2*time.Millisecond, 0)
	m.ObserveRPC("xmlrpc", "supervisor.getState", 20*time.Second, 0)
	m.ObserveRPC("xmlrpc", "supervisor.startProcess", 30*time.Millisecond, 10)
	m.ObserveRPC("rest", "supervisor.startProcess", 30*time.Millisecond, 10)
	for range 3 {
		m.ObserveRPC("xmlrpc", "", time.Millisecond, 1)
	}
	got := own(t, scrape(t, m))
	expect(t, "supvisors_rpc_faults", got, map[string]float64{
		`supvisors_rpc_faults_total{code="10",door="xmlrpc",method="supervisor.startProcess"}`: 1,
		`supvisors_rpc_faults_total{code="10",door="rest",method="supervisor.startProcess"}`:   1,
		`supvisors_rpc_faults_total{code="1",door="xmlrpc",method="unknown"}`:                  3,
	})
	expect(t, "supvisors_rpc_duration_seconds_count", got, map[string]float64{
		`supvisors_rpc_duration_seconds_count{door="xmlrpc",method="supervisor.getState"}`:     2,
		`supvisors_rpc_duration_seconds_count{door="xmlrpc",method="supervisor.startProcess"}`: 1,
		`supvisors_rpc_duration_seconds_count{door="rest",method="supervisor.startProcess"}`:   1,
		`supvisors_rpc_duration_seconds_count{door="xmlrpc",method="unknown"}`:                 3,
	})
	of := func(le string) float64 {
		return got[`supvisors_rpc_duration_seconds_bucket{door="xmlrpc",method="supervisor.getState",le="`+le+`"}`]
	}
	if of("0.001") != 0 || of("0.005") != 1 || of("10") != 1 || of("60") != 2 || of("+Inf") != 2 {
		t.Errorf("buckets: %v", got)
	}
	if sum := got[`supvisors_rpc_duration_seconds_sum{door="xmlrpc",method="supervisor.getState"}`]; sum != 20.002 {
		t.Errorf("sum %v", sum)
	}
}

func TestHandler(t *testing.T) {
	server := httptest.NewServer(show(everything, silent()).Handler())
	defer server.Close()
	tests := []struct {
		method string
		status int
		body   bool
	}{{http.MethodGet, 200, true}, {http.MethodHead, 200, false}, {http.MethodPost, 405, true}, {http.MethodDelete, 405, true}}
	for _, c := range tests {
		req, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || err != nil || (len(body) > 0) != c.body {
			t.Errorf("%s: %s, %d bytes, %v", c.method, resp.Status, len(body), err)
		}
		if allow := resp.Header.Get("Allow"); (c.status == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s: Allow %q", c.method, allow)
		}
		if kind := resp.Header.Get("Content-Type"); c.status == 200 && !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
			t.Errorf("%s: type %q", c.method, kind)
		}
	}
}

// Scrapes that pile up are refused: each one costs memory.
func TestTooManyScrapes(t *testing.T) {
	begun, release := make(chan bool, maxScrapes), make(chan bool)
	m := show(func() facts {
		begun <- true
		<-release
		return everything()
	}, silent())
	handler := m.Handler()
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w
	}
	statuses := make(chan int, maxScrapes)
	for range maxScrapes {
		go func() { statuses <- get().Code }()
	}
	for range maxScrapes {
		<-begun
	}
	if w := get(); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one more is answered with %d", w.Code)
	}
	close(release)
	for range maxScrapes {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	if w := get(); w.Code != http.StatusOK {
		t.Errorf("the next one is answered with %d", w.Code)
	}
}

// The daemon itself is shown by the usual series, and two daemons in one process have nothing in common.
func TestOwnRegistry(t *testing.T) {
	one, other := show(everything, silent()), show(everything, silent())
	one.ObserveRPC("xmlrpc", "supervisor.getState", time.Millisecond, 0)
	text := scrape(t, one)
	for _, usual := range []string{"\ngo_goroutines ", "\nprocess_resident_memory_bytes ", "\nprocess_start_time_seconds "} {
		if !strings.Contains(text, usual) {
			t.Errorf("%sis not shown", strings.TrimLeft(usual, "\n"))
		}
	}
	if strings.Contains(scrape(t, other), "supvisors_rpc_duration") {
		t.Error("a call to one is shown by the other")
	}
}

// Prometheus' own tool has nothing to say against names, units and texts.
func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
	m := show(everything, silent())
	m.ObserveRPC("xmlrpc", "supervisor.getState", time.Millisecond, 1)
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, m))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
