package publish

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestZMQSubscriptions(t *testing.T) {
	h := NewHub()
	addr, _ := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	p := dialPeer(t, addr).shake()
	steps := []struct {
		send string
		want []Header
	}{
		{"\x00\x08\x01process", []Header{Process}},
		{"\x00\x08\x01process\x00\x02\x01e", []Header{Process, Event}}, // process twice
		{"\x00\x08\x00process", []Header{Event}},
		{"\x00\x06\x01event\x00\x02\x00e\x00\x02\x01i", []Header{Instance, Event}},      // by one prefix or by another
		{"\x00\x08\x00process\x00\x0a\x01processes\x00\x06\x00event\x00\x02\x00i", nil}, // canceled too often, and none of ours
		{"\x00\x08\x01process", []Header{Process}},
		{"\x04\x10\x09SUBSCRIBEhstats", []Header{Process, HostStatistics}},
		{"\x04\x0e\x06CANCELprocess", []Header{HostStatistics}},
		{"\x04\x0d\x06CANCELhstats", nil},
		{"\x00\x01\x01", []Header{Supvisors, Instance, Application, Process, Event, HostStatistics, ProcessStatistics}},
		{"\x00\x01\x00", nil},
		{"\x04\x05\x04WHAT\x00\x03\x02ab\x00\x00\x01\x02\x05a\x00\x02\x01i", []Header{Instance}}, // words without a meaning
	}
	for _, s := range steps {
		p.send(s.send)
		await(t, h, s.want...)
	}
	h.Publish(Event, []byte(`{"not": "asked for"}`))
	h.Publish(Instance, []byte(`{"statename": "RUNNING"}`))
	p.expect("instance", `{"statename": "RUNNING"}`)
	long := string(body(0, 1000))
	h.Publish(Instance, []byte(long))
	p.expect("instance", long)
	p.Close()
	await(t, h)
}

// TestZMQKeepsNoUselessPrefix subscribes to a hundred thousand things that do not exist, and goes on as if nothing had happened.
func TestZMQKeepsNoUselessPrefix(t *testing.T) {
	p := make(prefixes)
	for _, name := range headerNames {
		for n := range len(name) + 1 {
			p.add(name[:n])
			p.add(name[:n] + "-")
		}
	}
	if len(p) > 60 || p.wants() != all {
		t.Errorf("%d prefixes, %b", len(p), p.wants())
	}
	h := NewHub()
	addr, _ := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	peer := dialPeer(t, addr).shake()
	peer.send(strings.Repeat("\x00\x09\x01useless1\x00\x09\x01useless2", 50_000))
	peer.subscribe("event")
	await(t, h, Event)
	h.Publish(Event, []byte(`{}`))
	peer.expect("event", `{}`)
}

