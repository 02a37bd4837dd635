package node

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/supvisors/supvisors/internal/cluster"
	"github.com/supvisors/supvisors/internal/gossip"
	"github.com/supvisors/supvisors/internal/listener"
	"github.com/supvisors/supvisors/internal/process"
	"github.com/supvisors/supvisors/rules"
)

// soon bounds what a node does without waiting for a suspicion or a peer that is not there.
const soon = time.Second

// joining is how a node comes back to the cluster of newCluster.
func joining(secret string) Joining { return Joining{Secret: secret} }

// within returns a context for one call, which must not take long.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func runAll(t *testing.T, members []*member) {
	t.Helper()
	for _, m := range members {
		m.run(t)
	}
	for _, m := range members {
		await(t, "OPERATION of all", m, func(v *cluster.View) bool { return inOperation(v) && sees(v, cluster.InstanceRunning, members...) })
	}
}

// sees reports whether these nodes are in a state.
func sees(v *cluster.View, state cluster.InstanceState, members ...*member) bool {
	return !slices.ContainsFunc(members, func(m *member) bool {
		i := v.Instance(m.cfg.Core.Self)
		return i == nil || i.State != state
	})
}

// history collects the states in which a node sees another one, each change once, up to the View that satisfies until.
func history(t *testing.T, w *Watch, identifier string, until func(*cluster.View) bool) (states []cluster.InstanceState) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case v := <-w.C:
			if s := v.Instance(identifier).State; len(states) == 0 || states[len(states)-1] != s {
				states = append(states, s)
			}
			if until(v) {
				return states
			}
		case <-deadline:
			t.Fatalf("not reached, the states are %v", states)
		}
	}
}

