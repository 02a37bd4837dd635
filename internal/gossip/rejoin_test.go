package gossip

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A node that leaves and comes back on its open port, in the same run, is gone at once and there at once, however long it was away, and
// whatever the others still know of it.
func TestLeaveAndComeBack(t *testing.T) {
	for _, away := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, 2 * time.Second, 10 * time.Minute} {
		t.Run(away.String(), func(t *testing.T) {
			bubble(t, 4, func(t *testing.T, c *testCluster) {
				meet(c)
				n := c.nodes[3]
				n.publish(t)
				settle(time.Second)
				c.forget()
				n.leave(t)
				time.Sleep(away)
				synctest.Wait()
				for _, i := range []int{1, 2, 4} {
					got, times := c.nodes[i].events.of(testName(3))
					if !slices.Equal(got, []string{"down", "left: it is shutting down"}) || times[1] > 50*time.Millisecond {
						t.Errorf("node %d was told %q at %v", i, got, times)
					}
				}
				c.forget()
				n.rejoin(t)
				settle(time.Minute)
				for _, i := range []int{1, 2, 4} {
					times := c.expect(i, 3, "joined A", "up A", `snapshot A 1 "all of 1"`)
					if len(times) > 0 && times[0] > time.Second {
						t.Errorf("node %d saw it after %v", i, times[0])
					}
					c.expect(3, i, "joined A", "up A", `snapshot A 0 "all of 0"`)
				}
				c.forget()
				n.publish(t)
				settle(time.Minute)
				c.expect(1, 3, `entry A 2 "entry 2"`)
				c.expect(1, 2)
			})
		})
	}
}

// Leaving and coming back can go on for ever: no round is harder than the one before.
func TestComeBackAgainAndAgain(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.net = newMemNet(7, 5*time.Millisecond, 0.02)
		meet(c)
		n := c.nodes[3]
		for round := range 20 {
			c.forget()
			n.leave(t)
			settle(time.Duration(round) * 50 * time.Millisecond)
			n.rejoin(t)
			settle(5 * time.Second)
			for _, i := range []int{1, 2} {
				got, _ := c.nodes[i].events.of(testName(3))
				back := slices.Index(got, "joined A")
				if len(got) < 5 || !strings.HasPrefix(got[1], "left") || back < 0 || got[len(got)-1] == "down" ||
					slices.ContainsFunc(got[back:], func(s string) bool { return strings.HasPrefix(s, "left") }) {
					t.Fatalf("round %d: node %d was told %q", round, i, got)
				}
			}
		}
	})
}

// A node changes the cluster by its secret, and comes back.
func TestComeBackWithAnotherSecret(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			if i == 1 {
				cfg.Trust = NewTrust("another secret", cfg.Name)
			}
		}
		meet(c)
		n := c.nodes[3]
		for _, round := range []struct {
			secret    string
			met, gone int
		}{{"another secret", 1, 2}, {"secret", 2, 1}} {
			c.forget()
			n.leave(t)
			n.cfg.Trust.SetSecret(round.secret)
			n.rejoin(t)
			settle(5 * time.Second)
			c.expect(round.met, 3, "joined A", "up A", `snapshot A 0 "all of 0"`)
			c.expect(round.gone, 3, "down", "left: it is shutting down")
		}
	})
}

// While a node is away, gossip with it is refused, at once.
func TestGossipSideIsClosedWhileAway(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *testCluster) {
		meet(c)
		c.nodes[2].leave(t)
		c.forget()
		began := time.Now()
		if err := c.nodes[1].member.join(testAddr(2)); err == nil || time.Since(began) > 100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		settle(time.Minute)
		c.expect(1, 2)
	})
}

