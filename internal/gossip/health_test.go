package gossip

import (
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestHealth(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *testCluster) {
		meet(c)
		c.nodes[1].publish(t)
		settle(time.Second)
		h := c.nodes[1].member.Health()
		if h.Score != 0 || !slices.Equal(h.Members, c.nodes[1].member.Members()) || len(h.Members) != 2 {
			t.Errorf("score %d, members %+v", h.Score, h.Members)
		}
		if want := []Reader{{testName(2), 0}, {testName(3), 0}}; !slices.Equal(h.Readers, want) {
			t.Errorf("readers %+v, want %+v", h.Readers, want)
		}
		c.kill(3)
		settle(10 * time.Second)
		if h = c.nodes[1].member.Health(); !slices.Equal(h.Readers, []Reader{{testName(2), 0}}) {
			t.Errorf("readers %+v without node 3", h.Readers)
		}
	})
}

// Nobody is there before Start, and nothing is wrong.
func TestHealthBeforeStart(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *testCluster) {
		node := c.build(1, "A")
		c.nodes[1] = node
		if h := node.member.Health(); h.Score != 0 || len(h.Members) != 0 || len(h.Readers) != 0 {
			t.Errorf("health %+v", h)
		}
	})
}

// What a peer has not been sent is known as long as it follows.
func TestReaderThatIsBehind(t *testing.T) {
	streamBubble(t, nil, func(t *testing.T, s *streamTest) {
		readers := s.server.Handler.(*events).followers
		resp := s.open(t, "slow:1")
		synctest.Wait()
		if got := readers(); !slices.Equal(got, []Reader{{"slow:1", 0}}) {
			t.Errorf("readers %+v after the snapshot", got)
		}
		defer resp.Body.Close()
		behind := func() uint64 {
			for range ringSize {
				s.node.publish(t)
			}
			synctest.Wait()
			return readers()[0].Behind
		}
		first := behind() // the network takes some of it
		if second := behind(); first == 0 || second != first+ringSize {
			t.Errorf("%d behind, then %d", first, second)
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			io.Copy(io.Discard, resp.Body)
		}()
		settle(time.Second)
		if got := readers(); !slices.Equal(got, []Reader{{"slow:1", 0}}) {
			t.Errorf("readers %+v after all was read", got)
		}
		resp.Body.Close()
		<-read
		time.Sleep(2 * keepAlive)
		if got := readers(); len(got) != 0 {
			t.Errorf("readers %+v at the end", got)
		}
	})
}