// TestWithdrawAndJoin: the others see at once that a node has left, and take it back as if it had never been away.
func TestWithdrawAndJoin(t *testing.T) {
	members := newCluster(t, 3, sameSecret)
	runAll(t, members)
	n1, n3 := members[0], members[2]
	await(t, "two on n3", n1, func(v *cluster.View) bool { return slices.Equal(runningOn(v, "two"), []string{"n3"}) })
	if err := n3.Join(t.Context(), joining("s3cret")); !errors.Is(err, ErrMember) {
		t.Errorf("join of a member: %v", err)
	}
	seen := n1.Watch(1000)
	defer seen.Close()
	id := n3.cfg.Core.Self
	began := time.Now()
	if err := n3.Withdraw(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	gone := history(t, seen, id, func(v *cluster.View) bool { return sees(v, cluster.InstanceStopped, n3) })
	if d := time.Since(began); d > soon {
		t.Errorf("seen by n1 after %v", d)
	}
	if gone[0] != cluster.InstanceRunning || slices.Contains(gone, cluster.InstanceIsolated) {
		t.Errorf("n1 saw %v", gone)
	}
	v := n3.View()
	if !sees(v, cluster.InstanceStopped, members...) || v.Self.Modes.State != cluster.Off || v.Self.Standing != cluster.Withdrawn {
		t.Errorf("n3 is %s in %s and sees %v", v.Self.Standing, v.Self.Modes.State, v.Self.Modes.Instances)
	}
	if got := runningOn(v, "two"); !slices.Equal(got, []string{"n3"}) {
		t.Errorf("two runs on %v, as n3 sees it", got)
	}
	if h := n3.Health(); len(h.Members)+len(h.Readers)+h.Orders != 0 {
		t.Errorf("health of a node that has left: %+v", h)
	}
	if err := n3.Withdraw(t.Context(), false); !errors.Is(err, ErrNoMember) {
		t.Errorf("withdraw of no member: %v", err)
	}
	for _, path := range []string{"/cluster/events", samplesPath, OrderPath} {
		resp, err := http.Get("http://" + id + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	await(t, "two moves to n2", n1, func(v *cluster.View) bool { return inOperation(v) && slices.Equal(runningOn(v, "two"), []string{"n2"}) })

	began = time.Now()
	if err := n3.Join(within(t, 10*time.Second), joining("s3cret")); err != nil {
		t.Fatal(err)
	}
	t.Logf("joined after %v", time.Since(began))
	for _, m := range members {
		await(t, "all of them again", m, func(v *cluster.View) bool {
			return inOperation(v) && sees(v, cluster.InstanceRunning, members...) && len(runningOn(v, "two")) == 1
		})
		if master := m.View().Master(); master == nil || master.Nick != "n1" {
			t.Errorf("Master is %+v, want n1", master)
		}
	}
	if got := history(t, seen, id, func(v *cluster.View) bool { return sees(v, cluster.InstanceRunning, n3) }); !slices.Equal(got,
		[]cluster.InstanceState{cluster.InstanceStopped, cluster.InstanceChecking, cluster.InstanceRunning}) {
		t.Errorf("n1 saw %v", got)
	}
}

// TestMasterWithdraws: the others elect another Master, which is still the Master when the first one is back.
func TestMasterWithdraws(t *testing.T) {
	members := newCluster(t, 3, sameSecret)
	runAll(t, members)
	n1 := members[0]
	if err := n1.Withdraw(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	others := members[1:]
	for _, m := range others {
		await(t, "another Master", m, func(v *cluster.View) bool {
			return inOperation(v) && v.Master() != nil && v.Master().Nick == "n2" && slices.Equal(runningOn(v, "one"), []string{"n2"})
		})
	}
	if err := n1.Join(within(t, 10*time.Second), joining("s3cret")); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		await(t, "n2 is Master of all", m, func(v *cluster.View) bool {
			return inOperation(v) && sees(v, cluster.InstanceRunning, members...) && v.Master() != nil && v.Master().Nick == "n2"
		})
	}
}

// TestJoinWithWrongSecret: it is told why, nothing has changed, and the right secret helps.
func TestJoinWithWrongSecret(t *testing.T) {
	members := newCluster(t, 2, sameSecret)
	runAll(t, members)
	n1, n2 := members[0], members[1]
	if err := n2.Withdraw(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	await(t, "n2 is gone", n1, func(v *cluster.View) bool { return sees(v, cluster.InstanceStopped, n2) })
	for range 3 {
		began := time.Now()
		if err := n2.Join(within(t, 10*time.Second), joining("guess")); !errors.Is(err, ErrSecret) {
			t.Fatalf("join with another secret: %v", err)
		}
		if d := time.Since(began); d > 5*soon {
			t.Errorf("it took %v", d)
		}
	}
	two := process.Namespec{Group: "app", Process: "two"}
	for _, work := range []struct {
		do   func() error
		want []string
	}{{func() error { return n2.local.Start(two, "") }, []string{"n2"}}, {func() error { return n2.local.Stop(two) }, nil}} {
		if err := work.do(); err != nil {
			t.Fatal(err)
		}
		await(t, "work of n2 alone", n2, func(v *cluster.View) bool {
			return slices.Equal(runningOn(v, "two"), work.want) && v.Self.Modes.State == cluster.Off && sees(v, cluster.InstanceStopped, members...)
		})
	}
	if err := n2.Join(within(t, 10*time.Second), joining("s3cret")); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		await(t, "both", m, func(v *cluster.View) bool { return sees(v, cluster.InstanceRunning, members...) })
	}
}

// TestChangeOfCluster: a node takes the secret of another cluster.
func TestChangeOfCluster(t *testing.T) {
	members := newCluster(t, 2, func(i int) string { return []string{"here", "there"}[i] })
	for _, m := range members {
		m.run(t)
	}
	if err := members[1].Withdraw(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := members[1].Join(within(t, 10*time.Second), joining("here")); err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		await(t, "both", m, func(v *cluster.View) bool { return inOperation(v) && sees(v, cluster.InstanceRunning, members...) })
	}
}

// TestStrangerMayNotJoin: who is not configured on the other side is told so.
func TestStrangerMayNotJoin(t *testing.T) {
	members := newClusterOf(t, 2, sameSecret, func(i int, cfg *Config) {
		if i == 0 {
			cfg.Gossip.Peers = cfg.Gossip.Peers[:1]
		} else {
			cfg.Withdrawn = true
		}
	})
	for _, m := range members {
		m.run(t)
	}
	if err := members[1].Join(within(t, 10*time.Second), joining("s3cret")); !errors.Is(err, ErrStranger) {
		t.Errorf("join of a stranger: %v", err)
	}
}

// TestBeginWithdrawn: no gossip before the first Join.
func TestBeginWithdrawn(t *testing.T) {
	members := newClusterOf(t, 2, sameSecret, func(i int, cfg *Config) { cfg.Withdrawn = i == 1 })
	n1, n2 := members[0], members[1]
	if v := n2.View(); v.Self.Standing != cluster.Withdrawn {
		t.Errorf("before the start it is %s", v.Self.Standing)
	}
	for _, m := range members {
		m.run(t)
	}
	for _, first := range []byte{listener.StreamByte, listener.PacketByte} {
		c, err := net.Dial("tcp", n2.cfg.Core.Self)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(soon)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte{first}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("gossip connection %#x is not closed: %v", first, err)
		}
	}
	if v := n2.View(); v.Self.Modes.State != cluster.Off || !sees(v, cluster.InstanceStopped, members...) {
		t.Errorf("it is in %s and sees %v", v.Self.Modes.State, v.Self.Modes.Instances)
	}
	n2.SetStanding(cluster.Serving) // does not make a member
	if err := n2.Join(within(t, 10*time.Second), Joining{Secret: "s3cret", Standing: cluster.Withdrawn}); err == nil {
		t.Error("joined as no member")
	}
	if err := n2.Join(within(t, 10*time.Second), Joining{Secret: "s3cret", Standing: cluster.Reserved}); err != nil {
		t.Fatal(err)
	}
	for _, standing := range []cluster.Standing{cluster.Reserved, cluster.Serving, cluster.Draining} {
		if standing != cluster.Reserved {
			n2.SetStanding(standing)
		}
		await(t, standing.String(), n1, func(v *cluster.View) bool {
			return sees(v, cluster.InstanceRunning, members...) && v.Instance(n2.cfg.Core.Self).Standing == standing
		})
	}
}

// TestJoinAlone: a node whose peers are not there is the first one.
func TestJoinAlone(t *testing.T) {
	members := newClusterOf(t, 2, sameSecret, func(_ int, cfg *Config) { cfg.Withdrawn = true })
	n1, n2 := members[0], members[1]
	n2.port.Close()
	n1.run(t)
	if err := n1.Join(within(t, 10*time.Second), joining("s3cret")); err != nil {
		t.Fatal(err)
	}
	await(t, "SYNCHRONIZATION", n1, func(v *cluster.View) bool {
		return v.Self.Modes.State == cluster.Synchronization && sees(v, cluster.InstanceStopped, n2)
	})
}

// TestJoinTogether: nodes that join at the same time may not see each other yet when they ask; they meet all the same.
func TestJoinTogether(t *testing.T) {
	members := newClusterOf(t, 3, sameSecret, func(_ int, cfg *Config) { cfg.Withdrawn = true })
	var joined sync.WaitGroup
	for _, m := range members {
		m.run(t)
		joined.Go(func() {
			if err := m.Join(within(t, 10*time.Second), joining("s3cret")); err != nil {
				t.Error(err)
			}
		})
	}
	joined.Wait()
	for _, m := range members {
		await(t, "all of them", m, func(v *cluster.View) bool { return inOperation(v) && sees(v, cluster.InstanceRunning, members...) })
	}
}

// TestJoinInVain: a peer that would take the node is never met. After the time that it was given, the node is what it was.
func TestJoinInVain(t *testing.T) {
	members := newClusterOf(t, 2, sameSecret, func(i int, cfg *Config) {
		cfg.Withdrawn = i == 1
	})
	n1, n2 := members[0], members[1]
	go n1.http.Serve(n1.port.HTTP) // it answers, but takes no part in gossip
	t.Cleanup(func() {
		n1.port.Close()
		n1.http.Close()
	})
	n2.run(t)
	if err := n2.Join(within(t, 300*time.Millisecond), joining("s3cret")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("join: %v", err)
	}
	if v := n2.View(); v.Self.Standing != cluster.Withdrawn || v.Self.Modes.State != cluster.Off {
		t.Errorf("it is %s in %s", v.Self.Standing, v.Self.Modes.State)
	}
	if err := n2.Withdraw(t.Context(), false); !errors.Is(err, ErrNoMember) {
		t.Errorf("withdraw: %v", err)
	}
}

// TestForgottenNode: a discovered node that leaves for good leaves nothing behind, and may come back as a new one.
func TestForgottenNode(t *testing.T) {
	members := newClusterOf(t, 2, sameSecret, func(i int, cfg *Config) {
		cfg.Core.Discovery, cfg.Gossip.Discovery = true, true
		cfg.Core.Instances = cfg.Core.Instances[i : i+1]
		if i == 0 {
			cfg.Gossip.Peers = cfg.Gossip.Peers[:1]
		} else {
			cfg.Gossip.Peers = nil
			cfg.Withdrawn = true
		}
	})
	n1, n2 := members[0], members[1]
	for _, m := range members {
		m.run(t)
	}
	join := joining("s3cret")
	join.Peers = []gossip.Peer{{Addr: n1.cfg.Core.Self}}
	for range 2 {
		if err := n2.Join(within(t, 10*time.Second), join); err != nil {
			t.Fatal(err)
		}
		await(t, "n2 is found", n1, func(v *cluster.View) bool { return sees(v, cluster.InstanceRunning, n2) })
		if err := n2.Withdraw(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		await(t, "n2 is forgotten", n1, func(v *cluster.View) bool { return v.Instance(n2.cfg.Core.Self) == nil })
	}
}

// TestEndOfNoMember: the driver of a node that has left ends like any other, also while the node is leaving.
func TestEndOfNoMember(t *testing.T) {
	members := newCluster(t, 3, sameSecret)
	runAll(t, members)
	if err := members[1].Withdraw(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var leaving sync.WaitGroup
	leaving.Go(func() {
		if err := members[2].Withdraw(t.Context(), false); err != nil && !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
	})
	for _, m := range members {
		m.stop()
		select {
		case <-m.ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s does not end", m.View().Self.Nick)
		}
		if err := m.Join(within(t, 10*time.Second), joining("s3cret")); !errors.Is(err, ErrEnded) {
			t.Errorf("join after the end: %v", err)
		}
	}
	leaving.Wait()
}

// TestOrdersToNobody: what waits for delivery when a node leaves has come to nothing, and is not counted any more.
func TestOrdersToNobody(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	members := newCluster(t, 2, sameSecret)
	runAll(t, members)
	n := members[0]
	if err := n.call(t.Context(), func(work context.Context) {
		for range 10 {
			n.send(work, cluster.Order{From: n.cfg.Core.Self, To: silent.Addr().String(), Action: cluster.StopProcess})
		}
	}); err != nil {
		t.Fatal(err)
	}
	if h := n.Health(); h.Orders < 10 { // the cluster may have one of its own on its way
		t.Errorf("%d orders are on their way", h.Orders)
	}
	began := time.Now()
	if err := n.Withdraw(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 5*soon {
		t.Errorf("it took %v", d)
	}
	if h := n.Health(); h.Orders != 0 {
		t.Errorf("%d orders are on their way", h.Orders)
	}
}

// TestWithdrawAndJoinForEver: no round leaves anything behind, and whoever reads meanwhile is not disturbed.
func TestWithdrawAndJoinForEver(t *testing.T) {
	members := newCluster(t, 2, sameSecret)
	runAll(t, members)
	n1, n2 := members[0], members[1]
	round := func() {
		t.Helper()
		if err := n2.Withdraw(within(t, 10*time.Second), false); err != nil {
			t.Fatal(err)
		}
		if err := n2.Join(within(t, 10*time.Second), joining("s3cret")); err != nil {
			t.Fatal(err)
		}
	}
	together := func(v *cluster.View) bool { return inOperation(v) && sees(v, cluster.InstanceRunning, members...) }
	round()
	await(t, "together", n1, together)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	readers.Go(func() { n1.FollowSamples(ctx, func(string, []byte) {}) })
	readers.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			n2.Health()
			n2.PublishSample("hstats", []byte("{}"))
			n2.SetStanding(cluster.Serving)
			if resp, err := n2.Request(ctx, http.MethodGet, n1.cfg.Core.Self, "/cluster/nothing", nil); err == nil {
				resp.Body.Close()
			}
			<-tick.C
		}
	})
	const rounds = 20
	for i := range rounds {
		round()
		if i%5 == 0 {
			await(t, "together", n1, together)
		}
	}
	for _, m := range members {
		await(t, "together", m, together)
	}
	stop()
	readers.Wait()
	deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	// connections for orders come and go, but no round leaves one behind
	for runtime.NumGoroutine() > goroutines+rounds/2 || openFiles(t) > files+rounds/2 {
		select {
		case <-tick.C:
		case <-deadline:
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d files at first, %d and %d now\n%s", goroutines, files, runtime.NumGoroutine(), openFiles(t),
				buf[:runtime.Stack(buf, true)])
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestOrdered: a node is told why it starts and stops what it does.
func TestOrdered(t *testing.T) {
	orders := make(chan cluster.Order, 100)
	members := newClusterOf(t, 2, sameSecret, func(i int, cfg *Config) {
		cfg.Ordered = func(o cluster.Order) { orders <- o }
	})
	runAll(t, members)
	expect := func(node int, name string, action cluster.Action, cause cluster.Cause) (o cluster.Order) {
		t.Helper()
		select {
		case o = <-orders:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s of %s was not told", action, name)
		}
		if o.To != members[node].cfg.Core.Self || o.Namespec.Process != name || o.Action != action || o.Cause != cause {
			t.Errorf("told of %+v, expected %s of %s on n%d because of a %s", o, action, name, node+1, cause)
		}
		return o
	}
	expect(0, "one", cluster.StartProcess, cluster.BySequence)
	expect(1, "two", cluster.StartProcess, cluster.BySequence)
	if _, err := members[0].Ask(t.Context(), cluster.StopProcesses{Namespec: "app:one", Wait: true}); err != nil {
		t.Fatal(err)
	}
	expect(0, "one", cluster.StopProcess, cluster.ByRequest)
	if _, err := members[0].Ask(t.Context(), cluster.StartProcesses{Strategy: rules.LessLoaded, Namespec: "app:one", Wait: true}); err != nil {
		t.Fatal(err)
	}
	o := <-orders
	if o.Namespec.Process != "one" || o.Strategy != rules.LessLoaded || o.Cause != cluster.ByRequest {
		t.Errorf("told of %+v", o)
	}
}

// TestOrderOnTheWire: cause and strategy arrive; a node that knows none or other ones is understood all the same.
func TestOrderOnTheWire(t *testing.T) {
	o := cluster.Order{From: "a:1", To: "b:1", Term: 7, Action: cluster.StopProcess, Namespec: process.Namespec{Group: "g", Process: "p"},
		ExtraArgs: "-x", Cause: cluster.ByConflict, Strategy: rules.MostLoaded}
	plain := o
	plain.Cause, plain.Strategy = cluster.ByRequest, rules.Config
	for name, test := range map[string]struct {
		edit func(*wireOrder)
		want cluster.Order
	}{
		"as it is":   {func(*wireOrder) {}, o},
		"from older": {func(w *wireOrder) { w.Cause, w.Strategy = "", "" }, plain},
		"from newer": {func(w *wireOrder) { w.Cause, w.Strategy = "boredom", "ANYWHERE" }, plain},
	} {
		w := toWire(o)
		test.edit(&w)
		if got, err := w.order("b:1"); err != nil || got != test.want {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}
