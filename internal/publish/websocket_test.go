package publish

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// browser is a WebSocket client written from RFC 6455 alone, to check the door with.
type browser struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func newBrowser(t testing.TB, conn net.Conn) *browser {
	t.Cleanup(func() { conn.Close() })
	return &browser{t: t, Conn: conn, r: bufio.NewReader(conn)}
}

func dialBrowser(t testing.TB, addr string) *browser {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	return newBrowser(t, conn)
}

// ask sends a handshake, with more lines if need be, and returns the status.
func (b *browser) ask(path string, lines ...string) int {
	b.t.Helper()
	status, err := b.tryAsk(path, lines...)
	if err != nil {
		b.t.Fatal(err)
	}
	return status
}

func (b *browser) tryAsk(path string, lines ...string) (int, error) {
	// the key and its answer are those of the RFC
	fmt.Fprintf(b.Conn, "GET %s HTTP/1.1\r\nHost: node.example:60002\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n", path, strings.Join(lines, ""))
	resp, err := http.ReadResponse(b.r, nil)
	if err != nil {
		return 0, err
	}
	if accept := resp.Header.Get("Sec-WebSocket-Accept"); resp.StatusCode == 101 && accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		b.t.Errorf("accepted with %q", accept)
	}
	return resp.StatusCode, nil
}

// open does the handshake for a path.
func (b *browser) open(path string) *browser {
	b.t.Helper()
	if status := b.ask(path); status != 101 {
		b.t.Fatalf("%s: status %d", path, status)
	}
	return b
}

// say sends a frame of up to 125 bytes; its mask is zero, which changes nothing.
func (b *browser) say(first byte, payload string) {
	b.Write([]byte(string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload))
}

// Frames are named by their first byte: the end of a message and the kind.
const (
	wsText  = 0x81
	wsClose = 0x88
	wsPing  = 0x89
	wsPong  = 0x8a
)

func (b *browser) frame() (first byte, payload string, err error) {
	head := make([]byte, 2, 10)
	if _, err := io.ReadFull(b.r, head); err != nil {
		return 0, "", err
	}
	size := uint64(head[1])
	switch size {
	case 126:
		_, err = io.ReadFull(b.r, head[2:4])
		size = uint64(binary.BigEndian.Uint16(head[2:4]))
	case 127:
		_, err = io.ReadFull(b.r, head[2:10])
		size = binary.BigEndian.Uint64(head[2:10])
	}
	if err != nil {
		return 0, "", err
	}
	data := make([]byte, size)
	_, err = io.ReadFull(b.r, data)
	return head[0], string(data), err
}

// expect reads one frame.
func (b *browser) expect(first byte, payload string) {
	b.t.Helper()
	f, p, err := b.frame()
	if err != nil || f != first || p != payload {
		b.t.Fatalf("got %#x %q %v, want %#x %q", f, p, err, first, payload)
	}
}

// goodbye reads a close frame with this code, answers it, and waits for the end of the connection.
func (b *browser) goodbye(code uint16, reason string) {
	b.t.Helper()
	payload := string(binary.BigEndian.AppendUint16(nil, code)) + reason
	b.expect(wsClose, payload)
	b.say(wsClose, payload)
	if _, _, err := b.frame(); !errors.Is(err, io.EOF) {
		b.t.Errorf("after the end: %v", err)
	}
}

// numbers reads a message and returns the number of its body.
func (b *browser) numbers() (int, error) {
	first, payload, err := b.frame()
	if err == nil && first != wsText {
		err = fmt.Errorf("%#x %q", first, payload)
	}
	if err != nil {
		return 0, err
	}
	return number(payload), nil
}

func quiet(h *Hub) *WebSocket { return NewWebSocket(h, slog.New(slog.DiscardHandler)) }

func TestWebSocketPaths(t *testing.T) {
	everything := []Header{Supvisors, Instance, Application, Process, Event, HostStatistics, ProcessStatistics}
	for path, want := range map[string][]Header{
		"/":                      nil,
		"/nothing":               nil,
		"/Process":               nil,
		"//":                     nil,
		"/all":                   everything,
		"/process":               {Process},
		"/process/event":         {Process, Event},
		"/event/process/event/":  {Process, Event},
		"//hstats//pstats":       {HostStatistics, ProcessStatistics},
		"/process/unknown":       {Process},
		"/process/all":           everything,
		"/supvisors/instance":    {Supvisors, Instance},
		"/application?x=process": {Application},
		"/../event":              {Event},
		"/%70rocess":             {Process},
	} {
		t.Run(path, func(t *testing.T) {
			h := NewHub()
			addr, shut := serve(t, quiet(h))
			b := dialBrowser(t, addr).open(path)
			await(t, h, want...)
			b.say(wsPing, "it is open")
			b.expect(wsPong, "it is open")
			for header := range Header(headers) {
				h.Publish(header, []byte(`{}`))
			}
			for _, header := range want {
				b.expect(wsText, `["`+header.String()+`", {}]`)
			}
			go shut()
			b.goodbye(1001, "")
			await(t, h)
		})
	}
}

