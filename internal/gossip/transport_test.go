package gossip

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/supvisors/supvisors/internal/listener"
)

// testTransport is the transport of host i on a memNet.
type testTransport struct {
	*transport
	split *listener.Split
}

func newTestTransport(n *memNet, i int) *testTransport {
	split := listener.NewSplit(n.listen(testAddr(i)), listener.Silence, discard())
	t, err := newTransport(&Config{Advertise: testAddr(i), Logger: discard(), Streams: split.Streams, Packets: split.Packets,
		Trust: NewTrust("secret", testName(i)), Dial: n.dialer(testAddr(i).Addr())})
	if err != nil {
		panic(err) // a fresh port is open
	}
	return &testTransport{t, split}
}

func (t *testTransport) close() {
	t.Shutdown()
	t.split.Close()
}

// transportBubble runs a test with the transports of hosts 1 and 2.
func transportBubble(t *testing.T, test func(t *testing.T, n *memNet, a, b *testTransport)) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet(1, time.Millisecond, 0)
		a, b := newTestTransport(n, 1), newTestTransport(n, 2)
		defer a.close()
		defer b.close()
		test(t, n, a, b)
	})
}

// send sends a packet without waiting.
func (t *testTransport) packet(tb testing.TB, to string, b []byte) {
	tb.Helper()
	began := time.Now()
	if _, err := t.WriteToAddress(b, memberlist.Address{Addr: to}); err != nil {
		tb.Fatal(err)
	}
	if d := time.Since(began); d != 0 {
		tb.Fatalf("a packet waited for %v", d)
	}
}

func (n *memNet) dialled(i int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[testAddr(i)]
}

func TestPacketsOfAllSizes(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		for _, size := range []int{0, 1, 255, 256, 1400, maxPacket} {
			want := bytes.Repeat([]byte{byte(size)}, size)
			a.packet(t, testName(2), want)
			p := <-b.PacketCh()
			if !bytes.Equal(p.Buf, want) {
				t.Errorf("%d bytes arrived of %d", len(p.Buf), size)
			}
			if ip := p.From.(*net.TCPAddr).AddrPort().Addr(); ip != testAddr(1).Addr() {
				t.Errorf("from %v", p.From)
			}
		}
		if got := n.dialled(2); got != 1 {
			t.Errorf("%d connections", got)
		}
		if _, err := a.WriteTo(make([]byte, maxPacket+1), testName(2)); err == nil {
			t.Error("a packet that is too long was sent")
		}
	})
}

func TestIdlePacketConnectionIsClosed(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		for _, c := range []struct {
			pause time.Duration
			dials int
		}{{0, 1}, {packetIdle - time.Second, 1}, {packetIdle - time.Second, 1}, {packetIdle + time.Second, 2}} {
			time.Sleep(c.pause)
			a.packet(t, testName(2), []byte("x"))
			<-b.PacketCh()
			if got := n.dialled(2); got != c.dials {
				t.Errorf("after %v: %d connections, expected %d", c.pause, got, c.dials)
			}
		}
		time.Sleep(packetIdle + time.Second)
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.conns) != 0 {
			t.Errorf("%d ends of connections are left", len(n.conns))
		}
	})
}

// Packets to a host that does not answer are dropped, old ones included: what arrives after it is back is fresh.
func TestPacketsToASilentHost(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		n.partition(1, testAddr(2).Addr())
		for range 10 * packetQueue {
			a.packet(t, testName(2), []byte("old"))
		}
		time.Sleep(packetTimeout + time.Second)
		n.partition(0, testAddr(2).Addr())
		a.packet(t, testName(2), []byte("new"))
		if p := <-b.PacketCh(); string(p.Buf) != "new" {
			t.Errorf("packet %q", p.Buf)
		}
	})
}

// A connection that lived through a partition is given up and replaced.
func TestPacketsAfterAPartition(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		a.packet(t, testName(2), []byte("x"))
		<-b.PacketCh()
		n.partition(1, testAddr(2).Addr())
		a.packet(t, testName(2), []byte("lost"))
		time.Sleep(ackTimeout + time.Second)
		n.partition(0, testAddr(2).Addr())
		a.packet(t, testName(2), []byte("new"))
		if p := <-b.PacketCh(); string(p.Buf) != "new" {
			t.Errorf("packet %q", p.Buf)
		}
	})
}

// The first packet to a host that was restarted arrives: the end of the old connection is noticed before.
func TestPacketsAfterARestart(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		a.packet(t, testName(2), []byte("x"))
		<-b.PacketCh()
		b.close()
		again := newTestTransport(n, 2)
		defer again.close()
		synctest.Wait()
		a.packet(t, testName(2), []byte("y"))
		if p := <-again.PacketCh(); string(p.Buf) != "y" {
			t.Errorf("packet %q", p.Buf)
		}
	})
}

