package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// cluster is a place with several nodes in it.
type clusterPlace struct {
	*place
	nodes []*running
}

// newCluster writes the configuration of n nodes, which share the program "only" of application "app".
func newCluster(t *testing.T, n int) *clusterPlace {
	c := &clusterPlace{place: newPlace(t)}
	var list []string
	for i := range n {
		p := newPlace(t)
		c.nodes = append(c.nodes, &running{place: p})
		list = append(list, fmt.Sprintf("<node%d>127.0.0.1:%s", i+1, p.port))
	}
	for i, node := range c.nodes {
		node.write("conf", base+"username=u\npassword=p\n"+strings.NewReplacer("@LIST@", strings.Join(list, ","), "@SHARED@", c.dir,
			"@NAME@", fmt.Sprintf("node%d", i+1)).Replace(`[rpcinterface:supvisors]
supvisors_list=@LIST@
rules_files=@DIR@/rules.xml
synchro_options=LIST
[group:app]
programs=only
[program:only]
command=@SELF@ play only @SHARED@/lock @NAME@
autostart=false
autorestart=false
startsecs=0
`))
		node.write("rules.xml", `<root>
<application name="app">
<start_sequence>1</start_sequence>
<programs>
<program name="only">
<identifiers>*</identifiers>
<start_sequence>1</start_sequence>
<required>true</required>
<running_failure_strategy>RESTART_PROCESS</running_failure_strategy>
</program>
</programs>
</application>
</root>
`)
	}
	return c
}

// start starts node i, counted from 0.
func (c *clusterPlace) start(i int) {
	c.t.Helper()
	c.nodes[i] = c.nodes[i].place.start()
}

// agreed waits until these nodes see each other RUNNING, under one Master, in OPERATION and without jobs.
func (c *clusterPlace) agreed(nodes ...int) (master string) {
	c.t.Helper()
	var view struct {
		State    string   `xmlrpc:"fsm_statename"`
		Master   string   `xmlrpc:"master_identifier"`
		Starting []string `xmlrpc:"starting_jobs"`
		Stopping []string `xmlrpc:"stopping_jobs"`
	}
	var instances []struct {
		Identifier string `xmlrpc:"identifier"`
		State      string `xmlrpc:"statename"`
	}
	c.until("the nodes agree", func() bool {
		master = ""
		for _, i := range nodes {
			node := c.nodes[i]
			if node.call(&view, "supvisors.get_supvisors_state") != nil || view.State != "OPERATION" || view.Master == "" ||
				len(view.Starting)+len(view.Stopping) > 0 || master != "" && view.Master != master {
				return false
			}
			master = view.Master
			instances = nil
			if node.call(&instances, "supvisors.get_all_instances_info") != nil {
				return false
			}
			up := 0
			for _, instance := range instances {
				if instance.State == "RUNNING" {
					up++
				}
			}
			if up != len(nodes) {
				return false
			}
		}
		return true
	})
	return master
}

// lines are what the program "only" has written: who has started and stopped, in order.
func (c *clusterPlace) lines() []string {
	return strings.Split(strings.TrimSpace(c.read("lock")), "\n")
}

func (c *clusterPlace) happened(want ...string) {
	c.t.Helper()
	c.until(fmt.Sprintf("%q has happened", want), func() bool { return len(c.lines()) >= len(want) })
	if got := c.lines(); !slices.Equal(got, want) {
		c.t.Errorf("%q has happened, wanted %q", got, want)
	}
}

// TestCluster is the life of two nodes: the program of the one that ends runs on the other, never on both.
func TestCluster(t *testing.T) {
	c := newCluster(t, 2)
	c.start(0)
	c.start(1)
	master := c.agreed(0, 1)
	if want := "127.0.0.1:" + c.nodes[0].port; master != want && master != "127.0.0.1:"+c.nodes[1].port {
		t.Errorf("Master is %s", master)
	}
	c.until("the program runs", func() bool { return strings.HasPrefix(c.read("lock"), "start node") })
	first := 0
	if c.lines()[0] == "start node2" {
		first = 1
	}
	second := 1 - first
	name := func(i int) string { return fmt.Sprintf("node%d", i+1) }

	c.nodes[first].stop()
	c.happened("start "+name(first), "stop "+name(first), "start "+name(second))
	c.agreed(second)

	c.start(first)
	c.agreed(0, 1)
	log := c.nodes[second].read("log")
	c.nodes[first].cmd.Process.Signal(syscall.SIGHUP) // nothing runs there
	c.nodes[first].logged("supervisord started with pid", 3)
	c.agreed(0, 1)
	if after := c.nodes[second].read("log"); len(after) <= len(log) {
		t.Error("the other node has not noticed the restart")
	}
	c.happened("start "+name(first), "stop "+name(first), "start "+name(second))

	c.nodes[second].cmd.Process.Signal(syscall.SIGHUP) // the program runs there
	c.nodes[second].logged("supervisord started with pid", 2)
	c.happened("start "+name(first), "stop "+name(first), "start "+name(second), "stop "+name(second), "start "+name(first))
	c.agreed(0, 1)
	c.nodes[second].stop()
	c.nodes[first].stop()
	c.happened("start "+name(first), "stop "+name(first), "start "+name(second), "stop "+name(second), "start "+name(first), "stop "+name(first))
}