func TestWebSocketMessageSizes(t *testing.T) {
	h := NewHub()
	addr, _ := serve(t, quiet(h))
	b := dialBrowser(t, addr).open("/event")
	await(t, h, Event)
	for _, size := range []int{50, 125, 126, 1000, 65_535, 65_536, 300_000} {
		h.Publish(Event, body(0, size))
		b.expect(wsText, `["event", `+string(body(0, size))+`]`)
	}
}

// TestWebSocketOrigin: pages may have another port than the events, but not another host.
func TestWebSocketOrigin(t *testing.T) {
	for _, c := range []struct {
		origin string
		status int
	}{
		{"http://node.example", 101},
		{"http://node.example:9001", 101},
		{"https://NODE.example:443", 101},
		{"http://evil.example", 403},
		{"http://node.example.evil.example", 403},
		{"http://evil.example/node.example", 403},
		{"http://evil.example#node.example", 403},
		{"http://node.example@evil.example", 403},
		{"null", 403},
		{"", 403},
		{"http://", 403},
		{"node.example", 403},
		{"http://[::1", 403},
		{"http://node.example\r\nOrigin: http://evil.example", 403},
	} {
		var log journal
		h := NewHub()
		addr, shut := serve(t, NewWebSocket(h, log.logger()))
		b := dialBrowser(t, addr)
		if status := b.ask("/all", "Origin: "+c.origin+"\r\n"); status != c.status {
			t.Errorf("%q: %d, want %d", c.origin, status, c.status)
		}
		b.Close()
		shut()
		if lines := log.lines("page of another host"); len(lines) != (c.status-101)/302 {
			t.Errorf("%q: log %q", c.origin, lines)
		}
	}
	for _, c := range []struct {
		host, origin string
		want         bool
	}{
		{"[::1]:60002", "http://[::1]:9001", true},
		{"127.0.0.1:60002", "http://127.0.0.1:9001", true},
		{"[::1]:60002", "http://[::2]:9001", false},
		{"", "", false},
		{"", "http://", false},
	} {
		r := &http.Request{Host: c.host, Header: http.Header{"Origin": {c.origin}}}
		if got := sameHost(r); got != c.want {
			t.Errorf("%q from %q: %v", c.host, c.origin, got)
		}
	}
}

// TestWebSocketHandshakes: requests that are no handshake, or too much of one.
func TestWebSocketHandshakes(t *testing.T) {
	addr, _ := serve(t, quiet(NewHub()))
	const rest = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	for _, c := range []struct {
		request string
		status  int
	}{
		{"GET / HTTP/1.1\r\nHost: x\r\n" + rest + "\r\n", 101},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426},
		{"POST / HTTP/1.1\r\nHost: x\r\n" + rest + "\r\n", 405},
		{"GET / HTTP/1.0\r\nHost: x\r\n" + rest + "\r\n", 426},
		{"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Replace(rest, "13", "8", 1) + "\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Replace(rest, "dGh", "", 1) + "\r\n", 400},
		{"GET / HTTP/1.1\r\n" + rest + "\r\n", 400},
		{"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHandshakeBytes) + "\r\n" + rest + "\r\n", 431},
		{"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL\r\n\r\n", 400},
	} {
		b := dialBrowser(t, addr)
		io.WriteString(b, c.request)
		resp, err := http.ReadResponse(b.r, nil)
		if err != nil || resp.StatusCode != c.status {
			t.Errorf("%.80q: %v %v, want %d", c.request, resp, err, c.status)
		}
	}
}