func TestZMQPing(t *testing.T) {
	h := NewHub()
	addr, _ := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	p := dialPeer(t, addr).shake()
	for in, want := range map[string]string{
		"\x04\x07\x04PING\x00\x00":                      "\x04PONG",
		"\x04\x0a\x04PING\x0b\xb8abc":                   "\x04PONGabc",
		"\x04\x17\x04PING\x00\x000123456789abcdef":      "\x04PONG0123456789abcdef",
		"\x00\x06\x01event\x04\x08\x04PING\x00\x00\xff": "\x04PONG\xff",
	} {
		p.send(in)
		if flags, got := p.frame(); flags != 4 || got != want {
			t.Errorf("%q: %d %q", in, flags, got)
		}
	}
	await(t, h, Event)
	for _, in := range []string{"\x04\x06\x04PING\x00", "\x04\x18\x04PING\x00\x000123456789abcdefg"} {
		p := dialPeer(t, addr).shake()
		p.send(in)
		if got := p.closed(); got != "" {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestZMQRefusals: what breaks the protocol ends the client, and the log tells of clients that cannot be served.
func TestZMQRefusals(t *testing.T) {
	for _, c := range []struct{ name, in, out, log string }{
		{"wrong socket", peerGreeting + strings.Replace(readySub, "\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03SUB", "\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PULL", 1),
			readyPub + "\x04\x26\x05ERROR\x1fsocket type must be SUB or XSUB", "socket type must be SUB or XSUB"},
		{"2.0", "\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x02\x00\x00", "", "ZMTP before 3.0 is not supported"},
		{"1.0", "\x01\x00", "", "not ZMTP, or ZMTP 1.0"},
		{"too long", peerGreeting + readySub + "\x02\x00\x00\x00\x00\x00\x01\x00\x00", readyPub, ""},
		{"malformed", peerGreeting + readySub + "\xff\x00", readyPub, ""},
		{"error", peerGreeting + readySub + "\x04\x06\x05ERROR", readyPub, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log journal
			addr, shut := serve(t, NewZMQ(NewHub(), log.logger()))
			p := dialPeer(t, addr)
			p.send(c.in)
			if got := p.closed(); got != string(greeting())+c.out {
				t.Errorf("answer %q", got)
			}
			shut()
			lines := log.lines("zmq client is refused")
			if c.log == "" && len(lines) != 0 || c.log != "" && (len(lines) != 1 || !strings.Contains(lines[0], c.log)) {
				t.Errorf("log %q", lines)
			}
		})
	}
}

// TestZMQComplaintsAreRare: a socket of a wrong type comes back ten times a second for ever.
func TestZMQComplaintsAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		ln := newPipes()
		serveOn(t, NewZMQ(NewHub(), log.logger()), ln)
		var counts []int
		for range 3 {
			for range 10 {
				p := newPeer(t, ln.dial(t))
				p.greet()
				go p.Write([]byte(readyPub))
				p.closed()
				time.Sleep(100 * time.Millisecond)
			}
			counts = append(counts, len(log.lines("zmq client is refused")))
			time.Sleep(complaintPeriod)
		}
		if lines := log.lines("left_out=9"); !slices.Equal(counts, []int{1, 2, 3}) || len(lines) != 2 {
			t.Errorf("%v, %q", counts, lines)
		}
	})
}

// follower reads messages and reports the number of each.
type follower struct {
	numbers chan int
	end     chan error
	got     []int
}

func follow(next func() (int, error)) *follower {
	f := &follower{numbers: make(chan int, 100_000), end: make(chan error, 1)}
	go func() {
		for {
			n, err := next()
			if err != nil {
				f.end <- err
				close(f.numbers)
				return
			}
			f.numbers <- n
		}
	}()
	return f
}

// reach reads until number n, or until the end for a negative one.
func (f *follower) reach(t *testing.T, n int) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case m, ok := <-f.numbers:
			if !ok {
				if n >= 0 {
					t.Fatalf("ended after %d messages: %v", len(f.got), <-f.end)
				}
				return
			}
			f.got = append(f.got, m)
			if m == n {
				return
			}
		case <-timeout:
			t.Fatalf("%d messages, and not number %d", len(f.got), n)
		}
	}
}

func (p *peer) numbers() (int, error) {
	_, b, err := p.message()
	if err != nil {
		return 0, err
	}
	return number(b), nil
}

const (
	manyMessages = 20_000
	stride       = queueLength / 2 // messages in flight to clients that read
	messageSize  = 1000            // so many of them fill all buffers of a socket
)

// publishMany publishes in strides that the healthy keep up with, and checks that each of them got all in order.
func publishMany(t *testing.T, h *Hub, healthy []*follower) {
	t.Helper()
	for n := range manyMessages {
		h.Publish(Process, body(n, messageSize))
		if (n+1)%stride == 0 {
			for _, f := range healthy {
				f.reach(t, n)
			}
		}
	}
	for i, f := range healthy {
		if !slices.Equal(f.got, upTo(manyMessages)) {
			t.Errorf("client %d got %d messages, not all in order", i, len(f.got))
		}
	}
}

