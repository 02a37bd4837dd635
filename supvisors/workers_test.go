package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supvisors/supvisors/rpc"
)

// became returns what the log says of a worker, "Gossip" or "Gossip/Sync", in order.
func (p *place) became(name string) string {
	var all []string
	for line := range strings.Lines(p.read("log")) {
		if _, status, found := strings.Cut(line, " worker has changed worker="+name+" status="); found {
			all = append(all, strings.Trim(status, "\"\n"))
		}
	}
	return strings.Join(all, ", ")
}

// TestWorkers has a node tell where all its parts stand, in the log for those who debug.
func TestWorkers(t *testing.T) {
	p := newPlace(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	n := startEdge(t, p, "[rpcinterface:supvisors]\nsupvisors_list=127.0.0.1:@PORT@\nsynchro_options=LIST\ncluster_secret=s\nstats_enabled=HOST\n"+
		fmt.Sprintf("event_link=WS\nevent_port=%d\n", port)+"[device]\nlock_dir=@DIR@/locks\n[supervisord]\nloglevel=debug\n")
	want := func(what, name, want string) {
		t.Helper()
		p.until(what+" "+name+" is told: "+want, func() bool { return p.became(name) == want })
	}
	want("the port is taken:", "EventPublisher", "started, initialization failed")
	want("statistics of the host:", "Statistics", "started, initialized")
	want("statistics of the host:", "Statistics/Host", "started, initialized")
	want("statistics of the host:", "Statistics/Process", "terminated")
	for _, on := range []bool{true, false} {
		for _, method := range []string{"supvisors.enable_process_statistics", "supvisors.enable_host_statistics"} {
			if err := p.call(nil, method, on); err != nil {
				t.Fatal(err)
			}
		}
		if on {
			want("switched on:", "Statistics/Process", "terminated, started, initialized")
		}
	}
	want("switched off:", "Statistics", "started, initialized, terminated")
	want("switched off:", "Statistics/Host", "started, initialized, terminated")
	taken.Close()
	want("the port is free:", "EventPublisher", "started, initialization failed, initialized")
	want("on by default:", "Probe", "started, initialized")
	if code := n.ask("DELETE", "/v1/tcp-ping", "", n.key).code; code != 204 {
		t.Errorf("tcp-ping: %d", code)
	}
	want("switched off:", "Probe", "started, initialized, terminated")
	n.d.stop()
	const whole = "started, initialized, terminating, terminated"
	for name, want := range map[string]string{
		"ProcessManager": whole, "ProcessManager/Reaper": whole, "ProcessManager/LogPump": whole,
		"Gossip": whole, "Gossip/Membership": whole, "Gossip/Sync": whole,
		"FSM": whole, "Starter": whole, "Stopper": whole, "Conciliator": whole,
		"XmlRpc": whole, "Rest": whole, "Rest/unix_http_server": whole, "Rest/inet_http_server": whole, "Rest/rest": whole, "Rest/rest:device": whole,
		"ConfigUpdater": whole, "Store": "started, initialized, terminated",
		"EventPublisher": "started, initialization failed, initialized, terminating, terminated",
		"Statistics":     "started, initialized, terminated", "Statistics/Process": "terminated, started, initialized, terminated",
	} {
		if got := p.became(name); got != want {
			t.Errorf("%s was %s, want %s", name, got, want)
		}
	}
}

// A plain process manager has no parts of a cluster.
func TestWorkersWithoutCluster(t *testing.T) {
	p := newPlace(t)
	p.write("conf", strings.Replace(base, "user=root", "user=root\nloglevel=debug", 1)+idle)
	d := p.start()
	d.logged("worker=ProcessManager status=initialized", 1)
	d.stop()
	has(t, "log", p.read("log"), "worker=XmlRpc status=initialized", "worker=Rest/inet_http_server status=terminated")
	for _, name := range []string{"Gossip", "FSM", "Starter", "Stopper", "Conciliator", "Statistics", "EventPublisher", "Store", "Probe", "ConfigUpdater"} {
		if got := p.became(name); got != "" {
			t.Errorf("%s was %s", name, got)
		}
	}
}

// What is off is terminated.
func TestWorkersThatAreOff(t *testing.T) {
	p := newPlace(t)
	p.write("conf", strings.Replace(base, "user=root", "user=root\nloglevel=debug", 1)+
		"[rpcinterface:supvisors]\nsupvisors_list=127.0.0.1:@PORT@\nsynchro_options=LIST\ncluster_secret=s\nstats_enabled=OFF\n")
	d := p.start()
	for name, want := range map[string]string{"EventPublisher": "terminated", "Statistics": "started, terminated", "Statistics/Host": "terminated"} {
		p.until(name+" is "+want, func() bool { return p.became(name) == want })
	}
	d.stop()
	if got := p.became("Statistics"); got != "started, terminated" {
		t.Errorf("at the end Statistics was %s", got)
	}
}

// loopLimit is how long a loop may stand: twice its period.
const loopLimit = 10 * time.Second

// TestHealthyWhileDriverStands holds the driver of a node where it writes the term of the cluster, in a file that nobody reads.
func TestHealthyWhileDriverStands(t *testing.T) {
	t.Parallel()
	n := startEdge(t, newPlace(t), "[rpcinterface:supvisors]\nsupvisors_list=127.0.0.1:@PORT@\nsynchro_options=USER\ncluster_secret=s\n[device]\nlock_dir=@DIR@/locks\n")
	healthy := func() bool { return n.ask("GET", "/v1/healthy", "", "").code == 200 }
	if !healthy() {
		t.Error("unhealthy at the beginning")
	}
	pipe := n.path("pid.term.new")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	held, asked := time.Now(), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // its answer waits for the driver
		defer close(asked)
		client, err := rpc.NewClient(rpc.ClientConfig{URL: "unix://" + n.path("sock")})
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		if err := client.Call(ctx, "supvisors.end_sync", nil, ""); err != nil {
			t.Error(err)
		}
	}()
	n.until("the node is unhealthy", func() bool { return !healthy() })
	if after := time.Since(held); after > loopLimit+time.Second {
		t.Errorf("it is unhealthy after %s", after)
	}
	got := n.ask("GET", "/v1/healthy?verbose=true", "", "")
	if got.code != 500 || strings.Count(got.text, `"ok":false`) != 1 || !strings.Contains(got.text, "the loop of the cluster has not turned for") {
		t.Errorf("%d %s", got.code, got.text)
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	n.until("the node is healthy again", healthy)
	<-asked
	n.d.stop()
}

// TestHealthyWithoutNetwork has a node lose the only other one, which answers nothing any more: that is no illness of the node.
func TestHealthyWithoutNetwork(t *testing.T) {
	t.Parallel()
	here, there := newPlace(t), newPlace(t)
	cluster := fmt.Sprintf("[rpcinterface:supvisors]\nsupvisors_list=127.0.0.1:%s,127.0.0.1:%s\nsynchro_options=LIST\ncluster_secret=s\n", here.port, there.port)
	n := startEdge(t, here, cluster+"[device]\nlock_dir=@DIR@/locks\nconnectivity_check=true\nconnectivity_interval=1\n")
	there.write("conf", base+cluster)
	other := there.start()
	var instances []struct {
		State string `xmlrpc:"statename"`
	}
	running := func() (up int) {
		if err := here.call(&instances, "supvisors.get_all_instances_info"); err != nil {
			t.Fatal(err)
		}
		for _, i := range instances {
			if i.State == "RUNNING" {
				up++
			}
		}
		return up
	}
	here.until("both run", func() bool { return running() == 2 })
	other.cmd.Process.Signal(syscall.SIGSTOP)
	away := time.Now()
	here.until("the other is lost", func() bool { return n.ask("GET", "/v1/healthy", "", "").code != 200 || running() == 1 })
	here.until("a loop that waits for it would be missed", func() bool {
		if got := n.ask("GET", "/v1/healthy?verbose=true", "", ""); got.code != 200 {
			t.Fatalf("%d %s", got.code, got.text)
		}
		return time.Since(away) > loopLimit+2*time.Second
	})
	other.cmd.Process.Kill()
	other.end()
	n.d.stop()
}
