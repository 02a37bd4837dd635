package gossip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supvisors/supvisors/internal/listener"
)

// meet starts all nodes at once and lets them settle.
func meet(c *testCluster) {
	c.t.Helper()
	for i := range c.size {
		c.start(i+1, "A")
	}
	settle(5 * time.Second)
}

func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestNodesStartedTogetherMeet(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.each(func(i, p int) {
			times := c.expect(i, p, "joined A", "up A", `snapshot A 0 "all of 0"`)
			if len(times) > 0 && times[0] > 500*time.Millisecond {
				t.Errorf("node %d saw node %d after %v", i, p, times[0])
			}
			members := c.nodes[i].member.Members()
			if !slices.Contains(members, Member{testName(p), testName(p), Meta{"1", 9001, "A", 0}, true, true}) {
				t.Errorf("members of node %d: %+v", i, members)
			}
		})
	})
}

func TestEntriesArriveInOrderEverywhere(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.forget()
		want := []string{}
		for n := range 100 {
			c.nodes[1].publish(t)
			want = append(want, fmt.Sprintf(`entry A %d "entry %d"`, n+1, n+1))
			if n%10 == 0 {
				settle(time.Millisecond)
			}
		}
		settle(time.Second)
		c.expect(2, 1, want...)
		times := c.expect(3, 1, want...)
		if last := times[len(times)-1]; last > 50*time.Millisecond {
			t.Errorf("the last entry took %v", last)
		}
	})
}

func TestKilledNodeIsLostAtOnce(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.forget()
		c.kill(3)
		settle(time.Minute) // memberlist finds out, too, and must not tell it again
		for _, i := range []int{1, 2} {
			times := c.expect(i, 3, "down", "left: nothing listens on its port")
			if times[1] > 200*time.Millisecond {
				t.Errorf("node %d noticed after %v", i, times[1])
			}
			if n := len(c.nodes[i].member.Members()); n != 1 {
				t.Errorf("node %d has %d peers", i, n)
			}
		}
		c.forget()
		c.start(3, "B")
		settle(time.Minute)
		c.each(func(i, p int) {
			switch {
			case p == 3:
				c.expect(i, p, "joined B", "up B", `snapshot B 0 "all of 0"`)
			case i != 3:
				c.expect(i, p)
			}
		})
	})
}

// A node that is killed and started again before memberlist has given it up must be seen as gone and come back, once.
func TestRestartWithinSuspicion(t *testing.T) {
	for _, pause := range []time.Duration{0, 30 * time.Millisecond, 80 * time.Millisecond, 500 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(pause.String(), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, c *testCluster) {
				meet(c)
				c.nodes[3].publish(t)
				settle(time.Second)
				c.forget()
				c.kill(3)
				time.Sleep(pause)
				c.start(3, "B")
				settle(time.Minute)
				for _, i := range []int{1, 2} {
					got, _ := c.nodes[i].events.of(testName(3))
					if len(got) < 2 || got[1] != "left: it was restarted" && got[1] != "left: nothing listens on its port" {
						t.Fatalf("node %d: %q", i, got)
					}
					c.expect(i, 3, "down", got[1], "joined B", "up B", `snapshot B 0 "all of 0"`)
				}
			})
		})
	}
}

func TestSilentNodeIsLost(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.forget()
		c.isolate(3)
		settle(10 * time.Second)
		for _, i := range []int{1, 2} {
			times := c.expect(i, 3, "down", "left: it does not answer")
			if times[1] > 5*time.Second+lastWords {
				t.Errorf("node %d noticed after %v", i, times[1])
			}
		}
		c.expect(1, 2)
		c.expect(2, 1)
	})
}

// Ten minutes are longer than memberlist cares about a lost node: only the rejoin loop brings the halves together.
func TestSplitAndHeal(t *testing.T) {
	bubble(t, 5, func(t *testing.T, c *testCluster) {
		meet(c)
		for i := range 5 {
			c.nodes[i+1].publish(t)
		}
		settle(time.Second)
		c.forget()
		c.isolate(4)
		c.net.partition(104, testAddr(5).Addr())
		settle(10 * time.Minute)
		half := func(i int) bool { return i >= 4 }
		c.each(func(i, p int) {
			if half(i) != half(p) {
				c.expect(i, p, "down", "left: it does not answer")
			} else {
				c.expect(i, p)
			}
		})
		c.forget()
		c.heal()
		settle(time.Minute)
		c.each(func(i, p int) {
			if half(i) == half(p) {
				c.expect(i, p)
				return
			}
			times := c.expect(i, p, "joined A", "up A", `snapshot A 1 "all of 1"`)
			if times[0] > 13*time.Second {
				t.Errorf("node %d saw node %d after %v", i, p, times[0])
			}
		})
	})
}