// TestZMQStuckClient: one client stops reading. The others get everything meanwhile; when it reads again it gets what was queued, then
// nothing until it has caught up, then the news again, and the log tells how much is missing.
func TestZMQStuckClient(t *testing.T) {
	var log journal
	h := NewHub()
	addr, _ := serve(t, NewZMQ(h, log.logger()))
	stuck := dialPeer(t, addr).shake().subscribe("process")
	await(t, h, Process)
	var healthy []*follower
	for _, own := range []string{"instance", "application", "event"} { // tells when each is in
		healthy = append(healthy, follow(dialPeer(t, addr).shake().subscribe("process", own).numbers))
	}
	await(t, h, Instance, Application, Process, Event)
	publishMany(t, h, healthy)

	late := follow(stuck.numbers)
	late.reach(t, queueLength-1)
	deadline := time.After(20 * time.Second)
	for n := manyMessages; len(log.lines("messages are dropped")) == 0; n++ { // it catches up; until then some are dropped still
		h.Publish(Process, body(n, 0))
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("the log does not tell what is missing")
		}
	}
	h.Publish(Process, body(1_000_000, 0))
	late.reach(t, 1_000_000)
	if !slices.IsSorted(late.got) || len(late.got) >= manyMessages {
		t.Errorf("%d messages, in order: %v", len(late.got), slices.IsSorted(late.got))
	}
	if lines := log.lines("zmq client was too slow, messages are dropped"); len(lines) != 1 {
		t.Errorf("log %q", lines)
	}
}

// TestZMQComeAndGo: clients leave and come back while messages flow; who stays misses nothing.
func TestZMQComeAndGo(t *testing.T) {
	h := NewHub()
	addr, _ := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	stay := follow(dialPeer(t, addr).shake().subscribe("instance").numbers)
	await(t, h, Instance)
	const rounds = 20
	for n := range rounds {
		guest := dialPeer(t, addr).shake().subscribe("instance", "event")
		await(t, h, Instance, Event)
		h.Publish(Instance, body(n, 0))
		guest.expect("instance", string(body(n, 0)))
		guest.Close()
		await(t, h, Instance)
	}
	stay.reach(t, rounds-1)
	if !slices.Equal(stay.got, upTo(rounds)) {
		t.Errorf("got %v", stay.got)
	}
}

// TestZMQClose: what is queued is told before the end, and Serve leaves nobody behind.
func TestZMQClose(t *testing.T) {
	h := NewHub()
	addr, shut := serve(t, NewZMQ(h, slog.New(slog.DiscardHandler)))
	p, unready := dialPeer(t, addr).shake().subscribe(""), dialPeer(t, addr)
	unready.greet()
	await(t, h, Supvisors, Instance, Application, Process, Event, HostStatistics, ProcessStatistics)
	for n := range 100 {
		h.Publish(Supvisors, body(n, 0))
	}
	if err := shut(); err != nil {
		t.Error(err)
	}
	for n := range 100 {
		p.expect("supvisors", string(body(n, 0)))
	}
	if got := p.closed() + unready.closed(); got != "" {
		t.Errorf("%q at the end", got)
	}
	await(t, h)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the port is open")
	}
}

func TestZMQListenerFails(t *testing.T) {
	h := NewHub()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { result <- NewZMQ(h, slog.New(slog.DiscardHandler)).Serve(t.Context(), ln) }()
	p := dialPeer(t, ln.Addr().String()).shake().subscribe("event")
	await(t, h, Event)
	ln.Close()
	if err := <-result; !errors.Is(err, net.ErrClosed) || !strings.HasPrefix(err.Error(), "serve zmq clients: ") {
		t.Error(err)
	}
	if got := p.closed(); got != "" {
		t.Errorf("%q at the end", got)
	}
}