// A peer that nobody configured is not looked for once it is to be forgotten, until it is heard of again.
func TestForget(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			cfg.Discovery, cfg.Peers = true, []Peer{{testName(2), testName(2)}}
			if i != 1 {
				cfg.Peers = append(cfg.Peers, Peer{Addr: testName(1)})
			}
		}
		meet(c)
		m := c.nodes[1].member
		tried := func(i int) int {
			c.net.mu.Lock()
			defer c.net.mu.Unlock()
			before := c.net.dials[testAddr(i)]
			c.net.mu.Unlock()
			settle(time.Minute)
			c.net.mu.Lock()
			return c.net.dials[testAddr(i)] - before
		}
		for _, i := range []int{2, 3} {
			if err := c.nodes[i].member.Leave(time.Second); err != nil {
				t.Fatal(err)
			}
			c.kill(i)
		}
		settle(2 * time.Minute) // memberlist has given them up
		if n := tried(3); n < 4 {
			t.Errorf("the peer was tried %d times in a minute", n)
		}
		m.Forget(testName(2)) // is configured
		m.Forget(testName(3))
		m.Forget("nobody:1")
		settle(time.Second)
		if n := tried(3); n != 0 {
			t.Errorf("the forgotten peer was tried %d times", n)
		}
		if n := tried(2); n < 4 {
			t.Errorf("the configured peer was tried %d times in a minute", n)
		}
		c.forget()
		c.start(3, "B")
		settle(10 * time.Second)
		c.expect(1, 3, "joined B", "up B", `snapshot B 0 "all of 0"`)
		c.kill(3)
		settle(2 * time.Minute)
		if n := tried(3); n < 4 {
			t.Errorf("the peer that was heard of again was tried %d times in a minute", n)
		}
	})
}

// What a node learns before it joins.
func TestKnock(t *testing.T) {
	bubble(t, 5, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			switch i {
			case 2:
				cfg.Trust = NewTrust("another secret", cfg.Name)
			case 3:
				cfg.Peers = cfg.Peers[:3]
			case 4:
				cfg.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
					return []netip.Addr{testAddr(4).Addr(), testAddr(1).Addr()}, nil
				}
			}
		}
		for i := range 3 {
			c.start(i+1, "A")
		}
		settle(5 * time.Second)
		c.forget()
		left := c.start(5, "A")
		left.leave(t)
		n := c.build(4, "A")
		c.nodes[4] = n
		for name, test := range map[string]struct {
			peers []Peer
			want  error
		}{
			"nobody configured":     {nil, ErrAlone},
			"itself":                {[]Peer{{testName(4), testName(4)}, {"", testName(4)}}, ErrAlone},
			"a dead host":           {[]Peer{{testName(9), testName(9)}}, ErrAlone},
			"one that has left":     {[]Peer{{testName(5), testName(5)}}, ErrAlone},
			"a friend":              {[]Peer{{testName(1), testName(1)}, {testName(2), testName(2)}, {testName(9), testName(9)}}, nil},
			"an address":            {[]Peer{{"", testName(1)}}, nil},
			"a name":                {[]Peer{{"", "all.test:9001"}}, nil},
			"another secret":        {[]Peer{{testName(2), testName(2)}, {testName(9), testName(9)}}, ErrSignature},
			"both":                  {[]Peer{{testName(3), testName(3)}, {testName(2), testName(2)}}, ErrSignature},
			"another at an address": {[]Peer{{"", testName(2)}}, ErrSignature},
			"not wanted":            {[]Peer{{testName(3), testName(3)}}, ErrStranger},
		} {
			cfg := n.cfg
			cfg.Peers = test.peers
			began := time.Now()
			if err := Knock(t.Context(), cfg); !errors.Is(err, test.want) || errors.Is(err, ErrAlone) != (test.want == ErrAlone) {
				t.Errorf("%s: %v, expected %v", name, err, test.want)
			}
			if d := time.Since(began); d > dialTimeout {
				t.Errorf("%s: it took %v", name, d)
			}
		}
		c.each(func(i, p int) { // nobody was disturbed
			if i != 5 && p != 5 {
				c.expect(i, p)
			}
		})
		c.isolate(4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Knock(ctx, n.cfg); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("behind a partition: %v", err)
		}
	})
}