// TestClusterEnds checks that the end and the restart of the cluster reach the daemons.
func TestClusterEnds(t *testing.T) {
	c := newCluster(t, 2)
	c.start(0)
	c.start(1)
	c.agreed(0, 1)
	starts := func(n int) {
		c.until(fmt.Sprintf("the program has started %d times", n), func() bool { return strings.Count(c.read("lock"), "start ") == n })
	}
	starts(1)
	var ok bool
	if err := c.nodes[0].call(&ok, "supvisors.restart"); err != nil {
		t.Fatal(err)
	}
	for _, node := range c.nodes {
		node.logged("supervisord started with pid", 2)
	}
	c.agreed(0, 1)
	starts(2)
	if err := c.nodes[1].call(&ok, "supvisors.shutdown"); err != nil {
		t.Fatal(err)
	}
	for _, node := range c.nodes {
		if code := node.end(); code != 0 {
			t.Errorf("exit status %d: %s", code, &node.errors)
		}
		node.clean()
	}
	got := c.lines()
	for i, line := range got {
		if what := []string{"start ", "stop "}[i%2]; !strings.HasPrefix(line, what) {
			t.Errorf("%q: not one after the other", got)
		}
	}
	if len(got) != 4 {
		t.Errorf("%q, wanted two lives", got)
	}
}

// Nodes that do not know each other meet in a multicast group, and a user ends their synchronization.
func TestDiscovery(t *testing.T) {
	c := &clusterPlace{place: newPlace(t)}
	group := "239.66.55.44:" + c.port
	for range 3 {
		p := newPlace(t)
		c.nodes = append(c.nodes, &running{place: p})
		p.write("conf", base+"[rpcinterface:supvisors]\nmulticast_group="+group+"\nmulticast_interface=127.0.0.1\nmulticast_ttl=0\nsynchro_options=USER\n"+
			"cluster_secret=s\n")
	}
	for i := range c.nodes {
		c.start(i)
	}
	var instances []struct {
		State string `xmlrpc:"statename"`
	}
	for _, node := range c.nodes {
		c.until("all nodes are discovered", func() bool {
			n := 0
			if err := node.call(&instances, "supvisors.get_all_instances_info"); err != nil {
				t.Fatal(err)
			}
			for _, i := range instances {
				if i.State == "RUNNING" {
					n++
				}
			}
			return n == 3
		})
	}
	if err := c.nodes[0].call(nil, "supvisors.end_sync", ""); err != nil {
		t.Fatal(err)
	}
	c.agreed(0, 1, 2)
	for _, node := range c.nodes {
		node.stop()
	}
}

// The arguments with which a program was started on one node are those of a plain start on another one.
func TestSharedArguments(t *testing.T) {
	c := newCluster(t, 2)
	for i := range c.nodes {
		c.start(i)
	}
	c.agreed(0, 1)
	stop := func() {
		t.Helper()
		if err := c.nodes[0].call(nil, "supvisors.stop_process", "app:only", true); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := c.nodes[0].call(nil, "supvisors.start_args", "app:only", "-x", true); err != nil {
		t.Fatal(err)
	}
	stop()
	var info struct {
		Args string `xmlrpc:"extra_args"`
	}
	c.until("the other node has the arguments", func() bool {
		return c.nodes[1].call(&info, "supvisors.get_local_process_info", "app:only") == nil && info.Args == "-x"
	})
	if err := c.nodes[1].call(nil, "supervisor.startProcess", "app:only", true); err != nil {
		t.Fatal(err)
	}
	var processes []struct {
		Args        string   `xmlrpc:"extra_args"`
		Identifiers []string `xmlrpc:"identifiers"`
	}
	if err := c.nodes[1].call(&processes, "supvisors.get_process_info", "app:only"); err != nil || len(processes) != 1 || processes[0].Args != "-x" {
		t.Errorf("%+v, %v", processes, err)
	}
	for _, node := range c.nodes {
		node.stop()
	}
}