func TestLeaveIsToldAtOnce(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.nodes[3].publish(t)
		c.forget()
		if err := c.nodes[3].member.Leave(time.Second); err != nil {
			t.Fatal(err)
		}
		c.kill(3)
		settle(time.Minute)
		for _, i := range []int{1, 2} {
			times := c.expect(i, 3, `entry A 1 "entry 1"`, "down", "left: it is shutting down")
			if times[2] > 50*time.Millisecond {
				t.Errorf("node %d noticed after %v", i, times[2])
			}
		}
	})
}

// An interruption of the port alone (the process lives, the run is the same) is a loss and a return, and nothing after that.
func TestRefusedPortOfALivingNode(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.nodes[3].publish(t)
		settle(time.Second)
		c.forget()
		c.net.mu.Lock()
		ln := c.net.listeners[testAddr(3)]
		delete(c.net.listeners, testAddr(3))
		for conn := range c.net.conns {
			if conn.local == testAddr(3) {
				go conn.Close()
			}
		}
		c.net.mu.Unlock()
		settle(300 * time.Millisecond)
		c.net.mu.Lock()
		c.net.listeners[testAddr(3)] = ln
		c.net.mu.Unlock()
		settle(time.Minute)
		for _, i := range []int{1, 2} {
			c.expect(i, 3, "down", "left: nothing listens on its port", "joined A", "up A", `snapshot A 1 "all of 1"`)
		}
	})
}

// A broken stream to a live node is opened again and resumed; nobody leaves.
func TestBrokenStreamIsResumed(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *testCluster) {
		meet(c)
		c.nodes[2].publish(t)
		settle(time.Second)
		c.forget()
		c.net.mu.Lock()
		for conn := range c.net.conns {
			if conn.local == testAddr(2) {
				go conn.Close()
			}
		}
		c.net.mu.Unlock()
		synctest.Wait()
		c.nodes[2].publish(t)
		settle(time.Second)
		c.expect(1, 2, "down", "up A", `entry A 2 "entry 2"`)
	})
}

func TestLossyNetwork(t *testing.T) {
	for seed := range uint64(3) {
		bubble(t, 5, func(t *testing.T, c *testCluster) {
			c.net = newMemNet(seed, 20*time.Millisecond, 0.02)
			meet(c)
			c.forget()
			for range 60 {
				c.nodes[1].publish(t)
				settle(10 * time.Second)
			}
			c.each(func(i, p int) {
				got, _ := c.nodes[i].events.of(testName(p))
				if slices.ContainsFunc(got, func(s string) bool { return s[0] != 'e' }) {
					t.Errorf("node %d was told of node %d: %q", i, p, got)
				}
				if p == 1 && len(got) != 60 {
					t.Errorf("node %d has %d entries of node 1", i, len(got))
				}
			})
		})
	}
}

func TestInactivityTicksStretchTheSuspicion(t *testing.T) {
	loss := func(ticks int) (d time.Duration) {
		bubble(t, 3, func(t *testing.T, c *testCluster) {
			c.edit = func(_ int, cfg *Config) { cfg.InactivityTicks = ticks }
			meet(c)
			c.forget()
			c.isolate(3)
			settle(time.Minute)
			d = c.expect(1, 3, "down", "left: it does not answer")[1]
		})
		return d
	}
	two, twelve := loss(2), loss(12) // with 1 s and 6 s of suspicion, after up to 4 s until a probe has failed
	if two > 5*time.Second+lastWords || twelve < 6*time.Second || twelve > 10*time.Second+lastWords {
		t.Errorf("loss after %v with 2 ticks and after %v with 12", two, twelve)
	}
}

func TestLargeClustersAreMorePatient(t *testing.T) {
	for peers, want := range map[int]int{0: 1, 19: 1, 20: 2, 100: 6} {
		c := Config{Peers: make([]Peer, peers), Timings: Calm()}
		if got := c.suspicionMult(); got != want {
			t.Errorf("%d peers: %d, want %d", peers, got, want)
		}
	}
}