func TestForgottenPeer(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		a.packet(t, testName(2), []byte("x"))
		<-b.PacketCh()
		a.senders.forget(testName(2))
		a.senders.forget("10.9.9.9:1")
		synctest.Wait()
		a.packet(t, testName(2), []byte("y"))
		<-b.PacketCh()
		if got := n.dialled(2); got != 2 {
			t.Errorf("%d connections", got)
		}
	})
}

func TestStreams(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		out, err := a.DialAddressTimeout(memberlist.Address{Addr: testName(2)}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		in := <-b.StreamCh()
		go func() {
			out.Write([]byte("question"))
			b := make([]byte, 6)
			io.ReadFull(out, b)
			out.Write(b)
			out.Close()
		}()
		q := make([]byte, 8)
		io.ReadFull(in, q)
		in.Write([]byte("answer"))
		if got, err := io.ReadAll(in); string(q) != "question" || string(got) != "answer" || err != nil {
			t.Errorf("%q %q %v", q, got, err)
		}
		in.Close()
		for _, addr := range []string{testName(9), "nonsense"} {
			if c, err := a.DialTimeout(addr, time.Second); err == nil {
				t.Errorf("connected to %s", addr)
				c.Close()
			}
		}
	})
}

func TestStreamBringsOnlySoMuch(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		out, err := a.DialTimeout(testName(2), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		in := <-b.StreamCh()
		go io.Copy(out, zeros{})
		got, err := io.Copy(io.Discard, in)
		if got != maxStreamBytes || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", got, err)
		}
		in.Close()
		out.Close()
	})
}

// Strangers can hold only so many gossip connections; one that is closed makes room.
func TestTooManyStreams(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		var held []net.Conn
		for range maxStreams {
			out, err := a.DialTimeout(testName(2), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			held = append(held, <-b.StreamCh())
		}
		more, err := a.DialTimeout(testName(2), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := more.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("one too many: %v", err)
		}
		more.Close()
		held[0].Close()
		held[0].Close() // counts once
		out, err := a.DialTimeout(testName(2), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		held[0] = <-b.StreamCh()
		for _, c := range held {
			c.Close()
		}
	})
}

// Strangers are refused, do not take the places of nodes, and cannot wait for ever.
func TestStrangersGetNoGossipConnection(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		dial := n.dialer(testAddr(3).Addr())
		other, own := NewTrust("other", "x"), NewTrust("secret", "x")
		for name, first := range map[string][]byte{
			"nothing":      {},
			"half":         own.hello(listener.StreamByte)[:20],
			"zeros":        make([]byte, helloSize),
			"other secret": other.hello(listener.StreamByte),
			"other kind":   own.hello(listener.PacketByte),
		} {
			for range maxStreams + 1 {
				c, err := dial(t.Context(), "tcp", testName(2))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.Write(append([]byte{listener.StreamByte}, first...))
				if len(first) < helloSize {
					continue
				}
				if _, err := c.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		out, err := a.DialTimeout(testName(2), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		in := <-b.StreamCh()
		in.Close()
		out.Close()
		time.Sleep(helloTimeout + time.Second)
		c, err := dial(t.Context(), "tcp", testName(2))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.Write([]byte{listener.PacketByte})
		if _, err := c.Read(make([]byte, 1)); err != io.EOF || time.Since(began) > helloTimeout+time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		c.Close()
	})
}

// Shutdown breaks what is under way; in a bubble, a goroutine that is left behind fails the test.
func TestShutdownOfTheTransport(t *testing.T) {
	transportBubble(t, func(t *testing.T, n *memNet, a, b *testTransport) {
		a.packet(t, testName(2), []byte("x"))
		<-b.PacketCh()
		b.packet(t, testName(1), []byte("nobody takes this"))
		out, err := a.DialTimeout(testName(2), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		in := <-b.StreamCh()
		a.close()
		if _, err := out.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("our end of the stream: %v", err)
		}
		if _, err := in.Read(make([]byte, 1)); err == nil {
			t.Error("the other end of the stream lives")
		}
		out.Close()
		in.Close()
		if _, err := a.WriteTo([]byte("x"), testName(2)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("packet after shutdown: %v", err)
		}
		if _, err := a.DialTimeout(testName(2), time.Second); err == nil {
			t.Error("stream after shutdown")
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 'x', 0, 2, 'y'})
	f.Fuzz(func(t *testing.T, in []byte) {
		r, total := newFrameReader(bytes.NewReader(in)), 0
		for {
			b, err := r.next()
			if err != nil {
				break
			}
			if total += 2 + len(b); total > len(in) {
				t.Fatalf("%d bytes out of %d", total, len(in))
			}
		}
	})
}