// TestWebSocketListens: what the client says is thrown away up to a limit, and ends the client if it makes no sense.
func TestWebSocketListens(t *testing.T) {
	h := NewHub()
	addr, _ := serve(t, quiet(h))
	b := dialBrowser(t, addr).open("/event")
	await(t, h, Event)
	b.say(wsText, `{"hello": "server"}`)
	b.say(0x82, "\x00\x01\x02")
	b.say(0x01, "a message in ")
	b.say(wsPing, "!")
	b.say(0x80, "two parts")
	b.expect(wsPong, "!")
	b.say(wsPong, "nobody asked")
	b.Write(append([]byte{0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, make([]byte, maxIncoming)...))
	h.Publish(Event, []byte(`{}`))
	b.expect(wsText, `["event", {}]`)
	b.say(wsClose, "\x03\xe8bye")
	b.expect(wsClose, "\x03\xe8bye")
	await(t, h)

	for _, c := range []struct {
		name, in string
		code     uint16 // 0: the connection just ends
	}{
		{"too long", "\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x00" + strings.Repeat("x", maxIncoming+1), 1009},
		{"unknown frame", "\x83\x80\x00\x00\x00\x00", 1002},
		{"reserved bit", "\xc1\x80\x00\x00\x00\x00", 1002},
		{"no message to continue", "\x80\x80\x00\x00\x00\x00", 1002},
		{"not masked", "\x81\x01a", 1000},
		{"the end", "", 0},
	} {
		b := dialBrowser(t, addr).open("/event")
		await(t, h, Event)
		io.WriteString(b, c.in)
		if c.in == "" {
			b.Close()
		} else if first, payload, err := b.frame(); first != wsClose || len(payload) < 2 || binary.BigEndian.Uint16([]byte(payload)) != c.code {
			t.Errorf("%s: %#x %q %v", c.name, first, payload, err)
		}
		b.Close()
		await(t, h)
	}
}

// TestWebSocketStuckClient: one client stops reading. The others get everything meanwhile; it gets what came before its queue was full,
// without a gap, and is closed.
func TestWebSocketStuckClient(t *testing.T) {
	var log journal
	h := NewHub()
	addr, _ := serve(t, NewWebSocket(h, log.logger()))
	stuck := dialBrowser(t, addr).open("/process/pstats")
	var healthy []*follower
	for _, own := range []string{"instance", "application", "event"} { // tells when each is in
		healthy = append(healthy, follow(dialBrowser(t, addr).open("/process/"+own).numbers))
	}
	await(t, h, Instance, Application, Process, Event, ProcessStatistics)
	publishMany(t, h, healthy)
	await(t, h, Instance, Application, Process, Event) // the stuck one is out

	var end error
	late := follow(func() (int, error) {
		n, err := stuck.numbers()
		end = err
		return n, err
	})
	late.reach(t, -1)
	if n := len(late.got); n < queueLength || n >= manyMessages || !slices.Equal(late.got, upTo(n)) {
		t.Errorf("%d messages, not the first ones", n)
	}
	if want := fmt.Sprintf("%#x %q", wsClose, "\x03\xf5too slow"); end.Error() != want {
		t.Errorf("end %v, want %s", end, want)
	}
	if lines := log.lines("websocket client was too slow"); len(lines) != 1 {
		t.Errorf("log %q", lines)
	}
}

// TestWebSocketComeAndGo: clients leave, with or without a word, and come back while messages flow; who stays misses nothing.
func TestWebSocketComeAndGo(t *testing.T) {
	h := NewHub()
	addr, _ := serve(t, quiet(h))
	stay := follow(dialBrowser(t, addr).open("/instance").numbers)
	await(t, h, Instance)
	const rounds = 20
	for n := range rounds {
		guest := dialBrowser(t, addr).open("/instance/event")
		await(t, h, Instance, Event)
		h.Publish(Instance, body(n, 0))
		guest.expect(wsText, `["instance", `+string(body(n, 0))+`]`)
		if n%2 == 0 {
			guest.say(wsClose, "")
			guest.expect(wsClose, "")
		}
		guest.Close()
		await(t, h, Instance)
	}
	stay.reach(t, rounds-1)
	if !slices.Equal(stay.got, upTo(rounds)) {
		t.Errorf("got %v", stay.got)
	}
}

// TestWebSocketClose: what is queued is told before the end, and Serve leaves nobody behind.
func TestWebSocketClose(t *testing.T) {
	h := NewHub()
	addr, shut := serve(t, quiet(h))
	b, silent := dialBrowser(t, addr).open("/supvisors"), dialBrowser(t, addr)
	await(t, h, Supvisors)
	for n := range 100 {
		h.Publish(Supvisors, body(n, 0))
	}
	result := make(chan error)
	go func() { result <- shut() }()
	for n := range 100 {
		b.expect(wsText, `["supvisors", `+string(body(n, 0))+`]`)
	}
	b.goodbye(1001, "")
	if _, _, err := silent.frame(); err == nil {
		t.Error("a connection without handshake is open")
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	await(t, h)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the port is open")
	}
}

func TestWebSocketListenerFails(t *testing.T) {
	h := NewHub()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { result <- quiet(h).Serve(t.Context(), ln) }()
	b := dialBrowser(t, ln.Addr().String()).open("/event")
	await(t, h, Event)
	ln.Close()
	b.goodbye(1001, "")
	if err := <-result; !errors.Is(err, net.ErrClosed) || !strings.HasPrefix(err.Error(), "serve websocket clients: ") {
		t.Error(err)
	}
}

// TestWebSocketTimes measures in a bubble how long a client may be silent or deaf.
func TestWebSocketTimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		behave func(t *testing.T, h *Hub, b *browser, shut func() error)
		want   time.Duration
	}{
		{"no handshake", func(t *testing.T, _ *Hub, b *browser, _ func() error) {}, handshakeTimeout},
		{"half a handshake", func(t *testing.T, _ *Hub, b *browser, _ func() error) {
			for _, part := range []string{"GET / ", "HTTP/1.1\r\n", "Host: x\r\n"} {
				io.WriteString(b, part)
				time.Sleep(3 * time.Second)
			}
		}, handshakeTimeout},
		{"no pong", func(t *testing.T, _ *Hub, b *browser, _ func() error) {
			b.open("/event")
			b.expect(wsPing, "1")
			b.goodbye(1011, "keepalive ping timeout")
		}, pingInterval + pingTimeout},
		{"pongs", func(t *testing.T, h *Hub, b *browser, _ func() error) {
			b.open("/event")
			for n := range 100 {
				b.expect(wsPing, fmt.Sprint(n+1))
				b.say(wsPong, fmt.Sprint(n+1))
				h.Publish(Event, []byte(`{}`))
				b.expect(wsText, `["event", {}]`)
			}
			b.Close()
		}, 100 * pingInterval},
		{"deaf", func(t *testing.T, h *Hub, b *browser, _ func() error) {
			b.open("/event")
			<-h.Demand()
			h.Publish(Event, []byte(`{}`))
			<-h.Demand()
		}, writeTimeout},
		{"deaf at the end", func(t *testing.T, h *Hub, b *browser, shut func() error) {
			b.open("/event")
			<-h.Demand()
			h.Publish(Event, []byte(`{}`))
			shut()
		}, linger},
		{"no goodbye", func(t *testing.T, h *Hub, b *browser, shut func() error) {
			b.open("/event")
			<-h.Demand()
			go shut()
			b.expect(wsClose, "\x03\xe9")
		}, linger},
		{"no goodbye and much to say", func(t *testing.T, h *Hub, b *browser, shut func() error) {
			b.open("/event")
			<-h.Demand()
			b.Write([]byte{0x82, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // a message of many petabytes
			go shut()
			b.expect(wsClose, "\x03\xe9")
		}, linger},
		{"too slow and no goodbye", func(t *testing.T, h *Hub, b *browser, _ func() error) {
			b.open("/event")
			<-h.Demand()
			for range queueLength + 2 { // one is in the pipe
				h.Publish(Event, []byte(`{}`))
				synctest.Wait()
			}
			for range queueLength + 1 {
				b.expect(wsText, `["event", {}]`)
			}
			b.expect(wsClose, "\x03\xf5too slow")
		}, closeTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, ln := NewHub(), newPipes()
				door := quiet(h)
				shut := serveOn(t, door, ln)
				start := time.Now()
				b := newBrowser(t, ln.dial(t))
				c.behave(t, h, b, shut)
				io.Copy(io.Discard, b.r)
				synctest.Wait()
				if got := time.Since(start); got != c.want || door.crowd.size() != 0 || wants(h) != nil {
					t.Errorf("%v, want %v; %d clients, wanted %v", got, c.want, door.crowd.size(), wants(h))
				}
			})
		})
	}
}

// TestWebSocketFullHouse: who comes when the house is full is told so, who comes when the stairs are full is not. Those who do not know
// what they want make room by their silence.
func TestWebSocketFullHouse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		h, ln := NewHub(), newPipes()
		door := NewWebSocket(h, log.logger())
		serveOn(t, door, ln)
		const clients = 5
		for range clients {
			newBrowser(t, ln.dial(t)).open("/")
		}
		for range maxClients - clients {
			newBrowser(t, ln.dial(t))
		}
		refused := newBrowser(t, ln.dial(t))
		if status := refused.ask("/event"); status != 503 {
			t.Errorf("status %d for one too many", status)
		}
		synctest.Wait()
		for range maxRefused {
			newBrowser(t, ln.dial(t))
		}
		if _, err := newBrowser(t, ln.dial(t)).tryAsk("/event"); err == nil {
			t.Error("an answer for far too many")
		}
		time.Sleep(handshakeTimeout)
		synctest.Wait()
		if n := door.crowd.size(); n != clients || h.Wants(Event) {
			t.Errorf("%d clients", n)
		}
		newBrowser(t, ln.dial(t)).open("/event")
		if lines := log.lines("websocket"); len(lines) != 2 {
			t.Errorf("log %q", lines)
		}
	})
}