func TestOtherSecretIsIgnored(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			if i == 3 {
				cfg.Trust = NewTrust("another secret", cfg.Name)
			}
		}
		meet(c)
		settle(10 * time.Minute)
		c.expect(1, 2, "joined A", "up A", `snapshot A 0 "all of 0"`)
		c.expect(1, 3)
		c.expect(3, 1)
		if n := c.logs.count("level=WARN"); n == 0 || n > 10 {
			t.Errorf("%d warnings:\n%s", n, c.logs.b.String())
		}
	})
}

func TestStrangersAreRefusedWithoutDiscovery(t *testing.T) {
	for _, discovery := range []bool{false, true} {
		t.Run(fmt.Sprint(discovery), func(t *testing.T) {
			bubble(t, 3, func(t *testing.T, c *testCluster) {
				c.edit = func(i int, cfg *Config) {
					cfg.Discovery = discovery
					if i == 3 { // knows the others
						return
					}
					cfg.Peers = cfg.Peers[:2]
				}
				meet(c)
				settle(10 * time.Minute)
				if discovery {
					c.expect(1, 3, "joined A", "up A", `snapshot A 0 "all of 0"`)
					return
				}
				c.expect(1, 2, "joined A", "up A", `snapshot A 0 "all of 0"`)
				c.expect(1, 3)
				c.expect(2, 3)
				if n := c.logs.count("node refused"); n != 2 {
					t.Errorf("%d complaints about the stranger", n)
				}
				// the stranger sees the others, but gets none of what they publish
				c.expect(3, 1, "joined A")
			})
		})
	}
}

// Found by discovery, lost for long, not configured anywhere: still joined again.
func TestDiscoveredPeersAreRemembered(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			cfg.Discovery, cfg.Peers = true, nil
			if i != 1 {
				cfg.Peers = []Peer{{Addr: testName(1)}}
			}
		}
		meet(c)
		c.isolate(3)
		settle(10 * time.Minute)
		c.kill(1) // the only address that node 3 was told
		c.forget()
		c.heal()
		settle(time.Minute)
		c.expect(2, 3, "joined A", "up A", `snapshot A 0 "all of 0"`)
		c.expect(3, 2, "joined A", "up A", `snapshot A 0 "all of 0"`)
	})
}

func TestOneSlowNameDelaysNobody(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			cfg.Peers = []Peer{{testName(1), "slow.test:9001"}, {testName(2), "two.test:9001"}, {testName(3), "three.test:9001"}}
			cfg.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
				switch host {
				case "two.test":
					return []netip.Addr{testAddr(99).Addr(), testAddr(2).Addr()}, nil // the first is an old address
				case "three.test":
					return []netip.Addr{testAddr(3).Addr()}, nil
				}
				<-ctx.Done()
				return nil, &net.DNSError{IsTimeout: true}
			}
		}
		c.start(2, "A")
		c.start(3, "A")
		settle(2 * time.Second)
		times := c.expect(2, 3, "joined A", "up A", `snapshot A 0 "all of 0"`)
		if times[0] > 500*time.Millisecond {
			t.Errorf("joined after %v", times[0])
		}
	})
}

func TestUpdateReachesTheOthers(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.forget()
		m := c.nodes[1].member
		for _, v := range []string{"2", "3", "4"} { // faster than they can be sent: the last one counts
			if err := m.Update(Meta{Version: v, HTTPPort: 9001, Epoch: "A"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Update(Meta{Version: "5", Epoch: "B"}); err == nil {
			t.Error("an update to another epoch was accepted")
		}
		settle(10 * time.Second)
		for _, i := range []int{2, 3} {
			got, _ := c.nodes[i].events.of(testName(1))
			if len(got) == 0 || len(got) > 2 || got[len(got)-1] != "updated 4" {
				t.Errorf("node %d was told %q", i, got)
			}
		}
		c.forget()
		if err := m.Update(Meta{Version: "4", HTTPPort: 9001, Epoch: "A", Seq: 0}); err != nil {
			t.Fatal(err)
		}
		settle(10 * time.Second)
		c.expect(2, 1) // nothing new
	})
}

// The owner of node 1 stops taking events for a minute: it misses nothing in the end, and nobody else notices.
func TestSlowOwner(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.forget()
		slow := c.nodes[1].events
		block := make(chan struct{})
		slow.mu.Lock()
		slow.block = block
		slow.mu.Unlock()
		for range 60 {
			for range 300 {
				c.nodes[2].publish(t)
			}
			settle(time.Second)
		}
		c.expect(2, 1)
		c.expect(3, 1)
		slow.mu.Lock()
		slow.block = nil
		slow.mu.Unlock()
		close(block)
		settle(time.Minute)
		got, _ := slow.of(testName(2))
		var last string
		for _, s := range got {
			if s == "left" {
				t.Errorf("node 2 was lost: %q", got)
			}
			last = s
		}
		if last != `entry A 18000 "entry 18000"` && last != `snapshot A 18000 "all of 18000"` {
			t.Errorf("the last event is %q", last)
		}
	})
}