// TestZMQTimes measures in a bubble how long a client may be silent or deaf.
func TestZMQTimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		behave func(t *testing.T, h *Hub, p *peer, shut func() error)
		want   time.Duration
	}{
		{"no greeting", func(t *testing.T, _ *Hub, p *peer, _ func() error) {}, handshakeTimeout},
		{"no READY", func(t *testing.T, _ *Hub, p *peer, _ func() error) { p.greet() }, handshakeTimeout},
		{"silence", func(t *testing.T, h *Hub, p *peer, _ func() error) {
			p.shake().subscribe("event")
			time.Sleep(time.Hour)
			h.Publish(Event, []byte(`{}`))
			p.expect("event", `{}`)
			p.Close()
		}, time.Hour},
		{"a time to live", func(t *testing.T, _ *Hub, p *peer, _ func() error) {
			p.shake()
			p.send("\x04\x07\x04PING\x00\x14") // 2 s
			p.frame()
			for range 4 { // any frame is a sign of life
				time.Sleep(1900 * time.Millisecond)
				p.send("\x00\x00")
			}
		}, 4*1900*time.Millisecond + 2*time.Second},
		{"a time to live taken back", func(t *testing.T, _ *Hub, p *peer, _ func() error) {
			p.shake()
			p.send("\x04\x07\x04PING\x00\x14")
			p.frame()
			time.Sleep(time.Second)
			p.send("\x04\x07\x04PING\x00\x00")
			p.frame()
			time.Sleep(time.Hour)
			p.Close()
		}, time.Hour + time.Second},
		{"deaf", func(t *testing.T, h *Hub, p *peer, _ func() error) {
			p.shake().subscribe("event")
			<-h.Demand()
			h.Publish(Event, []byte(`{}`))
			<-h.Demand()
		}, writeTimeout},
		{"deaf at the end", func(t *testing.T, h *Hub, p *peer, shut func() error) {
			p.shake().subscribe("event")
			synctest.Wait()
			h.Publish(Event, []byte(`{}`))
			shut()
		}, linger},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ln := NewHub(), newPipes()
				door := NewZMQ(h, slog.New(slog.DiscardHandler))
				shut := serveOn(t, door, ln)
				start := time.Now()
				p := newPeer(t, ln.dial(t))
				p.SetReadDeadline(time.Time{})
				c.behave(t, h, p, shut)
				io.Copy(io.Discard, p.r)
				synctest.Wait()
				if got := time.Since(start); got != c.want || door.crowd.size() != 0 || wants(h) != nil {
					t.Errorf("%v, want %v; %d clients, wanted %v", got, c.want, door.crowd.size(), wants(h))
				}
			})
		})
	}
}

func TestZMQFullHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		ln := newPipes()
		door := NewZMQ(NewHub(), log.logger())
		serveOn(t, door, ln)
		var clients []*peer
		for range maxClients {
			clients = append(clients, newPeer(t, ln.dial(t)).shake())
		}
		if got := newPeer(t, ln.dial(t)).closed(); got != "" {
			t.Errorf("one too many got %q", got)
		}
		if lines := log.lines("too many zmq clients"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
		clients[7].Close()
		synctest.Wait()
		newPeer(t, ln.dial(t)).shake()
		if n := door.crowd.size(); n != maxClients {
			t.Errorf("%d clients", n)
		}
	})
}

// TestZMQAcceptAgain: too many open files are no reason to give up.
func TestZMQAcceptAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		h, ln := NewHub(), &poor{pipes: newPipes(), failures: 30}
		serveOn(t, NewZMQ(h, log.logger()), ln)
		newPeer(t, ln.dial(t)).shake().subscribe("event")
		synctest.Wait()
		if !h.Wants(Event) {
			t.Error("not served")
		}
		if lines := log.lines("too many open files"); len(lines) != 1 {
			t.Errorf("log %q", lines)
		}
	})
}

// poor is a listener that cannot accept for some time.
type poor struct {
	*pipes
	mu       sync.Mutex
	failures int
}

func (p *poor) Accept() (net.Conn, error) {
	p.mu.Lock()
	p.failures--
	failing := p.failures >= 0
	p.mu.Unlock()
	if failing {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return p.pipes.Accept()
}