func TestResyncStartsAgainFromASnapshot(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *testCluster) {
		meet(c)
		c.nodes[2].publish(t)
		settle(time.Second)
		c.forget()
		c.nodes[1].member.Resync(testName(2))
		c.nodes[1].member.Resync("nobody:1")
		settle(time.Second)
		c.expect(1, 2, "down", "up A", `snapshot A 1 "all of 1"`)
	})
}

// Gossip advertises a position that the stream never reaches: the stream is opened anew.
func TestStuckStreamIsOpenedAnew(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *testCluster) {
		meet(c)
		c.forget()
		// three updates: the first tells the position, the second finds the stream behind, and the third finds that it stays behind
		for n := range 3 {
			if err := c.nodes[2].member.Update(Meta{Version: "1", HTTPPort: 9001, Epoch: "A", Seq: uint64(5 + n)}); err != nil {
				t.Fatal(err)
			}
			settle(3 * time.Second)
		}
		got, _ := c.nodes[1].events.of(testName(2))
		if len(got) < 2 || got[0] != "down" || got[1] != "up A" {
			t.Errorf("node 1 was told %q", got)
		}
	})
}

func TestStartTwiceTheSameName(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		c.edit = func(i int, cfg *Config) {
			if i == 3 {
				cfg.Name = testName(2)
				cfg.Trust = NewTrust("secret", cfg.Name)
			}
		}
		c.start(1, "A")
		c.start(2, "A")
		settle(5 * time.Second)
		c.start(3, "B")
		settle(time.Minute)
		c.expect(1, 2, "joined A", "up A", `snapshot A 0 "all of 0"`)
		if c.logs.count("two nodes have the same name") == 0 {
			t.Error("nobody complained")
		}
	})
}

func TestEndBeforeTheBeginning(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *testCluster) {
		n := c.build(1, "A")
		if err := n.member.Leave(time.Second); err != nil {
			t.Error(err)
		}
		n.close(t)
		n.close(t)
	})
}

func TestBadConfigurations(t *testing.T) {
	good := func() Config {
		log := NewLog("A", 0, nil)
		return Config{Name: "a:1", Advertise: testAddr(1), Meta: Meta{Epoch: "A"}, Trust: NewTrust("", "a:1"), Log: log,
			Streams: &listener.Outlet{}, Packets: &listener.Outlet{}, Notify: func(Event) {}, Logger: discard()}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no name":      func(c *Config) { c.Name = "" },
		"no address":   func(c *Config) { c.Advertise = netip.AddrPort{} },
		"0.0.0.0":      func(c *Config) { c.Advertise = netip.MustParseAddrPort("0.0.0.0:9001") },
		"port 0":       func(c *Config) { c.Advertise = netip.MustParseAddrPort("10.0.0.1:0") },
		"no log":       func(c *Config) { c.Log = nil },
		"no listener":  func(c *Config) { c.Packets = nil },
		"no epoch":     func(c *Config) { c.Meta.Epoch, c.Log.Epoch = "", "" },
		"other epoch":  func(c *Config) { c.Meta.Epoch = "B" },
		"long version": func(c *Config) { c.Meta.Version = string(make([]byte, 65)) },
		"huge in JSON": func(c *Config) {
			c.Meta.Version, c.Meta.Epoch, c.Log.Epoch = string(make([]byte, 64)), string(make([]byte, 64)), string(make([]byte, 64))
		},
		"no place to go": func(c *Config) { c.Notify = nil },
	} {
		c := good()
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
